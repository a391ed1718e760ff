package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// errFurther says that somebody else goes on with the end of a snapshot.
var errFurther = errors.New("the end of this snapshot has come further")

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
			continue // a part that came before it may have been added
		}
		err = e.look(ctx, p, &s, until)
		if err != nil && !errors.Is(err, errFurther) {
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
	for {
		found, err := e.store.Unseen(ctx, p, next.Snapshot, next.kind(), next.LookedTo.ID, snapshotWindow)
		if err != nil {
			return err
		}
		if len(found.IDs) > snapshotBatch {
			found.IDs = found.IDs[:snapshotBatch]
			found.Last, found.More = found.IDs[snapshotBatch-1], true
		}
		next.pass(found.Last, found.More, e.Now())
		if len(found.IDs) > 0 || next.Status == billing.SnapshotEnded || time.Now().After(until) { //nolint:forbidigo // as in EndSnapshot
			return e.settleAbsent(ctx, p, s, next, found)
		}
	}
}

// kind is the one in which the search goes on.
func (s *looked) kind() billing.Kind { return cmp.Or(s.LookedTo.Kind, s.Kinds[0]) }

// pass moves a search on to behind an id, or, if no more of its kind are there, to
// the next kind. After the last it has ended.
func (s *looked) pass(id string, more bool, now time.Time) {
	kind := s.kind()
	s.LookedTo = billing.Key{Kind: kind, ID: id}
	if more {
		return
	}
	if i := slices.Index(s.Kinds, kind) + 1; i < len(s.Kinds) {
		s.LookedTo = billing.Key{Kind: s.Kinds[i]}
	} else {
		s.Status, s.EndedAt = billing.SnapshotEnded, now
	}
}

// settleAbsent decides in one transaction what becomes of resources that a
// snapshot does not have, and moves it on.
func (e *Engine) settleAbsent(ctx context.Context, p platform.ID, s *looked, next looked, found store.Unseen) error {
	var done looked
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		done = next
		done.Absent = slices.Clone(next.Absent)
		settle := e.reportAbsent
		if s.OnAbsent == billing.Close {
			settle = e.closeAbsent
		}
		if len(found.IDs) > 0 {
			if err := settle(ctx, tx, p, &done.Snapshot, found); err != nil {
				return err
			}
		}
		first, err := tx.Advance(ctx, p, done.Looked)
		if err == nil && !first {
			err = errFurther
		}
		return err
	})
	if err == nil {
		done.Step++
		*s = done
	}
	return err
}

func (e *Engine) reportAbsent(ctx context.Context, tx *store.Tx, p platform.ID, s *billing.Snapshot, found store.Unseen) error {
	rows, err := tx.ReadResources(ctx, p, found.Kind, found.IDs)
	if err != nil {
		return err
	}
	now, err := e.timeOn(ctx, tx.Reader, p)
	if err != nil {
		return err
	}
	for _, id := range found.IDs {
		r, err := rows[id].Resource()
		if err != nil {
			return err
		}
		if r != nil && s.Lacks(r, now) {
			s.Note(billing.KeyOf(r), false)
		}
	}
	return nil
}

// closeAbsent ends what the source no longer has, as a patch of each state would:
// what is pending is cancelled with it. Under the lock it is asked once more
// whether it is absent, for something may just have been told of it.
func (e *Engine) closeAbsent(ctx context.Context, tx *store.Tx, p platform.ID, s *billing.Snapshot, found store.Unseen) error {
	in, err := e.ingestion(ctx, tx, p)
	if err != nil {
		return err
	}
	if err := toldAny(ctx, tx.Reader, p, s, found.Kind); err != nil {
		return err
	}
	items := make([]billing.Item, len(found.IDs))
	for i, id := range found.IDs {
		items[i] = byID(found.Kind, id)
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
	for _, r := range gone {
		if err := in.countWithout(ctx, r); err != nil {
			return err
		}
	}
	return in.decide(ctx)
}

// toldAny refuses to close everything of a kind. That a source lists nothing is more
// often a mistake of who asked it than the truth, unless it was asked about one
// customer.
func toldAny(ctx context.Context, r store.Reader, p platform.ID, s *billing.Snapshot, kind billing.Kind) error {
	if s.CustomerID != "" {
		return nil
	}
	any, err := r.Saw(ctx, p, s.ID, kind)
	if err != nil || any {
		return err
	}
	return fault.At(fault.State, "snapshot_id",
		"no %s at all was told in snapshot %s, and all that are open would be closed: begin another and tell at least one, or only report", kind, s.ID)
}
