package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// A TEST platform may have a clock of its own, in its planning row. What looks
// over all platforms for something that is due leaves those out, by byMachine, and
// is asked for each of them with its own clock.

// byMachine is the condition that a row is of a platform that goes by the machine's
// clock. PostgreSQL makes no join of it, whose order could lead it away from the
// index of the time.
const byMachine = `platform_id NOT IN (SELECT own.platform_id FROM planning own WHERE own.clock > 0)`

// OwnClocks returns the platforms with a clock of their own on which retries,
// triggers that have waited for longer than the patience, or holds that have ended are due by it.
func (r Reader) OwnClocks(ctx context.Context, patience time.Duration) ([]platform.ID, error) {
	return all(ctx, r.c, column[platform.ID],
		`SELECT platform_id FROM planning n WHERE n.clock > 0 AND (
		     EXISTS (SELECT 1 FROM executions e WHERE e.platform_id = n.platform_id AND e.status = 'WAITING' AND e.next_attempt_at <= n.clock)
		     OR EXISTS (SELECT 1 FROM triggers t WHERE t.platform_id = n.platform_id AND t.status = 'PLANNED'
		         AND t.reason = 'WAITING_FOR_CUSTOMER' AND t.decided_at < n.clock - $1)
		     OR EXISTS (SELECT 1 FROM holds h WHERE h.platform_id = n.platform_id AND h.resume_at > 0 AND h.resume_at <= n.clock))
		 ORDER BY platform_id`, patience.Microseconds())
}

// TakeClock gives a call the right to move a platform's clock until a time, by the
// machine's clock, unless another has it.
func (tx *Tx) TakeClock(ctx context.Context, p platform.ID, token string, now, until time.Time) (bool, error) {
	n, err := tx.c.exec(ctx,
		`INSERT INTO clock_calls (platform_id, token, lease_until) VALUES ($1, $2, $3)
		 ON CONFLICT (platform_id) DO UPDATE SET token = excluded.token, lease_until = excluded.lease_until
		 WHERE clock_calls.lease_until <= $4`, string(p), token, micros(until), micros(now))
	return n == 1, err
}

// KeepClock prolongs the right of a call, and reports whether it still has it.
func (tx *Tx) KeepClock(ctx context.Context, p platform.ID, token string, until time.Time) (bool, error) {
	n, err := tx.c.exec(ctx, `UPDATE clock_calls SET lease_until = $3 WHERE platform_id = $1 AND token = $2`, string(p), token, micros(until))
	return n == 1, err
}

// LeaveClock ends the right of a call.
func (tx *Tx) LeaveClock(ctx context.Context, p platform.ID, token string) error {
	_, err := tx.c.exec(ctx, `DELETE FROM clock_calls WHERE platform_id = $1 AND token = $2`, string(p), token)
	return err
}

// LockClock reads the planning row for a move of the clock. It waits for every
// ingestion that has read it. ok is false if the call has lost its right.
func (tx *Tx) LockClock(ctx context.Context, p platform.ID, token string) (pl Planning, ok bool, err error) {
	if pl, err = tx.LockPlanning(ctx, p); err != nil {
		return pl, false, err
	}
	_, err = one(ctx, tx.c, column[string],
		`SELECT token FROM clock_calls WHERE platform_id = $1 AND token = $2 FOR UPDATE`, string(p), token)
	if errors.Is(err, errNoRow) {
		return pl, false, nil
	}
	return pl, err == nil, err
}

// MoveClock has a platform's clock show a time, and stores through which date is
// announced then. The row must be locked.
func (tx *Tx) MoveClock(ctx context.Context, p platform.ID, to time.Time, announced calendar.Date) error {
	_, err := tx.c.exec(ctx, `UPDATE planning SET clock = $2, announced = $3 WHERE platform_id = $1`, string(p), micros(to), int64(announced))
	return err
}

// ShiftOpen moves the times by which the open executions of a platform go: they
// were of another clock.
func (tx *Tx) ShiftOpen(ctx context.Context, p platform.ID, by time.Duration) error {
	_, err := tx.c.exec(ctx,
		`UPDATE executions SET due_at = due_at + $2,
		     next_attempt_at = CASE WHEN next_attempt_at > 0 THEN next_attempt_at + $2 ELSE 0 END,
		     first_tried_at = CASE WHEN first_tried_at > 0 THEN first_tried_at + $2 ELSE 0 END
		 WHERE platform_id = $1 AND status IN ('PENDING', 'WAITING', 'SENDING')`, string(p), by.Microseconds())
	return err
}

// PullDue has due now what is PENDING and due later: something released it by
// another clock, at the moment when the platform was given its own.
func (tx *Tx) PullDue(ctx context.Context, p platform.ID, now time.Time) error {
	_, err := tx.c.exec(ctx,
		`UPDATE executions SET due_at = $2 WHERE platform_id = $1 AND status IN ('PENDING', 'WAITING', 'SENDING')
		 AND status = 'PENDING' AND due_at > $2`, string(p), micros(now))
	return err
}

// NextDue returns when the next thing comes due on a platform after a time: a
// planned trigger, a retry, the end of a hold, or that of the patience with a
// trigger that waits. It is the zero time if nothing is to come.
func (r Reader) NextDue(ctx context.Context, p platform.ID, after time.Time, patience time.Duration) (time.Time, error) {
	at, err := one(ctx, r.c, column[int64],
		`SELECT COALESCE(MIN(due.at), 0) FROM (
		     SELECT MIN(scheduled_at) AS at FROM triggers
		     WHERE platform_id = $1 AND status = 'PLANNED' AND reason = '' AND scheduled_at > $2
		     UNION ALL SELECT MIN(next_attempt_at) FROM executions WHERE platform_id = $1 AND status = 'WAITING' AND next_attempt_at > $2
		     UNION ALL SELECT MIN(resume_at) FROM holds WHERE platform_id = $1 AND resume_at > 0 AND resume_at > $2
		     UNION ALL SELECT MIN(decided_at) + $3 + 1 FROM triggers
		     WHERE platform_id = $1 AND status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER' AND decided_at >= $2 - $3
		 ) AS due`, string(p), micros(after), patience.Microseconds())
	return instant(at), err
}

// Unsettled is what is due on a platform and not done yet.
type Unsettled struct {
	Plan    bool  // something is to be planned
	Sweep   bool  // retries, or triggers that have waited too long
	Holds   bool  // that have ended
	Fire    bool  // triggers
	Sending bool  // somebody talks to a provider
	Lanes   []int // with executions that may go
}

// Any reports whether there is anything.
func (u Unsettled) Any() bool {
	return u.Plan || u.Sweep || u.Holds || u.Fire || u.Sending || len(u.Lanes) > 0
}

// Unsettled finds what is due on a platform at a time. What its switch holds back,
// and says so, waits for the switch.
func (r Reader) Unsettled(ctx context.Context, p platform.ID, now time.Time, patience time.Duration) (Unsettled, error) {
	u, err := one(ctx, r.c, func(rs rows) (u Unsettled, err error) {
		return u, rs.Scan(&u.Plan, &u.Sweep, &u.Holds, &u.Fire, &u.Sending)
	}, `SELECT EXISTS (SELECT 1 FROM plan_tasks WHERE platform_id = $1),
		    EXISTS (SELECT 1 FROM executions WHERE platform_id = $1 AND status = 'WAITING' AND next_attempt_at <= $2)
		    OR EXISTS (SELECT 1 FROM triggers WHERE platform_id = $1 AND status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER'
		        AND decided_at < $2 - $3),
		    EXISTS (SELECT 1 FROM holds WHERE platform_id = $1 AND resume_at > 0 AND resume_at <= $2),
		    EXISTS (SELECT 1 FROM triggers WHERE platform_id = $1 AND status = 'PLANNED' AND reason = '' AND scheduled_at <= $2),
		    EXISTS (SELECT 1 FROM executions WHERE platform_id = $1 AND status IN ('PENDING', 'WAITING', 'SENDING') AND status = 'SENDING')`,
		string(p), micros(now), patience.Microseconds())
	if err != nil {
		return u, fmt.Errorf("looking for what is due: %w", err)
	}
	u.Lanes, err = all(ctx, r.c, column[int],
		`WITH RECURSIVE lanes (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM lanes WHERE number + 1 < $3)
		 SELECT l.number FROM lanes l CROSS JOIN platforms p WHERE p.id = $1 AND EXISTS (
		     SELECT 1 FROM executions e WHERE e.platform_id = $1 AND e.lane = l.number AND e.status = 'PENDING' AND e.due_at <= $2
		     AND NOT (e.reason = 'SENDING_PAUSED' AND (p.sending = 'PAUSED' OR p.sending = 'REDIRECT' AND e.frozen_hash <> '')))
		 ORDER BY l.number`, string(p), micros(now), execution.Lanes)
	return u, err
}
