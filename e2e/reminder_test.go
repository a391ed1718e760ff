package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/failpoint"
)

// TestCrashAtEveryStepOfAReminder kills the process at each step by which a
// deadline becomes a message, and starts it again: one message, never two.
func TestCrashAtEveryStepOfAReminder(t *testing.T) {
	t.Parallel()
	for _, point := range failpoint.PlanPoints {
		if point == failpoint.Announced { // which comes at midnight
			continue
		}
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, db database) {
				w := newWorld(t, db)
				due := time.Now().UTC().AddDate(0, 0, -5).Format(time.DateOnly)
				w.must(http.MethodPut, "/v1/customers/c1", object{"status": "ACTIVE", "email": "ada@lovelace.example"})
				w.must(http.MethodPut, "/v1/invoices/i1", object{
					"customer_id": "c1", "billing_entity_id": entityID, "status": "FINAL", "invoice_number": "I-1", "due_date": due,
					"invoice_amount_including_tax": object{"quantity": "12.10", "currency": "EUR"},
				})
				w.workflow("INVOICE", numberAsSubject, func(workflow, email object) {
					workflow["status"] = "INACTIVE"
					workflow["invoice"] = object{"variant": "OVERDUE", "overdue": object{"periods": []object{{"type": "DAY", "value": 1}, {"type": "DAY", "value": 3}}}}
					workflow["schedule"] = object{"send_at": "00:00", "send_until": "24:00", "backfill": "BY_AGE"}
					email["invoice"] = object{"type": "OVERDUE"}
				})
				w.process.stop(t)
				w.start(fragile, "DUNWELL_FAILPOINT="+string(point))
				request, err := w.request(http.MethodPost, "/v1/workflows/invoice/activate", nil)
				if err != nil {
					t.Fatal(err)
				}
				if response, err := w.http.Do(request); err == nil { // else it was killed before it could answer
					response.Body.Close()
				}
				w.process.awaitKill(t)
				w.restart()
				w.received(1)
				x := w.settled()
				if len(x) != 1 || x[0].Status != "SENT" || x[0].AttemptCount != 1 {
					t.Errorf("executions: got %+v, want one, SENT at the first attempt", x)
				}
				w.checkAccepted("I-1")
			})
		})
	}
}
