package source_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/source"
)

// mirror does with deliveries what the engine does, without a database.
type mirror struct {
	stored map[billing.Key]billing.Resource
	links  map[string]billing.InvoiceID
	events []billing.Event
	now    time.Time
}

func newMirror() *mirror {
	return &mirror{
		stored: map[billing.Key]billing.Resource{},
		links:  map[string]billing.InvoiceID{},
		now:    time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	}
}

func (m *mirror) take(t require, d source.Delivery) {
	for _, l := range d.Links {
		m.links[l.ExternalReference] = l.InvoiceID
	}
	for _, item := range d.Items {
		key := billing.KeyOf(item.Resource)
		old := m.stored[key]
		state, err := billing.Combine(old, item.Resource, item.Mode)
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := billing.Judge(old, state)
		if err != nil {
			t.Fatal(err)
		}
		if verdict != billing.Apply {
			continue
		}
		m.stored[key] = state
		m.events = append(m.events, billing.Change{Old: old, New: state, EventAt: item.EventAt}.Events(m.now)...)
	}
	for key, r := range m.stored {
		if p, ok := r.(*billing.Payment); ok && p.InvoiceID == "" {
			linked := *p
			linked.InvoiceID = m.links[p.ExternalReference]
			m.stored[key] = &linked
		}
	}
}

type require interface{ Fatal(args ...any) }

// state is what is stored, in a form to compare.
func (m *mirror) state(t require) map[billing.Key]string {
	out := map[billing.Key]string{}
	for key, r := range m.stored {
		raw, err := billing.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		out[key] = string(raw)
	}
	return out
}

func (m *mirror) occurrences(of billing.EventType) []string {
	var out []string
	for _, e := range m.events {
		if e.Type == of {
			out = append(out, e.Resource.Base().ID+" "+e.Occurrence)
		}
	}
	slices.Sort(out)
	return out
}

// life is one invoice's: made, final, charged in vain twice, paid.
func life(t *testing.T, generation string) []string {
	charge := map[string]string{"2022": "ch_3PzqB1Fx7Kd2LmNp0ChgOld1", "2025": "ch_3SVqB1Gy8Le3MnPq0ChgNew1"}[generation]
	var bodies []string
	for _, name := range []string{
		"customer_created", "invoice_created", "invoice_finalized",
		"charge_failed", "payment_intent_payment_failed", "invoice_payment_failed",
		"charge_failed again", "payment_intent_payment_failed again", "invoice_payment_failed again",
		"invoice_paid",
	} {
		name, again := strings.CutSuffix(name, " again")
		body := string(fixture(t, generation+"_"+name))
		if again { // another charge, and the next attempt two days later
			body = strings.ReplaceAll(body, charge, charge+"again")
			body = strings.ReplaceAll(body, `"next_payment_attempt": 1767873605`, `"next_payment_attempt": 1768046405`)
		}
		bodies = append(bodies, body)
	}
	if generation == "2025" {
		bodies = append(bodies, string(fixture(t, "2025_invoice_payment_paid")))
	}
	return bodies
}

// at returns the body of an event of another second.
func at(t require, body string, second int64) []byte {
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	doc["created"] = second
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Any order and repetition of the events of one invoice's life, however many
// of them fall into one second, ends in the state of the right order; every
// attempt is one payment that failed once, and the invoice became final once.
func TestStripeAnyOrder(t *testing.T) {
	for _, generation := range []string{"2022", "2025"} {
		bodies := life(t, generation)
		t.Run(generation, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				second := int64(1767614405)
				var story []source.Delivery
				soFar, gaps := len(bodies), []int64{0, 0, 1, 3600}
				if rapid.Bool().Draw(t, "not paid yet") {
					soFar = 9
				}
				for i, body := range bodies[:soFar] {
					if i > 0 {
						second += rapid.SampledFrom(gaps).Draw(t, "seconds between")
					}
					d, err := stripe.Translate(at(t, body, second))
					if err != nil {
						t.Fatal(err)
					}
					story = append(story, d)
				}
				told := newMirror()
				for _, d := range story {
					told.take(t, d)
				}

				repeated := rapid.SliceOfN(rapid.SampledFrom(story), 0, 10).Draw(t, "repeated")
				heard := newMirror()
				for _, d := range rapid.Permutation(append(slices.Clone(story), repeated...)).Draw(t, "order") {
					heard.take(t, d)
				}

				if diff := cmp.Diff(told.state(t), heard.state(t)); diff != "" {
					t.Fatalf("the end depends on the order (-in order +as heard):\n%s", diff)
				}
				for _, m := range []*mirror{told, heard} {
					if got := m.occurrences(billing.PaymentFailed); len(got) != 2 || got[0] == got[1] {
						t.Fatalf("failed attempts: got %q, want two", got)
					}
					if got := m.occurrences(billing.BecameFinal); len(got) != 1 {
						t.Fatalf("became final: got %q, want once", got)
					}
				}
				for _, r := range heard.stored {
					if p, ok := r.(*billing.Payment); ok && p.InvoiceID == "" {
						t.Fatalf("payment %s belongs to no invoice", p.ID)
					}
				}
			})
		})
	}
}

// Since basil nothing but the payment intent's event may name the invoice of a
// charge: without it the payment waits for invoice_payment.paid.
func TestStripeLinkWithoutIntent(t *testing.T) {
	for _, order := range [][]string{
		{"2025_charge_failed", "2025_invoice_payment_failed", "2025_invoice_payment_paid"},
		{"2025_invoice_payment_failed_payments_intent", "2025_charge_failed"},
	} {
		m := newMirror()
		for _, name := range order {
			d, err := stripe.Translate(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			m.take(t, d)
		}
		p, ok := m.stored[billing.Key{Kind: billing.KindPayment, ID: "ch_3SVqB1Gy8Le3MnPq0ChgNew1"}].(*billing.Payment)
		if !ok || p.InvoiceID != "in_1SVqA0Gy8Le3MnPqInvNew01" {
			t.Errorf("%v: got %+v, want the payment of the invoice", order, p)
		}
		if got := m.occurrences(billing.PaymentFailed); len(got) != 1 {
			t.Errorf("%v: got %q, want one failed attempt", order, got)
		}
	}
}
