package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// stopDeleted ends what is still to come about resources that this transaction has
// buried: executions, and triggers that wait or are planned. gone are their states
// as they were.
func (in *ingestion) stopDeleted(ctx context.Context, gone []billing.Resource) error {
	customers := map[string]bool{}
	var keys []billing.Key
	for _, r := range gone {
		customers[string(in.ownerOf(r))] = true
		keys = append(keys, billing.KeyOf(r))
	}
	delete(customers, "")
	open, err := in.tx.OpenOf(ctx, in.p, slices.Sorted(maps.Keys(customers)))
	if err != nil {
		return err
	}
	var cancelled []execution.Execution
	for _, x := range open {
		lost, err := in.lost(ctx, x, gone)
		if err != nil {
			return err
		}
		if lost {
			cancelled = append(cancelled, x.End(execution.Cancelled, workflow.Deleted, in.now))
		}
	}
	if err := cancel(ctx, in.tx, cancelled); err != nil {
		return err
	}
	planned, err := in.tx.PlannedAbout(ctx, in.p, keys)
	if err != nil {
		return err
	}
	return in.skipDeleted(ctx, planned)
}

// countWithout has what counted with a deleted resource planned anew: a trial that
// is told elsewhere too, an invoice that a payment was to pay, all that was sold in
// another zone.
func (in *ingestion) countWithout(ctx context.Context, gone billing.Resource) error {
	switch r := gone.(type) {
	case *billing.Schedule:
		if r.SubscriptionID != "" {
			in.toPlan[billing.Key{Kind: billing.KindSubscription, ID: string(r.SubscriptionID)}] = true
		}
	case *billing.Payment:
		if r.InvoiceID != "" {
			in.toPlan[billing.Key{Kind: billing.KindInvoice, ID: string(r.InvoiceID)}] = true
		}
	case *billing.BillingEntity:
		return in.tx.InsertTasks(ctx, window(in.p, "", in.announced, in.now), in.now)
	}
	return nil
}

// skipDeleted ends triggers of which what they are about is deleted.
func (in *ingestion) skipDeleted(ctx context.Context, list []trigger.Trigger) error {
	for i := range list {
		list[i].Status, list[i].Reason, list[i].UpdatedAt = trigger.Skipped, workflow.Deleted, in.now
	}
	slices.SortFunc(list, func(a, b trigger.Trigger) int { return cmp.Compare(a.ID, b.ID) })
	return in.tx.UpdateTriggers(ctx, list)
}

// ownerOf is the customer to whom messages about a resource go.
func (in *ingestion) ownerOf(r billing.Resource) billing.CustomerID {
	if id := billing.CustomerOf(r); id != "" {
		return id
	}
	var named billing.Resource
	switch r := r.(type) {
	case *billing.Payment:
		named = in.known(billing.KindInvoice, string(r.InvoiceID))
	case *billing.Schedule:
		named = in.known(billing.KindSubscription, string(r.SubscriptionID))
	}
	if named == nil {
		return ""
	}
	return billing.CustomerOf(named)
}

// lost reports whether an execution is about one of the resources that are gone.
// With an invoice go the messages about its payments. A trial may be told by its
// subscription too, and then it is not lost with its schedule.
func (in *ingestion) lost(ctx context.Context, x execution.Execution, gone []billing.Resource) (bool, error) {
	for _, r := range gone {
		key := billing.KeyOf(r)
		switch {
		case key == billing.Key{Kind: x.Kind, ID: x.ResourceID}, key == billing.Key{Kind: billing.KindInvoice, ID: string(x.InvoiceID)}:
			return true, nil
		case key == billing.Key{Kind: billing.KindSchedule, ID: x.ScheduleID}:
			reason, err := in.stopped(ctx, x)
			return reason != workflow.Sent, err
		}
	}
	return false, nil
}
