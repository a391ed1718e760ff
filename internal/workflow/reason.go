package workflow

import "github.com/dunwellhq/dunwell/internal/billing"

// Reason says why a message is not sent, or not yet. The list is closed: a new
// one comes with its sentence in docs/reasons.md.
type Reason string

// The reasons that this version gives.
const (
	Sent               Reason = "" // nothing stands against it
	PaidReason         Reason = "PAID"
	VoidReason         Reason = "VOID"
	NotFinal           Reason = "NOT_FINAL"
	OnHold             Reason = "ON_HOLD"
	CustomerClosed     Reason = "CUSTOMER_CLOSED"
	OutOfScope         Reason = "OUT_OF_SCOPE"
	WorkflowInactive   Reason = "WORKFLOW_INACTIVE"
	NoAction           Reason = "NO_ACTION"
	NoRecipient        Reason = "NO_RECIPIENT"
	WaitingForCustomer Reason = "WAITING_FOR_CUSTOMER"
	PreferenceOff      Reason = "PREFERENCE_OFF"
	TooLate            Reason = "TOO_LATE"
	SendingPaused      Reason = "SENDING_PAUSED"
	Superseded         Reason = "SUPERSEDED"
)

// CanEnd reports whether a reason is a state that may end: then the message
// that it stopped may go after all.
func (r Reason) CanEnd() bool {
	switch r {
	case PaidReason, VoidReason, NotFinal, OnHold, CustomerClosed, Superseded:
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
}

// Stops says what in the states themselves forbids a message of the variant
// now, or [Sent]. It is asked when a trigger would fire, in the transaction of
// every change that could forbid, and again at the claim.
func (f Facts) Stops(v Variant) Reason {
	if f.Customer != nil && f.Customer.Closed() {
		return CustomerClosed
	}
	switch v {
	case ToFinal:
		return f.stopsFinal()
	case FailedPayment:
		return f.stopsFailedPayment()
	default:
		return Sent
	}
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

func (f Facts) stopsFailedPayment() Reason {
	if f.Payment != nil && !f.Payment.Result.Failed() {
		return PaidReason
	}
	switch {
	case f.Invoice == nil: // a payment without an invoice of its own
		return Sent
	case f.Invoice.Status == billing.InvoiceVoid:
		return VoidReason
	case f.Invoice.IsPaid():
		return PaidReason
	case f.Invoice.OnHold:
		return OnHold
	default:
		return Sent
	}
}
