package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// upcomingLooks bounds how often one page asks for deadlines, ownBatch how many
// resources of a customer it reads at once, and ownLooks how often.
const (
	upcomingLooks = 1000
	ownBatch      = 200
	ownLooks      = 10
)

// dated lists what is not planned yet, date by date: by what the planner would ask
// for on that date.
func (u *upcoming) dated(ctx context.Context) error {
	_, last := u.dates()
	workflows := u.in.set.Dated()
	for looks := 0; looks < upcomingLooks && u.room() > 0; looks++ {
		at := &u.at.Position
		i := slices.IndexFunc(workflows, func(x *workflow.Armed) bool { return x.ID >= at.WorkflowID })
		if i < 0 {
			if u.at.On, u.at.Position = u.at.On+1, (store.Position{}); u.at.On > last {
				u.end = true
				return nil
			}
			continue
		}
		if at.WorkflowID != workflows[i].ID {
			*at = store.Position{WorkflowID: workflows[i].ID}
		}
		if err := u.look(ctx, workflows[i]); err != nil {
			return err
		}
	}
	return nil
}

// look lists the next resources of a workflow, in the span and step that the
// position is at, and moves the position on.
func (u *upcoming) look(ctx context.Context, x *workflow.Armed) error {
	at := &u.at.Position
	if at.Step >= len(x.Steps()) || !u.planning(x.ID, u.at.On) {
		at.WorkflowID += "\x00" // behind it, before any other
		return nil
	}
	day := planning{ingestion: u.in, task: store.Task{Kind: store.PlanDate, On: u.at.On}}
	spans := day.spans(x, at.Step)
	if at.Span >= len(spans) {
		at.Step, at.Span, at.Place = at.Step+1, 0, store.Place{}
		return nil
	}
	limit := u.room()
	found, place, err := u.r.Deadlines(ctx, u.in.p, spans[at.Span], at.Place, limit)
	if err != nil {
		return err
	}
	if err := u.found(ctx, x, spans[at.Span], found); err != nil {
		return err
	}
	if at.Place = place; len(found) < limit {
		at.Span, at.Place = at.Span+1, store.Place{}
	}
	return nil
}

// found lists those of the resources of a span of which the step falls on the date.
func (u *upcoming) found(ctx context.Context, x *workflow.Armed, span store.Span, found []billing.Resource) error {
	list := u.scene.found(found)
	if err := u.scene.look(ctx, list); err != nil {
		return err
	}
	var candidates []candidate
	for _, r := range found {
		key := billing.KeyOf(r)
		if s, ok := r.(*billing.Schedule); ok {
			key = billing.Key{Kind: billing.KindSubscription, ID: string(s.SubscriptionID)}
		}
		of, f := u.scene.known[key], u.scene.facts(key)
		if of == nil || !x.Covers(billing.CustomerOf(of)) || !u.countsFrom(x, r, span, f) {
			continue
		}
		c, ok := u.in.set.course(x, f)
		if !ok || c.Steps[u.at.Position.Step].Date != u.at.On {
			continue
		}
		if c, ok := u.candidate(x, key, f, c, u.at.Position.Step); ok {
			candidates = append(candidates, c)
		}
	}
	fresh, err := u.fresh(ctx, candidates)
	if err != nil {
		return err
	}
	return u.foreseeAll(ctx, fresh)
}

// countsFrom reports whether the deadline by which something was found is that
// from which its steps count: one resource may be found by several.
func (u *upcoming) countsFrom(x *workflow.Armed, by billing.Resource, span store.Span, f workflow.Facts) bool {
	switch by := by.(type) {
	case *billing.Invoice:
		return x.Variant() != workflow.UpcomingPaymentRemind || span.Charged != by.ChargeAt.IsZero()
	case *billing.Schedule:
		return f.Trial != nil && f.Trial.ID == by.ID
	default:
		return f.Trial != nil && !slices.ContainsFunc(u.scene.schedules[by.Base().ID], func(s *billing.Schedule) bool { return s.ID == f.Trial.ID })
	}
}

// ownPlace is how far what one customer has open has been listed: the resources
// before the batch, and of the batch what goes up to a time.
type ownPlace struct {
	Kind  int       `json:"kind"` // of ownKinds
	After string    `json:"after"`
	At    time.Time `json:"at"`
	Name  string    `json:"name"`
}

var ownKinds = []billing.Kind{billing.KindInvoice, billing.KindSubscription}

// own lists what is not planned yet of one customer, by time within each batch of
// what they have open.
func (u *upcoming) own(ctx context.Context) error {
	for range ownLooks {
		at := &u.at.Own
		if at.Kind >= len(ownKinds) {
			u.end = true
			return nil
		}
		batch, err := u.r.OpenOfCustomer(ctx, u.in.p, ownKinds[at.Kind], u.q.CustomerID, at.After, ownBatch)
		if err != nil {
			return fmt.Errorf("reading what is open: %w", err)
		}
		list, err := u.ownCandidates(ctx, batch)
		if err != nil {
			return err
		}
		room := u.room()
		if err := u.foreseeAll(ctx, list[:min(len(list), room)]); err != nil {
			return err
		}
		switch {
		case len(list) > room && room > 0:
			at.At, at.Name = list[room-1].t.ScheduledAt, list[room-1].name()
			return nil
		case len(list) > room:
			return nil
		case len(batch) == ownBatch:
			*at = ownPlace{Kind: at.Kind, After: batch[ownBatch-1].Base().ID}
		default:
			*at = ownPlace{Kind: at.Kind + 1}
		}
	}
	return nil
}

// ownCandidates are the steps of resources that are still to be planned, by their
// time, behind the place.
func (u *upcoming) ownCandidates(ctx context.Context, batch []billing.Resource) ([]candidate, error) {
	list := u.scene.found(batch)
	if err := u.scene.look(ctx, list); err != nil {
		return nil, err
	}
	var candidates []candidate
	for _, key := range list {
		candidates = append(candidates, u.candidatesOf(key)...)
	}
	slices.SortFunc(candidates, candidate.compare)
	candidates = slices.DeleteFunc(candidates, func(c candidate) bool {
		d := c.t.ScheduledAt.Compare(u.at.Own.At)
		return d < 0 || d == 0 && c.name() <= u.at.Own.Name
	})
	return u.fresh(ctx, candidates)
}

func (u *upcoming) candidatesOf(key billing.Key) []candidate {
	var list []candidate
	f := u.scene.facts(key)
	for _, v := range workflow.DatedVariants {
		if !v.Deadline(f).IsSet() {
			continue
		}
		for _, w := range u.in.set.Waiting(v, u.q.CustomerID) {
			c, ok := u.in.set.course(w, f)
			if !ok || !w.Covers(u.q.CustomerID) {
				continue
			}
			for i := range c.Steps {
				if next, ok := u.candidate(w, key, f, c, i); ok {
					list = append(list, next)
				}
			}
		}
	}
	return list
}
