package httpapi

import (
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// triggerMembers lists the members of a workflow trigger (contract A6, B3). In
// this version triggers are only read.
func triggerMembers(m *members, t *trigger.Trigger) {
	m.served("WORKFLOW_TRIGGER", string(t.ID))
	text(m, "customer_id", &t.CustomerID, identifier)
	text(m, "workflow_id", &t.WorkflowID, identifier)
	text(m, "type", &t.Type, plain)
	switch t.Kind {
	case billing.KindInvoice:
		m.key("invoice")
		write(m.codec, t, invoiceTargetMembers)
	case billing.KindPayment:
		m.key("payment")
		write(m.codec, t, paymentTargetMembers)
	default: // no trigger is about anything else yet
	}
	text(m, "status", &t.Status, plain)
	text(m, "reason", &t.Reason, plain.omitted())
	text(m, "step", &t.Step, plain.omitted())
	instant(m, "scheduled_at", &t.ScheduledAt, plain.omitted())
	number(m, "workflow_version", &t.WorkflowVersion, 1, t.WorkflowVersion, plain.omitted())
	instant(m, "created_at", &t.CreatedAt, plain)
}

func invoiceTargetMembers(m *members, t *trigger.Trigger) {
	text(m, "invoice_id", &t.ResourceID, plain)
	if t.Type != trigger.Event {
		m.putText("event", "", plain)
		return
	}
	m.key("event")
	write(m.codec, t, func(m *members, t *trigger.Trigger) {
		text(m, "variant", &t.Variant, plain)
		if t.Variant != workflow.Overdue {
			m.putText("overdue", "", plain)
			return
		}
		m.key("overdue")
		write(m.codec, t, overdueMembers)
	})
}

func overdueMembers(m *members, t *trigger.Trigger) {
	p := parsePeriod(t.Step)
	object[calendar.Period](m, "period", &p, plain, periodMembers)
}

func paymentTargetMembers(m *members, t *trigger.Trigger) {
	text(m, "payment_id", &t.ResourceID, plain)
	if t.Type != trigger.Event {
		m.putText("event", "", plain)
		return
	}
	m.key("event")
	write(m.codec, t, func(m *members, t *trigger.Trigger) { text(m, "variant", &t.Variant, plain) })
}
