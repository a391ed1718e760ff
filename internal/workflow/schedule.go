package workflow

import (
	"maps"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// Schedule says at which hours and on which days messages go out, and what
// becomes of those whose time has passed. A member that is not set has its
// default.
type Schedule struct {
	SendAt           *calendar.TimeOfDay `json:"send_at"`
	SendUntil        *calendar.TimeOfDay `json:"send_until"`
	BusinessDaysOnly bool                `json:"business_days_only"`
	CatchUp          CatchUp             `json:"catch_up"`
	MaxLateness      calendar.Period     `json:"max_lateness"`
	Backfill         Backfill            `json:"backfill"`
}

// CatchUp says what becomes of steps that were missed: while we were down,
// before the resource was known, because its date moved, or because something
// stopped them that has ended.
type CatchUp string

// What becomes of missed steps.
const (
	LatestOnly CatchUp = "LATEST_ONLY" // the newest goes, the others are superseded
	All        CatchUp = "ALL"
	SkipMissed CatchUp = "SKIP"
)

// CatchUps lists them.
var CatchUps = []CatchUp{LatestOnly, All, SkipMissed}

// Backfill says what an activation does about steps that passed before it.
type Backfill string

// What an activation does.
const (
	FromNow Backfill = "FROM_NOW" // nothing
	ByAge   Backfill = "BY_AGE"   // sends the newest step that passed, once
)

// Backfills lists them.
var Backfills = []Backfill{FromNow, ByAge}

// DefaultMaxLateness bounds how late a message may be.
var DefaultMaxLateness = calendar.Period{Type: calendar.Day, Value: 3}

// The hours of sending of a workflow that sets none.
const (
	defaultFrom  calendar.TimeOfDay = 9 * 60
	defaultUntil calendar.TimeOfDay = 20 * 60
)

// Window is the hours of sending.
func (s Schedule) Window() calendar.Window {
	w := calendar.Window{From: defaultFrom, Until: defaultUntil}
	if s.SendAt != nil {
		w.From = *s.SendAt
	}
	if s.SendUntil != nil {
		w.Until = *s.SendUntil
	}
	return w
}

// Catches is what becomes of missed steps.
func (s Schedule) Catches() CatchUp {
	if s.CatchUp == "" {
		return LatestOnly
	}
	return s.CatchUp
}

// Late reports whether something that was to happen at a time is too late now.
func (s Schedule) Late(at, now time.Time) bool { return at.Before(s.LateBefore(now)) }

// LateBefore is the time before which everything is too late now.
func (s Schedule) LateBefore(now time.Time) time.Time {
	allowed := s.MaxLateness
	if allowed.Value == 0 {
		allowed = DefaultMaxLateness
	}
	return allowed.Before(now)
}

// Dated reports whether a variant counts its steps from a deadline.
func (v Variant) Dated() bool {
	return v == Overdue || v == UpcomingPaymentRemind || v == FreeTrialReminder
}

// DatedVariants lists the variants that count from a deadline.
var DatedVariants = []Variant{Overdue, UpcomingPaymentRemind, FreeTrialReminder}

// Deadline is what the steps of a variant count from, if the states that are
// known leave it open: nobody is reminded of what is paid.
func (v Variant) Deadline(f Facts) billing.Deadline {
	switch {
	case v == Overdue && f.Invoice != nil && f.Invoice.Collectible():
		return f.Invoice.Due()
	case v == UpcomingPaymentRemind && f.Invoice != nil && f.Invoice.Collectible():
		return f.Invoice.Payable()
	case v == FreeTrialReminder && f.Subscription != nil && !f.Subscription.Ended() && f.Trial != nil:
		return billing.Deadline{At: f.Trial.EndAt}
	default:
		return billing.Deadline{}
	}
}

// Rule is how the workflow's steps count, on a platform with those open days.
func (w *Workflow) Rule(open calendar.Days) calendar.Rule {
	if !w.Schedule.BusinessDaysOnly {
		open = calendar.Days{}
	}
	return calendar.Rule{Periods: w.Steps(), Backward: w.Variant() != Overdue, Days: open}
}

// Begin notes since when each step of an ACTIVE workflow counts: an activation
// begins all of them, an edit those that are new. What passed before, a step
// never sends by itself.
func (w *Workflow) Begin(old Workflow, now time.Time) {
	w.Begun = nil
	if w.Status != Active {
		return
	}
	for _, p := range w.Steps() {
		since := now
		if at, ok := old.Begun[p.String()]; ok && old.Status == Active {
			since = at
		}
		if w.Begun == nil {
			w.Begun = map[string]time.Time{}
		}
		w.Begun[p.String()] = since
	}
}

// BeginBy moves the instants since when steps count that lie after a time back to
// it, for a platform whose clock is set into the past, and reports whether there
// were any.
func (w *Workflow) BeginBy(now time.Time) bool {
	moved := false
	begun := maps.Clone(w.Begun)
	for step, since := range begun {
		if since.After(now) {
			begun[step], moved = now, true
		}
	}
	w.Begun = begun
	return moved
}
