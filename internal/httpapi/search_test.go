package httpapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// references lists the references of a page of workflows.
func (r response) references() []string {
	r.w.Helper()
	list, _ := r.at("data").([]any)
	var out []string
	for _, item := range list {
		reference, _ := item.(map[string]any)["reference"].(string)
		out = append(out, reference)
	}
	return out
}

func TestSearchWorkflows(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i, body := range []string{
			`{"name":"Announce Invoices","reference":"announce","type":"INVOICE","status":"ACTIVE","invoice":{"variant":"TO_FINAL"}}`,
			`{"name":"100% due","reference":"due","type":"INVOICE","status":"DRAFT"}`,
			`{"name":"Zahlung FÄLLIG","reference":"failed","type":"PAYMENT","status":"INACTIVE","payment":{"variant":"FAILED_PAYMENT"}}`,
			`{"name":"search","reference":"search","type":"WALLET","status":"DRAFT"}`,
		} {
			w.advance(time.Duration(i) * time.Second)
			w.do("POST", "/v1/workflows", body).want(201)
		}
		w.do("POST", "/v1/workflows", `{"name":"other","reference":"announce","type":"INVOICE","status":"DRAFT"}`, "X-API-KEY", w.foreign).want(201)
		id := w.do("GET", "/v1/workflows/due", "").id()
		all := []string{"announce", "due", "failed", "search"}
		for name, c := range map[string]struct {
			query, body string
			want        []string
		}{
			"nothing":          {"", "", all},
			"empty":            {"", "{}", all},
			"empty lists":      {"", `{"search_fields":[],"filter_fields":[],"selection_rule_fields":[]}`, all},
			"null lists":       {"", `{"search_fields":null,"filter_fields":null,"selection_rule_fields":null}`, all},
			"exact":            {"", `{"search_fields":[{"name":"name","value":"announce"}]}`, nil},
			"any text":         {"", `{"search_fields":[{"name":null,"value":"announce"}]}`, []string{"announce"}},
			"an id":            {"", `{"search_fields":[{"value":"` + id + `"}]}`, []string{"due"}},
			"prefix":           {"", `{"search_fields":[{"name":"name","value":"Ann","wildcard_end":true}]}`, []string{"announce"}},
			"suffix":           {"", `{"search_fields":[{"name":"name","value":"due","wildcard_start":true}]}`, []string{"due"}},
			"within":           {"", `{"search_fields":[{"name":"name","value":"% d","wildcard_start":true,"wildcard_end":true}]}`, []string{"due"}},
			"case":             {"", `{"search_fields":[{"name":"name","value":"zahlung fällig","ignore_case":true}]}`, []string{"failed"}},
			"either":           {"", `{"search_fields":[{"name":"reference","value":"due"},{"name":"status","value":"ACTIVE"}]}`, []string{"announce", "due"}},
			"any of":           {"", `{"filter_fields":[{"name":"type","reference":"r","value":null,"values":["INVOICE","WALLET"]}]}`, []string{"announce", "due", "search"}},
			"value and values": {"", `{"filter_fields":[{"name":"type","value":"PAYMENT","values":["WALLET"]}]}`, []string{"failed", "search"}},
			"no values":        {"", `{"filter_fields":[{"name":"type","values":[]}]}`, nil},
			"both filters":     {"", `{"filter_fields":[{"name":"type","value":"INVOICE"},{"name":"status","value":"DRAFT"}]}`, []string{"due"}},
			"rule":             {"", `{"selection_rule_fields":[{"name":"reference","value":"search"}]}`, []string{"search"}},
			"rule, not set":    {"", `{"selection_rule_fields":[{"name":"reference","value":null}]}`, nil},
			"all three":        {"", `{"search_fields":[{"value":"e","wildcard_start":true,"wildcard_end":true}],"filter_fields":[{"name":"status","values":["DRAFT"]}],"selection_rule_fields":[{"name":"type","value":"INVOICE"}]}`, []string{"due"}},
			"statuses":         {"statuses[]=DRAFT&statuses[]=ACTIVE", "", []string{"announce", "due", "search"}},
			"statuses too":     {"statuses[]=DRAFT", `{"filter_fields":[{"name":"type","value":"INVOICE"}]}`, []string{"due"}},
			"expand":           {"expand[]=customer&expand[]=nothing", "", all},
			"time":             {"", `{"filter_fields":[{"name":"created_at","values":["2026-11-23T10:00:02+01:00"]}]}`, []string{"due"}},
			"time, searched":   {"", `{"search_fields":[{"name":"created_at","value":"2026-11-23T09:00:02Z"}]}`, []string{"due"}},
			"literal":          {"", `{"search_fields":[{"name":"reference","value":"_earch"},{"name":"reference","value":"%"}]}`, nil},
		} {
			query := "?order_by=reference&order_direction=asc&" + c.query
			if got := w.do("POST", "/v1/workflows/search"+query, c.body).want(200); !slices.Equal(got.references(), c.want) {
				t.Errorf("%s: got %q, want %q", name, got.references(), c.want)
			}
		}

		page := w.do("POST", "/v1/workflows/search?order_by=name&limit=1&page=2&statuses[]=DRAFT", `{"filter_fields":[{"name":"type","value":"INVOICE"}]}`).want(200)
		if page.references() != nil || page.at("links.next") != nil {
			t.Errorf("past the end: got %s", page.body)
		}
		first := w.do("POST", "/v1/workflows/search?limit=2&order_by=name", "").want(200)
		next, err := url.Parse(first.text("links.next"))
		if err != nil || next.Query().Get("order_by") != "name" || len(w.do("POST", next.String(), "").want(200).references()) != 2 {
			t.Errorf("next: %q", first.text("links.next"))
		}
		if got := w.do("GET", "/v1/workflows/search", "").want(200); got.text("name") != "search" {
			t.Errorf("the workflow whose reference is search: got %s", got.body)
		}
		w.again("/v1/workflows/search", `{}`, "search", 200)
		w.do("POST", "/v1/workflows/search", `{ }`, keyHeader, "search").fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")
		w.do("POST", "/v1/workflows/search?page=2", `{}`, keyHeader, "search").fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")
	})
}

func TestSearchIsRefused(t *testing.T) {
	w := onSQLite(t)
	for name, c := range map[string]struct{ body, code, field string }{
		"list":                {`[]`, "INVALID_FIELD", "-"},
		"no list":             {`{"search_fields":{}}`, "INVALID_FIELD", "search_fields"},
		"no object":           {`{"search_fields":[1]}`, "INVALID_FIELD", "search_fields.0"},
		"no value":            {`{"search_fields":[{"name":"name"}]}`, "MISSING_FIELD", "search_fields.0.value"},
		"value null":          {`{"search_fields":[{"value":null}]}`, "MISSING_FIELD", "search_fields.0.value"},
		"value no text":       {`{"search_fields":[{"value":1}]}`, "INVALID_FIELD", "search_fields.0.value"},
		"unknown field":       {`{"search_fields":[{"value":"a"},{"name":"doc","value":"x"}]}`, "INVALID_FIELD", "search_fields.1.name"},
		"not of a workflow":   {`{"filter_fields":[{"name":"customer_id","value":"x"}]}`, "INVALID_FIELD", "filter_fields.0.name"},
		"no name":             {`{"filter_fields":[{"values":["x"]}]}`, "MISSING_FIELD", "filter_fields.0.name"},
		"neither":             {`{"filter_fields":[{"name":"name"}]}`, "MISSING_FIELD", "filter_fields.0.values"},
		"no such type":        {`{"filter_fields":[{"name":"type","values":["INVOICE","BILL"]}]}`, "INVALID_FIELD", "filter_fields.0.values.1"},
		"no such status":      {`{"selection_rule_fields":[{"name":"status","value":"active"}]}`, "INVALID_FIELD", "selection_rule_fields.0.value"},
		"no time":             {`{"filter_fields":[{"name":"created_at","value":"yesterday"}]}`, "INVALID_FIELD", "filter_fields.0.value"},
		"fraction":            {`{"filter_fields":[{"name":"created_at","value":"2026-11-23T09:00:00.5Z"}]}`, "INVALID_FIELD", "filter_fields.0.value"},
		"part of a time":      {`{"search_fields":[{"name":"created_at","value":"2026","wildcard_end":true}]}`, "INVALID_FIELD", "search_fields.0.value"},
		"part of a good time": {`{"search_fields":[{"name":"created_at","value":"2026-11-23T09:00:00Z","wildcard_end":true}]}`, "INVALID_FIELD", "search_fields.0.wildcard_end"},
		"control character":   {`{"search_fields":[{"value":"a\u0000"}]}`, "INVALID_FIELD", "search_fields.0.value"},
		"first of two":        {`{"filter_fields":[{"name":"x","value":"x"}],"search_fields":[{"name":"y","value":"x"}]}`, "INVALID_FIELD", "filter_fields.0.name"},
	} {
		t.Run(name, func(t *testing.T) { w.do("POST", "/v1/workflows/search", c.body).fails(400, c.code, c.field) })
	}
	many := strings.Repeat(`{"value":"a"},`, 101)
	w.do("POST", "/v1/workflows/search", `{"search_fields":[`+many[:len(many)-1]+`]}`).fails(400, "INVALID_FIELD", "search_fields")
	w.do("POST", "/v1/workflows/search?limit=0", "").fails(400, "INVALID_FIELD", "limit")
	w.do("POST", "/v1/workflows/search?statuses[]=GONE", "").fails(400, "INVALID_FIELD", "statuses[]")
	w.do("POST", "/v1/workflows/search", `{}`, "Content-Type", "text/plain").fails(415, "UNSUPPORTED_MEDIA_TYPE", "-")
}
