package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// BeginSnapshot begins a snapshot: all that a source has of some kinds, told in
// as many requests as it takes.
func (e *Engine) BeginSnapshot(ctx context.Context, p platform.ID, s billing.Snapshot) (billing.Snapshot, error) {
	if s.CustomerID != "" {
		m := Mention{Field: "customer_id", Type: string(billing.KindCustomer), IDs: []string{string(s.CustomerID)}}
		if err := missingOf(ctx, e.store.Reader, p, m); err != nil {
			return s, err
		}
	}
	s.ID, s.Status, s.BegunAt = billing.SnapshotID(ident.New("snap")), billing.SnapshotOpen, e.Now()
	s.ExpiresAt = s.BegunAt.Add(billing.SnapshotLife)
	return s, e.store.Write(ctx, func(tx *store.Tx) error { return tx.InsertSnapshot(ctx, p, s) })
}

// IngestSnapshot is [Engine.Ingest] of a part of a snapshot, and notes in the same
// transaction that told are there: all that the part names, also those whose state
// cannot be read. The source has them.
func (e *Engine) IngestSnapshot(
	ctx context.Context, p platform.ID, id billing.SnapshotID, batch Batch, told []billing.Key,
) (billing.Snapshot, []Result, error) {
	s, err := e.snapshot(ctx, e.store.Reader, p, id)
	if err != nil {
		return s.Snapshot, nil, err
	}
	told = s.ofItsKinds(told)
	see := func(ctx context.Context, tx *store.Tx, results []Result) error {
		s, err = e.see(ctx, tx, p, id, told, results)
		return err
	}
	var results []Result
	if len(batch.Items) == 0 {
		err = e.store.Write(ctx, func(tx *store.Tx) error { return see(ctx, tx, nil) })
	} else {
		results, err = e.Ingest(ctx, p, batch, see)
	}
	return s.Snapshot, results, err
}

// see notes what a part of a snapshot told, last of all in its transaction.
func (e *Engine) see(
	ctx context.Context, tx *store.Tx, p platform.ID, id billing.SnapshotID, told []billing.Key, results []Result,
) (looked, error) {
	applied := 0
	for _, r := range results {
		if r.Applied {
			applied++
		}
	}
	takes, err := tx.See(ctx, p, id, told, applied)
	if err != nil {
		return looked{}, err
	}
	s, err := e.snapshot(ctx, tx.Reader, p, id)
	if err == nil && !takes {
		err = fault.At(fault.State, "snapshot_id", "snapshot %s is ended and takes no more resources, begin another", id)
	}
	return s, err
}

// looked is a stored snapshot.
type looked struct{ store.Looked }

// ofItsKinds leaves out what the snapshot is not of.
func (s looked) ofItsKinds(told []billing.Key) []billing.Key {
	var list []billing.Key
	for _, key := range told {
		if s.place(key.Kind) >= 0 {
			list = append(list, key)
		}
	}
	return list
}

// place is where a kind stands among the snapshot's, or -1.
func (s looked) place(kind billing.Kind) int {
	for i, k := range s.Kinds {
		if k == kind {
			return i
		}
	}
	return -1
}

// snapshot reads a snapshot that a body names and that has not expired.
func (e *Engine) snapshot(ctx context.Context, r store.Reader, p platform.ID, id billing.SnapshotID) (looked, error) {
	s, err := r.Snapshot(ctx, p, id)
	switch {
	case fault.Is(err, fault.NotFound):
		err = fault.At(fault.UnknownID, "snapshot_id", "there is no snapshot %.80q on this platform, or it has expired: begin another", id)
	case err == nil && (s.Status == billing.SnapshotExpired || !s.ExpiresAt.After(e.Now())):
		err = fault.At(fault.State, "snapshot_id", "snapshot %s expired at %s, begin another", id, s.ExpiresAt.Format(time.RFC3339))
	}
	return looked{s}, err
}

// errOvertaken says that somebody else goes on with the end of a snapshot.
var errOvertaken = errors.New("the end of this snapshot has come further")

// EndSnapshot ends a snapshot: from here on it takes no more, and what it lacks is
// looked for, reported, and closed if that was asked for. It goes on for a slice of
// time, and is to be called again while the snapshot is ENDING; each of its steps
// is a transaction of its own. Of one that has ended it returns the same again.
func (e *Engine) EndSnapshot(ctx context.Context, p platform.ID, id billing.SnapshotID) (billing.Snapshot, error) {
	until := time.Now().Add(e.limits.Slice) //nolint:forbidigo // a time slice is the machine's, not the platform's
	for {
		s, err := e.snapshot(ctx, e.store.Reader, p, id)
		if err != nil || s.Status == billing.SnapshotEnded {
			return s.Snapshot, err
		}
		if s.Status == billing.SnapshotOpen {
			if err := e.store.Write(ctx, func(tx *store.Tx) error { return tx.CloseSnapshot(ctx, p, id) }); err != nil {
				return s.Snapshot, fmt.Errorf("closing snapshot %s: %w", id, err)
			}
			s.Status = billing.SnapshotEnding
		}
		err = e.look(ctx, p, &s, until)
		if err != nil && !errors.Is(err, errOvertaken) {
			return s.Snapshot, fmt.Errorf("looking for what snapshot %s lacks: %w", id, err)
		}
		if err == nil && s.Status == billing.SnapshotEnded {
			e.log.LogAttrs(ctx, slog.LevelInfo, "snapshot_ended", slog.String("platform_id", string(p)), slog.String("snapshot_id", string(id)),
				slog.Int64("seen", s.Seen), slog.Int64("absent", s.AbsentCount), slog.Int64("closed", s.ClosedCount))
		}
		if err == nil && (s.Status == billing.SnapshotEnded || time.Now().After(until)) { //nolint:forbidigo // as above
			return s.Snapshot, nil
		}
	}
}

const (
	snapshotWindow = 2_000 // how many resources one look takes in
	snapshotBatch  = 200   // how many one transaction ends
)

// look goes on to the next resources that a snapshot does not have, and stores how
// far it has come. It holds no lock while it looks.
func (e *Engine) look(ctx context.Context, p platform.ID, s *looked, until time.Time) error {
	next := *s
	var ids []string
	for len(ids) == 0 && next.Status != billing.SnapshotEnded {
		found, err := e.store.Unseen(ctx, p, next.Snapshot, next.kind(), next.after(), snapshotWindow)
		if err != nil {
			return err
		}
		if ids = found.IDs; len(ids) > snapshotBatch {
			ids = ids[:snapshotBatch]
			found.Last, found.More = ids[snapshotBatch-1], true
		}
		kind := next.kind()
		next.LookedTo = billing.Key{Kind: kind, ID: found.Last}
		if !found.More && next.place(kind) == len(next.Kinds)-1 {
			next.Status, next.EndedAt = billing.SnapshotEnded, e.Now()
		} else if !found.More {
			next.LookedTo = billing.Key{Kind: next.Kinds[next.place(kind)+1]}
		}
		if len(ids) > 0 {
			return e.settleAbsent(ctx, p, s, next, kind, ids)
		}
		if time.Now().After(until) { //nolint:forbidigo // as in EndSnapshot
			break
		}
	}
	return e.settleAbsent(ctx, p, s, next, "", nil)
}

// kind and after are where the search goes on.
func (s looked) kind() billing.Kind {
	if s.LookedTo.Kind == "" {
		return s.Kinds[0]
	}
	return s.LookedTo.Kind
}

func (s looked) after() string { return s.LookedTo.ID }

// settleAbsent decides in one transaction what becomes of resources that a
// snapshot does not have, and moves it on.
func (e *Engine) settleAbsent(ctx context.Context, p platform.ID, s *looked, next looked, kind billing.Kind, ids []string) error {
	var done looked
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		done = next
		done.Absent = append([]billing.Absent{}, next.Absent...)
		err := error(nil)
		switch {
		case len(ids) == 0:
		case s.OnAbsent == billing.Close:
			err = e.closeAbsent(ctx, tx, p, &done.Snapshot, kind, ids)
		default:
			err = e.reportAbsent(ctx, tx, p, &done.Snapshot, kind, ids)
		}
		if err != nil {
			return err
		}
		first, err := tx.Advance(ctx, p, done.Looked)
		if err == nil && !first {
			err = errOvertaken
		}
		return err
	})
	if err == nil {
		done.Step++
		*s = done
	}
	return err
}

func (e *Engine) reportAbsent(ctx context.Context, tx *store.Tx, p platform.ID, s *billing.Snapshot, kind billing.Kind, ids []string) error {
	rows, err := tx.ReadResources(ctx, p, kind, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := rows[id].Resource()
		if err != nil {
			return err
		}
		if r != nil && s.Lacks(r, e.Now()) {
			s.Note(billing.KeyOf(r), false)
		}
	}
	return nil
}

// closeAbsent ends what the source no longer has, as a patch of each state would:
// what is pending is cancelled with it. Under the lock it is asked once more
// whether it is absent, for something may just have been told of it.
func (e *Engine) closeAbsent(ctx context.Context, tx *store.Tx, p platform.ID, s *billing.Snapshot, kind billing.Kind, ids []string) error {
	in, err := e.ingestion(ctx, tx, p, e.Now())
	if err != nil {
		return err
	}
	items := make([]billing.Item, len(ids))
	for i, id := range ids {
		items[i] = byID(kind, id)
		items[i].Patch = func(r billing.Resource) error {
			if s.Lacks(r, in.now) {
				s.End(r)
			}
			return nil
		}
	}
	if err := in.lock(ctx, []*ingestRequest{{platform: p, batch: Batch{Items: items}}}, nil); err != nil {
		return err
	}
	var gone []billing.Resource
	for _, item := range items {
		n := in.mirror[billing.KeyOf(item.Resource)]
		if n.resource == nil || !s.Lacks(n.resource, in.now) {
			continue
		}
		if rest := billing.Deleted(n.resource); !s.End(rest) {
			rest.Base().ClosedBy = s.ID
			gone = append(gone, n.resource)
			in.leave(n, rest)
		} else if _, err := in.applyItem(item, true); err != nil {
			return err
		}
		s.Note(billing.KeyOf(item.Resource), true)
	}
	if err := in.write(ctx); err != nil {
		return err
	}
	if err := in.stopDeleted(ctx, gone); err != nil {
		return err
	}
	return in.decide(ctx)
}

// byID is an item that names a resource, of which all else is known when its row is
// locked; what that names is locked before it.
func byID(kind billing.Kind, id string) billing.Item {
	named := billing.New(kind)
	named.Base().ID = id
	return billing.Item{Resource: named, Mode: billing.Fill}
}

// SweepSnapshots forgets snapshots that have expired, and what those have seen that
// have ended.
func (e *Engine) SweepSnapshots(ctx context.Context) error {
	for more := true; more; {
		err := e.store.Write(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.SweepSnapshots(ctx, e.Now(), snapshotWindow)
			return err
		})
		if err != nil {
			return fmt.Errorf("forgetting snapshots: %w", err)
		}
	}
	return nil
}
