package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// A TEST platform may have a clock of its own, so that a month of reminders is
// read in a second (docs/test-clock.md). What decides whether and when something
// is sent asks clock, clockOf or timeOn; leases, time-outs, keys, tokens and rate
// limits ask [Engine.Now].

// clock is the time by which everything is decided on a platform: its own clock,
// if it has one, else the machine's.
func (e *Engine) clock(pl store.Planning) time.Time { return e.ownOr(pl.Clock) }

// clockOf is that time as a platform was read.
func (e *Engine) clockOf(p platform.Platform) time.Time { return e.ownOr(p.Clock) }

// timeOn reads that time.
func (e *Engine) timeOn(ctx context.Context, r store.Reader, p platform.ID) (time.Time, error) {
	planning, err := r.Planning(ctx, p)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the clock of the platform: %w", err)
	}
	return e.clock(planning), nil
}

func (e *Engine) ownOr(own time.Time) time.Time {
	if own.IsZero() {
		return e.Now()
	}
	return own
}

// Latest is the later of the machine's clock and the platform's: a state that
// claims to be from after it cannot be.
func (e *Engine) Latest(ctx context.Context, p platform.ID) (time.Time, error) {
	at, err := e.timeOn(ctx, e.store.Reader, p)
	return e.later(at), err
}

func (e *Engine) later(at time.Time) time.Time {
	if now := e.Now(); at.Before(now) {
		return now
	}
	return at
}

const (
	// clockReach is how many years a clock moves at a time.
	clockReach = 10
	// clockLease is how long a call that moves a clock keeps others out after it
	// was last heard of.
	clockLease = 15 * time.Second
	// clockBeat is how often it says that it is alive.
	clockBeat = 3 * time.Second
)

// SetClock gives a TEST platform a clock of its own that shows a time, or moves it
// on to one, from one thing that comes due to the next. It returns when all that
// has come due is decided, and is in the outbox or has been handed to its provider.
// If ctx ends before, the clock stands at what has been done, and the next call
// goes on from there.
func (e *Engine) SetClock(ctx context.Context, p platform.ID, to time.Time) (platform.Platform, error) {
	home, err := e.store.Platform(ctx, p)
	if err != nil {
		return home, err
	}
	if home.Environment != platform.Test {
		return home, fault.New(fault.State, "the clock of a LIVE platform cannot be set: it goes by the time of day, make a TEST platform").
			About("PLATFORM", string(p))
	}
	m := &move{e: e, p: p, to: to.UTC().Truncate(time.Microsecond), token: ident.New("tokn")}
	ctx, done, err := m.take(ctx)
	if err != nil {
		return home, err
	}
	defer done()
	if err := m.run(ctx); err != nil {
		return home, m.explain(ctx, err)
	}
	return e.store.Platform(ctx, p)
}
