package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

// R10: a node whose clock is five minutes off decides by the database's clock: it
// fires nothing before its time, nor late.
func TestANodeWhoseClockIsOffFollowsTheDatabase(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 5 * time.Minute, "behind": -5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pgtest.URL(t), nil)
			var log bytes.Buffer
			e, err := engine.New(engine.Config{
				Log: slog.New(slog.NewTextHandler(&log, nil)), Limits: w.limits, FollowDatabase: true,
				Now: func() time.Time { return time.Now().Add(off) },
			})
			w.must(err)
			s, err := store.Open(w.ctx, store.Config{URL: w.url, MasterKey: bytes.Repeat([]byte{7}, 32), Log: slog.New(slog.DiscardHandler)})
			w.must(err)
			defer func() { w.must(s.Close()) }()
			e.Use(s)
			w.must(e.Start(w.ctx))

			now, err := s.Time(w.ctx)
			w.must(err)
			planned := func(step string, at time.Time) trigger.Trigger {
				return trigger.Trigger{
					ID: trigger.ID(ident.New("wktr")), PlatformID: w.p, Type: trigger.Event, Status: trigger.Planned,
					Key: trigger.Key{WorkflowID: "gone", Variant: "OVERDUE", Step: step, Kind: "INVOICE", ResourceID: "i1"}, ScheduledAt: at, CreatedAt: now, UpdatedAt: now,
				}
			}
			ahead, passed := planned("DAY:2", now.Add(2*time.Minute)), planned("DAY:1", now.Add(-2*time.Minute))
			w.must(s.Write(w.ctx, func(tx *store.Tx) error {
				_, err := tx.InsertTriggers(w.ctx, []trigger.Trigger{ahead, passed})
				return err
			}))
			w.must(e.Fire(w.ctx))
			w.must(e.Stop(context.WithoutCancel(w.ctx)))
			for _, c := range []struct {
				what string
				id   trigger.ID
				want trigger.Status
			}{{"what is ahead", ahead.ID, trigger.Planned}, {"what has passed", passed.ID, trigger.Cancelled}} {
				got, err := s.Trigger(w.ctx, w.p, c.id)
				w.must(err)
				if got.Status != c.want {
					t.Errorf("%s: got %s, want %s", c.what, got.Status, c.want)
				}
			}
			if !strings.Contains(log.String(), "clock_off") {
				t.Errorf("nobody is told that the clock is off: %s", &log)
			}
		})
	}
}
