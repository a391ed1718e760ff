package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
)

// world is the API on a real database, with a clock that stands still and two
// platforms. Nothing drains or sweeps by itself.
type world struct {
	testing.TB
	ctx     context.Context
	url     string // of the database
	handler http.Handler
	e       *engine.Engine
	s       *store.Store
	p       platform.ID // the one that key opens
	other   platform.ID // the one that foreign opens
	key     string
	foreign string
	log     syncBuffer
	said    syncBuffer // every answer with its headers

	mu  sync.Mutex
	now time.Time
}

// syncBuffer is a log that may be written while it is read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newWorld(t, pgtest.URL(t))) })
}

func onSQLite(t testing.TB) *world {
	return newWorld(t, storetest.SQLite(t))
}

func newWorld(t testing.TB, url string) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), url: url, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	log := w.logger()
	var err error
	limits := engine.DefaultLimits()
	limits.Tick, limits.Neglect = time.Hour, time.Hour
	w.e, err = engine.New(engine.Config{Log: log, Now: w.clock, Limits: limits})
	w.must(err)
	cfg := store.Config{URL: url, MasterKey: bytes.Repeat([]byte{7}, 32), Log: log}
	w.must(store.Migrate(w.ctx, cfg))
	w.s, err = store.Open(w.ctx, cfg)
	w.must(err)
	t.Cleanup(func() { w.must(w.s.Close()) })
	w.e.Use(w.s)
	w.must(w.e.Start(w.ctx))
	t.Cleanup(func() { w.must(w.e.Stop(context.WithoutCancel(w.ctx))) })
	w.serve(httpapi.Config{})

	w.p = w.newPlatform("acme")
	w.now = w.now.Add(time.Second) // the first made is the bootstrap key's default
	w.other = w.newPlatform("other")
	w.key = w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
	w.foreign = w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.other}})
	return w
}

// serve has the world answered by an API with other settings.
func (w *world) serve(cfg httpapi.Config) {
	cfg.Store, cfg.Engine, cfg.Version = w.s, w.e, "test"
	cfg.Log = w.logger()
	if cfg.Now == nil {
		cfg.Now = w.clock
	}
	w.handler = httpapi.New(cfg)
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&w.log, nil)) }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) newPlatform(reference string) platform.ID {
	w.Helper()
	p := platform.Platform{
		ID: platform.ID(ident.New("plat")), Reference: reference, Name: reference, Environment: platform.Live,
		Timezone: "Europe/Amsterdam", Locale: "en-GB", Sending: platform.On, CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.InsertPlatform(w.ctx, p) }))
	return p.ID
}

// newKey stores a key, active unless it says that it has expired, and returns its text.
func (w *world) newKey(k auth.Key) string {
	w.Helper()
	id, secret := auth.NewSecret(platform.Live)
	k.ID, k.Active, k.CreatedAt, k.Hash = id, true, w.now, auth.HashSecret(secret)
	w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.InsertKey(w.ctx, k) }))
	return secret
}

// revoke switches a key off.
func (w *world) revoke(secret string) {
	w.Helper()
	k, found, err := w.s.KeyByHash(w.ctx, auth.HashSecret(secret))
	w.must(err)
	if !found {
		w.Fatal("there is no such key")
	}
	k.Active = false
	w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.UpdateKey(w.ctx, k) }))
}

// drain works off every lane of the platform.
func (w *world) drain() {
	for n := range execution.Lanes {
		w.e.Drain(w.ctx, store.Lane{PlatformID: w.p, Number: n})
	}
}

// response is what came back, held against the description of the API.
type response struct {
	w      *world
	status int
	header http.Header
	body   []byte
}

// do sends a request with the platform's key. headers are names and values;
// one with an empty value is removed.
func (w *world) do(method, target, body string, headers ...string) response {
	w.Helper()
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header.Set("X-API-KEY", w.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	return w.send(req)
}

func (w *world) send(req *http.Request) response {
	w.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req)
	resp := rec.Result()
	apitest.Check(w, req, resp)
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	fmt.Fprintf(&w.said, "%v\n%s\n", resp.Header, body)
	if !ident.Has(resp.Header.Get("X-REQUEST-ID"), "reqr") {
		w.Errorf("%s %s: X-REQUEST-ID is %q", req.Method, req.URL, resp.Header.Get("X-REQUEST-ID"))
	}
	return response{w, resp.StatusCode, resp.Header, body}
}

// want fails the test unless the status is the one expected.
func (r response) want(status int) response {
	r.w.Helper()
	if r.status != status {
		r.w.Fatalf("got %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

// fails checks the status, code and field of an error; "-" is no field.
func (r response) fails(status int, code, field string) response {
	r.w.Helper()
	if field == "-" {
		field = ""
	}
	if got := [2]string{r.text("code"), r.text("field")}; r.status != status || got != [2]string{code, field} {
		r.w.Errorf("got %d %v, want %d %v: %s", r.status, got, status, [2]string{code, field}, r.body)
	}
	if m := r.text("message"); m == "" || strings.HasSuffix(m, ".") || strings.Contains(m, "%!") {
		r.w.Errorf("the message is %q", m)
	}
	return r
}

// at returns the value at a dotted path of the body, nil if there is none.
func (r response) at(path string) any {
	r.w.Helper()
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.w.Fatalf("the body is no JSON: %v: %.300s", err, r.body)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			v = c[part]
		case []any:
			i := int(part[0] - '0')
			if i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	return v
}

func (r response) text(path string) string {
	r.w.Helper()
	s, _ := r.at(path).(string)
	return s
}

// has reports whether the body has a member at all, null or not.
func (r response) has(name string) bool {
	r.w.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.w.Fatalf("the body is no object: %v", err)
	}
	_, ok := v[name]
	return ok
}

func (r response) id() string {
	r.w.Helper()
	return r.text("id")
}
