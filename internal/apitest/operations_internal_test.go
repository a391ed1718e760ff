package apitest

import (
	"slices"
	"testing"
)

// TestOperations is the control of the tests that are derived from the description.
func TestOperations(t *testing.T) {
	list := Operations(t)
	made := list["POST /v1/workflow-actions"]
	if !slices.Contains(made.BodyIDs, "workflow_id") || !slices.Contains(made.BodyIDs, "send_email_to_customer.integration_id") || made.Example == nil {
		t.Errorf("got %+v", made)
	}
	if got := list["GET /v1/payments"].QueryIDs; !slices.Equal(got, []string{"customer_id", "invoice_id"}) {
		t.Errorf("got %q", got)
	}
	if got := list["PUT /v1/invoices/{idOrReference}"]; !slices.Contains(got.BodyIDs, "pricing_plan_subscription_ids") || got.Description == "" {
		t.Errorf("got %+v", got)
	}
}
