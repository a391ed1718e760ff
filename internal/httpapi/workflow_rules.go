package httpapi

import (
	"fmt"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// checkNewWorkflow judges a workflow that is created (contract A4).
func checkNewWorkflow(c *codec, w *workflow.Workflow) {
	if w.Status == workflow.Archived {
		c.fault(fault.Invalid, "status", "status must be ACTIVE, INACTIVE or DRAFT: a workflow is not created archived")
	}
	checkWorkflow(c, w, w.Status != workflow.Draft && w.Status != "")
	checkConditions(c, &workflow.Workflow{}, w)
}

// checkChangedWorkflow returns the judge of a patch of old.
func checkChangedWorkflow(old workflow.Workflow) func(*codec, *workflow.Workflow) {
	return func(c *codec, w *workflow.Workflow) {
		if w.Type != old.Type {
			c.fault(fault.Invalid, "type", fmt.Sprintf("type must stay %s: the type of a workflow never changes", old.Type))
			return
		}
		if err := old.Status.Move(w.Status); err != nil {
			c.fault(fault.State, "status", fault.As(err).Message)
		}
		if old.Status == workflow.Active && w.Variant() != old.Variant() {
			c.fault(fault.State, blockName(w.Type)+".variant",
				fmt.Sprintf("variant must stay %s while the workflow is ACTIVE, deactivate it first", old.Variant()))
		}
		abandoned := w.Status == workflow.Archived && (old.Status == workflow.Draft || old.Status == workflow.Archived)
		checkWorkflow(c, w, w.Status != workflow.Draft && !abandoned)
		checkConditions(c, &old, w)
	}
}

// checkWorkflow judges what a workflow says. A DRAFT may be incomplete, but
// nothing in it may be wrong.
func checkWorkflow(c *codec, w *workflow.Workflow, complete bool) {
	if w.CustomerIDs != nil {
		if len(w.CustomerIDs) == 0 {
			c.fault(fault.Invalid, "customer_ids", "customer_ids must name a customer, or be null for every customer")
		}
		w.CustomerIDs = unique(w.CustomerIDs)
	}
	if w.ExcludedIDs = unique(w.ExcludedIDs); len(w.ExcludedIDs) == 0 {
		w.ExcludedIDs = nil // nobody is excluded: not set
	}
	if h := w.Schedule.Window(); h.Until <= h.From {
		name, other := "send_until", "after send_at, which is "+h.From.String()
		if w.Schedule.SendUntil == nil {
			name, other = "send_at", "before send_until, which is "+h.Until.String()
		}
		c.fault(fault.Invalid, "schedule."+name, name+" must be "+other)
	}
	if w.Type == "" {
		return // said already, and nothing else can be judged
	}
	checkBlocks(c, w, complete)
	if w.Invoice != nil {
		checkInvoiceConfig(c, w.Invoice, complete)
	}
	if w.Payment != nil && complete && w.Payment.Variant == "" {
		missing(c, "payment.variant")
	}
	if w.Subscription != nil {
		checkSubscriptionConfig(c, w.Subscription, complete)
	}
	if w.Wallet != nil {
		checkWalletConfig(c, w.Wallet, complete)
	}
}

func missing(c *codec, path string) {
	_, name, found := cutLast(path, '.')
	if !found {
		name = path
	}
	c.fault(fault.Missing, path, name+" is required in every status but DRAFT")
}

// blockName is the member with the configuration of a type.
func blockName(t workflow.Type) string {
	switch t {
	case workflow.Invoice:
		return "invoice"
	case workflow.Payment:
		return "payment"
	case workflow.Subscription:
		return "pricing_plan_subscription"
	default:
		return "wallet"
	}
}

// checkBlocks asks for the block of the type and for no other.
func checkBlocks(c *codec, w *workflow.Workflow, complete bool) {
	present := map[workflow.Type]bool{
		workflow.Invoice: w.Invoice != nil, workflow.Payment: w.Payment != nil,
		workflow.Subscription: w.Subscription != nil, workflow.Wallet: w.Wallet != nil,
	}
	for _, t := range workflow.Types {
		name := blockName(t)
		switch {
		case t == w.Type && !present[t] && complete:
			missing(c, name)
		case t != w.Type && present[t]:
			c.fault(fault.Invalid, name, fmt.Sprintf("%s must be left out: the configuration of a workflow of type %s is in %s",
				name, w.Type, blockName(w.Type)))
		}
	}
}

func checkInvoiceConfig(c *codec, i *workflow.InvoiceConfig, complete bool) {
	if i.Variant == "" {
		if complete {
			missing(c, "invoice.variant")
		}
		checkPeriods(c, "invoice.overdue.periods", periodsOf(i.Overdue))
		checkPeriods(c, "invoice.upcoming_payment.periods", periodsOf(i.UpcomingPayment))
		return
	}
	for _, b := range []struct {
		name    string
		variant workflow.Variant
		periods *workflow.Periods
	}{
		{"invoice.overdue", workflow.Overdue, i.Overdue},
		{"invoice.upcoming_payment", workflow.UpcomingPaymentRemind, i.UpcomingPayment},
	} {
		switch {
		case b.variant != i.Variant && b.periods != nil:
			_, name, _ := cutLast(b.name, '.')
			c.fault(fault.Invalid, b.name, fmt.Sprintf("%s must be left out: it belongs to variant %s, not to %s", name, b.variant, i.Variant))
		case b.variant == i.Variant && b.periods == nil && complete:
			missing(c, b.name)
		case b.variant == i.Variant && b.periods != nil && len(b.periods.Periods) == 0 && complete:
			missing(c, b.name+".periods")
		default:
			checkPeriods(c, b.name+".periods", periodsOf(b.periods))
		}
	}
}

func periodsOf(p *workflow.Periods) []calendar.Period {
	if p == nil {
		return nil
	}
	return p.Periods
}

// checkPeriods refuses two periods that always name the same day.
func checkPeriods(c *codec, path string, periods []calendar.Period) {
	for i, p := range periods {
		if p.Value == 0 || p.Type == "" {
			return // said already
		}
		if j := slices.IndexFunc(periods[:i], p.Same); j >= 0 {
			c.fault(fault.Invalid, fmt.Sprintf("%s.%d", path, i),
				fmt.Sprintf("each of the periods must name another day: %s and %s are the same", p, periods[j]))
			return
		}
	}
}

func checkSubscriptionConfig(c *codec, s *workflow.SubscriptionConfig, complete bool) {
	const path = "pricing_plan_subscription"
	if complete && s.Variant == "" {
		missing(c, path+".variant")
	}
	if complete && len(s.ReminderPeriods) == 0 {
		missing(c, path+".reminder_periods")
	}
	checkPeriods(c, path+".reminder_periods", s.ReminderPeriods)
}

func checkWalletConfig(c *codec, w *workflow.WalletConfig, complete bool) {
	if complete && w.Variant == "" {
		missing(c, "wallet.variant")
	}
	b := w.Balance
	if b == nil {
		if complete {
			missing(c, "wallet.wallet_balance")
		}
		return
	}
	if complete && b.Comparator == "" {
		missing(c, "wallet.wallet_balance.comparator")
	}
	if b.Threshold != nil {
		checkThreshold(c, b.Threshold, complete)
	} else if complete {
		missing(c, "wallet.wallet_balance.threshold")
	}
}

func checkThreshold(c *codec, t *workflow.Threshold, complete bool) {
	const path = "wallet.wallet_balance.threshold"
	given := 0
	for _, is := range []bool{t.Percentage != "", t.Amount != nil, t.Credits != nil} {
		if is {
			given++
		}
	}
	const want = "threshold must have exactly one of percentage, amount and credits"
	switch {
	case given > 1:
		c.fault(fault.Invalid, path, want)
	case given == 0 && complete:
		// What is missing is missing at the end, behind what may be wrong.
		c.report(c.doc.locate(path+".percentage"), fault.Missing, path, want)
	}
	if p := t.Percentage; p != "" && (p.Sign() <= 0 || p.Cmp(billing.Decimal("100")) > 0) {
		c.fault(fault.Invalid, path+".percentage", "percentage must be above 0 and at most 100")
	}
}

// unique drops what was named before, keeping the order.
func unique[T comparable](list []T) []T {
	seen := make(map[T]struct{}, len(list))
	return slices.DeleteFunc(list, func(v T) bool {
		_, again := seen[v]
		seen[v] = struct{}{}
		return again
	})
}
