package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
)

const levelQuiet = slog.LevelError

// stopwatch is a provider that accepts at once and notes when.
type stopwatch struct {
	mu    sync.Mutex
	began map[string]time.Time // by invoice number, which the subject shows
	times durations
	done  chan struct{} // one token per accepted message
	begun int
}

func newStopwatch() *stopwatch {
	return &stopwatch{began: map[string]time.Time{}, done: make(chan struct{}, 1<<20)}
}

func (s *stopwatch) sender(platform.Integration) engine.Sender { return s }

// Connect implements engine.Sender.
func (s *stopwatch) Connect(context.Context) (engine.Session, execution.Outcome) {
	return s, execution.Outcome{}
}

// Send implements engine.Session.
func (s *stopwatch) Send(_ context.Context, m *message.Message) execution.Outcome {
	now := time.Now()
	_, number, _ := strings.Cut(m.Subject, "#")
	s.mu.Lock()
	if began, ok := s.began[number]; ok {
		s.times = append(s.times, now.Sub(began))
	}
	s.mu.Unlock()
	s.done <- struct{}{}
	return execution.Outcome{Kind: execution.Accepted}
}

// Release implements engine.Session.
func (s *stopwatch) Release() {}

// Close implements engine.Sender.
func (s *stopwatch) Close() {}

func (s *stopwatch) begin(number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began[number] = time.Now()
	s.begun++
}

// take returns the times when every message that was begun has been accepted,
// and begins anew.
func (s *stopwatch) take(ctx context.Context) (durations, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for range s.begun {
		select {
		case <-s.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.times
	s.times, s.begun = nil, 0
	return times, nil
}

// arm is caller.arm with an SMTP integration, whose sender is the stopwatch.
func (s *stopwatch) arm(ctx context.Context, c caller) error {
	if err := c.arm(ctx); err != nil {
		return err
	}
	type m = map[string]any
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := c.do(ctx, http.MethodGet, "/v1/integrations", nil, &page); err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, "/v1/integrations/"+page.Data[0].ID, m{
		"type": "EMAIL_PROVIDER", "status": "ACTIVE",
		"email_provider": m{"variant": "SMTP", "smtp": m{"host": "127.0.0.1", "port": 25, "security": "NONE"}},
	}, nil)
}
