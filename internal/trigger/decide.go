package trigger

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
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
	if Late(w.Workflow, eventAt, now) {
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

// Late reports whether an event lies further back than the workflow allows. An
// event is judged by its own time, however late we heard of it.
func Late(w workflow.Workflow, eventAt, now time.Time) bool {
	allowed := w.MaxLateness
	if allowed.Value == 0 {
		allowed = workflow.DefaultMaxLateness
	}
	return eventAt.Before(allowed.Before(now))
}

// Revivable reports whether a trigger that did not fire may fire after all when
// what stood against it has ended: only a FIRED trigger spends its key, and
// only a state of a resource, or a hold, can end. A MANUAL one was asked for at its moment.
func (t *Trigger) Revivable() bool {
	return t.Type == Event && (t.Status == Skipped || t.Status == Cancelled) && t.Reason.CanEnd()
}
