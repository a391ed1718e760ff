package httpapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/auth"
)

func TestExplainNeedsToSeeTheResource(t *testing.T) {
	w := onSQLite(t)
	w.seed(w.key, w.p, "ours")
	ask := func(flow, resource string, may ...auth.Permission) response {
		return w.as(w.holding(append(may, auth.WorkflowView, auth.TriggerView, auth.ExecutionView)...), "GET",
			"/v1/workflows/"+flow+"/explain?resource_id="+url.QueryEscape(resource), "")
	}
	ask("ours-flow", "ours-i", auth.InvoiceView).want(200)
	ask("ours-flow", "ours-bill", auth.InvoiceView).want(200)
	ask("ours-flow", "ours-i", auth.PaymentView).fails(403, "USER_NOT_ALLOWED", "-")
	ask("ours-FAILED_PAYMENT", "ours-p", auth.InvoiceView).fails(403, "USER_NOT_ALLOWED", "-")
	ask("ours-FAILED_PAYMENT", "ours-p", auth.PaymentView).want(200)
	ask("ours-FREE_TRIAL_REMINDER", "ours-s", auth.SubscriptionView).want(200)
	ask("ours-WALLET_BALANCE", "ours-w", auth.WalletView).want(200)
	ask("ours-flow", "", auth.InvoiceView).fails(400, "MISSING_FIELD", "resource_id")
	ask("ours-flow", "\x00", auth.InvoiceView).fails(400, "INVALID_FIELD", "resource_id")
	ask("ours-flow", "ours-p", auth.InvoiceView).fails(400, "RESOURCE_NOT_FOUND", "resource_id") // it is a payment
	ask("none", "ours-i", auth.InvoiceView).fails(404, "RESOURCE_NOT_FOUND", "-")
}

// TestUpcomingPages: the pages of a stretch of time have every entry once.
func TestUpcomingPages(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.seed(w.key, w.p, "ours")
		w.do("POST", "/v1/workflows", `{"name":"n","reference":"late","status":"ACTIVE","type":"INVOICE",
			"invoice":{"variant":"OVERDUE","overdue":{"periods":[{"type":"DAY","value":1},{"type":"DAY","value":10}]}}}`).want(201)
		for _, id := range []string{"a", "b", "c"} {
			w.do("PUT", "/v1/invoices/"+id, `{"status":"FINAL","customer_id":"ours-c","due_date":"2026-11-30","billing_currency":"EUR",
				"invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`).want(201)
		}
		for _, query := range []string{"", "&customer_id=ours-c"} {
			var got []string
			for next := "/v1/upcoming?limit=2&to=2026-12-31T00:00:00Z" + query; next != ""; {
				page := w.do("GET", next, "").want(200)
				for _, at := range []string{"data.0", "data.1"} {
					if page.at(at) != nil {
						got = append(got, page.text(at+".resource_id")+" "+page.text(at+".step"))
					}
				}
				if page.at("data.2") != nil || page.at("links.previous") != nil || !strings.Contains(page.text("links.first"), "from=") {
					t.Errorf("got %s", page.body)
				}
				next = page.text("links.next")
			}
			slices.Sort(got)
			want := []string{"a DAY:1", "a DAY:10", "b DAY:1", "b DAY:10", "c DAY:1", "c DAY:10"}
			if got := slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "ours") }); !slices.Equal(got, want) {
				t.Errorf("%q: got %q, want %q", query, got, want)
			}
		}
		for query, field := range map[string]string{
			"from=2026-11-30": "from", "to=tomorrow": "to", "from=2026-11-30T00:00:00Z&to=2026-11-29T00:00:00Z": "to",
			"from=2026-01-01T00:00:00Z&to=2026-04-04T00:00:00Z": "to", "from=9999-12-31T00:00:00Z": "to", "limit=0": "limit", "cursor=x": "cursor",
			"cursor=eyJvbiI6MX0": "cursor", "cursor=eyJwb3NpdGlvbiI6eyJzdGVwIjotMX19": "cursor", "customer_id=%00": "customer_id",
			"cursor=eyJzdG9yZWQiOnsiaWQiOiJcdTAwMDAifX0": "cursor",
		} {
			w.do("GET", "/v1/upcoming?"+query, "").fails(400, "INVALID_FIELD", field)
		}
	})
}
