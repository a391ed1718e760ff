package workflow_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func asking(id workflow.ID, text string) *workflow.Armed {
	return &workflow.Armed{Workflow: workflow.Workflow{
		ID: id, Type: workflow.Invoice, Status: workflow.Active, Conditions: text, Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal},
	}}
}

func TestAsks(t *testing.T) {
	customer := &billing.Customer{Locale: "nl-NL"}
	f := workflow.Facts{Customer: customer, Invoice: &billing.Invoice{DueOn: "2026-12-01", Timezone: "Asia/Tokyo"}}
	for text, want := range map[string]workflow.Reason{
		``:                                  workflow.Sent,
		`customer.locale == "nl-NL"`:        workflow.Sent,
		`customer.locale == "de-DE"`:        workflow.ConditionFalse,
		`1 / size(invoice.lines) > 0`:       workflow.ConditionError,
		`this was saved by another version`: workflow.ConditionError,
		`invoice.due_date == timestamp("2026-11-30T15:00:00Z")`: workflow.Sent,
	} {
		alone := asking("w1", text)
		if got := alone.Asks(f); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		one, other := asking("w1", text), asking("w2", text)
		workflow.NewSet(1, []*workflow.Armed{one, other})
		for _, a := range []*workflow.Armed{one, other} {
			if got := a.Asks(f.Asked()); got != want {
				t.Errorf("%s, of two that ask the same: got %q, want %q", text, got, want)
			}
		}
	}
}

// What the same workflows say does not depend on who asked before.
func TestAskedIsOfItsOwnStates(t *testing.T) {
	one, other := asking("w1", `customer.locale == "nl-NL"`), asking("w2", `customer.locale == "nl-NL"`)
	workflow.NewSet(1, []*workflow.Armed{one, other})
	for _, c := range []struct {
		locale string
		want   workflow.Reason
	}{{"nl-NL", workflow.Sent}, {"de-DE", workflow.ConditionFalse}, {"nl-NL", workflow.Sent}} {
		f := workflow.Facts{Customer: &billing.Customer{Locale: c.locale}}.Asked()
		if a, b := one.Asks(f), other.Asks(f); a != c.want || b != c.want {
			t.Errorf("%s: got %q and %q, want %q", c.locale, a, b, c.want)
		}
	}
}

func TestConditionsAreCompiledOnce(t *testing.T) {
	const text = `customer.locale == "nl-NL"`
	first, second, third := asking("w1", text), asking("w2", text), asking("w3", text+" ")
	old := workflow.NewSet(1, []*workflow.Armed{first, second, third})
	if !workflow.SameCondition(first, second) || workflow.SameCondition(first, third) {
		t.Error("in one set: want one condition for each text")
	}
	next, changed := asking("w1", text), asking("w4", text+"  ")
	set := workflow.NewSet(2, []*workflow.Armed{next, changed})
	set.Prepare(old)
	if !workflow.SameCondition(first, next) || !workflow.SameCondition(changed, changed) {
		t.Error("in the next set: want the condition of the one before, and one for a new text")
	}
}

func TestMatchIsInTheOrderOfCreation(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	made := func(id workflow.ID, days int, customers ...billing.CustomerID) *workflow.Armed {
		a := asking(id, "")
		a.CreatedAt, a.CustomerIDs = day.AddDate(0, 0, days), customers
		return a
	}
	set := workflow.NewSet(1, []*workflow.Armed{made("w5", 2), made("w3", 1, "c1"), made("w4", 1), made("w2", 1, "c2"), made("w1", 2, "c1")})
	want := []workflow.ID{"w3", "w4", "w1", "w5"}
	for i, a := range set.Waiting(workflow.ToFinal, "c1") {
		if a.ID != want[i] {
			t.Errorf("%d: got %s, want %s", i, a.ID, want[i])
		}
	}
}
