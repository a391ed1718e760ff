package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/failpoint"
)

// outbox is what a platform's customers would have got, and when.
type outbox struct {
	Data []struct {
		CreatedAt time.Time `json:"created_at"`
	} `json:"data"`
}

// TestCrashWhileTheClockMoves kills the process at steps of a call that moves the
// clock of a TEST platform through a month. The next call goes on from where the
// clock stands: nothing twice, nothing lost, nothing late.
func TestCrashWhileTheClockMoves(t *testing.T) {
	t.Parallel()
	for point, nth := range map[failpoint.Point]int{
		failpoint.ClockMoved: 17, failpoint.PlanCommitting: 9, failpoint.FireCommitted: 2, failpoint.ClaimCommitted: 2,
	} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, db database) {
				w := newWorld(t, db)
				platform := w.create("/v1/platforms", object{"reference": "rehearsal", "name": "R", "environment": "TEST"}).ID
				on := func(method, path string, body any) []byte {
					t.Helper()
					status, answer := w.call(method, path, body, "x-platform-id", platform)
					if status != http.StatusOK && status != http.StatusCreated {
						t.Fatalf("%s %s: got %d %s", method, path, status, answer)
					}
					return answer
				}
				clock := "/v1/platforms/" + platform + "/clock"
				on(http.MethodPut, clock, object{"now": "2031-01-01T09:00:00Z"})
				on(http.MethodPut, "/v1/integrations/mail", object{"type": "EMAIL_PROVIDER", "status": "ACTIVE", "email_provider": object{"variant": "SYSTEM"}})
				flow := read[created](w, on(http.MethodPost, "/v1/workflows", object{
					"name": "R", "reference": "r", "type": "INVOICE", "status": "ACTIVE", "invoice": object{"variant": "OVERDUE", "overdue": object{
						"periods": []object{{"type": "DAY", "value": 1}, {"type": "DAY", "value": 8}, {"type": "DAY", "value": 15}},
					}},
				})).ID
				on(http.MethodPost, "/v1/workflow-actions", object{
					"workflow_id": flow, "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE", "send_email_to_customer": object{
						"integration_id": "mail", "template_name": "default", "variant": "INVOICE", "from": object{"email": sender},
					},
				})
				on(http.MethodPut, "/v1/customers/c1", object{"status": "ACTIVE", "email": "ada@customer.example"})
				on(http.MethodPut, "/v1/invoices/i1", object{
					"status": "FINAL", "customer_id": "c1", "due_date": "2031-01-09", "invoice_number": "1", "billing_currency": "EUR",
					"invoice_amount_including_tax": object{"quantity": "10.00", "currency": "EUR"},
				})

				w.process.stop(t)
				w.start(fragile, fmt.Sprintf("DUNWELL_FAILPOINT=%s:%d", point, nth))
				request, err := w.request(http.MethodPut, clock, object{"now": "2031-02-01T09:00:00Z"})
				if err != nil {
					t.Fatal(err)
				}
				if response, err := w.http.Do(request); err == nil {
					_ = response.Body.Close()
				}
				w.process.awaitKill(t)
				w.restart()
				w.until("the dead call is over", func() (string, bool) { // PostgreSQL: it may live on another node
					status, answer := w.call(http.MethodPut, clock, object{"now": "2031-02-01T09:00:00Z"})
					return string(answer), status == http.StatusOK
				})

				var got []string
				for _, m := range read[outbox](w, on(http.MethodGet, "/v1/outbox?order_direction=asc", nil)).Data {
					got = append(got, m.CreatedAt.Format(time.RFC3339))
				}
				if diff := cmp.Diff([]string{"2031-01-10T09:00:00Z", "2031-01-17T09:00:00Z", "2031-01-24T09:00:00Z"}, got); diff != "" {
					t.Errorf("messages (-want +got)\n%s", diff)
				}
			})
		})
	}
}
