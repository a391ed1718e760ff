package trigger_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// TestPrefer: of the workflows that have a priority and match, all but one
// yield to that one, which none of them comes before; nothing else changes.
func TestPrefer(t *testing.T) {
	reasons := []workflow.Reason{
		workflow.Sent, workflow.OnHold, workflow.TooLate, workflow.NoAction, workflow.ConditionFalse, workflow.ConditionError,
		workflow.Excluded, workflow.OutOfScope, workflow.WaitingForCustomer, workflow.UnitMismatch,
	}
	rapid.Check(t, func(t *rapid.T) {
		list := make([]trigger.Ruling, rapid.IntRange(0, 6).Draw(t, "workflows"))
		for i := range list {
			w := &workflow.Armed{}
			w.ID = workflow.ID(fmt.Sprint("w", i))
			w.CreatedAt = now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "age")) * time.Hour)
			if rapid.Bool().Draw(t, "has a priority") {
				w.Priority = new(rapid.IntRange(-1, 1).Draw(t, "priority"))
			}
			list[i] = trigger.Ruling{Workflow: w, Status: trigger.Fired, Reason: rapid.SampledFrom(reasons).Draw(t, "reason")}
		}
		before := append([]trigger.Ruling{}, list...)
		first := trigger.Prefer(list)
		for i, v := range before {
			contends := v.Workflow.Priority != nil && v.Reason.Matched()
			switch {
			case !contends || &list[i] == first:
				if list[i] != v {
					t.Errorf("%s: got %+v, want it unchanged", v.Workflow.ID, list[i])
				}
			case first == nil || v.Workflow.Before(first.Workflow):
				t.Fatalf("%s comes first, got %+v", v.Workflow.ID, first)
			case list[i].Reason != workflow.Superseded || list[i].Status != trigger.Skipped || list[i].By != first.Workflow.ID:
				t.Errorf("%s: got %+v, want it superseded by %s", v.Workflow.ID, list[i], first.Workflow.ID)
			}
		}
	})
}

func TestDecideAsksConditions(t *testing.T) {
	w := workflow.Armed{
		Workflow: workflow.Workflow{
			Type: workflow.Invoice, Status: workflow.Active, Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal},
			Conditions: `customer.locale == "nl-NL"`, ExcludedIDs: []billing.CustomerID{"c2"},
		},
		Actions: []workflow.Action{{ID: "a1"}},
	}
	final := func(hold bool) *billing.Invoice { return &billing.Invoice{Status: billing.InvoiceFinal, OnHold: hold} }
	customer := func(id, locale string) *billing.Customer {
		return &billing.Customer{Head: billing.Head{ID: id}, Locale: locale}
	}
	old := now.AddDate(0, -1, 0)
	for name, c := range map[string]struct {
		facts  workflow.Facts
		at     time.Time
		reason workflow.Reason
	}{
		"they hold":                           {workflow.Facts{Customer: customer("c1", "nl-NL"), Invoice: final(false)}, now, workflow.Sent},
		"they do not":                         {workflow.Facts{Customer: customer("c1", "de-DE"), Invoice: final(false)}, now, workflow.ConditionFalse},
		"nor would it go":                     {workflow.Facts{Customer: customer("c1", "de-DE"), Invoice: final(true)}, old, workflow.ConditionFalse},
		"they hold, and a hold does too":      {workflow.Facts{Customer: customer("c1", "nl-NL"), Invoice: final(true)}, now, workflow.OnHold},
		"they hold, too late":                 {workflow.Facts{Customer: customer("c1", "nl-NL"), Invoice: final(true)}, old, workflow.TooLate},
		"of who is excluded they say no more": {workflow.Facts{Customer: customer("c2", "de-DE"), Invoice: final(false)}, now, workflow.Excluded},
		"of nobody yet":                       {workflow.Facts{Invoice: final(false)}, now, workflow.WaitingForCustomer},
	} {
		if _, reason := trigger.Decide(&w, c.facts, c.at, now); reason != c.reason {
			t.Errorf("%s: got %q, want %q", name, reason, c.reason)
		}
	}
	for _, reason := range []workflow.Reason{workflow.ConditionFalse, workflow.ConditionError} {
		if (&trigger.Trigger{Type: trigger.Event, Status: trigger.Skipped, Reason: reason}).Revivable() {
			t.Errorf("%s: revivable", reason)
		}
	}
}
