package billing_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

func invoice(edit func(*billing.Invoice)) *billing.Invoice {
	i := &billing.Invoice{Status: billing.InvoiceFinal}
	i.ID = "in_1"
	i.Version = billing.Version{Kind: billing.ByNumber, Number: 5}
	i.Total = billing.Money{Quantity: "10.00", Currency: "EUR"}
	if edit != nil {
		edit(i)
	}
	return i
}

func number(n int64) func(*billing.Invoice) {
	return func(i *billing.Invoice) { i.Version.Number = n }
}

func TestJudge(t *testing.T) {
	stored := invoice(nil)
	for name, c := range map[string]struct {
		incoming *billing.Invoice
		want     billing.Verdict
	}{
		"older":               {invoice(number(4)), billing.Stale},
		"newer":               {invoice(number(6)), billing.Apply},
		"the same again":      {invoice(nil), billing.Unchanged},
		"same version, paid":  {invoice(func(i *billing.Invoice) { i.PaymentStatus = billing.Paid }), billing.Apply},
		"same version, draft": {invoice(func(i *billing.Invoice) { i.Status = billing.InvoiceDraft }), billing.Stale},
		"same version, same rank, other number": {
			invoice(func(i *billing.Invoice) { i.Number = "2026-1" }), billing.Apply,
		},
		"same version, more paid": {
			invoice(func(i *billing.Invoice) { i.PaidAmount = billing.Money{Quantity: "1", Currency: "EUR"} }), billing.Apply,
		},
	} {
		got, err := billing.Judge(stored, c.incoming)
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestJudgeKeepsTheKindOfVersion(t *testing.T) {
	stored := invoice(nil)
	for name, v := range map[string]billing.Version{"none": {}, "time": billing.At(time.Unix(99, 0))} {
		_, err := billing.Judge(stored, invoice(func(i *billing.Invoice) { i.Version = v }))
		if f := fault.As(err); f == nil || f.Field != "source_version" {
			t.Errorf("%s after a number: got %v, want a fault of source_version", name, err)
		}
	}
	unversioned := invoice(func(i *billing.Invoice) { i.Version = billing.Version{} })
	if got, err := billing.Judge(unversioned, invoice(nil)); err != nil || got != billing.Apply {
		t.Errorf("a number after none: got %v, %v, want it applied", got, err)
	}
}

func TestRestateKeepsWhatTheSystemDoesNotKnow(t *testing.T) {
	stored := &billing.Customer{
		Email: "old@x.example", Timezone: "Europe/Paris",
		NotificationPreferences: []billing.Preference{{Type: "INVOICE", Channels: []billing.Channel{{Type: "EMAIL"}}}},
	}
	got, err := billing.Combine(stored, &billing.Customer{Email: ""}, billing.Restate)
	if err != nil {
		t.Fatal(err)
	}
	c := got.(*billing.Customer)
	if c.Email != "" || c.Timezone != "Europe/Paris" || billing.AllowsEmail(c.NotificationPreferences) {
		t.Errorf("got %+v, want the email gone and the time zone and the opt-out kept", c)
	}
}

func TestEventsOfInvoice(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	dated := func(i *billing.Invoice) { i.InvoiceDate = now.AddDate(0, -2, 0) }
	draft := invoice(func(i *billing.Invoice) { i.Status = billing.InvoiceDraft })
	for name, c := range map[string]struct {
		change billing.Change
		want   time.Time // zero: no event
	}{
		"first seen final":          {billing.Change{New: invoice(dated)}, now.AddDate(0, -2, 0)},
		"first seen final, undated": {billing.Change{New: invoice(nil)}, now},
		"became final":              {billing.Change{Old: draft, New: invoice(dated)}, now},
		"became final, as told":     {billing.Change{Old: draft, New: invoice(dated), EventAt: now.Add(-time.Hour)}, now.Add(-time.Hour)},
		"was final":                 {billing.Change{Old: invoice(nil), New: invoice(dated)}, time.Time{}},
		"is a draft":                {billing.Change{New: draft}, time.Time{}},
	} {
		events := c.change.Events(now)
		switch {
		case c.want.IsZero() && len(events) != 0:
			t.Errorf("%s: got %+v, want no event", name, events)
		case !c.want.IsZero() && (len(events) != 1 || !events[0].At.Equal(c.want) || events[0].Type != billing.BecameFinal):
			t.Errorf("%s: got %+v, want one at %v", name, events, c.want)
		}
	}
}

func TestEventsOfPayment(t *testing.T) {
	pay := func(result billing.PaymentResult, attempt int) *billing.Payment {
		p := &billing.Payment{Result: result}
		p.ID, p.Dunning.Attempt = "p1", attempt
		return p
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		old, state *billing.Payment
		want       string // occurrence; "" is no event
	}{
		"refused":                         {nil, pay(billing.Refused, 1), "p1#1"},
		"in error":                        {pay(billing.Pending, 1), pay(billing.Errored, 1), "p1#1"},
		"still refused":                   {pay(billing.Refused, 1), pay(billing.Refused, 1), ""},
		"refused again":                   {pay(billing.Refused, 1), pay(billing.Refused, 2), "p1#2"},
		"the attempt's number is learned": {pay(billing.Refused, 0), pay(billing.Refused, 2), ""},
		"authorized":                      {pay(billing.Pending, 1), pay(billing.Authorized, 1), ""},
	} {
		change := billing.Change{New: c.state}
		if c.old != nil {
			change.Old = c.old
		}
		events := change.Events(now)
		switch {
		case c.want == "" && len(events) != 0:
			t.Errorf("%s: got %+v, want no event", name, events)
		case c.want != "" && (len(events) != 1 || events[0].Occurrence != c.want):
			t.Errorf("%s: got %+v, want occurrence %s", name, events, c.want)
		}
	}
}
