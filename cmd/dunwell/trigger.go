package main

import (
	"context"
	"fmt"

	"github.com/dunwellhq/dunwell/client"
)

// triggerCmd is that a workflow fired for something, or why it did not.
type triggerCmd struct {
	List triggerList `cmd:"" help:"List triggers: those that fired, unless a status is asked for."`
	Get  triggerGet  `cmd:"" help:"Show a trigger."`
}

type triggerList struct {
	remote
	paging
	Status []string `placeholder:"STATUS" help:"Only those: PLANNED, FIRED, SKIPPED, CANCELLED; FIRED if unset."`
}

// Help implements the help's second part.
func (triggerList) Help() string {
	return `Example: what did not fire, and why
  dunwell trigger list --status SKIPPED --status CANCELLED`
}

// Run implements the command.
func (c *triggerList) Run(ctx context.Context, s streams) error {
	return some(s, c.remote, c.paging, func(api *client.Client, p paging, into client.CallOption) (page[client.WorkflowTrigger], error) {
		got, err := api.ListWorkflowTriggersPage(ctx, &client.ListWorkflowTriggersParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.ListWorkflowTriggersOrderBy(p.OrderBy), OrderDirection: p.order(),
			Statuses: upper[client.TriggerStatus](c.Status),
		}, into)
		if err != nil {
			return page[client.WorkflowTrigger]{}, err
		}
		return page[client.WorkflowTrigger]{got.Data, got.Links.Next != nil}, nil
	}, triggerColumns)
}

type triggerGet struct {
	remote
	ID string `arg:"" help:"The trigger's id."`
}

// Run implements the command.
func (c *triggerGet) Run(ctx context.Context, s streams) error {
	return one(s, c.remote, func(api *client.Client, into client.CallOption) (*client.WorkflowTrigger, error) {
		return api.GetWorkflowTrigger(ctx, c.ID, into)
	}, triggerFacts)
}

var triggerColumns = []column[client.WorkflowTrigger]{
	{"id", false, func(t *client.WorkflowTrigger) string { return t.ID }},
	{"about", true, func(t *client.WorkflowTrigger) string { return targetOf(t) }},
	{"customer", true, func(t *client.WorkflowTrigger) string { return said(t.CustomerID) }},
	{"status", false, func(t *client.WorkflowTrigger) string { return string(t.Status) }},
	{"reason", false, func(t *client.WorkflowTrigger) string { return said(t.Reason) }},
	{"created", false, func(t *client.WorkflowTrigger) string { return minute(t.CreatedAt) }},
}

func triggerFacts(t *client.WorkflowTrigger) []fact {
	return []fact{
		{"id", t.ID},
		{"type", string(t.Type)},
		{"workflow", t.WorkflowID},
		{"workflow_version", said(t.WorkflowVersion)},
		{"about", targetOf(t)},
		{"event", eventOf(t)},
		{"step", said(t.Step)},
		{"customer", said(t.CustomerID)},
		{"status", string(t.Status)},
		{"reason", said(t.Reason)},
		{"scheduled_at", when(t.ScheduledAt)},
		{"created_at", when(&t.CreatedAt)},
	}
}

// targetOf is what a trigger is about.
func targetOf(t *client.WorkflowTrigger) string {
	switch {
	case t.Invoice != nil:
		return t.Invoice.InvoiceID
	case t.Payment != nil:
		return t.Payment.PaymentID
	default:
		return ""
	}
}

// eventOf is what happened; a trigger that a person made has none.
func eventOf(t *client.WorkflowTrigger) string {
	switch {
	case t.Invoice != nil && t.Invoice.Event != nil:
		return fmt.Sprint(t.Invoice.Event.Variant)
	case t.Payment != nil && t.Payment.Event != nil:
		return fmt.Sprint(t.Payment.Event.Variant)
	default:
		return ""
	}
}
