package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

const toFinal = `{"name":"Announce","type":"INVOICE","reference":"announce","status":"INACTIVE","invoice":{"variant":"TO_FINAL"}}`

func TestWorkflowLife(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/workflows", toFinal).want(201)
		if !ident.Has(made.id(), "wkfl") || made.text("created_at") != "2026-11-23T09:00:01Z" || made.at("version") != 1.0 {
			t.Errorf("got %s", made.body)
		}
		for _, name := range []string{"payment", "wallet", "schedule", "on_ambiguous", "pricing_plan_subscription"} {
			if made.has(name) {
				t.Errorf("%s is there and not set: %s", name, made.body)
			}
		}
		for _, name := range []string{"description", "customer_ids"} {
			if !made.has(name) || made.at(name) != nil {
				t.Errorf("%s is not null: %s", name, made.body)
			}
		}
		w.do("POST", "/v1/workflows", toFinal).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")

		byID := w.do("GET", "/v1/workflows/"+made.id(), "").want(200)
		byReference := w.do("GET", "/v1/workflows/announce", "").want(200)
		if string(byID.body) != string(made.body) || string(byReference.body) != string(made.body) {
			t.Errorf("got %s and %s, want %s", byID.body, byReference.body, made.body)
		}
		w.do("GET", "/v1/workflows/nothing", "").fails(404, "RESOURCE_NOT_FOUND", "-")

		w.advance(time.Minute)
		active := w.do("POST", "/v1/workflows/announce/activate", "").want(200)
		if active.text("status") != "ACTIVE" || active.at("version") != 2.0 || active.text("updated_at") != "2026-11-23T09:01:01Z" {
			t.Errorf("got %s", active.body)
		}
		w.advance(time.Minute)
		if same := w.do("POST", "/v1/workflows/announce/activate", "").want(200); string(same.body) != string(active.body) {
			t.Errorf("got %s, want %s", same.body, active.body)
		}
		w.do("PATCH", "/v1/workflows/announce", `{"id":"x","object_type":null,"created_at":5,"description":"d"}`).want(200)
		w.do("PATCH", "/v1/workflows/announce", `{"customer_ids":["nobody"]}`).fails(400, "RESOURCES_NOT_FOUND", "customer_ids")
		w.do("POST", "/v1/workflows/announce/deactivate", "").want(200)
		w.do("PATCH", "/v1/workflows/announce", `{"status":"DRAFT"}`).fails(400, "INVALID_OPERATION", "status")
		archived := w.do("POST", "/v1/workflows/announce/archive", "").want(200)
		w.advance(time.Minute)
		for _, r := range []response{
			w.do("POST", "/v1/workflows/announce/archive", ""),
			w.do("PATCH", "/v1/workflows/announce", `{"status":"ARCHIVED"}`),
			w.do("PATCH", "/v1/workflows/announce", `{"description":"d","type":"INVOICE","invoice":{"variant":"TO_FINAL"}}`),
			w.do("PATCH", "/v1/workflows/announce", `{}`),
		} {
			if r.want(200); string(r.body) != string(archived.body) {
				t.Errorf("got %s, want %s", r.body, archived.body)
			}
		}
		w.do("PATCH", "/v1/workflows/announce", `{"name":""}`).fails(400, "INVALID_OPERATION", "-")
		w.do("PATCH", "/v1/workflows/announce", `{"name":"x"}`).fails(400, "INVALID_OPERATION", "-")
		w.do("POST", "/v1/workflows/announce/activate", "").fails(400, "INVALID_OPERATION", "-")
		w.do("POST", "/v1/workflows", toFinal).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		const incomplete = `{"name":"n","type":"INVOICE","reference":"abandoned","status":"DRAFT","invoice":{"variant":"OVERDUE"}}`
		w.do("POST", "/v1/workflows", incomplete).want(201)
		w.do("POST", "/v1/workflows/abandoned/archive", "").want(200)
		w.do("POST", "/v1/workflows/abandoned/archive", "").want(200)
		w.do("PATCH", "/v1/workflows/nothing", `{}`).fails(404, "RESOURCE_NOT_FOUND", "-")
	})
}

func TestEveryVariantCanBeActive(t *testing.T) {
	w := onSQLite(t)
	for i, block := range []string{
		`"type":"INVOICE","invoice":{"variant":"OVERDUE","overdue":{"periods":[{"type":"WEEK","value":2},{"type":"DAY","value":3}]}}`,
		`"type":"INVOICE","invoice":{"variant":"UPCOMING_PAYMENT_REMINDER","upcoming_payment":{"periods":[{"type":"DAY","value":3}]}}`,
		`"type":"PRICING_PLAN_SUBSCRIPTION","pricing_plan_subscription":{"variant":"FREE_TRIAL_REMINDER","reminder_periods":[{"type":"DAY","value":3}]}`,
		`"type":"WALLET","wallet":{"variant":"WALLET_BALANCE","wallet_balance":{"comparator":"LESS_THAN","threshold":{"amount":{"quantity":"25.50","currency":"EUR"}}}}`,
	} {
		body := fmt.Sprintf(`{"name":"n","reference":"r%d","status":"INACTIVE",%s}`, i, block)
		r := w.do("POST", "/v1/workflows", body).want(201)
		if got := w.do("POST", "/v1/workflows/"+r.id()+"/activate", "").want(200); got.text("status") != "ACTIVE" {
			t.Errorf("got %s", got.body)
		}
	}
	got := w.do("GET", "/v1/workflows/r3", "")
	if got.text("wallet.wallet_balance.threshold.amount.quantity") != "25.50" || !strings.Contains(string(got.body), `"percentage":null`) {
		t.Errorf("the threshold is not echoed: %s", got.body)
	}
	if got := w.do("GET", "/v1/workflows/r0", ""); got.text("invoice.overdue.periods.0.type") != "WEEK" {
		t.Errorf("periods lost their order: %s", got.body)
	}
}

func (w *world) newIntegration() string {
	w.Helper()
	return w.do("POST", "/v1/integrations", `{"type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}}`).want(201).id()
}

func action(workflow, integration, more string) string {
	return fmt.Sprintf(`{"workflow_id":%q,"type":"SEND_EMAIL_TO_CUSTOMER","status":"ACTIVE","send_email_to_customer":
		{"integration_id":%q,"template_name":"default","from":{"email":"billing@acme.example"}%s}}`, workflow, integration, more)
}

func TestActions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		invoice := w.do("POST", "/v1/workflows", toFinal).want(201).id()
		wallet := w.do("POST", "/v1/workflows", `{"name":"n","type":"WALLET","reference":"wallet","status":"DRAFT"}`).want(201).id()
		reminder := w.do("POST", "/v1/workflows", `{"name":"n","type":"INVOICE","reference":"soon","status":"DRAFT","invoice":{"variant":"UPCOMING_PAYMENT_REMINDER"}}`).want(201).id()
		in := w.newIntegration()
		const at = "send_email_to_customer."
		post := func(body string) response { t.Helper(); return w.do("POST", "/v1/workflow-actions", body) }

		made := post(action(invoice, in, `,"variant":"INVOICE","subject":"{{invoice_number}}","invoice":{"include_payment_link":true}`)).want(201)
		if !ident.Has(made.id(), "wkac") || made.at(at+"invoice.include_pdf") != false || made.at(at+"cc_recipients") != nil {
			t.Errorf("got %s", made.body)
		}
		if got := w.do("GET", "/v1/workflow-actions/"+made.id(), "").want(200); string(got.body) != string(made.body) {
			t.Errorf("got %s, want %s", got.body, made.body)
		}
		post(action(wallet, in, "")).want(201)
		post(action(wallet, in, `,"variant":"INVOICE"`)).fails(400, "INVALID_FIELD", at+"variant")
		post(action(invoice, in, "")).fails(400, "MISSING_FIELD", at+"variant")
		post(action(invoice, in, `,"variant":"PAYMENT"`)).fails(400, "INVALID_FIELD", at+"variant")
		post(action(invoice, in, `,"variant":"INVOICE","invoice":{"type":"OVERDUE"}`)).fails(400, "INVALID_FIELD", at+"invoice.type")
		post(action(reminder, in, `,"variant":"INVOICE","invoice":{"include_pdf":true}`)).fails(400, "INVALID_FIELD", at+"invoice.include_pdf")
		post(action("wkfl_00000000000000000000", in, `,"variant":"INVOICE"`)).fails(400, "RESOURCE_NOT_FOUND", "workflow_id")
		post(action("announce", in, `,"variant":"INVOICE"`)).fails(400, "RESOURCE_NOT_FOUND", "workflow_id")
		post(action(invoice, "intg_00000000000000000000", `,"variant":"INVOICE"`)).fails(400, "RESOURCE_NOT_FOUND", at+"integration_id")
		w.do("PUT", "/v1/integrations/"+in, `{"type":"EMAIL_PROVIDER","status":"ARCHIVED","email_provider":{"variant":"SYSTEM"}}`).want(200)
		post(action(invoice, in, `,"variant":"INVOICE"`)).fails(400, "INVALID_OPERATION", at+"integration_id")
		w.do("POST", "/v1/workflows/announce/archive", "").want(200)
		post(action(invoice, in, `,"variant":"INVOICE"`)).fails(400, "INVALID_OPERATION", "workflow_id")

		list := w.do("GET", "/v1/workflow-actions?limit=1&order_direction=asc", "").want(200)
		if !strings.HasPrefix(string(list.body), "[{") || list.text("0.id") == "" || list.at("1") != nil {
			t.Errorf("the list is no bare array of one: %s", list.body)
		}
	})
}

func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 5 {
			w.advance(time.Second)
			status := "DRAFT"
			if i%2 == 1 {
				status = "INACTIVE"
			}
			w.do("POST", "/v1/workflows", fmt.Sprintf(`{"name":"n%d","type":"INVOICE","reference":"r%d","status":%q,"invoice":{"variant":"TO_FINAL"}}`, 9-i, i, status)).want(201)
		}
		references := func(query string) string {
			r := w.do("GET", "/v1/workflows"+query, "").want(200)
			var list []string
			for i := range 9 {
				if s := r.text("data." + strconv.Itoa(i) + ".reference"); s != "" {
					list = append(list, s)
				}
			}
			return strings.Join(list, " ")
		}
		for query, want := range map[string]string{
			"":                                      "r4 r3 r2 r1 r0",
			"?order_direction=asc":                  "r0 r1 r2 r3 r4",
			"?order_by=name":                        "r0 r1 r2 r3 r4",
			"?order_by=reference&limit=2&page=2":    "r2 r1",
			"?page=9":                               "",
			"?page=1000000000":                      "",
			"?statuses[]=INACTIVE":                  "r3 r1",
			"?statuses%5B%5D=INACTIVE&unknown=1":    "r3 r1",
			"?statuses[]=ACTIVE":                    "",
			"?statuses[]=INACTIVE&statuses[]=DRAFT": "r4 r3 r2 r1 r0",
		} {
			if got := references(query); got != want {
				t.Errorf("%s: got %s, want %s", query, got, want)
			}
		}
		r := w.do("GET", "/v1/workflows?limit=2&statuses[]=INACTIVE&statuses[]=DRAFT&page=2&x=a%20b", "").want(200)
		const rest = "limit=2&page=%s&statuses%%5B%%5D=INACTIVE&statuses%%5B%%5D=DRAFT&x=a+b"
		for name, page := range map[string]string{"first": "1", "previous": "1", "current": "2", "next": "3"} {
			if got, want := r.text("links."+name), "/v1/workflows?"+fmt.Sprintf(rest, page); got != want {
				t.Errorf("links.%s: got %s, want %s", name, got, want)
			}
		}
		if next := w.do("GET", r.text("links.next"), "").want(200); next.text("data.0.reference") != "r0" || next.at("links.next") != nil || next.at("data.1") != nil {
			t.Errorf("the last page is %s", next.body)
		}
		if first := w.do("GET", "/v1/workflows", ""); first.at("links.previous") != nil || first.at("page") != 1.0 || first.at("limit") != 50.0 {
			t.Errorf("the first page is %s", first.body)
		}
		for query, field := range map[string]string{
			"?limit=0": "limit", "?limit=101": "limit", "?limit=-1": "limit", "?limit=x": "limit", "?limit=": "limit",
			"?limit=1&limit=2": "limit", "?page=0": "page", "?page=1.5": "page", "?page=%2B1": "page", "?page=99999999999999999999": "page",
			"?order_by=id": "order_by", "?order_by=version": "order_by", "?order_by=": "order_by",
			"?order_direction=up": "order_direction", "?order_direction=ASC": "order_direction",
			"?statuses[]=active": "statuses[]", "?statuses[]=": "statuses[]",
		} {
			w.do("GET", "/v1/workflows"+query, "").fails(400, "INVALID_FIELD", field)
		}
		w.do("GET", "/v1/workflows?a=%zz", "").fails(400, "BAD_REQUEST", "-")
		w.do("GET", "/v1/customers?reference=%00", "").fails(400, "INVALID_FIELD", "reference")
		w.do("GET", "/v1/customers?reference=%ff", "").fails(400, "INVALID_FIELD", "reference")
		w.do("GET", "/v1/customers/%00", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/customers/%ff", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/customers/"+strings.Repeat("x", 300), "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/invoices?paid=1", "").fails(400, "INVALID_FIELD", "paid")
		for list, orders := range map[string]string{
			"customers": "reference status type", "invoices": "reference status type", "pricing-plan-subscriptions": "name reference status",
			"pricing-plan-schedules": "reference type", "wallet-types": "name reference status type", "wallets": "reference status",
		} {
			for by := range strings.FieldsSeq(orders) {
				w.do("GET", "/v1/"+list+"?order_by="+by, "").want(200)
			}
		}
		for _, r := range httpapi.Routes() { // every list can be asked for in every order
			if r.Verb == "GET" && !r.Open && !strings.Contains(r.Path, "{") {
				w.do("GET", r.Path+"?order_by=created_at&order_direction=asc&limit=3", "").want(200)
			}
		}
	})
}

// TestInvoicesByState: lists follow what an invoice becomes.
func TestInvoicesByState(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ more, paid, held string }{
			{``, "false", "false"},
			{`,"on_hold":true`, "false", "true"},
			{`,"paid":true`, "true", "false"},
			{`,"payment_status":"OVERPAID","on_hold":true,"type":"CREDIT"`, "true", "true"},
			{`,"payment_status":"PARTIALLY_PAID","paid":false`, "false", "false"},
		} {
			w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1"`+c.more+`}`)
			for _, paid := range []string{"true", "false"} {
				for _, held := range []string{"true", "false"} {
					got := w.do("GET", "/v1/invoices?order_by=type&paid="+paid+"&on_hold="+held, "").want(200)
					if is, want := got.at("data.0") != nil, paid == c.paid && held == c.held; is != want {
						t.Errorf("%s: paid=%s on_hold=%s: found %v, want %v", c.more, paid, held, is, want)
					}
				}
			}
		}
	})
}

func TestResources(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		put := w.do("PUT", "/v1/customers/c%2F1", `{"id":"other","object_type":"INVOICE","status":"ACTIVE","reference":"acme","type":"ORGANIZATION",
			"organization":{"legal_name":"Acme"},"metadata":{ "b" : 1.50, "a":"\u00e9" },"source_version":7}`).want(201)
		if put.id() != "c/1" || put.text("object_type") != "CUSTOMER" || put.at("applied") != true || put.has("email") ||
			put.at("individual") != nil || !strings.Contains(string(put.body), `"metadata":{"b":1.50,"a":"é"}`) || put.at("source_version") != 7.0 {
			t.Errorf("got %s", put.body)
		}
		again := w.do("PUT", "/v1/customers/c%2F1", `{"status":"ACTIVE","reference":"acme","type":"ORGANIZATION",
			"organization":{"legal_name":"Acme"},"metadata":{"b":1.50,"a":"é"},"source_version":7}`).want(200)
		if again.at("applied") != false {
			t.Errorf("the same state was applied again: %s", again.body)
		}
		stale := w.do("PUT", "/v1/customers/c%2F1", `{"status":"CLOSED","source_version":6}`).want(200)
		if stale.at("applied") != false || stale.text("status") != "ACTIVE" {
			t.Errorf("an older state was applied: %s", stale.body)
		}
		w.do("PUT", "/v1/customers/c%2F1", `{"status":"ACTIVE"}`).fails(400, "INVALID_FIELD", "source_version")
		for _, name := range []string{"c%2F1", "acme"} {
			got := w.do("GET", "/v1/customers/"+name, "").want(200)
			if got.id() != "c/1" || got.has("applied") {
				t.Errorf("%s: got %s", name, got.body)
			}
		}
		w.do("PUT", "/v1/customers/a%20b", `{"status":"ACTIVE"}`).fails(400, "INVALID_FIELD", "id")
		w.do("PUT", "/v1/customers/%00", `{"status":"ACTIVE"}`).fails(400, "INVALID_FIELD", "id")
		w.do("PUT", "/v1/customers/"+strings.Repeat("x", 257), `{"status":"ACTIVE"}`).fails(400, "INVALID_FIELD", "id")

		w.do("PUT", "/v1/billing-entities/b", `{"timezone":"America/New_York"}`).want(201)
		w.do("PUT", "/v1/contacts/k", `{"customer_id":"c/1","email":"k@acme.example"}`).want(201)
		for id, c := range map[string][2]string{
			"own zone":      {`"timezone":"Asia/Tokyo","billing_entity_id":"b",`, "2026-11-29T15:00:00Z"},
			"seller's zone": {`"billing_entity_id":"b",`, "2026-11-30T05:00:00Z"},
			"platform's":    {`"billing_entity_id":"unknown",`, "2026-11-29T23:00:00Z"},
		} {
			path := "/v1/invoices/" + strings.ReplaceAll(strings.ReplaceAll(id, " ", "_"), "'", "")
			got := w.do("PUT", path, `{"status":"OPEN","customer_id":"c/1",`+c[0]+`"due_date":"2026-11-30"}`).want(201)
			if got.text("due_date") != c[1] || got.text("type") != "STANDARD" {
				t.Errorf("%s: got %s, want %s", id, got.body, c[1])
			}
		}
		list := w.do("GET", "/v1/invoices?customer_id=c%2F1&statuses[]=OPEN&order_by=reference", "").want(200)
		if list.text("data.2.object_type") != "INVOICE" {
			t.Errorf("got %s", list.body)
		}
		pay := w.do("PUT", "/v1/payments/p", `{"invoice_id":"own_zone","result":"PENDING","external_reference":"pi_1","payment_method_details":{"type":"card"},
			"dunning_action_details":{"attempt":2},"timestamp":"2026-11-23T10:00:00+01:00"}`).want(201)
		if pay.text("timestamp") != "2026-11-23T09:00:00Z" || pay.text("payment_method_details.type") != "card" {
			t.Errorf("got %s", pay.body)
		}
		for _, q := range []string{"invoice_id=own_zone", "external_reference=pi_1"} {
			if got := w.do("GET", "/v1/payments?"+q, "").want(200); got.text("data.0.id") != "p" {
				t.Errorf("%s: got %s", q, got.body)
			}
		}
		if got := w.do("GET", "/v1/contacts?customer_id=c%2F1", "").want(200); got.text("data.0.id") != "k" {
			t.Errorf("got %s", got.body)
		}
	})
}

func TestIngest(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		r := w.do("POST", "/v1/ingest/resources", `[
			{"object_type":"CUSTOMER","id":"c","status":"ACTIVE","email":"ap@acme.example"},
			{"object_type":"INVOICE","id":"i","customer_id":"c"},
			{"object_type":"COUPON","id":"x"}, 5,
			{"object_type":"INVOICE","id":"i","customer_id":"c","status":"FINAL","source_version":1},
			{"object_type":"CONTACT","id":"a b","customer_id":"c"}]`).want(200)
		for i, want := range []struct {
			applied     any
			code, field string
		}{
			{true, "", ""},
			{false, "MISSING_FIELD", "status"},
			{false, "INVALID_FIELD", "object_type"},
			{false, "INVALID_FIELD", ""},
			{true, "", ""},
			{false, "INVALID_FIELD", "id"},
		} {
			at := "data." + strconv.Itoa(i) + "."
			if r.at(at+"applied") != want.applied || r.text(at+"error.code") != want.code || r.text(at+"error.field") != want.field {
				t.Errorf("item %d: want %v: %s", i, want, r.body)
			}
		}
		lines := "{\"object_type\":\"CUSTOMER\",\"id\":\"d\",\"status\":\"ACTIVE\"}\n\n{oops\n" +
			"{\"object_type\":\"INVOICE\",\"id\":\"i\",\"customer_id\":\"c\",\"status\":\"OPEN\",\"source_version\":0}"
		r = w.do("POST", "/v1/ingest/resources?events=none", lines, "Content-Type", "application/x-ndjson").want(200)
		if r.at("data.0.applied") != true || r.text("data.1.error.code") != "BAD_REQUEST" || r.at("data.2.stale") != true || r.at("data.3") != nil {
			t.Errorf("got %s", r.body)
		}
		if r := w.do("POST", "/v1/ingest/resources", "[]").want(200); string(r.body) != `{"data":[]}` {
			t.Errorf("got %s", r.body)
		}
		w.do("POST", "/v1/ingest/resources", "{}").fails(400, "INVALID_FIELD", "-")
		w.do("POST", "/v1/ingest/resources", "5").fails(400, "INVALID_FIELD", "-")
		w.do("POST", "/v1/ingest/resources", "[5").fails(400, "BAD_REQUEST", "-")
		w.do("POST", "/v1/ingest/resources", "[5]]").fails(400, "BAD_REQUEST", "-")
		w.do("POST", "/v1/ingest/resources", "[5,]").fails(400, "BAD_REQUEST", "-")
		w.do("POST", "/v1/ingest/resources", `[{"a":1,"a":2}]`).fails(400, "BAD_REQUEST", "-")
		for query, code := range map[string]string{
			"events=some": "INVALID_FIELD", "events=": "INVALID_FIELD", "events": "INVALID_FIELD", "events=&events=none": "INVALID_FIELD",
			"events=none&events=none": "INVALID_FIELD", "events=none;x=1": "BAD_REQUEST", "x=%zz&events=none": "BAD_REQUEST",
		} {
			field := "events"
			if code == "BAD_REQUEST" {
				field = "-"
			}
			w.do("POST", "/v1/ingest/resources?"+query, "[]").fails(400, code, field)
		}
		w.do("POST", "/v1/ingest/resources", "["+strings.Repeat("5,", 1000)+"5]").fails(400, "INVALID_FIELD", "-")
		w.do("POST", "/v1/ingest/resources", "["+strings.Repeat("5,", 999)+"5]").want(200)
		big := `[{"object_type":"CUSTOMER","id":"big","status":"ACTIVE","unknown":"` + strings.Repeat("x", 2<<20) + `"}]`
		w.do("POST", "/v1/ingest/resources", big).want(200)
		w.do("POST", "/v1/ingest/resources", `["`+strings.Repeat("x", 16<<20)+`"]`).fails(413, "BAD_REQUEST", "-")
	})
}

// TestFlow: an invoice that becomes final leaves a trigger, an execution with
// its message, and a captured mail, all of which the API shows.
func TestFlow(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		in := w.newIntegration()
		wf := w.do("POST", "/v1/workflows", strings.Replace(toFinal, "INACTIVE", "ACTIVE", 1)).want(201).id()
		w.do("POST", "/v1/workflow-actions", action(wf, in, `,"variant":"INVOICE"`)).want(201)
		w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE","email":"ap@acme.example","organization":{"legal_name":"Acme"}}`).want(201)
		w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c","invoice_number":"2026-1","billing_currency":"EUR",
			"invoice_amount_including_tax":{"quantity":"121.00","currency":"EUR"}}`).want(201)
		w.do("PUT", "/v1/payments/p", `{"result":"REFUSED","customer_id":"c"}`).want(201)
		w.drain()

		triggers := w.do("GET", "/v1/workflow-triggers", "").want(200)
		id := triggers.text("data.0.id")
		if triggers.text("data.0.invoice.invoice_id") != "i" || triggers.text("data.0.invoice.event.variant") != "TO_FINAL" || triggers.at("data.1") != nil {
			t.Fatalf("got %s", triggers.body)
		}
		w.do("GET", "/v1/workflow-triggers/"+id, "").want(200)
		if got := w.do("GET", "/v1/workflow-triggers?statuses[]=SKIPPED", "").want(200); got.at("data.0") != nil {
			t.Errorf("got %s", got.body)
		}

		list := w.do("GET", "/v1/workflow-executions?workflow_id="+wf+"&trigger_id="+id+"&customer_id=c&invoice_id=i&statuses[]=SENT", "").want(200)
		if list.text("data.0.status") != "SENT" || list.text("data.0.integration_id") != in {
			t.Fatalf("got %s", list.body)
		}
		if got := w.do("GET", "/v1/workflow-executions?invoice_id=j", "").want(200); got.at("data.0") != nil {
			t.Errorf("got %s", got.body)
		}
		shown := w.do("GET", "/v1/workflow-executions/"+list.text("data.0.id"), "").want(200)
		if shown.text("message.to.0.email") != "ap@acme.example" || shown.text("attempts.0.outcome") != "ACCEPTED" {
			t.Errorf("got %s", shown.body)
		}
		outbox := w.do("GET", "/v1/outbox", "").want(200)
		mail := w.do("GET", "/v1/outbox/"+outbox.text("data.0.id"), "").want(200)
		if mail.text("execution_id") != shown.id() || mail.text("html") == "" || mail.text("text") == "" || mail.text("headers.0.name") != "Message-ID" {
			t.Errorf("got %s", mail.body)
		}
		if strings.Contains(w.log.String(), "acme.example") {
			t.Error("the log has an email address")
		}
		// Another platform sees none of it, as if it were not there.
		for _, path := range []string{
			"/v1/workflows/" + wf, "/v1/workflows/announce", "/v1/workflow-triggers/" + id, "/v1/workflow-executions/" + shown.id(),
			"/v1/outbox/" + mail.id(), "/v1/customers/c", "/v1/invoices/i", "/v1/payments/p", "/v1/integrations/" + in,
		} {
			missing := w.do("GET", path, "", "X-API-KEY", w.foreign).want(404)
			name := path[strings.LastIndexByte(path, '/')+1:]
			never := w.do("GET", strings.TrimSuffix(path, name)+"zzz", "", "X-API-KEY", w.foreign).want(404)
			named := strings.NewReplacer(`"`+name+`"`, `"zzz"`, `\"`+name+`\"`, `\"zzz\"`)
			if got, want := named.Replace(string(missing.body)), string(never.body); got != want {
				t.Errorf("%s: got %s, want what a missing one looks like: %s", path, got, want)
			}
		}
		for _, r := range httpapi.Routes() {
			if r.Verb == "GET" && !r.Open && !strings.Contains(r.Path, "{") && r.Path != "/v1/platforms" && r.Path != "/v1/api-keys" {
				if body := string(w.do("GET", r.Path, "", "X-API-KEY", w.foreign).want(200).body); body != "[]" && !strings.HasPrefix(body, `{"data":[]`) {
					t.Errorf("%s of another platform shows %s", r.Path, body)
				}
			}
		}
		w.do("POST", "/v1/workflow-actions", action(wf, in, `,"variant":"INVOICE"`), "X-API-KEY", w.foreign).
			fails(400, "RESOURCE_NOT_FOUND", "workflow_id")
		w.do("PATCH", "/v1/workflows/"+wf, `{"name":"x"}`, "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("POST", "/v1/workflows", strings.Replace(toFinal, `"name"`, `"customer_ids":["c"],"name"`, 1), "X-API-KEY", w.foreign).
			fails(400, "RESOURCES_NOT_FOUND", "customer_ids")
	})
}

func TestIntegrations(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const canary = "hunter2-canary"
		body := `{"reference":"mail","type":"EMAIL_PROVIDER","status":"ACTIVE","authentication":{"username_password":{"username":"u","password":"` + canary + `"}},
			"email_provider":{"variant":"SMTP","smtp":{"host":"smtp.acme.example"}}}`
		made := w.do("POST", "/v1/integrations", body).want(201)
		if !ident.Has(made.id(), "intg") || made.at("email_provider.smtp.port") != 587.0 || made.text("email_provider.smtp.security") != "STARTTLS" {
			t.Errorf("got %s", made.body)
		}
		stored := func() string {
			in, err := w.s.OpenIntegration(w.ctx, w.p, platform.IntegrationID(made.id()))
			w.must(err)
			return in.Credentials.Username + ":" + in.Credentials.Password
		}
		without := `{"reference":"mail","type":"EMAIL_PROVIDER","status":"TESTING","email_provider":{"variant":"SMTP","smtp":{"host":"smtp.acme.example"}}%s}`
		responses := []response{made, w.do("PUT", "/v1/integrations/"+made.id(), fmt.Sprintf(without, "")).want(200)}
		if stored() != "u:"+canary {
			t.Errorf("a PUT without credentials lost them: %s", stored())
		}
		for _, elsewhere := range []string{`{"host":"evil.example"}`, `{"host":"smtp.acme.example","port":25}`, `{"host":"smtp.acme.example","security":"NONE"}`} {
			moved := strings.Replace(fmt.Sprintf(without, ""), `{"host":"smtp.acme.example"}`, elsewhere, 1)
			w.do("PUT", "/v1/integrations/"+made.id(), moved).fails(400, "MISSING_FIELD", "authentication")
		}
		captured := `{"reference":"mail","type":"EMAIL_PROVIDER","status":"TESTING","email_provider":{"variant":"SYSTEM"}}`
		w.do("PUT", "/v1/integrations/"+made.id(), captured).want(200)
		w.do("PUT", "/v1/integrations/"+made.id(), fmt.Sprintf(without, "")).fails(400, "MISSING_FIELD", "authentication")
		if stored() != "u:"+canary {
			t.Errorf("what was refused changed the credentials: %s", stored())
		}
		responses = append(responses, w.do("GET", "/v1/integrations/mail", "").want(200), w.do("GET", "/v1/integrations", "").want(200))
		responses = append(responses, w.do("PUT", "/v1/integrations/"+made.id(), fmt.Sprintf(without, `,"authentication":{}`)).want(200))
		if stored() != ":" {
			t.Errorf("an empty authentication kept them: %s", stored())
		}
		for _, r := range responses {
			if strings.Contains(string(r.body), canary) || r.has("authentication") {
				t.Errorf("a response has the password: %s", r.body)
			}
		}
		w.do("POST", "/v1/integrations", body+"x").want(400)
		w.do("POST", "/v1/integrations", body).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		if strings.Contains(w.log.String(), canary) {
			t.Error("the log has the password")
		}
		if got := w.do("PUT", "/v1/integrations/mine", strings.Replace(body, `"mail"`, `"mine"`, 1)).want(201); got.id() != "mine" {
			t.Errorf("got %s", got.body)
		}
	})
}

func TestPlatforms(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		path := "/v1/platforms/" + string(w.p)
		w.do("GET", path, "").want(200)
		list := w.do("GET", "/v1/platforms", "").want(200)
		if list.id() != "" || list.text("data.0.id") != string(w.p) || list.at("data.1") != nil {
			t.Errorf("got %s", list.body)
		}
		both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other}})
		for query, want := range map[string]platform.ID{
			"": w.other, "?order_direction=asc": w.p, "?order_by=name": w.other, "?order_by=reference&order_direction=asc": w.p,
			"?limit=1&page=2": w.p, "?order_by=updated_at": w.other,
		} {
			if got := w.do("GET", "/v1/platforms"+query, "", "X-API-KEY", both).want(200).text("data.0.id"); got != string(want) {
				t.Errorf("%s: got %s, want %s", query, got, want)
			}
		}
		w.do("GET", "/v1/platforms/"+string(w.other), "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PATCH", "/v1/platforms/"+string(w.other), `{"sending":"PAUSED"}`).fails(404, "RESOURCE_NOT_FOUND", "-")
		if got := w.do("PATCH", path, `{"sending":"PAUSED","timezone":null,"payment_link_template":"https://pay.example/{{invoice_id}}"}`).want(200); got.text("sending") != "PAUSED" || got.at("timezone") != nil {
			t.Errorf("got %s", got.body)
		}
		w.do("PATCH", path, `{"sending":"REDIRECT"}`).fails(400, "MISSING_FIELD", "redirect_to")
		w.do("PATCH", path, `{"sending":"REDIRECT","redirect_to":"me@acme.example"}`).want(200)
		w.do("PATCH", path, `{"redirect_to":null}`).fails(400, "MISSING_FIELD", "redirect_to")
		w.do("PATCH", path, `{"sending":null}`).fails(400, "MISSING_FIELD", "sending")
		w.do("PATCH", path, `{"sending":"OFF"}`).fails(400, "INVALID_FIELD", "sending")
		w.do("PATCH", path, `{"name":null}`).fails(400, "MISSING_FIELD", "name")
		w.do("PATCH", path, `{"environment":"TEST"}`).fails(400, "INVALID_FIELD", "environment")
		w.do("PATCH", path, `{"environment":"LIVE"}`).want(200)
		w.do("PATCH", path, `{"calendar":{"weekend_days":["FUNDAY"]}}`).fails(400, "INVALID_FIELD", "calendar.weekend_days.0")
		w.do("PATCH", path, `{"allowed_recipients":["me@acme.example"]}`).fails(400, "INVALID_FIELD", "allowed_recipients") // LIVE
		w.do("PATCH", path, `{"allowed_recipients":[]}`).want(200)
		w.do("PATCH", path, `{"payment_link_template":"javascript:x"}`).fails(400, "INVALID_FIELD", "payment_link_template")
		w.do("PATCH", path, `{"payment_link_template":"https://pay.example/{{nothing}}"}`).fails(400, "INVALID_FIELD", "payment_link_template")
	})
}

const whsec = "whsec_canary"

func (w *world) newSource() response {
	w.Helper()
	return w.do("POST", "/v1/sources", `{"reference":"stripe","type":"STRIPE","signing_secret":"`+whsec+`"}`).want(201)
}

func sign(body string, at time.Time, secret string) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "." + body))
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func TestSources(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.newSource()
		if !ident.Has(made.id(), "srce") || made.text("ingest_path") != "/v1/ingest/sources/"+made.id() || made.has("signing_secret") {
			t.Errorf("got %s", made.body)
		}
		w.do("POST", "/v1/sources", `{"reference":"stripe","type":"STRIPE","signing_secret":"x"}`).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		w.do("GET", "/v1/sources/"+made.id(), "").want(200)
		w.do("GET", "/v1/sources/"+made.id(), "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PATCH", "/v1/sources/"+made.id(), `{"signing_secret":"new"}`, "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PATCH", "/v1/sources/"+made.id(), `{"signing_secret":null}`).fails(400, "MISSING_FIELD", "signing_secret")
		w.do("PATCH", "/v1/sources/"+made.id(), `{"type":"LAGO"}`).fails(400, "INVALID_FIELD", "type")
		if r := w.do("PATCH", "/v1/sources/"+made.id(), `{"reference":"stripe-eu"}`).want(200); r.text("reference") != "stripe-eu" || r.has("signing_secret") {
			w.Errorf("patched: got %s, want the reference changed and no secret", r.body)
		}
		w.do("GET", "/v1/sources", "").want(200)

		event := fmt.Sprintf(`{"id":"evt_1","object":"event","type":"customer.created","created":%d,"data":{"object":
			{"id":"cus_1","object":"customer","email":"ap@acme.example","name":"Acme","created":%d}}}`, w.now.Unix(), w.now.Unix())
		hook := func(body, signature string, headers ...string) response {
			t.Helper()
			return w.do("POST", made.text("ingest_path"), body, append([]string{"X-API-KEY", "", "Stripe-Signature", signature}, headers...)...)
		}
		good := sign(event, w.now, whsec)
		ahead := strings.Replace(event, fmt.Sprintf(`"created":%d`, w.now.Unix()), `"created":4102444800`, 1)
		hook(ahead, sign(ahead, w.now, whsec)).fails(400, "INVALID_FIELD", "created")
		hook(event, "").fails(401, "UNAUTHORISED", "-")
		hook(event, "t=1,v1=zz").fails(401, "UNAUTHORISED", "-")
		hook(event, sign(event, w.now, "whsec_other")).fails(401, "UNAUTHORISED", "-")
		hook(event, sign(event, w.now.Add(-6*time.Minute), whsec)).fails(401, "UNAUTHORISED", "-")
		hook(event+" ", good).fails(401, "UNAUTHORISED", "-")
		hook(event, good, "Content-Type", "text/plain").fails(415, "UNSUPPORTED_MEDIA_TYPE", "-")
		hook(event, good, "X-API-KEY", w.foreign).want(200)
		w.do("PATCH", "/v1/sources/"+made.id(), `{"signing_secret":"whsec_rolled"}`).want(200)
		hook(event, good).fails(401, "UNAUTHORISED", "-")
		good = sign(event, w.now, "whsec_rolled")
		for range 2 { // the same delivery again
			if got := hook(event, good).want(200); got.at("ignored") != false || got.id() != "evt_1" {
				t.Errorf("got %s", got.body)
			}
		}
		w.do("GET", "/v1/customers/cus_1", "").want(200)
		w.do("GET", "/v1/customers/cus_1", "", "X-API-KEY", w.foreign).want(404)
		other := `{"id":"evt_2","object":"event","type":"payout.paid","created":1,"data":{"object":{}}}`
		if got := hook(other, sign(other, w.now, "whsec_rolled")).want(200); got.at("ignored") != true {
			t.Errorf("got %s", got.body)
		}
		for _, bad := range []string{`{`, `[]`, `{"id":"evt_3","object":"event","type":"customer.created","created":1,"data":{"object":5}}`} {
			if got := hook(bad, sign(bad, w.now, "whsec_rolled")); got.status != 400 {
				t.Errorf("%s: got %d %s", bad, got.status, got.body)
			}
		}
		w.do("POST", "/v1/ingest/sources/srce_00000000000000000000", event, "Stripe-Signature", good).fails(404, "RESOURCE_NOT_FOUND", "-")
		if strings.Contains(w.log.String(), "whsec_rolled") {
			t.Error("the log has the signing secret")
		}
	})
}

func TestHealth(t *testing.T) {
	w := onSQLite(t)
	for _, path := range []string{"/livez", "/readyz"} {
		if got := w.do("GET", path, "", "X-API-KEY", "").want(200); got.text("status") != "ok" || got.text("version") != "test" {
			t.Errorf("%s: got %s", path, got.body)
		}
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, httptest.NewRequest("GET", "/openapi.yaml", nil))
	if rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), "openapi: 3.1") {
		t.Errorf("got %d %.50s", rec.Code, rec.Body)
	}
}

// TestLogLine: one line per request, with what is needed to find it.
func TestLogLine(t *testing.T) {
	w := onSQLite(t)
	r := w.do("GET", "/v1/workflows/x", "").want(404)
	for _, want := range []string{
		`"msg":"request"`, `"route":"/v1/workflows/{idOrReference}"`, `"status":404`, `"platform_id":"` + string(w.p) + `"`,
		`"key_id":"akey_`, `"request_id":"` + r.header.Get("X-REQUEST-ID") + `"`, `"method":"GET"`, `"duration":`,
	} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, w.log.String())
		}
	}
	if strings.Contains(w.log.String(), w.key) {
		t.Error("the log has the key")
	}
}
