package billing

import "time"

// InvoiceStatus is the state of an invoice, as on the wire.
type InvoiceStatus string

// The states of an invoice.
const (
	InvoiceOpen     InvoiceStatus = "OPEN"
	InvoiceDraft    InvoiceStatus = "DRAFT"
	InvoiceFinal    InvoiceStatus = "FINAL"
	InvoiceArchived InvoiceStatus = "ARCHIVED"
	InvoiceVoid     InvoiceStatus = "VOID"
)

// InvoiceStatuses lists the states.
var InvoiceStatuses = []InvoiceStatus{InvoiceOpen, InvoiceDraft, InvoiceFinal, InvoiceArchived, InvoiceVoid}

// InvoiceType tells invoices from credit notes.
type InvoiceType string

// The types of invoice.
const (
	InvoiceStandard     InvoiceType = "STANDARD"
	InvoiceCredit       InvoiceType = "CREDIT"
	InvoiceOneOff       InvoiceType = "ONE_OFF"
	InvoiceOneOffCredit InvoiceType = "ONE_OFF_CREDIT"
)

// InvoiceTypes lists the types.
var InvoiceTypes = []InvoiceType{InvoiceStandard, InvoiceCredit, InvoiceOneOff, InvoiceOneOffCredit}

// PaymentStatus says how far an invoice has been paid.
type PaymentStatus string

// How far an invoice has been paid.
const (
	Unpaid        PaymentStatus = "UNPAID"
	PartiallyPaid PaymentStatus = "PARTIALLY_PAID"
	Paid          PaymentStatus = "PAID"
	Overpaid      PaymentStatus = "OVERPAID"
)

// PaymentStatuses lists them.
var PaymentStatuses = []PaymentStatus{Unpaid, PartiallyPaid, Paid, Overpaid}

// Invoice is an invoice or credit note as the billing system has it now.
type Invoice struct {
	Head
	Number            string        `json:"invoice_number"`
	Status            InvoiceStatus `json:"status"`
	Type              InvoiceType   `json:"type"`
	CustomerID        CustomerID    `json:"customer_id"`
	CustomerReference string        `json:"customer_reference"`
	BillingEntityID   string        `json:"billing_entity_id"`
	SubscriptionIDs   []string      `json:"pricing_plan_subscription_ids"`
	InvoiceDate       time.Time     `json:"invoice_date"`
	DueDate           time.Time     `json:"due_date"`
	DueOn             string        `json:"due_on"` // YYYY-MM-DD when the due date came as a plain date
	Timezone          string        `json:"timezone"`
	Currency          string        `json:"billing_currency"`
	Total             Money         `json:"invoice_amount_including_tax"`
	Open              Money         `json:"open_invoice_amount"`
	Closed            Money         `json:"closed_invoice_amount"`
	PaidAmount        Money         `json:"paid_invoice_amount"`
	PaidFlag          *bool         `json:"paid"`
	PaymentStatus     PaymentStatus `json:"payment_status"`
	OnHold            bool          `json:"on_hold"`
	FinalAt           time.Time     `json:"updated_to_final_at"`
	ChargeAt          time.Time     `json:"charge_at"`
	PayLink           PayLink       `json:"pay_invoice_link"`
	PDFURL            string        `json:"pdf_url"`
	Lines             []Line        `json:"lines"`
}

// PayLink is where the customer can pay.
type PayLink struct {
	URL          string `json:"url"`
	PortalURLID  string `json:"portal_url_id"`
	ExpiryPeriod string `json:"expiry_period"`
}

// Line is one line of an invoice.
type Line struct {
	Description string  `json:"description"`
	Quantity    Decimal `json:"quantity"`
	UnitAmount  Money   `json:"unit_amount"`
	Amount      Money   `json:"amount"`
	Tax         Money   `json:"tax"`
}

// Kind implements [Resource].
func (*Invoice) Kind() Kind { return KindInvoice }

// rank orders the states of an invoice by how far along its life they are
// (contract B1): VOID, PAID, PARTIALLY_PAID, FINAL unpaid, DRAFT, OPEN.
func (i *Invoice) rank() int {
	switch {
	case i.Status == InvoiceVoid:
		return 6
	case i.IsPaid():
		return 5
	case i.PaymentStatus == PartiallyPaid:
		return 4
	case i.Status == InvoiceFinal, i.Status == InvoiceArchived:
		return 3
	case i.Status == InvoiceDraft:
		return 2
	default:
		return 1
	}
}

// IsPaid reports whether nothing more is expected from the customer because it
// has been paid.
func (i *Invoice) IsPaid() bool {
	return i.PaymentStatus == Paid || i.PaymentStatus == Overpaid || (i.PaidFlag != nil && *i.PaidFlag)
}

// IsCredit reports whether it is a credit note.
func (i *Invoice) IsCredit() bool {
	return i.Type == InvoiceCredit || i.Type == InvoiceOneOffCredit
}

// OpenAmount is what is still to be paid: as stated, else total less paid.
func (i *Invoice) OpenAmount() Money {
	switch {
	case i.Open.IsSet():
		return i.Open
	case i.IsPaid():
		return Money{"0", i.Total.Currency}
	case i.PaidAmount.IsSet() && i.PaidAmount.Currency == i.Total.Currency:
		return Money{i.Total.Quantity.Sub(i.PaidAmount.Quantity), i.Total.Currency}
	default:
		return i.Total
	}
}

// Collectible reports whether money is due on the invoice: FINAL, no credit
// note, not paid, and an open amount above zero (contract B1).
func (i *Invoice) Collectible() bool {
	return i.Status == InvoiceFinal && !i.IsCredit() && !i.IsPaid() && i.OpenAmount().Quantity.Sign() > 0
}
