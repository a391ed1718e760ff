package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// TestFailures: what is ours to answer for tells nothing, has its status and
// one line in the log.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		answer     func(*call) (reply, error)
		status     int
		retryAfter bool
		level      string
	}{
		"panic": {func(*call) (reply, error) { panic("the secret") }, 500, false, "ERROR"},
		"error": {func(*call) (reply, error) { return reply{}, errors.New("the secret") }, 500, false, "ERROR"},
		"unavailable": {func(*call) (reply, error) {
			return reply{}, fmt.Errorf("x: %w", fault.New(fault.Unavailable, "try again"))
		}, 503, true, "ERROR"},
		"too slow":    {func(*call) (reply, error) { return reply{}, context.DeadlineExceeded }, 503, true, "ERROR"},
		"client gone": {func(*call) (reply, error) { return reply{}, context.Canceled }, 503, true, "INFO"},
		"too many":    {func(*call) (reply, error) { return reply{}, fault.New(fault.TooMany, "wait") }, 429, true, "INFO"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := &server{log: slog.New(slog.NewJSONHandler(&log, nil)), now: time.Now}
			rec := httptest.NewRecorder()
			req := httptest.NewRequest("GET", "/readyz", nil)
			s.serve(&route{path: "/readyz", open: true, answer: c.answer}, rec, req)
			if rec.Code != c.status || (rec.Header().Get("Retry-After") != "") != c.retryAfter {
				t.Errorf("got %d, Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
			}
			apitest.Check(t, req, rec.Result())
			if strings.Contains(rec.Body.String(), "secret") {
				t.Errorf("the caller is told %s", rec.Body)
			}
			if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), `"level":"`+c.level+`"`) {
				t.Errorf("got %d lines: %s", lines, log.String())
			}
			if told := strings.Contains(log.String(), "secret"); told != (c.status == 500) {
				t.Errorf("the log says %s", log.String())
			}
		})
	}
}

// TestRetryable: a 500 says whether anything can have come of the request.
func TestRetryable(t *testing.T) {
	for path, c := range map[string]struct {
		verb   string
		answer func(*call) (reply, error)
		want   string
	}{
		"/v1/workflows":        {"POST", func(*call) (reply, error) { panic("before the effect") }, "true"},
		"/v1/sources":          {"POST", func(c *call) (reply, error) { remember(nil, c, 201, workflowMembers); panic("in the effect") }, "false"},
		"/v1/ingest/resources": {"POST", func(*call) (reply, error) { panic("x") }, ""},
		"/v1/platforms":        {"GET", func(*call) (reply, error) { panic("x") }, ""},
	} {
		s := &server{log: slog.New(slog.DiscardHandler), now: time.Now}
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(c.verb, path, nil)
		s.serve(&route{verb: c.verb, path: path, open: true, answer: c.answer}, rec, req)
		if got := rec.Header().Get("Idempotency-Retryable"); rec.Code != 500 || got != c.want {
			t.Errorf("%s: got %d, %q", path, rec.Code, got)
		}
		apitest.Check(t, req, rec.Result())
	}
}
