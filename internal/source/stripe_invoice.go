package source

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

type stripeInvoice struct {
	ID                 string         `json:"id"`
	Object             string         `json:"object"`
	Number             string         `json:"number"`
	Status             string         `json:"status"`
	Currency           string         `json:"currency"`
	Total              *int64         `json:"total"`
	AmountPaid         *int64         `json:"amount_paid"`
	AmountRemaining    *int64         `json:"amount_remaining"`
	AmountOverpaid     int64          `json:"amount_overpaid"`
	CollectionMethod   string         `json:"collection_method"`
	Created            int64          `json:"created"`
	EffectiveAt        int64          `json:"effective_at"`
	DueDate            int64          `json:"due_date"`
	NextPaymentAttempt int64          `json:"next_payment_attempt"`
	HostedInvoiceURL   string         `json:"hosted_invoice_url"`
	InvoicePDF         string         `json:"invoice_pdf"`
	Metadata           jsontext.Value `json:"metadata"`
	StatusTransitions  struct {
		FinalizedAt int64 `json:"finalized_at"`
	} `json:"status_transitions"`
	Lines stripeList[stripeLine] `json:"lines"`

	Customer        expandable    `json:"customer"`
	CustomerAccount expandable    `json:"customer_account"` // instead of a customer, Accounts v2
	CustomerName    string        `json:"customer_name"`
	CustomerEmail   string        `json:"customer_email"`
	CustomerAddress stripeAddress `json:"customer_address"`

	// Before basil.
	Subscription  expandable `json:"subscription"`
	Charge        expandable `json:"charge"`
	PaymentIntent expandable `json:"payment_intent"`
	// Since basil. Payments is left out of events today: it must be asked for.
	Parent struct {
		SubscriptionDetails struct {
			Subscription expandable `json:"subscription"`
		} `json:"subscription_details"`
	} `json:"parent"`
	Payments stripeList[stripeInvoicePayment] `json:"payments"`
}

type stripeLine struct {
	Description string         `json:"description"`
	Amount      *int64         `json:"amount"`
	Quantity    jsontext.Value `json:"quantity"`
	// Before basil.
	Price struct {
		UnitAmountDecimal string `json:"unit_amount_decimal"`
	} `json:"price"`
	TaxAmounts []stripeTax `json:"tax_amounts"`
	// Since basil.
	Pricing struct {
		UnitAmountDecimal string `json:"unit_amount_decimal"`
	} `json:"pricing"`
	Taxes []stripeTax `json:"taxes"`
}

type stripeTax struct {
	Amount int64 `json:"amount"`
}

// stripeInvoicePayment ties a payment to an invoice, one of several that may
// pay it. It names the charge only of a payment without a payment intent.
type stripeInvoicePayment struct {
	Status  string     `json:"status"` // open, paid, canceled
	Invoice expandable `json:"invoice"`
	Payment struct {
		PaymentIntent expandable `json:"payment_intent"`
		Charge        expandable `json:"charge"`
	} `json:"payment"`
}

// reference is the external reference of the payments that it ties.
func (p stripeInvoicePayment) reference() string {
	return firstID(p.Payment.PaymentIntent, p.Payment.Charge)
}

// invoice translates every event whose object is an invoice: the state is the
// whole state, whatever the type. The items stand in the order in which their
// rows are locked.
func (s Stripe) invoice(d *Delivery, raw jsontext.Value) error {
	var in stripeInvoice
	if err := stripeDecode(raw, &in, "data.object"); err != nil {
		return err
	}
	if in.Object != "invoice" {
		return nil
	}
	invoice, err := s.newInvoice(d, in)
	if err != nil {
		return err
	}
	if c := s.customerOf(in); c != nil {
		d.Items = append(d.Items, billing.Item{Resource: c, Mode: billing.Fill})
	}
	item := billing.Item{Resource: invoice, Mode: billing.Replace}
	if d.Type == "invoice.finalized" {
		item.EventAt = d.At
	}
	d.Items = append(d.Items, item)
	if d.Type == "invoice.payment_failed" {
		s.failedInvoice(d, in, invoice)
	}
	d.addLink(firstID(in.PaymentIntent, in.Charge), billing.InvoiceID(invoice.ID))
	for _, p := range in.Payments.Data {
		d.addLink(p.reference(), billing.InvoiceID(invoice.ID))
	}
	return nil
}

func (s Stripe) newInvoice(d *Delivery, in stripeInvoice) (*billing.Invoice, error) {
	id, customer := identifier(in.ID), firstID(in.Customer, in.CustomerAccount)
	currency := stripeCurrency(in.Currency)
	switch {
	case id == "":
		return nil, badID("invoice", "in_…")
	case customer == "":
		return nil, fault.At(fault.Invalid, "data.object.customer", "the invoice needs the customer to whom it is addressed")
	case currency == "":
		return nil, fault.At(fault.Invalid, "data.object.currency", "the currency is none of those that the API has")
	}
	status, payment, ok := in.state(d.Type)
	if !ok {
		return nil, fault.At(fault.Invalid, "data.object.status", "the status of an invoice is draft, open, paid, void or uncollectible")
	}
	out := &billing.Invoice{
		Head:            billing.Head{ID: id, Version: billing.At(d.At), Metadata: metadata(in.Metadata)},
		Number:          text(in.Number, maxName),
		Status:          status,
		Type:            billing.InvoiceStandard,
		CustomerID:      billing.CustomerID(customer),
		BillingEntityID: s.BillingEntityID,
		InvoiceDate:     firstInstant(in.EffectiveAt, in.StatusTransitions.FinalizedAt, in.Created),
		DueDate:         instant(in.DueDate),
		Currency:        currency,
		Total:           stripeMoney(in.Total, currency),
		Open:            stripeMoney(in.AmountRemaining, currency),
		PaidAmount:      stripeMoney(in.AmountPaid, currency),
		PaymentStatus:   payment,
		FinalAt:         instant(in.StatusTransitions.FinalizedAt),
		ChargeAt:        in.chargeAt(),
		PayLink:         billing.PayLink{URL: link(in.HostedInvoiceURL)},
		PDFURL:          link(in.InvoicePDF),
		Lines:           in.lines(currency),
	}
	if out.IsPaid() {
		// One that was paid outside Stripe may still show an amount, before basil.
		out.Open = stripeMoney(new(int64), currency)
	}
	if subscription := firstID(in.Parent.SubscriptionDetails.Subscription, in.Subscription); subscription != "" {
		out.SubscriptionIDs = []string{subscription}
	}
	return out, nil
}

// state maps the status. An uncollectible invoice is still owed: Stripe only
// gave it up. A draft that is deleted is as good as void.
func (in stripeInvoice) state(event string) (billing.InvoiceStatus, billing.PaymentStatus, bool) {
	switch {
	case event == "invoice.deleted", in.Status == "void":
		return billing.InvoiceVoid, "", true
	case in.Status == "draft":
		return billing.InvoiceDraft, "", true
	case in.Status == "paid" && in.AmountOverpaid > 0:
		return billing.InvoiceFinal, billing.Overpaid, true
	case in.Status == "paid":
		return billing.InvoiceFinal, billing.Paid, true
	case in.Status != "open" && in.Status != "uncollectible":
		return "", "", false
	case in.Total != nil && in.AmountPaid != nil && 0 < *in.AmountPaid && *in.AmountPaid < *in.Total:
		return billing.InvoiceFinal, billing.PartiallyPaid, true
	default:
		return billing.InvoiceFinal, billing.Unpaid, true
	}
}

// chargeAt is when Stripe will try to collect, by itself, what is still open.
func (in stripeInvoice) chargeAt() time.Time {
	if in.CollectionMethod != "charge_automatically" || (in.Status != "draft" && in.Status != "open") {
		return time.Time{}
	}
	return instant(in.NextPaymentAttempt)
}

func (in stripeInvoice) lines(currency string) []billing.Line {
	var out []billing.Line
	for _, l := range in.Lines.Data {
		unit := stripeUnitPrice(l.Pricing.UnitAmountDecimal, currency)
		if !unit.IsSet() {
			unit = stripeUnitPrice(l.Price.UnitAmountDecimal, currency)
		}
		out = append(out, billing.Line{
			Description: text(l.Description, maxText),
			Quantity:    stripeQuantity(l.Quantity),
			UnitAmount:  unit,
			Amount:      stripeMoney(l.Amount, currency),
			Tax:         stripeTaxes(append(l.Taxes, l.TaxAmounts...), currency),
		})
	}
	return out
}

// stripeQuantity reads a number, or a decimal in a string; unset for anything else.
func stripeQuantity(raw jsontext.Value) billing.Decimal {
	written := string(raw)
	if raw.Kind() == '"' && json.Unmarshal(raw, &written) != nil {
		return ""
	}
	quantity, err := billing.ParseDecimal(written)
	if err != nil {
		return ""
	}
	return quantity
}

func stripeTaxes(taxes []stripeTax, currency string) billing.Money {
	if len(taxes) == 0 {
		return billing.Money{}
	}
	var sum int64
	for _, t := range taxes {
		sum += t.Amount
	}
	return stripeMoney(&sum, currency)
}

// customerOf is what the invoice itself says of its customer, or nil if it
// says nothing. Its version is older than any: it fills gaps until an event of
// the customer's own is heard.
func (s Stripe) customerOf(in stripeInvoice) *billing.Customer {
	c := s.newCustomer(firstID(in.Customer, in.CustomerAccount), in.CustomerName, in.CustomerEmail, in.CustomerAddress)
	if c.Email == "" && c.Organization == (billing.OrganizationDetails{}) {
		return nil
	}
	c.Version = billing.Version{Kind: billing.ByTime}
	return c
}

// invoicePayment translates invoice_payment.*: nothing but the tie.
func (s Stripe) invoicePayment(d *Delivery, raw jsontext.Value) error {
	var p stripeInvoicePayment
	if err := stripeDecode(raw, &p, "data.object"); err != nil {
		return err
	}
	if p.Invoice.ID == "" {
		return fault.At(fault.Invalid, "data.object.invoice", "the payment of an invoice needs the invoice that it pays")
	}
	d.addLink(p.reference(), billing.InvoiceID(p.Invoice.ID))
	return nil
}

func firstInstant(seconds ...int64) time.Time {
	for _, s := range seconds {
		if t := instant(s); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
