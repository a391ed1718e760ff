package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// send sends all claimed jobs at once. claimedAt lies before the claim's
// commit: a process that was stopped right after it must not send when it is
// continued.
func (e *Engine) send(jobs []*job, claimedAt time.Time, left *atomic.Bool) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, j := range jobs {
		if !j.claimed {
			continue
		}
		all.Go(func() {
			defer j.release()
			outcome := e.sendOne(j, claimedAt)
			failpoint.Hit(failpoint.Sent)
			e.record(j, outcome, left)
		})
	}
}

// sendOne hands one message over. A send that could not begin in time is given
// up as not sent: its lease may have ended, and another may have it.
func (e *Engine) sendOne(j *job, claimedAt time.Time) execution.Outcome {
	if time.Since(claimedAt) > e.limits.BeginWithin { //nolint:forbidigo // see send
		return execution.Outcome{Kind: execution.Deferred, Reply: "not sent: the process was too slow to begin"}
	}
	return j.session.Send(e.sendCtx, &j.message)
}

// record is what became of one claimed execution.
type record struct {
	j       *job
	outcome execution.Outcome
	wake    bool
	settled bool
}

// record stores the outcome of a send under the token of its claim, trying for
// as long as the lease lasts: an outcome that is known should not be lost to a
// database that is briefly out of reach.
func (e *Engine) record(j *job, outcome execution.Outcome, left *atomic.Bool) {
	ctx := context.WithoutCancel(e.sendCtx)
	for try := 0; ; try++ {
		r := &record{j: j, outcome: outcome, wake: left.Load()}
		err := e.records.Do(ctx, r)
		if err == nil {
			failpoint.Hit(failpoint.RecordCommitted)
			e.recorded(ctx, r)
			return
		}
		e.log.LogAttrs(ctx, slog.LevelError, "record_failed", slog.String("platform_id", string(j.x.PlatformID)),
			slog.String("execution_id", string(j.x.ID)), slog.String("outcome", string(outcome.Kind)), slog.Any("error", err))
		if !e.Now().Before(j.x.LeaseUntil) || !e.patience(try) {
			return // the sweep finds it SENDING after its lease
		}
	}
}

// patience waits before another try and reports whether the engine still runs.
func (e *Engine) patience(try int) bool {
	timer := time.NewTimer(min(time.Second, 10*time.Millisecond<<min(try, 10)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.sendCtx.Done():
		return false
	}
}

func (e *Engine) recorded(ctx context.Context, r *record) {
	j := r.j
	if !r.settled {
		e.log.LogAttrs(ctx, slog.LevelWarn, "late_result_rejected", slog.String("platform_id", string(j.x.PlatformID)),
			slog.String("execution_id", string(j.x.ID)), slog.String("outcome", string(r.outcome.Kind)))
		return
	}
	e.metrics.attempted(r.outcome.Kind)
	e.log.LogAttrs(ctx, slog.LevelInfo, "attempt_ended", slog.String("platform_id", string(j.x.PlatformID)),
		slog.String("execution_id", string(j.x.ID)), slog.Int("attempt", j.x.Attempts),
		slog.String("outcome", string(r.outcome.Kind)))
}

// recordAll stores outcomes in one transaction.
func (e *Engine) recordAll(ctx context.Context, batch []*record) error {
	return e.store.Write(ctx, func(tx *store.Tx) error { return e.settle(ctx, tx, batch) })
}

// timesOf is what time it is on the platforms of a batch.
func (e *Engine) timesOf(ctx context.Context, tx *store.Tx, batch []*record) (map[platform.ID]time.Time, error) {
	now, times := e.Now(), map[platform.ID]time.Time{}
	for _, r := range batch {
		p := r.j.x.PlatformID
		if _, ok := times[p]; ok {
			continue
		}
		if times[p] = now; r.j.tests {
			var err error
			if times[p], err = e.timeOn(ctx, tx.Reader, p); err != nil {
				return nil, err
			}
		}
	}
	return times, nil
}

func (e *Engine) settle(ctx context.Context, tx *store.Tx, batch []*record) error {
	times, err := e.timesOf(ctx, tx, batch)
	if err != nil {
		return err
	}
	list := make([]execution.Execution, len(batch))
	tokens := make([]string, len(batch))
	for i, r := range batch {
		list[i] = r.j.x.Settle(r.outcome, r.j.prepared.Hash, r.j.onAmbiguous, times[r.j.x.PlatformID])
		tokens[i] = r.j.token
	}
	settled, err := tx.Settle(ctx, list, tokens)
	if err != nil {
		return err
	}
	if len(settled) != len(batch) {
		return errors.New("the database answered about another number of executions than it was given")
	}
	attempts := map[platform.ID][]execution.Attempt{}
	for i, r := range batch {
		r.settled = settled[i]
		if !r.settled {
			continue
		}
		x := r.j.x
		attempts[x.PlatformID] = append(attempts[x.PlatformID], execution.Attempt{
			ExecutionID: x.ID, Number: x.Attempts, Token: r.j.token,
			EndedAt: times[x.PlatformID], Outcome: r.outcome.Kind, Reply: r.outcome.Reply,
		})
		if r.wake {
			tx.Wake(r.j.lane)
		}
	}
	for p, list := range attempts {
		if err := tx.EndAttempts(ctx, p, list); err != nil {
			return err
		}
	}
	failpoint.Hit(failpoint.RecordCommitting)
	return nil
}
