package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Explanation is what a workflow means to one resource, now.
type Explanation struct {
	Workflow   workflow.Workflow
	At         time.Time // the now of the platform
	Resource   billing.Key
	CustomerID billing.CustomerID
	Facts      workflow.Basis
	Deadline   string // of a dated workflow, where the seller is; "": there is none
	Seller     *time.Location
	Reader     *time.Location
	Steps      []ExplainedStep // one for each period, in their order; of an event one
}

// ExplainedStep is what has become, or will become, of one step.
type ExplainedStep struct {
	Outlook
	Step       string // "" for an event
	Date       string // on which the step falls; "": it has no day, or is an event
	Executions []execution.Execution
}

// Fires reports whether a message goes by itself, if nothing changes but the time.
func (s *ExplainedStep) Fires() bool { return s.Trigger.Status == trigger.Planned && s.Goes() }

// kindOf is the kind of resource that each type of workflow is about.
var kindOf = map[workflow.Type]billing.Kind{
	workflow.Invoice: billing.KindInvoice, workflow.Payment: billing.KindPayment,
	workflow.Subscription: billing.KindSubscription, workflow.Wallet: billing.KindWallet,
}

// KindOf is the kind of resource that a type of workflow is about.
func KindOf(t workflow.Type) billing.Kind { return kindOf[t] }

// Explain says what a workflow means to a resource of its type, which is named by
// id or reference. One that is not ACTIVE is explained as if it were activated now,
// and that it is not stands against everything.
func (e *Engine) Explain(ctx context.Context, p platform.ID, w workflow.Workflow, idOrReference string) (Explanation, error) {
	x := explaining{out: Explanation{Workflow: w}}
	if w.Variant() == "" {
		return x.out, fault.New(fault.State, "workflow %s has no variant yet, so nothing can be said about it: set one", w.ID).
			About("WORKFLOW", string(w.ID))
	}
	kind := KindOf(w.Type)
	r, err := e.store.Resource(ctx, p, kind, idOrReference)
	switch {
	case fault.Is(err, fault.NotFound):
		return x.out, Mention{Field: "resource_id", Type: string(kind)}.unknown(idOrReference)
	case err != nil:
		return x.out, err
	}
	if x.foresight, err = e.foresee(ctx, p); err != nil {
		return x.out, err
	}
	return x.out, x.run(ctx, r)
}

// explaining is one explanation on its way.
type explaining struct {
	*foresight
	w    *workflow.Armed
	idle bool // the workflow is not ACTIVE
	t    trigger.Trigger
	of   []trigger.Trigger // what there is already, the newest first
	out  Explanation
}

func (x *explaining) run(ctx context.Context, r billing.Resource) error {
	if err := x.arm(ctx); err != nil {
		return err
	}
	if err := x.about(ctx, r); err != nil {
		return err
	}
	var err error
	if x.of, err = x.r.EventTriggersOf(ctx, x.in.p, x.w.ID, billing.KeyOf(r)); err != nil {
		return fmt.Errorf("reading what there is already: %w", err)
	}
	if x.w.Variant().Dated() {
		x.steps()
	} else {
		x.out.Steps = []ExplainedStep{x.occasion()}
	}
	for i := range x.out.Steps {
		if err := x.complete(ctx, &x.out.Steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// arm takes the workflow as it decides, or as it would if it were activated now.
func (x *explaining) arm(ctx context.Context) error {
	if x.w = x.in.set.Find(x.out.Workflow.ID); x.w != nil {
		x.out.Workflow = x.w.Workflow
		return nil
	}
	actions, err := x.r.ActionsOf(ctx, x.in.p, x.out.Workflow.ID)
	if err != nil {
		return fmt.Errorf("reading the actions of workflow %s: %w", x.out.Workflow.ID, err)
	}
	x.idle, x.w = true, &workflow.Armed{Workflow: x.out.Workflow}
	x.w.Status = workflow.Active
	x.w.Begin(x.out.Workflow, x.in.now)
	x.w.Actions = slices.DeleteFunc(actions, func(a workflow.Action) bool { return a.Status != workflow.Active })
	return nil
}

// about reads what decides, and tells it.
func (x *explaining) about(ctx context.Context, r billing.Resource) error {
	x.t = trigger.Trigger{
		PlatformID: x.in.p, Type: trigger.Event, WorkflowVersion: x.w.Version,
		Key:        trigger.Key{WorkflowID: x.w.ID, Variant: x.w.Variant(), Kind: r.Kind(), ResourceID: r.Base().ID},
		CustomerID: billing.CustomerOf(r), InvoiceID: billing.InvoiceOf(r),
	}
	if x.t.CustomerID == "" && x.t.InvoiceID != "" { // a payment may leave it to its invoice
		rows, err := x.r.ReadResources(ctx, x.in.p, billing.KindInvoice, []string{string(x.t.InvoiceID)})
		if err != nil {
			return err
		}
		invoice, err := rows[string(x.t.InvoiceID)].Resource()
		if err != nil {
			return err
		}
		if invoice != nil {
			x.t.CustomerID = billing.CustomerOf(invoice)
		}
	}
	if key := billing.KeyOf(r); x.w.Variant().Dated() {
		if err := x.scene.look(ctx, []billing.Key{key}); err != nil {
			return err
		}
		if trial := x.scene.facts(key).Trial; trial != nil {
			x.t.Details = trigger.Details{ScheduleID: trial.ID, TrialEndAt: trial.EndAt}
		}
	}
	asked := []trigger.Trigger{x.t}
	for _, p := range x.w.Steps() {
		t := x.t
		t.Step = p.String()
		asked = append(asked, t)
	}
	if err := x.read(ctx, asked, func(workflow.ID) *workflow.Armed { return x.w }); err != nil {
		return err
	}
	f := x.facts(x.t, x.in.now)
	at := x.in.set.place(f)
	x.out.At, x.out.Resource, x.out.CustomerID = x.in.now, billing.KeyOf(r), x.t.CustomerID
	x.out.Facts, x.out.Seller, x.out.Reader = f.Basis(), at.Seller, at.Reader
	return nil
}

// steps explains each step of a dated workflow. Where something keeps the resource
// from having a deadline that counts, the dates are those that it would have.
func (x *explaining) steps() {
	_, _, open := trigger.Against(x.w, x.facts(x.t, x.in.now), func(_ *workflow.Armed, f workflow.Facts) workflow.Reason {
		if x.w.Variant().Deadline(f).IsSet() {
			return workflow.Sent
		}
		return f.Stops(x.w.Variant())
	})
	c, ok := x.in.set.course(x.w, open)
	if ok {
		x.out.Deadline, x.t.Occurrence = c.Occurrence(), c.Occurrence()
	}
	back := -1
	var filled trigger.Verdict
	if x.idle && ok && x.w.Schedule.Backfill == workflow.ByAge {
		back, filled = c.Backfilled(x.in.now)
	}
	for i, p := range x.w.Steps() {
		s := ExplainedStep{Step: p.String()}
		s.Trigger = x.t
		s.Trigger.Step = p.String()
		switch {
		case !ok:
			s.Outlook = x.step(x.w, s.Trigger, x.in.now)
		case i == back:
			x.first(&s, c.Steps[i], filled, true)
		default:
			v, counts := c.Plan(i, x.in.now)
			x.first(&s, c.Steps[i], v, counts)
		}
		x.out.Steps = append(x.out.Steps, s)
	}
}

// first explains a step that has a course: by what there is of it, else by what
// becomes of it when it is first looked at.
func (x *explaining) first(s *ExplainedStep, at trigger.Step, v trigger.Verdict, counts bool) {
	if !at.None {
		s.Date = at.Date.String()
	}
	i := slices.IndexFunc(x.of, func(t trigger.Trigger) bool { return t.Step == s.Step && t.Occurrence == x.t.Occurrence })
	if i >= 0 {
		x.stored(s, x.of[i], x.step(x.w, x.of[i], x.of[i].ScheduledAt))
		return
	}
	planned := at.At
	if v.Status == trigger.Planned {
		planned = v.At
	}
	s.Outlook = x.step(x.w, s.Trigger, planned)
	switch {
	case at.None:
	case !counts:
		s.Against, s.At = slices.Insert(s.Against, 0, workflow.BeforeActivation), at.At
	case v.Status != trigger.Planned:
		s.Against, s.At = with(s.Against, v.Reason), at.At
	case !x.idle && !x.planning(x.w.ID, at.Date):
		s.Against, s.At = slices.Insert(s.Against, 0, workflow.NoEvent), at.At
	}
}

// occasion explains what has become of the newest event, or that there is none.
func (x *explaining) occasion() (s ExplainedStep) {
	if len(x.of) > 0 {
		x.stored(&s, x.of[0], x.event(x.w, x.of[0], x.of[0].EventAt, x.of[0].ScheduledAt))
		return s
	}
	s.Outlook = x.event(x.w, x.t, x.in.now, time.Time{})
	s.Against, s.At = append(s.Against, workflow.NoEvent), time.Time{}
	return s
}

// stored says what a trigger that there is adds to what would be decided now.
func (x *explaining) stored(s *ExplainedStep, t trigger.Trigger, o Outlook) {
	s.Outlook = o
	s.Trigger = t
	switch {
	case t.Status == trigger.Fired:
		s.Against, s.At = nil, t.UpdatedAt
	case t.Status != trigger.Planned:
		s.Against, s.At = with(s.Against, t.Reason), t.ScheduledAt
	}
}

// with puts a reason before others.
func with(list []workflow.Reason, first workflow.Reason) []workflow.Reason {
	if first == workflow.Sent {
		return list
	}
	return append([]workflow.Reason{first}, slices.DeleteFunc(list, func(r workflow.Reason) bool { return r == first })...)
}

// complete adds what is said of messages, what there is of them, and the status
// that a step would have for which nothing is stored.
func (x *explaining) complete(ctx context.Context, s *ExplainedStep) error {
	if s.Trigger.ID != "" {
		found, err := x.r.Executions(ctx, x.in.p, store.Query{
			Page: 1, Limit: 100, Ascending: true, Filters: []store.Filter{{Field: "trigger_id", Values: []string{string(s.Trigger.ID)}}},
		})
		if err != nil {
			return err
		}
		s.Executions = found.Items
	}
	if s.Trigger.Status == trigger.Fired {
		return nil
	}
	if x.idle {
		s.Against = with(s.Against, workflow.WorkflowInactive)
	}
	if s.Trigger.ID == "" {
		s.Trigger.Status = wouldBe(s.Against)
	}
	return x.messages(ctx, x.w, &s.Outlook)
}

// wouldBe is the status that a trigger would get with what stands against it; "" if
// none would be made.
func wouldBe(against []workflow.Reason) trigger.Status {
	for _, r := range against {
		switch r { //nolint:exhaustive // those for which nothing is stored
		case workflow.NoDate, workflow.BeforeActivation, workflow.NoEvent:
			return ""
		}
	}
	for _, r := range against {
		if r != workflow.WorkflowInactive && r != workflow.SendingPaused {
			return trigger.Skipped
		}
	}
	return trigger.Planned
}
