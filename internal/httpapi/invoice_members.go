package httpapi

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

const (
	maxSubscriptions = 100
	maxLines         = 1_000
)

// invoiceMembers lists the members of an invoice (contract B1).
func invoiceMembers(m *members, in *billing.Invoice) {
	headMembers(m, billing.KindInvoice, &in.Head)
	text(m, "invoice_number", &in.Number, shortLine)
	enum(m, "status", &in.Status, billing.InvoiceStatuses, plain.required())
	enum(m, "type", &in.Type, billing.InvoiceTypes, plain)
	if m.mode != encode && in.Type == "" {
		in.Type = billing.InvoiceStandard
	}
	text(m, "customer_id", &in.CustomerID, identifier.required())
	text(m, "customer_reference", &in.CustomerReference, shortLine)
	text(m, "billing_entity_id", &in.BillingEntityID, identifier)
	texts(m, "pricing_plan_subscription_ids", &in.SubscriptionIDs, maxSubscriptions, identifier)
	instant(m, "invoice_date", &in.InvoiceDate, plain)
	instantOrDay(m, "due_date", &in.DueDate, &in.DueOn, m.sellerZone(in))
	text(m, "timezone", &in.Timezone, zone)
	text(m, "billing_currency", &in.Currency, currency)
	money(m, "invoice_amount_including_tax", &in.Total)
	money(m, "open_invoice_amount", &in.Open)
	money(m, "closed_invoice_amount", &in.Closed)
	money(m, "paid_invoice_amount", &in.PaidAmount)
	maybe(m, "paid", &in.PaidFlag)
	enum(m, "payment_status", &in.PaymentStatus, billing.PaymentStatuses, plain)
	flag(m, "on_hold", &in.OnHold, plain)
	instant(m, "updated_to_final_at", &in.FinalAt, plain)
	instant(m, "charge_at", &in.ChargeAt, plain)
	object(m, "pay_invoice_link", &in.PayLink, plain, payLinkMembers)
	text(m, "pdf_url", &in.PDFURL, link)
	objects(m, "lines", &in.Lines, maxLines, plain, lineMembers)
	tailMembers(m, &in.Head)
}

// sellerZone is the zone in which a plain due date begins: the invoice's own,
// else its seller's, else the platform's, else UTC.
func (m *members) sellerZone(in *billing.Invoice) *time.Location {
	if m.mode != encode || in.DueOn == "" || m.zoneOf == nil {
		return time.UTC
	}
	return m.zoneOf(in)
}

func payLinkMembers(m *members, l *billing.PayLink) {
	text(m, "url", &l.URL, link)
	text(m, "portal_url_id", &l.PortalURLID, shortLine)
	expiryMember(m, l)
}

// expiryMember is a period, which the mirror keeps as its text.
func expiryMember(m *members, l *billing.PayLink) {
	p, _ := calendar.ParsePeriod(l.ExpiryPeriod)
	object(m, "expiry_period", &p, plain, periodMembers)
	if l.ExpiryPeriod = ""; p != (calendar.Period{}) {
		l.ExpiryPeriod = p.String()
	}
}

func lineMembers(m *members, l *billing.Line) {
	text(m, "description", &l.Description, prose)
	decimal(m, "quantity", &l.Quantity, plain)
	money(m, "unit_amount", &l.UnitAmount)
	money(m, "amount", &l.Amount)
	money(m, "tax", &l.Tax)
}
