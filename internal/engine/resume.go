package engine

import (
	"context"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// resume decides again about triggers that waited for a customer or invoice
// which this transaction brings, and about those that a state had stopped
// which has ended.
func (in *ingestion) resume(ctx context.Context) error {
	var all []trigger.Trigger
	for _, read := range []func(context.Context) ([]trigger.Trigger, error){in.waiting, in.released, in.fallen, in.rezoned} {
		list, err := read(ctx)
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	for _, t := range all {
		if err := in.again(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// waiting reads the triggers that waited for a customer or an invoice that is
// known now.
func (in *ingestion) waiting(ctx context.Context) ([]trigger.Trigger, error) {
	var customers, invoices []string
	for key, n := range in.mirror {
		switch {
		case key.Kind == billing.KindCustomer && n.becameKnown():
			customers = append(customers, key.ID)
		case key.Kind == billing.KindInvoice && n.becameKnown():
			invoices = append(invoices, key.ID)
		}
	}
	for _, c := range in.changes {
		pay, isPayment := c.New.(*billing.Payment)
		old, _ := c.Old.(*billing.Payment)
		if isPayment && old != nil && old.InvoiceID != pay.InvoiceID {
			invoices = append(invoices, string(pay.InvoiceID))
		}
	}
	list, err := in.tx.WaitingForCustomers(ctx, in.p, customers)
	if err != nil {
		return nil, err
	}
	more, err := in.tx.WaitingForInvoices(ctx, in.p, invoices)
	return append(list, more...), err
}

// released reads the triggers that a state of an invoice or of a customer had
// stopped which has ended.
func (in *ingestion) released(ctx context.Context) ([]trigger.Trigger, error) {
	var invoices, customers []string
	for _, c := range in.changes {
		if inv, ok := c.New.(*billing.Invoice); ok && stopEnded(c.Change) {
			invoices = append(invoices, inv.ID)
		}
		was, _ := c.Old.(*billing.Customer)
		if is, ok := c.New.(*billing.Customer); ok && was != nil && was.Closed() && !is.Closed() {
			customers = append(customers, is.ID)
		}
	}
	list, err := in.tx.NotFired(ctx, in.p, invoices)
	if err != nil {
		return nil, err
	}
	more, err := in.tx.StoppedByClosing(ctx, in.p, customers)
	return slices.DeleteFunc(append(list, more...), func(t trigger.Trigger) bool { return !t.Revivable() }), err
}

// again decides about a stored trigger anew.
func (in *ingestion) again(ctx context.Context, t trigger.Trigger) error {
	if in.over.has(t.Key) {
		in.become(t, trigger.Skipped, workflow.BalanceRestored, t.CustomerID, t.WorkflowVersion)
		return nil
	}
	w := in.set.Find(t.WorkflowID)
	if w == nil {
		in.become(t, trigger.Skipped, workflow.WorkflowInactive, t.CustomerID, t.WorkflowVersion)
		return nil
	}
	if t.Variant.Dated() {
		in.toPlan[billing.Key{Kind: t.Kind, ID: t.ResourceID}] = true
		return nil
	}
	r, err := in.load(ctx, t.Kind, t.ResourceID)
	if err != nil || r == nil {
		return err
	}
	if pay, ok := r.(*billing.Payment); ok {
		t.InvoiceID = pay.InvoiceID
		if _, err := in.load(ctx, billing.KindInvoice, string(pay.InvoiceID)); err != nil {
			return err
		}
	}
	facts := in.facts(r)
	customer := customerOf(r, facts)
	if _, err := in.load(ctx, billing.KindCustomer, string(customer)); err != nil {
		return err
	}
	if err := in.findHolds(ctx); err != nil {
		return err
	}
	if facts, err = in.presented(ctx, in.facts(r)); err != nil {
		return err
	}
	v, err := in.ruling(ctx, w, t, facts)
	if err != nil {
		return err
	}
	t.Status, t.Reason, t.Facts = v.Status, v.Reason, v.Basis(facts)
	if err := in.wait(ctx, w, facts, &t); err != nil {
		return err
	}
	in.become(t, t.Status, t.Reason, customer, w.Version)
	return nil
}

// load returns a resource that this transaction may not have locked. What it
// decides is asked again at the claim.
func (in *ingestion) load(ctx context.Context, kind billing.Kind, id string) (billing.Resource, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // nothing is named
	}
	if _, ok := in.mirror[billing.Key{Kind: kind, ID: id}]; !ok {
		rows, err := in.tx.ReadResources(ctx, in.p, kind, []string{id})
		if err != nil {
			return nil, err
		}
		if err := in.enter(kind, id, rows); err != nil {
			return nil, err
		}
	}
	return in.known(kind, id), nil
}
