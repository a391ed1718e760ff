package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// overdue makes an ACTIVE workflow that reminds so many days after the due date.
func (w *world) overdue(days ...int) workflow.Workflow {
	w.Helper()
	return w.workflow(workflow.Overdue, func(wf *workflow.Workflow) {
		wf.Invoice.Overdue = &workflow.Periods{Periods: inDays(days...)}
	})
}

func inDays(days ...int) []calendar.Period {
	list := make([]calendar.Period, len(days))
	for i, n := range days {
		list[i] = calendar.Period{Type: calendar.Day, Value: n}
	}
	return list
}

// due is an invoice that is due on a plain date.
func (w *world) due(id, customer, on string) *billing.Invoice {
	i := w.invoice(id, customer)
	i.DueOn = on
	return i
}

// tick plans and fires what has come due, and delivers it.
func (w *world) tick() {
	w.Helper()
	w.must(w.e.Plan(w.ctx))
	w.must(w.e.Fire(w.ctx))
	w.must(w.e.Sweep(w.ctx))
	w.drain()
}

// until moves the clock on in steps of an hour, and lets what comes due happen.
func (w *world) until(at string) {
	w.Helper()
	end, err := time.Parse(time.RFC3339, at)
	w.must(err)
	for w.now.Before(end) {
		w.now = w.now.Add(time.Hour)
		if w.now.After(end) {
			w.now = end
		}
		w.tick()
	}
}

// story is what was decided about an invoice, and when, in the order of its steps.
func (w *world) story() []string {
	w.Helper()
	var out []string
	for _, t := range w.triggers() {
		line := fmt.Sprintf("%s %s %s %s", t.ResourceID, t.Step, t.Occurrence, t.Status)
		if t.Reason != "" {
			line += " " + string(t.Reason)
		}
		if t.Status == trigger.Planned {
			line += " " + t.ScheduledAt.Format("2006-01-02T15:04")
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func (w *world) check(what string, want ...string) {
	w.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(w.story(), "\n")); diff != "" {
		w.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

func TestRemindersGoOnTheirDays(t *testing.T) {
	onBoth(t, func(w *world) {
		w.overdue(1, 3, 7)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-24"))
		w.check("at once", "i1 DAY:1 2026-11-24 PLANNED 2026-11-25T08:00")
		w.until("2026-11-25T07:59:00Z")
		if got := len(w.outbox()); got != 0 {
			t.Errorf("before nine in Amsterdam: got %d messages, want none", got)
		}
		w.until("2026-11-25T08:00:00Z")
		if got := len(w.outbox()); got != 1 {
			t.Errorf("at nine: got %d messages, want one", got)
		}
		w.until("2026-11-28T08:00:00Z")
		w.check("between the third and the seventh day", "i1 DAY:1 2026-11-24 FIRED", "i1 DAY:3 2026-11-24 FIRED")
		paid := w.due("i1", "c1", "2026-11-24")
		paid.PaymentStatus = billing.Paid
		w.until("2026-11-29T12:00:00Z")
		w.check("two days ahead", "i1 DAY:1 2026-11-24 FIRED", "i1 DAY:3 2026-11-24 FIRED", "i1 DAY:7 2026-11-24 PLANNED 2026-12-01T08:00")
		w.ingest(paid)
		w.check("paid", "i1 DAY:1 2026-11-24 FIRED", "i1 DAY:3 2026-11-24 FIRED", "i1 DAY:7 2026-11-24 CANCELLED PAID")
		w.until("2026-12-05T12:00:00Z")
		if got := len(w.outbox()); got != 2 {
			t.Errorf("in the end: got %d messages, want two", got)
		}
	})
}

// fired is a world in which a reminder about i1, two days after its due date, has
// fired and waits for its turn.
func (w *world) fired() {
	w.Helper()
	w.overdue(2)
	w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-22"))
	w.now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	w.must(w.e.Fire(w.ctx))
	w.check("fired", "i1 DAY:2 2026-11-22 FIRED")
}

// execution is the only one.
func (w *world) execution() execution.Execution {
	w.Helper()
	list := w.executions()
	if len(list) != 1 {
		w.Fatalf("got %d executions, want one", len(list))
	}
	return list[0]
}

func (w *world) checkExecution(what string, status execution.Status, reason workflow.Reason) {
	w.Helper()
	if x := w.execution(); x.Status != status || x.Reason != reason {
		w.Errorf("%s: got %s %s, want %s %s", what, x.Status, x.Reason, status, reason)
	}
}

// A deadline that moves takes the reminder of the old one with it.
func TestDeadlineMovesBeforeTheReminderIsSent(t *testing.T) {
	onBoth(t, func(w *world) {
		w.fired()
		w.ingest(w.due("i1", "c1", "2026-11-30"))
		w.checkExecution("moved", execution.Cancelled, workflow.DeadlineMoved)
		w.check("moved", "i1 DAY:2 2026-11-22 CANCELLED DEADLINE_MOVED")
		w.ingest(w.due("i1", "c1", "2026-11-22"))
		w.check("and back", "i1 DAY:2 2026-11-22 PLANNED 2026-11-24T08:00")
		w.tick()
		w.check("and sent", "i1 DAY:2 2026-11-22 FIRED")
		if got := len(w.outbox()); got != 1 {
			t.Errorf("got %d messages, want one", got)
		}
	})
}

// An ingestion that moves a deadline, or brings a payment, while the reminder
// fires in another transaction does not see it. Its claim does.
func TestTheClaimAsksForTheDeadline(t *testing.T) {
	onBoth(t, func(w *world) {
		w.fired()
		moved := w.due("i1", "c1", "2026-11-30")
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) error {
			return tx.WriteResources(w.ctx, w.p, []store.Row{{Resource: moved, Revision: 2}})
		}))
		w.drain()
		w.checkExecution("moved", execution.Skipped, workflow.DeadlineMoved)
		w.check("moved", "i1 DAY:2 2026-11-22 CANCELLED DEADLINE_MOVED")
	})
}

func TestMoneyUnderWayStopsAReminder(t *testing.T) {
	onBoth(t, func(w *world) {
		w.fired()
		pending := w.payment("p1", "i1")
		pending.Result = billing.Pending
		w.ingest(pending)
		w.drain()
		w.checkExecution("under way", execution.Skipped, workflow.PaymentPending)
		w.check("under way", "i1 DAY:2 2026-11-22 CANCELLED PAYMENT_PENDING")
		w.ingest(w.payment("p1", "i1"))
		w.check("refused", "i1 DAY:2 2026-11-22 PLANNED 2026-11-24T08:00")
		w.tick()
		if got := len(w.outbox()); got != 1 {
			t.Errorf("got %d messages, want one", got)
		}
	})
}

// A step goes once for a deadline, and again only for one that lies after the day
// on which it went.
func TestSentAgainForALaterDeadlineOnly(t *testing.T) {
	onBoth(t, func(w *world) {
		w.overdue(1)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-23"))
		w.until("2026-11-24T09:00:00Z")
		w.ingest(w.due("i1", "c1", "2026-11-24"))
		w.until("2026-11-25T09:00:00Z")
		w.check("the day on which it went", "i1 DAY:1 2026-11-23 FIRED", "i1 DAY:1 2026-11-24 SKIPPED ALREADY_SENT")
		w.ingest(w.due("i1", "c1", "2026-11-25"))
		w.until("2026-11-26T09:00:00Z")
		w.check("a day after",
			"i1 DAY:1 2026-11-23 FIRED", "i1 DAY:1 2026-11-24 SKIPPED ALREADY_SENT", "i1 DAY:1 2026-11-25 FIRED")
		w.ingest(w.due("i1", "c1", "2026-11-23"))
		w.until("2026-11-27T09:00:00Z")
		if got := len(w.outbox()); got != 2 {
			t.Errorf("got %d messages, want two", got)
		}
	})
}
