package httpapi

import (
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// What each body names that must exist, in whatever order it comes.
var (
	workflowMentions = []engine.Mention{
		{Field: "customer_ids", Type: string(billing.KindCustomer), List: true},
		{Field: "exclude_customer_ids", Type: string(billing.KindCustomer), List: true},
	}
	actionMentions = []engine.Mention{
		{Field: "workflow_id", Type: "WORKFLOW"},
		{Field: "send_email_to_customer.integration_id", Type: "INTEGRATION"},
	}
	triggerMentions = []engine.Mention{
		{Field: "workflow_id", Type: "WORKFLOW"},
		{Field: "invoice.invoice_id", Type: string(billing.KindInvoice)},
		{Field: "payment.payment_id", Type: string(billing.KindPayment)},
		{Field: "pricing_plan_subscription.pricing_plan_subscription_id", Type: string(billing.KindSubscription)},
		{Field: "wallet.wallet_id", Type: string(billing.KindWallet)},
	}
)

// orMissing returns of a fault of the body itself, and of what the body names
// and does not exist, that which stands first in the document. What is wrong by
// itself is known without the store, which is asked only about what stands before.
func (s *server) orMissing(c *call, doc *tree, err error, may []engine.Mention) error {
	wrong := fault.As(err)
	if wrong == nil || wrong.Field == "" {
		return err
	}
	before := doc.locate(wrong.Field)
	var asked []engine.Mention
	for _, m := range may {
		if m.IDs = doc.words(m.Field); m.IDs != nil && doc.locate(m.Field) < before {
			asked = append(asked, m)
		}
	}
	if missing := s.engine.Missing(c.Context(), c.platform, asked...); missing != nil {
		return doc.first(missing)
	}
	return err
}

// words returns the texts at a dotted path that can be ids: one, or those of a
// list up to the first that is none.
func (t *tree) words(path string) []string {
	i := t.find(path)
	if i < 0 {
		return nil
	}
	first := i
	if t.nodes[i].kind == '[' {
		if first = t.nodes[i].first; first == 0 {
			return nil
		}
	}
	var ids []string
	for n := first; n != 0 && len(ids) < maxCustomers; n = t.nodes[n].next {
		v := &t.nodes[n]
		if v.kind != '"' || identifier.check(v.text) != "" || !validText(v.text) {
			break
		}
		ids = append(ids, v.text)
		if first == i { // not in a list: what follows are other members
			break
		}
	}
	return ids
}
