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
		f := in.facts(c.New)
		if customer, ok := c.New.(*billing.Customer); ok {
			f.Customer = customer
		}
		if old, moved := c.Old.(*billing.Invoice); moved && old.CustomerID != c.New.(*billing.Invoice).CustomerID {
			customers[string(old.CustomerID)] = true
		}
		if f.Stops(workflow.ToFinal) == workflow.Sent && f.Stops(workflow.FailedPayment) == workflow.Sent {
			continue
		}
		if c.Old != nil {
			customers[string(customerOf(c.New, f))] = true
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
	var f workflow.Facts
	for kind, id := range map[billing.Kind]string{
		billing.KindCustomer: string(x.CustomerID),
		billing.KindInvoice:  string(x.InvoiceID),
		billing.KindPayment:  x.PaymentID,
	} {
		r, err := in.load(ctx, kind, id)
		if err != nil {
			return "", err
		}
		switch r := r.(type) {
		case *billing.Customer:
			f.Customer = r
		case *billing.Invoice:
			f.Invoice = r
		case *billing.Payment:
			f.Payment = r
		}
	}
	return stands(x, f), nil
}

// stands says what stands against an execution in the states that it is about:
// what stops its variant, or that its invoice has become another customer's.
func stands(x execution.Execution, f workflow.Facts) workflow.Reason {
	if x.PaymentID == "" && f.Invoice != nil && f.Invoice.CustomerID != x.CustomerID {
		return workflow.Superseded
	}
	return f.Stops(x.Variant)
}

// stopEnded reports whether an invoice's old state stopped messages that its
// new one allows, or stopped those to another customer.
func stopEnded(c billing.Change) bool {
	old, ok := c.Old.(*billing.Invoice)
	if !ok {
		return false
	}
	if old.CustomerID != c.New.(*billing.Invoice).CustomerID {
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
