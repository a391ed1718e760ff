package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// heldOpen begins an ingestion and leaves its transaction open, with everything
// done but the commit, until it is let go.
func (w *world) heldOpen(e *engine.Engine, list ...billing.Resource) (letGo func()) {
	w.Helper()
	begun, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	once := sync.OnceFunc(func() { close(begun) })
	go func() {
		_, err := e.Ingest(w.ctx, w.p, batchOf(list...), func(context.Context, *store.Tx, []engine.Result) error {
			once()
			<-release
			return nil
		})
		done <- err
	}()
	<-begun
	return func() {
		w.Helper()
		close(release)
		w.must(<-done)
	}
}

// waitsForALock reports, as soon as it can be told, whether a transaction of the
// database waits for another's lock before done is closed.
func (w *world) waitsForALock(done <-chan struct{}) bool {
	w.Helper()
	over := make(chan calendar.Date, 1)
	go func() {
		<-done
		over <- 0
	}()
	return w.waiting(1, over)
}

// waiting reports, as soon as it can be told, whether so many transactions of the
// database wait for locks before something is in done, where it stays.
func (w *world) waiting(n int, done chan calendar.Date) bool {
	w.Helper()
	conn, err := pgx.Connect(w.ctx, w.url)
	w.must(err)
	defer func() { w.must(conn.Close(w.ctx)) }()
	for {
		var waiting int
		w.must(conn.QueryRow(w.ctx, `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
		switch {
		case len(done) > 0:
			return false
		case waiting >= n:
			return true
		}
	}
}

// The race that loses a reminder where it is not closed: an ingestion leaves a
// date to the planner because it is not announced, and is still open, invisible,
// while the date is announced and planned.
func TestAnIngestionHeldOpenWhileItsDateIsPlanned(t *testing.T) {
	w := newWorld(t, pgtest.URL(t), nil)
	w.overdue(1)
	w.ingest(w.customer("c1"))
	letGo := w.heldOpen(w.node(w.url), w.due("i1", "c1", "2026-11-25")) // the 26th is not announced on the 23rd
	w.now = w.now.AddDate(0, 0, 1)
	planned := make(chan struct{})
	go func() {
		defer close(planned)
		if err := w.e.Plan(w.ctx); err != nil {
			t.Error(err)
		}
	}()
	if !w.waitsForALock(planned) {
		t.Error("the date was planned while an ingestion that left it to the planner was open")
	}
	letGo()
	<-planned
	w.check("planned", "i1 DAY:1 2026-11-25 PLANNED 2026-11-26T08:00")
	w.until("2026-11-26T08:00:00Z")
	if got := len(w.outbox()); got != 1 {
		t.Errorf("got %d messages, want the one reminder", got)
	}
}

// An ingestion after the announcement plans the date itself, before the planner
// has come to it; the planner then finds it planned.
func TestAnIngestionBetweenAnnouncementAndPlanning(t *testing.T) {
	onBoth(t, func(w *world) {
		w.overdue(1)
		w.ingest(w.customer("c1"))
		w.now = w.now.AddDate(0, 0, 1)
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { // what announcing does, and then the process dies
			on := store.Horizon(w.now)
			if err := tx.InsertTasks(w.ctx, []store.Task{{PlatformID: w.p, Kind: store.PlanDate, On: on}}, w.now); err != nil {
				return err
			}
			return tx.Announce(w.ctx, w.p, on)
		}))
		w.ingest(w.due("i1", "c1", "2026-11-25"))
		want := "i1 DAY:1 2026-11-25 PLANNED 2026-11-26T08:00"
		w.check("by the ingestion", want)
		w.must(w.e.Plan(w.ctx))
		w.check("after the planner", want)
	})
}

// Four nodes that plan and fire at once, with ingestions in between, make one
// trigger and one message of each step.
func TestFourNodesPlanAndFireOnce(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	w.overdue(1, 2)
	const n = 50
	for i := range n {
		w.ingest(w.customer(fmt.Sprint("c", i)), w.due(fmt.Sprint("i", i), fmt.Sprint("c", i), "2026-11-24"))
	}
	nodes := []*engine.Engine{w.e, w.node(url), w.node(url), w.node(url)}
	for range 4 { // days
		w.now = w.now.AddDate(0, 0, 1)
		var wg sync.WaitGroup
		for k, e := range nodes {
			wg.Go(func() {
				for range 3 { // a thousand ticks are one tick
					if err := e.Plan(w.ctx); err != nil {
						t.Error(err)
					}
					if err := e.Fire(w.ctx); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for i := k; i < n; i += len(nodes) {
					again := w.due(fmt.Sprint("i", i), fmt.Sprint("c", i), "2026-11-24")
					again.Timezone = []string{"Europe/Amsterdam", "Europe/Paris"}[w.now.Day()%2]
					if _, err := e.Ingest(w.ctx, w.p, batchOf(again)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	w.drain()
	fired := map[string]int{}
	page, err := w.s.Executions(w.ctx, w.p, store.Query{Page: 1, Limit: 1000})
	w.must(err)
	for _, x := range page.Items {
		fired[string(x.InvoiceID)]++
	}
	for i := range n {
		if got := fired[fmt.Sprint("i", i)]; got != 2 {
			t.Errorf("i%d: got %d messages, want 2", i, got)
		}
	}
}

// R6: whatever stops a reminder that is on its way, once it is acknowledged no
// later claim succeeds.
func TestNoReminderAfterItsStopWasAcknowledged(t *testing.T) {
	invoice := func(change func(*billing.Invoice)) func(*world, workflow.Workflow, string) {
		return func(w *world, _ workflow.Workflow, id string) {
			i := w.due("i"+id, "c"+id, "2026-11-22")
			change(i)
			w.ingest(i)
		}
	}
	for name, stop := range map[string]func(*world, workflow.Workflow, string){
		"paid":       invoice(func(i *billing.Invoice) { i.PaymentStatus = billing.Paid }),
		"void":       invoice(func(i *billing.Invoice) { i.Status = billing.InvoiceVoid }),
		"on hold":    invoice(func(i *billing.Invoice) { i.OnHold = true }),
		"moved":      invoice(func(i *billing.Invoice) { i.DueOn = "2026-12-01" }),
		"of another": invoice(func(i *billing.Invoice) { i.CustomerID = "other" }),
		"credited":   invoice(func(i *billing.Invoice) { i.Open = billing.Money{Quantity: "0", Currency: "EUR"} }),
		"held":       func(w *world, _ workflow.Workflow, id string) { w.hold(billing.KindInvoice, "i"+id, hold.Dispute, "") },
		"suppressed": func(w *world, _ workflow.Workflow, id string) { w.suppress("c" + id + "@customer.example") },
		"under way": func(w *world, _ workflow.Workflow, id string) {
			p := w.payment("p"+id, "i"+id)
			p.Result = billing.Pending
			w.ingest(p)
		},
		"closed": func(w *world, _ workflow.Workflow, id string) {
			c := w.customer("c" + id)
			c.Status = billing.CustomerClosed
			w.ingest(c)
		},
		"deactivated": func(w *world, wf workflow.Workflow, _ string) {
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(x *workflow.Workflow) error { x.Status = workflow.Inactive; return nil })
			w.must(err)
		},
		"paused": func(w *world, _ workflow.Workflow, _ string) { w.sending(platform.Paused) },
	} {
		run := func(t *testing.T, url string) {
			w := newWorld(t, url, nil)
			wf := w.overdue(2) // due at nine on the 24th
			w.ingest(w.customer("other"))
			const rounds = 12
			for i := range rounds {
				id := fmt.Sprint(i)
				w.ingest(w.customer("c"+id), w.due("i"+id, "c"+id, "2026-11-22"))
			}
			w.now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
			acknowledged := make([]int, 0, rounds)
			for i := range rounds {
				id := fmt.Sprint(i)
				var wg sync.WaitGroup
				wg.Go(func() {
					if err := w.e.Fire(w.ctx); err != nil {
						t.Error(err)
					}
					w.drain()
				})
				if i > 0 { // of the first, what stops comes after it has fired
					stop(w, wf, id)
				}
				sent := w.sentAbout("i" + id)
				wg.Wait()
				if i == 0 {
					stop(w, wf, id)
					sent = w.sentAbout("i" + id)
				}
				acknowledged = append(acknowledged, sent)
			}
			for range 3 {
				w.tick()
			}
			for i, before := range acknowledged {
				if got := w.sentAbout(fmt.Sprint("i", i)); got != before {
					t.Errorf("i%d: %d messages when its stop was acknowledged, %d in the end", i, before, got)
				}
			}
		}
		t.Run(name+"/sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
		t.Run(name+"/postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
	}
}

// sending turns the kill switch.
func (w *world) sending(s platform.Sending) {
	w.Helper()
	_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { p.Sending = s; return nil })
	w.must(err)
}

// sentAbout counts the messages about an invoice that have been claimed.
func (w *world) sentAbout(invoice string) int {
	w.Helper()
	page, err := w.s.Executions(w.ctx, w.p, store.Query{
		Page: 1, Limit: 9, Filters: []store.Filter{{Field: "invoice_id", Values: []string{invoice}}},
	})
	w.must(err)
	n := 0
	for _, x := range page.Items {
		if x.Status == execution.Sent {
			n++
		}
	}
	return n
}

// A process that was down catches up: the newest step that was missed goes, the
// others do not.
func TestDownForThreeDays(t *testing.T) {
	onBoth(t, func(w *world) {
		w.overdue(1, 2, 3)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-23"))
		w.now = time.Date(2026, 11, 26, 21, 0, 0, 0, time.UTC)
		w.tick()
		w.check("at night",
			"i1 DAY:1 2026-11-23 SKIPPED SUPERSEDED", "i1 DAY:2 2026-11-23 SKIPPED SUPERSEDED", "i1 DAY:3 2026-11-23 PLANNED 2026-11-27T08:00")
		w.until("2026-11-27T08:00:00Z")
		if got := len(w.outbox()); got != 1 {
			t.Errorf("in the morning: got %d messages, want one", got)
		}
		for _, x := range w.triggers() {
			if x.Status == trigger.Planned {
				t.Errorf("%s of step %s is still planned", x.ResourceID, x.Step)
			}
		}
	})
}

// Ingestions that follow each other without a gap keep no one from announcing a
// date: those that come while the planner waits come after it.
func TestIngestionsWithoutAGapLetThePlannerIn(t *testing.T) {
	w := newWorld(t, pgtest.URL(t), nil)
	w.overdue(1)
	w.ingest(w.customer("c1"))
	other := w.node(w.url)
	letGo := w.heldOpen(other, w.due("i1", "c1", "2026-12-24"))
	w.now = w.now.AddDate(0, 0, 1)
	var work sync.WaitGroup
	planned := make(chan struct{})
	work.Go(func() {
		defer close(planned)
		if err := w.e.Plan(w.ctx); err != nil {
			t.Error(err)
		}
	})
	if !w.waitsForALock(planned) {
		t.Error("the planner does not wait for an ingestion under way")
	}
	behind := make(chan calendar.Date, 1)
	work.Go(func() {
		_, err := other.Ingest(w.ctx, w.p, batchOf(w.due("i2", "c1", "2026-12-24")), func(ctx context.Context, tx *store.Tx, _ []engine.Result) error {
			planning, err := tx.Planning(ctx, w.p)
			behind <- planning.Announced
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	if !w.waiting(2, behind) {
		t.Error("an ingestion went before the planner that had waited for longer")
	}
	letGo()
	work.Wait()
	if len(behind) == 0 || <-behind != store.Horizon(w.now) {
		t.Error("the ingestion behind the planner does not see what is announced")
	}
}
