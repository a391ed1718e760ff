package workflow

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// ActionID identifies an action (wkac_…).
type ActionID string

// ActionType is what an action does.
type ActionType string

// SendEmailToCustomer is the published type of action.
const SendEmailToCustomer ActionType = "SEND_EMAIL_TO_CUSTOMER"

// Action is one thing that a workflow does when it fires. Actions run in the
// order in which they were created.
type Action struct {
	ID          ActionID   `json:"id"`
	WorkflowID  ID         `json:"workflow_id"`
	Type        ActionType `json:"type"`
	Description string     `json:"description"`
	Status      Status     `json:"status"`
	SendEmail   *SendEmail `json:"send_email_to_customer"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
}

// SendEmail is the configuration of a SEND_EMAIL_TO_CUSTOMER action.
type SendEmail struct {
	IntegrationID platform.IntegrationID `json:"integration_id"`
	Subject       string                 `json:"subject"` // a template; "": the built-in's
	From          *Mailbox               `json:"from"`
	ReplyTo       *Mailbox               `json:"reply_to"`
	CC            []string               `json:"cc_recipients"`
	BCC           []string               `json:"bcc_recipients"`
	TemplateName  string                 `json:"template_name"`
	Variant       Type                   `json:"variant"` // "" for an action of a WALLET workflow

	Invoice      *InvoiceEmail `json:"invoice"`
	Payment      *PlainEmail   `json:"payment"`
	Subscription *PlainEmail   `json:"pricing_plan_subscription"`
}

// Mailbox is an address with the name shown for it.
type Mailbox struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// InvoiceEmail says what goes into a message about an invoice.
type InvoiceEmail struct {
	Type               Variant `json:"type"`
	IncludePDF         bool    `json:"include_pdf"`
	IncludePaymentLink bool    `json:"include_payment_link"`
	ContactsAsCC       bool    `json:"include_customer_contacts_as_cc"`
}

// PlainEmail says who gets copies of a message about anything else.
type PlainEmail struct {
	ContactsAsCC bool `json:"include_customer_contacts_as_cc"`
}

// Fits checks an action against its workflow: it must be about the same type
// and, for invoices, the same variant. What either does not say yet, as a DRAFT
// may, is not held against the other.
func (a *Action) Fits(w Workflow) error {
	e := a.SendEmail
	if e == nil {
		return nil
	}
	want := w.Type
	if w.Type == Wallet {
		want = "" // a WALLET action has no variant
	}
	const at = "send_email_to_customer."
	if e.Variant != want && (e.Variant != "" || a.Status != Draft) {
		return fault.At(fault.Invalid, at+"variant", "the action of a workflow of type %s has variant %q, not %q", w.Type, want, e.Variant)
	}
	if e.Invoice == nil || w.Variant() == "" {
		return nil
	}
	if e.Invoice.Type != "" && e.Invoice.Type != w.Variant() {
		return fault.At(fault.Invalid, at+"invoice.type", "the workflow waits for %s, so the action cannot be for %s", w.Variant(), e.Invoice.Type)
	}
	if w.Variant() == UpcomingPaymentRemind && (e.Invoice.IncludePDF || e.Invoice.IncludePaymentLink) {
		return fault.At(fault.Invalid, at+"invoice", "an UPCOMING_PAYMENT_REMINDER includes neither a PDF nor a payment link")
	}
	return nil
}

// ContactsAsCC reports whether the customer's contacts get copies.
func (e *SendEmail) ContactsAsCC() bool {
	switch {
	case e.Invoice != nil:
		return e.Invoice.ContactsAsCC
	case e.Payment != nil:
		return e.Payment.ContactsAsCC
	case e.Subscription != nil:
		return e.Subscription.ContactsAsCC
	default:
		return false
	}
}

// IncludesPaymentLink reports whether the message offers a way to pay.
func (e *SendEmail) IncludesPaymentLink() bool {
	return e.Invoice == nil || e.Invoice.IncludePaymentLink
}
