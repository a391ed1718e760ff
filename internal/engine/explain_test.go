package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func (w *world) explain(id workflow.ID, resource string) engine.Explanation {
	w.Helper()
	wf, err := w.s.Workflow(w.ctx, w.p, string(id))
	w.must(err)
	x, err := w.e.Explain(w.ctx, w.p, wf, resource)
	w.must(err)
	return x
}

// explained writes an explanation, a step a line.
func (w *world) explained(id workflow.ID, resource string) string {
	w.Helper()
	x := w.explain(id, resource)
	var out []string
	for _, s := range x.Steps {
		line := fmt.Sprintf("%s %s", s.Step, s.Date)
		if !s.At.IsZero() {
			line += " " + s.At.UTC().Format("2006-01-02T15:04")
		}
		if line += fmt.Sprintf(" %s %v", s.Trigger.Status, s.Against); s.Fires() {
			line += " fires"
		}
		for _, a := range s.Actions {
			if len(a.Against) > 0 || a.Defect != "" {
				line += fmt.Sprint(" but ", a.Against, a.Defect)
			}
		}
		for _, e := range s.Executions {
			line += " " + string(e.Status)
		}
		out = append(out, strings.TrimSpace(line))
	}
	return strings.Join(out, "\n")
}

func (w *world) expect(what, got string, want ...string) {
	w.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), got); diff != "" {
		w.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

func TestExplainTellsAllThatStandsAgainst(t *testing.T) {
	onBoth(t, func(w *world) {
		c := w.customer("c1")
		w.ingest(c, w.customer("c2"))
		flow := w.overdue(1, 3, 7)
		w.ingest(w.due("i1", "c1", "2026-11-24"))
		w.expect("nothing", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-25 2026-11-25T08:00 PLANNED [] fires", "DAY:3 2026-11-27 2026-11-27T08:00 PLANNED [] fires",
			"DAY:7 2026-12-01 2026-12-01T08:00 PLANNED [] fires")
		w.until("2026-11-25T09:00:00Z")
		w.expect("one is gone", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-25 2026-11-25T08:00 FIRED [] SENT", "DAY:3 2026-11-27 2026-11-27T08:00 PLANNED [] fires",
			"DAY:7 2026-12-01 2026-12-01T08:00 PLANNED [] fires")

		paid := w.due("i1", "c1", "2026-11-24")
		paid.PaymentStatus, paid.OnHold = billing.Paid, true
		w.ingest(paid)
		c.Status = billing.CustomerClosed
		c.NotificationPreferences = []billing.Preference{{Type: "INVOICE", Channels: []billing.Channel{{Type: "EMAIL"}}}}
		w.ingest(c)
		w.hold(billing.KindInvoice, "i1", hold.Dispute, "")
		w.suppress("c1@customer.example")
		w.change(flow, func(x *workflow.Workflow) {
			x.CustomerIDs, x.ExcludedIDs = []billing.CustomerID{"c2"}, []billing.CustomerID{"c1"}
		})
		_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
			p.Sending = platform.Paused
			return nil
		})
		w.must(err)
		all := "[EXCLUDED OUT_OF_SCOPE CUSTOMER_CLOSED ON_HOLD PAID HELD SENDING_PAUSED]"
		w.expect("all at once", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-25 2026-11-25T08:00 FIRED [] SENT",
			"DAY:3 2026-11-27 2026-11-27T08:00 CANCELLED [ON_HOLD EXCLUDED OUT_OF_SCOPE CUSTOMER_CLOSED PAID HELD SENDING_PAUSED] but [PREFERENCE_OFF SUPPRESSED]",
			"DAY:7 2026-12-01 2026-12-01T08:00 SKIPPED "+all+" but [PREFERENCE_OFF SUPPRESSED]")
	})
}

func TestExplainOfAWorkflowThatIsNotActive(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"))
		flow := w.overdue(1, 7)
		w.ingest(w.due("i1", "c1", "2026-11-20"))
		w.change(flow, func(x *workflow.Workflow) { x.Status = workflow.Inactive })
		w.expect("as if it were activated now", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-21 2026-11-21T08:00  [WORKFLOW_INACTIVE BEFORE_ACTIVATION]",
			"DAY:7 2026-11-27 2026-11-27T08:00 PLANNED [WORKFLOW_INACTIVE]")
		w.change(flow, func(x *workflow.Workflow) { x.Schedule.Backfill = workflow.ByAge })
		w.expect("it would send the newest that passed", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-21 2026-11-23T09:00 PLANNED [WORKFLOW_INACTIVE]",
			"DAY:7 2026-11-27 2026-11-27T08:00 PLANNED [WORKFLOW_INACTIVE]")
		w.change(flow, func(x *workflow.Workflow) { x.Status = workflow.Active })
		w.tick()
		w.expect("and does", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-21 2026-11-23T09:00 FIRED [] SENT",
			"DAY:7 2026-11-27 2026-11-27T08:00 PLANNED [] fires")
	})
}

func TestExplainAsWhenItsTimeComes(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"))
		flow := w.overdue(1, 20)
		w.ingest(w.due("i1", "c1", "2026-11-23"), w.due("i2", "c1", "2026-11-23"))
		w.hold(billing.KindInvoice, "i1", hold.Dispute, "2026-11-30")
		w.expect("a hold that ends before is no reason", w.explained(flow.ID, "i1"),
			"DAY:1 2026-11-24 2026-11-24T08:00 PLANNED [HELD]", "DAY:20 2026-12-13 2026-12-13T08:00 PLANNED [] fires")
		pending := w.payment("p2", "i2")
		pending.Result = billing.Pending
		w.ingest(pending)
		w.expect("nor is a payment that has got lost by then", w.explained(flow.ID, "i2"),
			"DAY:1 2026-11-24 2026-11-24T08:00 PLANNED [PAYMENT_PENDING]", "DAY:20 2026-12-13 2026-12-13T08:00 PLANNED [] fires")
	})
}

func TestExplainEvents(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"))
		old := w.invoice("i0", "c1")
		w.ingest(old)
		final := w.workflow(workflow.ToFinal)
		draft := w.invoice("i1", "c1")
		draft.Status = billing.InvoiceDraft
		w.ingest(draft)
		w.expect("it was final before", w.explained(final.ID, "i0"), "[NO_EVENT]")
		w.expect("it is not final yet", w.explained(final.ID, "i1"), "[NOT_FINAL NO_EVENT]")
		w.ingest(w.invoice("i2", "c1"))
		w.drain()
		w.expect("it is gone", w.explained(final.ID, "i2"), "2026-11-23T09:00 FIRED [] SENT")
		w.ingest(w.invoice("i3", "nobody"))
		w.expect("it waits", w.explained(final.ID, "i3"), "2026-11-23T09:00 PLANNED [WAITING_FOR_CUSTOMER]")

		failed := w.workflow(workflow.FailedPayment)
		w.ingest(w.payment("p1", "i0"))
		w.drain()
		w.expect("a payment", w.explained(failed.ID, "p1"), "2026-11-23T09:00 FIRED [] SENT")
		low := w.workflow(workflow.WalletBalance)
		w.ingest(w.wallet("x1", "c1", "100"))
		w.expect("enough is left", w.explained(low.ID, "x1"), "[BALANCE_RESTORED NO_EVENT]")
		w.ingest(w.wallet("x1", "c1", "1"))
		w.drain()
		w.expect("it fell", w.explained(low.ID, "x1"), "2026-11-23T09:00 FIRED [] SENT")

		trial := w.workflow(workflow.FreeTrialReminder, func(x *workflow.Workflow) { x.Subscription.ReminderPeriods = inDays(2) })
		sub := &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive}
		sub.ID = "s1"
		w.ingest(sub)
		w.expect("it has no trial", w.explained(trial.ID, "s1"), "DAY:2  2026-11-23T09:00  [NO_DATE]")
		told := &billing.Schedule{SubscriptionID: "s1", Type: billing.Trial, EndAt: w.now.AddDate(0, 0, 10)}
		told.ID = "t1"
		w.ingest(told)
		w.expect("its trial is told by itself", w.explained(trial.ID, "s1"), "DAY:2 2026-12-01 2026-12-01T08:00 PLANNED [] fires")
	})
}

func TestExplainRefuses(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t), nil)
	flow := w.overdue(1)
	if _, err := w.e.Explain(w.ctx, w.p, flow, "nobody"); !fault.Is(err, fault.UnknownID) || fault.As(err).Field != "resource_id" {
		t.Errorf("of nothing: got %v, want a fault of resource_id", err)
	}
	flow.Invoice = nil
	if _, err := w.e.Explain(w.ctx, w.p, flow, "nobody"); !fault.Is(err, fault.State) {
		t.Errorf("without a variant: got %v, want a fault of its state", err)
	}
}

// TestExplainAgreesWithWhatHappens: of every workflow and resource, what is said
// to go goes, then, and nothing else does.
func TestExplainAgreesWithWhatHappens(t *testing.T) {
	for seed := range seeds {
		if testing.Short() && seed > 0 {
			break // the race detector is not what finds a wrong date
		}
		onBoth(t, func(w *world) {
			s := someone{rand.New(rand.NewPCG(seed, 10))}
			var err error
			w.now, err = time.Parse(time.RFC3339, beginnings[seed%3])
			w.must(err)
			ending := w.populate(s)
			begin, end := w.now, w.now.AddDate(0, 0, 9)
			want, all := map[string]bool{}, map[string]bool{}
			flows, err := w.s.Workflows(w.ctx, w.p, store.Query{Page: 1, Limit: 100})
			w.must(err)
			for _, flow := range flows.Items {
				found, err := w.s.Resources(w.ctx, w.p, engine.KindOf(flow.Type), store.Query{Page: 1, Limit: 100})
				w.must(err)
				for _, r := range found.Items {
					for _, step := range w.explain(flow.ID, r.Base().ID).Steps {
						name := fmt.Sprint(flow.ID, r.Base().ID, step.Step)
						all[name] = !ending[r.Base().ID]
						want[name] = all[name] && step.Fires() && step.At.Before(end)
					}
				}
			}
			w.until(end.Add(-time.Minute).Format(time.RFC3339))
			got := map[string]bool{}
			for name := range want {
				got[name] = false
			}
			for _, x := range w.sentSince(begin) {
				if name := fmt.Sprint(x.WorkflowID, x.ResourceID, w.stepOf(x.TriggerID)); all[name] {
					got[name] = true
				}
			}
			if diff := cmp.Diff(got, want); diff != "" {
				w.Errorf("seed %d: (-happened +explained)\n%s", seed, diff)
			}
		})
	}
}

func (w *world) sentSince(at time.Time) (list []execution.Execution) {
	w.Helper()
	for page := 1; ; page++ {
		found, err := w.s.Executions(w.ctx, w.p, store.Query{Page: page, Limit: 100})
		w.must(err)
		for _, x := range found.Items {
			if x.Status == execution.Sent && x.UpdatedAt.After(at) {
				list = append(list, x)
			}
		}
		if !found.More {
			return list
		}
	}
}

func (w *world) stepOf(id trigger.ID) string {
	w.Helper()
	t, err := w.s.Trigger(w.ctx, w.p, id)
	w.must(err)
	return t.Step
}
