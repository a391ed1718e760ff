package workflow

import (
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
	"github.com/dunwellhq/dunwell/internal/hold"
)

// Reason says why a message is not sent, or not yet. The list is closed: a new
// one comes with its sentence in docs/reasons.md.
type Reason string

// The reasons that this version gives.
const (
	Sent               Reason = "" // nothing stands against it
	PaidReason         Reason = "PAID"
	PaymentPending     Reason = "PAYMENT_PENDING"
	AutoCharge         Reason = "AUTO_CHARGE"
	Credited           Reason = "CREDITED"
	VoidReason         Reason = "VOID"
	NotFinal           Reason = "NOT_FINAL"
	OnHold             Reason = "ON_HOLD"
	Held               Reason = "HELD"
	CustomerClosed     Reason = "CUSTOMER_CLOSED"
	SubscriptionEnded  Reason = "SUBSCRIPTION_ENDED"
	WalletInactive     Reason = "WALLET_INACTIVE"
	BalanceRestored    Reason = "BALANCE_RESTORED"
	UnitMismatch       Reason = "UNIT_MISMATCH"
	Excluded           Reason = "EXCLUDED"
	OutOfScope         Reason = "OUT_OF_SCOPE"
	ConditionFalse     Reason = "CONDITION_FALSE"
	ConditionError     Reason = "CONDITION_ERROR"
	WorkflowInactive   Reason = "WORKFLOW_INACTIVE"
	WorkflowChanged    Reason = "WORKFLOW_CHANGED"
	DeadlineMoved      Reason = "DEADLINE_MOVED"
	AlreadySent        Reason = "ALREADY_SENT"
	NoAction           Reason = "NO_ACTION"
	NoRecipient        Reason = "NO_RECIPIENT"
	WaitingForCustomer Reason = "WAITING_FOR_CUSTOMER"
	WaitingForInvoice  Reason = "WAITING_FOR_INVOICE"
	Suppressed         Reason = "SUPPRESSED"
	PreferenceOff      Reason = "PREFERENCE_OFF"
	TooLate            Reason = "TOO_LATE"
	SendingPaused      Reason = "SENDING_PAUSED"
	Superseded         Reason = "SUPERSEDED"
	Deleted            Reason = "DELETED"
)

// CanEnd reports whether a reason is a state that may end: then the message
// that it stopped may go after all.
func (r Reason) CanEnd() bool {
	switch r {
	case PaidReason, PaymentPending, AutoCharge, Credited, VoidReason, NotFinal, OnHold, Held, CustomerClosed, SubscriptionEnded, WalletInactive, Superseded:
		return true
	default:
		return false
	}
}

// Replanned reports whether a dated trigger that a reason kept from firing goes
// back to its plan when the planner comes upon it again: what stood against it
// was the plan of before.
func (r Reason) Replanned() bool {
	switch r {
	case WorkflowInactive, WorkflowChanged, DeadlineMoved, OutOfScope, Excluded, NoAction, Deleted:
		return true
	default:
		return false
	}
}

// Facts are the states that decide about one message. A nil is not known.
type Facts struct {
	Customer *billing.Customer
	Contacts []*billing.Contact
	Entity   *billing.BillingEntity
	Invoice  *billing.Invoice
	Payment  *billing.Payment

	Subscription *billing.Subscription
	Trial        *billing.ScheduleInfo // the subscription's, or that of a schedule of its own
	Wallet       *billing.Wallet
	WalletType   *billing.WalletType // the wallet's

	Holds   []hold.Hold // those in force that cover what the message is about
	Covered bool        // a payment that is under way covers what is open on the invoice

	Zone *time.Location // of the seller, in which a plain due date begins; nil: the invoice's own, else UTC
	// Asking is what conditions have been told of these states, for who asks many
	// of them; see [Facts.Asked].
	Asking *condition.Asking
}

// Take adds a state to what is known.
func (f *Facts) Take(r billing.Resource) {
	switch r := r.(type) {
	case *billing.Customer:
		f.Customer = r
	case *billing.BillingEntity:
		f.Entity = r
	case *billing.Invoice:
		f.Invoice = r
	case *billing.Payment:
		f.Payment = r
	case *billing.Subscription:
		f.Subscription = r
	case *billing.Wallet:
		f.Wallet = r
	case *billing.WalletType:
		f.WalletType = r
	}
}

// Waiting reports whether a state that decides is still to come: the customer, or
// the invoice that a payment names.
func (f Facts) Waiting() bool {
	return f.Customer == nil || (f.Payment != nil && f.Payment.InvoiceID != "" && f.Invoice == nil)
}

// Stops says what in the states themselves, or which hold, forbids a message of
// the variant now, or [Sent]. It is asked when a trigger would fire, in the
// transaction of every change that could forbid, and again at the claim.
func (f Facts) Stops(v Variant) Reason {
	reason := f.stops(v)
	if reason == Sent && f.Held(v) {
		return Held
	}
	return reason
}

// Collected says what makes a reminder needless for now: the money is on its way,
// or will be collected by itself (contract B1).
func (f Facts) Collected(v Variant, now time.Time) Reason {
	switch {
	case v == Overdue && f.Invoice != nil && f.Invoice.ChargeAt.After(now):
		return AutoCharge
	case f.Covered && (v == Overdue || v == UpcomingPaymentRemind):
		return PaymentPending
	default:
		return Sent
	}
}

// Held reports whether a hold forbids a message of the variant.
func (f Facts) Held(v Variant) bool {
	dated := v == Overdue || v == UpcomingPaymentRemind
	return slices.ContainsFunc(f.Holds, func(h hold.Hold) bool { return h.Stops(dated) })
}

func (f Facts) stops(v Variant) Reason {
	if f.Customer != nil && f.Customer.Closed() {
		return CustomerClosed
	}
	switch v {
	case ToFinal:
		return f.stopsFinal()
	case Overdue, UpcomingPaymentRemind:
		return f.stopsCollecting()
	case FailedPayment:
		return f.stopsFailedPayment()
	case FreeTrialReminder:
		return f.stopsTrial()
	case WalletBalance:
		return f.stopsWallet()
	default:
		return Sent
	}
}

// StopsAny reports whether the states that are known forbid a message of any
// variant.
func (f Facts) StopsAny() bool {
	return slices.ContainsFunc(AllVariants, func(v Variant) bool {
		reason := f.Stops(v)
		return reason != Sent && reason != WaitingForCustomer
	})
}

func (f Facts) stopsFinal() Reason {
	switch {
	case f.Invoice == nil:
		return WaitingForCustomer
	case f.Invoice.Status == billing.InvoiceVoid:
		return VoidReason
	case f.Invoice.Status != billing.InvoiceFinal:
		return NotFinal
	case f.Invoice.OnHold:
		return OnHold
	default:
		return Sent
	}
}

// stopsCollecting asks for an invoice on which money is due (contract B1).
func (f Facts) stopsCollecting() Reason {
	if reason := f.stopsFinal(); reason != Sent {
		return reason
	}
	switch {
	case f.Invoice.IsPaid():
		return PaidReason
	case !f.Invoice.Collectible(): // a credit note, or nothing is left open
		return Credited
	default:
		return Sent
	}
}

func (f Facts) stopsTrial() Reason {
	switch {
	case f.Subscription == nil:
		return WaitingForCustomer
	case f.Subscription.Ended():
		return SubscriptionEnded
	default:
		return Sent
	}
}

func (f Facts) stopsWallet() Reason {
	switch {
	case f.Wallet == nil:
		return WaitingForCustomer
	case f.Wallet.Status != billing.WalletActive:
		return WalletInactive
	default:
		return Sent
	}
}

func (f Facts) stopsFailedPayment() Reason {
	if f.Payment != nil && f.Payment.Result == billing.Pending {
		return PaymentPending
	}
	if f.Payment != nil && !f.Payment.Result.Failed() {
		return PaidReason
	}
	switch {
	case f.Invoice == nil: // a payment without an invoice of its own
		return Sent
	case f.Invoice.Status == billing.InvoiceVoid:
		return VoidReason
	case f.Invoice.Status == billing.InvoiceArchived:
		return NotFinal
	case f.Invoice.IsPaid():
		return PaidReason
	case f.Invoice.OnHold:
		return OnHold
	default:
		return Sent
	}
}
