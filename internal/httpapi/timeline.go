package httpapi

import (
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// timeline tells what was decided and done about a resource, in order.
func (s *server) timeline(kind billing.Kind) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		name, err := c.named("idOrReference", string(kind))
		if err != nil {
			return reply{}, err
		}
		a, err := c.ask(listing{order: []string{"at"}})
		if err != nil {
			return reply{}, err
		}
		a.Ascending = a.params.Get("order_direction") != "desc" // a story begins at its beginning
		id, err := s.rememberedID(c, kind, name)
		if err != nil {
			return reply{}, err
		}
		page, err := s.store.Timeline(c.Context(), c.platform, kind, id, a.Query)
		if err != nil {
			return reply{}, err
		}
		return pageOf(a, page, &codec{}, momentMembers), nil
	}
}

// rememberedID is the id of the resource that a path names, by id or reference, or by
// the id of one that was deleted: its story is not.
func (s *server) rememberedID(c *call, kind billing.Kind, name string) (string, error) {
	r, err := s.store.Resource(c.Context(), c.platform, kind, name)
	if err == nil {
		return r.Base().ID, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	rows, readErr := s.store.ReadResources(c.Context(), c.platform, kind, []string{name})
	if readErr != nil {
		return "", readErr
	}
	if rows[name].Revision >= 0 {
		return "", err
	}
	return name, nil
}

// momentMembers lists the members of an entry of a timeline.
func momentMembers(m *members, t *execution.Moment) {
	m.putText("object_type", "TIMELINE_ENTRY", plain)
	instant(m, "at", &t.At, plain)
	text(m, "type", &t.Of, plain)
	text(m, "status", &t.Status, plain)
	text(m, "reason", &t.Reason, plain)
	text(m, "trigger_id", &t.TriggerID, plain)
	text(m, "trigger_type", &t.TriggerType, plain)
	text(m, "workflow_id", &t.WorkflowID, plain)
	number(m, "workflow_version", &t.WorkflowVersion, 1, t.WorkflowVersion, plain)
	text(m, "variant", &t.Variant, plain)
	text(m, "step", &t.Step, plain.omitted())
	text(m, "resource_type", &t.Kind, plain)
	text(m, "resource_id", &t.ResourceID, plain)
	text(m, "customer_id", &t.CustomerID, plain)
	text(m, "execution_id", &t.ExecutionID, plain)
	number(m, "attempt", &t.Attempt, 1, t.Attempt, plain)
	text(m, "reply", &t.Reply, plain)
	block(m, "facts", &t.Facts, plain, basisMembers)
}

// basisMembers lists what decided, as it was then; what does not belong to the
// target is left out.
func basisMembers(m *members, b *workflow.Basis) {
	text(m, "customer_id", &b.CustomerID, plain.omitted())
	text(m, "customer_status", &b.CustomerStatus, plain.omitted())
	text(m, "invoice_id", &b.InvoiceID, plain.omitted())
	if b.InvoiceID != "" {
		text(m, "invoice_type", &b.InvoiceType, plain)
		text(m, "invoice_status", &b.InvoiceStatus, plain)
		text(m, "invoice_payment_status", &b.PaymentStatus, plain)
		object(m, "open_invoice_amount", &b.OpenAmount, plain, moneyMembers)
		flag(m, "on_hold", &b.OnHold, plain)
	}
	text(m, "payment_id", &b.PaymentID, plain.omitted())
	text(m, "payment_result", &b.PaymentResult, plain.omitted())
	text(m, "pricing_plan_subscription_id", &b.SubscriptionID, plain.omitted())
	text(m, "pricing_plan_subscription_status", &b.SubscriptionStatus, plain.omitted())
	text(m, "wallet_id", &b.WalletID, plain.omitted())
	text(m, "wallet_status", &b.WalletStatus, plain.omitted())
	block(m, "conditions", &b.Conditions, config, readingMembers)
	text(m, "superseded_by", &b.SupersededBy, plain.omitted())
}
