package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// BenchmarkPostWorkflow is POST /v1/workflows without the database: the
// credential, the body, the rules, the answer and the line in the log. What
// httptest itself takes is in it.
func BenchmarkPostWorkflow(b *testing.B) {
	const secret = "a-key-of-at-least-32-characters-for-this"
	log := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // writing the line is part of the cost
	s, _ := New(Config{Log: log, Now: func() time.Time { return today }}).(*server)
	key := auth.Key{ID: "akey_00000000000000000000", Role: auth.Administrator, Platforms: []platform.ID{"p"}, Active: true}
	s.keys.remember(auth.HashSecret(secret), known{principal: key.Principal(nil), until: today.Add(time.Hour)})
	s.keys.touched[string(key.ID)] = today
	rt := route{http.MethodPost, "/v1/workflows", may(auth.WorkflowCreate), false, func(c *call) (reply, error) {
		doc, err := c.document()
		if err != nil {
			return reply{}, err
		}
		var w workflow.Workflow
		if err := decodeInto(doc, &w, workflowMembers, checkNewWorkflow); err != nil {
			return reply{}, err
		}
		w.ID, w.Version, w.CreatedAt, w.UpdatedAt = "wkfl_00000000000000000000", 1, today, today
		return answer(http.StatusCreated, w, workflowMembers, nil)
	}}
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequest(http.MethodPost, "/v1/workflows", strings.NewReader(typical))
		req.Header.Set("X-API-KEY", secret)
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		s.serve(&rt, rec, req)
		if rec.Code != http.StatusCreated {
			b.Fatalf("got %d %s", rec.Code, rec.Body)
		}
	}
}

// BenchmarkPostNothing is what httptest takes of [BenchmarkPostWorkflow].
func BenchmarkPostNothing(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequest(http.MethodPost, "/v1/workflows", strings.NewReader(typical))
		req.Header.Set("X-API-KEY", "x")
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		_, _ = io.Copy(rec, req.Body)
	}
}
