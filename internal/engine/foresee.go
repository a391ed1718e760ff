package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Outlook is what will become of one trigger if nothing changes but the time.
type Outlook struct {
	// Trigger is as it is stored, or, without an id, as it would be.
	Trigger trigger.Trigger
	At      time.Time         // when it is decided, for the last time
	Against []workflow.Reason // all that stands against it then; the first is the one that would be kept
	Actions []ActionOutlook   // of its workflow's ACTIVE actions

	w *workflow.Armed // both as if nothing stood against it
	f workflow.Facts
}

// ActionOutlook is what will become of the message of one action.
type ActionOutlook struct {
	ActionID workflow.ActionID
	Against  []workflow.Reason // what stands against this message, beside what stands against all of them
	Defect   string            // why it would fail; see docs/delivery.md
}

// Goes reports whether at least one message goes.
func (o *Outlook) Goes() bool {
	return len(o.Against) == 0 && slices.ContainsFunc(o.Actions, func(a ActionOutlook) bool { return len(a.Against) == 0 && a.Defect == "" })
}

// Reason is what stands first against all its messages.
func (o *Outlook) Reason() workflow.Reason {
	switch {
	case len(o.Against) > 0:
		return o.Against[0]
	case o.Goes(), len(o.Actions) == 0, len(o.Actions[0].Against) == 0:
		return workflow.Sent
	default:
		return o.Actions[0].Against[0]
	}
}

// foresight says what will become of triggers: it asks what decides when their
// time comes, as at that time, about the states as they are now. It locks nothing
// and writes nothing.
type foresight struct {
	e        *Engine
	r        store.Reader
	in       *ingestion // with what an ingestion decides by, and no transaction
	home     platform.Platform
	tasks    []store.Task
	scene    *scene
	sent     sentSteps
	sight    *sight
	accounts map[platform.IntegrationID]platform.Integration
}

func (e *Engine) foresee(ctx context.Context, p platform.ID) (*foresight, error) {
	planning, set, err := e.current(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &foresight{e: e, r: e.store.Reader, sent: sentSteps{}, accounts: map[platform.IntegrationID]platform.Integration{}}
	s.in = &ingestion{e: e, p: p, now: e.clock(planning), announced: planning.Announced, set: set}
	s.scene = newScene(s.r, p, set, s.in.now)
	if s.home, err = s.r.Platform(ctx, p); err != nil {
		return nil, err
	}
	if s.tasks, err = s.r.Tasks(ctx, p, taskBatch); err != nil {
		return nil, fmt.Errorf("looking for what is to be planned: %w", err)
	}
	return s, nil
}

// current returns what decides on a platform at the moment. What is not cached is
// read while its version is held still, else it could be cached as another's.
func (e *Engine) current(ctx context.Context, p platform.ID) (planning store.Planning, set *ruleset, err error) {
	if planning, err = e.store.Planning(ctx, p); err != nil {
		return planning, nil, err
	}
	e.mu.Lock()
	set = e.sets[p]
	e.mu.Unlock()
	if set != nil && set.Version == planning.Version {
		return planning, set, nil
	}
	err = e.store.Write(ctx, func(tx *store.Tx) error {
		if planning, err = tx.HoldPlanning(ctx, p); err != nil {
			return err
		}
		set, err = e.rules(ctx, tx.Reader, p, planning)
		return err
	})
	return planning, set, err
}

// read reads what will decide about triggers of workflows.
func (s *foresight) read(ctx context.Context, list []trigger.Trigger, of func(workflow.ID) *workflow.Armed) error {
	var dated []billing.Key
	var steps []trigger.Key
	var about []execution.Execution
	for _, t := range list {
		if t.Variant.Dated() {
			dated, steps = append(dated, billing.Key{Kind: t.Kind, ID: t.ResourceID}), append(steps, t.Key)
		}
		about = append(about, s.messagesOf(of(t.WorkflowID), t)...)
	}
	if err := s.scene.look(ctx, dated); err != nil {
		return err
	}
	if err := s.scene.weigh(ctx, dated); err != nil {
		return err
	}
	if err := s.sent.add(ctx, s.r, s.in.p, steps); err != nil {
		return err
	}
	var err error
	s.sight, err = look(ctx, s.r, s.home, about, s.in.now)
	return err
}

// messagesOf are the executions that a trigger would have; one without an action,
// if its workflow has none, so that what it is about is read.
func (s *foresight) messagesOf(w *workflow.Armed, t trigger.Trigger) []execution.Execution {
	if w == nil || len(w.Actions) == 0 {
		w = &workflow.Armed{Actions: []workflow.Action{{}}}
	}
	return executionsOf(w, t, s.in.now)
}

// step foresees a trigger of a dated workflow that is planned for a time. A plan
// that has moved since is followed.
func (s *foresight) step(w *workflow.Armed, t trigger.Trigger, planned time.Time) Outlook {
	at := latest(planned, s.in.now)
	for range 3 {
		v := s.decideStep(w, s.facts(t, at), t, planned, at)
		if v.Status != trigger.Planned || v.Reason != workflow.Sent || !v.At.After(at) {
			break
		}
		planned, at = v.At, v.At
	}
	return s.outlook(w, t, at, func(w *workflow.Armed, f workflow.Facts) workflow.Reason {
		return s.decideStep(w, f, t, planned, at).Reason
	})
}

func (s *foresight) decideStep(w *workflow.Armed, f workflow.Facts, t trigger.Trigger, planned, at time.Time) trigger.Verdict {
	i := -1
	c, ok := trigger.Course{}, false
	if w != nil {
		c, ok = s.in.set.course(w, f)
	}
	if ok && (t.ID == "" || c.Occurrence() == t.Occurrence) {
		i = c.Find(t.Step)
	}
	if i >= 0 && (t.ID != "" || !c.Steps[i].None) {
		m, f := s.in.set.moment(w, t, f, s.sent)
		m.Now, m.Planned = at, planned
		return trigger.DecideStep(w, f, c, i, m)
	}
	reason := outOfPlace(w, t, s.scene.known[billing.Key{Kind: t.Kind, ID: t.ResourceID}], f)
	dateless := reason == workflow.DeadlineMoved || reason == workflow.SubscriptionEnded && stopOf(f, t.Variant) == workflow.Sent
	if dateless && t.ID == "" {
		reason = workflow.NoDate
	}
	return trigger.Verdict{Status: trigger.Cancelled, Reason: reason}
}

// event foresees a trigger of an event that happened at a time and is decided now,
// or when the hours of sending that it waits for begin.
func (s *foresight) event(w *workflow.Armed, t trigger.Trigger, happened, planned time.Time) Outlook {
	at, judged := latest(planned, s.in.now), happened
	if !planned.IsZero() {
		judged = planned
	}
	for range 3 {
		if w == nil || w.Schedule.SendAt == nil {
			break
		}
		f := s.facts(t, at)
		next := s.in.set.opens(w, s.in.set.place(f), at)
		if status, _ := s.decideEvent(w, f, judged, at); status != trigger.Fired || !next.After(at) {
			break
		}
		judged, at = next, next
	}
	return s.outlook(w, t, at, func(w *workflow.Armed, f workflow.Facts) workflow.Reason {
		if w == nil {
			return workflow.WorkflowInactive
		}
		_, reason := s.decideEvent(w, f, judged, at)
		return reason
	})
}

// decideEvent decides as an ingestion does that has no other event to decide about.
func (s *foresight) decideEvent(w *workflow.Armed, f workflow.Facts, judged, at time.Time) (trigger.Status, workflow.Reason) {
	status, reason := trigger.Decide(w, f, judged, at)
	if w.Priority == nil || !reason.Matched() || f.Wallet != nil || f.Customer == nil {
		return status, reason
	}
	m := trigger.Moment{First: s.in.set.First(w.Variant(), billing.CustomerID(f.Customer.ID), f)}
	if m.Yields(w) {
		return trigger.Skipped, workflow.Superseded
	}
	return status, reason
}

// outlook lists what stands against a trigger at a time, and against its messages.
func (s *foresight) outlook(
	w *workflow.Armed, t trigger.Trigger, at time.Time, decide func(*workflow.Armed, workflow.Facts) workflow.Reason,
) Outlook {
	o := Outlook{Trigger: t, At: at}
	o.Against, o.w, o.f = trigger.Against(w, s.facts(t, at), decide)
	if s.home.Sending == platform.Paused {
		o.Against = append(o.Against, workflow.SendingPaused)
	}
	return o
}

// facts are the states that decide about a trigger, as they are now, and what the
// time makes of them.
func (s *foresight) facts(t trigger.Trigger, at time.Time) workflow.Facts {
	f := workflow.Facts{}
	if key := (billing.Key{Kind: t.Kind, ID: t.ResourceID}); t.Variant.Dated() {
		f = s.scene.facts(key)
	} else {
		f = s.sight.facts(s.home, s.messagesOf(nil, t)[0])
	}
	if f.Invoice != nil && t.Variant.Dated() {
		f.Covered = covered(f.Invoice, s.scene.payments[f.Invoice.ID], at)
	}
	f.Zone = s.in.set.place(f).Seller
	f.Holds = slices.DeleteFunc(f.Holds, func(h hold.Hold) bool { return !h.InForce(at) })
	return f
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// planning reports whether it is still to be planned which steps of a workflow
// fall on a date: they are not stored, or not all of them.
func (s *foresight) planning(w workflow.ID, d calendar.Date) bool {
	return d > s.in.announced || slices.ContainsFunc(s.tasks, func(t store.Task) bool {
		return t.Kind == store.PlanDate && t.On == d && (t.WorkflowID == "" || t.WorkflowID == w)
	})
}
