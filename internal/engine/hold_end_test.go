package engine_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// statement runs a statement on the database behind the engine's back.
func (w *world) statement(text string, args ...any) {
	w.Helper()
	driver, url := "pgx", w.url
	if file, embedded := strings.CutPrefix(w.url, "sqlite:"); embedded {
		driver, url = "sqlite", "file:"+file+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, url)
	w.must(err)
	defer func() { w.must(db.Close()) }()
	_, err = db.ExecContext(w.ctx, text, args...)
	w.must(err)
}

// TestOneHoldThatCannotEnd: what is wrong with one hold is nothing to the others. It
// is tried again after pauses, told once for each try, and goes on when it can.
func TestOneHoldThatCannotEnd(t *testing.T) {
	for name, c := range map[string]struct{ breaks, mends string }{
		"what it stopped cannot be read": {
			`UPDATE triggers SET details = '{' WHERE customer_id = 'c1'`, `UPDATE triggers SET details = '' WHERE customer_id = 'c1'`,
		},
		"it cannot be read itself": {
			`UPDATE holds SET doc = '{' || doc WHERE resource_id = 'i1'`, `UPDATE holds SET doc = substr(doc, 2) WHERE resource_id = 'i1'`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				w.workflow(workflow.ToFinal)
				w.ingest(w.customer("c1"), w.customer("c2"))
				var holds []hold.Hold
				for _, x := range []struct{ invoice, customer string }{{"i1", "c1"}, {"i2", "c2"}} {
					draft := w.invoice(x.invoice, x.customer)
					draft.Status = billing.InvoiceDraft
					w.ingest(draft)
					holds = append(holds, w.hold(billing.KindInvoice, x.invoice, hold.Legal, ""))
					w.ingest(w.invoice(x.invoice, x.customer)) // HELD
				}
				for _, h := range holds {
					w.release(h)
				}
				w.statement(c.breaks)
				fired := func() string {
					page := ""
					for _, x := range w.executions() {
						if x.Status == execution.Pending {
							page += x.ResourceID
						}
					}
					return page
				}
				told := func() int { return strings.Count(w.log.String(), "hold_end_failed") }
				w.must(w.e.Sweep(w.ctx))
				if fired() != "i2" || told() != 1 {
					t.Fatalf("got %q fired, told %d times: %s", fired(), told(), w.log.String())
				}
				for i, step := range []struct {
					after time.Duration
					told  int
				}{{0, 1}, {4 * time.Second, 1}, {time.Second, 2}, {9 * time.Second, 2}, {time.Second, 3}, {2 * time.Hour, 4}} {
					w.now = w.now.Add(step.after)
					w.must(w.e.Sweep(w.ctx))
					if told() != step.told {
						t.Errorf("step %d: told %d times, want %d", i, told(), step.told)
					}
				}
				w.statement(c.mends)
				w.now = w.now.Add(time.Hour)
				w.must(w.e.Sweep(w.ctx))
				if got := fired(); got != "i1i2" && got != "i2i1" {
					t.Errorf("mended: got %q fired, want both: %s", got, w.log.String())
				}
				if told() != 4 {
					t.Errorf("told %d times, want 4", told())
				}
			})
		})
	}
}
