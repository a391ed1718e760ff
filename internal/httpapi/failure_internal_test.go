package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
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

// slowBody is a body that takes its time on the wire.
type slowBody struct{ io.Reader }

func (b slowBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		<-time.After(3 * Patience)
	}
	return n, err
}

// TestSlowUpload: the time for the work begins when the body is there.
func TestSlowUpload(t *testing.T) {
	for name, c := range map[string]struct {
		work func(*call) error
		want int
	}{
		"quick work": {func(c *call) error { return c.Context().Err() }, 200},
		"slow work": {func(c *call) error {
			<-c.Context().Done()
			return c.Context().Err()
		}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{log: slog.New(slog.DiscardHandler), now: time.Now}
				rec := httptest.NewRecorder()
				answer := func(call *call) (reply, error) {
					if raw, err := call.read(maxIngest); err != nil || string(raw) != "[]" {
						t.Errorf("the body: got %q, %v", raw, err)
					}
					return reply{status: 200}, c.work(call)
				}
				begin := time.Now()
				s.serve(&route{path: "/v1/ingest/resources", open: true, answer: answer}, rec,
					httptest.NewRequest("POST", "/v1/ingest/resources", slowBody{strings.NewReader("[]")}))
				if rec.Code != c.want || time.Since(begin) > 4*Patience {
					t.Errorf("got %d after %v, want %d", rec.Code, time.Since(begin), c.want)
				}
			})
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
