package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func (w *world) delete(kind billing.Kind, id string) {
	w.Helper()
	w.must(w.e.DeleteResource(w.ctx, w.p, billing.Key{Kind: kind, ID: id}))
	if w.resource(kind, id) != nil {
		w.Errorf("%s %s is still there", kind, id)
	}
}

// reminderOfTrials makes a workflow that can be fired by hand.
func (w *world) reminderOfTrials() {
	w.Helper()
	wf, err := w.e.CreateWorkflow(w.ctx, w.p, workflow.Workflow{
		Name: "w", Reference: "trials", Type: workflow.Subscription, Status: workflow.Active,
		Subscription: &workflow.SubscriptionConfig{
			Variant: workflow.FreeTrialReminder, ReminderPeriods: []calendar.Period{{Type: calendar.Day, Value: 3}},
		},
	})
	w.must(err)
	_, err = w.e.CreateAction(w.ctx, w.p, workflow.Action{
		WorkflowID: wf.ID, Type: workflow.SendEmailToCustomer, Status: workflow.Active, SendEmail: &workflow.SendEmail{
			IntegrationID: w.intg, TemplateName: "default", From: &workflow.Mailbox{Email: "billing@acme.example"}, Variant: workflow.Subscription,
		},
	})
	w.must(err)
}

// everything makes a customer with one resource of each kind and a pending message
// about each.
func (w *world) everything() {
	w.Helper()
	w.workflow(workflow.ToFinal)
	w.workflow(workflow.FailedPayment)
	w.workflow(workflow.WalletBalance)
	w.reminderOfTrials()
	trial := w.now.Add(24 * time.Hour)
	subscription := &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive}
	subscription.ID = "s1"
	schedule := &billing.Schedule{Type: billing.Trial, SubscriptionID: "s1", EndAt: trial}
	schedule.ID = "d1"
	loose := w.payment("p2", "")
	loose.CustomerID = "c1"
	w.ingest(w.customer("c1"), w.invoice("i1", "c1"), w.invoice("i2", "c1"), w.payment("p1", "i1"), loose, subscription, schedule)
	w.ingest(w.wallet("w1", "c1", "900"))
	w.ingest(w.wallet("w1", "c1", "1"))
	_, err := w.e.FireManually(w.ctx, w.p, trigger.Trigger{
		Key:     trigger.Key{Kind: billing.KindSubscription, Variant: workflow.FreeTrialReminder, ResourceID: "s1", Step: "DAY:3"},
		Details: trigger.Details{ScheduleID: "d1", TrialEndAt: trial},
	})
	w.must(err)
}

// pending are the resources that pending messages are about; of all others it is
// checked that they were cancelled because something was deleted.
func (w *world) pending() []string {
	w.Helper()
	var list []string
	for _, x := range w.executions() {
		switch {
		case x.Status == execution.Pending:
			list = append(list, x.ResourceID)
		case x.Status != execution.Cancelled || x.Reason != workflow.Deleted:
			w.Errorf("%s: got %s %s", x.ResourceID, x.Status, x.Reason)
		}
	}
	slices.Sort(list)
	return list
}

func TestDeletionCancelsWhatIsPending(t *testing.T) {
	for name, c := range map[string]struct {
		kind billing.Kind
		id   string
		left []string
	}{
		"an invoice takes the messages about its payments along": {billing.KindInvoice, "i1", []string{"i2", "p2", "s1", "w1"}},
		"a payment of an invoice":                                {billing.KindPayment, "p1", []string{"i1", "i2", "p2", "s1", "w1"}},
		"a payment of no invoice":                                {billing.KindPayment, "p2", []string{"i1", "i2", "p1", "s1", "w1"}},
		"a subscription":                                         {billing.KindSubscription, "s1", []string{"i1", "i2", "p1", "p2", "w1"}},
		"a schedule":                                             {billing.KindSchedule, "d1", []string{"i1", "i2", "p1", "p2", "w1"}},
		"a wallet":                                               {billing.KindWallet, "w1", []string{"i1", "i2", "p1", "p2", "s1"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				w.everything()
				if got := w.pending(); len(got) != 6 {
					w.Fatalf("the control: got %q", got)
				}
				w.delete(c.kind, c.id)
				if got := w.pending(); !slices.Equal(got, c.left) {
					w.Errorf("got %q pending, want %q", got, c.left)
				}
				if err := w.e.DeleteResource(w.ctx, w.p, billing.Key{Kind: c.kind, ID: c.id}); !fault.Is(err, fault.NotFound) {
					w.Errorf("deleted again: got %v", err)
				}
			})
		})
	}
}

// TestATrialThatIsToldTwice: a schedule goes, and its subscription still tells of it.
func TestATrialThatIsToldTwice(t *testing.T) {
	onBoth(t, func(w *world) {
		w.everything()
		told := &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive, Schedules: []billing.ScheduleInfo{
			{ID: "d1", Type: billing.Trial, EndAt: w.now.Add(24 * time.Hour)},
		}}
		told.ID = "s1"
		w.ingest(told)
		w.delete(billing.KindSchedule, "d1")
		if got := w.pending(); !slices.Contains(got, "s1") {
			w.Errorf("got %q pending, want the trial's among them", got)
		}
	})
}

// TestDeletedAndTold: a later state begins a new life, and what was pending stays
// cancelled unless it happens anew.
func TestDeletedAndTold(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.workflow(workflow.FailedPayment)
		state := func(n int64) *billing.Invoice {
			in := w.invoice("i1", "c1")
			in.Version = billing.Version{Kind: billing.ByNumber, Number: n}
			return in
		}
		// One whose customer is not known waits, and ends with what it is about.
		w.ingest(state(1))
		w.delete(billing.KindInvoice, "i1")
		if list := w.triggers(); len(list) != 1 || list[0].Status != trigger.Skipped || list[0].Reason != workflow.Deleted {
			w.Errorf("what waited: got %+v", list)
		}
		w.ingest(w.customer("c1"))
		if got := w.pending(); got != nil {
			w.Errorf("it came back with its customer: %q", got)
		}
		for _, r := range w.ingest(state(1)) {
			if !r.Stale {
				w.Errorf("the state that was deleted: got %+v", r)
			}
		}
		w.ingest(state(2))
		if got := w.pending(); !slices.Equal(got, []string{"i1"}) {
			w.Errorf("a later state: got %q pending", got)
		}
		// A payment whose invoice is deleted is judged without it.
		w.ingest(w.payment("p1", "i1"))
		w.delete(billing.KindInvoice, "i1")
		w.drain()
		if len(w.outbox()) != 0 {
			w.Error("something was sent about what was deleted")
		}
		w.delete(billing.KindPayment, "p1")
		moments := w.timeline(billing.KindInvoice, "i1")
		if !slices.ContainsFunc(moments, func(m execution.Moment) bool { return m.ResourceID == "p1" && m.Reason == workflow.Deleted }) {
			w.Errorf("the invoice's timeline does not tell of its payment: %+v", moments)
		}
	})
}

func TestDeletionIsRefused(t *testing.T) {
	onBoth(t, func(w *world) {
		seller := &billing.BillingEntity{Head: billing.Head{ID: "b1"}}
		walletType := &billing.WalletType{Head: billing.Head{ID: "t1"}, Status: billing.WalletActive}
		w.ingest(seller, walletType, w.customer("c1"), w.wallet("w1", "c1", "5"))
		refused := func(kind billing.Kind, id, by string) {
			w.Helper()
			err := w.e.DeleteResource(w.ctx, w.p, billing.Key{Kind: kind, ID: id})
			if f := fault.As(err); f == nil || f.Kind != fault.State || f.ResourceID != by {
				w.Errorf("%s: got %v, want it refused because of %s", kind, err, by)
			}
		}
		refused(billing.KindWalletType, "t1", "w1")
		archived := w.wallet("w1", "c1", "5")
		archived.Status = billing.WalletArchived
		w.ingest(archived)
		w.delete(billing.KindWalletType, "t1")

		byDefault := func(id string) {
			_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { p.DefaultBillingEntityID = id; return nil })
			w.must(err)
		}
		byDefault("b1")
		refused(billing.KindBillingEntity, "b1", string(w.p))
		byDefault("")
		src, err := w.e.CreateSource(w.ctx, platform.Source{PlatformID: w.p, Type: platform.Stripe, SigningSecret: "x", DefaultBillingEntityID: "b1"})
		w.must(err)
		refused(billing.KindBillingEntity, "b1", string(src.ID))
		_, err = w.e.ChangeSource(w.ctx, w.p, string(src.ID), func(s *platform.Source) error { s.DefaultBillingEntityID = ""; return nil })
		w.must(err)
		w.delete(billing.KindBillingEntity, "b1")
	})
}

// TestDeleteIntegration: nothing loses the way out that it needs, an attempt that is
// under way included.
func TestDeleteIntegration(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		wf := w.workflow(workflow.ToFinal, func(wf *workflow.Workflow) { wf.OnAmbiguous = workflow.Resend })
		actions, err := w.s.ActionsOf(w.ctx, w.p, wf.ID)
		w.must(err)
		refused := func(by string) {
			w.Helper()
			_, err := w.e.DeleteIntegration(w.ctx, w.p, string(w.intg))
			if f := fault.As(err); f == nil || f.Kind != fault.State || f.ResourceID != by {
				w.Errorf("got %v, want it refused because of %s", err, by)
			}
		}
		refused(string(actions[0].ID))
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		p.answers = []execution.Outcome{{Kind: execution.Unknown}}
		p.during = func() {
			for _, status := range []workflow.Status{workflow.Inactive, workflow.Archived} {
				_, err := w.e.ChangeAction(w.ctx, w.p, actions[0].ID, func(a *workflow.Action, _ workflow.Workflow) error { a.Status = status; return nil })
				w.must(err)
			}
			refused(string(w.executions()[0].ID)) // it is SENDING
			p.during = nil
		}
		w.drain()
		refused(string(w.executions()[0].ID)) // it waits to be sent again
		w.later(time.Hour)
		in, err := w.e.DeleteIntegration(w.ctx, w.p, string(w.intg))
		if err != nil || in.ID != w.intg {
			w.Fatalf("got %v, want it deleted", err)
		}
		if _, err := w.s.Integration(w.ctx, w.p, string(w.intg)); !fault.Is(err, fault.NotFound) {
			w.Errorf("got %v, want it gone", err)
		}
	})
}

func (w *world) timeline(kind billing.Kind, id string) []execution.Moment {
	w.Helper()
	page, err := w.s.Timeline(w.ctx, w.p, kind, id, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	return page.Items
}
