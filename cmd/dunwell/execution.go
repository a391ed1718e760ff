package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/dunwellhq/dunwell/client"
)

// executionCmd is what became of each message.
type executionCmd struct {
	List executionList `cmd:"" help:"List executions: one action of one trigger each."`
	Get  executionGet  `cmd:"" help:"Show an execution with its attempts and its message."`
}

type executionList struct {
	remote
	paging
	Status   []string `aliases:"statuses" placeholder:"STATUS" help:"Only those: PENDING, WAITING, SENDING, SENT, UNCONFIRMED, FAILED, CANCELLED, SKIPPED."`
	Workflow string   `aliases:"workflow_id" placeholder:"ID" help:"Only of this workflow."`
	Trigger  string   `aliases:"trigger_id" placeholder:"ID" help:"Only of this trigger."`
	Customer string   `aliases:"customer_id" placeholder:"ID" help:"Only for this customer."`
	Invoice  string   `aliases:"invoice_id" placeholder:"ID" help:"Only about this invoice."`
}

// Help implements the help's second part.
func (executionList) Help() string {
	return `Examples:
  dunwell execution list --status FAILED --status UNCONFIRMED
  dunwell execution list --invoice in_1 --all -o json | jq '.data[].reason'`
}

// Run implements the command.
func (c *executionList) Run(ctx context.Context, s streams) error {
	return some(s, c.remote, c.paging, executionTable, func(api *client.Client, p paging, into client.CallOption) (*client.WorkflowExecutionPage, error) {
		return api.ListWorkflowExecutionsPage(ctx, &client.ListWorkflowExecutionsParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.ListWorkflowExecutionsOrderBy(p.OrderBy), OrderDirection: p.order(),
			Statuses:   upper[client.ExecutionStatus](c.Status),
			WorkflowID: c.Workflow, TriggerID: c.Trigger, CustomerID: c.Customer, InvoiceID: c.Invoice,
		}, into)
	})
}

type executionGet struct {
	remote
	ID string `arg:"" help:"The execution's id."`
}

// Run implements the command.
func (c *executionGet) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.ID, (*client.Client).GetWorkflowExecution), writeExecution)
}

var executionTable = table[*client.WorkflowExecutionPage, client.ExecutionMembers]{
	func(p *client.WorkflowExecutionPage, _ int) page[client.ExecutionMembers] {
		return linked(p.Data, p.Links)
	},
	[]column[client.ExecutionMembers]{
		{"id", false, func(x *client.ExecutionMembers) string { return x.ID }},
		{"about", true, subjectOf},
		{"customer", true, func(x *client.ExecutionMembers) string { return said(x.CustomerID) }},
		{"status", false, func(x *client.ExecutionMembers) string { return string(x.Status) }},
		{"reason", false, func(x *client.ExecutionMembers) string { return said(x.Reason) }},
		{"tries", false, func(x *client.ExecutionMembers) string { return fmt.Sprint(x.AttemptCount) }},
		{"updated", false, func(x *client.ExecutionMembers) string { return minute(x.UpdatedAt) }},
	},
}

// subjectOf is what an execution is about.
func subjectOf(x *client.ExecutionMembers) string {
	return cmp.Or(said(x.InvoiceID), said(x.PaymentID), said(x.PricingPlanSubscriptionID), said(x.WalletID))
}

// writeExecution writes what is known of an execution, its attempts and its
// message, as far as people read it.
func writeExecution(out io.Writer, x *client.WorkflowExecution) error {
	err := writeFacts(out, []fact{
		{"id", x.ID},
		{"workflow", x.WorkflowID},
		{"trigger", x.TriggerID},
		{"action", x.ActionID},
		{"variant", string(x.Variant)},
		{"customer", said(x.CustomerID)},
		{"invoice", said(x.InvoiceID)},
		{"payment", said(x.PaymentID)},
		{"subscription", said(x.PricingPlanSubscriptionID)},
		{"wallet", said(x.WalletID)},
		{"integration", said(x.IntegrationID)},
		{"status", string(x.Status)},
		{"reason", said(x.Reason)},
		{"due_at", when(x.DueAt)},
		{"next_attempt_at", when(x.NextAttemptAt)},
		{"provider_reply", said(x.ProviderReply)},
		{"message_problem", said(x.MessageProblem)},
		{"created_at", when(&x.CreatedAt)},
		{"updated_at", when(&x.UpdatedAt)},
	})
	if err != nil {
		return err
	}
	if len(x.Attempts) > 0 {
		fmt.Fprintln(out)
		if err := writeTable(out, x.Attempts, attemptColumns); err != nil {
			return err
		}
	}
	if x.Message == nil {
		return nil
	}
	fmt.Fprintln(out)
	m := x.Message
	err = writeFacts(out, []fact{
		{"from", recipientOf(m.From)},
		{"reply_to", recipientOf(m.ReplyTo)},
		{"to", recipientsOf(m.To)},
		{"cc", recipientsOf(m.CC)},
		{"bcc", recipientsOf(m.BCC)},
		{"subject", said(m.Subject)},
		{"warnings", strings.Join(m.Warnings, "; ")},
	})
	for line := range strings.Lines(strings.TrimSpace(said(m.Text))) {
		fmt.Fprintln(out, "  | "+oneLine(strings.TrimRight(line, "\r\n")))
	}
	return err
}

var attemptColumns = []column[client.WorkflowExecutionAttempt]{
	{"attempt", false, func(a *client.WorkflowExecutionAttempt) string { return fmt.Sprint(a.Number) }},
	{"started", false, func(a *client.WorkflowExecutionAttempt) string { return when(&a.StartedAt) }},
	{"ended", false, func(a *client.WorkflowExecutionAttempt) string { return when(a.EndedAt) }},
	{"outcome", false, func(a *client.WorkflowExecutionAttempt) string { return said(a.Outcome) }},
	{"reply", true, func(a *client.WorkflowExecutionAttempt) string { return said(a.Reply) }},
}

func recipientOf(r *client.Recipient) string {
	switch {
	case r == nil:
		return ""
	case said(r.Name) == "":
		return said(r.Email)
	default:
		return said(r.Name) + " <" + said(r.Email) + ">"
	}
}

func recipientsOf(list []client.Recipient) string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = recipientOf(&list[i])
	}
	return strings.Join(texts, ", ")
}
