package engine

import (
	"context"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// checkDates asks, for the executions of dated workflows, whether the deadline
// that they remind of is still on that date, and whether money is on its way: an
// ingestion that moved the one, or brought the other, may not have seen them.
func (c *claiming) checkDates(ctx context.Context, taken []execution.Execution) error {
	c.dates = map[execution.ID]workflow.Reason{}
	var dated []execution.Execution
	var triggers, invoices []string
	for _, x := range taken {
		if x.Variant.Dated() {
			dated = append(dated, x)
			triggers = append(triggers, string(x.TriggerID))
			if x.InvoiceID != "" {
				invoices = append(invoices, string(x.InvoiceID))
			}
		}
	}
	if len(dated) == 0 {
		return nil
	}
	of, err := c.tx.TriggersByID(ctx, c.lane.PlatformID, triggers)
	if err != nil {
		return fmt.Errorf("reading triggers: %w", err)
	}
	payments, err := c.tx.PaymentsOfAll(ctx, c.lane.PlatformID, invoices)
	if err != nil {
		return fmt.Errorf("reading payments: %w", err)
	}
	for _, x := range dated {
		f := c.sight.facts(c.platform, x)
		if f.Invoice != nil {
			f.Covered = covered(f.Invoice, payments[string(x.InvoiceID)], c.now)
		}
		c.dates[x.ID] = c.stopsDate(of[x.TriggerID], f)
	}
	return nil
}

// stopsDate says what the deadline of a trigger says against its message. A
// MANUAL one is about none.
func (c *claiming) stopsDate(t trigger.Trigger, f workflow.Facts) workflow.Reason {
	if reason := f.Collected(t.Variant, c.now); reason != workflow.Sent || t.Type != trigger.Event {
		return reason
	}
	d, at := t.Variant.Deadline(f), c.set.place(f)
	switch {
	case !d.IsSet(): // its state stands against it
		return workflow.Sent
	case d.On(at.Seller).String() != t.Occurrence:
		return workflow.DeadlineMoved
	case t.Variant != workflow.Overdue && calendar.DateOf(c.now, at.Reader) >= d.On(at.Seller): // it has come
		return workflow.TooLate
	default:
		return workflow.Sent
	}
}

// movedDate says that an execution reminds of a date that its deadline has left.
func (in *ingestion) movedDate(ctx context.Context, x execution.Execution, f workflow.Facts) (workflow.Reason, error) {
	if !x.Variant.Dated() || !in.changed(billing.Key{Kind: x.Kind, ID: x.ResourceID}) {
		return workflow.Sent, nil
	}
	t, err := in.tx.Trigger(ctx, in.p, x.TriggerID)
	if err != nil || t.Type != trigger.Event {
		return workflow.Sent, err
	}
	at, err := in.place(ctx, f)
	if err != nil {
		return workflow.Sent, err
	}
	d := t.Variant.Deadline(f)
	if d.IsSet() && d.On(at.Seller).String() == t.Occurrence {
		return workflow.Sent, nil
	}
	return workflow.DeadlineMoved, nil
}

// changed reports whether this transaction has stored a state of a resource.
func (in *ingestion) changed(key billing.Key) bool {
	n := in.mirror[key]
	return n != nil && n.dirty
}
