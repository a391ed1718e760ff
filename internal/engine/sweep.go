package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// sweepBatch bounds what one transaction of the sweep takes.
const sweepBatch = 500

func (e *Engine) sweepForever(ctx context.Context) {
	ticker, neglect := time.NewTicker(e.limits.Tick), time.NewTicker(e.limits.Neglect)
	defer ticker.Stop()
	defer neglect.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			err = e.Sweep(ctx)
		case <-neglect.C:
			err = errors.Join(e.WakeNeglected(ctx), e.SweepSnapshots(ctx))
		}
		if err != nil && ctx.Err() == nil {
			e.log.LogAttrs(ctx, slog.LevelError, "sweep_failed", slog.Any("error", err))
		}
	}
}

// Sweep takes up what has come due by itself or was left lying: retries whose
// time has come, claims whose lease has ended, triggers that waited too long,
// and what holds stopped that have ended. Every node sweeps; rows that another has locked are left to it.
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
	return e.endHolds(ctx)
}

func (e *Engine) sweepOnce(ctx context.Context, tx *store.Tx, now time.Time) (int, error) {
	due, err := tx.Retries(ctx, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for i := range due {
		due[i].Status, due[i].Reason = execution.Pending, workflow.Sent
		due[i].DueAt, due[i].NextAttemptAt, due[i].UpdatedAt = now, time.Time{}, now
	}
	abandoned, err := tx.Abandoned(ctx, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for i, x := range abandoned {
		if abandoned[i], err = e.giveUp(ctx, tx, x, now); err != nil {
			return 0, err
		}
	}
	all := append(due, abandoned...)
	if err := tx.UpdateExecutions(ctx, all); err != nil {
		return 0, err
	}
	for _, x := range all {
		tx.Wake(store.Lane{PlatformID: x.PlatformID, Number: x.Lane})
	}
	waited, err := tx.WaitingSince(ctx, now.Add(-trigger.Patience), sweepBatch)
	if err != nil {
		return 0, err
	}
	for i := range waited {
		waited[i].Status, waited[i].Reason, waited[i].UpdatedAt = trigger.Skipped, workflow.NoRecipient, now
	}
	return len(all) + len(waited), tx.UpdateTriggers(ctx, waited)
}

// giveUp ends an attempt whose sender is gone: nobody can know whether the
// provider took the message.
func (e *Engine) giveUp(ctx context.Context, tx *store.Tx, x execution.Execution, now time.Time) (execution.Execution, error) {
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
