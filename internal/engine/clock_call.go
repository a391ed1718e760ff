package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// moves are the calls under way that move a clock. They do the engine's work
// themselves, so it waits for them when it stops.
type moves struct {
	mu      sync.Mutex
	ended   bool
	cancel  map[*move]context.CancelCauseFunc
	running sync.WaitGroup
}

var errStopping = errors.New("the process is stopping")

func (ms *moves) begin(m *move, cancel context.CancelCauseFunc) bool {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.ended {
		return false
	}
	if ms.cancel == nil {
		ms.cancel = map[*move]context.CancelCauseFunc{}
	}
	ms.cancel[m] = cancel
	ms.running.Add(1)
	return true
}

func (ms *moves) done(m *move) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	delete(ms.cancel, m)
	ms.running.Done()
}

// end breaks off the moves under way and lets none begin.
func (ms *moves) end() {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.ended = true
	for _, cancel := range ms.cancel {
		cancel(errStopping)
	}
}

// move is one call that moves a platform's clock.
type move struct {
	e     *Engine
	p     platform.ID
	to    time.Time
	token string
}

var errOvertaken = fault.New(fault.Busy, "another call is moving the clock of this platform, wait until it has answered")

// take gets the right to move the clock, over all nodes, and keeps it until done is
// called: a row that its call renews, and that ends by itself when nobody does. ctx
// ends with it.
func (m *move) take(ctx context.Context) (_ context.Context, done func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	if !m.e.moves.begin(m, cancel) {
		cancel(errStopping)
		return nil, nil, fault.New(fault.Unavailable, "the process is stopping, try again")
	}
	taken := false
	err = m.e.store.Write(ctx, func(tx *store.Tx) error {
		now := m.e.Now()
		taken, err = tx.TakeClock(ctx, m.p, m.token, now, now.Add(clockLease))
		return err
	})
	if err == nil && !taken {
		err = errOvertaken
	}
	if err != nil {
		cancel(err)
		m.e.moves.done(m)
		return nil, nil, err
	}
	var beat sync.WaitGroup
	beat.Go(func() { m.keep(ctx, cancel) })
	return ctx, func() {
		cancel(context.Canceled)
		beat.Wait()
		m.leave(context.WithoutCancel(ctx))
		m.e.moves.done(m)
	}, nil
}

// keep renews the right until ctx ends, and ends ctx when another has it.
func (m *move) keep(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(clockBeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		kept := true
		err := m.e.store.Write(ctx, func(tx *store.Tx) (err error) {
			kept, err = tx.KeepClock(ctx, m.p, m.token, m.e.Now().Add(clockLease))
			return err
		})
		if err == nil && !kept {
			cancel(errOvertaken)
		}
	}
}

// leave gives the right back. If that fails, it ends by itself.
func (m *move) leave(ctx context.Context) {
	err := m.e.store.Write(ctx, func(tx *store.Tx) error { return tx.LeaveClock(ctx, m.p, m.token) })
	if err != nil {
		m.e.log.LogAttrs(ctx, slog.LevelWarn, "clock_not_left", slog.String("platform_id", string(m.p)), slog.Any("error", err))
	}
}

// explain says how far the clock has come when there was no time for more.
func (m *move) explain(ctx context.Context, err error) error {
	if f := fault.As(err); ctx.Err() == nil || f != nil && f.Kind != fault.Unavailable {
		return err
	}
	if f := fault.As(context.Cause(ctx)); f != nil {
		return f
	}
	at, failed := m.e.timeOn(context.WithoutCancel(ctx), m.e.store.Reader, m.p)
	if failed != nil {
		return err
	}
	return fmt.Errorf("%w (%w)", fault.New(fault.Unavailable,
		"there was no time to do all that comes due: the clock stands at %s, call again to go on", at.Format(time.RFC3339)), err)
}
