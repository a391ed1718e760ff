package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

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
			_, _, err := e.firePlatform(ctx, p, 0)
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
