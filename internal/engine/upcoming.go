package engine

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// MaxUpcoming is how many days what is coming can be asked for at once.
const MaxUpcoming = 92

// UpcomingQuery asks for what goes out from one instant, and before another.
type UpcomingQuery struct {
	From, To   time.Time          // zero: now, and seven days after From
	CustomerID billing.CustomerID // "": of all
	Limit      int
	Cursor     string // of the page before; "" for the first
}

// Upcoming is a page of what goes out, by time, with the query as it was answered.
// A page may have fewer entries than its limit, even none, and yet another after it:
// how much is read for one is bounded, however little is found.
type Upcoming struct {
	UpcomingQuery
	Items []Outlook
	Next  string // the cursor of the page after it; "" if there is none
}

// Upcoming foresees what goes out. First comes what is planned already, by its
// time. What is not stored yet follows by its dates, from the planner's own query;
// of one customer it is computed from what they have open.
func (e *Engine) Upcoming(ctx context.Context, p platform.ID, q UpcomingQuery) (Upcoming, error) {
	u := upcoming{}
	var err error
	if u.foresight, err = e.foresee(ctx, p); err != nil {
		return Upcoming{}, err
	}
	if u.q, err = q.within(u.in.now); err != nil {
		return Upcoming{}, err
	}
	if err = u.open(); err != nil {
		return Upcoming{}, err
	}
	if err := u.run(ctx); err != nil {
		return Upcoming{}, err
	}
	slices.SortStableFunc(u.items, func(a, b Outlook) int { return a.At.Compare(b.At) })
	return Upcoming{UpcomingQuery: u.q, Items: u.items, Next: u.next()}, nil
}

func (q UpcomingQuery) within(now time.Time) (UpcomingQuery, error) {
	if q.From.IsZero() {
		q.From = now.Truncate(time.Second) // as it can be written
	}
	if q.To.IsZero() {
		q.To = q.From.AddDate(0, 0, 7)
	}
	switch {
	case q.To.Year() > 9999:
		return q, fault.At(fault.Invalid, "to", "to must lie in the years to 9999")
	case q.To.Before(q.From):
		return q, fault.At(fault.Invalid, "to", "to must not be before from, which is %s", q.From.UTC().Format(time.RFC3339))
	case q.To.After(q.From.AddDate(0, 0, MaxUpcoming)):
		return q, fault.At(fault.Invalid, "to", "to must be at most %d days after from, which is %s", MaxUpcoming, q.From.UTC().Format(time.RFC3339))
	}
	return q, nil
}

// upcoming is one page on its way.
type upcoming struct {
	*foresight
	q     UpcomingQuery
	at    upcomingPlace
	end   bool
	items []Outlook
}

// upcomingPlace is how far the pages before have come.
type upcomingPlace struct {
	Stored   store.Scheduled `json:"stored,omitzero"`   // among what is planned
	On       calendar.Date   `json:"on,omitzero"`       // of the dates behind it; 0: still among what is planned
	Position store.Position  `json:"position,omitzero"` // of that date, as the planner counts
	Own      ownPlace        `json:"own,omitzero"`      // of what one customer has open
}

func (u *upcoming) open() error {
	raw, err := base64.RawURLEncoding.DecodeString(u.q.Cursor)
	if err == nil && u.q.Cursor != "" {
		err = json.Unmarshal(raw, &u.at)
	}
	first, last := u.dates()
	p := u.at.Position
	bad := p.Step < 0 || p.Span < 0 || u.at.Own.Kind < 0 || u.at.On != 0 && (u.at.On < first || u.at.On > last) ||
		strings.Contains(string(u.at.Stored.ID)+p.Place.ID+u.at.Own.After, "\x00") // which no database looks for
	if err != nil || bad {
		return fault.At(fault.Invalid, "cursor", "cursor must be that of a link to the next page, with the other parameters that it has")
	}
	return nil
}

func (u *upcoming) next() string {
	if u.end {
		return ""
	}
	raw, err := json.Marshal(u.at)
	if err != nil {
		return "" // numbers and texts can be written
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// dates are the first and the last on which a step may fall that goes within the
// query: what is missed goes later than on its date.
func (u *upcoming) dates() (first, last calendar.Date) {
	return calendar.DateOf(u.q.From, time.UTC).AddDays(-1), calendar.DateOf(u.q.To, time.UTC).AddDays(1)
}

func (u *upcoming) run(ctx context.Context) error {
	if u.at.On == 0 {
		if err := u.stored(ctx); err != nil || !u.end {
			return err
		}
		u.end = false
		u.at = upcomingPlace{}
		u.at.On, _ = u.dates()
	}
	if u.q.CustomerID != "" {
		return u.own(ctx)
	}
	return u.dated(ctx)
}

func (u *upcoming) room() int { return u.q.Limit - len(u.items) }

// stored lists what is planned already.
func (u *upcoming) stored(ctx context.Context) error {
	list, err := u.planned(ctx)
	if err != nil {
		return err
	}
	if err := u.read(ctx, list, u.in.set.Find); err != nil {
		return err
	}
	for _, t := range list {
		u.at.Stored = store.Scheduled{At: t.ScheduledAt, ID: t.ID}
		w := u.in.set.Find(t.WorkflowID)
		if !t.Variant.Dated() {
			if err := u.add(ctx, w, u.event(w, t, t.EventAt, t.ScheduledAt)); err != nil {
				return err
			}
			continue
		}
		o := u.step(w, t, t.ScheduledAt)
		if u.listedByDate(o) {
			continue
		}
		if err := u.add(ctx, w, o); err != nil {
			return err
		}
	}
	u.end = len(list) < u.q.Limit
	return nil
}

// planned reads the next of what is planned, as many as a page holds. What is due
// and has not gone yet goes now.
func (u *upcoming) planned(ctx context.Context) ([]trigger.Trigger, error) {
	after := u.at.Stored
	if from := u.q.From; from.After(u.in.now) && after.At.Before(from) {
		after = store.Scheduled{At: from}
	}
	if u.q.CustomerID == "" {
		return u.r.PlannedBetween(ctx, u.in.p, after, u.q.To, u.q.Limit)
	}
	list, err := u.r.PlannedOf(ctx, u.in.p, []string{string(u.q.CustomerID)})
	if err != nil {
		return nil, fmt.Errorf("reading what is planned: %w", err)
	}
	place := func(t trigger.Trigger) store.Scheduled { return store.Scheduled{At: t.ScheduledAt, ID: t.ID} }
	list = slices.DeleteFunc(list, func(t trigger.Trigger) bool {
		return t.Reason != workflow.Sent || !t.ScheduledAt.Before(u.q.To) || place(t).Compare(after) <= 0
	})
	slices.SortFunc(list, func(a, b trigger.Trigger) int { return place(a).Compare(place(b)) })
	return list[:min(len(list), u.q.Limit)], nil
}

// listedByDate reports whether a trigger has moved to a date that is still to be
// planned: there it is listed.
func (u *upcoming) listedByDate(o Outlook) bool {
	if o.w == nil || !o.At.After(latest(o.Trigger.ScheduledAt, u.in.now)) {
		return false
	}
	c, ok := u.in.set.course(o.w, o.f)
	if !ok || c.Occurrence() != o.Trigger.Occurrence {
		return false
	}
	i := c.Find(o.Trigger.Step)
	return i >= 0 && !c.Steps[i].None && u.planning(o.Trigger.WorkflowID, c.Steps[i].Date)
}

// add puts what goes within the query on the page.
func (u *upcoming) add(ctx context.Context, w *workflow.Armed, o Outlook) error {
	if o.At.Before(u.q.From) || !o.At.Before(u.q.To) {
		return nil
	}
	if err := u.messages(ctx, w, &o); err != nil {
		return err
	}
	u.items = append(u.items, o)
	return nil
}

// candidate is a step that is not stored yet.
type candidate struct {
	w *workflow.Armed
	t trigger.Trigger // without an id
}

// candidate returns step i of a course, if it goes within the query and is still
// to be planned.
func (u *upcoming) candidate(w *workflow.Armed, key billing.Key, f workflow.Facts, c trigger.Course, i int) (candidate, bool) {
	step := c.Steps[i]
	if step.None || !u.planning(w.ID, step.Date) {
		return candidate{}, false
	}
	v, ok := c.Plan(i, u.in.now)
	if at := latest(v.At, u.in.now); !ok || v.Status != trigger.Planned || at.Before(u.q.From) || !at.Before(u.q.To) {
		return candidate{}, false
	}
	t := u.in.dated(w, key, f, c, i, v)
	t.ID = ""
	return candidate{w, t}, true
}

// fresh leaves out those that there are: what is planned is listed by its own time,
// and what was decided is planned again only if it was by a plan of before.
func (u *upcoming) fresh(ctx context.Context, list []candidate) ([]candidate, error) {
	keys := make([]trigger.Key, len(list))
	for i, c := range list {
		keys[i] = c.t.Key
	}
	found, err := u.r.EventTriggers(ctx, u.in.p, keys)
	if err != nil {
		return nil, fmt.Errorf("reading what there is already: %w", err)
	}
	return slices.DeleteFunc(list, func(c candidate) bool {
		t, stored := found[c.t.Key]
		switch {
		case !stored:
			return false
		case t.Status == trigger.Planned:
			return t.Reason != workflow.Sent || !t.ScheduledAt.Before(c.t.ScheduledAt)
		default:
			return t.Status == trigger.Fired || !t.Reason.Replanned()
		}
	}), nil
}

// foreseeAll puts what will become of candidates on the page.
func (u *upcoming) foreseeAll(ctx context.Context, list []candidate) error {
	triggers := make([]trigger.Trigger, len(list))
	armed := map[workflow.ID]*workflow.Armed{}
	for i, c := range list {
		triggers[i], armed[c.w.ID] = c.t, c.w
	}
	if err := u.read(ctx, triggers, func(id workflow.ID) *workflow.Armed { return armed[id] }); err != nil {
		return err
	}
	for _, c := range list {
		if err := u.add(ctx, c.w, u.step(c.w, c.t, c.t.ScheduledAt)); err != nil {
			return err
		}
	}
	return nil
}

func (c candidate) compare(to candidate) int {
	return cmp.Or(c.t.ScheduledAt.Compare(to.t.ScheduledAt), cmp.Compare(c.name(), to.name()))
}

func (c candidate) name() string {
	return fmt.Sprintf("%s %s %s %s", c.t.Kind, c.t.ResourceID, c.t.WorkflowID, c.t.Step)
}
