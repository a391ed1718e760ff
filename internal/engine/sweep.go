package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// sweepBatch bounds what one transaction of the sweep takes.
const sweepBatch = 500

// work does something again and again until ctx ends. Nothing is lost if it fails:
// what was to be done stands in the database.
func (e *Engine) work(ctx context.Context, name string, every time.Duration, do func(context.Context) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			e.log.LogAttrs(ctx, slog.LevelError, "background_failed", slog.String("work", name), slog.Any("error", err))
		}
	}
}

// Sweep takes up what has come due by itself or was left lying: retries whose
// time has come, claims whose lease has ended, triggers that waited too long,
// and what holds stopped that have ended, on each platform by the clock that it
// goes by. Every node sweeps; rows that another has locked are left to it.
func (e *Engine) Sweep(ctx context.Context) error {
	for {
		now := e.Now()
		any, err := e.store.Sweepable(ctx, now, now.Add(-trigger.Patience))
		if err != nil {
			return fmt.Errorf("looking for what is due: %w", err)
		}
		if !any {
			break
		}
		moved := 0
		err = e.store.Write(ctx, func(tx *store.Tx) error {
			moved, err = e.sweepOnce(ctx, tx, now)
			return err
		})
		if err != nil {
			return fmt.Errorf("sweeping: %w", err)
		}
		if moved == 0 {
			break // another node is at it
		}
	}
	return errors.Join(e.endHolds(ctx), e.sweepOwnClocks(ctx))
}

// sweepOwnClocks does so on the platforms with a clock of their own.
func (e *Engine) sweepOwnClocks(ctx context.Context) error {
	platforms, err := e.store.OwnClocks(ctx, trigger.Patience)
	if err != nil {
		return fmt.Errorf("looking for what is due by other clocks: %w", err)
	}
	var failed []error
	for _, p := range platforms {
		failed = append(failed, e.sweepOf(ctx, p), e.endHoldsOf(ctx, p))
	}
	return errors.Join(failed...)
}

// sweepOf takes up what has come due by itself on one platform, by the clock that
// it goes by.
func (e *Engine) sweepOf(ctx context.Context, p platform.ID) error {
	for moved := sweepBatch; moved >= sweepBatch; {
		err := e.store.Write(ctx, func(tx *store.Tx) error {
			planning, err := tx.HoldPlanning(ctx, p)
			if err != nil {
				return err
			}
			now := e.clock(planning)
			due, err := tx.RetriesOf(ctx, p, now, sweepBatch)
			if err != nil {
				return err
			}
			waited, err := tx.WaitingOf(ctx, p, now.Add(-trigger.Patience), sweepBatch)
			if err != nil {
				return err
			}
			moved = max(len(due), len(waited))
			return errors.Join(releaseAll(ctx, tx, due, now), skipWaited(ctx, tx, waited, now))
		})
		if err != nil {
			return fmt.Errorf("sweeping platform %s: %w", p, err)
		}
	}
	return nil
}

// releaseAll lets executions whose time has come go again.
func releaseAll(ctx context.Context, tx *store.Tx, due []execution.Execution, now time.Time) error {
	for i := range due {
		due[i].Status, due[i].Reason = execution.Pending, workflow.Sent
		due[i].DueAt, due[i].NextAttemptAt, due[i].UpdatedAt = now, time.Time{}, now
		tx.Wake(store.Lane{PlatformID: due[i].PlatformID, Number: due[i].Lane})
	}
	return tx.UpdateExecutions(ctx, due)
}

// skipWaited gives up triggers that have waited too long.
func skipWaited(ctx context.Context, tx *store.Tx, waited []trigger.Trigger, now time.Time) error {
	for i := range waited {
		waited[i].Status, waited[i].Reason, waited[i].UpdatedAt = trigger.Skipped, workflow.NoRecipient, now
	}
	return tx.UpdateTriggers(ctx, waited)
}

func (e *Engine) sweepOnce(ctx context.Context, tx *store.Tx, now time.Time) (int, error) {
	due, err := tx.Retries(ctx, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	if err := releaseAll(ctx, tx, due, now); err != nil {
		return 0, err
	}
	abandoned, err := tx.Abandoned(ctx, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for i, x := range abandoned {
		if abandoned[i], err = e.giveUp(ctx, tx, x); err != nil {
			return 0, err
		}
		tx.Wake(store.Lane{PlatformID: x.PlatformID, Number: x.Lane})
	}
	if err := tx.UpdateExecutions(ctx, abandoned); err != nil {
		return 0, err
	}
	waited, err := tx.WaitingSince(ctx, now.Add(-trigger.Patience), sweepBatch)
	if err != nil {
		return 0, err
	}
	return len(due) + len(abandoned) + len(waited), skipWaited(ctx, tx, waited, now)
}

// giveUp ends an attempt whose sender is gone: nobody can know whether the
// provider took the message.
func (e *Engine) giveUp(ctx context.Context, tx *store.Tx, x execution.Execution) (execution.Execution, error) {
	now, err := e.timeOn(ctx, tx.Reader, x.PlatformID)
	if err != nil {
		return x, err
	}
	w, err := tx.Workflow(ctx, x.PlatformID, string(x.WorkflowID))
	if err != nil {
		return x, err
	}
	attempts, err := tx.Attempts(ctx, x.PlatformID, []string{string(x.ID)})
	if err != nil {
		return x, err
	}
	hash := ""
	for _, a := range attempts[x.ID] {
		if a.Token == x.Token {
			hash = a.ContentHash
			a.EndedAt, a.Outcome = now, execution.Unknown
			a.Reply = "the sender ended, or lost its lease, before it could say what happened"
			if err := tx.EndAttempts(ctx, x.PlatformID, []execution.Attempt{a}); err != nil {
				return x, err
			}
		}
	}
	e.metrics.attempted(execution.Unknown)
	e.log.LogAttrs(ctx, slog.LevelWarn, "send_abandoned", slog.String("platform_id", string(x.PlatformID)),
		slog.String("execution_id", string(x.ID)), slog.Int("attempt", x.Attempts))
	return x.Settle(execution.Outcome{Kind: execution.Unknown}, hash, w.OnAmbiguous, now), nil
}

// WakeNeglected wakes lanes with executions that have been due for too long:
// their wake-up was lost with a process, or they are behind.
func (e *Engine) WakeNeglected(ctx context.Context) error {
	return e.wakeDueBefore(ctx, e.Now().Add(-e.limits.Neglect))
}

func (e *Engine) wakeDueBefore(ctx context.Context, t time.Time) error {
	lanes, err := e.store.Neglected(ctx, t)
	if err != nil || len(lanes) == 0 {
		return err
	}
	return e.store.Write(ctx, func(tx *store.Tx) error {
		tx.Wake(lanes...)
		return nil
	})
}
