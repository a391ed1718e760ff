package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
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
			e.drainFailed(ctx, lane, err)
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

// drainFailed says so in the log. Nothing is lost: what is due stands in the
// ledger, and the sweep wakes the lane again.
func (e *Engine) drainFailed(ctx context.Context, lane store.Lane, err error) {
	e.log.LogAttrs(ctx, slog.LevelError, "drain_failed",
		slog.String("platform_id", string(lane.PlatformID)), slog.Int("lane", lane.Number), slog.Any("error", err))
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

// drainOnce takes up one batch and reports whether to look again. Each
// integration's part goes its own way: one provider that stalls delays nobody
// but itself. What takes longer than the slice goes on without the drain, and
// wakes the lane when it is done.
func (e *Engine) drainOnce(ctx context.Context, lane store.Lane, end time.Time) (bool, error) {
	p, err := e.store.Platform(ctx, lane.PlatformID)
	if err != nil {
		return false, err
	}
	now := e.clockOf(p)
	redirected := p.Sending == platform.Redirect // then what is frozen for its own recipient waits
	if redirected || p.Sending == platform.Paused {
		err := e.store.Write(ctx, func(tx *store.Tx) error { return tx.MarkPaused(ctx, lane, now, redirected) })
		if err != nil || !redirected {
			return false, err
		}
	}
	held := store.Held{Integrations: e.senders.saturated(lane.PlatformID), Frozen: redirected}
	due, err := e.store.Due(ctx, lane, now, held, drainBatch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	jobs, err := e.prepare(ctx, p, due)
	if err != nil {
		return false, err
	}
	failpoint.Hit(failpoint.Prepared)
	var parts sync.WaitGroup
	var moved, left atomic.Bool
	for _, part := range byIntegration(jobs) {
		parts.Add(1)
		e.sends.Go(func() {
			defer parts.Done()
			progress, err := e.deliver(lane, part, &left)
			if err != nil {
				e.drainFailed(ctx, lane, err)
			} else if progress {
				moved.Store(true)
			}
		})
	}
	if !e.within(&parts, end) {
		left.Store(true)
		return false, nil
	}
	return moved.Load(), nil
}

// within waits for a group until a time and reports whether it was done by then.
func (e *Engine) within(group *sync.WaitGroup, end time.Time) bool {
	done := make(chan struct{})
	e.sends.Go(func() {
		group.Wait()
		close(done)
	})
	timer := time.NewTimer(time.Until(end)) //nolint:forbidigo // a time slice is the machine's
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// deliver takes the jobs of one integration from their connection to their
// record, and reports whether anything moved. left says that the drain has gone
// on without it.
func (e *Engine) deliver(lane store.Lane, jobs []*job, left *atomic.Bool) (bool, error) {
	ctx := e.sendCtx
	defer func() {
		for _, j := range jobs {
			if !j.claimed {
				j.release()
			}
		}
	}()
	e.connect(ctx, jobs)
	failpoint.Hit(failpoint.Connected)
	begun := time.Now() //nolint:forbidigo // the monotonic clock, from before the claim to the first byte
	progress, err := e.claim(ctx, lane, jobs)
	if err != nil {
		return false, err
	}
	e.send(jobs, begun, left)
	if left.Load() {
		e.wake(ctx, lane)
	}
	return progress, nil
}

// byIntegration parts jobs by what they need: a connection of one integration,
// or none.
func byIntegration(jobs []*job) map[platform.IntegrationID][]*job {
	parts := map[platform.IntegrationID][]*job{}
	for _, j := range jobs {
		id := j.integration.ID
		if !j.connects() {
			id = ""
		}
		parts[id] = append(parts[id], j)
	}
	return parts
}
