package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// onClocked runs a test on a TEST platform, on both databases.
func onClocked(t *testing.T, test func(*world)) {
	onBoth(t, func(w *world) {
		w.onTest()
		test(w)
	})
}

func instantOf(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// setClock moves the platform's clock.
func (w *world) setClock(to string) {
	w.Helper()
	p, err := w.e.SetClock(w.ctx, w.p, instantOf(to))
	w.must(err)
	if !p.Clock.Equal(instantOf(to)) {
		w.Fatalf("the clock shows %v, want %s", p.Clock, to)
	}
}

// mails is what customers would have got, and when, in that order.
func (w *world) mails() []string {
	w.Helper()
	page, err := w.s.Outbox(w.ctx, w.p, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	var out []string
	for _, c := range page.Items {
		m, err := message.Decode([]byte(c.Content))
		w.must(err)
		if !m.Date.Equal(c.CreatedAt.Truncate(time.Second)) {
			w.Errorf("a message captured at %v bears the date %v", c.CreatedAt, m.Date)
		}
		out = append(out, fmt.Sprintf("%s %s %s", c.CreatedAt.Format("2006-01-02T15:04"), m.To[0].Email, m.Subject))
	}
	return out
}

func (w *world) checkMails(what string, want ...string) {
	w.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(w.mails(), "\n")); diff != "" {
		w.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

const (
	newInvoice = " c1@customer.example Factuur INV-i1 van acme"
	reminder   = " c1@customer.example Reminder: invoice INV-i1 from acme is overdue"
)

// A month of reminders in one call: each goes on its day, as if the month had
// passed, and says so itself.
func TestAMonthInOneCall(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2026-11-23T09:00:00Z")
		w.overdue(1, 3, 7)
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-30"))
		w.setClock("2026-12-23T09:00:00Z")
		w.checkMails("the outbox", "2026-11-23T09:00"+newInvoice,
			"2026-12-01T08:00"+reminder, "2026-12-03T08:00"+reminder, "2026-12-07T08:00"+reminder)
		w.check("nothing was missed", "i1   FIRED", "i1 DAY:1 2026-11-30 FIRED", "i1 DAY:3 2026-11-30 FIRED", "i1 DAY:7 2026-11-30 FIRED")
		for _, tr := range w.triggers()[1:] {
			if !tr.UpdatedAt.Equal(tr.ScheduledAt) || !tr.CreatedAt.Before(tr.ScheduledAt) {
				t.Errorf("%s: planned at %v for %v, and decided at %v", tr.Step, tr.CreatedAt, tr.ScheduledAt, tr.UpdatedAt)
			}
		}
		for _, x := range w.executions() {
			attempts, err := w.s.Attempts(w.ctx, w.p, []string{string(x.ID)})
			w.must(err)
			if a := attempts[x.ID][0]; x.CreatedAt.Hour() != x.UpdatedAt.Hour() || !a.StartedAt.Equal(x.UpdatedAt) || !a.EndedAt.Equal(x.UpdatedAt) {
				t.Errorf("made at %v, attempted at %v, sent at %v: want the platform's time", x.CreatedAt, a, x.UpdatedAt)
			}
		}
	})
}

// The clock stands still between calls, whatever the machine's does, and what
// people do meanwhile happens at what it shows.
func TestClockStandsStill(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2026-11-23T09:00:00Z")
		w.overdue(1)
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-24"))
		for range 10 {
			w.now = w.now.AddDate(0, 0, 1)
			w.tick()
		}
		w.checkMails("ten days later", "2026-11-23T09:00"+newInvoice)
		h := w.hold(billing.KindCustomer, "c1", hold.Dispute, "2026-11-23") // today, there
		if !h.CreatedAt.Equal(instantOf("2026-11-23T09:00:00Z")) {
			t.Errorf("the hold was set at %v, want what the clock shows", h.CreatedAt)
		}
		w.release(h)
		w.setClock("2026-11-25T08:00:00Z")
		w.checkMails("the day after it is due", "2026-11-23T09:00"+newInvoice, "2026-11-25T08:00"+reminder)
	})
}

// A clock may be set into the past: workflows count from there, and what was told
// before is planned from there.
func TestClockIntoThePast(t *testing.T) {
	onClocked(t, func(w *world) {
		w.overdue(1, 7)
		early := w.due("i1", "c1", "2026-01-15")
		w.ingest(w.customer("c1"), early)
		w.tick()
		w.setClock("2026-01-15T12:00:00Z")
		late := w.due("i2", "c2", "2026-01-25")
		w.ingest(w.customer("c2"), late)
		w.setClock("2026-02-15T12:00:00Z")
		other := strings.NewReplacer("c1", "c2", "i1", "i2").Replace(reminder)
		w.checkMails("from the middle of January",
			"2026-01-16T08:00"+reminder, "2026-01-22T08:00"+reminder, "2026-01-26T08:00"+other, "2026-02-01T08:00"+other)
	})
}

// A first call into the future gets there step by step, too.
func TestClockIntoTheFuture(t *testing.T) {
	onClocked(t, func(w *world) {
		w.overdue(1, 7)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-26"))
		w.setClock("2026-12-23T09:00:00Z")
		w.checkMails("the outbox", "2026-11-27T08:00"+reminder, "2026-12-03T08:00"+reminder)
		p, err := w.e.SetClock(w.ctx, w.p, instantOf("2026-12-23T09:00:00Z"))
		if err != nil || !p.Clock.Equal(instantOf("2026-12-23T09:00:00Z")) {
			t.Errorf("the same once more: got %v, %v, want it taken", p.Clock, err)
		}
	})
}

func TestWhatAClockMayBeSetTo(t *testing.T) {
	onBoth(t, func(w *world) {
		set := func(to time.Time, want fault.Kind, field string) {
			t.Helper()
			_, err := w.e.SetClock(w.ctx, w.p, to)
			if f := fault.As(err); want == 0 && err != nil || want != 0 && (f == nil || f.Kind != want || f.Field != field) {
				t.Errorf("%v: got %v, want %v %s", to, err, want, field)
			}
		}
		set(w.now, fault.State, "")
		w.onTest()
		set(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), fault.Invalid, "now")
		set(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), fault.Invalid, "now")
		first := time.Date(2044, 2, 29, 12, 0, 0, 0, time.UTC) // further ahead than a clock moves at a time
		wf := w.overdue(1)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-30"))
		set(first, 0, "")
		w.checkMails("a clock that begins so far ahead does not pass through the years before")
		set(first.Add(-time.Second), fault.Invalid, "now")
		set(first.AddDate(10, 0, 0).Add(time.Second), fault.Invalid, "now")
		_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(wf *workflow.Workflow) error {
			wf.Status = workflow.Inactive // or every date of the ten years is planned
			return nil
		})
		w.must(err)
		set(first.AddDate(10, 0, 0), 0, "")
	})
}

// What fails is tried again by the platform's clock, for three days of it.
func TestRetriesByTheClock(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.setClock("2025-03-01T09:00:00Z")
		w.workflow(workflow.ToFinal)
		p.connect = &execution.Outcome{Kind: execution.Deferred, Reply: "down"}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		w.later(0) // by the machine's clock the retry has been due for a year
		if x := w.status(execution.Waiting, workflow.Sent); x.Attempts != 1 || x.NextAttemptAt.Year() != 2025 {
			t.Errorf("got %d attempts, the next at %v, want one and the next by the clock", x.Attempts, x.NextAttemptAt)
		}
		w.setClock("2025-03-01T10:00:00Z")
		x := w.status(execution.Waiting, workflow.Sent)
		if x.Attempts < 5 || x.UpdatedAt.After(instantOf("2025-03-01T10:00:00Z")) {
			t.Errorf("after an hour: got %d attempts, the last at %v", x.Attempts, x.UpdatedAt)
		}
		w.setClock("2025-03-05T10:00:00Z")
		x = w.status(execution.Failed, workflow.Sent)
		if at := x.UpdatedAt; at.Before(instantOf("2025-03-04T09:00:00Z")) || at.After(instantOf("2025-03-04T11:00:00Z")) {
			t.Errorf("given up at %v, want three days after the first attempt", at)
		}
	})
}

// What waits for a retry when a platform is given a clock goes on waiting for it.
func TestRetriesMoveToTheNewClock(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.workflow(workflow.ToFinal)
		p.connect = &execution.Outcome{Kind: execution.Deferred, Reply: "down"}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		p.connect = nil
		w.setClock("2025-03-01T09:00:00Z")
		w.status(execution.Waiting, workflow.Sent)
		w.setClock("2025-03-01T10:00:00Z")
		w.status(execution.Sent, workflow.Sent)
	})
}

// A message to an allowed recipient is really sent before the call returns, under a
// lease of the machine's clock, and recorded at the platform's time.
func TestClockWaitsForTheProvider(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.setClock("2025-03-01T09:00:00Z")
		w.overdue(1)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2025-03-03"))
		var busy error
		p.during = func() {
			_, busy = w.e.SetClock(w.ctx, w.p, instantOf("2025-04-01T09:00:00Z"))
			w.must(w.e.Sweep(w.ctx))
		}
		w.setClock("2025-03-05T09:00:00Z")
		if x := w.status(execution.Sent, workflow.Sent); !x.UpdatedAt.Equal(instantOf("2025-03-04T08:00:00Z")) {
			t.Errorf("sent at %v, want nine in Amsterdam on the 4th", x.UpdatedAt)
		}
		if !fault.Is(busy, fault.Busy) {
			t.Errorf("a second call while the first runs: got %v, want it told to wait", busy)
		}
	})
}

// A call that died keeps others out for seconds, by the machine's clock.
func TestDeadCallIsOver(t *testing.T) {
	onClocked(t, func(w *world) {
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) error {
			taken, err := tx.TakeClock(w.ctx, w.p, "dead", w.now, w.now.Add(15*time.Second))
			if !taken {
				t.Error("the clock could not be taken")
			}
			return err
		}))
		w.now = w.now.Add(14 * time.Second)
		if _, err := w.e.SetClock(w.ctx, w.p, w.now); !fault.Is(err, fault.Busy) {
			t.Errorf("while it may be alive: got %v, want to be told to wait", err)
		}
		w.now = w.now.Add(time.Second)
		if _, err := w.e.SetClock(w.ctx, w.p, w.now); err != nil {
			t.Errorf("when it is over: got %v", err)
		}
	})
}

// A call that has lost its right to another moves nothing any more.
func TestOvertakenCallStops(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.setClock("2025-03-01T09:00:00Z")
		w.overdue(1, 7)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2025-03-03"))
		p.during = func() {
			w.must(w.s.Write(w.ctx, func(tx *store.Tx) error {
				_, err := tx.TakeClock(w.ctx, w.p, "another", w.now.Add(time.Hour), w.now.Add(2*time.Hour))
				return err
			}))
		}
		if _, err := w.e.SetClock(w.ctx, w.p, instantOf("2025-04-01T09:00:00Z")); !fault.Is(err, fault.Busy) {
			t.Errorf("got %v, want to be told that another is at it", err)
		}
		home, err := w.s.Platform(w.ctx, w.p)
		w.must(err)
		if want := instantOf("2025-03-04T08:00:00Z"); !home.Clock.Equal(want) {
			t.Errorf("the clock shows %v, want %v", home.Clock, want)
		}
	})
}

// A call that is broken off leaves the clock where it has come to. The next goes on
// from there: nothing twice, nothing lost.
func TestBrokenOffCallGoesOn(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.setClock("2025-03-01T09:00:00Z")
		w.overdue(1, 3, 7)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2025-03-03"))
		ctx, cancel := context.WithCancel(w.ctx)
		n := 0
		p.during = func() {
			if n++; n == 2 {
				cancel()
			}
		}
		_, err := w.e.SetClock(ctx, w.p, instantOf("2025-04-01T09:00:00Z"))
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "2025-03-06T08:00:00Z") {
			t.Errorf("got %v, want to be told how far the clock has come", err)
		}
		w.setClock("2025-04-01T09:00:00Z")
		w.check("all three", "i1 DAY:1 2025-03-03 FIRED", "i1 DAY:3 2025-03-03 FIRED", "i1 DAY:7 2025-03-03 FIRED")
		if len(p.accepted) != 3 {
			t.Errorf("got %d messages, want three", len(p.accepted))
		}
	})
}

// A hold ends by the platform's clock, and what it stopped goes then.
func TestHoldEndsByTheClock(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2025-03-01T09:00:00Z")
		w.overdue(1)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2025-03-03"))
		h := w.hold(billing.KindCustomer, "c1", hold.Dispute, "2025-03-05")
		w.tick() // by the machine's clock it has ended
		w.setClock("2025-03-05T22:59:59Z")
		w.check("while it lasts", "i1 DAY:1 2025-03-03 SKIPPED HELD")
		w.setClock("2025-03-06T12:00:00Z")
		if h, err := w.s.Hold(w.ctx, w.p, h.ID); err != nil || h.Status != hold.Expired || !h.UpdatedAt.Equal(instantOf("2025-03-05T23:00:00Z")) {
			t.Errorf("got %+v, %v, want it to have ended at midnight in Amsterdam", h, err)
		}
		w.checkMails("after its last day", "2025-03-06T08:00"+reminder)
	})
}

// The patience with a trigger that waits for its customer, and that with a payment
// that waits for its invoice, are the platform's.
func TestPatienceByTheClock(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2025-03-01T09:00:00Z")
		w.workflow(workflow.ToFinal)
		w.workflow(workflow.FailedPayment)
		invoice, payment := w.invoice("i1", "c1"), w.payment("p1", "")
		invoice.FinalAt, payment.Timestamp = time.Time{}, instantOf("2025-03-01T09:00:00Z")
		payment.ExternalReference, payment.CustomerID = "pi_1", "c2"
		w.ingest(invoice, w.customer("c2"), payment)
		w.later(0)
		w.setClock("2025-03-01T09:00:09Z")
		w.status(execution.Waiting, workflow.WaitingForInvoice)
		w.setClock("2025-03-01T09:00:10Z")
		w.status(execution.Sent, workflow.Sent)
		w.setClock("2025-03-02T09:00:00Z")
		waiting := func() trigger.Trigger {
			list := w.triggers()
			return list[slices.IndexFunc(list, func(t trigger.Trigger) bool { return t.Kind == billing.KindInvoice })]
		}
		if got := waiting(); got.Status != trigger.Planned {
			t.Errorf("after a day: got %s %s, want PLANNED", got.Status, got.Reason)
		}
		w.setClock("2025-03-03T09:00:00Z")
		got := waiting()
		if got.Status != trigger.Skipped || got.Reason != workflow.NoRecipient || got.UpdatedAt.After(instantOf("2025-03-02T09:00:01Z")) {
			t.Errorf("later: got %s %s at %v, want SKIPPED NO_RECIPIENT just after a day", got.Status, got.Reason, got.UpdatedAt)
		}
	})
}

// Between calls, what a person sets free goes without one.
func TestBetweenCallsOfTheClock(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2025-03-01T09:00:00Z")
		w.overdue(1)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2025-03-03"))
		h := w.hold(billing.KindCustomer, "c1", hold.Dispute, "")
		w.setClock("2025-03-05T09:00:00Z")
		w.release(h)
		w.tick() // decides again
		w.tick()
		w.checkMails("released", "2025-03-05T09:00"+reminder)
		w.workflow(workflow.FailedPayment)
		payment := w.payment("p1", "")
		payment.ExternalReference, payment.Timestamp = "pi_1", instantOf("2025-03-05T09:00:00Z")
		w.ingest(payment)
		_, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Links: []billing.Link{{ExternalReference: "pi_1", InvoiceID: "i1"}}})
		w.must(err)
		w.tick()
		if got := w.mails(); len(got) != 2 || !strings.HasPrefix(got[1], "2025-03-05T09:00 c1@customer.example") {
			t.Errorf("a payment that has learned its invoice: got %v, want its message too", got)
		}
	})
}

// The lane of what is due by a clock ahead of the machine's is woken, as any other.
func TestNeglectedAheadOfTheMachine(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2027-03-01T09:00:00Z")
		w.workflow(workflow.ToFinal)
		i := w.invoice("i1", "c1")
		i.FinalAt, i.InvoiceDate = time.Time{}, time.Time{}
		w.ingest(w.customer("c1"), i)
		lanes, err := w.s.Neglected(w.ctx, w.now)
		w.must(err)
		if len(lanes) != 1 {
			t.Errorf("got lanes %v, want that of c1", lanes)
		}
		w.drain()
		w.checkMails("when it is drained", "2027-03-01T09:00"+newInvoice)
	})
}

// What another node let go by the machine's clock, at the moment when the platform
// was given its own, does not wait for years.
func TestReleasedByAnotherClock(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2025-03-01T09:00:00Z")
		w.workflow(workflow.ToFinal)
		i := w.invoice("i1", "c1")
		i.FinalAt = time.Time{}
		w.ingest(w.customer("c1"), i)
		x := w.executions()[0]
		x.DueAt = w.now
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.UpdateExecutions(w.ctx, []execution.Execution{x}) }))
		w.setClock("2025-03-01T09:00:00Z")
		w.checkMails("after the next call", "2025-03-01T09:00"+newInvoice)
	})
}

// The clock does not move while somebody else talks to a provider: what it answers
// is told at the time at which it was asked.
func TestClockWaitsForOthersSends(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.setClock("2025-03-01T09:00:00Z")
		w.workflow(workflow.ToFinal)
		i := w.invoice("i1", "c1")
		i.FinalAt = time.Time{}
		w.ingest(w.customer("c1"), i)
		moved := make(chan error, 1)
		p.during = func() {
			go func() {
				_, err := w.e.SetClock(w.ctx, w.p, instantOf("2025-03-01T10:00:00Z"))
				moved <- err
			}()
			select {
			case err := <-moved:
				t.Errorf("the clock was moved meanwhile (%v)", err)
				moved <- err
			case <-time.After(200 * time.Millisecond):
			}
		}
		w.drain()
		w.must(<-moved)
		if x := w.status(execution.Sent, workflow.Sent); !x.UpdatedAt.Equal(instantOf("2025-03-01T09:00:00Z")) {
			t.Errorf("sent at %v, want when it was asked", x.UpdatedAt)
		}
	})
}

// A process that stops moves no clock, and a new one on SQLite waits for none.
func TestClockOfAStoppedProcess(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t), nil)
	w.onTest()
	w.setClock("2025-03-01T09:00:00Z")
	w.must(w.s.Write(w.ctx, func(tx *store.Tx) error {
		_, err := tx.TakeClock(w.ctx, w.p, "dead", w.now, w.now.Add(time.Hour))
		return err
	}))
	w.must(w.e.Stop(w.ctx))
	if _, err := w.e.SetClock(w.ctx, w.p, instantOf("2025-03-02T09:00:00Z")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want to be told that the process is stopping", err)
	}
	w.must(w.s.Close())
	w.open(bytes.Repeat([]byte{7}, 32))
	w.setClock("2025-03-02T09:00:00Z")
}

// What the switch holds back does not hold the clock back; when it is on again, the
// platform's clock says what is too late.
func TestClockOfAPausedPlatform(t *testing.T) {
	onClocked(t, func(w *world) {
		w.setClock("2025-03-01T09:00:00Z")
		w.overdue(1, 7)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2025-03-03"))
		turn := func(to platform.Sending) {
			_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
				p.Sending = to
				return nil
			})
			w.must(err)
		}
		turn(platform.Paused)
		w.setClock("2025-03-11T09:00:00Z")
		w.checkMails("while it is off")
		turn(platform.On)
		w.setClock("2025-03-11T09:00:00Z")
		w.checkMails("when it is on", "2025-03-11T09:00"+reminder)
		if x := w.executions()[0]; x.Status != execution.Skipped || x.Reason != workflow.TooLate {
			t.Errorf("the first: got %s %s, want SKIPPED TOO_LATE", x.Status, x.Reason)
		}
	})
}

// The holidays are those of the years that the clock has come to.
func TestHolidaysOfTheClocksYear(t *testing.T) {
	onClocked(t, func(w *world) {
		_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
			p.Calendar = &platform.Calendar{HolidayRegion: "NL"}
			return nil
		})
		w.must(err)
		w.setClock("2004-12-20T09:00:00Z")
		nine := calendar.TimeOfDay(9 * 60)
		w.workflow(workflow.ToFinal, func(wf *workflow.Workflow) { wf.Schedule.SendAt, wf.Schedule.BusinessDaysOnly = &nine, true })
		w.setClock("2014-12-20T09:00:00Z")
		w.setClock("2024-12-20T09:00:00Z")
		w.setClock("2024-12-25T09:00:00Z")
		i := w.invoice("i1", "c1")
		i.FinalAt = time.Time{}
		w.ingest(w.customer("c1"), i)
		w.setClock("2024-12-31T09:00:00Z")
		w.checkMails("after Christmas", "2024-12-27T08:00"+newInvoice)
	})
}

// Other nodes fire, sweep and drain the same platform meanwhile.
func TestClockAmongNodes(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	w.onTest()
	w.setClock("2025-03-01T09:00:00Z")
	w.overdue(1, 3, 7)
	want := map[string]int{}
	for n := range 10 {
		id := fmt.Sprint("c", n)
		w.ingest(w.customer(id), w.due("i"+fmt.Sprint(n), id, "2025-03-03"))
		for _, day := range []string{"04", "06", "10"} {
			want[fmt.Sprintf("2025-03-%sT08:00 %s@customer.example Reminder: invoice INV-i%d from acme is overdue", day, id, n)] = 1
		}
	}
	ctx, cancel := context.WithCancel(w.ctx)
	var nodes sync.WaitGroup
	failures := make(chan error, 2)
	for range 2 {
		node := w.node(url)
		w.must(node.Start(w.ctx))
		t.Cleanup(func() { w.must(node.Stop(context.WithoutCancel(w.ctx))) })
		nodes.Go(func() {
			for ctx.Err() == nil {
				if err := errors.Join(node.Plan(w.ctx), node.Fire(w.ctx), node.Sweep(w.ctx), node.WakeNeglected(w.ctx)); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	w.setClock("2025-04-01T09:00:00Z")
	cancel()
	nodes.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	got := map[string]int{}
	mails := w.mails()
	for _, m := range mails {
		got[m]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !slices.IsSortedFunc(mails, func(a, b string) int { return strings.Compare(a[:16], b[:16]) }) {
		t.Errorf("out of order: %v", mails)
	}
}
