package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// asks gives a workflow conditions.
func asks(text string) func(*workflow.Workflow) {
	return func(w *workflow.Workflow) { w.Conditions = text }
}

// ranks gives a workflow a priority.
func ranks(n int) func(*workflow.Workflow) {
	return func(w *workflow.Workflow) { w.Priority = &n }
}

// outcomes are what became of the triggers, by workflow.
func (w *world) outcomes() map[workflow.ID]string {
	w.Helper()
	out := map[workflow.ID]string{}
	for _, t := range w.triggers() {
		if out[t.WorkflowID] != "" {
			w.Errorf("workflow %s: more than one trigger", t.WorkflowID)
		}
		out[t.WorkflowID] = fmt.Sprintf("%s %s", t.Status, t.Reason)
	}
	return out
}

func (w *world) becomes(when string, want map[workflow.ID]string) {
	w.Helper()
	if diff := cmp.Diff(want, w.outcomes()); diff != "" {
		w.Errorf("%s: triggers (-want +got):\n%s", when, diff)
	}
}

// facts are those of the last decision about an invoice.
func (w *world) facts(invoice string) workflow.Basis {
	w.Helper()
	page, err := w.s.Timeline(w.ctx, w.p, billing.KindInvoice, invoice, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	last := page.Items[len(page.Items)-1]
	if last.Facts == nil {
		w.Fatalf("the last decision has no facts: %+v", last)
	}
	return *last.Facts
}

const (
	fired       = "FIRED "
	unmet       = "SKIPPED CONDITION_FALSE"
	failed      = "SKIPPED CONDITION_ERROR"
	superseded  = "SKIPPED SUPERSEDED"
	waitsForOne = "PLANNED WAITING_FOR_CUSTOMER"
)

func TestConditionsDecideWhatFires(t *testing.T) {
	onBoth(t, func(w *world) {
		large := w.workflow(workflow.ToFinal, asks(`invoice.invoice_amount_including_tax > amount("1000.00", "EUR")`))
		small := w.workflow(workflow.ToFinal, asks(`invoice.invoice_amount_including_tax <= amount("1000.00", "EUR")`))
		dollars := w.workflow(workflow.ToFinal, asks(`invoice.invoice_amount_including_tax > amount("1.00", "USD")`))
		broken := w.workflow(workflow.ToFinal, asks(`customer.metadata["tier"] > 10`))
		gold := w.customer("c1")
		gold.Metadata = jsontext.Value(`{"tier":"gold"}`)
		w.ingest(gold, w.invoice("i1", "c1"))
		w.becomes("an invoice of 1,234.50 EUR", map[workflow.ID]string{
			large.ID: fired, small.ID: unmet, dollars.ID: unmet, broken.ID: failed,
		})
		w.drain()
		if got := w.outbox(); len(got) != 1 {
			t.Errorf("got %d messages, want 1", len(got))
		}
	})
}

func TestConditionsTellWhatTheyRead(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal, asks(`invoice.invoice_amount_including_tax > amount("2000", "EUR") && customer.metadata["tier"] == "gold"`))
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		want := &condition.Reading{Members: []condition.Read{
			{Member: "invoice.invoice_amount_including_tax", Value: "1234.50 EUR"}, {Member: `customer.metadata["tier"]`, Value: "null"},
		}}
		if diff := cmp.Diff(want, w.facts("i1").Conditions); diff != "" {
			t.Errorf("facts (-want +got):\n%s", diff)
		}
	})
}

// What conditions read of somebody is forgotten with them, also of a decision that
// another has replaced.
func TestErasureTakesWhatConditionsRead(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal, asks(`customer.organization.legal_name == "Acme"`))
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), w.invoice("i2", "c1"))
		acme, draft := w.customer("c1"), w.invoice("i1", "c1")
		acme.Organization.LegalName, draft.Status = "Acme", billing.InvoiceDraft
		w.ingest(acme, draft)
		w.ingest(w.invoice("i1", "c1"))
		w.drain()
		w.must(w.e.EraseCustomer(w.ctx, w.p, "c1"))
		decisions := 0
		for _, invoice := range []string{"i1", "i2"} {
			page, err := w.s.Timeline(w.ctx, w.p, billing.KindInvoice, invoice, store.Query{Page: 1, Limit: 100})
			w.must(err)
			for _, m := range page.Items {
				if m.Reason == workflow.ConditionFalse {
					decisions++
				}
				if m.Facts != nil && m.Facts.Conditions != nil {
					t.Errorf("%s, %s %s: still has %+v", invoice, m.Status, m.Reason, m.Facts.Conditions)
				}
			}
		}
		if decisions != 2 {
			t.Errorf("got %d decisions by conditions, want 2: one that was replaced and one that was not", decisions)
		}
	})
}

func TestConditionsOfOneThatWaited(t *testing.T) {
	onBoth(t, func(w *world) {
		dutch := w.workflow(workflow.ToFinal, asks(`customer.locale == "nl-NL"`))
		german := w.workflow(workflow.ToFinal, asks(`customer.locale == "de-DE"`))
		w.ingest(w.invoice("i1", "c1"))
		w.becomes("before the customer", map[workflow.ID]string{dutch.ID: waitsForOne, german.ID: waitsForOne})
		w.ingest(w.customer("c1"))
		w.becomes("after the customer", map[workflow.ID]string{dutch.ID: fired, german.ID: unmet})
	})
}

// A condition is a matter of the moment of the event: what it reads may change,
// and does not bring the message back. What a hold stopped is asked again.
func TestUnmetConditionsDoNotComeBack(t *testing.T) {
	onBoth(t, func(w *world) {
		gold := w.workflow(workflow.ToFinal, asks(`customer.reference == "gold"`))
		held := w.invoice("i1", "c1")
		held.OnHold = true
		w.ingest(w.customer("c1"), held)
		w.becomes("on hold, of a customer who is not gold", map[workflow.ID]string{gold.ID: unmet})
		better := w.customer("c1")
		better.Reference = "gold"
		w.ingest(better)
		w.ingest(w.invoice("i1", "c1"))
		w.becomes("gold now, and the hold has ended", map[workflow.ID]string{gold.ID: unmet})

		held.ID = "i2"
		w.ingest(held)
		w.ingest(w.customer("c1"))
		w.ingest(w.invoice("i2", "c1"))
		for _, got := range w.triggers() {
			if got.Reason != workflow.ConditionFalse {
				t.Errorf("%s, gold when the hold began and not when it ended: got %s %s, want %s", got.ResourceID, got.Status, got.Reason, workflow.ConditionFalse)
			}
		}
	})
}

// However many workflows an event does not concern, it leaves few rows.
func TestUnmetConditionsAreBounded(t *testing.T) {
	onBoth(t, func(w *world) {
		for i := range 30 {
			w.workflow(workflow.ToFinal, asks(fmt.Sprintf(`customer.reference == "r%d"`, i)))
		}
		last := w.workflow(workflow.ToFinal, asks(`customer.reference != "r0"`))
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		outcomes, n := w.outcomes(), map[string]int{}
		for _, o := range outcomes {
			n[o]++
		}
		if want := map[string]int{unmet: 20, fired: 1}; !cmp.Equal(want, n) || outcomes[last.ID] != fired {
			t.Errorf("got %v, want %v", n, want)
		}
	})
}

// A plain due date begins where the seller is, who is looked up if need be.
func TestConditionsReadTheSellersDueDate(t *testing.T) {
	onBoth(t, func(w *world) {
		const text = `invoice.due_date == timestamp("2026-12-01T05:00:00Z")`
		wf := w.workflow(workflow.ToFinal, asks(text))
		entity := &billing.BillingEntity{Timezone: "America/New_York"}
		entity.ID = "b1"
		inv := w.invoice("i1", "c1")
		inv.DueOn, inv.BillingEntityID = "2026-12-01", "b1"
		w.ingest(entity, w.customer("c1"), inv)
		w.becomes("a seller in New York", map[workflow.ID]string{wf.ID: fired})
	})
}

func TestOneOfThoseWithAPriorityFires(t *testing.T) {
	onBoth(t, func(w *world) {
		third := w.workflow(workflow.ToFinal, ranks(30))
		first := w.workflow(workflow.ToFinal, ranks(10), asks(`customer.reference == "gold"`))
		second := w.workflow(workflow.ToFinal, ranks(20))
		independent := w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.becomes("nobody is gold", map[workflow.ID]string{first.ID: unmet, second.ID: fired, third.ID: superseded, independent.ID: fired})
	})
}

func TestOfEqualPrioritiesTheOlderFires(t *testing.T) {
	onBoth(t, func(w *world) {
		older := w.workflow(workflow.ToFinal, ranks(1))
		w.now = w.now.Add(time.Minute)
		newer := w.workflow(workflow.ToFinal, ranks(1))
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.becomes("two of one number", map[workflow.ID]string{older.ID: fired, newer.ID: superseded})
		if by := supersededBy(w, "i1"); by != older.ID {
			t.Errorf("superseded by: got %q, want %q", by, older.ID)
		}
	})
}

func supersededBy(w *world, invoice string) workflow.ID {
	page, err := w.s.Timeline(w.ctx, w.p, billing.KindInvoice, invoice, store.Query{Page: 1, Limit: 100})
	w.must(err)
	for _, m := range page.Items {
		if m.Facts != nil && m.Facts.SupersededBy != "" {
			return m.Facts.SupersededBy
		}
	}
	return ""
}

// Those that waited are decided one by one, and still one fires.
func TestPriorityOfThoseThatWaited(t *testing.T) {
	onBoth(t, func(w *world) {
		second := w.workflow(workflow.ToFinal, ranks(2))
		first := w.workflow(workflow.ToFinal, ranks(1), asks(`customer.locale == "nl-NL"`))
		w.ingest(w.invoice("i1", "c1"))
		w.ingest(w.customer("c1"))
		w.becomes("Dutch", map[workflow.ID]string{first.ID: fired, second.ID: superseded})
	})
	onBoth(t, func(w *world) {
		second := w.workflow(workflow.ToFinal, ranks(2))
		first := w.workflow(workflow.ToFinal, ranks(1), asks(`customer.locale == "de-DE"`))
		w.ingest(w.invoice("i1", "c1"))
		w.ingest(w.customer("c1"))
		w.becomes("not German", map[workflow.ID]string{first.ID: unmet, second.ID: fired})
	})
}

// What a hold stopped is decided again when it ends: by then another may come first.
func TestPriorityAfterAHold(t *testing.T) {
	onBoth(t, func(w *world) {
		first := w.workflow(workflow.ToFinal, ranks(1), asks(`customer.reference == "gold"`))
		second := w.workflow(workflow.ToFinal, ranks(2))
		gold, held := w.customer("c1"), w.invoice("i1", "c1")
		gold.Reference, held.OnHold = "gold", true
		w.ingest(gold, held)
		w.becomes("on hold", map[workflow.ID]string{first.ID: "SKIPPED ON_HOLD", second.ID: superseded})
		w.ingest(w.customer("c1")) // not gold any more
		w.ingest(w.invoice("i1", "c1"))
		w.becomes("released", map[workflow.ID]string{first.ID: unmet, second.ID: fired})
	})
}

// One that has fired for an event stays the only one of its group, whatever
// becomes of the workflows, of the states, and of the event told again.
func TestPriorityFiresOnceForAnEvent(t *testing.T) {
	onBoth(t, func(w *world) {
		first := w.workflow(workflow.ToFinal, ranks(1), asks(`customer.reference == "gold"`))
		second := w.workflow(workflow.ToFinal, ranks(2))
		gold := w.customer("c1")
		gold.Reference = "gold"
		w.ingest(gold, w.invoice("i1", "c1"))
		w.drain()
		one := map[workflow.ID]string{first.ID: fired, second.ID: superseded}
		w.becomes("gold", one)

		draft := w.invoice("i1", "c1")
		draft.Status = billing.InvoiceDraft
		w.ingest(w.customer("c1"), draft)
		w.ingest(w.invoice("i1", "c1")) // final again, and not gold any more
		w.becomes("final again", one)

		w.change(first, func(wf *workflow.Workflow) { wf.Status = workflow.Inactive })
		held := w.invoice("i1", "c1")
		held.OnHold = true
		w.ingest(held)
		w.ingest(w.invoice("i1", "c1"))
		w.becomes("without the first, on hold and released", one)
		w.drain()
		if got := w.outbox(); len(got) != 1 {
			t.Errorf("got %d messages, want 1", len(got))
		}
	})
}

// A change of one workflow keeps what the others have compiled, and conditions
// that are taken away ask nothing any more.
func TestConditionsChange(t *testing.T) {
	onBoth(t, func(w *world) {
		wf := w.workflow(workflow.ToFinal, asks(`customer.reference == "gold"`))
		other := w.workflow(workflow.ToFinal, asks(`customer.reference == "gold"`))
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.becomes("both ask", map[workflow.ID]string{wf.ID: unmet, other.ID: unmet})
		w.change(wf, asks(""))
		if _, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Items: []billing.Item{{Resource: w.invoice("i2", "c1")}}}); err != nil {
			t.Fatal(err)
		}
		for _, got := range w.triggers() {
			if got.ResourceID != "i2" {
				continue
			}
			want := map[workflow.ID]trigger.Status{wf.ID: trigger.Fired, other.ID: trigger.Skipped}[got.WorkflowID]
			if got.Status != want {
				t.Errorf("after the change: got %s %s, want %s", got.Status, got.Reason, want)
			}
		}
	})
}
