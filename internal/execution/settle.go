package execution

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Settle returns the state of a claimed execution after an attempt ended, and
// what docs/states.md draws. contentHash is the hash of the bytes that were
// handed over; onAmbiguous is the workflow's choice for an unknown outcome.
func (e Execution) Settle(o Outcome, contentHash string, onAmbiguous workflow.OnAmbiguous, now time.Time) Execution {
	e.Token, e.LeaseUntil, e.NextAttemptAt, e.UpdatedAt = "", time.Time{}, time.Time{}, now
	e.Reason = workflow.Sent
	exhausted := now.Sub(e.FirstTriedAt) >= RetryFor
	lost := Failed
	if e.FrozenHash != "" {
		lost = Unconfirmed // what was refused now may have been taken before
	}
	switch o.Kind {
	case Accepted:
		e.Status = Sent
	case Deferred:
		e.Status, e.NextAttemptAt = Waiting, now.Add(Backoff(e.Attempts, o.RetryAfter))
		if exhausted {
			e.Status, e.NextAttemptAt = lost, time.Time{}
		}
	case Unknown:
		// The bytes whose outcome is unknown never change: a second
		// hand-over must be the same message.
		e.FrozenHash = contentHash
		e.Status = Unconfirmed
		if onAmbiguous == workflow.Resend && !exhausted {
			e.Status, e.NextAttemptAt = Waiting, now.Add(Backoff(e.Attempts, 0))
		}
	case Refused:
		e.Status = lost
	}
	return e
}

// End returns an execution that ends without being handed over (again),
// CANCELLED, SKIPPED or UNCONFIRMED: nothing of it is still to come.
func (e Execution) End(s Status, reason workflow.Reason, now time.Time) Execution {
	e.Status, e.Reason, e.NextAttemptAt, e.UpdatedAt = s, reason, time.Time{}, now
	return e
}
