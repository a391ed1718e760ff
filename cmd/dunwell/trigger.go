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

// triggerCmd is that a workflow fired for something, or why it did not.
type triggerCmd struct {
	List   triggerList   `cmd:"" help:"List triggers: those that fired, unless a status is asked for."`
	Search triggerSearch `cmd:"" help:"Search triggers: those that fired, unless a status is asked for."`
	Get    triggerGet    `cmd:"" help:"Show a trigger."`
	Create triggerCreate `cmd:"" help:"Fire a workflow for one resource, now."`
}

type triggerList struct {
	remote
	paging
	Status []string `aliases:"statuses" placeholder:"STATUS" help:"Only those: PLANNED, FIRED, SKIPPED, CANCELLED; FIRED if unset."`
}

// Help implements the help's second part.
func (triggerList) Help() string {
	return `Example: what did not fire, and why
  dunwell trigger list --status SKIPPED --status CANCELLED`
}

// Run implements the command.
func (c *triggerList) Run(ctx context.Context, s streams) error {
	return some(s, c.remote, c.paging, triggerTable, func(api *client.Client, p paging, into client.CallOption) (*client.WorkflowTriggerPage, error) {
		return api.ListWorkflowTriggersPage(ctx, &client.ListWorkflowTriggersParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.ListWorkflowTriggersOrderBy(p.OrderBy), OrderDirection: p.order(),
			Statuses: upper[client.TriggerStatus](c.Status),
		}, into)
	})
}

type triggerSearch struct {
	remote
	paging
	Filter []string `arg:"" name:"field=value" help:"What they are about: invoice_id=in_1. The same field again adds a value, another narrows."`
	Status []string `aliases:"statuses" placeholder:"STATUS" help:"Only those: PLANNED, FIRED, SKIPPED, CANCELLED; FIRED if unset."`
}

// Help implements the help's second part.
func (triggerSearch) Help() string {
	return `Examples:
  dunwell trigger search invoice_id=in_1
  dunwell trigger search customer_id=cust_1 type=MANUAL`
}

// Run implements the command.
func (c *triggerSearch) Run(ctx context.Context, s streams) error {
	body, err := searchOf("", false, c.Filter)
	if err != nil {
		return err
	}
	return some(s, c.remote, c.paging, triggerTable, func(api *client.Client, p paging, into client.CallOption) (*client.WorkflowTriggerPage, error) {
		return api.SearchWorkflowTriggersPage(ctx, &client.SearchWorkflowTriggersParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.SearchWorkflowTriggersOrderBy(p.OrderBy), OrderDirection: p.order(),
			Statuses: upper[client.TriggerStatus](c.Status),
		}, body, into)
	})
}

type triggerGet struct {
	remote
	ID string `arg:"" help:"The trigger's id."`
}

// Run implements the command.
func (c *triggerGet) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.ID, (*client.Client).GetWorkflowTrigger), writeTrigger)
}

type triggerCreate struct {
	remote
	given
	Workflow   string `aliases:"workflow_id" placeholder:"ID|REFERENCE" help:"The workflow to fire; if unset, the only one that answers to the resource."`
	Invoice    string `aliases:"invoice_id" placeholder:"ID" help:"Fire it for this invoice."`
	Payment    string `aliases:"payment_id" placeholder:"ID" help:"Fire it for this payment."`
	Wallet     string `aliases:"wallet_id" placeholder:"ID" help:"Fire it for this wallet."`
	WalletType string `name:"wallet-type" aliases:"wallet_type_id" placeholder:"ID" help:"That wallet's type."`
	Variant    string `placeholder:"VARIANT" help:"That of the workflow if it is named, FAILED_PAYMENT for a payment."`
	Period     string `placeholder:"DAY:7" help:"Of an OVERDUE workflow, which of its periods."`
}

// Help implements the help's second part.
func (triggerCreate) Help() string {
	return `It may fire again what has fired already: each trigger sends one more message.

Examples:
  dunwell trigger create --workflow announce --invoice in_1
  dunwell trigger create --workflow dunning --invoice in_1 --period DAY:7
  dunwell trigger create -f trial.yaml`
}

// Run implements the command.
func (c *triggerCreate) Run(ctx context.Context, s streams) error {
	body := func(ctx context.Context, api *client.Client) (json.RawMessage, error) { return c.members(ctx, s, api) }
	return one(ctx, s, c.remote, sending[client.WorkflowTrigger](http.MethodPost, "/v1/workflow-triggers", body), writeTrigger)
}

// members is the body: the file, or what the flags say.
func (c *triggerCreate) members(ctx context.Context, s streams, api *client.Client) (json.RawMessage, error) {
	if c.File != "" {
		if c.Workflow+c.Invoice+c.Payment+c.Wallet+c.WalletType+c.Variant+c.Period != "" {
			return nil, errFileAlone
		}
		return c.body(s.in)
	}
	t := client.WorkflowTriggerCreate{Type: client.WorkflowTriggerCreateTypeManual}
	variant := strings.ToUpper(c.Variant)
	if c.Workflow != "" {
		w, err := api.GetWorkflow(ctx, c.Workflow)
		if err != nil {
			return nil, err
		}
		t.WorkflowID = &w.ID
		if variant == "" {
			variant = variantOf(w)
		}
	}
	if err := c.target(&t, variant); err != nil {
		return nil, err
	}
	return json.Marshal(t)
}

// target sets what a trigger is about.
func (c *triggerCreate) target(t *client.WorkflowTriggerCreate, variant string) error {
	switch {
	case c.Invoice != "" && c.Payment == "" && c.Wallet == "":
		t.Invoice = &client.WorkflowTriggerCreateInvoice{InvoiceID: c.Invoice}
		if t.Invoice.Manual.Variant = client.WorkflowTriggerCreateInvoiceManualVariant(variant); variant == "" {
			return errors.New("--variant or --workflow is needed")
		}
		if c.Period != "" {
			periods, err := periodsOf([]string{c.Period})
			if err != nil {
				return err
			}
			t.Invoice.Manual.Overdue = &client.TriggerOverdue{Period: periods[0]}
		}
		return nil
	case c.Period != "":
		return errors.New("--period is for an --invoice")
	case c.Payment != "" && c.Invoice == "" && c.Wallet == "":
		if variant == "" {
			variant = string(client.VariantFailedPayment)
		}
		t.Payment = &client.WorkflowTriggerCreatePayment{PaymentID: c.Payment}
		t.Payment.Manual.Variant = client.WorkflowTriggerCreatePaymentManualVariant(variant)
		return nil
	case c.Wallet != "" && c.Invoice == "" && c.Payment == "":
		t.Wallet = &client.WorkflowTriggerCreateWallet{WalletID: c.Wallet, WalletTypeID: c.WalletType}
		return nil
	default:
		return errors.New("one of --invoice, --payment and --wallet is needed, or a --file")
	}
}

var triggerTable = table[*client.WorkflowTriggerPage, client.WorkflowTrigger]{
	func(p *client.WorkflowTriggerPage, _ int) page[client.WorkflowTrigger] {
		return linked(p.Data, p.Links)
	},
	[]column[client.WorkflowTrigger]{
		{"id", false, func(t *client.WorkflowTrigger) string { return t.ID }},
		{"about", true, targetOf},
		{"customer", true, func(t *client.WorkflowTrigger) string { return said(t.CustomerID) }},
		{"status", false, func(t *client.WorkflowTrigger) string { return string(t.Status) }},
		{"reason", false, func(t *client.WorkflowTrigger) string { return said(t.Reason) }},
		{"created", false, func(t *client.WorkflowTrigger) string { return minute(t.CreatedAt) }},
	},
}

func writeTrigger(out io.Writer, t *client.WorkflowTrigger) error {
	return writeFacts(out, []fact{
		{"id", t.ID},
		{"type", string(t.Type)},
		{"workflow", t.WorkflowID},
		{"workflow_version", said(t.WorkflowVersion)},
		{"about", targetOf(t)},
		{"variant", firedFor(t)},
		{"step", said(t.Step)},
		{"customer", said(t.CustomerID)},
		{"status", string(t.Status)},
		{"reason", said(t.Reason)},
		{"scheduled_at", when(t.ScheduledAt)},
		{"created_at", when(&t.CreatedAt)},
	})
}

// targetOf is what a trigger is about.
func targetOf(t *client.WorkflowTrigger) string {
	switch {
	case t.Invoice != nil:
		return t.Invoice.InvoiceID
	case t.Payment != nil:
		return t.Payment.PaymentID
	case t.PricingPlanSubscription != nil:
		return t.PricingPlanSubscription.PricingPlanSubscriptionID
	case t.Wallet != nil:
		return t.Wallet.WalletID
	default:
		return ""
	}
}

// firedFor is the variant for which a trigger fired, by itself or by hand. A
// wallet's has one only.
func firedFor(t *client.WorkflowTrigger) string {
	switch {
	case t.Invoice != nil && t.Invoice.Event != nil:
		return string(t.Invoice.Event.Variant)
	case t.Invoice != nil && t.Invoice.Manual != nil:
		return string(t.Invoice.Manual.Variant)
	case t.Payment != nil && t.Payment.Event != nil:
		return string(t.Payment.Event.Variant)
	case t.Payment != nil && t.Payment.Manual != nil:
		return string(t.Payment.Manual.Variant)
	case t.PricingPlanSubscription != nil:
		return string(client.VariantFreeTrialReminder)
	case t.Wallet != nil:
		return string(client.VariantWalletBalance)
	default:
		return ""
	}
}
