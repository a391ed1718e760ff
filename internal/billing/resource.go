// Package billing is what Dunwell mirrors from the company's billing system:
// customers, contacts, subscriptions, wallets, invoices, payments and billing
// entities as they are now, in which order states of one resource follow each other, and what the
// step from one state to the next means. It is pure: no SQL, no HTTP, no clock.
//
// The structs' JSON form is the one that the store keeps, with members that
// are not set left out. The wire's form, with its nulls and checks, is the API's.
package billing

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind is the object type of a mirrored resource, as on the wire.
type Kind string

// The kinds of mirrored resource.
const (
	KindBillingEntity Kind = "BILLING_ENTITY"
	KindCustomer      Kind = "CUSTOMER"
	KindContact       Kind = "CONTACT"
	KindSubscription  Kind = "PRICING_PLAN_SUBSCRIPTION"
	KindSchedule      Kind = "PRICING_PLAN_SCHEDULE"
	KindWalletType    Kind = "WALLET_TYPE"
	KindWallet        Kind = "WALLET"
	KindInvoice       Kind = "INVOICE"
	KindPayment       Kind = "PAYMENT"
)

// Kinds lists the kinds in the order in which their rows are locked: a customer
// before what belongs to it, a subscription before its schedules, a wallet type
// before its wallets, an invoice before its payments.
var Kinds = []Kind{
	KindCustomer, KindBillingEntity, KindContact, KindSubscription, KindSchedule, KindWalletType, KindWallet,
	KindInvoice, KindPayment,
}

// CustomerID identifies a customer; opaque, the billing system's.
type CustomerID string

// InvoiceID identifies an invoice; opaque, the billing system's.
type InvoiceID string

// Resource is the state of one mirrored resource.
type Resource interface {
	Kind() Kind
	// Base returns what all mirrored resources have.
	Base() *Head
	// rank says how far along its life a state is: of two different states
	// with the same version the further one wins (contract B1).
	rank() int
}

// Head is what all mirrored resources have.
type Head struct {
	ID        string         `json:"id"`
	Reference string         `json:"reference"`
	Version   Version        `json:"version"`
	Metadata  jsontext.Value `json:"metadata"` // an object, kept as it came; nil when not set
	// ClosedBy is the snapshot in which the source no longer had the resource, if
	// that ended it: the source itself did not say so.
	ClosedBy  SnapshotID `json:"closed_by"`
	CreatedAt time.Time  `json:"-"` // the store's columns
	UpdatedAt time.Time  `json:"-"`
}

// Base returns the head itself, so that every resource that embeds it has one.
func (h *Head) Base() *Head { return h }

// Key names one mirrored resource of a platform.
type Key struct {
	Kind Kind
	ID   string
}

// KeyOf returns the key of a resource.
func KeyOf(r Resource) Key { return Key{r.Kind(), r.Base().ID} }

// New returns an empty resource of a kind, or nil for a kind that is not mirrored.
func New(kind Kind) Resource {
	switch kind {
	case KindCustomer:
		return new(Customer)
	case KindContact:
		return new(Contact)
	case KindInvoice:
		return new(Invoice)
	case KindPayment:
		return new(Payment)
	case KindBillingEntity:
		return new(BillingEntity)
	case KindSubscription:
		return new(Subscription)
	case KindSchedule:
		return new(Schedule)
	case KindWalletType:
		return new(WalletType)
	case KindWallet:
		return new(Wallet)
	default:
		return nil
	}
}

// CustomerOf returns the customer that a resource says it belongs to (a
// customer belongs to itself), or "". A schedule belongs to its subscription's.
func CustomerOf(r Resource) CustomerID {
	switch r := r.(type) {
	case *Customer:
		return CustomerID(r.ID)
	case *Contact:
		return r.CustomerID
	case *Invoice:
		return r.CustomerID
	case *Payment:
		return r.CustomerID
	case *Subscription:
		return r.CustomerID
	case *Wallet:
		return r.CustomerID
	default:
		return ""
	}
}

// InvoiceOf returns the invoice that a resource belongs to (an invoice belongs
// to itself), or "".
func InvoiceOf(r Resource) InvoiceID {
	switch r := r.(type) {
	case *Invoice:
		return InvoiceID(r.ID)
	case *Payment:
		return r.InvoiceID
	default:
		return ""
	}
}

// ParentOf returns the id of the resource, other than customer and invoice,
// under which one belongs: a schedule's subscription, a wallet's wallet type;
// else "".
func ParentOf(r Resource) string {
	switch r := r.(type) {
	case *Schedule:
		return string(r.SubscriptionID)
	case *Wallet:
		return string(r.WalletTypeID)
	default:
		return ""
	}
}
