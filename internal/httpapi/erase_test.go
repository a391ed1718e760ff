package httpapi_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dunwellhq/dunwell/internal/ident"
)

// stored is all that the database has, as text.
func (w *world) stored() string {
	w.Helper()
	if strings.HasPrefix(w.url, "sqlite:") {
		return w.storedInFile()
	}
	db, err := pgx.Connect(w.ctx, w.url)
	w.must(err)
	defer db.Close(w.ctx)
	rows, err := db.Query(w.ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	w.must(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	w.must(err)
	var all strings.Builder
	for _, table := range tables {
		rows, err := db.Query(w.ctx, `SELECT t::text FROM `+pgx.Identifier{table}.Sanitize()+` t`)
		w.must(err)
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		w.must(err)
		all.WriteString(strings.Join(list, "\n"))
	}
	return all.String()
}

func (w *world) storedInFile() string {
	w.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.url, "sqlite:"))
	w.must(err)
	defer func() { w.must(db.Close()) }()
	tables := w.rowsOf(db, `SELECT name FROM sqlite_master WHERE type = 'table'`)
	var all strings.Builder
	for _, table := range tables {
		all.WriteString(strings.Join(w.rowsOf(db, `SELECT * FROM "`+table+`"`), "\n"))
	}
	return all.String()
}

func (w *world) rowsOf(db *sql.DB, query string) []string {
	w.Helper()
	rows, err := db.QueryContext(w.ctx, query)
	w.must(err)
	defer func() { w.must(rows.Close()) }()
	names, err := rows.Columns()
	w.must(err)
	var list []string
	for rows.Next() {
		cells, to := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			to[i] = &cells[i]
		}
		w.must(rows.Scan(to...))
		parts := make([]string, len(cells))
		for i, c := range cells {
			parts[i] = c.String
		}
		list = append(list, strings.Join(parts, " "))
	}
	w.must(rows.Err())
	return list
}

// personal are words that say who the customer is, one for each place that keeps some.
var personal = []string{
	"jansen-mail", "Jansen-Legal", "Jansen-Street", "jansen-meta", "jansen-contact", "Jansen-First", "jansen-po", "jansen-line", "jansen-pay-link", "jansen-pdf",
	"jansen-reason", "jansen-trial", "jansen-sub", "jansen-wallet", "jansen-unnamed", "jansen-note", "Jansen-Ref",
}

// someone stores a customer with all that can say who they are, has one message sent,
// and leaves another pending.
func (w *world) someone() (customer, sent, pending string) {
	w.Helper()
	customer = w.do("POST", "/v1/customers", `{"status":"ACTIVE","type":"ORGANIZATION","reference":"Jansen-Ref","email":"jansen-mail@customer.example",
		"organization":{"legal_name":"Jansen-Legal","registered_address":{"line1":"Jansen-Street"}},"metadata":{"x":"jansen-meta"},"source_version":3}`, keyHeader, "k").want(201).id()
	put := func(path, body string, args ...any) {
		w.Helper()
		w.do("PUT", path, fmt.Sprintf(body, args...)).want(201)
	}
	put("/v1/contacts/k1", `{"customer_id":%q,"email":"jansen-contact@customer.example","name":{"first_name":"Jansen-First"},"source_version":1}`, customer)
	put("/v1/invoices/i1", `{"status":"FINAL","customer_id":%q,"customer_reference":"jansen-po","billing_currency":"EUR","invoice_number":"2026-1","invoice_amount_including_tax":{"quantity":"10.00","currency":"EUR"},
		"pay_invoice_link":{"url":"https://pay.example/jansen-pay-link"},"pdf_url":"https://pdf.example/jansen-pdf","lines":[{"description":"jansen-line","quantity":"2"}],"source_version":7}`, customer)
	put("/v1/pricing-plan-subscriptions/s1", `{"status":"ACTIVE","customer_id":%q,"name":"Pro","metadata":{"x":"jansen-sub"}}`, customer)
	put("/v1/pricing-plan-schedules/d1", `{"type":"TRIAL","pricing_plan_subscription_id":"s1","metadata":{"x":"jansen-trial"}}`)
	put("/v1/wallets/w1", `{"wallet_type_id":"t1","customer_id":%q,"metadata":{"x":"jansen-wallet"}}`, customer)
	put("/v1/payments/p2", `{"result":"PENDING","invoice_id":"i1","metadata":{"x":"jansen-unnamed"}}`)
	w.do("POST", "/v1/holds", fmt.Sprintf(`{"scope":"CUSTOMER","resource_id":%q,"reason":"MANUAL","note":"jansen-note"}`, customer)).want(201)
	put("/v1/wallets/w2", `{"status":"ACTIVE","wallet_type_id":"t1","customer_id":%q}`, customer)
	w.workflowOf("WALLET_BALANCE", "low", "")
	w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL","wallet":{"wallet_type_id":"t1","wallet_id":"w2"}}`).want(201)
	w.drain()
	put("/v1/payments/p1", `{"result":"REFUSED","customer_id":%q,"invoice_id":"i1","result_details":{"code":"no","reason":"jansen-reason"}}`, customer)
	of := func(query string) string {
		w.Helper()
		return w.do("GET", "/v1/workflow-executions?customer_id="+customer+query, "").want(200).text("data.0.id")
	}
	return customer, of("&statuses[]=SENT"), of("&statuses[]=PENDING")
}

func TestErasure(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		integration := w.newIntegration()
		w.actionOf("TO_FINAL", w.workflowOf("TO_FINAL", "final", ""), integration)
		w.actionOf("FAILED_PAYMENT", w.workflowOf("FAILED_PAYMENT", "failed", ""), integration)
		customer, sent, pending := w.someone()
		w.do("PUT", "/v1/customers/other", `{"status":"ACTIVE","email":"other-mail@customer.example","metadata":{"x":"kept"}}`).want(201)
		w.do("PUT", "/v1/contacts/k2", `{"customer_id":"other","email":"k2@customer.example"}`).want(201)
		w.do("PUT", "/v1/invoices/i2", `{"status":"FINAL","customer_id":"other","customer_reference":"PO","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"10.00","currency":"EUR"}}`).want(201)
		others := w.do("POST", "/v1/customers", `{"status":"DRAFT"}`, keyHeader, "theirs").want(201)
		found := w.stored()
		for _, word := range personal {
			if !strings.Contains(found, word) {
				t.Fatalf("the control: %s is not stored", word)
			}
		}
		hash := w.do("GET", "/v1/workflow-executions/"+sent, "").want(200).text("attempts.0.content_hash")

		w.do("DELETE", "/v1/customers/"+customer, "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.advance(time.Minute)
		gone := w.do("DELETE", "/v1/customers/Jansen-Ref", "").want(200)
		if want := `{"object_type":"CUSTOMER","id":"` + customer + `"}`; string(gone.body) != want {
			t.Errorf("got %s, want %s", gone.body, want)
		}
		found = w.stored()
		for _, word := range personal {
			if i := strings.Index(found, word); i >= 0 {
				t.Errorf("%s is still stored: …%s…", word, found[max(0, i-200):min(len(found), i+100)])
			}
		}
		for _, path := range []string{"/v1/customers/" + customer, "/v1/customers/Jansen-Ref", "/v1/contacts/k1"} {
			w.do("GET", path, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		}
		w.do("DELETE", "/v1/customers/"+customer, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PATCH", "/v1/customers/"+customer, `{}`).fails(404, "RESOURCE_NOT_FOUND", "-")
		if list := w.do("GET", "/v1/customers?reference=Jansen-Ref", "").want(200); list.at("data.0") != nil {
			t.Errorf("it is listed: %s", list.body)
		}

		// What stays: amounts, decisions, hashes.
		invoice := w.do("GET", "/v1/invoices/i1", "").want(200)
		if invoice.text("invoice_amount_including_tax.quantity") != "10.00" || invoice.text("invoice_number") != "2026-1" || invoice.text("customer_id") != customer ||
			invoice.text("lines.0.quantity") != "2" || invoice.at("source_version") != 7.0 {
			t.Errorf("got %s", invoice.body)
		}
		if x := w.do("GET", "/v1/workflow-executions/"+sent, "").want(200); x.text("status") != "SENT" || x.at("message") != nil || x.text("message_problem") != "erased with its customer" ||
			x.text("attempts.0.reply") != "erased with its customer" || x.text("attempts.0.content_hash") != hash || hash == "" {
			t.Errorf("what was sent: got %s", x.body)
		}
		x := w.do("GET", "/v1/workflow-executions/"+pending, "").want(200)
		if x.text("status") != "CANCELLED" || x.text("reason") != "DELETED" {
			t.Errorf("what was pending: got %s", x.body)
		}
		if tr := w.do("GET", "/v1/workflow-triggers/"+x.text("trigger_id"), "").want(200); tr.text("status") != "CANCELLED" || tr.text("reason") != "DELETED" {
			t.Errorf("its trigger: got %s", tr.body)
		}
		// A request that is sent again does not bring it back; other replies are kept.
		w.do("POST", "/v1/customers", `{"status":"ACTIVE","type":"ORGANIZATION","reference":"Jansen-Ref","email":"jansen-mail@customer.example",
		"organization":{"legal_name":"Jansen-Legal","registered_address":{"line1":"Jansen-Street"}},"metadata":{"x":"jansen-meta"},"source_version":3}`, keyHeader, "k").
			fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")
		if again := w.do("POST", "/v1/customers", `{"status":"DRAFT"}`, keyHeader, "theirs").want(201); again.id() != others.id() {
			t.Errorf("another reply was erased: %s", again.body)
		}

		// Nobody else has lost anything, and their messages go.
		if c := w.do("GET", "/v1/customers/other", "").want(200); c.text("email") != "other-mail@customer.example" || c.text("metadata.x") != "kept" {
			t.Errorf("another customer: got %s", c.body)
		}
		w.do("GET", "/v1/contacts/k2", "").want(200)
		w.drain()
		if box := w.do("GET", "/v1/outbox", "").want(200); box.text("data.0.customer_id") != "other" || box.at("data.1") != nil {
			t.Errorf("the outbox: got %s", box.body)
		}
	})
}

// TestErasedStaysErased: neither an older state nor a new invoice brings the customer
// back; a later state does, to a new life.
func TestErasedStaysErased(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		integration := w.newIntegration()
		w.actionOf("TO_FINAL", w.workflowOf("TO_FINAL", "final", ""), integration)
		w.actionOf("FAILED_PAYMENT", w.workflowOf("FAILED_PAYMENT", "failed", ""), integration)
		customer, _, pending := w.someone()
		path := "/v1/customers/" + customer
		w.do("DELETE", path, "").want(200)

		for _, version := range []int{2, 3} {
			w.do("PUT", path, fmt.Sprintf(`{"status":"ACTIVE","email":"a@acme.example","source_version":%d}`, version)).fails(400, "INVALID_OPERATION", "-")
		}
		batch := w.do("POST", "/v1/ingest/resources", `[{"object_type":"CUSTOMER","id":"`+customer+`","status":"ACTIVE","source_version":3},
			{"object_type":"CONTACT","id":"k1","customer_id":"`+customer+`","source_version":1}]`).want(200)
		for _, at := range []string{"data.0", "data.1"} {
			if batch.at(at+".stale") != true || batch.at(at+".applied") != false || batch.at(at+".error") != nil {
				t.Errorf("%s: got %s, want it stale", at, batch.body)
			}
		}
		w.do("GET", path, "").fails(404, "RESOURCE_NOT_FOUND", "-")

		invoice := `{"status":"FINAL","customer_id":"` + customer + `","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`
		w.do("PUT", "/v1/invoices/after", invoice).want(201)
		waiting := w.do("GET", "/v1/workflow-triggers?statuses[]=PLANNED", "").want(200)
		if waiting.text("data.0.invoice.invoice_id") != "after" || waiting.text("data.0.reason") != "WAITING_FOR_CUSTOMER" {
			t.Errorf("a new invoice: got %s", waiting.body)
		}
		w.advance(time.Minute)
		born := w.do("PUT", path, `{"status":"ACTIVE","email":"new@acme.example","source_version":4}`).want(201)
		if born.at("applied") != true || born.text("created_at") != w.clock().Format(time.RFC3339) || born.at("organization") != nil {
			t.Errorf("a new life: got %s", born.body)
		}
		w.drain()
		box := w.do("GET", "/v1/outbox", "").want(200)
		if box.text("data.0.to.0.email") != "new@acme.example" || box.at("data.1") != nil {
			t.Errorf("got %s, want one message, about the new invoice", box.body)
		}
		if x := w.do("GET", "/v1/workflow-executions/"+pending, "").want(200); x.text("status") != "CANCELLED" {
			t.Errorf("what was cancelled came back: %s", x.body)
		}
		w.do("PUT", "/v1/contacts/k1", `{"customer_id":"`+customer+`","source_version":2}`).want(201)
		// And it can be erased once more.
		w.do("DELETE", path, "").want(200)
		w.do("GET", "/v1/contacts/k1", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PUT", path, `{"status":"ACTIVE"}`).want(201) // in no order: the last to arrive
	})
}

func TestErasureEndsWhatWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.actionOf("FAILED_PAYMENT", w.workflowOf("FAILED_PAYMENT", "failed", ""), w.newIntegration())
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"a@acme.example"}`).want(201)
		w.do("PUT", "/v1/payments/p1", `{"result":"REFUSED","customer_id":"c1","invoice_id":"i1"}`).want(201) // waits for its invoice
		w.do("DELETE", "/v1/customers/c1", "").want(200)
		got := w.do("GET", "/v1/workflow-triggers?statuses[]=SKIPPED", "").want(200)
		if got.text("data.0.payment.payment_id") != "p1" || got.text("data.0.reason") != "DELETED" {
			t.Errorf("got %s, want it SKIPPED, DELETED", got.body)
		}
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"a@acme.example"}`).want(201)
		w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1"}`).want(201)
		if got := w.do("GET", "/v1/workflow-executions", "").want(200); got.at("data.0") != nil {
			t.Errorf("it came back: %s", got.body)
		}
	})
}

func TestDeleteContact(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		integration := w.newIntegration()
		w.actionOf("TO_FINAL", w.workflowOf("TO_FINAL", "final", ""), integration)
		list := w.do("GET", "/v1/workflow-actions", "").want(200)
		w.do("PATCH", "/v1/workflow-actions/"+list.text("0.id"), `{"send_email_to_customer":{"integration_id":"`+integration+`","template_name":"default","variant":"INVOICE",
			"from":{"email":"billing@acme.example"},"invoice":{"include_customer_contacts_as_cc":true}}}`).want(200)
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"a@acme.example"}`).want(201)
		for _, id := range []string{"k1", "k2"} {
			w.do("PUT", "/v1/contacts/"+id, `{"customer_id":"c1","reference":"ref-`+id+`","email":"`+id+`@acme.example","source_version":1}`).want(201)
		}
		w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`).want(201)
		gone := w.do("DELETE", "/v1/contacts/ref-k1", "").want(200)
		if string(gone.body) != `{"object_type":"CONTACT","id":"k1"}` {
			t.Errorf("got %s", gone.body)
		}
		w.do("DELETE", "/v1/contacts/k1", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/contacts/k1", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("DELETE", "/v1/contacts/k2", "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("PUT", "/v1/contacts/k1", `{"customer_id":"c1","source_version":1}`).fails(400, "INVALID_OPERATION", "-")
		w.drain()
		box := w.do("GET", "/v1/outbox", "").want(200)
		if box.text("data.0.cc.0.email") != "k2@acme.example" || box.at("data.0.cc.1") != nil {
			t.Errorf("got %s, want a copy to k2 alone", box.body)
		}
		back := w.do("PUT", "/v1/contacts/k1", `{"customer_id":"c1","source_version":2}`).want(201)
		if back.at("applied") != true || back.at("email") != nil {
			t.Errorf("got %s", back.body)
		}
		made := w.do("POST", "/v1/contacts", `{"customer_id":"c1"}`).want(201).id()
		if !ident.Has(made, "cont") {
			t.Errorf("got %s", made)
		}
		w.do("DELETE", "/v1/contacts/"+made, "").want(200)
		w.do("PUT", "/v1/contacts/"+made, `{"customer_id":"c1"}`).want(201)
	})
}
