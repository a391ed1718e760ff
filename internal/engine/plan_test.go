package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
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
