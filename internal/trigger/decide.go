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
	if facts.Customer == nil || (facts.Payment != nil && facts.Payment.InvoiceID != "" && facts.Invoice == nil) {
		return Planned, workflow.WaitingForCustomer
	}
	if reason := w.LeavesOut(billing.CustomerID(facts.Customer.ID)); reason != workflow.Sent {
		return Skipped, reason
	}
	switch {
	case facts.Wallet != nil && !w.Watches(facts.Wallet.WalletTypeID):
		return Skipped, workflow.OutOfScope
	case w.Schedule.Late(eventAt, now):
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
func DecideStep(w *workflow.Armed, f workflow.Facts, c Course, i int, planned, now time.Time, sent []calendar.Date) Verdict {
	switch v := c.Due(i, planned, now); {
	case v.Status == Planned && now.Before(c.Steps[i].At): // its time is not yet
		return v
	case f.Customer == nil:
		return Verdict{Planned, workflow.WaitingForCustomer, planned}
	default:
		if reason := stopsStep(w, f, now); reason != workflow.Sent {
			return Verdict{Skipped, reason, planned}
		}
		if v.Status != Fired {
			return v
		}
		if slices.ContainsFunc(sent, func(on calendar.Date) bool { return on >= c.Deadline }) {
			return Verdict{Skipped, workflow.AlreadySent, planned}
		}
		if len(w.Actions) == 0 {
			return Verdict{Skipped, workflow.NoAction, planned}
		}
		return v
	}
}

// stopsStep says what forbids a dated message now.
func stopsStep(w *workflow.Armed, f workflow.Facts, now time.Time) workflow.Reason {
	if reason := w.LeavesOut(billing.CustomerID(f.Customer.ID)); reason != workflow.Sent {
		return reason
	}
	if reason := f.Stops(w.Variant()); reason != workflow.Sent {
		return reason
	}
	return f.Collected(w.Variant(), now)
}

// Revivable reports whether a trigger that did not fire may fire after all when
// what stood against it has ended: only a FIRED trigger spends its key, and
// only a state of a resource, or a hold, can end. A MANUAL one was asked for at its moment.
func (t *Trigger) Revivable() bool {
	return t.Type == Event && (t.Status == Skipped || t.Status == Cancelled) && t.Reason.CanEnd()
}
