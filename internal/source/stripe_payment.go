package source

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// One failed attempt is told by up to three events: charge.failed,
// payment_intent.payment_failed and invoice.payment_failed. Each makes the
// payment of the same id, the charge's, or none at all:
//
//   - the charge's event and the intent's carry the whole attempt and are
//     merged; what both say, they say alike, so their order does not matter;
//   - the invoice's knows less (only Stripe's next attempt is its own), so it
//     fills gaps, and where it cannot name the charge it makes no payment:
//     the other two bring it;
//   - an attempt that never became a charge (the customer did not
//     authenticate) is told by the intent's event alone, under an id of the
//     intent and the second of the event.

type stripeCharge struct {
	ID              string     `json:"id"`
	Amount          *int64     `json:"amount"`
	Currency        string     `json:"currency"`
	Created         int64      `json:"created"`
	Customer        expandable `json:"customer"`
	CustomerAccount expandable `json:"customer_account"`
	PaymentIntent   expandable `json:"payment_intent"`
	Invoice         expandable `json:"invoice"` // before basil
	FailureCode     string     `json:"failure_code"`
	FailureMessage  string     `json:"failure_message"`
	Outcome         struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"outcome"`
	Method struct {
		Type string `json:"type"`
	} `json:"payment_method_details"`
}

type stripeIntent struct {
	ID              string                   `json:"id"`
	Amount          *int64                   `json:"amount"`
	Currency        string                   `json:"currency"`
	Customer        expandable               `json:"customer"`
	CustomerAccount expandable               `json:"customer_account"`
	Invoice         expandable               `json:"invoice"`       // before basil
	Charges         stripeList[stripeCharge] `json:"charges"`       // before 2022-11-15, newest first
	LatestCharge    expandable               `json:"latest_charge"` // since
	LastError       stripeError              `json:"last_payment_error"`
	Details         struct {
		OrderReference string `json:"order_reference"`
	} `json:"payment_details"`
}

type stripeError struct {
	Type        string     `json:"type"`
	Code        string     `json:"code"`
	DeclineCode string     `json:"decline_code"`
	Message     string     `json:"message"`
	Charge      expandable `json:"charge"`
	Method      struct {
		Type string `json:"type"`
	} `json:"payment_method"`
}

// failedCharge translates charge.failed.
func (s Stripe) failedCharge(d *Delivery, raw jsontext.Value) error {
	var c stripeCharge
	if err := stripeDecode(raw, &c, "data.object"); err != nil {
		return err
	}
	if identifier(c.ID) == "" {
		return badID("charge", "ch_… or py_…")
	}
	d.addPayment(c.payment(), billing.Merge)
	return nil
}

// payment is the attempt that a failed charge was.
func (c stripeCharge) payment() *billing.Payment {
	decline := ""
	if c.Outcome.Type == "issuer_declined" {
		decline = c.Outcome.Reason
	}
	reference := c.PaymentIntent.ID
	if reference == "" {
		reference = identifier(c.ID)
	}
	return &billing.Payment{
		Head:              billing.Head{ID: identifier(c.ID)},
		ExternalReference: reference,
		InvoiceID:         billing.InvoiceID(c.Invoice.ID),
		CustomerID:        billing.CustomerID(firstID(c.Customer, c.CustomerAccount)),
		Amount:            stripeMoney(c.Amount, stripeCurrency(c.Currency)),
		Result:            stripeResult("", c.FailureCode, decline),
		Details:           stripeDetails(c.FailureCode, c.FailureMessage, decline),
		Method:            text(c.Method.Type, maxName),
		Timestamp:         instant(c.Created),
	}
}

// failedIntent translates payment_intent.payment_failed.
func (s Stripe) failedIntent(d *Delivery, raw jsontext.Value) error {
	var pi stripeIntent
	if err := stripeDecode(raw, &pi, "data.object"); err != nil {
		return err
	}
	intent := identifier(pi.ID)
	if intent == "" {
		return badID("payment intent", "pi_…")
	}
	attempt := intent + ":" + strconv.FormatInt(d.At.Unix(), 10)
	p := &billing.Payment{
		Head:              billing.Head{ID: attempt},
		ExternalReference: intent,
		InvoiceID:         pi.invoice(),
		CustomerID:        billing.CustomerID(firstID(pi.Customer, pi.CustomerAccount)),
		Amount:            stripeMoney(pi.Amount, stripeCurrency(pi.Currency)),
		Result:            stripeResult(pi.LastError.Type, pi.LastError.Code, pi.LastError.DeclineCode),
		Details:           stripeDetails(pi.LastError.Code, pi.LastError.Message, pi.LastError.DeclineCode),
		Method:            text(pi.LastError.Method.Type, maxName),
	}
	if charge := pi.charge(); charge.ID != "" {
		p.ID, p.Timestamp = charge.ID, instant(charge.Created)
	}
	d.addPayment(p, billing.Merge)
	return nil
}

// charge is the charge of the attempt that failed, as far as the event tells;
// without an id if it was none. The error names it. Where it does not, the
// latest charge is the attempt's, unless the attempt ended before there was
// one: then the latest is that of an attempt before.
func (pi stripeIntent) charge() stripeCharge {
	id := pi.LastError.Charge.ID
	if id == "" && pi.LastError.Code == "payment_intent_authentication_failure" {
		return stripeCharge{}
	}
	charges := pi.Charges.Data
	for _, ref := range []expandable{pi.LatestCharge, pi.LastError.Charge} {
		c := stripeCharge{ID: ref.ID}
		if json.Unmarshal(ref.Object, &c) != nil {
			c = stripeCharge{ID: ref.ID}
		}
		charges = append(charges, c)
	}
	if id == "" {
		id = pi.LatestCharge.ID
	}
	if id == "" && len(charges) > 0 {
		id = identifier(charges[0].ID)
	}
	for _, c := range charges {
		if c.ID == id && c.Created > 0 {
			return c
		}
	}
	return stripeCharge{ID: id}
}

// truncatedReference is where Stripe has been seen to cut the order reference
// of a payment intent: an invoice id of that length may be half of one.
const truncatedReference = 25

// invoice is the invoice that the payment is for. Since basil no member names
// it; but Stripe writes it as the order reference of the intents of its own
// invoices. That is not documented, so it is only taken when it is whole.
func (pi stripeIntent) invoice() billing.InvoiceID {
	order := identifier(pi.Details.OrderReference)
	if pi.Invoice.ID == "" && strings.HasPrefix(order, "in_") && len(order) > truncatedReference {
		return billing.InvoiceID(order)
	}
	return billing.InvoiceID(pi.Invoice.ID)
}

// failedInvoice adds what invoice.payment_failed knows of the attempt, if it
// names its charge. It fills gaps under a version older than any, so that what
// the events of the attempt itself say stands, whichever comes first.
func (s Stripe) failedInvoice(d *Delivery, in stripeInvoice, invoice *billing.Invoice) {
	charge := in.failedCharge()
	if charge.ID == "" {
		return
	}
	c := stripeCharge{ID: charge.ID}
	if json.Unmarshal(charge.Object, &c) != nil {
		c = stripeCharge{ID: charge.ID}
	}
	p := c.payment()
	if in.PaymentIntent.ID != "" {
		p.ExternalReference = in.PaymentIntent.ID
	}
	p.InvoiceID, p.CustomerID = billing.InvoiceID(invoice.ID), invoice.CustomerID
	if !p.Amount.IsSet() {
		p.Amount = invoice.Open
	}
	if next := instant(in.NextPaymentAttempt); !next.IsZero() {
		p.Dunning = billing.Dunning{NextAttemptScheduled: true, NextAttemptAt: next}
	}
	d.addPayment(p, billing.Fill)
}

// failedCharge is the charge of the attempt that invoice.payment_failed tells
// of. Since basil an invoice names a charge only for a payment without payment
// intent, and only one that is still open can be the attempt's.
func (in stripeInvoice) failedCharge() expandable {
	if in.Charge.ID != "" {
		return in.Charge
	}
	var open []expandable
	for _, p := range in.Payments.Data {
		if p.Status == "open" && p.Payment.PaymentIntent.ID == "" && p.Payment.Charge.ID != "" {
			open = append(open, p.Payment.Charge)
		}
	}
	if len(open) != 1 {
		return expandable{}
	}
	return open[0]
}

// addPayment adds the payment of a failed attempt, which the event itself
// reports, and ties it to its invoice. A payment of nobody is none: an
// anonymous checkout that failed concerns no customer of ours.
func (d *Delivery) addPayment(p *billing.Payment, mode billing.Mode) {
	if p.CustomerID == "" && p.InvoiceID == "" {
		return
	}
	p.Version = billing.Version{Kind: billing.ByTime}
	if mode != billing.Fill {
		p.Version = billing.At(d.At)
	}
	d.Items = append(d.Items, billing.Item{Resource: p, Mode: mode, EventAt: d.At})
	d.addLink(p.ExternalReference, p.InvoiceID)
}

// Codes of attempts that nobody judged: the processor, the issuer's line or
// Stripe itself broke down. They stand in code or in decline code.
var stripeBreakdowns = []string{"processing_error", "issuer_not_available", "reenter_transaction"}

// stripeResult tells a breakdown (ERROR) from a refusal. It looks only at what
// the charge and the intent both say, so that their events agree; the type of
// the error is known where there was no charge.
func stripeResult(errorType, code, decline string) billing.PaymentResult {
	if errorType == "api_error" || errorType == "idempotency_error" ||
		slices.Contains(stripeBreakdowns, code) || slices.Contains(stripeBreakdowns, decline) {
		return billing.Errored
	}
	return billing.Refused
}

func stripeDetails(code, message, decline string) billing.ResultDetails {
	return billing.ResultDetails{
		Code:         text(code, maxName),
		Reason:       text(message, maxText),
		ExternalCode: text(decline, maxName),
	}
}
