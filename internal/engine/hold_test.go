package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// hold sets a hold and fails on any error.
func (w *world) hold(scope billing.Kind, id string, reason hold.Reason, until string) hold.Hold {
	w.Helper()
	h, err := w.e.CreateHold(w.ctx, w.p, hold.Hold{Scope: scope, ResourceID: id, Reason: reason, Until: until})
	w.must(err)
	return h
}

func (w *world) release(h hold.Hold) {
	w.Helper()
	_, err := w.e.ReleaseHold(w.ctx, w.p, h.ID)
	w.must(err)
}

func (w *world) suppress(email string) hold.Suppression {
	w.Helper()
	s, err := w.e.Suppress(w.ctx, w.p, hold.Suppression{Email: email})
	w.must(err)
	return s
}

// remind fires a workflow of a variant about an invoice by hand.
func (w *world) remind(variant workflow.Variant, invoice string) (trigger.Trigger, error) {
	return w.e.FireManually(w.ctx, w.p, trigger.Trigger{
		Key: trigger.Key{Kind: billing.KindInvoice, Variant: variant, ResourceID: invoice, Step: steps[variant]},
	})
}

// steps are the periods of the workflows that dated makes.
var steps = map[workflow.Variant]string{workflow.Overdue: "DAY:7"}

// dated makes a workflow of each variant that asks for money by a date.
func (w *world) dated() {
	w.Helper()
	week := &workflow.Periods{Periods: []calendar.Period{{Type: calendar.Day, Value: 7}}}
	for _, c := range []workflow.InvoiceConfig{
		{Variant: workflow.Overdue, Overdue: week}, {Variant: workflow.UpcomingPaymentRemind, UpcomingPayment: week},
	} {
		wf, err := w.e.CreateWorkflow(w.ctx, w.p, workflow.Workflow{
			Name: "w", Reference: string(c.Variant), Type: workflow.Invoice, Status: workflow.Active, Invoice: &c,
		})
		w.must(err)
		_, err = w.e.CreateAction(w.ctx, w.p, workflow.Action{
			WorkflowID: wf.ID, Type: workflow.SendEmailToCustomer, Status: workflow.Active, SendEmail: &workflow.SendEmail{
				IntegrationID: w.intg, TemplateName: "default", From: &workflow.Mailbox{Email: "billing@acme.example"}, Variant: workflow.Invoice,
			},
		})
		w.must(err)
	}
}

// TestWhatAHoldStops: each scope stops the reminders of what it covers and no
// others, and a legal reason everything to the customer.
func TestWhatAHoldStops(t *testing.T) {
	onBoth(t, func(w *world) {
		w.dated()
		subscription := &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive}
		subscription.ID = "s1"
		named, theirs := w.invoice("i2", "c1"), w.invoice("i3", "c2")
		named.SubscriptionIDs, theirs.SubscriptionIDs = []string{"s1"}, []string{"s1"} // another may pay for it
		w.ingest(w.customer("c1"), w.customer("c2"), subscription, w.invoice("i1", "c1"), named, theirs)
		w.workflow(workflow.ToFinal)
		for name, c := range map[string]struct {
			scope  billing.Kind
			id     string
			reason hold.Reason
			held   string // of i1 to i3
			all    string // the same, of a message that asks for nothing
		}{
			"a customer":           {billing.KindCustomer, "c1", hold.Dispute, "110", "000"},
			"an invoice":           {billing.KindInvoice, "i1", hold.PromiseToPay, "100", "000"},
			"a subscription":       {billing.KindSubscription, "s1", hold.Manual, "011", "000"},
			"legal, by customer":   {billing.KindCustomer, "c1", hold.Legal, "110", "110"},
			"legal, by invoice":    {billing.KindInvoice, "i1", hold.Legal, "110", "110"},
			"legal, by plan":       {billing.KindSubscription, "s1", hold.Legal, "110", "110"},
			"legal, another's":     {billing.KindInvoice, "i3", hold.Legal, "001", "001"},
			"of another, an alien": {billing.KindCustomer, "c2", hold.Dispute, "001", "000"},
		} {
			ask := func(variant workflow.Variant) string {
				held := ""
				for _, invoice := range []string{"i1", "i2", "i3"} {
					_, err := w.remind(variant, invoice)
					switch {
					case err == nil:
						held += "0"
					case fault.Is(err, fault.State) && strings.Contains(err.Error(), "HELD"):
						held += "1"
					default:
						w.Fatal(err)
					}
				}
				return held
			}
			h := w.hold(c.scope, c.id, c.reason, "")
			for variant, want := range map[workflow.Variant]string{workflow.Overdue: c.held, workflow.UpcomingPaymentRemind: c.held, workflow.ToFinal: c.all} {
				if got := ask(variant); got != want {
					w.Errorf("%s, %s: held %s, want %s", name, variant, got, want)
				}
			}
			w.release(h)
			if got := ask(workflow.Overdue); got != "000" {
				w.Errorf("%s, released: still held %s", name, got)
			}
		}
	})
}

// TestHoldCancels: what a hold forbids is cancelled with it, and what it does not
// forbid goes on. What a person asked for does not come back.
func TestHoldCancels(t *testing.T) {
	onBoth(t, func(w *world) {
		w.dated()
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), w.invoice("i2", "c1"))
		for _, invoice := range []string{"i1", "i2"} {
			_, err := w.remind(workflow.Overdue, invoice)
			w.must(err)
		}
		h := w.hold(billing.KindInvoice, "i1", hold.Dispute, "")
		for _, x := range w.executions() {
			if got, held := x.Status == execution.Cancelled && x.Reason == workflow.Held, x.ResourceID == "i1"; got != held {
				w.Errorf("%s: got %s %s", x.ResourceID, x.Status, x.Reason)
			}
		}
		for _, got := range w.triggers() {
			if held := got.ResourceID == "i1"; held != (got.Status == trigger.Cancelled && got.Reason == workflow.Held) {
				w.Errorf("trigger of %s: got %s %s", got.ResourceID, got.Status, got.Reason)
			}
		}
		w.release(h)
		w.later(time.Minute)
		if got := len(w.outbox()); got != 1 {
			w.Errorf("got %d messages, want that about the other invoice alone", got)
		}
	})
}

// TestInvoiceNamesAHeldPlan: a reminder is cancelled when its invoice comes to name
// a subscription that is on hold.
func TestInvoiceNamesAHeldPlan(t *testing.T) {
	onBoth(t, func(w *world) {
		w.dated()
		sub := &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive}
		sub.ID = "s1"
		w.ingest(w.customer("c1"), sub, w.invoice("i1", "c1"))
		_, err := w.remind(workflow.Overdue, "i1")
		w.must(err)
		w.hold(billing.KindSubscription, "s1", hold.Dispute, "")
		w.status(execution.Pending, workflow.Sent)
		named := w.invoice("i1", "c1")
		named.SubscriptionIDs = []string{"s1"}
		w.ingest(named)
		w.status(execution.Cancelled, workflow.Held)
	})
}

// TestLegalHoldEnds: what a hold stopped at its event, and what it cancelled, goes
// once it has ended, by a person or by its date, unless it is too late.
func TestLegalHoldEnds(t *testing.T) {
	for name, c := range map[string]struct {
		until string
		after time.Duration
		want  int
	}{
		"released":          {"", time.Hour, 2},
		"released too late": {"", 4 * 24 * time.Hour, 0},
		"by its date":       {"2026-11-24", 38 * time.Hour, 2}, // midnight in Amsterdam
		"not yet over":      {"2026-11-24", 38*time.Hour - time.Second, 0},
		"over too late":     {"2026-11-27", 5 * 24 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				w.workflow(workflow.ToFinal)
				w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
				h := w.hold(billing.KindCustomer, "c1", hold.Legal, c.until)
				w.ingest(w.invoice("i2", "c1"))
				for _, got := range w.triggers() {
					if want := map[string]trigger.Status{"i1": trigger.Cancelled, "i2": trigger.Skipped}[got.ResourceID]; got.Status != want {
						w.Fatalf("held: %s is %s, want what waited CANCELLED, and what comes SKIPPED", got.ResourceID, got.Status)
					}
				}
				w.drain()
				for _, got := range w.triggers() {
					if got.Reason != workflow.Held || got.Status == trigger.Fired {
						w.Fatalf("while it is held: got %s %s", got.Status, got.Reason)
					}
				}
				w.now = w.now.Add(c.after)
				if c.until == "" {
					w.release(h)
				}
				w.later(0)
				if got := len(w.outbox()); got != c.want {
					w.Errorf("got %d messages, want %d; %+v", got, c.want, w.triggers())
				}
				w.later(0) // and never again
				if got := len(w.outbox()); got != c.want {
					w.Errorf("after another sweep: got %d messages, want %d", got, c.want)
				}
			})
		})
	}
}

// TestTwoHolds: what two holds stop goes when the last has ended.
func TestTwoHolds(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		first, second := w.hold(billing.KindCustomer, "c1", hold.Legal, ""), w.hold(billing.KindInvoice, "i1", hold.Legal, "2026-11-24")
		w.release(first)
		w.later(0)
		if got := w.triggers()[0]; got.Reason != workflow.Held || len(w.outbox()) != 0 {
			w.Fatalf("with the second: got %s %s", got.Status, got.Reason)
		}
		w.later(38 * time.Hour)
		if got := len(w.outbox()); got != 1 {
			w.Errorf("got %d messages, want 1", got)
		}
		got, err := w.s.Hold(w.ctx, w.p, second.ID)
		w.must(err)
		if got.Status != hold.Expired {
			w.Errorf("the second is %s, want it EXPIRED", got.Status)
		}
	})
}

// TestManyHeld: what a hold stopped is decided again however much it is.
func TestManyHeld(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db"), nil)
	w.workflow(workflow.ToFinal)
	w.ingest(w.customer("c1"))
	h := w.hold(billing.KindCustomer, "c1", hold.Legal, "")
	const n = 1203 // more than two transactions decide
	var list []billing.Resource
	for i := range n {
		list = append(list, w.invoice(fmt.Sprint("i", i), "c1"))
	}
	w.ingest(list...)
	w.release(h)
	w.must(w.e.Sweep(w.ctx))
	for _, status := range []trigger.Status{trigger.Skipped, trigger.Fired} {
		page, err := w.s.Triggers(w.ctx, w.p, store.Query{Page: 1, Limit: 2 * n, Filters: []store.Filter{{Field: "status", Values: []string{string(status)}}}})
		w.must(err)
		if got := len(page.Items); (status == trigger.Fired) != (got == n) {
			t.Errorf("%s: got %d, want all %d FIRED", status, got, n)
		}
	}
}

// TestHoldsLastDay: a hold lasts through its last day where the seller is.
func TestHoldsLastDay(t *testing.T) {
	onBoth(t, func(w *world) {
		entity := func(id, zone string) *billing.BillingEntity {
			e := &billing.BillingEntity{Timezone: zone}
			e.ID = id
			return e
		}
		own, sellers, sub := w.invoice("i1", "c1"), w.invoice("i2", "c1"), &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive, BillingEntityID: "e2"}
		own.Timezone, own.BillingEntityID, sellers.BillingEntityID, sub.ID = "Pacific/Apia", "e1", "e1", "s1"
		w.ingest(w.customer("c1"), entity("e1", "America/Los_Angeles"), entity("e2", "Asia/Kathmandu"), own, sellers, w.invoice("i3", "c1"), sub)
		for _, c := range []struct {
			scope    billing.Kind
			id, want string
		}{
			{billing.KindInvoice, "i1", "2026-11-30T11:00:00Z"},
			{billing.KindInvoice, "i2", "2026-12-01T08:00:00Z"},
			{billing.KindInvoice, "i3", "2026-11-30T23:00:00Z"}, // the platform's
			{billing.KindCustomer, "c1", "2026-11-30T23:00:00Z"},
			{billing.KindSubscription, "s1", "2026-11-30T18:15:00Z"},
		} {
			if got := w.hold(c.scope, c.id, hold.Manual, "2026-11-30").EndsAt.Format(time.RFC3339); got != c.want {
				w.Errorf("%s: ends at %s, want %s", c.id, got, c.want)
			}
		}
		_, err := w.e.CreateHold(w.ctx, w.p, hold.Hold{Scope: billing.KindCustomer, ResourceID: "c1", Reason: hold.Manual, Until: "2026-11-22"})
		if f := fault.As(err); f == nil || f.Field != "until" {
			w.Errorf("yesterday: got %v", err)
		}
	})
}

// TestHoldChanges: the last day of a hold moves while it lasts.
func TestHoldChanges(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		h := w.hold(billing.KindCustomer, "c1", hold.Legal, "2026-11-24")
		until := func(day string) error {
			_, err := w.e.ChangeHold(w.ctx, w.p, h.ID, func(h *hold.Hold) error { h.Until = day; return nil })
			return err
		}
		w.must(until("2026-11-25"))
		w.later(38 * time.Hour)
		if got := len(w.outbox()); got != 0 {
			w.Fatalf("it lasts a day longer: got %d messages", got)
		}
		w.must(until(""))
		w.later(24 * time.Hour)
		if got := len(w.outbox()); got != 0 {
			w.Fatalf("it has no end: got %d messages", got)
		}
		w.must(until("2026-11-26"))
		w.now = time.Date(2026, 11, 26, 23, 0, 0, 0, time.UTC)
		if err := until("2026-12-01"); !fault.Is(err, fault.State) {
			w.Errorf("it is over: got %v", err)
		}
		w.release(h) // which changes nothing
		w.later(0)
		if got, err := w.s.Hold(w.ctx, w.p, h.ID); err != nil || got.Status != hold.Expired {
			w.Errorf("got %s, %v, want it EXPIRED", got.Status, err)
		}
	})
}

// TestHeldBeforeTheClaim: a hold that is set while a message is on its way to its
// claim stops it there, also one that did not see the message.
func TestHeldBeforeTheClaim(t *testing.T) {
	for _, url := range []string{"sqlite:" + filepath.Join(t.TempDir(), "d.db"), pgtest.URL(t)} {
		p := &provider{}
		h := &hooked{provider: p}
		w := newWorld(t, url, func(platform.Integration) engine.Sender { return h })
		w.viaSMTP()
		w.dated()
		theirs := w.invoice("i1", "c1")
		theirs.SubscriptionIDs = []string{"s1"}
		sub := &billing.Subscription{CustomerID: "c2", Status: billing.SubscriptionActive}
		sub.ID = "s1"
		w.ingest(w.customer("c1"), w.customer("c2"), sub, theirs)
		_, err := w.remind(workflow.Overdue, "i1")
		w.must(err)
		h.connected = func() {
			h.connected = func() {}
			w.hold(billing.KindSubscription, "s1", hold.Dispute, "")
		}
		w.drain()
		w.status(execution.Skipped, workflow.Held)
		if len(p.accepted) != 0 {
			t.Errorf("got %d sent, want none", len(p.accepted))
		}
	}
}

func emails(list []message.Address) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Email)
	}
	return out
}

// viaSMTP has the world's messages go to its sender.
func (w *world) viaSMTP() {
	w.Helper()
	in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
		Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
		EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: "mail.example", Port: 25}},
	}, false)
	w.must(err)
	w.intg = in.ID
}

// TestSuppressed: who is suppressed gets no copy, and no message.
func TestSuppressed(t *testing.T) {
	for name, c := range map[string]struct {
		suppress []string
		edit     func(*platform.Platform)
		want     string // To, CC and BCC of what is sent
	}{
		"nobody":                 {nil, nil, "c1@customer.example cc@acme.example,k@customer.example bcc@acme.example"},
		"the customer":           {[]string{"C1@CUSTOMER.example"}, nil, ""},
		"the copies":             {[]string{"CC@acme.example", "Bcc@Acme.Example"}, nil, "c1@customer.example k@customer.example "},
		"a contact":              {[]string{"K@customer.example"}, nil, "c1@customer.example cc@acme.example bcc@acme.example"},
		"somebody else":          {[]string{"c2@customer.example"}, nil, "c1@customer.example cc@acme.example,k@customer.example bcc@acme.example"},
		"redirected":             {[]string{"cc@acme.example"}, redirect, "team@acme.example  "},
		"redirected, nobody":     {[]string{"c1@customer.example"}, redirect, ""},
		"where it is redirected": {[]string{"team@acme.example"}, redirect, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWith(t, func(w *world, p *provider) {
				if c.edit != nil {
					_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { c.edit(p); return nil })
					w.must(err)
				}
				for _, email := range c.suppress {
					w.suppress(email)
				}
				w.copied()
				contact := &billing.Contact{CustomerID: "c1", Email: "k@customer.example"}
				contact.ID = "k"
				w.ingest(w.customer("c1"), contact, w.invoice("i1", "c1"))
				w.drain()
				if c.want == "" {
					if w.status(execution.Skipped, workflow.Suppressed); len(p.accepted) != 0 {
						w.Errorf("got %d sent, want none", len(p.accepted))
					}
					return
				}
				w.status(execution.Sent, workflow.Sent)
				m := p.accepted[0]
				var parts []string
				for _, list := range [][]string{emails(m.To), emails(m.CC), emails(m.BCC)} {
					parts = append(parts, strings.Join(list, ","))
				}
				if got := strings.Join(parts, " "); got != c.want {
					w.Errorf("sent to %q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestUnsuppressed: an address that is given back gets mail again, but not what
// was skipped.
func TestUnsuppressed(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		s := w.suppress("c1@customer.example")
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		if _, err := w.e.Suppress(w.ctx, w.p, hold.Suppression{Email: "C1@customer.example"}); !fault.Is(err, fault.Exists) {
			w.Errorf("once more: got %v", err)
		}
		if _, err := w.remind(workflow.ToFinal, "i1"); !fault.Is(err, fault.State) || !strings.Contains(err.Error(), "SUPPRESSED") {
			w.Errorf("by hand: got %v", err)
		}
		_, err := w.e.Unsuppress(w.ctx, w.p, s.ID)
		w.must(err)
		w.ingest(w.invoice("i2", "c1"))
		w.later(time.Hour)
		if len(p.accepted) != 1 {
			w.Errorf("got %d sent, want that after it alone", len(p.accepted))
		}
	})
}

// TestSuppressedBeforeTheClaim: an address that is suppressed, or a copy's, while a
// message is on its way to its claim is not written to.
func TestSuppressedBeforeTheClaim(t *testing.T) {
	for email, sent := range map[string]int{"c1@customer.example": 0, "cc@acme.example": 1} {
		for _, url := range []string{"sqlite:" + filepath.Join(t.TempDir(), "d.db"), pgtest.URL(t)} {
			p := &provider{}
			h := &hooked{provider: p}
			w := newWorld(t, url, func(platform.Integration) engine.Sender { return h })
			w.viaSMTP()
			w.copied()
			w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
			h.connected = func() {
				h.connected = func() {}
				w.suppress(email)
			}
			w.drain()
			if len(p.accepted) != sent || (sent == 1 && len(p.accepted[0].CC) != 0) {
				t.Errorf("%s: got %+v, want %d without it", email, p.accepted, sent)
			}
		}
	}
}

// TestSuppressedAndFrozen: bytes that may have gone out once are not sent again to
// an address that is suppressed, and the doubt stays for a person to see.
func TestSuppressedAndFrozen(t *testing.T) {
	for _, email := range []string{"c1@customer.example", "cc@acme.example"} {
		onBothWith(t, func(w *world, p *provider) {
			w.copied()
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, "w", func(wf *workflow.Workflow) error { wf.OnAmbiguous = workflow.Resend; return nil })
			w.must(err)
			p.answers = []execution.Outcome{{Kind: execution.Unknown}}
			w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
			w.drain()
			moved := w.customer("c1")
			moved.Email = "new@customer.example" // to whom a message would go now
			w.ingest(moved)
			w.suppress(email)
			w.later(time.Hour)
			w.status(execution.Unconfirmed, workflow.Suppressed)
			if len(p.accepted) != 1 {
				w.Errorf("%s: handed over %d times, want once", email, len(p.accepted))
			}
		})
	}
}

// TestExcluded: who is excluded is told why nothing comes, in the scope or not, and
// narrowing a workflow cancels what waits.
func TestExcluded(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"), w.customer("c2"))
		edit := func(list ...billing.CustomerID) func(*workflow.Workflow) {
			return func(wf *workflow.Workflow) { wf.ExcludedIDs = list }
		}
		wf := w.workflow(workflow.ToFinal, edit("c1"), func(wf *workflow.Workflow) { wf.CustomerIDs = []billing.CustomerID{"c1", "c2"} })
		w.ingest(w.invoice("i1", "c1"), w.invoice("i2", "c2"))
		for _, got := range w.triggers() {
			if excluded := got.ResourceID == "i1"; excluded != (got.Status == trigger.Skipped && got.Reason == workflow.Excluded) {
				w.Errorf("%s: got %s %s", got.ResourceID, got.Status, got.Reason)
			}
		}
		if _, err := w.remind(workflow.ToFinal, "i1"); !fault.Is(err, fault.Unprocessable) {
			w.Errorf("by hand: got %v", err)
		}
		_, err := w.e.FireManually(w.ctx, w.p, trigger.Trigger{Key: trigger.Key{
			WorkflowID: wf.ID, Kind: billing.KindInvoice, Variant: workflow.ToFinal, ResourceID: "i1",
		}})
		if !fault.Is(err, fault.Unprocessable) || !strings.Contains(err.Error(), "EXCLUDED") {
			w.Errorf("by hand, by the workflow's id: got %v", err)
		}
		change := func(list ...billing.CustomerID) error {
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(wf *workflow.Workflow) error { edit(list...)(wf); return nil })
			return err
		}
		w.must(change("c2"))
		w.status(execution.Cancelled, workflow.Excluded)
		if err := change("c2", "nobody"); !fault.Is(err, fault.UnknownIDs) || fault.As(err).Field != "exclude_customer_ids" {
			w.Errorf("nobody: got %v", err)
		}
		w.must(change())
		w.ingest(w.invoice("i3", "c1"))
		w.drain()
		if got := len(w.outbox()); got != 1 {
			w.Errorf("with nobody excluded: got %d messages, want 1", got)
		}
	})
}

// R6: once a hold, a suppression or an exclusion has been acknowledged, no later
// claim succeeds.
func TestNoClaimAfterAPersonsStop(t *testing.T) {
	const rounds, plan = 25, "hold a plan"
	for name, stop := range map[string]func(*world, workflow.Workflow, string){
		"hold": func(w *world, _ workflow.Workflow, id string) { w.hold(billing.KindInvoice, "i"+id, hold.Legal, "") },
		plan: func(w *world, _ workflow.Workflow, id string) {
			w.hold(billing.KindSubscription, "s"+id, hold.Dispute, "")
		},
		"suppression": func(w *world, _ workflow.Workflow, id string) { w.suppress("c" + id + "@customer.example") },
		"exclusion": func(w *world, wf workflow.Workflow, id string) {
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(wf *workflow.Workflow) error {
				wf.ExcludedIDs = append(wf.ExcludedIDs, billing.CustomerID("c"+id))
				return nil
			})
			w.must(err)
		},
	} {
		run := func(t *testing.T, url string) {
			w := newWorld(t, url, nil)
			wf := w.workflow(workflow.ToFinal)
			if name == plan {
				w.dated()
			}
			overtaken, stopped := 0, 0
			for i := range rounds {
				id := fmt.Sprint(i)
				inv := w.invoice("i"+id, "c"+id)
				if name == plan { // a plan of another's, and a reminder
					sub := &billing.Subscription{CustomerID: "c", Status: billing.SubscriptionActive}
					sub.ID = "s" + id
					inv.SubscriptionIDs = []string{sub.ID}
					_, err := w.e.Ingest(w.ctx, w.p, engine.Batch{NoEvents: true, Items: batchOf(w.customer("c"), sub, w.customer("c"+id), inv).Items})
					w.must(err)
					_, err = w.remind(workflow.Overdue, inv.ID)
					w.must(err)
				} else {
					w.ingest(w.customer("c"+id), inv)
				}
				var wg sync.WaitGroup
				wg.Go(func() {
					w.e.Drain(w.ctx, store.Lane{PlatformID: w.p, Number: execution.Lane(billing.CustomerID("c" + id))})
				})
				stop(w, wf, id)
				page, err := w.s.Executions(w.ctx, w.p, store.Query{
					Page: 1, Limit: 9, Filters: []store.Filter{{Field: "invoice_id", Values: []string{"i" + id}}},
				})
				w.must(err)
				if page.Items[0].Status == execution.Sent {
					overtaken++
				}
				wg.Wait()
				after, err := w.s.Execution(w.ctx, w.p, page.Items[0].ID)
				w.must(err)
				switch {
				case after.Status == execution.Skipped || after.Status == execution.Cancelled:
					stopped++
				case page.Items[0].Status != execution.Sent:
					t.Errorf("%s: %s at its acknowledgement, %s after", name, page.Items[0].Status, after.Status)
				}
			}
			if got := len(w.outbox()); got != overtaken {
				t.Errorf("got %d messages, want the %d that were claimed before", got, overtaken)
			}
			t.Logf("sent before: %d, stopped: %d", overtaken, stopped)
		}
		t.Run(name+"/sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
		t.Run(name+"/postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
	}
}
