package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/dunwellhq/dunwell/client"
)

// actionCmd is what a workflow does when it fires.
type actionCmd struct {
	List   actionList   `cmd:"" help:"List the actions of all workflows."`
	Get    actionGet    `cmd:"" help:"Show an action."`
	Create actionCreate `cmd:"" help:"Create an action of a workflow."`
	Update actionUpdate `cmd:"" help:"Change an action."`
	Delete actionDelete `cmd:"" help:"Delete an action. Its executions stay."`
}

// actionID is the argument that names one.
type actionID struct {
	ID string `arg:"" help:"The action's id."`
}

type actionList struct {
	remote
	paging
}

// Run implements the command.
func (c *actionList) Run(ctx context.Context, s streams) error {
	return some(s, c.remote, c.paging, actionTable, func(api *client.Client, p paging, into client.CallOption) ([]client.WorkflowAction, error) {
		return api.ListWorkflowActionsPage(ctx, &client.ListWorkflowActionsParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.ListWorkflowActionsOrderBy(p.OrderBy), OrderDirection: p.order(),
		}, into)
	})
}

type actionGet struct {
	remote
	actionID
}

// Run implements the command.
func (c *actionGet) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.ID, (*client.Client).GetWorkflowAction), writeAction)
}

type actionCreate struct {
	remote
	given
	Workflow    string   `aliases:"workflow_id" placeholder:"ID|REFERENCE" help:"The workflow that it belongs to."`
	Integration string   `aliases:"integration_id" placeholder:"ID" help:"What sends the message."`
	Template    string   `aliases:"template_name" default:"default" help:"The template; ${default} if unset."`
	Subject     string   `help:"A template of its own for the subject."`
	CC          []string `name:"cc" aliases:"cc_recipients" placeholder:"EMAIL" help:"Who gets a copy; several for several."`
	BCC         []string `name:"bcc" aliases:"bcc_recipients" placeholder:"EMAIL" help:"Who gets a hidden copy; several for several."`
	ContactsCC  bool     `name:"contacts-as-cc" aliases:"include_customer_contacts_as_cc" help:"The customer's contacts get a copy."`
	PDF         bool     `name:"pdf" aliases:"include_pdf" help:"With the invoice's PDF."`
	PaymentLink bool     `name:"payment-link" aliases:"include_payment_link" help:"With a link to pay."`
	Description string   `help:"What it is for."`
	Status      string   `default:"ACTIVE" help:"DRAFT, INACTIVE or ACTIVE; ${default} if unset."`
}

// Help implements the help's second part.
func (actionCreate) Help() string {
	return `Examples:
  dunwell action create --workflow announce --integration mail --payment-link
  dunwell action create -f action.yaml`
}

// Run implements the command.
func (c *actionCreate) Run(ctx context.Context, s streams) error {
	body := func(ctx context.Context, api *client.Client) (json.RawMessage, error) { return c.members(ctx, s, api) }
	return one(ctx, s, c.remote, sending[client.WorkflowAction](http.MethodPost, "/v1/workflow-actions", body), writeAction)
}

// members is the body: the file, or what the flags say of the workflow that they name.
func (c *actionCreate) members(ctx context.Context, s streams, api *client.Client) (json.RawMessage, error) {
	if c.File != "" {
		if c.Workflow+c.Integration+c.Subject+c.Description != "" || len(c.CC)+len(c.BCC) > 0 || c.ContactsCC || c.PDF || c.PaymentLink {
			return nil, errFileAlone
		}
		return c.body(s.in)
	}
	if c.Workflow == "" {
		return nil, errors.New("--workflow is needed, or a --file")
	}
	w, err := api.GetWorkflow(ctx, c.Workflow)
	if err != nil {
		return nil, err
	}
	email := client.SendEmail{IntegrationID: c.Integration, TemplateName: c.Template, CCRecipients: c.CC, BCCRecipients: c.BCC}
	if c.Subject != "" {
		email.Subject = &c.Subject
	}
	switch w.Type {
	case client.WorkflowTypeInvoice:
		email.Variant = new(client.SendEmailVariantInvoice)
		email.Invoice = &client.SendEmailInvoice{IncludePDF: &c.PDF, IncludePaymentLink: &c.PaymentLink, IncludeCustomerContactsAsCC: &c.ContactsCC}
	case client.WorkflowTypePayment:
		email.Variant = new(client.SendEmailVariantPayment)
		email.Payment = &client.PlainEmail{IncludeCustomerContactsAsCC: &c.ContactsCC}
	case client.WorkflowTypePricingPlanSubscription:
		email.Variant = new(client.SendEmailVariantPricingPlanSubscription)
		email.PricingPlanSubscription = &client.PlainEmail{IncludeCustomerContactsAsCC: &c.ContactsCC}
	case client.WorkflowTypeWallet: // its action has no variant
	}
	if w.Type != client.WorkflowTypeInvoice && (c.PDF || c.PaymentLink) {
		return nil, errors.New("--pdf and --payment-link are for actions of workflows of type INVOICE")
	}
	a := client.WorkflowActionCreate{
		WorkflowID: w.ID, Type: client.WorkflowActionTypeSendEmailToCustomer, Status: client.Status(strings.ToUpper(c.Status)),
		SendEmailToCustomer: &email,
	}
	if c.Description != "" {
		a.Description = &c.Description
	}
	return json.Marshal(a)
}

type actionUpdate struct {
	remote
	actionID
	change
}

// Help implements the help's second part.
func (actionUpdate) Help() string {
	return `What is not named stays; null clears; lists and blocks are replaced whole.

Examples:
  dunwell action update wkac_3hJ8kQ2mZ7vB1xC9nD4f --set status=INACTIVE
  dunwell action update wkac_3hJ8kQ2mZ7vB1xC9nD4f -f patch.yaml`
}

// Run implements the command.
func (c *actionUpdate) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, patching[client.WorkflowAction](client.Path("/v1/workflow-actions/{id}", c.ID), c.change, s), writeAction)
}

type actionDelete struct {
	remote
	actionID
}

// Run implements the command.
func (c *actionDelete) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.ID, (*client.Client).DeleteWorkflowAction), writeAction)
}

var actionTable = table[[]client.WorkflowAction, client.WorkflowAction]{
	bare[client.WorkflowAction],
	[]column[client.WorkflowAction]{
		{"id", false, func(a *client.WorkflowAction) string { return a.ID }},
		{"workflow", false, func(a *client.WorkflowAction) string { return a.WorkflowID }},
		{"integration", true, func(a *client.WorkflowAction) string { return emailOf(a).IntegrationID }},
		{"template", true, func(a *client.WorkflowAction) string { return emailOf(a).TemplateName }},
		{"status", false, func(a *client.WorkflowAction) string { return string(a.Status) }},
	},
}

// emailOf is the email of an action; one that is a draft may have none.
func emailOf(a *client.WorkflowAction) client.SendEmail {
	if a.SendEmailToCustomer == nil {
		return client.SendEmail{}
	}
	return *a.SendEmailToCustomer
}

func writeAction(out io.Writer, a *client.WorkflowAction) error {
	email := emailOf(a)
	return writeFacts(out, []fact{
		{"id", a.ID},
		{"workflow", a.WorkflowID},
		{"type", string(a.Type)},
		{"description", said(a.Description)},
		{"status", string(a.Status)},
		{"integration", email.IntegrationID},
		{"template", email.TemplateName},
		{"subject", said(email.Subject)},
		{"from", mailboxOf(email.From)},
		{"reply_to", mailboxOf(email.ReplyTo)},
		{"cc", strings.Join(email.CCRecipients, ", ")},
		{"bcc", strings.Join(email.BCCRecipients, ", ")},
		{"created_at", when(&a.CreatedAt)},
		{"updated_at", when(&a.UpdatedAt)},
	})
}

func mailboxOf(m *client.Mailbox) string {
	switch {
	case m == nil:
		return ""
	case m.Name == nil:
		return m.Email
	default:
		return *m.Name + " <" + m.Email + ">"
	}
}
