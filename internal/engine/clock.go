package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
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

// run brings the platform to rest, gives it its clock if it has none, and moves the
// clock from one thing that comes due to the next.
func (m *move) run(ctx context.Context) error {
	planning, err := m.e.store.Planning(ctx, m.p)
	if err != nil {
		return err
	}
	if m.to.Equal(planning.Clock.Truncate(time.Second)) { // as it is told, if a call was broken off within a second
		m.to = planning.Clock
	}
	if err := m.check(planning.Clock); err != nil {
		return err
	}
	if planning.Clock.IsZero() {
		if err := errors.Join(m.settle(ctx), m.e.Sweep(ctx)); err != nil {
			return err
		}
		if err := m.begin(ctx); err != nil {
			return err
		}
	}
	for there := false; !there; {
		if err := m.settle(ctx); err != nil {
			return err
		}
		if there, err = m.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// check says what is wrong with the time that was asked for.
func (m *move) check(clock time.Time) error {
	const field = "now"
	switch {
	case m.to.Year() < 1971 || m.to.Year() > 9000:
		return fault.At(fault.Invalid, field, "now must lie in the years 1971 to 9000")
	case clock.IsZero():
		return nil
	case m.to.Before(clock):
		return fault.At(fault.Invalid, field, "now must be %s, where the clock stands, or later: it does not go back", clock.Format(time.RFC3339))
	case m.to.After(clock.AddDate(clockReach, 0, 0)):
		return fault.At(fault.Invalid, field, "now must be at most %d years after %s, where the clock stands", clockReach, clock.Format(time.RFC3339))
	}
	return nil
}

// begin gives the platform its clock. One that is to be ahead begins now and is
// moved there, so that what comes due on the way does so in its time; further ahead
// than a clock moves, or in the past, it begins there.
func (m *move) begin(ctx context.Context) error {
	return m.e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(m.p), true); err != nil {
			return err
		}
		if _, err := m.lock(ctx, tx); err != nil {
			return err
		}
		now, start := m.e.Now(), m.to
		if m.to.After(now) && !m.to.After(now.AddDate(clockReach, 0, 0)) {
			start = now
		}
		if err := tx.ShiftOpen(ctx, m.p, start.Sub(now)); err != nil {
			return fmt.Errorf("moving what waits to the new clock: %w", err)
		}
		return m.rebase(ctx, tx, start)
	})
}

// rebase has everything that is planned count from a clock that shows a time.
func (m *move) rebase(ctx context.Context, tx *store.Tx, start time.Time) error {
	if _, err := tx.BumpWorkflowSet(ctx, m.p); err != nil { // since when workflows count is cached by it
		return err
	}
	if err := tx.MoveClock(ctx, m.p, start, store.Horizon(start)); err != nil {
		return err
	}
	armed, err := tx.ActiveWorkflows(ctx, m.p)
	if err != nil {
		return err
	}
	for _, a := range armed {
		w, err := tx.LockedWorkflow(ctx, m.p, string(a.ID))
		if err != nil {
			return err
		}
		if w.BeginBy(start) {
			if err := tx.UpdateWorkflow(ctx, m.p, w); err != nil {
				return err
			}
		}
	}
	return tx.InsertTasks(ctx, window(m.p, "", store.Horizon(start), start), m.e.Now())
}

// lock reads the planning row for a change of the clock, if the call still has the
// right to it.
func (m *move) lock(ctx context.Context, tx *store.Tx) (store.Planning, error) {
	planning, ok, err := tx.LockClock(ctx, m.p, m.token)
	if err == nil && !ok {
		err = errOvertaken
	}
	return planning, err
}

// step moves the clock to the next instant at which anything comes due, or to the
// end of the way, and announces the dates that are announced then. It reports
// whether the end is reached. Nobody ingests, plans or fires meanwhile; if somebody
// has brought something that is due where the clock stands, it stays there.
func (m *move) step(ctx context.Context) (there bool, err error) {
	err = m.e.store.Write(ctx, func(tx *store.Tx) error {
		there = false
		planning, err := m.lock(ctx, tx)
		if err != nil {
			return err
		}
		if err := tx.PullDue(ctx, m.p, planning.Clock); err != nil {
			return err
		}
		left, err := m.left(ctx, tx.Reader)
		if err != nil || left.Any() {
			return err
		}
		if !planning.Clock.Before(m.to) {
			there = true
			return nil
		}
		return m.advance(ctx, tx, planning)
	})
	failpoint.Hit(failpoint.ClockMoved)
	return there, err
}

// advance moves the clock on from where it stands.
func (m *move) advance(ctx context.Context, tx *store.Tx, planning store.Planning) error {
	set, err := m.e.rules(ctx, tx.Reader, m.p, planning)
	if err != nil {
		return err
	}
	next, err := tx.NextDue(ctx, m.p, planning.Clock, trigger.Patience)
	if err != nil {
		return fmt.Errorf("looking for what comes due next: %w", err)
	}
	if next.IsZero() || next.After(m.to) {
		next = m.to
	}
	through := max(store.Horizon(next), planning.Announced)
	if len(set.Dated()) > 0 {
		// A date is announced, and planned, before anything of it can come due.
		if midnight := calendar.DateOf(planning.Clock, time.UTC).AddDays(1).Begin(time.UTC); midnight.Before(next) {
			next = midnight
		}
		through = max(store.Horizon(next), planning.Announced)
		if err := tx.InsertTasks(ctx, dates(m.p, planning.Announced, through), m.e.Now()); err != nil {
			return err
		}
	}
	if planning.Clock.Year() != next.Year() { // the holidays of the years around are cached by the version
		if _, err := tx.BumpWorkflowSet(ctx, m.p); err != nil {
			return err
		}
	}
	return tx.MoveClock(ctx, m.p, next, through)
}

// settle does what is due by the platform's clock until nothing is left, together
// with whoever else is at it.
func (m *move) settle(ctx context.Context) error {
	var before store.Unsettled
	for try := 0; ; try++ {
		left, err := m.left(ctx, m.e.store.Reader)
		if err != nil || !left.Any() {
			return err
		}
		if !reflect.DeepEqual(left, before) {
			try = 0
		} else if err := pause(ctx, min(50*time.Millisecond, time.Millisecond<<min(try, 10))); err != nil { // others are at it
			return err
		}
		if err := m.work(ctx, left); err != nil {
			return err
		}
		before = left
	}
}

// left is what is due and not done. What waits until fewer messages do, on a
// platform that sends none, waits for its switch.
func (m *move) left(ctx context.Context, r store.Reader) (store.Unsettled, error) {
	now, err := m.e.timeOn(ctx, r, m.p)
	if err != nil {
		return store.Unsettled{}, err
	}
	left, err := r.Unsettled(ctx, m.p, now, trigger.Patience)
	if err != nil || !left.Fire || len(left.Lanes) > 0 || left.Sending {
		return left, err
	}
	backlog, err := r.Backlog(ctx, m.p, fullBacklog)
	left.Fire = backlog < fullBacklog
	return left, err
}

// work does what is due, in the order in which one thing leads to another.
func (m *move) work(ctx context.Context, left store.Unsettled) error {
	e := m.e
	for _, part := range []struct {
		due bool
		do  func(context.Context, platform.ID) error
	}{
		{left.Plan, e.planTasks},
		{left.Sweep, e.sweepOf},
		{left.Holds, e.endHoldsOf},
		{left.Fire, func(ctx context.Context, p platform.ID) error {
			_, err := e.firePlatform(ctx, p)
			return err
		}},
	} {
		if !part.due {
			continue
		}
		if err := part.do(ctx, m.p); err != nil {
			return err
		}
	}
	var drains sync.WaitGroup
	for _, n := range left.Lanes {
		drains.Go(func() { e.Drain(ctx, store.Lane{PlatformID: m.p, Number: n}) })
	}
	drains.Wait()
	return nil
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
