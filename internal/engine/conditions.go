package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// maxUnmet bounds how many triggers one event leaves for either reason that
// conditions give: thousands of workflows, each for one kind of customer, must
// not cost thousands of rows an event. The oldest workflows have theirs.
const maxUnmet = 20

// verdicts decides about the workflows that answer to an event: what their
// scopes and conditions say, which of those with a priority comes first, and
// what the states say of it.
func (in *ingestion) verdicts(ctx context.Context, event billing.Event, customer billing.CustomerID, f workflow.Facts) ([]trigger.Verdict, error) {
	var list []trigger.Verdict
	unmet := map[workflow.Reason]int{workflow.ConditionFalse: maxUnmet, workflow.ConditionError: maxUnmet}
	for _, w := range in.set.Answering(event, customer, f, maxUnmet) {
		status, reason := in.judge(w, event, keyOf(w, event), f)
		if left, bounded := unmet[reason]; bounded {
			if left == 0 {
				continue
			}
			unmet[reason] = left - 1
		}
		list = append(list, trigger.Verdict{Workflow: w, Status: status, Reason: reason})
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
		zone, err := in.zoneOf(ctx, f)
		if err != nil {
			return f, fmt.Errorf("looking for the zone of the seller: %w", err)
		}
		f.Zone = zone
	}
	return f.Asked(), nil
}

func (in *ingestion) zoneOf(ctx context.Context, f workflow.Facts) (*time.Location, error) {
	home, err := in.tx.Platform(ctx, in.p)
	if err != nil {
		return nil, err
	}
	own := f.Invoice.BillingEntityID
	if f.Customer != nil {
		own = cmp.Or(own, f.Customer.BillingEntityID)
	}
	r, err := in.load(ctx, billing.KindBillingEntity, cmp.Or(own, home.DefaultBillingEntityID))
	if err != nil {
		return nil, err
	}
	if seller, ok := r.(*billing.BillingEntity); ok {
		return calendar.FirstZone(seller.Timezone, home.Timezone), nil
	}
	return calendar.FirstZone(home.Timezone), nil
}

// verdict decides about a stored trigger anew.
func (in *ingestion) verdict(ctx context.Context, w *workflow.Armed, t trigger.Trigger, f workflow.Facts) (trigger.Verdict, error) {
	v := trigger.Verdict{Workflow: w}
	v.Status, v.Reason = trigger.Decide(w, f, t.EventAt, in.now)
	if w.Priority == nil || !v.Reason.Matched() {
		return v, nil
	}
	return v, in.yield(ctx, &v, t.Key, f)
}

// yield lets a workflow with a priority yield to one that has fired for the same
// event before, or that comes first and still may: of the workflows of a variant
// that have a priority one fires, however often the event is decided about.
func (in *ingestion) yield(ctx context.Context, v *trigger.Verdict, key trigger.Key, f workflow.Facts) error {
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
