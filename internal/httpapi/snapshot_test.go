package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
)

const snapshotPath = "/v1/ingest/snapshot"

func (w *world) phase(format string, args ...any) response {
	w.Helper()
	return w.do("POST", snapshotPath, fmt.Sprintf(format, args...))
}

func TestSnapshot(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE","email":"a@acme.example"}`).want(201)
		for _, id := range []string{"lost", "kept", "broken"} {
			w.do("PUT", "/v1/invoices/"+id, `{"status":"FINAL","customer_id":"c1","billing_currency":"EUR",
				"invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"},"source_version":4}`).want(201)
		}
		w.advance(time.Minute)
		begun := w.phase(`{"phase":"BEGIN","object_types":["INVOICE"],"on_absent":"CLOSE","customer_id":null}`).want(201)
		id := begun.id()
		if !ident.Has(id, "snap") || begun.text("status") != "OPEN" || begun.text("on_absent") != "CLOSE" ||
			begun.text("expires_at") != w.clock().Add(24*time.Hour).Format(time.RFC3339) || begun.has("data") {
			t.Errorf("begun: got %s", begun.body)
		}
		part := w.phase(`{"phase":"RESOURCES","snapshot_id":%q,"resources":[
			{"object_type":"INVOICE","id":"kept","status":"FINAL","customer_id":"c1","source_version":3},
			{"object_type":"INVOICE","id":"broken","status":"AJAR"},
			{"object_type":"CUSTOMER","id":"c2","status":"ACTIVE"}]}`, id).want(200)
		if part.at("seen") != 2.0 || part.at("applied") != 1.0 || part.at("data.0.stale") != true || part.text("data.1.error.field") != "status" ||
			part.at("data.2.applied") != true || part.at("data.3") != nil {
			t.Errorf("a part: got %s", part.body)
		}
		if other := w.do("POST", snapshotPath, fmt.Sprintf(`{"phase":"END","snapshot_id":%q}`, id), "X-API-KEY", w.foreign); other.status != 400 {
			t.Errorf("another platform ended it: %s", other.body)
		}
		ended := w.phase(`{"phase":"END","snapshot_id":%q}`, id).want(200)
		if ended.text("status") != "ENDED" || ended.at("absent_count") != 1.0 || ended.at("closed_count") != 1.0 || ended.text("absent.0.id") != "lost" ||
			ended.text("absent.0.object_type") != "INVOICE" || ended.at("absent.0.closed") != true || ended.at("ended_at") == nil {
			t.Errorf("ended: got %s", ended.body)
		}
		if again := w.phase(`{"phase":"END","snapshot_id":%q}`, id).want(200); string(again.body) != string(ended.body) {
			t.Errorf("ended again: got %s, want %s", again.body, ended.body)
		}
		lost := w.do("GET", "/v1/invoices/lost", "").want(200)
		if lost.text("status") != "ARCHIVED" || lost.text("closed_by_snapshot") != id || lost.at("source_version") != 4.0 {
			t.Errorf("what it closed: got %s", lost.body)
		}
		if kept := w.do("GET", "/v1/invoices/kept", "").want(200); kept.text("status") != "FINAL" || kept.has("closed_by_snapshot") {
			t.Errorf("what it has: got %s", kept.body)
		}
		w.phase(`{"phase":"RESOURCES","snapshot_id":%q,"resources":[]}`, id).fails(400, "INVALID_OPERATION", "snapshot_id")
		back := w.do("PATCH", "/v1/invoices/lost", `{"status":"FINAL"}`).want(200)
		if back.text("status") != "FINAL" || back.has("closed_by_snapshot") {
			t.Errorf("opened by hand: got %s", back.body)
		}
		if r := w.phase(`{"phase":"BEGIN","object_types":["INVOICE"]}`).want(201); r.text("on_absent") != "REPORT" {
			t.Errorf("without on_absent: got %s", r.body)
		}
	})
}

func TestSnapshotBodies(t *testing.T) {
	w := onSQLite(t)
	id := w.phase(`{"phase":"BEGIN","object_types":["INVOICE"]}`).want(201).id()
	many := strings.Repeat(`{"object_type":"CUSTOMER","id":"c","status":"ACTIVE"},`, 1000)
	for _, c := range []struct{ body, code, field string }{
		{`[]`, "INVALID_FIELD", "-"},
		{`{`, "BAD_REQUEST", "-"},
		{`{"phase":"END"}{}`, "BAD_REQUEST", "-"},
		{`{"phase":"END","phase":"END"}`, "BAD_REQUEST", "-"},
		{`{}`, "MISSING_FIELD", "phase"},
		{`{"phase":"MIDDLE"}`, "INVALID_FIELD", "phase"},
		{`{"phase":"BEGIN"}`, "MISSING_FIELD", "object_types"},
		{`{"phase":"BEGIN","object_types":[]}`, "INVALID_FIELD", "object_types"},
		{`{"phase":"BEGIN","object_types":["BILLING_ENTITY"]}`, "INVALID_FIELD", "object_types.0"},
		{`{"phase":"BEGIN","object_types":["INVOICE","INVOICE"]}`, "INVALID_FIELD", "object_types.1"},
		{`{"phase":"BEGIN","object_types":["INVOICE"],"on_absent":"DELETE"}`, "INVALID_FIELD", "on_absent"},
		{`{"phase":"BEGIN","object_types":["INVOICE"],"snapshot_id":"x"}`, "INVALID_FIELD", "snapshot_id"},
		{`{"phase":"BEGIN","object_types":["INVOICE"],"resources":[]}`, "INVALID_FIELD", "resources"},
		{`{"phase":"BEGIN","object_types":["INVOICE"],"customer_id":"nobody"}`, "RESOURCE_NOT_FOUND", "customer_id"},
		{`{"phase":"BEGIN","object_types":["WALLET_TYPE"],"customer_id":"c"}`, "INVALID_FIELD", "object_types"},
		{`{"phase":"RESOURCES","resources":[]}`, "MISSING_FIELD", "snapshot_id"},
		{`{"phase":"RESOURCES","snapshot_id":"ID"}`, "MISSING_FIELD", "resources"},
		{`{"phase":"RESOURCES","snapshot_id":"ID","resources":{}}`, "INVALID_FIELD", "resources"},
		{`{"phase":"RESOURCES","snapshot_id":"ID","resources":[5]}`, "INVALID_FIELD", "resources.0"},
		{`{"phase":"RESOURCES","snapshot_id":"ID","resources":[{"object_type":"INVOICE","id":"a"},{"id":"b"}]}`, "INVALID_FIELD", "resources.1"},
		{`{"phase":"RESOURCES","snapshot_id":"ID","resources":[{"object_type":"INVOICE","id":"a b"}]}`, "INVALID_FIELD", "resources.0"},
		{`{"phase":"RESOURCES","snapshot_id":"ID","resources":[` + many + `{}]}`, "INVALID_FIELD", "-"},
		{`{"phase":"RESOURCES","snapshot_id":"ID","resources":[],"on_absent":"CLOSE"}`, "INVALID_FIELD", "on_absent"},
		{`{"phase":"RESOURCES","snapshot_id":"snap_none","resources":[{"object_type":"INVOICE","id":"a"}]}`, "RESOURCE_NOT_FOUND", "snapshot_id"},
		{`{"phase":"END"}`, "MISSING_FIELD", "snapshot_id"},
		{`{"phase":"END","snapshot_id":"ID","resources":[]}`, "INVALID_FIELD", "resources"},
		{`{"phase":"END","snapshot_id":"ID","object_types":["INVOICE"]}`, "INVALID_FIELD", "object_types"},
		{`{"phase":"END","snapshot_id":"snap_none"}`, "RESOURCE_NOT_FOUND", "snapshot_id"},
	} {
		w.do("POST", snapshotPath, strings.ReplaceAll(c.body, "ID", id)).fails(400, c.code, c.field)
	}
	w.do("POST", snapshotPath+"?events=all", `{}`).fails(400, "INVALID_FIELD", "events")
	if s := w.phase(`{"phase":"END","snapshot_id":%q}`, id).want(200); s.at("seen") != 0.0 {
		t.Errorf("what was refused was seen: %s", s.body)
	}

	// A part may have as many values as its resources take.
	id = w.phase(`{"phase":"BEGIN","object_types":["INVOICE"]}`).want(201).id()
	lines := strings.TrimSuffix(strings.Repeat(`{"quantity":"1"},`, 90), ",")
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(`{"object_type":"INVOICE","id":"i%d","status":"DRAFT","customer_id":"c","lines":[%s]}`, i, lines))
	}
	part := w.phase(`{"phase":"RESOURCES","snapshot_id":%q,"resources":[%s]}`, id, strings.Join(items, ",")).want(200)
	if part.at("seen") != 1000.0 || part.at("applied") != 1000.0 {
		t.Errorf("a thousand long ones: got %.200s", part.body)
	}
	if got := w.do("POST", snapshotPath+"?events=none", fmt.Sprintf(`{"phase":"RESOURCES","snapshot_id":%q,"resources":[]}`, id)).want(200); got.at("data.0") != nil {
		t.Errorf("nothing: got %s", got.body)
	}
}
