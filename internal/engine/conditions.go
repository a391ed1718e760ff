package engine

import (
	"context"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// maxUnmet bounds how many triggers one event leaves for either reason that
// conditions give: thousands of workflows, each for one kind of customer, must
// not cost thousands of rows an event. The oldest workflows have theirs.
const maxUnmet = 20

// rulings decides about the workflows that answer to an event: what their
// scopes and conditions say, which of those with a priority comes first, and
// what the states say of it.
func (in *ingestion) rulings(ctx context.Context, event billing.Event, customer billing.CustomerID, f workflow.Facts) ([]trigger.Ruling, error) {
	var list []trigger.Ruling
	unmet := map[workflow.Reason]int{workflow.ConditionFalse: maxUnmet, workflow.ConditionError: maxUnmet}
	for _, w := range in.set.Answering(event, customer, f, maxUnmet) {
		status, reason := in.judge(w, event, keyOf(w, event), f)
		if left, bounded := unmet[reason]; bounded {
			if left == 0 {
				continue
			}
			unmet[reason] = left - 1
		}
		list = append(list, trigger.Ruling{Workflow: w, Status: status, Reason: reason})
	}
	first := trigger.Prefer(list)
	if first == nil || first.Status != trigger.Fired {
		return list, nil
	}
	return list, in.yield(ctx, first, keyOf(first.Workflow, event), f)
}

// keyOf is the key of the trigger that an event makes for a workflow.
func keyOf(w *workflow.Armed, event billing.Event) trigger.Key {
	return trigger.Key{
		WorkflowID: w.ID,
		Variant:    w.Variant(),
		Kind:       event.Resource.Kind(),
		ResourceID: event.Resource.Base().ID,
		Occurrence: event.Occurrence,
	}
}

// presented are facts that are complete, for conditions to be asked about. The zone
// of the seller is looked up for who may ask when an invoice is due that names a
// plain day.
func (in *ingestion) presented(ctx context.Context, f workflow.Facts) (workflow.Facts, error) {
	if !in.set.Asks() {
		return f, nil
	}
	if inv := f.Invoice; inv != nil && inv.DueOn != "" && inv.Timezone == "" {
		at, err := in.place(ctx, f)
		if err != nil {
			return f, fmt.Errorf("looking for the zone of the seller: %w", err)
		}
		f.Zone = at.Seller
	}
	return f.Asked(), nil
}

// ruling decides about a stored trigger anew.
func (in *ingestion) ruling(ctx context.Context, w *workflow.Armed, t trigger.Trigger, f workflow.Facts) (trigger.Ruling, error) {
	v := trigger.Ruling{Workflow: w}
	judged := t.EventAt
	if !t.ScheduledAt.IsZero() { // it has only waited for the hours of sending
		judged = t.ScheduledAt
	}
	v.Status, v.Reason = trigger.Decide(w, f, judged, in.now)
	if w.Priority == nil || !v.Reason.Matched() {
		return v, nil
	}
	return v, in.yield(ctx, &v, t.Key, f)
}

// yield lets a workflow with a priority yield to one that has fired for the same
// event before, or that comes first and still may: of the workflows of a variant
// that have a priority one fires, however often the event is decided about.
func (in *ingestion) yield(ctx context.Context, v *trigger.Ruling, key trigger.Key, f workflow.Facts) error {
	rivals, err := in.tx.Rivals(ctx, in.p, key)
	if err != nil {
		return err
	}
	for _, t := range rivals {
		first := false
		switch other := in.set.Find(t.WorkflowID); {
		case t.Status == trigger.Fired:
			if first, err = in.preferred(ctx, t.WorkflowID); err != nil {
				return err
			}
		case other != nil && other.Priority != nil && (t.Status == trigger.Planned || t.Revivable()) && other.Before(v.Workflow):
			_, reason := trigger.Decide(other, f, t.EventAt, in.now)
			first = reason.Matched()
		}
		if first {
			v.Yield(t.WorkflowID)
			return nil
		}
	}
	return nil
}

// preferred reports whether a workflow has a priority, ACTIVE or not.
func (in *ingestion) preferred(ctx context.Context, id workflow.ID) (bool, error) {
	if w := in.set.Find(id); w != nil {
		return w.Priority != nil, nil
	}
	w, err := in.tx.Workflow(ctx, in.p, string(id))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && w.Priority != nil, err
}
