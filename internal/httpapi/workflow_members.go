package httpapi

import (
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

const (
	maxCustomers = 10_000
	maxPeriods   = 100
)

// workflowMembers lists the members of a workflow (contract A4, B5).
func workflowMembers(m *members, w *workflow.Workflow) {
	m.served("WORKFLOW", string(w.ID))
	text(m, "name", &w.Name, shortLine.required().trimmed())
	text(m, "description", &w.Description, prose)
	enum(m, "type", &w.Type, workflow.Types, plain.required())
	text(m, "reference", &w.Reference, identifier.required())
	enum(m, "status", &w.Status, workflow.Statuses, plain.required())
	texts(m, "customer_ids", &w.CustomerIDs, maxCustomers, identifier)
	texts(m, "exclude_customer_ids", &w.ExcludedIDs, maxCustomers, identifier.omitted())
	block(m, "invoice", &w.Invoice, config, invoiceConfigMembers)
	block(m, "payment", &w.Payment, config, paymentConfigMembers)
	block(m, "pricing_plan_subscription", &w.Subscription, config, subscriptionConfigMembers)
	block(m, "wallet", &w.Wallet, config, walletConfigMembers)
	object(m, "schedule", &w.Schedule, plain.omitted(), scheduleMembers)
	onAmbiguousMember(m, w)
	priorityMember(m, w)
	text(m, "conditions", &w.Conditions, conditions.omitted())
	unsupported(m, "grouping")
	if m.mode == encode {
		number(m, "version", &w.Version, 1, w.Version, plain)
	}
	m.times(w.CreatedAt, w.UpdatedAt)
}

func invoiceConfigMembers(m *members, c *workflow.InvoiceConfig) {
	enum(m, "variant", &c.Variant, workflow.Variants[workflow.Invoice], plain.notNull().omitted())
	block(m, "overdue", &c.Overdue, config, periodsMembers)
	block(m, "upcoming_payment", &c.UpcomingPayment, config, periodsMembers)
}

func paymentConfigMembers(m *members, c *workflow.PaymentConfig) {
	enum(m, "variant", &c.Variant, workflow.Variants[workflow.Payment], plain.notNull().omitted())
}

func subscriptionConfigMembers(m *members, c *workflow.SubscriptionConfig) {
	enum(m, "variant", &c.Variant, workflow.Variants[workflow.Subscription], plain.notNull().omitted())
	objects(m, "reminder_periods", &c.ReminderPeriods, maxPeriods, plain, periodMembers)
}

func walletConfigMembers(m *members, c *workflow.WalletConfig) {
	enum(m, "variant", &c.Variant, workflow.Variants[workflow.Wallet], plain.notNull().omitted())
	block(m, "wallet_balance", &c.Balance, config, balanceConfigMembers)
}

func periodsMembers(m *members, p *workflow.Periods) {
	objects(m, "periods", &p.Periods, maxPeriods, plain.notNull().omitted(), periodMembers)
}

func periodMembers(m *members, p *calendar.Period) {
	enum(m, "type", &p.Type, calendar.Units, plain.required())
	most := p.Type.MaxValue()
	if most == 0 { // the unit itself is wrong, which is said already
		most = calendar.MaxPeriodDays
	}
	number(m, "value", &p.Value, 1, most, plain.required())
}

// comparators are those of the published twelve that a wallet accepts.
var comparators = []string{"LESS_THAN"}

func balanceConfigMembers(m *members, c *workflow.BalanceConfig) {
	text(m, "wallet_type_id", &c.WalletTypeID, identifier)
	enum(m, "comparator", &c.Comparator, comparators, plain.notNull().omitted())
	block(m, "threshold", &c.Threshold, config, thresholdMembers)
}

func thresholdMembers(m *members, t *workflow.Threshold) {
	decimal(m, "percentage", &t.Percentage, plain)
	block(m, "amount", &t.Amount, config, moneyMembers)
	block(m, "credits", &t.Credits, config, creditsMembers)
}

// scheduleMembers lists what a workflow says of the hours and days of sending
// (contract B5). What is not set is not written.
func scheduleMembers(m *members, s *workflow.Schedule) {
	timeOfDay(m, "send_at", &s.SendAt)
	timeOfDay(m, "send_until", &s.SendUntil)
	if m.mode != encode || s.BusinessDaysOnly {
		flag(m, "business_days_only", &s.BusinessDaysOnly, plain.omitted())
	}
	enum(m, "catch_up", &s.CatchUp, workflow.CatchUps, plain.omitted())
	object(m, "max_lateness", &s.MaxLateness, plain.omitted(), periodMembers)
	enum(m, "backfill", &s.Backfill, workflow.Backfills, plain.omitted())
}

var onAmbiguous = []workflow.OnAmbiguous{workflow.Hold, workflow.Resend}

// onAmbiguousMember is written when it is not the default.
func onAmbiguousMember(m *members, w *workflow.Workflow) {
	if m.mode == encode && w.OnAmbiguous == workflow.Hold {
		return
	}
	enum(m, "on_ambiguous", &w.OnAmbiguous, onAmbiguous, plain.omitted())
	if m.mode != encode && w.OnAmbiguous == "" {
		w.OnAmbiguous = workflow.Hold
	}
}
