package engine_test

import (
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func TestFinalInvoiceIsAnnouncedOnce(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"))
		for range 3 {
			w.ingest(w.invoice("i1", "c1"))
			w.drain()
		}
		if got := w.outbox(); len(got) != 1 || got[0].To[0].Email != "c1@customer.example" || got[0].Locale != "nl-NL" {
			t.Fatalf("outbox: got %+v, want one message to c1 in nl-NL", got)
		}
		if got := w.triggers(); len(got) != 1 || got[0].Status != trigger.Fired {
			t.Fatalf("triggers: got %+v, want one FIRED", got)
		}
		if got := w.executions(); len(got) != 1 || got[0].Status != execution.Sent || got[0].Attempts != 1 {
			t.Fatalf("executions: got %+v, want one SENT at the first attempt", got)
		}
	})
}

func TestInvoiceBeforeItsCustomerWaits(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.invoice("i1", "c1"))
		if got := w.triggers(); len(got) != 1 || got[0].Status != trigger.Planned || got[0].Reason != workflow.WaitingForCustomer {
			t.Fatalf("before the customer: got %+v, want one PLANNED, WAITING_FOR_CUSTOMER", got)
		}
		w.ingest(w.customer("c1"))
		w.drain()
		if got := w.outbox(); len(got) != 1 {
			t.Fatalf("after the customer: got %d messages, want 1", len(got))
		}
	})
}

func TestPaidStopsWhatIsPending(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.FailedPayment)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), w.payment("p1", "i1"))
		paid := w.invoice("i1", "c1")
		paid.PaymentStatus = billing.Paid
		w.ingest(paid)
		w.drain()
		if got := w.outbox(); len(got) != 0 {
			t.Fatalf("got %d messages after payment, want none", len(got))
		}
		if got := w.executions(); len(got) != 1 || got[0].Status != execution.Cancelled || got[0].Reason != workflow.PaidReason {
			t.Fatalf("executions: got %+v, want one CANCELLED, PAID", got)
		}
		if got := w.triggers(); len(got) != 1 || got[0].Status != trigger.Cancelled {
			t.Fatalf("triggers: got %+v, want one CANCELLED", got)
		}
	})
}

// Of a resource that one batch changes twice, the last state decides.
func TestVoidInTheSameBatch(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		void := w.invoice("i1", "c1")
		void.Status = billing.InvoiceVoid
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), void)
		if got := w.triggers(); len(got) != 1 || got[0].Status != trigger.Skipped || got[0].Reason != workflow.VoidReason {
			t.Fatalf("triggers: got %+v, want one SKIPPED, VOID", got)
		}
	})
}

// A wake-up that is lost costs a sweep, never a message.
func TestALostWakeUpIsMadeGood(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.now = w.now.Add(engine.DefaultLimits().Neglect + 1000)
		lanes, err := w.s.Neglected(w.ctx, w.now.Add(-engine.DefaultLimits().Neglect))
		w.must(err)
		if len(lanes) != 1 || lanes[0].PlatformID != w.p || lanes[0].Number != execution.Lane("c1") {
			t.Fatalf("neglected lanes: got %v, want that of c1", lanes)
		}
		w.must(w.e.WakeNeglected(w.ctx))
	})
}

// Old invoices that are imported mail nobody; recent ones do.
func TestHistoryMailsNobody(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		old := w.invoice("old", "c1")
		old.FinalAt = w.now.AddDate(0, 0, -3).Add(-1)
		recent := w.invoice("recent", "c1")
		recent.FinalAt = w.now.AddDate(0, 0, -3)
		w.ingest(w.customer("c1"), old, recent)
		w.drain()
		for _, got := range w.triggers() {
			want := map[string]trigger.Status{"old": trigger.Skipped, "recent": trigger.Fired}[got.ResourceID]
			if got.Status != want {
				t.Errorf("%s: got %s %s, want %s", got.ResourceID, got.Status, got.Reason, want)
			}
		}
		if got := w.outbox(); len(got) != 1 {
			t.Errorf("got %d messages, want 1", len(got))
		}
	})
}

// A trigger that waits for a customer who never comes is skipped after a day.
func TestWaitingEndsAfterADay(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.invoice("i1", "c1"))
		w.later(trigger.Patience)
		if got := w.triggers(); got[0].Status != trigger.Planned {
			t.Fatalf("after a day: got %s, want PLANNED", got[0].Status)
		}
		w.later(1000)
		if got := w.triggers(); got[0].Status != trigger.Skipped || got[0].Reason != workflow.NoRecipient {
			t.Fatalf("a moment later: got %s %s, want SKIPPED NO_RECIPIENT", got[0].Status, got[0].Reason)
		}
	})
}

// What a payment's message says of its invoice may come after the payment, in
// a webhook of its own; it is waited for, but not for long.
func TestMessageAboutAPaymentWaitsForItsInvoice(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.FailedPayment)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		for _, reference := range []string{"pi_1", "pi_2", ""} {
			p := w.payment("of "+reference, "")
			p.CustomerID, p.ExternalReference = "c1", reference
			w.ingest(p)
		}
		w.drain()
		if got := w.outbox(); len(got) != 1 {
			w.Fatalf("at once: got %d messages, want the one that has no invoice to wait for", len(got))
		}
		for _, x := range w.executions() {
			if waits := x.Status == execution.Waiting && x.Reason == workflow.WaitingForInvoice; waits != (x.ResourceID != "of ") {
				w.Errorf("%s: got %s %s", x.ResourceID, x.Status, x.Reason)
			}
		}
		_, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Links: []billing.Link{{ExternalReference: "pi_1", InvoiceID: "i1"}}})
		w.must(err)
		w.later(0)
		if got := w.outbox(); len(got) != 2 || !strings.Contains(got[0].Subject+got[1].Subject, "INV-i1") {
			w.Errorf("linked: got %+v, want one more, about i1", got)
		}
		w.later(w.limits.InvoiceWait)
		if got := w.outbox(); len(got) != 3 {
			w.Errorf("never linked: got %d messages, want 3", len(got))
		}
		for _, x := range w.executions() {
			if x.Status != execution.Sent || x.Reason != workflow.Sent || !x.NextAttemptAt.IsZero() {
				w.Errorf("%s: got %s %q, next attempt at %v, want SENT", x.ResourceID, x.Status, x.Reason, x.NextAttemptAt)
			}
		}
	})
}

// A payment may come before its invoice, and its invoice may be told apart from it.
func TestPaymentFindsItsInvoice(t *testing.T) {
	for name, tell := range map[string]func(*world){
		"payment first": func(w *world) {
			w.ingest(w.customer("c1"), w.payment("p1", "i1"))
			w.ingest(w.invoice("i1", "c1"))
		},
		"link first": func(w *world) {
			w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
			_, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Links: []billing.Link{{ExternalReference: "pi_1", InvoiceID: "i1"}}})
			w.must(err)
			p := w.payment("p1", "")
			p.ExternalReference = "pi_1"
			w.ingest(p)
		},
		"link last": func(w *world) {
			w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
			p := w.payment("p1", "")
			p.ExternalReference = "pi_1"
			w.ingest(p)
			_, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Links: []billing.Link{{ExternalReference: "pi_1", InvoiceID: "i1"}}})
			w.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				w.workflow(workflow.FailedPayment)
				tell(w)
				w.drain()
				if got := w.outbox(); len(got) != 1 || got[0].To[0].Email != "c1@customer.example" {
					t.Fatalf("got %+v, want one message to c1", got)
				}
				if got := w.triggers(); len(got) != 1 || got[0].InvoiceID != "i1" || got[0].Status != trigger.Fired {
					t.Fatalf("triggers: got %+v, want one FIRED of invoice i1", got)
				}
			})
		})
	}
}
