package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// What a provider answers is stored, and names who it was asked to deliver to: a
// customer is erased before a message begins or after it has ended.
func TestNoErasureWhileAMessageIsBeingSent(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal, func(wf *workflow.Workflow) { wf.OnAmbiguous = workflow.Resend })
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		var during error
		p.during = func() { during = w.e.EraseCustomer(w.ctx, w.p, "c1") }
		p.answers = []execution.Outcome{{Kind: execution.Unknown, Reply: "c1@customer.example: no answer"}}
		w.drain()
		if !fault.Is(during, fault.State) {
			t.Errorf("while it is being sent: got %v, want it refused", during)
		}
		w.status(execution.Waiting, workflow.Sent) // with frozen bytes
		w.must(w.e.EraseCustomer(w.ctx, w.p, "c1"))
		x := w.status(execution.Cancelled, workflow.Deleted)
		found, err := w.s.Attempts(w.ctx, w.p, []string{string(x.ID)})
		w.must(err)
		prepared, err := w.s.ReadPrepared(w.ctx, w.p, []string{string(x.ID)})
		w.must(err)
		if a := found[x.ID][0]; a.Reply == "c1@customer.example: no answer" || a.ContentHash == "" {
			t.Errorf("the attempt: got %+v, want its hash alone", a)
		}
		if m := prepared[x.ID]; m.Content != "" || m.Hash == "" {
			t.Errorf("the message: got %+v, want its hash alone", m)
		}
		w.ingest(w.customer("c1"))
		w.later(time.Hour)
		if len(p.accepted) != 1 {
			t.Errorf("it was sent %d times, want once, before the erasure", len(p.accepted))
		}
	})
}

// An invoice that arrives while its customer is erased is either cancelled with them
// or waits for somebody who does not come.
func TestErasureAgainstAnInvoice(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		const n = 30
		for i := range n {
			id := fmt.Sprint(i)
			w.ingest(w.customer("c" + id))
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := w.e.Ingest(w.ctx, w.p, batchOf(w.invoice("i"+id, "c"+id))); err != nil {
					t.Error(err)
				}
			})
			w.must(w.e.EraseCustomer(w.ctx, w.p, "c"+id))
			wg.Wait()
		}
		cancelled, waiting := 0, 0
		for _, tr := range w.triggers() {
			switch {
			case tr.Status == trigger.Cancelled && tr.Reason == workflow.Deleted:
				cancelled++
			case tr.Status == trigger.Planned && tr.Reason == workflow.WaitingForCustomer:
				waiting++
			default:
				t.Errorf("got %s %s", tr.Status, tr.Reason)
			}
		}
		if cancelled+waiting != n {
			t.Errorf("got %d triggers, want %d", cancelled+waiting, n)
		}
		w.drain()
		if got := len(w.outbox()); got != 0 {
			t.Errorf("got %d messages, want none", got)
		}
		t.Logf("cancelled with the customer: %d, waiting: %d", cancelled, waiting)
	})
}

func batchIn(mode billing.Mode, r billing.Resource) engine.Batch {
	return engine.Batch{Items: []billing.Item{{Resource: r, Mode: mode}}}
}

// A source that tells of a customer in passing does not bring back one who was erased.
func TestFillDoesNotRevive(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"))
		w.must(w.e.EraseCustomer(w.ctx, w.p, "c1"))
		results, err := w.e.Ingest(w.ctx, w.p, batchIn(billing.Fill, w.customer("c1")))
		w.must(err)
		if r := results[0]; r.Err != nil || r.Applied || !r.Stale {
			t.Errorf("got %+v, want it stale", r)
		}
		results, err = w.e.Ingest(w.ctx, w.p, batchIn(billing.Restate, w.customer("c1")))
		w.must(err)
		if r := results[0]; r.Err != nil || !r.Created {
			t.Errorf("a state of its own: got %+v, want a new life", r)
		}
	})
}
