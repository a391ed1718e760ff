package httpapi_test

import (
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Conditions that were taken once and would not be now, as after an upgrade, keep
// nobody from switching their workflow off, or from changing something else.
func TestConditionsOfBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("POST", "/v1/workflows", strings.Replace(toFinal, "INACTIVE", "ACTIVE", 1)).want(201)
		_, err := w.e.ChangeWorkflow(w.ctx, w.p, "announce", func(x *workflow.Workflow) error {
			x.Conditions = "invoice.of_before"
			return nil
		})
		w.must(err)
		w.do("PATCH", "/v1/workflows/announce", `{"name":"Other","conditions":"invoice.of_before"}`).want(200)
		w.do("PATCH", "/v1/workflows/announce", `{"conditions":"invoice.of_later"}`).fails(400, "INVALID_FIELD", "conditions")
		w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE"}`).want(201)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c"}`).want(201)
		facts := w.entry("/v1/invoices/i/timeline", "CONDITION_ERROR")
		if read, _ := facts["conditions"].(map[string]any); read["error"] == nil {
			t.Errorf("facts: got %v, want the error", facts)
		}
		w.do("POST", "/v1/workflows/announce/deactivate", "").want(200)
	})
}

// entry returns the facts of the entry of a timeline that has a reason.
func (w *world) entry(path, reason string) map[string]any {
	w.Helper()
	list, _ := w.do("GET", path, "").want(200).at("data").([]any)
	for _, e := range list {
		entry, _ := e.(map[string]any)
		if facts, ok := entry["facts"].(map[string]any); ok && entry["reason"] == reason {
			return facts
		}
	}
	w.Fatalf("%s: got %v, want one %s with facts", path, list, reason)
	return nil
}

func TestTimelineNamesWhoComesFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		active := strings.Replace(toFinal, "INACTIVE", "ACTIVE", 1)
		ranked := func(reference, priority string) string {
			body := strings.Replace(active, `"reference":"announce"`, `"reference":"`+reference+`"`, 1)
			return strings.TrimSuffix(body, "}") + `,"priority":` + priority + "}"
		}
		first := w.do("POST", "/v1/workflows", ranked("first", "1")).want(201).id()
		w.do("POST", "/v1/workflows", ranked("second", "2")).want(201)
		w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE"}`).want(201)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c"}`).want(201)
		if got := w.entry("/v1/invoices/i/timeline", "SUPERSEDED")["superseded_by"]; got != first {
			t.Errorf("superseded_by: got %v, want %s", got, first)
		}
	})
}
