// Package hold is what people stop by hand: holds on a customer, an invoice or
// a subscription, and addresses that get no mail. It is pure: it says what a
// hold covers and what it stops; when it is asked is the engine's to say
// (docs/ordering.md).
package hold

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// ID identifies a hold (hold_…).
type ID string

// Scopes are the kinds of resource that a hold can be on.
var Scopes = []billing.Kind{billing.KindCustomer, billing.KindInvoice, billing.KindSubscription}

// Reason says why there is a hold.
type Reason string

// The reasons. LEGAL stops everything to the customer, the others what asks for
// money.
const (
	Dispute      Reason = "DISPUTE"
	PromiseToPay Reason = "PROMISE_TO_PAY"
	Manual       Reason = "MANUAL"
	Legal        Reason = "LEGAL"
)

// Reasons lists the reasons.
var Reasons = []Reason{Dispute, PromiseToPay, Manual, Legal}

// Status says where a hold stands.
type Status string

// The states. A hold ends once.
const (
	Active   Status = "ACTIVE"
	Released Status = "RELEASED" // by a person
	Expired  Status = "EXPIRED"  // by its date
)

// Statuses lists the states.
var Statuses = []Status{Active, Released, Expired}

// Hold stops messages until it ends.
type Hold struct {
	ID         ID           `json:"id"`
	Scope      billing.Kind `json:"scope"`
	ResourceID string       `json:"resource_id"`
	// CustomerID is whose the resource was when the hold was set.
	CustomerID billing.CustomerID `json:"customer_id"`
	Reason     Reason             `json:"reason"`
	Until      string             `json:"until"`   // YYYY-MM-DD, its last day; "" is no date
	EndsAt     time.Time          `json:"ends_at"` // when that day is over where the seller is; zero without one
	Note       string             `json:"note"`
	Status     Status             `json:"status"`
	ReleasedAt time.Time          `json:"released_at"`

	// ResumeAt is when what it stopped is to be decided again, zero for never:
	// its end, until that has been done. ResumedTo is how far that has come:
	// the last trigger that was.
	ResumeAt  time.Time `json:"resume_at"`
	ResumedTo string    `json:"resumed_to"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// InForce reports whether a hold stops anything.
func (h *Hold) InForce(now time.Time) bool {
	return h.Status == Active && (h.EndsAt.IsZero() || now.Before(h.EndsAt))
}

// Covers is the resource whose messages a hold stops: the one that it is on, or,
// for a legal reason, its customer.
func (h *Hold) Covers() billing.Key {
	if h.Reason == Legal {
		return billing.Key{Kind: billing.KindCustomer, ID: string(h.CustomerID)}
	}
	return billing.Key{Kind: h.Scope, ID: h.ResourceID}
}

// Stops reports whether a hold stops a message about what it covers. dated says
// that the message is one about a date at which money is or was due.
func (h *Hold) Stops(dated bool) bool { return dated || h.Reason == Legal }

// On lists what a hold may cover that stops a message: its customer, its
// invoice, and the subscriptions that the invoice names. Invoice may be nil.
func On(customer billing.CustomerID, invoice *billing.Invoice) []billing.Key {
	var keys []billing.Key
	if customer != "" {
		keys = append(keys, billing.Key{Kind: billing.KindCustomer, ID: string(customer)})
	}
	if invoice == nil {
		return keys
	}
	keys = append(keys, billing.KeyOf(invoice))
	for _, id := range invoice.SubscriptionIDs {
		keys = append(keys, billing.Key{Kind: billing.KindSubscription, ID: id})
	}
	return keys
}
