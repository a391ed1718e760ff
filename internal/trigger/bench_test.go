package trigger_test

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// BenchmarkDecide is what one event costs of which ten thousand workflows each
// ask something of their own: P7b without a database.
func BenchmarkDecide(b *testing.B) {
	armed := make([]*workflow.Armed, 10_000)
	for i := range armed {
		armed[i] = &workflow.Armed{Workflow: workflow.Workflow{
			ID: workflow.ID(fmt.Sprint("w", i)), Type: workflow.Invoice, Status: workflow.Active, Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal},
			Conditions: fmt.Sprintf(`invoice.invoice_amount_including_tax > amount("100.00", "EUR") && customer.metadata["tier"] == "tier %d"`, i),
		}}
	}
	set := workflow.NewSet(1, armed)
	customer := &billing.Customer{Head: billing.Head{ID: "c1", Metadata: jsontext.Value(`{"tier":"tier 0"}`)}}
	invoice := &billing.Invoice{Status: billing.InvoiceFinal, Total: billing.Money{Quantity: "1234.50", Currency: "EUR"}}
	decide := func() {
		facts := workflow.Facts{Customer: customer, Invoice: invoice}.Asked()
		for _, w := range set.Waiting(workflow.ToFinal, "c1") {
			trigger.Decide(w, facts, now, now)
		}
	}
	decide() // compiles them
	b.ReportAllocs()
	for b.Loop() {
		decide()
	}
}
