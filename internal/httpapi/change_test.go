package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
)

// everyResource is a body of each kind of mirrored resource, with what POST answers
// and how the id that it makes begins.
var everyResource = map[string]struct {
	prefix string
	status int
	body   string
}{
	"customers":                  {"cust", 201, `{"status":"ACTIVE","email":"a@acme.example"`},
	"contacts":                   {"cont", 201, `{"customer_id":"c1"`},
	"billing-entities":           {"bien", 201, `{"legal_name":"Acme"`},
	"pricing-plan-subscriptions": {"ppsu", 201, `{"status":"ACTIVE","customer_id":"c1"`},
	"pricing-plan-schedules":     {"ppsc", 201, `{"type":"TRIAL"`},
	"wallet-types":               {"wtyp", 201, `{"status":"ACTIVE"`},
	"wallets":                    {"wall", 201, `{"customer_id":"c1","wallet_type_id":"t1"`},
	"invoices":                   {"invo", 200, `{"status":"DRAFT","customer_id":"c1","due_date":"2026-12-24"`},
	"payments":                   {"pay", 200, `{"result":"PENDING","customer_id":"c1"`},
}

func TestPostMakesAnID(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("PUT", "/v1/billing-entities/seller", `{"timezone":"Asia/Tokyo"}`).want(201)
		w.do("PATCH", "/v1/platforms/"+string(w.p), `{"default_billing_entity_id":"seller"}`).want(200)
		for kind, c := range everyResource {
			body := c.body + `,"id":"mine","reference":"R"}`
			if kind == "invoices" {
				body = c.body + `,"billing_entity_id":"seller","id":"mine","reference":"R"}`
			}
			made := w.again("/v1/"+kind, body, "k", c.status)
			if !ident.Has(made.id(), c.prefix) || made.at("applied") != true {
				t.Errorf("%s: got %s, want a new id %s_…", kind, made.body, c.prefix)
			}
			w.do("GET", "/v1/"+kind+"/"+made.id(), "").want(200).same(made)
			w.do("GET", "/v1/"+kind+"/mine", "").fails(404, "RESOURCE_NOT_FOUND", "-")
			w.do("POST", "/v1/"+kind, body+" ", keyHeader, "k").fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")
			if kind == "invoices" && made.text("due_date") != "2026-12-23T15:00:00Z" {
				t.Errorf("the due date does not begin in the seller's zone: %s", made.body)
			}
			if list := w.do("GET", "/v1/"+kind+"?order_by=reference", "").want(200); strings.Count(string(list.body), `"reference":"R"`) != 1 {
				t.Errorf("%s: there is not exactly one: %s", kind, list.body)
			}
			if second := w.do("POST", "/v1/"+kind, body).want(c.status); second.id() == made.id() {
				t.Errorf("%s: two of one id", kind)
			}
			w.do("POST", "/v1/"+kind, `{"source_version":-1}`).fails(400, "INVALID_FIELD", "source_version")
		}
		// What is wrong with the state has no effect, and leaves its key free.
		late := `{"status":"ACTIVE","source_updated_at":"` + w.clock().Add(time.Hour).Format(time.RFC3339) + `"}`
		w.do("POST", "/v1/customers", late, keyHeader, "late").fails(400, "INVALID_FIELD", "source_updated_at")
		w.do("POST", "/v1/customers", `{"status":"ACTIVE"}`, keyHeader, "late").want(201)
	})
}

// TestPostTakesPart: what a POST brings fires as a PUT does.
func TestPostTakesPart(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.actionOf("TO_FINAL", w.workflowOf("TO_FINAL", "final", ""), w.newIntegration())
		customer := w.do("POST", "/v1/customers", `{"status":"ACTIVE","email":"a@acme.example"}`).want(201).id()
		body := fmt.Sprintf(`{"status":"FINAL","customer_id":%q,"billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`, customer)
		invoice := w.again("/v1/invoices", body, "k", 200).id()
		w.drain()
		if got := w.do("GET", "/v1/workflow-executions?invoice_id="+invoice, "").want(200); got.text("data.0.status") != "SENT" || got.at("data.1") != nil {
			t.Errorf("got %s, want one SENT", got.body)
		}
	})
}

func TestPatchResources(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","reference":"C-1","email":"a@acme.example","locale":"nl-NL",
			"organization":{"legal_name":"Acme","registered_address":{"city":"Delft","country":"NL"}},"metadata":{"a":1,"b":{"c":[1],"d":null,"e":2}},"source_version":4}`).want(201)
		w.advance(time.Minute)
		const path = "/v1/customers/C-1"
		got := w.do("PATCH", path, `{"locale":null,"organization":{"registered_address":{"city":"Leiden"}},"metadata":{"b":{"c":null,"f":{"g":null,"h":1}},"z":1.50},"id":"x"}`,
			"Content-Type", "application/merge-patch+json").want(200)
		for at, want := range map[string]any{
			"id": "c1", "email": "a@acme.example", "locale": nil, "source_version": 4.0, "applied": true, "updated_at": "2026-11-23T09:01:01Z", "created_at": "2026-11-23T09:00:01Z",
			"organization.legal_name": "Acme", "organization.registered_address.city": "Leiden", "organization.registered_address.country": "NL",
		} {
			if got.at(at) != want {
				t.Errorf("%s: got %v, want %v: %s", at, got.at(at), want, got.body)
			}
		}
		if !strings.Contains(string(got.body), `"metadata":{"a":1,"b":{"d":null,"e":2,"f":{"h":1}},"z":1.50}`) {
			t.Errorf("the metadata is not merged: %s", got.body)
		}
		w.do("GET", path, "").want(200).same(got)
		if same := w.do("PATCH", path, `{"locale":null,"metadata":{"a":1}}`).want(200); same.at("applied") != false {
			t.Errorf("nothing has changed: got %s", same.body)
		}
		// It keeps the stored version, whatever it does to the state; with one of its own it is judged by it.
		closed := w.do("PATCH", path, `{"status":"CLOSED"}`).want(200)
		open := w.do("PATCH", path, `{"status":"ACTIVE"}`).want(200)
		if closed.at("applied") != true || open.at("applied") != true || open.at("source_version") != 4.0 {
			t.Errorf("got %s, then %s", closed.body, open.body)
		}
		if old := w.do("PATCH", path, `{"status":"CLOSED","source_version":3}`).want(200); old.at("applied") != false || old.text("status") != "ACTIVE" {
			t.Errorf("an older one: got %s", old.body)
		}
		if next := w.do("PATCH", path, `{"email":"b@acme.example","source_version":5}`).want(200); next.at("source_version") != 5.0 {
			t.Errorf("a later one: got %s", next.body)
		}
		w.do("PATCH", path, `{"source_updated_at":"2026-11-23T09:00:00Z"}`).fails(400, "INVALID_FIELD", "source_version")
		w.do("PATCH", path, `{"status":null}`).fails(400, "MISSING_FIELD", "status")
		w.do("PATCH", path, `{"organization":{"legal_name":5},"metadata":[]}`).fails(400, "INVALID_FIELD", "organization.legal_name")
		w.do("PATCH", path, `{"metadata":{"long":"`+strings.Repeat("x", 33<<10)+`"}}`).fails(400, "INVALID_FIELD", "metadata")
		w.do("PATCH", path, `[]`).fails(400, "INVALID_FIELD", "-")
		w.do("PATCH", "/v1/customers/c2", `{}`).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PATCH", path, `{}`, "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PUT", "/v1/invoices/named-c3", `{"status":"DRAFT","customer_id":"c3"}`).want(201) // c3 is named, and not known
		w.do("PATCH", "/v1/customers/c3", `{}`).fails(404, "RESOURCE_NOT_FOUND", "-")

		// A part of money that is not there yet is not enough.
		w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1","open_invoice_amount":{"quantity":"5.00","currency":"EUR"},"paid":false,"lines":[{"description":"a"},{"description":"b"}]}`).want(201)
		w.do("PATCH", "/v1/invoices/i1", `{"paid_invoice_amount":{"quantity":"1.00"}}`).fails(400, "MISSING_FIELD", "paid_invoice_amount.currency")
		invoice := w.do("PATCH", "/v1/invoices/i1", `{"open_invoice_amount":{"quantity":"4.00"},"lines":[{"quantity":"1"}],"due_date":"2026-12-01"}`).want(200)
		if invoice.text("open_invoice_amount.currency") != "EUR" || invoice.text("open_invoice_amount.quantity") != "4.00" || invoice.at("lines.0.description") != nil ||
			invoice.at("lines.1") != nil || invoice.at("paid") != false || invoice.text("due_date") == "" {
			t.Errorf("got %s", invoice.body)
		}
		for kind, c := range everyResource {
			if kind == "payments" || kind == "wallets" { // as published
				continue
			}
			w.do("PUT", "/v1/"+kind+"/p", c.body+"}").want(201)
			if got := w.do("PATCH", "/v1/"+kind+"/p", `{"reference":"patched"}`).want(200); got.text("reference") != "patched" || got.at("applied") != true {
				t.Errorf("%s: got %s", kind, got.body)
			}
		}
	})
}

// TestPatchTakesPart: a patch stops, fires and moves as a whole state does.
func TestPatchTakesPart(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.actionOf("TO_FINAL", w.workflowOf("TO_FINAL", "final", ""), w.newIntegration())
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"a@acme.example"}`).want(201)
		w.do("PUT", "/v1/customers/c2", `{"status":"ACTIVE","email":"b@acme.example"}`).want(201)
		w.do("PUT", "/v1/invoices/i1", `{"status":"DRAFT","customer_id":"c1","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`).want(201)
		want := func(of, query, status, reason string) {
			t.Helper()
			got := w.do("GET", "/v1/workflow-executions?invoice_id=i1&"+query, "").want(200)
			if got.text("data.0.status") != status || got.text("data.0.reason") != reason {
				t.Errorf("%s: got %s, want %s %s", of, got.body, status, reason)
			}
		}
		w.do("PATCH", "/v1/invoices/i1", `{"status":"FINAL"}`).want(200)
		want("final", "customer_id=c1", "PENDING", "")
		w.do("PATCH", "/v1/invoices/i1", `{"on_hold":true}`).want(200)
		want("on hold", "customer_id=c1", "CANCELLED", "ON_HOLD")
		w.advance(time.Second)
		w.do("PATCH", "/v1/invoices/i1", `{"on_hold":false}`).want(200)
		want("released", "customer_id=c1", "PENDING", "")
		w.do("PATCH", "/v1/invoices/i1", `{"customer_id":"c2"}`).want(200)
		want("moved away", "customer_id=c1", "CANCELLED", "SUPERSEDED")
		want("moved to", "customer_id=c2", "PENDING", "")
		w.do("PATCH", "/v1/invoices/i1", `{"customer_id":"nobody-yet"}`).want(200)
		want("moved to one who is not known", "customer_id=c2", "CANCELLED", "SUPERSEDED")
		w.do("PUT", "/v1/customers/nobody-yet", `{"status":"ACTIVE","email":"c@acme.example"}`).want(201)
		want("who becomes known", "customer_id=nobody-yet", "PENDING", "")
	})
}

// TestPatchesAtOnce: of patches at the same moment none is lost, on whichever node.
func TestPatchesAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE"}`).want(201)
		w.do("PUT", "/v1/contacts/k1", `{"customer_id":"c1"}`).want(201)
		w.do("PUT", "/v1/invoices/i1", `{"status":"DRAFT","customer_id":"c1"}`).want(201)
		const each = 24
		var wg sync.WaitGroup
		for i := range each {
			for _, path := range []string{"/v1/customers/c1", "/v1/contacts/k1", "/v1/invoices/i1"} {
				wg.Go(func() {
					if r := w.do("PATCH", path, fmt.Sprintf(`{"metadata":{"m%d":%d}}`, i, i)); r.status != 200 || r.at("applied") != true {
						t.Errorf("%s: got %d %s", path, r.status, r.body)
					}
				})
			}
			wg.Go(func() { // which moves the contact between customers, too
				w.do("PATCH", "/v1/contacts/k1", fmt.Sprintf(`{"customer_id":"c%d"}`, i%3+1))
			})
		}
		wg.Wait()
		for _, path := range []string{"/v1/customers/c1", "/v1/contacts/k1", "/v1/invoices/i1"} {
			got := w.do("GET", path, "").want(200)
			for i := range each {
				if got.at(fmt.Sprintf("metadata.m%d", i)) != float64(i) {
					t.Errorf("%s: the patch of m%d is lost: %s", path, i, got.body)
				}
			}
		}
	})
}

func TestSearchResources(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("POST", "/v1/ingest/resources", `[
			{"object_type":"CUSTOMER","id":"c1","status":"ACTIVE","type":"ORGANIZATION","reference":"Acme NL"},
			{"object_type":"CUSTOMER","id":"c2","status":"CLOSED","type":"INDIVIDUAL","reference":"Beta"},
			{"object_type":"CONTACT","id":"k1","customer_id":"c1"},{"object_type":"CONTACT","id":"k2","customer_id":"c2"},
			{"object_type":"INVOICE","id":"i1","customer_id":"c1","status":"FINAL"},{"object_type":"INVOICE","id":"i2","customer_id":"c1","status":"VOID","type":"CREDIT"},
			{"object_type":"PAYMENT","id":"p1","invoice_id":"i1","customer_id":"c1","result":"PENDING"},{"object_type":"PAYMENT","id":"p2","customer_id":"c2","result":"PENDING"},
			{"object_type":"BILLING_ENTITY","id":"b1","reference":"nl"},{"object_type":"BILLING_ENTITY","id":"b2"},
			{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"s1","customer_id":"c1","status":"ACTIVE","name":"Pro plan"},
			{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"s2","customer_id":"c1","status":"VOID"},
			{"object_type":"PRICING_PLAN_SCHEDULE","id":"d1","pricing_plan_subscription_id":"s1","type":"TRIAL"},{"object_type":"PRICING_PLAN_SCHEDULE","id":"d2"},
			{"object_type":"WALLET_TYPE","id":"t1","status":"ACTIVE","name":"Credits","type":"CREDIT"},{"object_type":"WALLET_TYPE","id":"t2","status":"DRAFT"},
			{"object_type":"WALLET","id":"w1","customer_id":"c1","wallet_type_id":"s1","status":"ACTIVE"},{"object_type":"WALLET","id":"w2","customer_id":"c2","wallet_type_id":"t2"}]`).want(200)
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","reference":"Acme NL"}`, "X-API-KEY", w.foreign).want(201)
		for _, c := range [][3]string{
			{"customers", "", "c1 c2"},
			{"customers", `{"search_fields":[{"name":null,"value":"acme","wildcard_end":true,"ignore_case":true}]}`, "c1"},
			{"customers", `{"filter_fields":[{"name":"type","values":["INDIVIDUAL"]},{"name":"status","value":"CLOSED"}]}`, "c2"},
			{"customers?reference=Beta", `{"filter_fields":[{"name":"id","values":["c1","c2"]}]}`, "c2"},
			{"customers", `{"filter_fields":[{"name":"created_at","value":"` + w.clock().Format(time.RFC3339) + `"}]}`, "c1 c2"},
			{"customers", `{"filter_fields":[{"name":"updated_at","value":"2020-01-01T00:00:00Z"}]}`, ""},
			{"contacts", `{"filter_fields":[{"name":"customer_id","value":"c2"}]}`, "k2"},
			{"invoices", `{"filter_fields":[{"name":"customer_id","value":"c1"},{"name":"type","value":"CREDIT"}]}`, "i2"},
			{"invoices?statuses[]=FINAL", `{"filter_fields":[{"name":"customer_id","value":"c1"}]}`, "i1"},
			{"payments", `{"selection_rule_fields":[{"name":"invoice_id","value":"i1"}]}`, "p1"},
			{"payments", `{"selection_rule_fields":[{"name":"invoice_id","value":null}]}`, "p2"},
			{"billing-entities", `{"search_fields":[{"value":"nl"}]}`, "b1"},
			{"pricing-plan-subscriptions", `{"search_fields":[{"name":"name","value":"plan","wildcard_start":true}]}`, "s1"},
			{"pricing-plan-subscriptions", `{"filter_fields":[{"name":"status","value":"VOID"}]}`, "s2"},
			{"pricing-plan-schedules", `{"filter_fields":[{"name":"pricing_plan_subscription_id","value":"s1"},{"name":"type","value":"TRIAL"}]}`, "d1"},
			{"wallet-types", `{"filter_fields":[{"name":"type","value":"CREDIT"}]}`, "t1"},
			{"wallet-types", `{"filter_fields":[{"name":"status","value":"DRAFT"}]}`, "t2"},
			{"wallets?wallet_type_id=t2", `{"filter_fields":[{"name":"customer_id","value":"c2"}]}`, "w2"},
			{"wallets", `{"filter_fields":[{"name":"status","value":"ACTIVE"}]}`, "w1"},
		} {
			path, query, _ := strings.Cut(c[0], "?")
			r := w.do("POST", "/v1/"+path+"/search?order_direction=asc&"+query, c[1]).want(200)
			got := strings.TrimSpace(r.text("data.0.id") + " " + r.text("data.1.id"))
			if got != c[2] || r.at("data.2") != nil {
				t.Errorf("%s %s: got %q, want %q", c[0], c[1], got, c[2])
			}
		}
		w.do("POST", "/v1/customers/search", `{"filter_fields":[{"name":"email","value":"x"}]}`).fails(400, "INVALID_FIELD", "filter_fields.0.name")
		w.do("POST", "/v1/customers/search", `{"filter_fields":[{"name":"status","value":"FINAL"}]}`).fails(400, "INVALID_FIELD", "filter_fields.0.value")
		w.do("POST", "/v1/customers/search?limit=1", "").want(200)
		if r := w.do("POST", "/v1/invoices/search?limit=1&statuses[]=FINAL&statuses[]=VOID", "").want(200); !strings.Contains(r.text("links.next"), "page=2") {
			t.Errorf("got %s", r.body)
		}
	})
}
