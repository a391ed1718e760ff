package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

const executionColumns = `platform_id, id, trigger_id, workflow_id, action_id, action, integration_id, variant, customer_id, invoice_id, kind, resource_id,
	schedule_id, lane, position, status, reason, due_at, next_attempt_at, attempts, token, lease_until, frozen_hash, first_tried_at, created_at, updated_at`

func scanExecution(rs rows) (execution.Execution, error) {
	var e execution.Execution
	var action []byte
	var due, next, lease, tried, created, updated int64
	if err := rs.Scan(&e.PlatformID, &e.ID, &e.TriggerID, &e.WorkflowID, &e.ActionID, &action, &e.IntegrationID, &e.Variant, &e.CustomerID,
		&e.InvoiceID, &e.Kind, &e.ResourceID, &e.ScheduleID, &e.Lane, &e.Position, &e.Status, &e.Reason, &due, &next, &e.Attempts, &e.Token, &lease,
		&e.FrozenHash, &tried, &created, &updated); err != nil {
		return e, err
	}
	e.DueAt, e.NextAttemptAt, e.LeaseUntil = instant(due), instant(next), instant(lease)
	e.FirstTriedAt, e.CreatedAt, e.UpdatedAt = instant(tried), instant(created), instant(updated)
	return e, json.Unmarshal(action, &e.Action)
}

var executionList = list{
	from:    "executions",
	columns: executionColumns,
	where:   "created_at > 0",
	order:   []string{"created_at", "updated_at", "status"},
	filters: with(columns("id", "status", "workflow_id", "trigger_id", "customer_id", "invoice_id"), map[string]field{
		"payment_id":                   idOf(billing.KindPayment),
		"pricing_plan_subscription_id": idOf(billing.KindSubscription),
		"wallet_id":                    idOf(billing.KindWallet),
	}),
}

// Execution reads an execution.
func (r Reader) Execution(ctx context.Context, p platform.ID, id execution.ID) (execution.Execution, error) {
	e, err := one(ctx, r.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return e, notFound("", "workflow execution", string(id))
	}
	return e, err
}

// Executions lists executions.
func (r Reader) Executions(ctx context.Context, p platform.ID, q Query) (Page[execution.Execution], error) {
	return page(ctx, r, executionList, scanExecution, string(p), q)
}

// Attempts reads the attempts of executions, in order.
func (r Reader) Attempts(ctx context.Context, p platform.ID, ids []string) (map[execution.ID][]execution.Attempt, error) {
	list, err := lookUp(ctx, r.c, func(rs rows) (execution.Attempt, error) {
		var a execution.Attempt
		var started, ended int64
		err := rs.Scan(&a.ExecutionID, &a.Number, &a.Token, &a.ContentHash, &started, &ended, &a.Outcome, &a.Reply)
		a.StartedAt, a.EndedAt = instant(started), instant(ended)
		return a, err
	}, `SELECT execution_id, number, token, content_hash, started_at, ended_at, outcome, reply FROM attempts
	    WHERE platform_id = $1 AND execution_id = $2`, keyed(ids, string(p)))
	found := map[execution.ID][]execution.Attempt{}
	slices.SortFunc(list, func(a, b execution.Attempt) int { return a.Number - b.Number })
	for _, a := range list {
		found[a.ExecutionID] = append(found[a.ExecutionID], a)
	}
	return found, err
}

// InsertExecutions stores new executions.
func (tx *Tx) InsertExecutions(ctx context.Context, list []execution.Execution) error {
	args := make([][]any, len(list))
	encoded := map[workflow.ActionID]string{} // one transaction knows one version of an action
	for i, e := range list {
		action, ok := encoded[e.ActionID]
		if !ok {
			var err error
			if action, err = encode(e.Action); err != nil {
				return err
			}
			encoded[e.ActionID] = action
		}
		args[i] = []any{
			string(e.PlatformID), string(e.ID), string(e.TriggerID), string(e.WorkflowID), string(e.ActionID), action,
			string(e.IntegrationID), string(e.Variant), string(e.CustomerID), string(e.InvoiceID), string(e.Kind), e.ResourceID, e.ScheduleID, e.Lane, e.Position, string(e.Status),
			string(e.Reason), micros(e.DueAt), micros(e.NextAttemptAt), 0, "", 0, "", 0, micros(e.CreatedAt), micros(e.CreatedAt),
		}
	}
	_, err := tx.c.writeRows(ctx, func(rows int) string {
		return `INSERT INTO executions (` + executionColumns + `) VALUES ` + values(rows, 26)
	}, args)
	if err != nil {
		return fmt.Errorf("inserting executions: %w", err)
	}
	return nil
}

// Held is what cannot go at the moment, although its time has come.
type Held struct {
	Integrations []platform.IntegrationID // those that can take no more
	Frozen       bool                     // messages whose bytes must not change
}

// Due reads, of each customer of a lane, the oldest PENDING execution whose time
// has come and that can go at the moment, the oldest first, without locking them.
// What waits for a slow provider, or for the switch, neither hides what others
// could send nor holds its own customer's other messages back; a customer who has
// one SENDING is left out.
func (r Reader) Due(ctx context.Context, l Lane, now time.Time, held Held, limit int) ([]execution.Execution, error) {
	full := make([]string, len(held.Integrations)) // never nil: that would be NULL
	for i, id := range held.Integrations {
		full[i] = string(id)
	}
	return all(ctx, r.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions e
		 WHERE platform_id = $1 AND lane = $2 AND status = 'PENDING' AND due_at <= $3 AND NOT EXISTS (
		     SELECT 1 FROM executions o WHERE o.platform_id = $1 AND o.customer_id = e.customer_id
		     AND o.status IN ('PENDING', 'WAITING', 'SENDING') AND o.status = 'PENDING'
		     AND NOT (o.integration_id = ANY($5)) AND NOT (o.frozen_hash <> '' AND $6 = 1)
		     AND (o.due_at, o.created_at, o.position, o.id) < (e.due_at, e.created_at, e.position, e.id))
		 AND NOT EXISTS (
		     SELECT 1 FROM executions s WHERE s.platform_id = $1 AND s.customer_id = e.customer_id
		     AND s.status IN ('PENDING', 'WAITING', 'SENDING') AND s.status = 'SENDING')
		 AND NOT (integration_id = ANY($5)) AND NOT (frozen_hash <> '' AND $6 = 1)
		 ORDER BY due_at, created_at, position, id LIMIT $4`, string(l.PlatformID), l.Number, micros(now), limit, full, number(held.Frozen))
}

// LockLane keeps other claims of the lane out until the transaction ends:
// without it two drains of one lane could each find that no other execution of
// a customer is SENDING, and claim one each.
func (tx *Tx) LockLane(ctx context.Context, l Lane) error {
	return tx.t.platformLock(ctx, fmt.Sprintf("%s lane %d", l.PlatformID, l.Number), true)
}

// Busy returns which of the customers have an execution SENDING.
func (r Reader) Busy(ctx context.Context, p platform.ID, customers []string) (map[string]bool, error) {
	list, err := lookUp(ctx, r.c, column[string],
		`SELECT customer_id FROM executions WHERE platform_id = $1 AND customer_id = $2
		 AND status IN ('PENDING', 'WAITING', 'SENDING') AND status = 'SENDING'`, keyed(customers, string(p)))
	busy := make(map[string]bool, len(list))
	for _, c := range list {
		busy[c] = true
	}
	return busy, err
}

// TakePending reads and locks those of the executions that are still PENDING,
// leaving out what another transaction has locked.
func (tx *Tx) TakePending(ctx context.Context, p platform.ID, ids []string) ([]execution.Execution, error) {
	list, err := lookUp(ctx, tx.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE platform_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED`,
		keyed(slices.Sorted(slices.Values(ids)), string(p)))
	return slices.DeleteFunc(list, func(e execution.Execution) bool { return e.Status != execution.Pending }), err
}

// OpenOf reads and locks the executions of customers that a change may still
// stop: those PENDING or WAITING.
func (tx *Tx) OpenOf(ctx context.Context, p platform.ID, customers []string) ([]execution.Execution, error) {
	return lookUp(ctx, tx.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE platform_id = $1 AND customer_id = $2
		 AND status IN ('PENDING', 'WAITING', 'SENDING') AND status <> 'SENDING' FOR UPDATE`, keyed(customers, string(p)))
}

// OpenOfWorkflow reads and locks the executions of a workflow that have not begun.
func (tx *Tx) OpenOfWorkflow(ctx context.Context, p platform.ID, w workflow.ID) ([]execution.Execution, error) {
	return all(ctx, tx.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE platform_id = $1 AND workflow_id = $2
		 AND status IN ('PENDING', 'WAITING', 'SENDING') AND status <> 'SENDING' FOR UPDATE`, string(p), string(w))
}

// UpdateExecutions stores the state of locked executions.
func (tx *Tx) UpdateExecutions(ctx context.Context, list []execution.Execution) error {
	args := make([][]any, len(list))
	for i, e := range list {
		args[i] = stateArgs(e)
	}
	_, err := tx.c.execMany(ctx,
		`UPDATE executions SET status = $3, reason = $4, due_at = $5, next_attempt_at = $6, attempts = $7, token = $8,
		     lease_until = $9, frozen_hash = $10, updated_at = $11, first_tried_at = $12
		 WHERE platform_id = $1 AND id = $2`, args)
	return err
}

func stateArgs(e execution.Execution) []any {
	return []any{
		string(e.PlatformID), string(e.ID), string(e.Status), string(e.Reason), micros(e.DueAt), micros(e.NextAttemptAt),
		e.Attempts, e.Token, micros(e.LeaseUntil), e.FrozenHash, micros(e.UpdatedAt), micros(e.FirstTriedAt),
	}
}

// Settle stores the state of executions that were SENDING under the token that
// each was claimed with, and reports which it changed: a result that comes
// after its lease was given away finds another token, or none, and changes nothing.
func (tx *Tx) Settle(ctx context.Context, list []execution.Execution, tokens []string) ([]bool, error) {
	args := make([][]any, len(list))
	for i, e := range list {
		args[i] = append(stateArgs(e), tokens[i])
	}
	changed, err := tx.c.execMany(ctx,
		`UPDATE executions SET status = $3, reason = $4, due_at = $5, next_attempt_at = $6, attempts = $7, token = $8,
		     lease_until = $9, frozen_hash = $10, updated_at = $11, first_tried_at = $12
		 WHERE platform_id = $1 AND id = $2 AND status = 'SENDING' AND token = $13`, args)
	settled := make([]bool, len(changed))
	for i, n := range changed {
		settled[i] = n == 1
	}
	return settled, err
}

// InsertAttempts stores attempts that begin, or that began and ended at once.
func (tx *Tx) InsertAttempts(ctx context.Context, p platform.ID, list []execution.Attempt) error {
	args := make([][]any, len(list))
	for i, a := range list {
		args[i] = []any{
			string(p), string(a.ExecutionID), a.Number, a.Token, a.ContentHash, micros(a.StartedAt), micros(a.EndedAt),
			string(a.Outcome), a.Reply,
		}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO attempts (platform_id, execution_id, number, token, content_hash, started_at, ended_at, outcome, reply)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, args)
	return err
}

// EndAttempts stores how attempts ended.
func (tx *Tx) EndAttempts(ctx context.Context, p platform.ID, list []execution.Attempt) error {
	args := make([][]any, len(list))
	for i, a := range list {
		args[i] = []any{string(p), string(a.ExecutionID), a.Number, a.Token, micros(a.EndedAt), string(a.Outcome), a.Reply}
	}
	_, err := tx.c.execMany(ctx,
		`UPDATE attempts SET ended_at = $5, outcome = $6, reply = $7
		 WHERE platform_id = $1 AND execution_id = $2 AND number = $3 AND token = $4`, args)
	return err
}

// Retries reads and locks WAITING executions whose next attempt is due, on all
// platforms that go by the machine's clock.
func (tx *Tx) Retries(ctx context.Context, now time.Time, limit int) ([]execution.Execution, error) {
	return all(ctx, tx.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE status = 'WAITING' AND next_attempt_at <= $1
		 AND `+byMachine+` ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED`, micros(now), limit)
}

// RetriesOf reads and locks those of one platform, by the clock that it goes by.
func (tx *Tx) RetriesOf(ctx context.Context, p platform.ID, now time.Time, limit int) ([]execution.Execution, error) {
	return all(ctx, tx.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE platform_id = $1 AND status = 'WAITING' AND next_attempt_at <= $2
		 ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED`, string(p), micros(now), limit)
}

// Abandoned reads and locks SENDING executions whose lease ended before a
// time, on all platforms.
func (tx *Tx) Abandoned(ctx context.Context, before time.Time, limit int) ([]execution.Execution, error) {
	return all(ctx, tx.c, scanExecution,
		`SELECT `+executionColumns+` FROM executions WHERE status = 'SENDING' AND lease_until < $1
		 ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED`, micros(before), limit)
}

// Neglected returns the lanes with executions that have been due since before
// a time, on platforms that send: their wake-up was lost, or they are behind. On
// a platform whose own clock stands still, all that is due counts.
func (r Reader) Neglected(ctx context.Context, before time.Time) ([]Lane, error) {
	return all(ctx, r.c, func(rs rows) (l Lane, err error) {
		return l, rs.Scan(&l.PlatformID, &l.Number)
	}, `WITH RECURSIVE lanes (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM lanes WHERE number + 1 < $2)
	    SELECT p.id, l.number FROM platforms p JOIN planning n ON n.platform_id = p.id CROSS JOIN lanes l
	    WHERE p.sending <> 'PAUSED' AND (EXISTS (
	        SELECT 1 FROM executions e
	        WHERE e.platform_id = p.id AND e.lane = l.number AND e.status = 'PENDING' AND e.due_at < $1)
	    OR n.clock > 0 AND EXISTS (
	        SELECT 1 FROM executions e
	        WHERE e.platform_id = p.id AND e.lane = l.number AND e.status = 'PENDING' AND e.due_at <= n.clock))`,
		micros(before), execution.Lanes)
}

// Sweepable reports whether there is anything for [Tx.Retries], [Tx.Abandoned]
// or [Tx.WaitingSince] to take, without locking or writing. What waits on a
// platform with a clock of its own is told by [Reader.OwnClocks].
func (r Reader) Sweepable(ctx context.Context, now, waitingBefore time.Time) (bool, error) {
	n, err := one(ctx, r.c, column[int64],
		`SELECT CASE WHEN EXISTS (SELECT 1 FROM executions WHERE status = 'WAITING' AND next_attempt_at <= $1 AND `+byMachine+`)
		          OR EXISTS (SELECT 1 FROM executions WHERE status = 'SENDING' AND lease_until < $1)
		          OR EXISTS (SELECT 1 FROM triggers WHERE status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER' AND decided_at < $2
		              AND `+byMachine+`)
		        THEN 1 ELSE 0 END`, micros(now), micros(waitingBefore))
	return n == 1, err
}

// EndLeases ends every lease: for a process that has the database to itself
// and has just started, no sender of before is alive, and nobody moves a clock.
func (tx *Tx) EndLeases(ctx context.Context) error {
	if _, err := tx.c.exec(ctx, `UPDATE executions SET lease_until = 1 WHERE status = 'SENDING'`); err != nil {
		return err
	}
	_, err := tx.c.exec(ctx, `DELETE FROM clock_calls`)
	return err
}

// MarkPaused notes on the due executions of a lane, or only on those whose bytes
// are frozen, that the platform's switch holds them back.
func (tx *Tx) MarkPaused(ctx context.Context, l Lane, now time.Time, frozenOnly bool) error {
	_, err := tx.c.exec(ctx,
		`UPDATE executions SET reason = $4, updated_at = $3
		 WHERE platform_id = $1 AND lane = $2 AND status = 'PENDING' AND due_at <= $3 AND reason = ''
		 AND NOT (frozen_hash = '' AND $5 = 1)`,
		string(l.PlatformID), l.Number, micros(now), string(workflow.SendingPaused), number(frozenOnly))
	return err
}
