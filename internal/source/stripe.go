package source

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// Stripe reads the webhooks of Stripe Billing, of API versions before and
// after 2025-03-31 (basil), which took the payment off the invoice and the
// invoice off the payment. docs/stripe.md says what becomes of what.
type Stripe struct {
	// BillingEntityID is the seller in whose name the account invoices: the
	// source's default_billing_entity_id. Empty: none.
	BillingEntityID string
}

// stripeEvent is the envelope. Created stays raw until the type is known to be
// one of ours: the events of Stripe's API v2 write a timestamp there.
type stripeEvent struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Type    string         `json:"type"`
	Created jsontext.Value `json:"created"`
	Data    struct {
		Object jsontext.Value `json:"object"`
	} `json:"data"`
}

// Translate says what a webhook means. The errors are faults: Unreadable for
// what is no JSON; Missing or Invalid, with the field, for an event of a known
// type whose object cannot be used.
func (s Stripe) Translate(body []byte) (Delivery, error) {
	var event stripeEvent
	if err := stripeDecode(body, &event, ""); err != nil {
		return Delivery{}, err
	}
	var seconds int64
	if json.Unmarshal(event.Created, &seconds) != nil {
		seconds = 0
	}
	d := Delivery{ID: identifier(event.ID), Type: text(event.Type, maxName), At: instant(seconds)}
	if d.ID == "" {
		return Delivery{}, fault.At(fault.Invalid, "id", "an event needs its id, evt_…: 1 to 256 characters without white space")
	}
	translate := s.translator(event)
	if translate == nil {
		d.Ignored = true
		return d, nil
	}
	if d.At.IsZero() {
		return Delivery{}, fault.At(fault.Invalid, "created", "an event needs the second at which it happened, as a number")
	}
	if event.Data.Object.Kind() != '{' {
		return Delivery{}, fault.At(fault.Missing, "data.object", "an event of type %s needs the object that it is about", d.Type)
	}
	if err := translate(&d, event.Data.Object); err != nil {
		return Delivery{}, err
	}
	d.Ignored = len(d.Items) == 0 && len(d.Links) == 0
	return d, nil
}

// translator returns what reads the object of an event, or nil for one that is
// not used. An upcoming invoice is a forecast: it has no id and does not exist.
func (s Stripe) translator(event stripeEvent) func(*Delivery, jsontext.Value) error {
	switch t := event.Type; {
	case event.Object != "event", t == "invoice.upcoming":
		return nil
	case t == "customer.created", t == "customer.updated", t == "customer.deleted":
		return s.customer
	case strings.HasPrefix(t, "invoice."):
		return s.invoice
	case strings.HasPrefix(t, "invoice_payment."):
		return s.invoicePayment
	case t == "charge.failed":
		return s.failedCharge
	case t == "payment_intent.payment_failed":
		return s.failedIntent
	default:
		return nil
	}
}

// stripeDecode reads one JSON value into v. at is the path of the value in the
// body, for the field of a fault.
func stripeDecode(raw []byte, v any, at string) error {
	err := json.Unmarshal(raw, v)
	if err == nil {
		return nil
	}
	field := at
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		for token := range semantic.JSONPointer.Tokens() {
			field += "." + token
		}
	}
	if field = text(strings.TrimPrefix(field, "."), maxName); field == "" {
		return fault.New(fault.Unreadable, "the body is no JSON object as Stripe sends it: UTF-8, no duplicate members, nothing after it")
	}
	return fault.At(fault.Invalid, field, "this member has another type than Stripe documents")
}

// expandable is a reference to another object, which Stripe writes as its id
// or, expanded, as the object. What is neither is no reference.
type expandable struct {
	ID     string
	Object jsontext.Value // nil unless expanded
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (e *expandable) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*e = expandable{}
	var id string
	var object struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &id) == nil {
		e.ID = identifier(id)
	} else if json.Unmarshal(raw, &object) == nil {
		e.ID, e.Object = identifier(object.ID), raw.Clone()
	}
	return nil
}

// stripeList is a list object, of which an event carries the first page.
type stripeList[T any] struct {
	Data []T `json:"data"`
}

// firstID returns the first reference that is set.
func firstID(refs ...expandable) string {
	for _, ref := range refs {
		if ref.ID != "" {
			return ref.ID
		}
	}
	return ""
}

// lastSecond is the last one that the wire can write: the end of year 9999.
const lastSecond = 253402300799

// instant is the time of a number of Unix seconds; zero for none and for one
// that cannot be written.
func instant(seconds int64) time.Time {
	if seconds <= 0 || seconds > lastSecond {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// addLink records that the payments of an external reference belong to an invoice.
func (d *Delivery) addLink(reference string, invoice billing.InvoiceID) {
	if reference == "" || invoice == "" {
		return
	}
	for _, l := range d.Links {
		if l.ExternalReference == reference && l.InvoiceID == invoice {
			return
		}
	}
	d.Links = append(d.Links, billing.Link{ExternalReference: reference, InvoiceID: invoice})
}
