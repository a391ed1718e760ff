package workflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func TestMove(t *testing.T) {
	allowed := map[workflow.Status]string{
		workflow.Draft:    "ACTIVE INACTIVE DRAFT ARCHIVED",
		workflow.Active:   "ACTIVE INACTIVE ARCHIVED",
		workflow.Inactive: "ACTIVE INACTIVE ARCHIVED",
		workflow.Archived: "ARCHIVED",
	}
	for _, from := range workflow.Statuses {
		var got []string
		for _, to := range workflow.Statuses {
			if from.Move(to) == nil {
				got = append(got, string(to))
			}
		}
		if want := allowed[from]; want != join(got) {
			t.Errorf("from %s: got %v, want %s", from, got, want)
		}
	}
	const want = "status: INACTIVE cannot become DRAFT, only ACTIVE or ARCHIVED"
	if err := workflow.Inactive.Move(workflow.Draft); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func join(list []string) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += " "
		}
		out += s
	}
	return out
}

func armed(id workflow.ID, status workflow.Status, customers ...billing.CustomerID) *workflow.Armed {
	return &workflow.Armed{Workflow: workflow.Workflow{
		ID: id, Status: status, CustomerIDs: customers, Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal},
		CreatedAt: time.Unix(int64(id[0]), 0),
	}}
}

func TestMatch(t *testing.T) {
	set := workflow.NewSet(1, []*workflow.Armed{
		armed("c", workflow.Active, "c1", "c2"),
		armed("b", workflow.Active),
		armed("a", workflow.Active, "c2"),
		armed("off", workflow.Inactive),
	})
	for customer, want := range map[billing.CustomerID][]workflow.ID{
		"c1": {"b", "c"},
		"c2": {"a", "b", "c"},
		"c3": {"b"},
		"":   {"a", "b", "c"}, // nobody knows yet whose it is
	} {
		var got []workflow.ID
		for _, w := range set.Match(billing.Event{Type: billing.BecameFinal}, customer) {
			got = append(got, w.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("customer %q: got %v, want %v", customer, got, want)
		}
	}
	if got := set.Match(billing.Event{Type: billing.PaymentFailed}, "c1"); len(got) != 0 {
		t.Errorf("another event: got %v, want none", got)
	}
	if set.Find("off") != nil || set.Find("a") == nil {
		t.Error("Find: want the ACTIVE ones alone")
	}
}

func TestStops(t *testing.T) {
	final := func(edit func(*billing.Invoice)) *billing.Invoice {
		i := &billing.Invoice{Status: billing.InvoiceFinal, Total: billing.Money{Quantity: "10", Currency: "EUR"}}
		if edit != nil {
			edit(i)
		}
		return i
	}
	paid := final(func(i *billing.Invoice) { i.PaymentStatus = billing.Paid })
	refused := &billing.Payment{Result: billing.Refused}
	for name, c := range map[string]struct {
		facts   workflow.Facts
		variant workflow.Variant
		want    workflow.Reason
	}{
		"final":                   {workflow.Facts{Invoice: final(nil)}, workflow.ToFinal, workflow.Sent},
		"paid already":            {workflow.Facts{Invoice: paid}, workflow.ToFinal, workflow.Sent},
		"draft":                   {workflow.Facts{Invoice: &billing.Invoice{Status: billing.InvoiceDraft}}, workflow.ToFinal, workflow.NotFinal},
		"void":                    {workflow.Facts{Invoice: &billing.Invoice{Status: billing.InvoiceVoid}}, workflow.ToFinal, workflow.VoidReason},
		"held":                    {workflow.Facts{Invoice: final(func(i *billing.Invoice) { i.OnHold = true })}, workflow.ToFinal, workflow.OnHold},
		"customer closed":         {workflow.Facts{Invoice: final(nil), Customer: &billing.Customer{Status: billing.CustomerClosed}}, workflow.ToFinal, workflow.CustomerClosed},
		"failed":                  {workflow.Facts{Payment: refused, Invoice: final(nil)}, workflow.FailedPayment, workflow.Sent},
		"failed, without invoice": {workflow.Facts{Payment: refused}, workflow.FailedPayment, workflow.Sent},
		"failed, then paid":       {workflow.Facts{Payment: refused, Invoice: paid}, workflow.FailedPayment, workflow.PaidReason},
		"failed, then authorized": {workflow.Facts{Payment: &billing.Payment{Result: billing.Authorized}}, workflow.FailedPayment, workflow.PaidReason},
		"failed, then void":       {workflow.Facts{Payment: refused, Invoice: final(func(i *billing.Invoice) { i.Status = billing.InvoiceVoid })}, workflow.FailedPayment, workflow.VoidReason},
	} {
		if got := c.facts.Stops(c.variant); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
