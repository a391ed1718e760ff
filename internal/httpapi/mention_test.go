package httpapi_test

import "testing"

// TestFirstFaultWhateverKnowsIt: of what is wrong by itself and what names
// nothing, the one that stands first in the document is told.
func TestFirstFaultWhateverKnowsIt(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE"}`).want(201)
		flow := w.do("POST", "/v1/workflows", toFinal).want(201).id()
		act := w.do("POST", "/v1/workflow-actions", action(flow, w.newIntegration(), `,"variant":"INVOICE"`)).want(201).id()
		for _, c := range []struct{ verb, path, body, code, field string }{
			{"POST", "/v1/workflows", `{"customer_ids":["zz"],"name":5}`, "RESOURCES_NOT_FOUND", "customer_ids"},
			{"POST", "/v1/workflows", `{"name":5,"customer_ids":["zz"]}`, "INVALID_FIELD", "name"},
			{"POST", "/v1/workflows", `{"customer_ids":["c1"],"name":5}`, "INVALID_FIELD", "name"},
			{"POST", "/v1/workflows", `{"customer_ids":["c1",7,"zz"],"name":5}`, "INVALID_FIELD", "customer_ids.1"},
			{"POST", "/v1/workflows", `{"customer_ids":["zz",7],"name":5}`, "RESOURCES_NOT_FOUND", "customer_ids"},
			{"POST", "/v1/workflows", `{"customer_ids":[],"name":5}`, "INVALID_FIELD", "customer_ids"},
			{"POST", "/v1/workflows", `{"name":"n","type":"INVOICE","reference":"x","status":"ACTIVE","customer_ids":["zz"]}`, "RESOURCES_NOT_FOUND", "customer_ids"},
			{"PATCH", "/v1/workflows/announce", `{"customer_ids":["zz"],"name":5}`, "RESOURCES_NOT_FOUND", "customer_ids"},
			{"PATCH", "/v1/workflows/announce", `{"name":5,"customer_ids":["zz"]}`, "INVALID_FIELD", "name"},
			{"PATCH", "/v1/workflows/none", `{"customer_ids":["zz"],"name":5}`, "", ""},
			{"POST", "/v1/workflow-actions", `{"workflow_id":"zz","status":"ZZ"}`, "RESOURCE_NOT_FOUND", "workflow_id"},
			{"POST", "/v1/workflow-actions", `{"status":"ZZ","workflow_id":"zz"}`, "INVALID_FIELD", "status"},
			{"POST", "/v1/workflow-actions", `{"workflow_id":"zz\u0000","status":"ZZ"}`, "INVALID_FIELD", "workflow_id"},
			{
				"POST", "/v1/workflow-actions", `{"send_email_to_customer":{"integration_id":"zz","template_name":7},"workflow_id":"` + flow + `"}`,
				"RESOURCE_NOT_FOUND", "send_email_to_customer.integration_id",
			},
			{
				"POST", "/v1/workflow-actions", `{"send_email_to_customer":{"integration_id":"zz","template_name":"t","variant":"INVOICE"},"workflow_id":"zz","status":"ACTIVE","type":"SEND_EMAIL_TO_CUSTOMER"}`,
				"RESOURCE_NOT_FOUND", "send_email_to_customer.integration_id",
			},
			{
				"PATCH", "/v1/workflow-actions/" + act, `{"send_email_to_customer":{"integration_id":"zz","template_name":7}}`,
				"RESOURCE_NOT_FOUND", "send_email_to_customer.integration_id",
			},
			{"POST", "/v1/workflow-triggers", `{"workflow_id":"zz","type":"ZZ"}`, "RESOURCE_NOT_FOUND", "workflow_id"},
			{"POST", "/v1/workflow-triggers", `{"type":"ZZ","workflow_id":"zz"}`, "INVALID_FIELD", "type"},
			{"POST", "/v1/workflow-triggers", `{"invoice":{"invoice_id":"zz","manual":{"variant":"X"}},"type":"MANUAL"}`, "RESOURCE_NOT_FOUND", "invoice.invoice_id"},
		} {
			r := w.do(c.verb, c.path, c.body)
			if c.code == "" {
				r.fails(404, "RESOURCE_NOT_FOUND", "-")
				continue
			}
			if r.fails(400, c.code, c.field); t.Failed() {
				t.Fatalf("%s %s %s", c.verb, c.path, c.body)
			}
		}
	})
}
