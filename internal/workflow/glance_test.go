package workflow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// parts are what conditions are put together of here.
var parts = []string{
	`customer.locale == "nl-NL"`, `"de-DE" == customer.locale`, `customer.metadata["tier"] == "gold"`, `customer.metadata.tier == "silver"`,
	`customer.organization.registered_address.country == "NL"`, `customer.metadata.deep.tier == "gold"`, `customer.metadata["seats"] == "12"`,
	`invoice.status == "FINAL"`, `!(customer.locale == "nl-NL")`, `(customer.locale == "nl-NL" || invoice.on_hold)`, `customer.locale != "nl-NL"`,
	`1 / size(invoice.lines) == 1`, `invoice.open_invoice_amount > amount("1", "EUR")`, `invoice.lines[0].description == "x"`, `customer.metadata.tier == 1`,
	`customer.organization.legal_name == ""`,
}

func someCustomer(t *rapid.T) *billing.Customer {
	c := &billing.Customer{
		Head:   billing.Head{ID: "c1"},
		Locale: rapid.SampledFrom([]string{"", "nl-NL", "de-DE", "fr-FR"}).Draw(t, "locale"),
	}
	c.Organization.RegisteredAddress.Country = rapid.SampledFrom([]string{"", "NL", "BE"}).Draw(t, "country")
	if v := rapid.SampledFrom([]string{"", `{}`, `{"tier":"gold"}`, `{"tier":"silver","seats":12}`, `{"tier":1,"deep":{"tier":"gold"}}`}).Draw(t, "metadata"); v != "" {
		c.Metadata = jsontext.Value(v)
	}
	return c
}

// TestAnswering: a glance leaves out none but workflows whose conditions do not
// hold, and of those all but as many as asked for.
func TestAnswering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		armed := make([]*workflow.Armed, rapid.IntRange(0, 12).Draw(t, "workflows"))
		for i := range armed {
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 4).Draw(t, "parts"), " && ")
			armed[i] = asking(workflow.ID(fmt.Sprintf("w%02d", i)), text)
			if rapid.IntRange(0, 3).Draw(t, "scope") == 0 {
				armed[i].CustomerIDs = []billing.CustomerID{"c1"}
			}
		}
		set := workflow.NewSet(1, armed)
		set.Prepare(nil)
		invoice := &billing.Invoice{Status: rapid.SampledFrom(billing.InvoiceStatuses).Draw(t, "status"), Open: billing.Money{Quantity: "5", Currency: "EUR"}}
		event := billing.Event{Type: billing.BecameFinal, Resource: invoice}
		f := workflow.Facts{Customer: someCustomer(t), Invoice: invoice}.Asked()
		few := rapid.IntRange(0, 3).Draw(t, "few")

		all, got := set.Match(event, "c1"), set.Answering(event, "c1", f, few)
		var untold int
		for _, a := range all {
			if slices.Contains(got, a) {
				continue
			}
			untold++
			if reason := a.Asks(f); reason != workflow.ConditionFalse {
				t.Errorf("%s (%s) is left out, though it says %q", a.ID, a.Conditions, reason)
			}
		}
		told := len(got) - len(slices.DeleteFunc(slices.Clone(got), func(a *workflow.Armed) bool { return a.Asks(f) == workflow.ConditionFalse }))
		if untold > 0 && told < few {
			t.Errorf("%d are told and %d are not, want %d told first", told, untold, few)
		}
		if !slices.IsSortedFunc(got, func(a, b *workflow.Armed) int { return strings.Compare(string(a.ID), string(b.ID)) }) {
			t.Errorf("not in the order of creation: %v", got)
		}
	})
}

// Of nobody known yet every workflow may turn out to be fired.
func TestAnsweringBeforeTheCustomer(t *testing.T) {
	set := workflow.NewSet(1, []*workflow.Armed{asking("w1", `customer.locale == "nl-NL"`)})
	set.Prepare(nil)
	invoice := &billing.Invoice{CustomerID: "c1"}
	event := billing.Event{Type: billing.BecameFinal, Resource: invoice}
	if got := set.Answering(event, "c1", workflow.Facts{Invoice: invoice}.Asked(), 0); len(got) != 1 {
		t.Errorf("got %d workflows, want the one that waits", len(got))
	}
}
