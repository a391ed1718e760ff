package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/dunwellhq/dunwell/client"
)

// workflowCmd is what should happen, and when.
type workflowCmd struct {
	List       workflowList       `cmd:"" help:"List workflows."`
	Search     workflowSearch     `cmd:"" help:"Search workflows."`
	Get        workflowGet        `cmd:"" help:"Show a workflow."`
	Create     workflowCreate     `cmd:"" help:"Create a workflow."`
	Update     workflowUpdate     `cmd:"" help:"Change a workflow."`
	Activate   workflowActivate   `cmd:"" help:"Let a workflow match events."`
	Deactivate workflowDeactivate `cmd:"" help:"Stop a workflow and what it has planned."`
	Archive    workflowArchive    `cmd:"" help:"Stop a workflow for good."`
}

// workflowName is the argument that names one.
type workflowName struct {
	Name string `arg:"" name:"id|reference" help:"The workflow's id or reference."`
}

type workflowList struct {
	remote
	paging
	Status []string `aliases:"statuses" placeholder:"STATUS" help:"Only those: ACTIVE, INACTIVE, DRAFT, ARCHIVED."`
}

// Run implements the command.
func (c *workflowList) Run(ctx context.Context, s streams) error {
	return some(s, c.remote, c.paging, workflowTable, func(api *client.Client, p paging, into client.CallOption) (*client.WorkflowPage, error) {
		return api.ListWorkflowsPage(ctx, &client.ListWorkflowsParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.ListWorkflowsOrderBy(p.OrderBy), OrderDirection: p.order(),
			Statuses: upper[client.Status](c.Status),
		}, into)
	})
}

type workflowSearch struct {
	remote
	paging
	Text   string   `arg:"" optional:"" help:"What one of the workflow's texts has in it."`
	Exact  bool     `help:"One of its texts is exactly that."`
	Filter []string `placeholder:"FIELD=VALUE" sep:"none" help:"Only those with that value: type=INVOICE. The same field again adds a value, another narrows."`
	Status []string `aliases:"statuses" placeholder:"STATUS" help:"Only those: ACTIVE, INACTIVE, DRAFT, ARCHIVED."`
}

// Help implements the help's second part.
func (workflowSearch) Help() string {
	return `Examples:
  dunwell workflow search invoice
  dunwell workflow search --filter type=INVOICE --filter type=PAYMENT --status ACTIVE`
}

// Run implements the command.
func (c *workflowSearch) Run(ctx context.Context, s streams) error {
	body, err := searchOf(c.Text, c.Exact, c.Filter)
	if err != nil {
		return err
	}
	return some(s, c.remote, c.paging, workflowTable, func(api *client.Client, p paging, into client.CallOption) (*client.WorkflowPage, error) {
		return api.SearchWorkflowsPage(ctx, &client.SearchWorkflowsParams{
			Page: p.Page, Limit: p.Limit, OrderBy: client.SearchWorkflowsOrderBy(p.OrderBy), OrderDirection: p.order(),
			Statuses: upper[client.Status](c.Status),
		}, body, into)
	})
}

// searchOf is the body of a search.
func searchOf(text string, exact bool, filters []string) (*client.SearchRequest, error) {
	body := &client.SearchRequest{}
	if text != "" {
		body.SearchFields = []client.SearchRequestSearchField{{
			Value: text, WildcardStart: new(!exact), WildcardEnd: new(!exact), IgnoreCase: new(!exact),
		}}
	}
	for _, f := range filters {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, fmt.Errorf("%s: write a filter as FIELD=VALUE", f)
		}
		i := 0
		for i < len(body.FilterFields) && body.FilterFields[i].Name != name {
			i++
		}
		if i == len(body.FilterFields) {
			body.FilterFields = append(body.FilterFields, client.SearchRequestFilterField{Name: name})
		}
		body.FilterFields[i].Values = append(body.FilterFields[i].Values, value)
	}
	return body, nil
}

type workflowGet struct {
	remote
	workflowName
}

// Run implements the command.
func (c *workflowGet) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.Name, (*client.Client).GetWorkflow), writeWorkflow)
}

type workflowCreate struct {
	remote
	given
	Name        string   `help:"Its name."`
	Reference   string   `help:"What it is called elsewhere; unique on the platform."`
	Description string   `help:"What it is for."`
	Type        string   `help:"INVOICE, PAYMENT or PRICING_PLAN_SUBSCRIPTION; that of the variant if unset."`
	Variant     string   `placeholder:"VARIANT" help:"When it fires: TO_FINAL, OVERDUE, UPCOMING_PAYMENT_REMINDER, FAILED_PAYMENT or FREE_TRIAL_REMINDER. Wallets take a --file."`
	Period      []string `placeholder:"DAY:7" help:"How long after or before the date: DAY:7, WEEK:2, MONTH:1, YEAR:1; several for several steps."`
	Customer    []string `aliases:"customer_ids" placeholder:"ID" help:"Only for this customer; several for several. Unset: for all."`
	Status      string   `default:"DRAFT" help:"DRAFT, INACTIVE or ACTIVE; ${default} if unset."`
}

// Help implements the help's second part.
func (workflowCreate) Help() string {
	return `Examples:
  dunwell workflow create --name "Announce invoices" --reference announce --variant TO_FINAL --status ACTIVE
  dunwell workflow create --name Dunning --reference dunning --variant OVERDUE --period DAY:7 --period DAY:14
  dunwell workflow create -f workflow.yaml
  dunwell workflow get announce -o json | jq '.reference = "copy"' | dunwell workflow create -f -`
}

// Run implements the command.
func (c *workflowCreate) Run(ctx context.Context, s streams) error {
	body := func(context.Context, *client.Client) (json.RawMessage, error) { return c.members(s) }
	return one(ctx, s, c.remote, sending[client.Workflow](http.MethodPost, "/v1/workflows", body), writeWorkflow)
}

// members is the body: the file, or what the flags say. What is missing or
// wrong in them, the API says.
func (c *workflowCreate) members(s streams) (json.RawMessage, error) {
	if c.File != "" {
		if c.Name+c.Reference+c.Description+c.Type+c.Variant != "" || len(c.Period)+len(c.Customer) > 0 {
			return nil, errFileAlone
		}
		return c.body(s.in)
	}
	periods, err := periodsOf(c.Period)
	if err != nil {
		return nil, err
	}
	w := client.WorkflowCreate{Name: c.Name, Reference: c.Reference, Status: client.Status(strings.ToUpper(c.Status)), CustomerIDs: c.Customer}
	if c.Description != "" {
		w.Description = &c.Description
	}
	variant := client.Variant(strings.ToUpper(c.Variant))
	switch variant {
	case client.VariantToFinal, client.VariantOverdue, client.VariantUpcomingPaymentReminder:
		w.Type, w.Invoice = client.WorkflowTypeInvoice, &client.WorkflowInvoice{Variant: new(client.WorkflowInvoiceVariant(variant))}
	case client.VariantFailedPayment:
		w.Type, w.Payment = client.WorkflowTypePayment, &client.WorkflowPayment{Variant: new(client.WorkflowPaymentVariant(variant))}
	case client.VariantFreeTrialReminder:
		w.Type = client.WorkflowTypePricingPlanSubscription
		w.PricingPlanSubscription = &client.WorkflowSubscription{Variant: new(client.WorkflowSubscriptionVariant(variant)), ReminderPeriods: periods}
	case "":
		return nil, errors.New("--variant is needed, or a --file")
	default:
		return nil, fmt.Errorf("--variant %s: it must be TO_FINAL, OVERDUE, UPCOMING_PAYMENT_REMINDER, FAILED_PAYMENT or FREE_TRIAL_REMINDER; others take a --file", c.Variant)
	}
	if c.Type != "" { // one that the variant does not have, the API refuses
		w.Type = client.WorkflowType(strings.ToUpper(c.Type))
	}
	switch {
	case len(periods) == 0 || variant == client.VariantFreeTrialReminder:
	case variant == client.VariantOverdue:
		w.Invoice.Overdue = &client.Periods{Periods: periods}
	case variant == client.VariantUpcomingPaymentReminder:
		w.Invoice.UpcomingPayment = &client.Periods{Periods: periods}
	default:
		return nil, fmt.Errorf("--period: %s fires at once, it has no periods", variant)
	}
	return json.Marshal(w)
}

// periodsOf reads periods as the API names the steps of a workflow: DAY:7.
func periodsOf(list []string) ([]client.Period, error) {
	var periods []client.Period
	for _, p := range list {
		kind, number, _ := strings.Cut(p, ":")
		value, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("--period %s: write it as DAY:7", p)
		}
		periods = append(periods, client.Period{Type: client.PeriodType(strings.ToUpper(kind)), Value: &value})
	}
	return periods, nil
}

type workflowUpdate struct {
	remote
	workflowName
	change
}

// Help implements the help's second part.
func (workflowUpdate) Help() string {
	return `What is not named stays; null clears; lists and blocks are replaced whole.

Examples:
  dunwell workflow update announce --set name="Announce every invoice" --set description=null
  dunwell workflow update dunning --set invoice='{"variant": "OVERDUE", "overdue": {"periods": [{"type": "DAY", "value": 10}]}}'
  dunwell workflow update announce -f patch.yaml`
}

// Run implements the command.
func (c *workflowUpdate) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, patching[client.Workflow](client.Path("/v1/workflows/{id}", c.Name), c.change, s), writeWorkflow)
}

type workflowActivate struct {
	remote
	workflowName
}

// Run implements the command.
func (c *workflowActivate) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.Name, (*client.Client).ActivateWorkflow), writeWorkflow)
}

type workflowDeactivate struct {
	remote
	workflowName
}

// Run implements the command.
func (c *workflowDeactivate) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.Name, (*client.Client).DeactivateWorkflow), writeWorkflow)
}

type workflowArchive struct {
	remote
	workflowName
}

// Run implements the command.
func (c *workflowArchive) Run(ctx context.Context, s streams) error {
	return one(ctx, s, c.remote, of(c.Name, (*client.Client).ArchiveWorkflow), writeWorkflow)
}

var workflowTable = table[*client.WorkflowPage, client.Workflow]{
	func(p *client.WorkflowPage, _ int) page[client.Workflow] { return linked(p.Data, p.Links) },
	[]column[client.Workflow]{
		{"id", false, func(w *client.Workflow) string { return w.ID }},
		{"reference", true, func(w *client.Workflow) string { return w.Reference }},
		{"name", true, func(w *client.Workflow) string { return w.Name }},
		{"variant", false, variantOf},
		{"status", false, func(w *client.Workflow) string { return string(w.Status) }},
	},
}

func writeWorkflow(out io.Writer, w *client.Workflow) error {
	return writeFacts(out, []fact{
		{"id", w.ID},
		{"reference", w.Reference},
		{"name", w.Name},
		{"description", said(w.Description)},
		{"type", string(w.Type)},
		{"variant", variantOf(w)},
		{"periods", strings.Join(stepsOf(w), ", ")},
		{"threshold", thresholdOf(w)},
		{"status", string(w.Status)},
		{"customers", strings.Join(w.CustomerIDs, ", ")},
		{"on_ambiguous", said(w.OnAmbiguous)},
		{"version", fmt.Sprint(w.Version)},
		{"created_at", when(&w.CreatedAt)},
		{"updated_at", when(&w.UpdatedAt)},
	})
}

// variantOf is the variant of whichever block a workflow has.
func variantOf(w *client.Workflow) string {
	switch {
	case w.Invoice != nil:
		return said(w.Invoice.Variant)
	case w.Payment != nil:
		return said(w.Payment.Variant)
	case w.PricingPlanSubscription != nil:
		return said(w.PricingPlanSubscription.Variant)
	case w.Wallet != nil:
		return said(w.Wallet.Variant)
	default:
		return string(w.Type)
	}
}

func stepsOf(w *client.Workflow) []string {
	var periods []client.Period
	switch {
	case w.Invoice != nil && w.Invoice.Overdue != nil:
		periods = w.Invoice.Overdue.Periods
	case w.Invoice != nil && w.Invoice.UpcomingPayment != nil:
		periods = w.Invoice.UpcomingPayment.Periods
	case w.PricingPlanSubscription != nil:
		periods = w.PricingPlanSubscription.ReminderPeriods
	}
	steps := make([]string, len(periods))
	for i, p := range periods {
		steps[i] = string(p.Type) + ":" + said(p.Value)
	}
	return steps
}

func thresholdOf(w *client.Workflow) string {
	if w.Wallet == nil || w.Wallet.WalletBalance == nil || w.Wallet.WalletBalance.Threshold == nil {
		return ""
	}
	switch t := w.Wallet.WalletBalance.Threshold; {
	case t.Percentage != nil:
		return *t.Percentage + " %"
	case t.Amount != nil:
		return t.Amount.Quantity + " " + string(t.Amount.Currency)
	case t.Credits != nil:
		return t.Credits.Quantity + " " + t.Credits.CreditTypeID
	default:
		return ""
	}
}
