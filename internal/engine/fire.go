package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// firing collects what an ingestion decides until it is written.
type firing struct {
	inserts    []trigger.Trigger
	planned    []trigger.Trigger    // of dated workflows; see plan.go
	toPlan     map[billing.Key]bool // dated resources to plan anew
	backfills  bool                 // what is planned is what an activation sends of what passed
	updates    map[trigger.ID]trigger.Trigger
	executions []execution.Execution
}

// decide turns the changes into triggers and executions, stops what they
// forbid, and goes on with what waited for them.
func (in *ingestion) decide(ctx context.Context) error {
	in.over = in.crossingsOver()
	if err := in.findHolds(ctx); err != nil {
		return err
	}
	if err := in.stop(ctx); err != nil {
		return fmt.Errorf("stopping executions: %w", err)
	}
	for _, event := range in.events() {
		if err := in.match(ctx, event); err != nil {
			return err
		}
	}
	if err := in.insertTriggers(ctx); err != nil {
		return err
	}
	if err := in.resume(ctx); err != nil {
		return fmt.Errorf("going on with waiting triggers: %w", err)
	}
	if err := in.plan(ctx); err != nil {
		return fmt.Errorf("planning: %w", err)
	}
	return in.settle(ctx)
}

// settle writes what was decided, and wakes the lanes of what is due.
func (in *ingestion) settle(ctx context.Context) error {
	var updates []trigger.Trigger
	for _, t := range in.updates {
		updates = append(updates, t)
	}
	slices.SortFunc(updates, func(a, b trigger.Trigger) int { return cmp.Compare(a.ID, b.ID) })
	if err := in.tx.UpdateTriggers(ctx, updates); err != nil {
		return fmt.Errorf("updating triggers: %w", err)
	}
	for _, x := range in.executions {
		if x.Status == execution.Pending {
			in.tx.Wake(store.Lane{PlatformID: in.p, Number: x.Lane})
		}
	}
	return in.tx.InsertExecutions(ctx, in.executions)
}

// events derives what the changes mean.
func (in *ingestion) events() []billing.Event {
	var events []billing.Event
	for _, c := range in.changes {
		if !c.silent {
			events = append(events, c.Events(in.now)...)
		}
	}
	return events
}

// facts are the states that decide about a resource's messages, as this
// transaction leaves them: of a resource that a batch changes twice, the last.
func (in *ingestion) facts(r billing.Resource) workflow.Facts {
	var f workflow.Facts
	r = in.last(r)
	f.Take(r)
	if pay, ok := r.(*billing.Payment); ok {
		f.Invoice, _ = in.known(billing.KindInvoice, string(pay.InvoiceID)).(*billing.Invoice)
	}
	customer := billing.CustomerOf(r)
	if customer == "" && f.Invoice != nil {
		customer = f.Invoice.CustomerID
	}
	f.Customer, _ = in.known(billing.KindCustomer, string(customer)).(*billing.Customer)
	f.Holds = in.holds.on(customer, f.Invoice)
	return f
}

// last is the state of a resource that this transaction leaves.
func (in *ingestion) last(r billing.Resource) billing.Resource {
	if last := in.known(r.Kind(), r.Base().ID); last != nil {
		return last
	}
	return r
}

// findHolds reads the holds on all that the transaction has seen so far. The
// rows of those that it decides about are locked: a hold on one comes before, or
// finds what is decided here.
func (in *ingestion) findHolds(ctx context.Context) error {
	var keys []billing.Key
	for key, n := range in.mirror {
		list := []billing.Key{key}
		if inv, ok := n.resource.(*billing.Invoice); ok {
			list = hold.On(inv.CustomerID, inv)
		} else if key.Kind != billing.KindCustomer {
			continue
		}
		for _, k := range list {
			if !in.asked[k] {
				in.asked[k] = true
				keys = append(keys, k)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return in.holds.add(ctx, in.tx.Reader, in.p, keys, in.now)
}

func (in *ingestion) known(kind billing.Kind, id string) billing.Resource {
	if n := in.mirror[billing.Key{Kind: kind, ID: id}]; n != nil {
		return n.resource
	}
	return nil
}

// customerOf is the customer that a resource's messages go to, known or not.
func customerOf(r billing.Resource, f workflow.Facts) billing.CustomerID {
	if id := billing.CustomerOf(r); id != "" || f.Invoice == nil {
		return id
	}
	return f.Invoice.CustomerID
}

// match decides about one event for each workflow that answers to it.
func (in *ingestion) match(ctx context.Context, event billing.Event) error {
	last := in.last(event.Resource)
	facts, err := in.presented(ctx, in.facts(last))
	if err != nil {
		return err
	}
	customer := customerOf(last, facts)
	rulings, err := in.rulings(ctx, event, customer, facts)
	if err != nil {
		return err
	}
	for _, v := range rulings {
		w := v.Workflow
		t := trigger.Trigger{
			ID:              trigger.ID(ident.New("wktr")),
			PlatformID:      in.p,
			Key:             keyOf(w, event),
			Type:            trigger.Event,
			Status:          v.Status,
			Reason:          v.Reason,
			CustomerID:      customer,
			InvoiceID:       billing.InvoiceOf(last),
			WorkflowVersion: w.Version,
			EventAt:         event.At,
			Details:         detailsOf(facts),
			Facts:           v.Basis(facts),
			CreatedAt:       in.now,
			UpdatedAt:       in.now,
		}
		if err := in.wait(ctx, w, facts, &t); err != nil {
			return err
		}
		in.inserts = append(in.inserts, t)
	}
	return nil
}

// insertTriggers stores the new triggers, and executions for those that fired.
// A key that exists already belongs to a trigger that keeps it; if that one
// has not fired, this event decides about it anew.
func (in *ingestion) insertTriggers(ctx context.Context) error {
	inserted, err := in.tx.InsertTriggers(ctx, in.inserts)
	if err != nil {
		return err
	}
	for i, t := range in.inserts {
		if inserted[i] {
			in.execute(t)
			continue
		}
		kept, err := in.tx.LockedTrigger(ctx, in.p, t.Key)
		if err != nil {
			return fmt.Errorf("reading the trigger of a taken key: %w", err)
		}
		if kept.Status == trigger.Fired {
			continue
		}
		goes := t.Status == trigger.Fired || t.Status == trigger.Planned && t.Reason == workflow.Sent
		if goes || kept.Status == trigger.Planned {
			kept.EventAt, kept.ScheduledAt, kept.Facts = t.EventAt, t.ScheduledAt, t.Facts
			in.become(kept, t.Status, t.Reason, t.CustomerID, t.WorkflowVersion)
		}
	}
	return nil
}

// become notes what a stored trigger turns into, once for all that this
// transaction finds out about it.
func (in *ingestion) become(t trigger.Trigger, status trigger.Status, reason workflow.Reason, customer billing.CustomerID, version int) {
	if done, seen := in.updates[t.ID]; seen && done.Status == trigger.Fired {
		return
	}
	t.Status, t.Reason, t.CustomerID, t.WorkflowVersion, t.UpdatedAt = status, reason, customer, version, in.now
	in.updates[t.ID] = t
	in.execute(t)
}

// execute notes the executions of a trigger that fired.
func (in *ingestion) execute(t trigger.Trigger) {
	if t.Status != trigger.Fired {
		return
	}
	list := executionsOf(in.set.Find(t.WorkflowID), t, in.now)
	if in.mayLearnInvoice(t) {
		for i := range list {
			list[i].Status, list[i].Reason = execution.Waiting, workflow.WaitingForInvoice
			list[i].NextAttemptAt = in.now.Add(in.e.limits.InvoiceWait)
		}
	}
	in.executions = append(in.executions, list...)
}

// mayLearnInvoice reports whether a trigger is about a payment of which the
// source may be about to say which invoice it was for: Stripe tells of one
// failed attempt in three webhooks, and the first does not name the invoice.
func (in *ingestion) mayLearnInvoice(t trigger.Trigger) bool {
	pay, ok := in.known(t.Kind, t.ResourceID).(*billing.Payment)
	return ok && pay.InvoiceID == "" && pay.ExternalReference != "" && in.e.limits.InvoiceWait > 0
}

// executionsOf makes the executions of a trigger: one for each ACTIVE action.
func executionsOf(w *workflow.Armed, t trigger.Trigger, now time.Time) []execution.Execution {
	list := make([]execution.Execution, len(w.Actions))
	for i, a := range w.Actions {
		var integration platform.IntegrationID
		if a.SendEmail != nil {
			integration = a.SendEmail.IntegrationID
		}
		list[i] = execution.Execution{
			ID:            execution.ID(ident.New("wkex")),
			PlatformID:    t.PlatformID,
			TriggerID:     t.ID,
			WorkflowID:    t.WorkflowID,
			ActionID:      a.ID,
			Action:        a,
			IntegrationID: integration,
			Variant:       t.Variant,
			CustomerID:    t.CustomerID,
			Kind:          t.Kind,
			ResourceID:    t.ResourceID,
			ScheduleID:    t.Details.ScheduleID,
			InvoiceID:     t.InvoiceID,
			Lane:          execution.Lane(t.CustomerID),
			Position:      i,
			Status:        execution.Pending,
			DueAt:         now,
			CreatedAt:     now,
			UpdatedAt:     now,
		}
	}
	return list
}
