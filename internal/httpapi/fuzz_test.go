package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/httpapi"
)

// FuzzRoutes: nothing that is sent to any route is a defect of ours, and every
// answer keeps the description.
func FuzzRoutes(f *testing.F) {
	routes := httpapi.Routes()
	for i := range routes {
		f.Add(uint8(i), "x", "", "application/json", "{}")
		f.Add(uint8(i), "%00", "page=2&limit=3&order_by=status&statuses[]=FINAL", "application/json", toFinal)
	}
	f.Add(uint8(1), "r", "", "application/json", `{"name":"n","type":"PAYMENT","reference":"r","status":"ACTIVE","payment":{"variant":"FAILED_PAYMENT"}}`)
	for i, r := range routes {
		switch r.Verb + " " + r.Path {
		case "PUT /v1/customers/{idOrReference}":
			f.Add(uint8(i), "c", "", "application/json", `{"status":"ACTIVE","email":"a@x.example","metadata":{"a":1}}`)
		case "PUT /v1/invoices/{idOrReference}":
			f.Add(uint8(i), "i", "", "application/json", `{"status":"FINAL","customer_id":"c","due_date":"2026-11-30","invoice_amount_including_tax":{"quantity":"1.50","currency":"EUR"}}`)
		case "PUT /v1/payments/{idOrReference}":
			f.Add(uint8(i), "p", "", "application/json", `{"result":"REFUSED","invoice_id":"i","dunning_action_details":{"attempt":1}}`)
		case "PUT /v1/wallets/{idOrReference}":
			f.Add(uint8(i), "w", "", "application/json", `{"wallet_type_id":"t","customer_id":"c","balance":{"credits":{"quantity":"5","credit_type_id":"x"}},"balance_at":"2026-11-23T09:00:00Z"}`)
		case "PUT /v1/pricing-plan-subscriptions/{idOrReference}":
			f.Add(uint8(i), "s", "", "application/json", `{"status":"ACTIVE","customer_id":"c","pricing_plan_schedule_infos":[{"id":"p","type":"TRIAL"}]}`)
		case "POST /v1/ingest/resources":
			f.Add(uint8(i), "", "events=none", "application/x-ndjson", "{\"object_type\":\"CUSTOMER\",\"id\":\"c\",\"status\":\"ACTIVE\"}\n[]")
			f.Add(uint8(i), "", "", "application/json", `[{"object_type":"CONTACT","id":"k","customer_id":"c"},5]`)
		case "POST /v1/ingest/snapshot":
			f.Add(uint8(i), "", "", "application/json", `{"phase":"BEGIN","object_types":["INVOICE"],"customer_id":null,"on_absent":"CLOSE"}`)
			f.Add(uint8(i), "", "", "application/json", `{"phase":"RESOURCES","snapshot_id":"snap_00000000000000000000","resources":[{"object_type":"INVOICE","id":"i"},5]}`)
		case "POST /v1/api-keys":
			f.Add(uint8(i), "", "", "application/json", `{"role_type":"READ_ONLY","permissions":["WORKFLOW.VIEW"],"role_ids":[],"platform_ids":null,"expires_at":"2030-01-01T00:00:00Z"}`)
		case "POST /v1/roles", "PATCH /v1/roles/{id}":
			f.Add(uint8(i), "r", "", "application/json", `{"name":"n","permissions":["WORKFLOW.VIEW"],"child_role_ids":["role_00000000000000000000"]}`)
		case "PATCH /v1/platforms/{id}":
			f.Add(uint8(i), "own", "", "application/json", `{"sending":"REDIRECT","redirect_to":"a@x.example"}`)
		}
	}
	w := onSQLite(f)
	src := w.newSource().id()
	f.Fuzz(func(t *testing.T, route uint8, id, query, contentType, body string) {
		r := routes[int(route)%len(routes)]
		switch {
		case strings.HasPrefix(r.Path, "/v1/ingest/sources"):
			id = src
		case id == "own":
			id = string(w.p)
		}
		u, err := url.Parse("http://dunwell.example" + target(r, url.PathEscape(id)))
		if err != nil {
			return
		}
		u.RawQuery = query
		req := httptest.NewRequest(r.Verb, "/", strings.NewReader(body))
		req.URL = u
		req.Header = http.Header{"X-Api-Key": {w.key}, "Content-Type": {contentType}, "Stripe-Signature": {sign(body, w.clock(), whsec)}}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Errorf("%s %s %q → %d %s", r.Verb, u, body, rec.Code, rec.Body)
		}
		if r.Path == "/v1/workflow-actions" || rec.Code < 500 {
			apitest.Check(t, req, rec.Result())
		}
	})
}
