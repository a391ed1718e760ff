package httpapi_test

import (
	"net/http/httptest"
	"strconv"
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
	return 0, nil
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
