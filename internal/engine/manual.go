package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// FireManually fires a workflow for one resource because a person asks for it.
// asked names the target (kind, resource, variant, step, details) and, if it is
// to be a certain one, the workflow; the customer may be left out. A manual
// trigger is free of uniqueness and lateness; what stops a message stops it too,
// here and again at the claim. Of several things that are wrong the error has
// them all, joined.
func (e *Engine) FireManually(ctx context.Context, p platform.ID, asked trigger.Trigger, then ...After[trigger.Trigger]) (trigger.Trigger, error) {
	var t trigger.Trigger
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		planning, err := tx.HoldPlanning(ctx, p)
		if err != nil {
			return err
		}
		m := manual{tx: tx, p: p, t: asked, now: e.clock(planning)}
		if m.set, err = e.rules(ctx, tx.Reader, p, planning); err != nil {
			return err
		}
		if err := m.look(ctx); err != nil {
			return err
		}
		if err := m.judge(ctx); err != nil {
			return err
		}
		executions := m.fire()
		t = m.t
		if _, err := tx.InsertTriggers(ctx, []trigger.Trigger{t}); err != nil {
			return err
		}
		if err := tx.InsertExecutions(ctx, executions); err != nil {
			return err
		}
		for _, x := range executions {
			tx.Wake(store.Lane{PlatformID: p, Number: x.Lane})
		}
		return after(ctx, tx, t, then)
	})
	return t, err
}

// manual is a trigger that a person asks for, on its way.
type manual struct {
	tx  *store.Tx
	p   platform.ID
	now time.Time
	set *ruleset
	t   trigger.Trigger

	facts    workflow.Facts
	workflow *workflow.Armed
	wrong    []error
}

// block is the member of the request that names the target.
func (m *manual) block() string {
	switch m.t.Kind {
	case billing.KindInvoice:
		return "invoice"
	case billing.KindPayment:
		return "payment"
	case billing.KindSubscription:
		return "pricing_plan_subscription"
	default:
		return "wallet"
	}
}

// target is the member of the request with the id of the target.
func (m *manual) target() string { return m.block() + "." + m.block() + "_id" }

func (m *manual) complain(kind fault.Kind, field, format string, args ...any) {
	m.wrong = append(m.wrong, fault.At(kind, field, format, args...))
}

// look reads the workflow and the states that decide. Nothing is locked: what
// changes meanwhile is asked again at the claim.
func (m *manual) look(ctx context.Context) error {
	if id := m.t.WorkflowID; id != "" {
		w, err := m.tx.Workflow(ctx, m.p, string(id))
		switch {
		case fault.Is(err, fault.NotFound) || (err == nil && w.ID != id):
			m.wrong = append(m.wrong, Mention{Field: "workflow_id", Type: workflowType}.unknown(string(id)))
		case err != nil:
			return err
		case w.Status != workflow.Active:
			m.wrong = append(m.wrong, fault.At(fault.State, "workflow_id", "workflow %s is %s, activate it first", id, w.Status).About("WORKFLOW", string(id)))
		default:
			m.workflow = m.set.Find(id)
		}
	}
	r, err := m.read(ctx, m.t.Kind, m.t.ResourceID)
	if err != nil {
		return err
	}
	if r == nil {
		m.unknown(m.target(), m.t.Kind, m.t.ResourceID)
		return errors.Join(m.wrong...)
	}
	return m.around(ctx, r)
}

func (m *manual) unknown(field string, kind billing.Kind, id string) {
	m.wrong = append(m.wrong, Mention{Field: field, Type: string(kind)}.unknown(id))
}

// around reads what the target belongs to.
func (m *manual) around(ctx context.Context, r billing.Resource) error {
	m.facts.Take(r)
	m.t.InvoiceID = billing.InvoiceOf(r)
	named := keys{}
	named.add(billing.KindInvoice, string(m.t.InvoiceID))
	named.add(billing.KindSchedule, m.t.Details.ScheduleID)
	if wallet := m.facts.Wallet; wallet != nil {
		named.add(billing.KindWalletType, string(wallet.WalletTypeID))
	}
	var schedule *billing.Schedule
	for kind, ids := range named {
		for id := range ids {
			state, err := m.read(ctx, kind, id)
			if err != nil {
				return err
			}
			m.facts.Take(state)
			if s, ok := state.(*billing.Schedule); ok {
				schedule = s
			}
		}
	}
	m.facts.Trial = m.facts.Subscription.ScheduleOf(m.t.Details.ScheduleID, schedule)
	owner := customerOf(r, m.facts)
	customer, err := m.read(ctx, billing.KindCustomer, string(owner))
	if err != nil {
		return err
	}
	m.facts.Take(customer)
	found := holds{}
	err = found.add(ctx, m.tx.Reader, m.p, hold.On(owner, m.facts.Invoice), m.now)
	m.facts.Holds = found.on(owner, m.facts.Invoice)
	return err
}

func (m *manual) read(ctx context.Context, kind billing.Kind, id string) (billing.Resource, error) {
	rows, err := m.tx.ReadResources(ctx, m.p, kind, []string{id})
	if err != nil {
		return nil, err
	}
	return rows[id].Resource()
}

// judge settles customer and workflow, and says what is wrong.
func (m *manual) judge(ctx context.Context) error {
	if c := m.facts.Customer; c == nil {
		m.complain(fault.State, m.target(), "the customer of the %s is not known yet (%s), store it first", m.block(), workflow.WaitingForCustomer)
	} else if given := m.t.CustomerID; given != "" && string(given) != c.ID {
		m.complain(fault.Invalid, "customer_id", "customer_id must be %.80q, whose the %s is, or be left out", c.ID, m.block())
	} else {
		m.t.CustomerID = billing.CustomerID(c.ID)
	}
	if pay := m.facts.Payment; pay != nil && pay.InvoiceID != "" && m.facts.Invoice == nil {
		m.complain(fault.State, m.target(), "the invoice %.80q of the payment is not known yet, store it first", pay.InvoiceID)
	}
	m.judgeTrial()
	m.judgeWallet()
	if m.t.WorkflowID == "" && m.facts.Customer != nil {
		m.choose()
	} else if m.workflow != nil {
		m.judgeWorkflow()
	}
	if len(m.wrong) > 0 {
		return errors.Join(m.wrong...)
	}
	reason, err := m.stops(ctx)
	if err != nil || reason == workflow.Sent {
		return err
	}
	why := stopped[reason]
	if pay := m.facts.Payment; pay != nil && !pay.Result.Failed() {
		why = "it has not failed, its result is " + string(pay.Result)
	}
	return fault.At(fault.State, m.target(), "nothing can be sent about this %s now: %s (%s)", m.block(), why, reason).
		About(string(m.t.Kind), m.t.ResourceID)
}

// stops says what forbids the message now. Nobody is dunned for money that is on
// its way, or that will be collected by itself.
func (m *manual) stops(ctx context.Context) (workflow.Reason, error) {
	if reason := m.facts.Stops(m.t.Variant); reason != workflow.Sent {
		return reason, nil
	}
	mailbox := platform.Mailbox(m.facts.Customer.Email)
	found, err := m.tx.Suppressed(ctx, m.p, []string{mailbox})
	if err != nil {
		return "", err
	}
	if found[mailbox] != "" {
		return workflow.Suppressed, nil
	}
	if m.facts.Invoice != nil {
		payments, err := m.tx.PaymentsOf(ctx, m.p, m.t.InvoiceID)
		if err != nil {
			return "", err
		}
		m.facts.Covered = covered(m.facts.Invoice, payments, m.now)
	}
	return m.facts.Collected(m.t.Variant, m.now), nil
}

// covered reports whether one of the payments is about to pay all that is open
// on their invoice.
func covered(i *billing.Invoice, payments []billing.Resource, now time.Time) bool {
	return slices.ContainsFunc(payments, func(r billing.Resource) bool {
		pay, ok := r.(*billing.Payment)
		return ok && pay.Covers(i, now)
	})
}

// stopped says what each reason means that stops a message at the request.
var stopped = map[workflow.Reason]string{
	workflow.CustomerClosed:     "its customer is closed",
	workflow.WaitingForCustomer: "what it belongs to is not known yet",
	workflow.VoidReason:         "it is void",
	workflow.NotFinal:           "it is not final",
	workflow.OnHold:             "it is on hold",
	workflow.Held:               "a hold stops it",
	workflow.Suppressed:         "the address of its customer is suppressed",
	workflow.PaidReason:         "it is paid",
	workflow.PaymentPending:     "a payment that covers it is on its way",
	workflow.AutoCharge:         "it will be collected by itself",
	workflow.Credited:           "no amount is open on it",
	workflow.SubscriptionEnded:  "the subscription has ended",
	workflow.WalletInactive:     "the wallet is not active",
}

func (m *manual) judgeTrial() {
	d := &m.t.Details
	schedule, end := m.block()+".pricing_plan_schedule_id", m.block()+".trial_end_at"
	switch trial := m.facts.Trial; {
	case m.t.Kind != billing.KindSubscription:
	case trial == nil:
		m.unknown(schedule, billing.KindSchedule, d.ScheduleID)
	case trial.Type == billing.DefaultSchedule:
		m.complain(fault.Invalid, schedule, "pricing_plan_schedule_id must name a schedule of type %s", billing.Trial)
	case trial.EndAt.IsZero():
		m.complain(fault.Invalid, schedule, "pricing_plan_schedule_id must name a schedule that ends")
	case !trial.EndAt.Equal(d.TrialEndAt):
		m.complain(fault.Invalid, end, "trial_end_at must be %s, the end of the schedule", trial.EndAt.UTC().Format(time.RFC3339))
	}
}

// judgeWallet fills in what the wallet says of itself; what was given must agree.
func (m *manual) judgeWallet() {
	w := m.facts.Wallet
	if w == nil {
		return
	}
	reference := ""
	if m.facts.Customer != nil {
		reference = m.facts.Customer.Reference
	}
	d := &m.t.Details
	for _, c := range []struct{ name, given, is string }{
		{"wallet_type_id", string(d.WalletTypeID), string(w.WalletTypeID)},
		{"customer_reference", d.CustomerReference, reference},
		{"wallet_reference", d.WalletReference, w.Reference},
	} {
		switch {
		case c.given == "" || c.given == c.is:
		case c.is == "":
			m.complain(fault.Invalid, "wallet."+c.name, "%s must be null or left out: there is none", c.name)
		default:
			m.complain(fault.Invalid, "wallet."+c.name, "%s must be %.80q, as the wallet has it", c.name, c.is)
		}
	}
	d.WalletTypeID, d.CustomerReference, d.WalletReference = w.WalletTypeID, reference, w.Reference
}

// choose finds the only ACTIVE workflow that answers to the target.
func (m *manual) choose() {
	customer := billing.CustomerID(m.facts.Customer.ID)
	found := m.set.Waiting(m.t.Variant, customer)
	if wallet := m.facts.Wallet; wallet != nil {
		found = m.set.Watching(wallet.WalletTypeID, customer)
	}
	found = slices.DeleteFunc(found, func(w *workflow.Armed) bool { return !w.Covers(customer) }) // who is excluded
	switch len(found) {
	case 0:
		m.complain(fault.Unprocessable, "workflow_id", "no ACTIVE workflow of variant %s has this customer in its scope", m.t.Variant)
	case 1:
		m.workflow = found[0]
		m.judgeStep()
	default:
		m.complain(fault.Missing, "workflow_id", "workflow_id is required: %d ACTIVE workflows of variant %s answer to this", len(found), m.t.Variant)
	}
}

// judgeWorkflow checks the workflow that was asked for against the target.
func (m *manual) judgeWorkflow() {
	w := m.workflow
	switch {
	case w.Variant() == m.t.Variant:
		m.judgeStep()
	case m.t.Kind == billing.KindWallet: // it has no manual block
		m.complain(fault.Unprocessable, "workflow_id", "workflow %s is one of variant %s, which is not about wallets", w.ID, w.Variant())
	default:
		m.complain(fault.Invalid, m.block()+".manual.variant", "variant must be %s, which workflow %s waits for", w.Variant(), w.ID)
	}
	out := workflow.Sent
	if m.facts.Customer != nil {
		out = w.LeavesOut(billing.CustomerID(m.facts.Customer.ID))
	}
	switch {
	case out == workflow.Excluded:
		m.complain(fault.Unprocessable, "workflow_id", "workflow %s excludes customer %.80q (%s)", w.ID, m.facts.Customer.ID, out)
	case out != workflow.Sent:
		m.complain(fault.Unprocessable, "workflow_id", "customer %.80q is out of the scope of workflow %s", m.facts.Customer.ID, w.ID)
	case m.facts.Wallet != nil && w.Wallet != nil && !w.Watches(m.facts.Wallet.WalletTypeID):
		m.complain(fault.Unprocessable, "workflow_id", "workflow %s is about wallets of another type", w.ID)
	}
}

// judgeStep checks that the period of an OVERDUE is one of the workflow's.
func (m *manual) judgeStep() {
	if m.t.Variant != workflow.Overdue {
		return
	}
	asked, _ := calendar.ParsePeriod(m.t.Step) // what is none is in no workflow
	steps := m.workflow.Steps()
	i := slices.IndexFunc(steps, func(p calendar.Period) bool { return p.Same(asked) })
	if i < 0 {
		m.complain(fault.Invalid, "invoice.manual.overdue.period", "period must be one of the workflow's: %s", fmt.Sprint(steps))
		return
	}
	m.t.Step = steps[i].String()
}

// fire makes the trigger what it is now, and its executions.
func (m *manual) fire() []execution.Execution {
	now, t := m.now, &m.t
	t.ID, t.PlatformID, t.Type, t.WorkflowID = trigger.ID(ident.New("wktr")), m.p, trigger.Manual, m.workflow.ID
	t.Status, t.Reason, t.WorkflowVersion = trigger.Fired, workflow.Sent, m.workflow.Version
	t.EventAt, t.CreatedAt, t.UpdatedAt = now, now, now
	t.Facts = m.facts.Basis()
	if len(m.workflow.Actions) == 0 {
		t.Status, t.Reason = trigger.Skipped, workflow.NoAction
	}
	return executionsOf(m.workflow, *t, now)
}
