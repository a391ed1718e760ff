package engine_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func (w *world) deleted(kind billing.Kind, id string) {
	w.Helper()
	w.must(w.e.DeleteResource(w.ctx, w.p, billing.Key{Kind: kind, ID: id}))
}

// What counted with a resource counts without it once it is deleted, in the dates
// that are planned already.
func TestWhatIsDeletedCountsNoMore(t *testing.T) {
	t.Run("a trial told by itself", func(t *testing.T) {
		onBoth(t, func(w *world) {
			w.workflow(workflow.FreeTrialReminder, func(wf *workflow.Workflow) { wf.Subscription.ReminderPeriods = inDays(1) })
			sub := &billing.Subscription{CustomerID: "c1", Status: billing.SubscriptionActive, Schedules: []billing.ScheduleInfo{
				{ID: "t", Type: billing.Trial, EndAt: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)},
			}}
			sub.ID = "s1"
			own := &billing.Schedule{SubscriptionID: "s1", Type: billing.Trial, EndAt: time.Date(2026, 12, 9, 12, 0, 0, 0, time.UTC)}
			own.ID = "u"
			w.ingest(w.customer("c1"), sub, own)
			w.check("the later trial counts")
			w.deleted(billing.KindSchedule, "u")
			w.check("the other", "s1 DAY:1 2026-11-25 PLANNED 2026-11-24T08:00")
		})
	})
	t.Run("a seller", func(t *testing.T) {
		onBoth(t, func(w *world) {
			w.overdue(1)
			seller := &billing.BillingEntity{Timezone: "Pacific/Auckland"}
			seller.ID = "b1"
			i := w.invoice("i1", "c1")
			i.BillingEntityID, i.DueDate = "b1", time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // the 24th there, and the 23rd here
			w.ingest(w.customer("c1"), seller, i)
			w.must(w.e.Plan(w.ctx)) // what a seller who is new moves
			w.deleted(billing.KindBillingEntity, "b1")
			w.until("2026-11-26T12:00:00Z")
			if got := len(w.outbox()); got != 1 {
				t.Errorf("got %d messages, want one", got)
			}
		})
	})
	t.Run("a payment", func(t *testing.T) {
		onBoth(t, func(w *world) {
			w.fired()
			pending := w.payment("p1", "i1")
			pending.Result = billing.Pending
			w.ingest(pending)
			w.drain()
			w.checkExecution("under way", execution.Skipped, workflow.PaymentPending)
			w.deleted(billing.KindPayment, "p1")
			w.tick()
			if got := len(w.outbox()); got != 1 {
				t.Errorf("got %d messages, want one", got)
			}
		})
	})
	t.Run("an invoice that comes back", func(t *testing.T) {
		onBoth(t, func(w *world) {
			w.overdue(2)
			w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-23"))
			w.deleted(billing.KindInvoice, "i1")
			w.check("deleted", "i1 DAY:2 2026-11-23 SKIPPED DELETED")
			w.ingest(w.due("i1", "c1", "2026-11-23"))
			w.check("back", "i1 DAY:2 2026-11-23 PLANNED 2026-11-25T08:00")
		})
	})
}

// What is stored as history writes to nobody for what had passed, whatever is told
// of it later.
func TestHistoryIsNotMailedLater(t *testing.T) {
	onBoth(t, func(w *world) {
		w.overdue(1)
		w.now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
		w.must(w.e.Plan(w.ctx))
		batch := batchOf(w.customer("c1"), w.due("i1", "c1", "2026-11-24"))
		batch.NoEvents = true
		_, err := w.e.Ingest(w.ctx, w.p, batch)
		w.must(err)
		held := w.due("i1", "c1", "2026-11-24")
		held.OnHold = true
		w.ingest(held)
		w.ingest(w.due("i1", "c1", "2026-11-24"))
		w.tick()
		w.check("touched", "i1 DAY:1 2026-11-24 SKIPPED TOO_LATE")
		if got := len(w.outbox()); got != 0 {
			t.Errorf("got %d messages, want none", got)
		}
	})
}

// An activation sends what passed of what it knows, not of what comes after it.
func TestBackfillIsOfWhatWasKnown(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-01"))
		w.now = w.now.Add(time.Second)
		w.workflow(workflow.Overdue, func(wf *workflow.Workflow) {
			wf.Invoice.Overdue = &workflow.Periods{Periods: inDays(3)}
			wf.Schedule.Backfill = workflow.ByAge
		})
		w.now = w.now.Add(time.Second)
		w.ingest(w.due("i2", "c1", "2026-11-01")) // before the planner comes to the task
		w.must(w.e.Plan(w.ctx))
		w.check("planned", "i1 DAY:3 2026-11-01 PLANNED 2026-11-23T09:00")
	})
}

// What reminds of something to come is of no use once it has come, also if it was
// held back by a pause.
func TestNoReminderOfWhatHasCome(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.UpcomingPaymentRemind, func(wf *workflow.Workflow) {
			wf.Invoice.UpcomingPayment = &workflow.Periods{Periods: []calendar.Period{{Type: calendar.Day, Value: 1}}}
		})
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-25"))
		w.now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
		w.must(w.e.Fire(w.ctx))
		w.now = time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
		w.drain()
		w.checkExecution("on the day", execution.Skipped, workflow.TooLate)
	})
}
