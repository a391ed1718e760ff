package apitest

import (
	"slices"
	"testing"
)

// TestMembers is the control of the tests that hold the description to a list
// of members.
func TestMembers(t *testing.T) {
	w := Members(t, "Workflow")
	for path, want := range map[string]Member{
		"name":                         {Types: []string{"string"}},
		"description":                  {Types: []string{"null", "string"}},
		"status":                       {[]string{"string"}, []string{"ACTIVE", "INACTIVE", "DRAFT", "ARCHIVED"}},
		"customer_ids":                 {Types: []string{"array", "null"}},
		"invoice.overdue.periods[]":    {Types: []string{"object"}},
		"on_ambiguous":                 {[]string{"null", "string"}, []string{"HOLD", "RESEND"}},
		"wallet.wallet_balance":        {Types: []string{"object"}},
		"schedule.max_lateness.value":  {Types: []string{"integer", "null"}},
		"wallet.wallet_balance.oops":   {},
		"invoice.overdue.periods.type": {},
	} {
		if got := w[path]; !slices.Equal(got.Types, want.Types) || !slices.Equal(got.Values, want.Values) {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
	if got := Members(t, "WorkflowTrigger"); got["workflow"].Types == nil || got["workflow.name"].Types != nil {
		t.Errorf("an inlined resource: got %+v and %+v, want it without its members", got["workflow"], got["workflow.name"])
	}
	if got := Operations(t)["PUT /v1/customers/{idOrReference}"].Done; !slices.Equal(got, []string{"200", "201"}) {
		t.Errorf("got %q", got)
	}
	if got := Operations(t)["GET /v1/workflow-actions"].Query; !slices.Equal(got, []string{"page", "limit", "order_by", "order_direction"}) {
		t.Errorf("got %q", got)
	}
}
