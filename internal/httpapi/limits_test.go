package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// unread fails the test if a body is asked for.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestRateLimit(t *testing.T) {
	w := onSQLite(t)
	w.serve(httpapi.Config{RateLimit: 5})
	other := w.newKey(auth.Key{Role: auth.ReadOnly, Platforms: []platform.ID{w.p}})
	for range 10 { // two seconds' worth at once
		w.do("GET", "/v1/workflows", "").want(200)
	}
	for range 3 { // who is turned away does not wait longer for it
		r := w.do("GET", "/v1/workflows", "").fails(429, "INVALID_REQUEST", "-")
		if got := r.header.Get("Retry-After"); got != "1" || r.text("type") != "INVALID_REQUEST" {
			t.Errorf("Retry-After: got %q, want 1", got)
		}
	}
	req := httptest.NewRequest("POST", "/v1/workflows", unread{t})
	req.Header.Set("X-API-KEY", w.key)
	req.Header.Set("Content-Type", "application/json")
	w.send(req).fails(429, "INVALID_REQUEST", "-")
	// Another key has its own, nobody has none, and a health check needs none.
	w.as(other, "GET", "/v1/workflows", "").want(200)
	w.as("nonsense", "GET", "/v1/workflows", "").fails(401, "UNAUTHORISED", "-")
	for range 30 {
		w.do("GET", "/livez", "").want(200)
	}
	// What Retry-After says is true.
	w.advance(time.Second)
	for range 5 {
		w.do("GET", "/v1/workflows", "").want(200)
	}
	w.do("GET", "/v1/workflows", "").fails(429, "INVALID_REQUEST", "-")
	w.do("GET", "/v1/nothing", "").fails(404, "RESOURCE_NOT_FOUND", "-")
	// What it may not do counts too.
	for range 9 {
		w.as(other, "POST", "/v1/workflows", draft).fails(403, "USER_NOT_ALLOWED", "-")
	}
}

func TestRateLimitIsOffByDefault(t *testing.T) {
	w := onSQLite(t)
	for range 200 {
		w.do("GET", "/v1/workflows", "").want(200)
	}
}

// TestRateLimitRetryAfter: with one request a second the wait is told in whole
// seconds, and no shorter than it is.
func TestRateLimitRetryAfter(t *testing.T) {
	w := onSQLite(t)
	w.serve(httpapi.Config{RateLimit: 1})
	for range 2 {
		w.do("GET", "/v1/workflows", "").want(200)
	}
	w.advance(100 * time.Millisecond)
	seconds, err := strconv.Atoi(w.do("GET", "/v1/workflows", "").want(429).header.Get("Retry-After"))
	w.must(err)
	w.advance(time.Duration(seconds)*time.Second - 200*time.Millisecond)
	w.do("GET", "/v1/workflows", "").want(429)
	w.advance(200 * time.Millisecond)
	w.do("GET", "/v1/workflows", "").want(200)
}

// What a body cannot change is told before it is read: that it is too long, or
// that a webhook is not signed.
func TestRefusedBeforeItIsRead(t *testing.T) {
	w := onSQLite(t)
	made := w.do("POST", "/v1/sources", `{"type":"STRIPE","reference":"stripe","signing_secret":"whsec_x"}`).want(201)
	for _, c := range []struct {
		path      string
		length    int64
		signature string
		status    int
	}{
		{"/v1/workflows", 1<<20 + 1, "", 413},
		{"/v1/ingest/resources", 16<<20 + 1, "", 413},
		{made.text("ingest_path"), 10, "", 401},
		{made.text("ingest_path"), 10, "t=1,v1=" + strings.Repeat("0", 64), 401},
		{made.text("ingest_path"), 16<<20 + 1, sign("", w.clock(), "whsec_x"), 413},
	} {
		req := httptest.NewRequest("POST", c.path, unread{t})
		req.ContentLength = c.length
		req.Header = http.Header{"X-Api-Key": {w.key}, "Content-Type": {"application/json"}, "Stripe-Signature": {c.signature}}
		w.send(req).want(c.status)
	}
}

// Bodies of webhooks share a room until they are verified. While four of the
// largest fill it, another large one is asked to come again and a small one is
// judged; when they have ended a large one is judged too.
func TestWebhooksShareARoom(t *testing.T) {
	w := onSQLite(t)
	path := w.do("POST", "/v1/sources", `{"type":"STRIPE","reference":"stripe","signing_secret":"whsec_x"}`).want(201).text("ingest_path")
	hook := func(body io.Reader) *http.Request {
		req := httptest.NewRequest("POST", path, body)
		req.Header = http.Header{"Content-Type": {"application/json"}, "Stripe-Signature": {sign("forged", w.clock(), "whsec_x")}}
		return req
	}
	large := strings.Repeat("x", 1<<20)
	answers := make(chan int)
	var senders []*io.PipeWriter
	for range 4 {
		body, sender := io.Pipe()
		senders = append(senders, sender)
		go func() {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, hook(body))
			answers <- rec.Code
		}()
		for range 16 { // what is written has been read
			_, err := io.WriteString(sender, large)
			w.must(err)
		}
		_, err := io.WriteString(sender, "") // who reads on has counted what was read before
		w.must(err)
	}
	w.send(hook(strings.NewReader(large))).fails(503, "INTERNAL_ERROR", "-")
	w.send(hook(strings.NewReader("{}"))).want(401)
	for _, sender := range senders {
		w.must(sender.Close())
		if got := <-answers; got != 401 {
			t.Errorf("a forged one: got %d, want 401", got)
		}
	}
	w.send(hook(strings.NewReader(large))).want(401)
}
