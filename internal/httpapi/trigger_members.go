package httpapi

import (
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// shownTrigger is a trigger with the resources that are inlined next to its ids.
type shownTrigger struct {
	trigger.Trigger
	expanded expanded
}

// triggerMembers lists the members of a workflow trigger (contract A6, B3).
func triggerMembers(m *members, t *shownTrigger) {
	m.served("WORKFLOW_TRIGGER", string(t.ID))
	text(m, "customer_id", &t.CustomerID, identifier)
	t.expanded.customer(m, t.CustomerID)
	text(m, "workflow_id", &t.WorkflowID, identifier)
	t.expanded.workflow(m, t.WorkflowID)
	enum(m, "type", &t.Type, []trigger.Type{trigger.Manual, trigger.Event}, plain.required())
	target(m, billing.KindInvoice, "invoice", &t.Trigger, invoiceTargetMembers)
	target(m, billing.KindPayment, "payment", &t.Trigger, paymentTargetMembers)
	target(m, billing.KindSubscription, "pricing_plan_subscription", &t.Trigger, subscriptionTargetMembers)
	target(m, billing.KindWallet, "wallet", &t.Trigger, walletTargetMembers)
	if m.mode != encode {
		return
	}
	text(m, "status", &t.Status, plain)
	text(m, "reason", &t.Reason, plain.omitted())
	text(m, "step", &t.Step, plain.omitted())
	instant(m, "scheduled_at", &t.ScheduledAt, plain.omitted())
	number(m, "workflow_version", &t.WorkflowVersion, 1, t.WorkflowVersion, plain.omitted())
	instant(m, "created_at", &t.CreatedAt, plain)
}

// target is the block that names what a trigger is about: one of several.
func target(m *members, kind billing.Kind, name string, t *trigger.Trigger, list func(*members, *trigger.Trigger)) {
	if m.mode == encode {
		if t.Kind == kind {
			m.key(name)
			write(m.codec, t, list)
		}
		return
	}
	var given *trigger.Trigger
	block(m, name, &given, config, list)
	if given != nil {
		t.Kind, t.ResourceID, t.Variant, t.Step, t.Details = kind, given.ResourceID, given.Variant, given.Step, given.Details
	}
}

func invoiceTargetMembers(m *members, t *trigger.Trigger) {
	text(m, "invoice_id", &t.ResourceID, identifier.required())
	eventMember(m, t, workflow.Variants[workflow.Invoice])
	manualMember(m, t, workflow.Variants[workflow.Invoice])
}

func paymentTargetMembers(m *members, t *trigger.Trigger) {
	text(m, "payment_id", &t.ResourceID, identifier.required())
	eventMember(m, t, workflow.Variants[workflow.Payment])
	manualMember(m, t, workflow.Variants[workflow.Payment])
}

func subscriptionTargetMembers(m *members, t *trigger.Trigger) {
	text(m, "pricing_plan_subscription_id", &t.ResourceID, identifier.required())
	text(m, "pricing_plan_schedule_id", &t.Details.ScheduleID, identifier.required())
	instant(m, "trial_end_at", &t.Details.TrialEndAt, plain.required())
	eventMember(m, t, workflow.Variants[workflow.Subscription])
	manualMember(m, t, workflow.Variants[workflow.Subscription])
}

// walletTargetMembers: a wallet has no manual block (contract A6).
func walletTargetMembers(m *members, t *trigger.Trigger) {
	text(m, "wallet_type_id", &t.Details.WalletTypeID, identifier.required())
	text(m, "wallet_id", &t.ResourceID, identifier.required())
	text(m, "customer_reference", &t.Details.CustomerReference, shortLine)
	text(m, "wallet_reference", &t.Details.WalletReference, shortLine)
	eventMember(m, t, workflow.Variants[workflow.Wallet])
	if m.mode != encode {
		t.Variant = workflow.WalletBalance
	}
}

// eventMember says what the system saw; it is null in what a person asks for.
func eventMember(m *members, t *trigger.Trigger, variants []workflow.Variant) {
	switch {
	case m.mode != encode:
		if n := m.given("event"); n != nil {
			m.wrong(n, "event", "null or left out: the system alone makes triggers of type EVENT")
		}
	case t.Type != trigger.Event:
		m.putText("event", "", plain)
	default:
		m.key("event")
		write(m.codec, t, func(m *members, t *trigger.Trigger) {
			enum(m, "variant", &t.Variant, variants, plain)
			switch {
			case t.Kind != billing.KindInvoice:
			case t.Variant == workflow.Overdue:
				m.key("overdue")
				write(m.codec, t, overdueMembers)
			default:
				m.putText("overdue", "", plain)
			}
		})
	}
}

// manualMember says what a person asks for. Who that is, is the caller.
func manualMember(m *members, t *trigger.Trigger, variants []workflow.Variant) {
	list := func(m *members, t *trigger.Trigger) {
		if m.mode == encode {
			m.putText("user_id", t.Details.UserID, plain)
		}
		enum(m, "variant", &t.Variant, variants, plain.required())
		manualStep(m, t)
	}
	if m.mode == encode {
		if t.Type == trigger.Manual {
			m.key("manual")
			write(m.codec, t, list)
		}
		return
	}
	var given *trigger.Trigger
	block(m, "manual", &given, config, list)
	if given == nil {
		m.report(m.doc.nodes[m.object].end-1, fault.Missing, m.path("manual"), "manual is required in what a person asks for")
		return
	}
	t.Variant, t.Step = given.Variant, given.Step
}

// manualStep is the period of an OVERDUE, and of nothing else.
func manualStep(m *members, t *trigger.Trigger) {
	if m.mode == encode {
		if t.Variant == workflow.Overdue {
			m.key("overdue")
			write(m.codec, t, overdueMembers)
		}
		return
	}
	var given *trigger.Trigger
	block(m, "overdue", &given, config, overdueMembers)
	switch {
	case given != nil && t.Variant != "" && t.Variant != workflow.Overdue:
		m.fault(fault.Invalid, m.path("overdue"), "overdue must be left out: it belongs to variant OVERDUE")
	case given == nil && t.Variant == workflow.Overdue:
		m.report(m.doc.nodes[m.object].end-1, fault.Missing, m.path("overdue.period"), "period is required: which of the workflow's it is about")
	case given != nil:
		t.Step = given.Step
	}
}

func overdueMembers(m *members, t *trigger.Trigger) {
	p, _ := calendar.ParsePeriod(t.Step)
	object(m, "period", &p, config, periodMembers)
	switch {
	case m.mode == encode:
	case m.doc.member(m.object, "period") < 0:
		m.report(m.doc.nodes[m.object].end-1, fault.Missing, m.path("period"), "period is required: which of the workflow's it is about")
	case p != (calendar.Period{}):
		t.Step = p.String()
	}
}

// checkNewTrigger judges a trigger that a person asks for.
func checkNewTrigger(c *codec, t *shownTrigger) {
	if t.Type == trigger.Event {
		c.fault(fault.Invalid, "type", "type must be MANUAL: the system alone makes triggers of type EVENT")
	}
	const want = "exactly one of invoice, payment, pricing_plan_subscription and wallet is required: what the trigger is about"
	targets := 0
	for i := c.doc.nodes[0].first; i != 0; i = c.doc.nodes[i].next {
		if n := &c.doc.nodes[i]; n.kind != 'n' && slices.Contains(targetBlocks, n.name) {
			if targets++; targets > 1 {
				c.report(n.at, fault.Invalid, n.name, want)
			}
		}
	}
	if targets == 0 {
		c.report(c.doc.nodes[0].end-1, fault.Missing, "invoice", want)
	}
}

var targetBlocks = []string{"invoice", "payment", "pricing_plan_subscription", "wallet"}
