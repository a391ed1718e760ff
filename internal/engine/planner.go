package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// The planner finds the reminders of a date by a query: nothing is stored for
// one before its date is announced (docs/ordering.md, "Plan").

// window is the tasks that plan the dates of a workflow which may still be ahead
// anywhere, of those that are announced: what an ingestion of before did not plan
// under what has changed.
func window(p platform.ID, w workflow.ID, announced calendar.Date, now time.Time) []store.Task {
	return windowSince(p, w, now, announced)
}

// windowSince is the same of the dates that may be ahead, or passed since a time.
func windowSince(p platform.ID, w workflow.ID, since time.Time, announced calendar.Date) []store.Task {
	var tasks []store.Task
	for d := calendar.DateOf(since, time.UTC).AddDays(-1); d <= announced; d++ {
		tasks = append(tasks, store.Task{PlatformID: p, Kind: store.PlanDate, WorkflowID: w, On: d})
	}
	return tasks
}

// planWorkflow has what a change of a workflow moves planned again, in the
// background: the change itself costs the same, however much it moves.
func planWorkflow(ctx context.Context, tx *store.Tx, p platform.ID, old, w workflow.Workflow, announced calendar.Date, now time.Time) error {
	if w.Status != workflow.Active || !w.Variant().Dated() {
		return nil
	}
	since := now
	if old.Status == workflow.Active && rescoped(old, w) {
		since = w.Schedule.LateBefore(now) // whom it leaves out no more may get what is not too late
	}
	tasks := windowSince(p, w.ID, since, announced)
	if old.Status != workflow.Active && w.Schedule.Backfill == workflow.ByAge {
		tasks = append(tasks, store.Task{PlatformID: p, Kind: store.FillBack, WorkflowID: w.ID})
	}
	return tx.InsertTasks(ctx, tasks, now)
}

// rescoped reports whether a change lets in customers whom the workflow left out,
// or may do so.
func rescoped(old, w workflow.Workflow) bool {
	return !slices.Equal(old.CustomerIDs, w.CustomerIDs) || !slices.Equal(old.ExcludedIDs, w.ExcludedIDs)
}

// movesDates reports whether a change of a platform's settings moves the dates
// or the hours of what is planned.
func movesDates(old, now platform.Platform) bool {
	return old.Timezone != now.Timezone || old.DefaultBillingEntityID != now.DefaultBillingEntityID ||
		!reflect.DeepEqual(old.Calendar, now.Calendar)
}

// Plan announces the dates whose turn it is and plans what is to be planned, on
// the platforms that go by the machine's clock and the tasks of all. Every node
// does; a task is taken by one at a time.
func (e *Engine) Plan(ctx context.Context) error {
	through := store.Horizon(e.Now())
	platforms, err := e.store.Unannounced(ctx, through)
	if err != nil {
		return fmt.Errorf("looking for dates to announce: %w", err)
	}
	for _, p := range platforms {
		if err := e.announce(ctx, p, through); err != nil {
			return fmt.Errorf("announcing %s: %w", through, err)
		}
	}
	return e.planTasks(ctx, "")
}

// announce makes it known that the dates through one are being planned, in a
// transaction of its own. It waits for the ingestions under way, which left those
// dates to the planner; those that follow plan them for their resources.
func (e *Engine) announce(ctx context.Context, p platform.ID, through calendar.Date) error {
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		planning, err := tx.LockPlanning(ctx, p)
		if err != nil {
			return err
		}
		tasks := dates(p, planning.Announced, through)
		if len(tasks) == 0 || !planning.Clock.IsZero() {
			return nil // another node has done it, or whoever gave the platform its own clock
		}
		if err := tx.InsertTasks(ctx, tasks, e.Now()); err != nil {
			return err
		}
		return tx.Announce(ctx, p, through)
	})
	failpoint.Hit(failpoint.Announced)
	return err
}

// dates is the tasks that plan the dates after one, through another.
func dates(p platform.ID, after, through calendar.Date) []store.Task {
	var tasks []store.Task
	for d := after + 1; d <= through; d++ {
		tasks = append(tasks, store.Task{PlatformID: p, Kind: store.PlanDate, On: d})
	}
	return tasks
}

// taskBatch bounds how many tasks are looked for at once.
const taskBatch = 100

// planTasks works off the tasks of a platform, or of all (""). One that fails
// keeps none of the others from being done.
func (e *Engine) planTasks(ctx context.Context, p platform.ID) error {
	for {
		tasks, err := e.store.Tasks(ctx, p, taskBatch)
		if err != nil {
			return fmt.Errorf("looking for what is to be planned: %w", err)
		}
		var failed []error
		done := false
		for _, t := range tasks {
			ended, err := e.planTask(ctx, t)
			if err != nil {
				failed = append(failed, fmt.Errorf("planning %s of platform %s: %w", t.On, t.PlatformID, err))
			}
			done = done || ended
		}
		if !done || ctx.Err() != nil {
			return errors.Join(failed...)
		}
	}
}

// planTask works off one task, in transactions of a batch each, and reports
// whether it came to its end here.
func (e *Engine) planTask(ctx context.Context, t store.Task) (ended bool, err error) {
	for more := true; more && ctx.Err() == nil; {
		err := e.store.Write(ctx, func(tx *store.Tx) error {
			ended = false
			locked, ok, err := tx.LockTask(ctx, t.PlatformID, t.ID)
			if err != nil || !ok {
				more = false
				return err
			}
			w := planning{task: locked}
			if w.ingestion, err = e.ingestion(ctx, tx, t.PlatformID); err != nil {
				return err
			}
			w.backfills = t.Kind == store.FillBack
			more, err = w.batch(ctx)
			ended = !more
			failpoint.Hit(failpoint.PlanCommitting)
			return err
		})
		if err != nil {
			return false, err
		}
		failpoint.Hit(failpoint.PlanCommitted)
	}
	return ended, nil
}

// planning is a transaction that plans a batch of a task.
type planning struct {
	*ingestion
	task store.Task
}

// planBatch bounds how many resources a transaction plans; looks how often it
// asks for some.
const (
	planBatch = 500
	planLooks = 200
)

// batch plans the next resources of the task, and reports whether there may be
// more.
func (w *planning) batch(ctx context.Context) (more bool, err error) {
	workflows := w.workflows()
	for looks, found := 0, 0; looks < planLooks && found < planBatch; looks++ {
		i := slices.IndexFunc(workflows, func(x *workflow.Armed) bool { return x.ID >= w.task.Position.WorkflowID })
		if i < 0 {
			return false, w.finish(ctx)
		}
		if w.task.Position.WorkflowID != workflows[i].ID {
			w.task.Position = store.Position{WorkflowID: workflows[i].ID}
		}
		n, err := w.look(ctx, workflows[i], planBatch-found)
		if err != nil {
			return false, err
		}
		found += n
	}
	if err := w.tx.MoveTask(ctx, w.task); err != nil {
		return false, err
	}
	return true, w.settlePlan(ctx)
}

func (w *planning) finish(ctx context.Context) error {
	if err := w.tx.EndTask(ctx, w.task); err != nil {
		return err
	}
	return w.settlePlan(ctx)
}

func (w *planning) settlePlan(ctx context.Context) error {
	if err := w.insertPlanned(ctx); err != nil {
		return err
	}
	return w.settle(ctx)
}

// workflows are the dated ones that the task is about, in the order of their ids.
func (w *planning) workflows() []*workflow.Armed {
	if id := w.task.WorkflowID; id != "" {
		if x := w.set.Find(id); x != nil && x.Variant().Dated() {
			return []*workflow.Armed{x}
		}
		return nil // it is not ACTIVE any more
	}
	return w.set.Dated()
}

// look plans the next resources of a workflow, in the span and step that the
// position is at, and moves the position on.
func (w *planning) look(ctx context.Context, x *workflow.Armed, limit int) (int, error) {
	at := &w.task.Position
	spans := w.spans(x, at.Step)
	if at.Span >= len(spans) {
		at.Step, at.Span, at.Place = at.Step+1, 0, store.Place{}
		if w.task.Kind == store.FillBack || at.Step >= len(x.Steps()) {
			at.WorkflowID += "\x00" // behind it, before any other
		}
		return 0, nil
	}
	found, place, err := w.tx.Deadlines(ctx, w.p, spans[at.Span], at.Place, limit)
	if err != nil {
		return 0, err
	}
	if err := w.plan(ctx, x, found); err != nil { // of the step that the position is at
		return 0, err
	}
	if at.Place = place; len(found) < limit {
		at.Span, at.Place = at.Span+1, store.Place{}
	}
	return len(found), nil
}

// spans are where the deadlines are found that a step may let fall on the task's
// date, or of which any step may have passed.
func (w *planning) spans(x *workflow.Armed, step int) []store.Span {
	find := func(kind billing.Kind, charged bool) []store.Span { return store.AllSpans(kind, charged) }
	if w.task.Kind == store.PlanDate {
		from, to := x.Rule(w.set.open).Deadlines(step, w.task.On)
		if from > to {
			return nil
		}
		find = func(kind billing.Kind, charged bool) []store.Span { return store.Spans(kind, charged, from, to) }
	}
	switch x.Variant() {
	case workflow.Overdue:
		return find(billing.KindInvoice, false)
	case workflow.UpcomingPaymentRemind:
		return append(find(billing.KindInvoice, false), find(billing.KindInvoice, true)...)
	default:
		return append(find(billing.KindSubscription, false), find(billing.KindSchedule, false)...)
	}
}

// plan notes what the task's date, or its activation, means to resources.
func (w *planning) plan(ctx context.Context, x *workflow.Armed, found []billing.Resource) error {
	s := newScene(w.tx.Reader, w.p, w.set, w.now)
	list := s.found(found)
	if err := s.look(ctx, list); err != nil {
		return err
	}
	for _, key := range list {
		if r := s.known[key]; r != nil && x.Covers(billing.CustomerOf(r)) {
			w.planOne(x, key, s.facts(key))
		}
	}
	return nil
}

// found notes resources that a deadline was found by, and names what they are
// about: the subscription of a schedule.
func (s *scene) found(resources []billing.Resource) []billing.Key {
	var list []billing.Key
	for _, r := range resources {
		key := billing.KeyOf(r)
		if schedule, ok := r.(*billing.Schedule); ok {
			key = billing.Key{Kind: billing.KindSubscription, ID: string(schedule.SubscriptionID)}
		} else {
			s.known[key] = r
		}
		if key.ID != "" && !slices.Contains(list[max(0, len(list)-1):], key) {
			list = append(list, key)
		}
	}
	return list
}

// planOne notes what the task means to one resource under one workflow.
func (w *planning) planOne(x *workflow.Armed, key billing.Key, f workflow.Facts) {
	c, ok := w.set.course(x, f)
	if !ok {
		return
	}
	if w.task.Kind == store.FillBack {
		if i, v := c.Backfilled(w.now); i >= 0 && !newerThan(f, c.Steps[i].Begun) {
			w.planned = append(w.planned, w.dated(x, key, f, c, i, v))
		}
		return
	}
	i := w.task.Position.Step
	if c.Steps[i].None || c.Steps[i].Date != w.task.On {
		return
	}
	if v, ok := c.Plan(i, w.now); ok {
		w.planned = append(w.planned, w.dated(x, key, f, c, i, v))
	}
}

// newerThan reports whether a resource was first told of after an activation: what
// had passed by then is none of it.
func newerThan(f workflow.Facts, begun time.Time) bool {
	return f.Invoice != nil && f.Invoice.CreatedAt.After(begun) || f.Subscription != nil && f.Subscription.CreatedAt.After(begun)
}
