package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
)

func TestHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"ada@customer.example"}`).want(201)
		w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1","timezone":"America/New_York"}`).want(201)
		made := w.do("POST", "/v1/holds", `{"scope":"INVOICE","resource_id":"i1","reason":"PROMISE_TO_PAY","until":"2026-11-30","note":"by phone"}`).want(201)
		if !ident.Has(made.id(), "hold") || made.text("customer_id") != "c1" || made.text("ends_at") != "2026-12-01T05:00:00Z" || made.text("status") != "ACTIVE" {
			t.Errorf("got %s", made.body)
		}
		if got := w.do("GET", "/v1/holds/"+made.id(), "").want(200); string(got.body) != string(made.body) {
			t.Errorf("got %s, want %s", got.body, made.body)
		}
		for body, field := range map[string]string{
			`{"scope":"INVOICE","resource_id":"i1","reason":"LEGAL","until":"2026-11-22"}`: "until",
			`{"resource_id":"i1","reason":"LEGAL"}`:                                        "scope",
		} {
			if got := w.do("POST", "/v1/holds", body); got.status != 400 || got.text("field") != field {
				t.Errorf("%s: got %s", body, got.body)
			}
		}
		// Of two faults the first in the document is told, also if it takes the store to find it.
		w.do("POST", "/v1/holds", `{"scope":"INVOICE","resource_id":"c1","reason":"WHY"}`).fails(400, "RESOURCE_NOT_FOUND", "resource_id")
		w.do("POST", "/v1/holds", `{"reason":"WHY","scope":"INVOICE","resource_id":"c1"}`).fails(400, "INVALID_FIELD", "reason")
		w.do("POST", "/v1/holds", `{"scope":"CUSTOMER","resource_id":"nobody","reason":"LEGAL"}`).fails(400, "RESOURCE_NOT_FOUND", "resource_id")

		for query, want := range map[string]bool{
			"": true, "scope=INVOICE": true, "scope=CUSTOMER": false, "resource_id=i1": true, "resource_id=i2": false, "customer_id=c1": true,
			"customer_id=c2": false, "reason=PROMISE_TO_PAY": true, "reason=LEGAL": false, "statuses[]=ACTIVE&statuses[]=EXPIRED": true, "statuses[]=RELEASED": false,
		} {
			if got := w.do("GET", "/v1/holds?"+query, "").want(200); (got.text("data.0.id") == made.id()) != want {
				t.Errorf("%s: got %s", query, got.body)
			}
		}
		w.do("GET", "/v1/holds?reason=NONE", "").fails(400, "INVALID_FIELD", "reason")

		w.advance(time.Minute)
		path := "/v1/holds/" + made.id()
		if got := w.do("PATCH", path, `{"until":"2026-12-31","scope":"INVOICE","resource_id":"i1","reason":"PROMISE_TO_PAY"}`).want(200); got.text("ends_at") != "2027-01-01T05:00:00Z" ||
			got.text("note") != "by phone" || got.text("updated_at") == made.text("updated_at") {
			t.Errorf("got %s", got.body)
		}
		w.do("PATCH", path, `{"reason":"LEGAL"}`).fails(400, "INVALID_FIELD", "reason")
		w.do("PATCH", path, `{"scope":"CUSTOMER"}`).fails(400, "INVALID_FIELD", "scope")
		w.do("PATCH", path, `{"resource_id":"i2"}`).fails(400, "INVALID_FIELD", "resource_id")
		w.do("PATCH", path, `{"until":"2026-11-01"}`).fails(400, "INVALID_FIELD", "until")
		w.do("PATCH", path, `{"until":null}`).want(200)

		released := w.do("POST", path+"/release", "", "Idempotency-Key", "k").want(200)
		if released.text("status") != "RELEASED" || released.text("released_at") == "" {
			t.Errorf("got %s", released.body)
		}
		again := w.do("POST", path+"/release", "", "Idempotency-Key", "k").want(200)
		w.advance(time.Minute)
		for _, got := range []response{again, w.do("POST", path+"/release", "").want(200), w.do("PATCH", path, `{}`).want(200)} {
			if string(got.body) != string(released.body) {
				t.Errorf("got %s, want %s", got.body, released.body)
			}
		}
		w.do("PATCH", path, `{"note":"n"}`).fails(400, "INVALID_OPERATION", "-")
		w.do("POST", "/v1/holds/nothing/release", "").fails(404, "RESOURCE_NOT_FOUND", "-")
	})
}

func TestSuppressions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/suppressions", `{"email":"Ada@Bücher.example","note":"n"}`).want(201)
		if !ident.Has(made.id(), "supp") || made.text("email") != "Ada@Bücher.example" || made.text("reason") != "MANUAL" {
			t.Errorf("got %s", made.body)
		}
		w.do("POST", "/v1/suppressions", `{"email":"ada@xn--bcher-kva.EXAMPLE"}`).fails(409, "RESOURCE_ALREADY_EXISTS", "email")
		for email, want := range map[string]bool{"ADA@b%C3%BCcher.example": true, "ada@xn--bcher-kva.example": true, "bob@b%C3%BCcher.example": false, "": false} {
			if got := w.do("GET", "/v1/suppressions?email="+email, ""); (got.status == 200 && got.text("data.0.id") == made.id()) != want {
				t.Errorf("%s: got %s", email, got.body)
			}
		}
		path := "/v1/suppressions/" + made.id()
		w.do("GET", path, "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		if got := w.do("DELETE", path, "").want(200); string(got.body) != string(made.body) {
			t.Errorf("got %s, want %s", got.body, made.body)
		}
		w.do("GET", path, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("DELETE", path, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("POST", "/v1/suppressions", `{"email":"ada@bücher.example"}`).want(201)
		if strings.Contains(strings.ToLower(w.log.String()), "bücher") {
			t.Error("the log has an address")
		}
	})
}

func TestExclusions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const flow = `{"name":"n","type":"INVOICE","reference":"r","status":"ACTIVE","invoice":{"variant":"TO_FINAL"}`
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE"}`).want(201)
		w.do("POST", "/v1/workflows", flow+`,"exclude_customer_ids":["nobody"],"customer_ids":["no one"]}`).fails(400, "RESOURCES_NOT_FOUND", "exclude_customer_ids")
		w.do("POST", "/v1/workflows", flow+`,"customer_ids":["no-one"],"exclude_customer_ids":["nobody"]}`).fails(400, "RESOURCES_NOT_FOUND", "customer_ids")
		w.do("POST", "/v1/workflows", flow+`,"exclude_customer_ids":["nobody"],"customer_ids":["no-one"]}`).fails(400, "RESOURCES_NOT_FOUND", "exclude_customer_ids")
		made := w.do("POST", "/v1/workflows", flow+`,"exclude_customer_ids":["c1","c1"]}`).want(201)
		if list, _ := made.at("exclude_customer_ids").([]any); len(list) != 1 {
			t.Errorf("got %s, want the customer once", made.body)
		}
		w.do("PATCH", "/v1/workflows/r", `{"exclude_customer_ids":["c1","nobody"]}`).fails(400, "RESOURCES_NOT_FOUND", "exclude_customer_ids")
		for _, none := range []string{"null", "[]"} {
			w.do("PATCH", "/v1/workflows/r", `{"exclude_customer_ids":["c1"]}`).want(200)
			if got := w.do("PATCH", "/v1/workflows/r", `{"exclude_customer_ids":`+none+`}`).want(200); got.has("exclude_customer_ids") {
				t.Errorf("got %s", got.body)
			}
		}
	})
}
