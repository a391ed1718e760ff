package billing

import (
	"strconv"
	"time"
)

// EventType is what a change means.
type EventType string

// The events that this version derives.
const (
	BecameFinal    EventType = "INVOICE_FINAL"
	PaymentFailed  EventType = "PAYMENT_FAILED"
	BalanceChanged EventType = "BALANCE_CHANGED" // whether it crosses a threshold, each workflow knows
)

// Event is a change that a workflow may answer to.
type Event struct {
	Type     EventType
	Old      Resource // the state before it; nil when the resource is first seen
	Resource Resource // the new state
	// At is the event's own time: by it the event is judged too late or not,
	// however late we hear of it.
	At time.Time
	// Occurrence tells this event from others of its type on the same
	// resource, and is equal whenever the same event is told again.
	Occurrence string
}

// Change is the step from one state of a resource to the next.
type Change struct {
	Old Resource // nil when the resource is first seen
	New Resource
	// Count counts the states of the resource that were stored, up to New. It is
	// the same however they are batched.
	Count int64
	// EventAt is when the billing system says that it happened; zero when it
	// does not say. A native webhook knows.
	EventAt time.Time
}

// Moved reports whether an invoice, a subscription or a wallet has become another
// customer's.
func (c Change) Moved() bool {
	switch c.New.(type) {
	case *Invoice, *Subscription, *Wallet:
		return c.Old != nil && CustomerOf(c.Old) != CustomerOf(c.New)
	default:
		return false
	}
}

// Events derives what a change means. now is the platform's clock: it is the
// time of an event that carries none and that we saw happen.
func (c Change) Events(now time.Time) []Event {
	switch state := c.New.(type) {
	case *Invoice:
		old, _ := c.Old.(*Invoice)
		if state.Status == InvoiceFinal && (old == nil || old.Status != InvoiceFinal) {
			return []Event{{Type: BecameFinal, Old: c.Old, Resource: state, At: c.finalAt(old, state, now)}}
		}
	case *Payment:
		old, _ := c.Old.(*Payment)
		if failedAnew(old, state) {
			return []Event{{
				Type:       PaymentFailed,
				Old:        c.Old,
				Resource:   state,
				At:         firstTime(c.EventAt, state.Timestamp, now),
				Occurrence: state.ID + "#" + strconv.Itoa(state.Dunning.Attempt),
			}}
		}
	case *Wallet:
		if old, _ := c.Old.(*Wallet); state.moved(old) {
			return []Event{{
				Type:       BalanceChanged,
				Old:        c.Old,
				Resource:   state,
				At:         firstTime(c.EventAt, state.BalanceAt, now),
				Occurrence: strconv.FormatInt(c.Count, 10),
			}}
		}
	}
	return nil
}

// finalAt is when an invoice became final: as stated; else now, if it was not
// final when we saw it before; else the date on the invoice (contract B2). One that a
// snapshot had closed was final before, for all we know.
func (c Change) finalAt(old, state *Invoice, now time.Time) time.Time {
	if old != nil && old.ClosedBy == "" {
		return firstTime(c.EventAt, state.FinalAt, now)
	}
	return firstTime(c.EventAt, state.FinalAt, state.InvoiceDate, now)
}

// failedAnew reports whether the step to state is a failed attempt that was
// not known: the result became REFUSED or ERROR, or the attempt grew while it
// was one of them. An attempt that is learned later (0 before) is the same one.
func failedAnew(old, state *Payment) bool {
	if !state.Result.Failed() {
		return false
	}
	if old == nil || !old.Result.Failed() {
		return true
	}
	return old.Dunning.Attempt > 0 && state.Dunning.Attempt > old.Dunning.Attempt
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// Link says to which invoice the payments of an external reference belong. A
// billing system may tell it apart from the payment, before or after it.
type Link struct {
	ExternalReference string
	InvoiceID         InvoiceID
}

// Item is one incoming state.
type Item struct {
	Resource Resource
	Mode     Mode
	EventAt  time.Time // see [Change.EventAt]
	// Patch makes the state of the stored one, in place; Resource then only
	// names it. It may be run more than once, and first on a state that has
	// changed by the time that it counts.
	Patch func(Resource) error
}
