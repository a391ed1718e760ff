package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
	skip, room := map[platform.ID]bool{}, map[platform.ID]int{}
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
			n, left, err := e.firePlatform(ctx, p, room[p])
			if err != nil {
				failed = append(failed, fmt.Errorf("firing on platform %s: %w", p, err))
			}
			room[p] = left
			skip[p] = n < fireBatch
		}
	}
	return errors.Join(failed...)
}

// firePlatform fires a batch, unless too much waits already, and returns how many
// it decided and for how many messages there is room left. room is what the batch
// before left: what waits is counted when that is used up.
func (e *Engine) firePlatform(ctx context.Context, p platform.ID, room int) (n, left int, err error) {
	if room <= 0 {
		backlog, err := e.store.Backlog(ctx, p, fullBacklog)
		if err != nil || backlog == fullBacklog {
			return 0, 0, err
		}
		room = fullBacklog - int(backlog)
	}
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
		if err := f.decideAll(ctx, due); err != nil {
			return err
		}
		n, left = len(due), room-len(f.executions)
		failpoint.Hit(failpoint.FireCommitting)
		return nil
	})
	failpoint.Hit(failpoint.FireCommitted)
	return n, left, err
}

// firingDue is a transaction that decides triggers whose time has come. It locks
// no resource: the claims decide.
type firingDue struct {
	*ingestion
	scene *scene
	sent  sentSteps
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
	f.sent = sentSteps{}
	return f.sent.add(ctx, f.tx.Reader, f.p, steps)
}

// sentSteps are the triggers that have fired, by their key without its occurrence.
type sentSteps map[trigger.Key][]trigger.Trigger

// add reads what has fired about the resources of steps.
func (s sentSteps) add(ctx context.Context, r store.Reader, p platform.ID, steps []trigger.Key) error {
	about := keys{}
	for _, k := range steps {
		about.add(k.Kind, k.ResourceID)
	}
	for kind := range about {
		fired, err := r.FiredSteps(ctx, p, kind, about.sorted(kind, nil))
		if err != nil {
			return fmt.Errorf("reading what was sent before: %w", err)
		}
		for _, t := range fired {
			k := t.Key
			k.Occurrence = ""
			s[k] = append(s[k], t)
		}
	}
	return nil
}

// on are the days in a zone on which the step of a key was sent about its
// resource.
func (s sentSteps) on(k trigger.Key, seller *time.Location) []calendar.Date {
	k.Occurrence = ""
	var days []calendar.Date
	for _, fired := range s[k] {
		days = append(days, calendar.DateOf(fired.UpdatedAt, seller))
	}
	return days
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
	m, facts := f.set.moment(w, t, facts, f.sent)
	m.Now, m.Planned = f.now, t.ScheduledAt
	v := trigger.DecideStep(w, facts, c, i, m)
	now := f.dated(w, key, facts, c, i, v)
	if v.Reason == workflow.Superseded && m.Yields(w) {
		now.Facts.SupersededBy = m.First.ID
	}
	if v.Status == trigger.Fired { // by the time that it was planned for, a pause is judged
		now.EventAt, now.ScheduledAt = t.ScheduledAt, t.ScheduledAt
	}
	f.replan(t, now)
}

// moment is what decides about a step beside the states and the time, and the
// facts as conditions are asked about them.
func (r *ruleset) moment(w *workflow.Armed, t trigger.Trigger, f workflow.Facts, sent sentSteps) (trigger.Moment, workflow.Facts) {
	if f.Zone = r.place(f).Seller; r.Asks() || w.Conditions != "" {
		f = f.Asked()
	}
	m := trigger.Moment{Sent: sent.on(t.Key, f.Zone)}
	if w.Priority != nil {
		m.First = r.First(t.Variant, t.CustomerID, f)
	}
	return m, f
}
