package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

const (
	// fireBatch bounds how many triggers a transaction fires.
	fireBatch = 500
	// fullBacklog is how many messages of a platform may wait for their turn
	// before no more are made: what is decided late is decided on newer facts.
	fullBacklog = 20_000
)

// Fire decides the PLANNED triggers whose time has come, a batch of each platform
// in turn, until none is left. Every node fires; what another has locked is left
// to it.
func (e *Engine) Fire(ctx context.Context) error {
	var failed []error
	skip := map[platform.ID]bool{}
	for ctx.Err() == nil {
		platforms, err := e.store.WithDue(ctx, e.Now())
		if err != nil {
			return errors.Join(append(failed, fmt.Errorf("looking for what is due: %w", err))...)
		}
		platforms = slices.DeleteFunc(platforms, func(p platform.ID) bool { return skip[p] })
		if len(platforms) == 0 {
			break
		}
		for _, p := range platforms {
			n, err := e.firePlatform(ctx, p)
			if err != nil {
				failed = append(failed, fmt.Errorf("firing on platform %s: %w", p, err))
			}
			skip[p] = n < fireBatch
		}
	}
	return errors.Join(failed...)
}

// firePlatform fires a batch, unless too much waits already, and returns how many
// it decided.
func (e *Engine) firePlatform(ctx context.Context, p platform.ID) (int, error) {
	backlog, err := e.store.Backlog(ctx, p, fullBacklog)
	if err != nil || backlog == fullBacklog {
		return 0, err
	}
	n := 0
	err = e.store.Write(ctx, func(tx *store.Tx) error {
		f := firingDue{}
		var err error
		if f.ingestion, err = e.ingestion(ctx, tx, p); err != nil {
			return err
		}
		due, err := tx.DueTriggers(ctx, p, f.now, fireBatch)
		if err != nil {
			return err
		}
		n = len(due)
		if err := f.decideAll(ctx, due); err != nil {
			return err
		}
		failpoint.Hit(failpoint.FireCommitting)
		return nil
	})
	failpoint.Hit(failpoint.FireCommitted)
	return n, err
}

// firingDue is a transaction that decides triggers whose time has come. It locks
// no resource: the claims decide.
type firingDue struct {
	*ingestion
	scene *scene
	sent  map[trigger.Key][]trigger.Trigger // of the same step, by the key without its occurrence
}

func (f *firingDue) decideAll(ctx context.Context, due []trigger.Trigger) error {
	if err := f.read(ctx, due); err != nil {
		return err
	}
	for _, t := range due {
		if !t.Variant.Dated() {
			if err := f.again(ctx, t); err != nil {
				return err
			}
			continue
		}
		f.decideDue(t)
	}
	return f.settle(ctx)
}

// read reads what decides about all of them.
func (f *firingDue) read(ctx context.Context, due []trigger.Trigger) error {
	var resources []billing.Key
	var steps []trigger.Key
	for _, t := range due {
		if t.Variant.Dated() {
			resources = append(resources, billing.Key{Kind: t.Kind, ID: t.ResourceID})
			steps = append(steps, t.Key)
		}
	}
	f.scene = newScene(f.tx.Reader, f.p, f.set, f.now)
	if err := f.scene.look(ctx, resources); err != nil {
		return err
	}
	if err := f.scene.weigh(ctx, resources); err != nil {
		return err
	}
	fired, err := f.tx.FiredSteps(ctx, f.p, steps)
	if err != nil {
		return fmt.Errorf("reading what was sent before: %w", err)
	}
	f.sent = map[trigger.Key][]trigger.Trigger{}
	for _, t := range fired {
		k := t.Key
		k.Occurrence = ""
		f.sent[k] = append(f.sent[k], t)
	}
	return nil
}

// decideDue decides one dated trigger by what its resource and its workflow are
// now: one that was planned under a workflow, or a date, of before is planned
// anew or cancelled.
func (f *firingDue) decideDue(t trigger.Trigger) {
	key := billing.Key{Kind: t.Kind, ID: t.ResourceID}
	facts := f.scene.facts(key)
	w := f.set.Find(t.WorkflowID)
	if w == nil {
		f.cancelPlanned(t, f.scene.known[key], facts)
		return
	}
	c, ok := f.set.course(w, facts)
	i := -1
	if ok && c.Occurrence() == t.Occurrence {
		i = c.Find(t.Step)
	}
	if i < 0 {
		f.cancelPlanned(t, f.scene.known[key], facts)
		return
	}
	if facts.Zone = f.set.place(facts).Seller; f.set.Asks() {
		facts = facts.Asked()
	}
	m := trigger.Moment{Now: f.now, Planned: t.ScheduledAt, Sent: f.sentOn(t, facts)}
	if w.Priority != nil {
		m.First = f.set.First(t.Variant, t.CustomerID, facts)
	}
	v := trigger.DecideStep(w, facts, c, i, m)
	now := f.dated(w, key, facts, c, i, v)
	if v.Reason == workflow.Superseded && m.First != nil && m.First.ID != w.ID {
		now.Facts.SupersededBy = m.First.ID
	}
	if v.Status == trigger.Fired { // by the time that it was planned for, a pause is judged
		now.EventAt, now.ScheduledAt = t.ScheduledAt, t.ScheduledAt
	}
	f.replan(t, now)
}

// sentOn are the days, where the seller is, on which the step of a trigger was
// sent about its resource.
func (f *firingDue) sentOn(t trigger.Trigger, facts workflow.Facts) []calendar.Date {
	k := t.Key
	k.Occurrence = ""
	var days []calendar.Date
	for _, fired := range f.sent[k] {
		days = append(days, calendar.DateOf(fired.UpdatedAt, f.set.place(facts).Seller))
	}
	return days
}
