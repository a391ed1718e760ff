package engine

import (
	"context"
	"fmt"
	"slices"
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
	begun, err := e.timeOn(ctx, e.store.Reader, p) // by which states are told to be older
	if err != nil {
		return s, err
	}
	s.ID, s.Status, s.BegunAt = billing.SnapshotID(ident.New("snap")), billing.SnapshotOpen, begun
	s.ExpiresAt = e.Now().Add(billing.SnapshotLife)
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
		if slices.Contains(s.Kinds, key.Kind) {
			list = append(list, key)
		}
	}
	return list
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
