package engine_test

import (
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// What a patch makes of the state under the lock may name others than what was
// foreseen without one: then those are locked first.
func TestPatchThatNamesAnotherThanForeseen(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		draft := w.invoice("i1", "c1")
		draft.Status = billing.InvoiceDraft
		w.ingest(w.customer("c1"), w.customer("c2"), draft)
		runs := 0
		item := billing.Item{Resource: draft, Patch: func(r billing.Resource) error {
			in := r.(*billing.Invoice)
			in.Status = billing.InvoiceFinal
			if runs++; runs > 1 {
				in.CustomerID = "c2"
			}
			return nil
		}}
		results, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Items: []billing.Item{item}})
		w.must(err)
		if r := results[0]; r.Err != nil || !r.Applied || billing.CustomerOf(r.Resource) != "c2" {
			t.Fatalf("got %+v", r)
		}
		list := w.triggers()
		if len(list) != 1 || list[0].Status != trigger.Fired || list[0].CustomerID != "c2" {
			t.Errorf("got %+v, want one FIRED for c2, who is known", list)
		}
	})
}
