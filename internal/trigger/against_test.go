package trigger_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// anyArmed is a random workflow of a variant that customer c1 may be left out of.
func anyArmed(t *rapid.T) *workflow.Armed {
	w := &workflow.Armed{}
	w.Invoice = &workflow.InvoiceConfig{Variant: rapid.SampledFrom(workflow.Variants[workflow.Invoice]).Draw(t, "variant")}
	if rapid.IntRange(0, 5).Draw(t, "payment") == 0 {
		w.Invoice, w.Payment = nil, &workflow.PaymentConfig{Variant: workflow.FailedPayment}
	}
	w.CustomerIDs = rapid.SampledFrom([][]billing.CustomerID{nil, {"c1"}, {"c2"}}).Draw(t, "scope")
	w.ExcludedIDs = rapid.SampledFrom([][]billing.CustomerID{nil, {"c1"}}).Draw(t, "excluded")
	if rapid.Bool().Draw(t, "has an action") {
		w.Actions = []workflow.Action{{ID: "a1"}}
	}
	return w
}

func anyFacts(t *rapid.T) workflow.Facts {
	one := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "of") }
	i := &billing.Invoice{
		Status: rapid.SampledFrom(billing.InvoiceStatuses).Draw(t, "status"), Type: rapid.SampledFrom(billing.InvoiceTypes).Draw(t, "type"),
		PaymentStatus: rapid.SampledFrom(billing.PaymentStatuses).Draw(t, "paid"), OnHold: rapid.Bool().Draw(t, "on hold"),
		Total: billing.Money{Quantity: billing.Decimal(one("0", "10")), Currency: "EUR"},
	}
	i.ID, i.CustomerID = "i1", "c1"
	if rapid.Bool().Draw(t, "charged") {
		i.ChargeAt = now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "when")) * time.Hour)
	}
	f := workflow.Facts{Invoice: i, Customer: &billing.Customer{Status: rapid.SampledFrom(billing.CustomerStatuses).Draw(t, "customer")}}
	f.Customer.ID = "c1"
	if rapid.Bool().Draw(t, "is about a payment") {
		f.Payment = &billing.Payment{InvoiceID: "i1", Result: rapid.SampledFrom(billing.PaymentResults).Draw(t, "result")}
	}
	if rapid.Bool().Draw(t, "held") {
		f.Holds = []hold.Hold{{Reason: rapid.SampledFrom(hold.Reasons).Draw(t, "hold")}}
	}
	f.Covered = rapid.Bool().Draw(t, "covered")
	return f
}

// TestAgainstIsWhatDecides: the first of all that stands against a message is what
// the decision names, each stands once, nothing is left when all of them have
// ended, and nothing that was asked about has changed.
func TestAgainstIsWhatDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, f := anyArmed(t), anyFacts(t)
		at := now.AddDate(0, 0, -rapid.IntRange(0, 9).Draw(t, "days ago"))
		decide := func(w *workflow.Armed, f workflow.Facts) workflow.Reason {
			if _, reason := trigger.Decide(w, f, at, now); reason != workflow.Sent {
				return reason
			}
			return f.Collected(w.Variant(), now)
		}
		before, err := json.Marshal([]any{w, f})
		if err != nil {
			t.Fatal(err)
		}
		all, armed, facts := trigger.Against(w, f, decide)
		after, err := json.Marshal([]any{w, f})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(before), string(after)); diff != "" {
			t.Errorf("what was asked about has changed: %s", diff)
		}
		first := workflow.Sent
		if len(all) > 0 {
			first = all[0]
		}
		if got := decide(w, f); got != first {
			t.Errorf("decided %q, the first of %q", got, all)
		}
		if left := decide(armed, facts); left != workflow.Sent {
			t.Errorf("supposing %q had ended: %q is left", all, left)
		}
		for i, r := range all {
			if slices.Contains(all[:i], r) {
				t.Errorf("%q stands twice in %q", r, all)
			}
		}
	})
}

// TestAgainstTellsOnlyWhatStands: what is told stands against the message by
// itself, too: with all but it ended, the decision names it.
func TestAgainstTellsOnlyWhatStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, f := anyArmed(t), anyFacts(t)
		decide := func(w *workflow.Armed, f workflow.Facts) workflow.Reason {
			_, reason := trigger.Decide(w, f, now, now)
			return reason
		}
		all, _, _ := trigger.Against(w, f, decide)
		for _, kept := range all {
			armed, facts := w, f
			for _, r := range all {
				if r != kept {
					armed, facts, _ = workflow.Suppose(armed, facts, r)
				}
			}
			if got := decide(armed, facts); got != kept {
				t.Errorf("%q of %q, alone: got %q", kept, all, got)
			}
		}
	})
}
