package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// stop cancels the executions that the new states forbid, in the transaction
// that acknowledges the states, and the triggers of which nothing is left.
func (in *ingestion) stop(ctx context.Context) error {
	customers := map[string]bool{}
	for _, c := range in.changes {
		if c.Old == nil && c.New.Kind() != billing.KindSchedule { // which its subscription may have told of before
			continue
		}
		f := in.facts(c.New)
		if customer, ok := c.New.(*billing.Customer); ok {
			f.Customer = customer
		}
		if c.Moved() {
			customers[string(billing.CustomerOf(c.Old))] = true
		}
		if schedule, ok := c.New.(*billing.Schedule); ok { // it may have been a trial
			subscription, err := in.load(ctx, billing.KindSubscription, string(schedule.SubscriptionID))
			if err != nil {
				return err
			}
			f.Take(subscription)
		}
		if f.StopsAny() || f.Subscription != nil || in.over.concerns(c.New) || movedDue(c.Change) {
			customers[string(owner(c.New, f))] = true
		}
	}
	delete(customers, "")
	if len(customers) == 0 {
		return nil
	}
	open, err := in.tx.OpenOf(ctx, in.p, slices.Sorted(maps.Keys(customers)))
	if err != nil {
		return err
	}
	var cancelled []execution.Execution
	for _, x := range open {
		reason, err := in.stopped(ctx, x)
		if err != nil {
			return err
		}
		if reason != workflow.Sent {
			cancelled = append(cancelled, x.End(execution.Cancelled, reason, in.now))
		}
	}
	return cancel(ctx, in.tx, cancelled)
}

// owner is the customer whose messages a state may stop.
func owner(r billing.Resource, f workflow.Facts) billing.CustomerID {
	if f.Subscription != nil {
		return f.Subscription.CustomerID
	}
	return customerOf(r, f)
}

// cancel stores cancelled executions and cancels the triggers of which every
// execution has ended without being sent.
func cancel(ctx context.Context, tx *store.Tx, list []execution.Execution) error {
	if len(list) == 0 {
		return nil
	}
	if err := tx.UpdateExecutions(ctx, list); err != nil {
		return err
	}
	return tx.CancelEmptyTriggers(ctx, list)
}

func (in *ingestion) stopped(ctx context.Context, x execution.Execution) (workflow.Reason, error) {
	if reason, err := in.restored(ctx, x); err != nil || reason != workflow.Sent {
		return reason, err
	}
	var f workflow.Facts
	var schedule *billing.Schedule
	for kind, ids := range about([]execution.Execution{x}) {
		for id := range ids {
			r, err := in.load(ctx, kind, id)
			if err != nil {
				return "", err
			}
			f.Take(r)
			if s, ok := r.(*billing.Schedule); ok {
				schedule = s
			}
		}
	}
	f.Trial = f.Subscription.ScheduleOf(x.ScheduleID, schedule)
	if err := in.findHolds(ctx); err != nil {
		return "", err
	}
	f.Holds = in.holds.on(x.CustomerID, f.Invoice)
	if reason := stands(x, f); reason != workflow.Sent {
		return reason, nil
	}
	return in.movedDate(ctx, x, f)
}

// movedDue reports whether a deadline of an invoice has moved.
func movedDue(c billing.Change) bool {
	old, known := c.Old.(*billing.Invoice)
	now, ok := c.New.(*billing.Invoice)
	return known && ok && (old.Due() != now.Due() || old.Payable() != now.Payable())
}

// stands says what stands against an execution in the states that it is about:
// what stops its variant, or that what it is about has become another customer's.
func stands(x execution.Execution, f workflow.Facts) workflow.Reason {
	owner := x.CustomerID
	switch {
	case x.Kind == billing.KindInvoice && f.Invoice != nil:
		owner = f.Invoice.CustomerID
	case f.Subscription != nil:
		owner = f.Subscription.CustomerID
	case f.Wallet != nil:
		owner = f.Wallet.CustomerID
	}
	if owner != x.CustomerID {
		return workflow.Superseded
	}
	if reason := f.Stops(x.Variant); reason != workflow.Sent {
		return reason
	}
	if x.ScheduleID != "" && f.Subscription != nil && (f.Trial == nil || f.Trial.Type != billing.Trial || f.Trial.EndAt.IsZero()) {
		return workflow.SubscriptionEnded
	}
	return workflow.Sent
}

// stopEnded reports whether an invoice's old state stopped messages that its
// new one allows, or stopped those to another customer.
func stopEnded(c billing.Change) bool {
	old, ok := c.Old.(*billing.Invoice)
	if !ok {
		return false
	}
	if c.Moved() {
		return true
	}
	before, after := workflow.Facts{Invoice: old}, workflow.Facts{Invoice: c.New.(*billing.Invoice)}
	for _, v := range []workflow.Variant{workflow.ToFinal, workflow.FailedPayment} {
		if before.Stops(v) != workflow.Sent && after.Stops(v) == workflow.Sent {
			return true
		}
	}
	return false
}
