package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// claim decides about the jobs of a lane for the last time, in one
// transaction: it locks the states that they show, reads everything that
// decides in the statements after, and commits for each job that may go an
// attempt under a fresh token. Once a stop has been acknowledged, no later
// claim succeeds. It returns whether anything moved.
func (e *Engine) claim(ctx context.Context, lane store.Lane, jobs []*job) (bool, error) {
	var c *claiming
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		c = &claiming{e: e, tx: tx, lane: lane}
		return c.run(ctx, jobs)
	})
	if err != nil {
		return false, fmt.Errorf("claiming: %w", err)
	}
	failpoint.Hit(failpoint.ClaimCommitted)
	for _, j := range c.claimed {
		j.claimed = true
	}
	for _, x := range c.updates {
		e.metrics.moved(x.Status)
		e.log.LogAttrs(ctx, slog.LevelInfo, "execution_moved", slog.String("platform_id", string(x.PlatformID)),
			slog.String("execution_id", string(x.ID)), slog.String("status", string(x.Status)), slog.String("reason", string(x.Reason)))
	}
	return len(c.updates) > 0 || c.stale, nil
}

type claiming struct {
	e    *Engine
	tx   *store.Tx
	lane store.Lane
	now  time.Time // by the platform's clock

	platform platform.Platform
	set      *ruleset
	sight    sight
	busy     map[string]bool
	late     map[trigger.ID]time.Time         // event times, of what was held back by a pause
	balances map[execution.ID]workflow.Reason // what a wallet's balance says against a message
	dates    map[execution.ID]workflow.Reason // what a deadline says against one

	stale    bool // a message shows a state that is no longer stored
	claimed  []*job
	updates  []execution.Execution
	attempts []execution.Attempt
	prepared []store.Prepared
	captured []store.Captured
	stopped  []execution.Execution // by a state that may end: their triggers may fire again
}

func (c *claiming) run(ctx context.Context, jobs []*job) error {
	byID := map[execution.ID]*job{}
	list := make([]execution.Execution, len(jobs))
	for i, j := range jobs {
		byID[j.x.ID], list[i] = j, j.x
	}
	if err := c.lock(ctx, list); err != nil {
		return err
	}
	if err := c.seeFrozen(ctx, jobs); err != nil {
		return err
	}
	ids := make([]string, len(list))
	for i, x := range list {
		ids[i] = string(x.ID)
	}
	taken, err := c.tx.TakePending(ctx, c.lane.PlatformID, ids)
	if err != nil {
		return fmt.Errorf("taking executions: %w", err)
	}
	if err := c.eventTimes(ctx, taken); err != nil {
		return err
	}
	if err := c.weigh(ctx, taken); err != nil {
		return err
	}
	if err := c.checkDates(ctx, taken); err != nil {
		return err
	}
	for _, x := range taken {
		c.decide(x, byID[x.ID])
	}
	return c.write(ctx)
}

// lock takes the locks of a claim in their order and reads, in statements
// after them, what decides.
func (c *claiming) lock(ctx context.Context, list []execution.Execution) (err error) {
	p := c.lane.PlatformID
	if err := c.tx.LockPlatform(ctx, string(p), false); err != nil {
		return fmt.Errorf("locking the platform: %w", err)
	}
	if err := c.tx.LockLane(ctx, c.lane); err != nil {
		return fmt.Errorf("locking the lane: %w", err)
	}
	if c.platform, err = c.tx.Platform(ctx, p); err != nil {
		return err
	}
	planning, err := c.tx.Planning(ctx, p)
	if err != nil {
		return err
	}
	c.now = c.e.clock(planning)
	if c.set, err = c.e.rules(ctx, c.tx.Reader, p, planning); err != nil {
		return err
	}
	ids := about(list)
	for _, kind := range billing.Kinds {
		if err := c.tx.HoldResources(ctx, p, kind, ids.sorted(kind, nil)); err != nil {
			return fmt.Errorf("locking %s: %w", kind, err)
		}
	}
	seen, err := look(ctx, c.tx.Reader, c.platform, list, c.now)
	if err != nil {
		return err
	}
	c.sight = *seen
	c.busy, err = c.tx.Busy(ctx, p, ids.sorted(billing.KindCustomer, nil))
	return err
}

// seeFrozen reads who of those to whom frozen messages go is suppressed: they may
// be others than those to whom a message would go now.
func (c *claiming) seeFrozen(ctx context.Context, jobs []*job) error {
	var to []string
	for _, j := range jobs {
		if j.x.FrozenHash != "" {
			to = append(to, j.message.Recipients()...)
		}
	}
	if len(to) == 0 {
		return nil
	}
	return c.sight.suppressed.add(ctx, c.tx.Reader, c.lane.PlatformID, to)
}

// eventTimes reads when the events of executions happened that a pause held
// back: only those can have become too late since they fired.
func (c *claiming) eventTimes(ctx context.Context, taken []execution.Execution) error {
	c.late = map[trigger.ID]time.Time{}
	for _, x := range taken {
		if x.Reason != workflow.SendingPaused {
			continue
		}
		t, err := c.tx.Trigger(ctx, x.PlatformID, x.TriggerID)
		if err != nil {
			return err
		}
		c.late[x.TriggerID] = t.EventAt
	}
	return nil
}

// decide says what becomes of one execution.
func (c *claiming) decide(x execution.Execution, j *job) {
	w := c.set.Find(x.WorkflowID)
	eventAt, paused := c.late[x.TriggerID]
	switch {
	case c.platform.Sending == platform.Paused,
		c.platform.Sending == platform.Redirect && x.FrozenHash != "": // frozen for its own recipient
		if x.Reason != workflow.SendingPaused {
			x.Reason, x.UpdatedAt = workflow.SendingPaused, c.now
			c.updates = append(c.updates, x)
		}
	case w == nil:
		c.skip(x, workflow.WorkflowInactive)
	case !w.Runs(x.ActionID):
		c.skip(x, workflow.NoAction)
	case !w.Covers(x.CustomerID):
		c.skip(x, w.LeavesOut(x.CustomerID))
	case paused && w.Schedule.Late(eventAt, c.now):
		c.skip(x, workflow.TooLate)
	case c.balances[x.ID] != workflow.Sent:
		c.skip(x, c.balances[x.ID])
	case c.dates[x.ID] != workflow.Sent:
		c.skip(x, c.dates[x.ID])
	case c.busy[string(x.CustomerID)]: // its lane is woken when that one is done
	case x.InvoiceID != j.x.InvoiceID, // it was told its invoice after it was read
		x.FrozenHash == "" && j.defect == "" && j.refused == nil && j.prepared.Shows != c.sight.shows(c.platform, x):
		c.stale = true
	case x.FrozenHash != "" && stands(x, c.sight.facts(c.platform, x)) != workflow.Sent:
		c.skip(x, stands(x, c.sight.facts(c.platform, x)))
	case x.FrozenHash != "" && c.sight.suppressed.any(j.message.Recipients()): // it may have gone once, and goes no more
		c.updates = append(c.updates, x.End(execution.Unconfirmed, workflow.Suppressed, c.now))
	case j.skip != workflow.Sent:
		c.skip(x, j.skip)
	case j.defect != "":
		c.end(c.tried(x), j, execution.Outcome{Kind: execution.Refused, Reply: j.defect}, w)
	case j.refused != nil:
		c.end(c.tried(x), j, *j.refused, w)
	case j.kept == c.platform.Delivers(j.message.Recipients()): // frozen, and who is allowed has changed
		c.stale = true
	case j.waits: // its lane is woken when somebody gives a slot back
	case j.session == nil:
		c.capture(x, j, w)
	default:
		c.take(x, j, w)
	}
}

func (c *claiming) skip(x execution.Execution, reason workflow.Reason) {
	x = x.End(execution.Skipped, reason, c.now)
	c.updates = append(c.updates, x)
	if reason.CanEnd() || reason == workflow.BalanceRestored || reason == workflow.DeadlineMoved {
		c.stopped = append(c.stopped, x)
	}
}

// tried counts another attempt. Three days of retries begin with the first.
func (c *claiming) tried(x execution.Execution) execution.Execution {
	x.Attempts++
	if x.FirstTriedAt.IsZero() {
		x.FirstTriedAt = c.now
	}
	return x
}

// end stores an attempt that is over before anything was sent.
func (c *claiming) end(x execution.Execution, j *job, o execution.Outcome, w *workflow.Armed) {
	c.attempts = append(c.attempts, execution.Attempt{
		ExecutionID: x.ID, Number: x.Attempts, ContentHash: j.prepared.Hash,
		StartedAt: c.now, EndedAt: c.now, Outcome: o.Kind, Reply: o.Reply,
	})
	c.updates = append(c.updates, x.Settle(o, j.prepared.Hash, w.OnAmbiguous, c.now))
	if j.prepared.ExecutionID != "" {
		c.prepared = append(c.prepared, j.prepared)
	}
}

// capture stores a message of a SYSTEM integration, or one that a TEST platform
// keeps, in the outbox: the provider is our own transaction, so nothing can come
// between.
func (c *claiming) capture(x execution.Execution, j *job, w *workflow.Armed) {
	x = c.tried(x)
	reply := "captured in the outbox"
	if j.kept {
		reply += ": " + notAllowed
	}
	c.end(x, j, execution.Outcome{Kind: execution.Accepted, Reply: reply}, w)
	c.captured = append(c.captured, store.Captured{
		ID: ident.New("mesg"), ExecutionID: x.ID, IntegrationID: j.integration.ID, CustomerID: x.CustomerID,
		Content: j.prepared.Content, CreatedAt: c.now,
	})
}

// take claims an execution for a send that begins at once.
func (c *claiming) take(x execution.Execution, j *job, w *workflow.Armed) {
	limits := c.e.limits
	x.Status, x.Reason, x.UpdatedAt = execution.Sending, workflow.Sent, c.now
	x = c.tried(x)
	x.Token = ident.New("tokn")
	x.LeaseUntil = c.e.Now().Add(limits.SMTP.LongestPhase() + limits.LeaseMargin)
	c.attempts = append(c.attempts, execution.Attempt{
		ExecutionID: x.ID, Number: x.Attempts, Token: x.Token, ContentHash: j.prepared.Hash, StartedAt: c.now,
	})
	c.updates = append(c.updates, x)
	c.prepared = append(c.prepared, j.prepared)
	j.x, j.token, j.onAmbiguous = x, x.Token, w.OnAmbiguous
	j.tests = c.platform.Environment == platform.Test
	c.claimed = append(c.claimed, j)
	c.busy[string(x.CustomerID)] = true
}

func (c *claiming) write(ctx context.Context) error {
	p := c.lane.PlatformID
	if len(c.updates) == 0 {
		return nil
	}
	if err := c.tx.PutPrepared(ctx, p, c.prepared, c.now); err != nil {
		return fmt.Errorf("storing messages: %w", err)
	}
	if err := c.tx.UpdateExecutions(ctx, c.updates); err != nil {
		return fmt.Errorf("storing claims: %w", err)
	}
	if err := c.tx.InsertAttempts(ctx, p, c.attempts); err != nil {
		return fmt.Errorf("storing attempts: %w", err)
	}
	if err := c.tx.Capture(ctx, p, c.captured); err != nil {
		return fmt.Errorf("capturing messages: %w", err)
	}
	if err := c.tx.CancelEmptyTriggers(ctx, c.stopped); err != nil {
		return fmt.Errorf("cancelling triggers: %w", err)
	}
	failpoint.Hit(failpoint.ClaimCommitting)
	return nil
}
