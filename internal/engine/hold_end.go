package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

// heldBatch bounds how many triggers one transaction decides again.
const heldBatch = 500

// endHolds goes on with holds that have ended: by their date, or by a person.
func (e *Engine) endHolds(ctx context.Context) error {
	return e.endAll(ctx, func() ([]store.EndedHold, error) { return e.store.EndedHolds(ctx, e.Now(), sweepBatch) })
}

// endHoldsOf does so on one platform, by the clock that it goes by.
func (e *Engine) endHoldsOf(ctx context.Context, p platform.ID) error {
	return e.endAll(ctx, func() ([]store.EndedHold, error) {
		now, err := e.timeOn(ctx, e.store.Reader, p)
		if err != nil {
			return nil, err
		}
		return e.store.EndedHoldsOf(ctx, p, now, sweepBatch)
	})
}

func (e *Engine) endAll(ctx context.Context, find func() ([]store.EndedHold, error)) error {
	for {
		ended, err := find()
		if err != nil {
			return fmt.Errorf("looking for holds that have ended: %w", err)
		}
		if len(ended) == 0 {
			return nil
		}
		for _, h := range ended {
			if err := e.endHold(ctx, h); err != nil {
				return err
			}
		}
	}
}

// endHold goes on with one of them. If that fails it is tried again later, and the
// others go on meanwhile: what is wrong with one is nothing to them. An error is one
// of the database.
func (e *Engine) endHold(ctx context.Context, h store.EndedHold) error {
	failed := e.store.Write(ctx, func(tx *store.Tx) error { return e.resumeHeld(ctx, tx, h) })
	if failed == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	now, err := e.timeOn(ctx, e.store.Reader, h.PlatformID)
	if err != nil {
		return err
	}
	next := now.Add(pauseAfter(h.Tries))
	err = e.store.Write(ctx, func(tx *store.Tx) error { return tx.PostponeHold(ctx, h, next) })
	if err != nil {
		return fmt.Errorf("trying hold %s again later: %w, after: %w", h.ID, err, failed)
	}
	e.log.LogAttrs(ctx, slog.LevelError, "hold_end_failed", slog.String("platform_id", string(h.PlatformID)), slog.String("hold_id", string(h.ID)),
		slog.Int("tries", h.Tries+1), slog.Time("next_try_at", next), slog.Any("error", failed))
	return nil
}

// The pause before an ended hold is tried again doubles from the first to the longest.
const firstPause, longestPause = 5 * time.Second, time.Hour

func pauseAfter(tries int) time.Duration {
	pause := firstPause
	for range tries {
		if pause *= 2; pause >= longestPause {
			return longestPause
		}
	}
	return pause
}

// resumeHeld decides again about triggers that a hold which has ended may have
// stopped, as many as one transaction takes. Nobody decides about its customer
// meanwhile: what was stopped just before is seen.
func (e *Engine) resumeHeld(ctx context.Context, tx *store.Tx, ended store.EndedHold) error {
	p, h := ended.PlatformID, hold.Hold{Scope: ended.Scope, ResourceID: ended.ResourceID, CustomerID: ended.CustomerID}
	in, err := e.ingestion(ctx, tx, p)
	if err != nil {
		return err
	}
	now := in.now
	if _, err := lockOwned(ctx, tx, p, h); err != nil {
		return err
	}
	if h, err = tx.LockedHold(ctx, p, ended.ID); err != nil {
		return err
	}
	if h.ResumeAt.IsZero() || h.ResumeAt.After(now) {
		return nil // another node has done it
	}
	list, err := tx.HeldTriggers(ctx, p, h.CustomerID, h.ResumedTo, heldBatch)
	if err != nil {
		return err
	}
	if h.UpdatedAt = now; h.Status == hold.Active {
		h.Status = hold.Expired
	}
	h.ResumeAt, h.ResumedTo = time.Time{}, ""
	if len(list) == heldBatch {
		h.ResumeAt, h.ResumedTo = now, string(list[len(list)-1].ID)
	}
	if err := tx.UpdateHold(ctx, p, h); err != nil {
		return err
	}
	return in.reconsider(ctx, list)
}

// reconsider decides again about triggers that something stopped which has
// ended, as the only work of a transaction.
func (in *ingestion) reconsider(ctx context.Context, list []trigger.Trigger) error {
	for _, t := range list {
		if t.Revivable() {
			if err := in.again(ctx, t); err != nil {
				return err
			}
		}
	}
	if err := in.plan(ctx); err != nil {
		return fmt.Errorf("planning: %w", err)
	}
	return in.settle(ctx)
}
