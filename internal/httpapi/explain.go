package httpapi

import (
	"net/http"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// viewOf is the permission to see the resources that workflows are about.
var viewOf = map[billing.Kind]auth.Permission{
	billing.KindInvoice: auth.InvoiceView, billing.KindPayment: auth.PaymentView,
	billing.KindSubscription: auth.SubscriptionView, billing.KindWallet: auth.WalletView,
}

// explain says what a workflow means to a resource of its type. Which that is, the
// workflow says, so the permission to see it is asked here.
func (s *server) explain(c *call) (reply, error) {
	name, err := c.named("idOrReference", "WORKFLOW")
	if err != nil {
		return reply{}, err
	}
	w, err := s.store.Workflow(c.Context(), c.platform, name)
	if err != nil {
		return reply{}, err
	}
	kind := engine.KindOf(w.Type)
	if p := viewOf[kind]; !c.principal.May(c.platform, p) {
		return reply{}, fault.New(fault.Forbidden,
			"a workflow of type %s is about what needs the permission %s, which your credential does not hold on this platform", w.Type, p)
	}
	params, err := c.parameters()
	if err != nil {
		return reply{}, err
	}
	id, _, err := single(params, "resource_id")
	switch {
	case err != nil:
		return reply{}, err
	case id == "":
		return reply{}, fault.At(fault.Missing, "resource_id", "resource_id is required: the id or reference of a resource of type %s", kind)
	case shortLine.check(id) != "" || !validText(id):
		return reply{}, fault.At(fault.Invalid, "resource_id", "resource_id must be %s", shortLine.check(""))
	}
	x, err := s.engine.Explain(c.Context(), c.platform, w, id)
	return answer(http.StatusOK, x, explanationMembers, err)
}

// explanationMembers lists the members of an explanation (contract B3).
func explanationMembers(m *members, x *engine.Explanation) {
	m.putText("object_type", "EXPLANATION", plain)
	instant(m, "at", &x.At, plain)
	text(m, "workflow_id", &x.Workflow.ID, plain)
	number(m, "workflow_version", &x.Workflow.Version, 1, x.Workflow.Version, plain)
	text(m, "workflow_status", &x.Workflow.Status, plain)
	m.putText("variant", string(x.Workflow.Variant()), plain)
	text(m, "resource_type", &x.Resource.Kind, plain)
	text(m, "resource_id", &x.Resource.ID, plain)
	text(m, "customer_id", &x.CustomerID, plain)
	text(m, "deadline_on", &x.Deadline, plain)
	m.putText("seller_timezone", zoneName(x.Seller), plain)
	m.putText("reader_timezone", zoneName(x.Reader), plain)
	m.key("facts")
	write(m.codec, &x.Facts, basisMembers)
	m.putList("steps", false, len(x.Steps), plain, func(i int) { write(m.codec, &x.Steps[i], explainedMembers) })
}

func zoneName(z *time.Location) string {
	if z == nil {
		return ""
	}
	return z.String()
}

func explainedMembers(m *members, s *engine.ExplainedStep) {
	text(m, "step", &s.Step, plain.omitted())
	text(m, "falls_on", &s.Date, plain)
	instant(m, "scheduled_at", &s.At, plain)
	fires := s.Fires()
	flag(m, "would_fire", &fires, plain)
	text(m, "status", &s.Trigger.Status, plain)
	reasonMembers(m, &s.Outlook)
	m.putList("actions", false, len(s.Actions), plain, func(i int) { write(m.codec, &s.Actions[i], actionOutlookMembers) })
	text(m, "trigger_id", &s.Trigger.ID, plain)
	m.putList("executions", false, len(s.Executions), plain, func(i int) { write(m.codec, &s.Executions[i], executionMembers) })
}

// reasonMembers tell the reason that counts with its sentence, and all that stands
// against it.
func reasonMembers(m *members, o *engine.Outlook) {
	reason := o.Reason()
	text(m, "reason", &reason, plain)
	m.putText("meaning", reason.Meaning(), plain)
	against(m, o.Against)
}

func against(m *members, list []workflow.Reason) {
	m.putList("against", false, len(list), plain, func(i int) {
		write(m.codec, &list[i], func(m *members, r *workflow.Reason) {
			text(m, "reason", r, plain)
			m.putText("meaning", r.Meaning(), plain)
		})
	})
}

func actionOutlookMembers(m *members, a *engine.ActionOutlook) {
	text(m, "action_id", &a.ActionID, plain)
	against(m, a.Against)
	text(m, "problem", &a.Defect, plain)
}
