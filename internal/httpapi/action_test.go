package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestChangeActions: PATCH and DELETE of an action, and what becomes of its
// messages (contract A5).
func TestChangeActions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		invoice := w.do("POST", "/v1/workflows", toFinal).want(201).id()
		in := w.newIntegration()
		first := w.do("POST", "/v1/workflow-actions", action(invoice, in, `,"variant":"INVOICE"`)).want(201).id()
		second := w.do("POST", "/v1/workflow-actions", action(invoice, in, `,"variant":"INVOICE","invoice":{"include_payment_link":true}`)).want(201)
		at := "/v1/workflow-actions/" + second.id()
		patch := func(body string) response { t.Helper(); return w.do("PATCH", at, body) }

		w.advance(1e9)
		got := patch(`{"description":"second","id":"x","created_at":null,"object_type":"WORKFLOW"}`).want(200)
		if got.text("description") != "second" || got.id() != second.id() || got.text("updated_at") == second.text("updated_at") ||
			got.text("created_at") != second.text("created_at") || got.at("send_email_to_customer.invoice.include_payment_link") != true {
			t.Errorf("got %s", got.body)
		}
		if again := patch(`{"description":"second"}`).want(200); string(again.body) != string(got.body) {
			t.Errorf("a change that changes nothing: got %s", again.body)
		}
		replaced := patch(fmt.Sprintf(`{"description":null,"workflow_id":%q,"type":"SEND_EMAIL_TO_CUSTOMER",
			"send_email_to_customer":{"integration_id":%q,"template_name":"default","variant":"INVOICE"}}`, invoice, in)).want(200)
		if replaced.at("description") != nil || strings.Contains(string(replaced.body), "include_payment_link") {
			t.Errorf("the block is not replaced whole: %s", replaced.body)
		}
		patch(`{"workflow_id":"wkfl_00000000000000000000"}`).fails(400, "INVALID_FIELD", "workflow_id")
		patch(`{"workflow_id":null}`).fails(400, "MISSING_FIELD", "workflow_id")
		patch(`{"type":"SEND_WEBHOOK"}`).fails(400, "INVALID_FIELD", "type")
		patch(`{"status":"DRAFT"}`).fails(400, "INVALID_OPERATION", "status")
		patch(`{"status":"GONE"}`).fails(400, "INVALID_FIELD", "status")
		patch(`{"send_email_to_customer":null}`).fails(400, "INVALID_FIELD", "send_email_to_customer")
		patch(`{"send_email_to_customer":{"template_name":"default","variant":"INVOICE"}}`).fails(400, "MISSING_FIELD", "send_email_to_customer.integration_id")
		patch(`{"send_email_to_customer":{"integration_id":"nobody","template_name":"default","variant":"INVOICE"}}`).
			fails(400, "RESOURCE_NOT_FOUND", "send_email_to_customer.integration_id")
		patch(`{"send_email_to_customer":{"integration_id":"`+in+`","template_name":"default","variant":"PAYMENT"}}`).
			fails(400, "INVALID_FIELD", "send_email_to_customer.variant")
		w.do("PATCH", at, `{}`, "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PATCH", "/v1/workflow-actions/none", `{}`).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("DELETE", at, "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")

		// A message of each is under way when the second is switched off and the first is deleted.
		w.do("POST", "/v1/workflows/announce/activate", "").want(200)
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"c1@customer.example"}`).want(201)
		w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1","invoice_number":"1"}`).want(201)
		patch(`{"status":"INACTIVE"}`).want(200)
		if got := w.do("DELETE", "/v1/workflow-actions/"+first, "").want(200); got.id() != first || got.text("object_type") != "WORKFLOW_ACTION" {
			t.Errorf("deleted: got %s", got.body)
		}
		w.do("DELETE", "/v1/workflow-actions/"+first, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/workflow-actions/"+first, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.drain()
		for _, i := range []string{"0", "1"} {
			list := w.do("GET", "/v1/workflow-executions", "").want(200)
			if list.text("data."+i+".status") != "CANCELLED" || list.text("data."+i+".reason") != "NO_ACTION" {
				t.Errorf("execution %s: got %s", i, list.body)
			}
		}
		if got := w.do("GET", "/v1/workflow-triggers?statuses[]=CANCELLED", "").want(200); got.text("data.0.reason") != "NO_ACTION" {
			t.Errorf("the trigger of which nothing is left: got %s", got.body)
		}

		patch(`{"status":"ARCHIVED"}`).want(200)
		patch(`{"status":"ARCHIVED"}`).want(200)
		patch(`{"description":"late"}`).fails(400, "INVALID_OPERATION", "-")
		w.do("POST", "/v1/workflows/announce/archive", "").want(200)
		w.do("DELETE", at, "").fails(400, "INVALID_OPERATION", "-")
	})
}

// TestDraftActions: a DRAFT may be incomplete, but nothing in it may be wrong.
func TestDraftActions(t *testing.T) {
	w := onSQLite(t)
	workflow := w.do("POST", "/v1/workflows", `{"name":"n","type":"INVOICE","reference":"r","status":"DRAFT","invoice":{"variant":"OVERDUE"}}`).want(201).id()
	in := w.newIntegration()
	const empty = `{"workflow_id":%q,"type":"SEND_EMAIL_TO_CUSTOMER","status":%q}`
	w.do("POST", "/v1/workflow-actions", fmt.Sprintf(empty, workflow, "INACTIVE")).fails(400, "MISSING_FIELD", "send_email_to_customer")
	w.do("POST", "/v1/workflow-actions", fmt.Sprintf(empty, workflow, "ARCHIVED")).fails(400, "INVALID_FIELD", "status")
	draft := w.do("POST", "/v1/workflow-actions", fmt.Sprintf(empty, workflow, "DRAFT")).want(201)
	if draft.has("send_email_to_customer") {
		t.Errorf("a block that is not used is shown: %s", draft.body)
	}
	patch := func(body string) response { t.Helper(); return w.do("PATCH", "/v1/workflow-actions/"+draft.id(), body) }
	email := func(more string) string {
		return `{"send_email_to_customer":{"integration_id":"` + in + `","template_name":"default"` + more + `}}`
	}
	patch(`{"status":"ACTIVE"}`).fails(400, "MISSING_FIELD", "send_email_to_customer")
	patch(email("")).want(200)
	patch(`{"status":"ACTIVE"}`).fails(400, "MISSING_FIELD", "send_email_to_customer.variant")
	patch(email(`,"variant":"INVOICE","invoice":{"type":"TO_FINAL"}`)).fails(400, "INVALID_FIELD", "send_email_to_customer.invoice.type")
	patch(email(`,"variant":"INVOICE","invoice":{"type":"OVERDUE","include_payment_link":true}`)).want(200)
	patch(`{"status":"ACTIVE"}`).want(200)

	// The workflow cannot become one that its action does not fit.
	change := func(variant string) response {
		t.Helper()
		return w.do("PATCH", "/v1/workflows/r", `{"invoice":{"variant":"`+variant+`"}}`)
	}
	change("TO_FINAL").fails(400, "INVALID_OPERATION", "invoice.variant")
	patch(email(`,"variant":"INVOICE","invoice":{"include_payment_link":true}`)).want(200)
	change("TO_FINAL").want(200)
	change("UPCOMING_PAYMENT_REMINDER").fails(400, "INVALID_OPERATION", "invoice.variant")
	patch(`{"status":"ARCHIVED"}`).want(200)
	change("UPCOMING_PAYMENT_REMINDER").want(200)

	other := w.do("POST", "/v1/workflow-actions", fmt.Sprintf(empty, workflow, "DRAFT")).want(201)
	w.do("PATCH", "/v1/workflow-actions/"+other.id(), `{"status":"ARCHIVED"}`).want(200)
}
