package httpapi_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/platform"
)

const (
	keyHeader = "Idempotency-Key"
	replayed  = "Idempotent-Replayed"
)

// again sends a POST with a key twice and wants one reply, which it returns.
func (w *world) again(target, body, key string, status int) response {
	w.Helper()
	first := w.do("POST", target, body, keyHeader, key).want(status)
	w.advance(time.Second)
	second := w.do("POST", target, body, keyHeader, key).want(status)
	if first.header.Get(replayed) != "" || second.header.Get(replayed) != "true" || string(first.body) != string(second.body) {
		w.Errorf("POST %s: got %q %s, then %q %s", target, first.header.Get(replayed), first.body, second.header.Get(replayed), second.body)
	}
	return first
}

func TestReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const key = "key ünique"
		made := w.again("/v1/workflows", toFinal, key, 201)
		integration := w.again("/v1/integrations", `{"type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}}`, key, 201)
		w.again("/v1/sources", `{"type":"STRIPE","signing_secret":"whsec_canary"}`, key, 201)
		body := action(made.id(), integration.id(), `,"variant":"INVOICE","invoice":{"type":"TO_FINAL"}`)
		w.again("/v1/workflow-actions", body, key, 201)
		for _, list := range []string{"workflows", "integrations", "sources", "workflow-actions"} {
			page := w.do("GET", "/v1/"+list, "").want(200)
			first, second := "data.0.id", "data.1.id"
			if list == "workflow-actions" {
				first, second = "0.id", "1.id"
			}
			if page.text(first) == "" || page.text(second) != "" {
				t.Errorf("there is not exactly one of %s: %s", list, page.body)
			}
		}
		w.do("POST", "/v1/workflow-actions", body+" ", keyHeader, key).fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")

		active := w.again("/v1/workflows/announce/activate", "", key, 200)
		if active.at("version") != 2.0 {
			t.Errorf("got %s", active.body)
		}
		w.again("/v1/workflows/announce/deactivate", "", key, 200)
		old := w.do("POST", "/v1/workflows/announce/activate", "", keyHeader, key).want(200)
		if old.text("status") != "ACTIVE" || w.do("GET", "/v1/workflows/announce", "").text("status") != "INACTIVE" {
			t.Error("the replay had an effect")
		}
		w.do("POST", "/v1/workflows/announce/activate", "{}", keyHeader, key).fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")
		w.again("/v1/workflows/announce/archive", "", key, 200)

		// Another credential and another platform have keys of their own.
		second := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
		w.do("POST", "/v1/workflows", toFinal, keyHeader, key, "X-API-KEY", second).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other}})
		w.do("POST", "/v1/integrations", `{"type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}}`, keyHeader, key, "X-API-KEY", both).want(201)
		r := w.do("POST", "/v1/workflows", toFinal, keyHeader, key, "X-API-KEY", both, "x-platform-id", string(w.other)).want(201)
		if r.header.Get(replayed) != "" {
			t.Error("another platform's reply was replayed")
		}
	})
}

// TestKeysEnd: what has no effect leaves its key free, and so does time.
func TestKeysEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("POST", "/v1/workflows", `{}`, keyHeader, "k").fails(400, "MISSING_FIELD", "name")
		w.do("POST", "/v1/workflows", toFinal, keyHeader, "k", "Content-Type", "text/plain").fails(415, "UNSUPPORTED_MEDIA_TYPE", "-")
		w.do("POST", "/v1/workflows/announce/activate", "", keyHeader, "k").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("POST", "/v1/workflows", toFinal).want(201)
		w.do("POST", "/v1/workflows", toFinal, keyHeader, "k").fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		w.again("/v1/workflows/announce/activate", "", "k", 200)
		w.again("/v1/workflows", strings.Replace(toFinal, `"announce"`, `"two"`, 1), "k", 201)

		w.advance(48*time.Hour - 3*time.Second)
		if r := w.do("POST", "/v1/workflows/announce/activate", "", keyHeader, "k").want(200); r.header.Get(replayed) != "true" {
			t.Error("the key ended early")
		}
		w.advance(time.Second)
		w.do("POST", "/v1/workflows/announce/deactivate", "").want(200)
		if r := w.again("/v1/workflows/announce/activate", "", "k", 200); r.at("version") != 4.0 {
			t.Errorf("the key did not end: %s", r.body)
		}
		w.again("/v1/workflows", strings.Replace(toFinal, `"announce"`, `"three"`, 1), "k", 201)
	})
}

func TestIdempotencyKeys(t *testing.T) {
	w := onSQLite(t)
	for _, key := range []string{strings.Repeat("x", 256), "", "a\tb", "a\x00", "a\xff"} {
		req := httptest.NewRequest("POST", "/v1/workflows", strings.NewReader(toFinal))
		req.Header.Set("X-API-KEY", w.key)
		req.Header.Set("Content-Type", "application/json")
		req.Header[keyHeader] = []string{key}
		w.send(req).fails(400, "INVALID_FIELD", keyHeader)
		req.Body = nil
		req.Method = "GET"
		w.send(req).want(200)
	}
	w.again("/v1/workflows", toFinal, strings.Repeat("é", 255), 201)
	w.do("POST", "/v1/ingest/resources", `[]`, keyHeader, strings.Repeat("x", 256)).want(200)
	w.do("PATCH", "/v1/workflows/announce", `{"name":"a"}`, keyHeader, "k").want(200)
	if r := w.do("PATCH", "/v1/workflows/announce", `{"name":"b"}`, keyHeader, "k").want(200); r.text("name") != "b" {
		t.Error("a PATCH was replayed")
	}
}

// TestLongKeyOnALongPath: the longest key and name fit into the index.
func TestLongKeyOnALongPath(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var name, key strings.Builder
		for i := range 256 { // what cannot be compressed
			name.WriteRune(rune(0x20000 + i*151%40_000))
			if i < 255 {
				key.WriteRune(rune(0x20000 + i*139%40_000))
			}
		}
		body := fmt.Sprintf(`{"name":"n","type":"INVOICE","reference":%q,"status":"DRAFT","invoice":{"variant":"TO_FINAL"}}`, name.String())
		w.do("POST", "/v1/workflows", body).want(201)
		var escaped strings.Builder
		for _, b := range []byte(name.String()) {
			fmt.Fprintf(&escaped, "%%%02X", b)
		}
		w.again("/v1/workflows/"+escaped.String()+"/activate", "", key.String(), 200)
	})
}

// TestOneKeyAtOnce: however many come at once with one key, one has an effect.
func TestOneKeyAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/workflows", toFinal).want(201)
		body := action(made.id(), w.newIntegration(), `,"variant":"INVOICE","invoice":{"type":"TO_FINAL"}`)
		const callers = 64
		got := make([]response, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { got[i] = w.do("POST", "/v1/workflow-actions", body, keyHeader, "k") })
		}
		wg.Wait()
		first := 0
		for _, r := range got {
			switch {
			case r.status == 422:
				r.fails(422, "IDEMPOTENCY_CHECK_FAILED", "-")
			case r.status != 201:
				t.Errorf("got %d: %s", r.status, r.body)
			case r.header.Get(replayed) == "":
				first++
			}
		}
		if list := w.do("GET", "/v1/workflow-actions", "").want(200); first != 1 || list.text("0.id") == "" || list.at("1") != nil {
			t.Errorf("%d had an effect: %s", first, list.body)
		}
	})
}

// node is another process on the same database, as far as keys are concerned.
func (w *world) node() *world {
	n := &world{TB: w.TB, ctx: w.ctx, key: w.key, s: w.s, e: w.e}
	n.serve(httpapi.Config{Now: w.clock})
	return n
}

// TestTwoProcesses: the key holds among processes too, through the database alone.
func TestTwoProcesses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/workflows", toFinal).want(201)
		body := action(made.id(), w.newIntegration(), `,"variant":"INVOICE","invoice":{"type":"TO_FINAL"}`)
		workflow := strings.Replace(toFinal, `"announce"`, `"two"`, 1)
		var nodes []*world
		for range 8 {
			nodes = append(nodes, w.node())
		}
		for target, body := range map[string]string{"/v1/workflow-actions": body, "/v1/workflows": workflow} {
			got := make([]response, len(nodes))
			var wg sync.WaitGroup
			for i, n := range nodes {
				wg.Go(func() { got[i] = n.do("POST", target, body, keyHeader, "k") })
			}
			wg.Wait()
			first := 0
			for _, r := range got {
				if r.status != 201 || string(r.body) != string(got[0].body) {
					t.Errorf("%s: got %d %s", target, r.status, r.body)
				}
				if r.header.Get(replayed) == "" {
					first++
				}
			}
			if first != 1 {
				t.Errorf("%s: %d had an effect", target, first)
			}
		}
	})
}
