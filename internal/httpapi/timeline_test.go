package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is what a timeline tells, one line for each entry.
func (w *world) told(path string) []string {
	w.Helper()
	var lines []string
	list, _ := w.do("GET", path, "").want(200).at("data").([]any)
	for _, entry := range list {
		e, _ := entry.(map[string]any)
		line := fmt.Sprintf("%v %v %v", e["at"], e["type"], e["status"])
		for _, name := range []string{"reason", "attempt", "reply"} {
			if e[name] != nil {
				line += fmt.Sprintf(" %v", e[name])
			}
		}
		if facts, ok := e["facts"].(map[string]any); ok {
			line += fmt.Sprintf(" (%v %v %v)", facts["invoice_status"], facts["on_hold"], facts["customer_status"])
		}
		lines = append(lines, strings.TrimPrefix(line, "2026-11-23T09:"))
	}
	return lines
}

func TestTimelineTellsEveryDecision(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		workflow := w.do("POST", "/v1/workflows", strings.Replace(toFinal, "INACTIVE", "ACTIVE", 1)).want(201).id()
		w.do("POST", "/v1/workflow-actions", action(workflow, w.newIntegration(), `,"variant":"INVOICE"`)).want(201)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c","on_hold":true,"reference":"R-1"}`).want(201)
		w.advance(time.Minute)
		w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE","email":"c@customer.example"}`).want(201)
		w.advance(time.Minute)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c","reference":"R-1"}`).want(200)
		w.advance(time.Minute)
		w.do("PUT", "/v1/invoices/i", `{"status":"VOID","customer_id":"c","reference":"R-1"}`).want(200)
		w.advance(time.Minute)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c","reference":"R-1"}`).want(200)
		w.drain()
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c","reference":"R-1","metadata":{}}`).want(200) // decides nothing

		want := []string{
			"00:01Z TRIGGER PLANNED WAITING_FOR_CUSTOMER (FINAL true <nil>)",
			"01:01Z TRIGGER SKIPPED ON_HOLD (FINAL true ACTIVE)",
			"02:01Z TRIGGER FIRED (FINAL false ACTIVE)",
			"03:01Z TRIGGER CANCELLED VOID",
			"03:01Z EXECUTION CANCELLED VOID",
			"04:01Z TRIGGER FIRED (FINAL false ACTIVE)",
			"04:01Z ATTEMPT ACCEPTED 1 captured in the outbox",
			"04:01Z EXECUTION SENT",
		}
		for _, path := range []string{"/v1/invoices/i/timeline", "/v1/invoices/R-1/timeline", "/v1/customers/c/timeline"} {
			if diff := cmp.Diff(want, w.told(path)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", path, diff)
			}
		}
		if got := w.told("/v1/invoices/i/timeline?order_direction=desc&limit=3&page=2"); len(got) != 3 || got[2] != want[2] {
			t.Errorf("the second page from the end: got %q, want it to end with %q", got, want[2])
		}
		if next := w.do("GET", "/v1/invoices/i/timeline?limit=3&page=2", "").at("links.next"); next == nil {
			t.Error("page 2 of 3 has no next one")
		}
		w.do("GET", "/v1/invoices/i/timeline?order_by=created_at", "").fails(400, "INVALID_FIELD", "order_by")
		w.do("GET", "/v1/invoices/none/timeline", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/invoices/i/timeline", "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
	})
}

// A trigger of several actions is cancelled once, with all of its messages.
func TestSeveralActionsAreCancelledTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		workflow, integration := w.do("POST", "/v1/workflows", strings.Replace(toFinal, "INACTIVE", "ACTIVE", 1)).want(201).id(), w.newIntegration()
		for range 2 {
			w.do("POST", "/v1/workflow-actions", action(workflow, integration, `,"variant":"INVOICE"`)).want(201)
		}
		w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE","email":"c@customer.example"}`).want(201)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c"}`).want(201)
		w.do("PUT", "/v1/invoices/i", `{"status":"VOID","customer_id":"c"}`).want(200)
		want := []string{
			"00:01Z TRIGGER FIRED (FINAL false ACTIVE)", "00:01Z TRIGGER CANCELLED VOID",
			"00:01Z EXECUTION CANCELLED VOID", "00:01Z EXECUTION CANCELLED VOID",
		}
		if diff := cmp.Diff(want, w.told("/v1/invoices/i/timeline")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// An invoice's timeline has its payments' too; whose trigger was made by hand
// is there as well, and nothing of another's.
func TestTimelineOfAnInvoiceHasItsPayments(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		failed := w.do("POST", "/v1/workflows", `{"name":"n","type":"PAYMENT","reference":"failed","status":"ACTIVE","payment":{"variant":"FAILED_PAYMENT"}}`).want(201).id()
		w.do("POST", "/v1/workflow-actions", action(failed, w.newIntegration(), `,"variant":"PAYMENT"`)).want(201)
		w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE","email":"c@customer.example"}`).want(201)
		for _, id := range []string{"1", "2"} {
			w.do("PUT", "/v1/invoices/i"+id, `{"status":"FINAL","customer_id":"c"}`).want(201)
			w.do("PUT", "/v1/payments/p"+id, `{"result":"REFUSED","invoice_id":"i`+id+`"}`).want(201)
		}
		w.drain()
		w.advance(time.Minute)
		w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL","payment":{"payment_id":"p1","manual":{"variant":"FAILED_PAYMENT"}}}`).want(201)
		w.drain()

		want := []string{
			"00:01Z TRIGGER FIRED (FINAL false ACTIVE)", "00:01Z ATTEMPT ACCEPTED 1 captured in the outbox", "00:01Z EXECUTION SENT",
			"01:01Z TRIGGER FIRED (FINAL false ACTIVE)", "01:01Z ATTEMPT ACCEPTED 1 captured in the outbox", "01:01Z EXECUTION SENT",
		}
		for _, path := range []string{"/v1/invoices/i1/timeline", "/v1/payments/p1/timeline"} {
			if diff := cmp.Diff(want, w.told(path)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", path, diff)
			}
		}
		if got := w.told("/v1/invoices/i2/timeline"); len(got) != 3 {
			t.Errorf("the other invoice: got %q, want three entries", got)
		}
		if got := w.told("/v1/customers/c/timeline"); len(got) != 9 {
			t.Errorf("the customer: got %q, want nine entries", got)
		}
	})
}
