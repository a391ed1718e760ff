package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// drainBatch bounds how many executions a drain takes up at a time.
const drainBatch = 200

// Drain works off what is due in a lane: prepare, connect, claim, send, record
// (docs/ordering.md, "Deliver"). After its slice of time it puts the lane back
// in the queue, behind the others, so that platforms take turns.
func (e *Engine) Drain(ctx context.Context, lane store.Lane) {
	end := time.Now().Add(e.limits.Slice) //nolint:forbidigo // a time slice is the machine's, not the platform's
	for {
		more, err := e.drainOnce(ctx, lane, end)
		if err != nil {
			// Nothing is lost: what is due stands in the ledger, and the
			// sweep wakes the lane again.
			e.log.LogAttrs(ctx, slog.LevelError, "drain_failed",
				slog.String("platform_id", string(lane.PlatformID)), slog.Int("lane", lane.Number), slog.Any("error", err))
			return
		}
		if !more || ctx.Err() != nil {
			return
		}
		if time.Now().After(end) { //nolint:forbidigo // see above
			e.wake(ctx, lane)
			return
		}
	}
}

func (e *Engine) wake(ctx context.Context, lane store.Lane) {
	err := e.store.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		tx.Wake(lane)
		return nil
	})
	if err != nil {
		e.log.LogAttrs(ctx, slog.LevelWarn, "wake_failed", slog.Any("error", err)) // the sweep does it
	}
}

// drainOnce takes up one batch and reports whether to look again.
func (e *Engine) drainOnce(ctx context.Context, lane store.Lane, end time.Time) (bool, error) {
	p, err := e.store.Platform(ctx, lane.PlatformID)
	if err != nil {
		return false, err
	}
	now := e.Now()
	if p.Sending == platform.Paused {
		return false, e.store.Write(ctx, func(tx *store.Tx) error { return tx.MarkPaused(ctx, lane, now) })
	}
	due, err := e.store.Due(ctx, lane, now, drainBatch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	jobs, err := e.prepare(ctx, p, due)
	if err != nil {
		return false, err
	}
	failpoint.Hit(failpoint.Prepared)
	e.connect(ctx, jobs, time.Until(end)) //nolint:forbidigo // see above
	defer func() {
		for _, j := range jobs {
			if !j.claimed {
				j.release()
			}
		}
	}()
	failpoint.Hit(failpoint.Connected)
	begun := time.Now() //nolint:forbidigo // the monotonic clock, from before the claim to the first byte
	progress, err := e.claim(ctx, lane, jobs)
	if err != nil {
		return false, err
	}
	e.send(jobs, begun, end)
	return progress, nil
}
