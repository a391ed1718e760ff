package trigger

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Place is where the dates and the hours of a resource are read: two zones that
// are never mixed, and the open days of the platform.
type Place struct {
	Seller *time.Location // in which the deadline is a civil date
	Reader *time.Location // in which it is the hour of sending
	Open   calendar.Days
}

// Course is when the steps of a dated workflow fall for one resource: the only
// truth about it. What the planner stores is a copy that is checked against it.
type Course struct {
	Deadline calendar.Date
	Steps    []Step // by the index of the workflow's periods

	w      *workflow.Workflow
	reader *time.Location
	open   calendar.Days // on which days messages may go out
}

// Step is when one step of a workflow falls for one resource.
type Step struct {
	calendar.StepDate
	Period calendar.Period
	At     time.Time // when the day's hours of sending begin
	Begun  time.Time // since when the step counts
}

// exists reports a step that has a day of its own.
func (s Step) exists() bool { return !s.None && !s.Superseded }

// NewCourse computes the course of a deadline that is set under a dated workflow.
func NewCourse(w *workflow.Workflow, d billing.Deadline, at Place) Course {
	rule := w.Rule(at.Open)
	c := Course{Deadline: d.On(at.Seller), w: w, reader: at.Reader, open: rule.Days}
	window, dates := w.Schedule.Window(), rule.Dates(c.Deadline)
	c.Steps = make([]Step, len(dates))
	for i, date := range dates {
		p := rule.Periods[i]
		c.Steps[i] = Step{StepDate: date, Period: p, Begun: w.Begun[p.String()]}
		if !date.None {
			c.Steps[i].At = opens(window, date.Date, at.Reader, c.open)
		}
	}
	return c
}

// opens is when the hours of sending begin on a date. Where the reader's clock
// leaves the date out, or these hours, it is when they begin next.
func opens(w calendar.Window, d calendar.Date, reader *time.Location, open calendar.Days) time.Time {
	at := w.From.On(d, reader)
	if calendar.DateOf(at, reader) == d && at.Before(w.Until.On(d, reader)) {
		return at
	}
	return w.Next(at, reader, open)
}

// Occurrence is what tells the triggers of this deadline from those of another
// date of it.
func (c Course) Occurrence() string { return c.Deadline.String() }

// Find returns the index of the step with that text, or -1.
func (c Course) Find(step string) int {
	for i := range c.Steps {
		if c.Steps[i].Period.String() == step {
			return i
		}
	}
	return -1
}

// Verdict is what becomes of a trigger. At is when a PLANNED one is due.
type Verdict struct {
	Status Status
	Reason workflow.Reason
	At     time.Time
}

// Plan says what becomes of step i when it is first looked at. ok is false if
// there is nothing to record: the step has no day, or it passed before it began
// to count, which only an activation may answer.
func (c Course) Plan(i int, now time.Time) (v Verdict, ok bool) {
	s := c.Steps[i]
	switch {
	case s.None || s.At.Before(s.Begun):
		return Verdict{}, false
	case s.Superseded:
		return Verdict{Skipped, workflow.Superseded, s.At}, true
	default:
		return c.at(i, s.At, now), true
	}
}

// Due says what becomes of step i that was planned for a time which has come:
// FIRED, if nothing else stands against it.
func (c Course) Due(i int, planned, now time.Time) Verdict {
	s := c.Steps[i]
	switch {
	case !s.exists():
		return Verdict{Skipped, workflow.Superseded, planned}
	case now.Before(s.At): // the customer has moved, or a calendar has changed
		return Verdict{Planned, workflow.Sent, s.At}
	case planned.Before(s.At):
		planned = s.At
	}
	v := c.at(i, planned, now)
	if v.Status == Planned && !v.At.After(now) {
		v.Status = Fired
	}
	return v
}

// at says when step i goes that was to go at a time: then, if that is ahead or
// the hours of sending of that day are not over; else it was missed.
func (c Course) at(i int, at, now time.Time) Verdict {
	catchUp := c.w.Schedule.Catches()
	switch {
	case now.Before(at):
		return Verdict{Planned, workflow.Sent, at}
	case catchUp == workflow.LatestOnly && c.newer(i, now):
		return Verdict{Skipped, workflow.Superseded, at}
	case now.Before(c.closing(at)):
		return Verdict{Planned, workflow.Sent, at}
	case catchUp == workflow.SkipMissed, c.w.Schedule.Late(at, now):
		return Verdict{Skipped, workflow.TooLate, at}
	default:
		return c.caughtUp(at, now)
	}
}

// caughtUp is when a step goes that was missed: as soon as the hours of sending
// allow. What reminds of something to come is of no use once it has come.
func (c Course) caughtUp(at, now time.Time) Verdict {
	next := c.w.Schedule.Window().Next(now, c.reader, c.open)
	if c.w.Variant() != workflow.Overdue && calendar.DateOf(next, c.reader) >= c.Deadline {
		return Verdict{Skipped, workflow.TooLate, at}
	}
	return Verdict{Planned, workflow.Sent, next}
}

// Backfilled says which step an activation under BY_AGE sends, the newest that
// passed before it began to count, and when. It is -1 if there is none.
func (c Course) Backfilled(now time.Time) (int, Verdict) {
	newest := -1
	for i, s := range c.Steps {
		if s.exists() && s.At.Before(s.Begun) && (newest < 0 || s.At.After(c.Steps[newest].At)) {
			newest = i
		}
	}
	if newest < 0 {
		return -1, Verdict{}
	}
	v := c.caughtUp(c.Steps[newest].At, now)
	if c.newer(newest, now) { // one has passed since the activation, and speaks for both
		v = Verdict{Skipped, workflow.Superseded, c.Steps[newest].At}
	}
	return newest, v
}

// newer reports whether a later step than i has come and counts.
func (c Course) newer(i int, now time.Time) bool {
	for _, s := range c.Steps {
		if s.exists() && s.At.After(c.Steps[i].At) && !s.At.After(now) && !s.At.Before(s.Begun) {
			return true
		}
	}
	return false
}

// closing is when the hours of sending end on the day of a time.
func (c Course) closing(at time.Time) time.Time {
	return c.w.Schedule.Window().Until.On(calendar.DateOf(at, c.reader), c.reader)
}
