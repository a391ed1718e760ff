package engine_test

import (
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
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
