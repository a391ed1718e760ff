package trigger

import (
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Patience is how long a trigger waits for its customer or invoice to become
// known before it is skipped.
const Patience = 24 * time.Hour

// Decide says what becomes of an event trigger of a workflow now, given the
// states that are known, and why it does not fire. It is asked in the
// transaction that brings the event, and again when what it waited for, or
// what stood against it, has changed.
func Decide(w *workflow.Armed, facts workflow.Facts, eventAt, now time.Time) (Status, workflow.Reason) {
	if facts.Waiting() {
		return Planned, workflow.WaitingForCustomer
	}
	if reason := w.LeavesOut(billing.CustomerID(facts.Customer.ID)); reason != workflow.Sent {
		return Skipped, reason
	}
	if facts.Wallet != nil && !w.Watches(facts.Wallet.WalletTypeID) {
		return Skipped, workflow.OutOfScope
	}
	if reason := w.Asks(facts); reason != workflow.Sent {
		return Skipped, reason
	}
	if w.Schedule.Late(eventAt, now) {
		return Skipped, workflow.TooLate
	}
	if reason := facts.Stops(w.Variant()); reason != workflow.Sent {
		return Skipped, reason
	}
	if reason := w.StopsBalance(facts.Wallet); reason != workflow.Sent {
		return Skipped, reason
	}
	if len(w.Actions) == 0 {
		return Skipped, workflow.NoAction
	}
	return Fired, workflow.Sent
}

// DecideStep says what becomes of step i of a course, which was planned for a
// time: now that it has come, or when what stood against it has ended. What was
// sent for the same step before, and when, are those of other dates of the
// deadline. It is asked without a lock; the claim asks again.
func DecideStep(w *workflow.Armed, f workflow.Facts, c Course, i int, m Moment) Verdict {
	switch v := c.Due(i, m.Planned, m.Now); {
	case v.Status == Planned && m.Now.Before(c.Steps[i].At): // its time is not yet
		return v
	case f.Customer == nil:
		return Verdict{Planned, workflow.WaitingForCustomer, m.Planned}
	default:
		if reason := StopsStep(w, f, m); reason != workflow.Sent {
			return Verdict{Skipped, reason, m.Planned}
		}
		if v.Status != Fired {
			return v
		}
		if slices.ContainsFunc(m.Sent, func(on calendar.Date) bool { return on >= c.Deadline }) {
			return Verdict{Skipped, workflow.AlreadySent, m.Planned}
		}
		if len(w.Actions) == 0 {
			return Verdict{Skipped, workflow.NoAction, m.Planned}
		}
		return v
	}
}

// Moment is what a decision about a step depends on beside the states.
type Moment struct {
	Now     time.Time
	Planned time.Time       // when the step was to go
	Sent    []calendar.Date // when it went for other dates of the deadline, where the seller is
	First   *workflow.Armed // of the workflows with a priority that match, the first
}

// Yields reports whether a workflow with a priority yields to another that matches.
func (m Moment) Yields(w *workflow.Armed) bool {
	return w.Priority != nil && m.First != nil && m.First.ID != w.ID && m.First.Before(w)
}

// StopsStep says what forbids a dated message of a workflow now, or [workflow.Sent].
func StopsStep(w *workflow.Armed, f workflow.Facts, m Moment) workflow.Reason {
	if reason := w.LeavesOut(billing.CustomerID(f.Customer.ID)); reason != workflow.Sent {
		return reason
	}
	if reason := w.Asks(f); reason != workflow.Sent {
		return reason
	}
	if m.Yields(w) {
		return workflow.Superseded
	}
	if reason := f.Stops(w.Variant()); reason != workflow.Sent {
		return reason
	}
	return f.Collected(w.Variant(), m.Now)
}

// Revivable reports whether a trigger that did not fire may fire after all when
// what stood against it has ended: only a FIRED trigger spends its key, and
// only a state of a resource, or a hold, can end. A MANUAL one was asked for at its moment.
func (t *Trigger) Revivable() bool {
	return t.Type == Event && (t.Status == Skipped || t.Status == Cancelled) && t.Reason.CanEnd()
}
