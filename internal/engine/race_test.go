package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// node is another process on the world's PostgreSQL.
func (w *world) node(url string) *engine.Engine {
	w.Helper()
	log := slog.New(slog.DiscardHandler)
	e, err := engine.New(engine.Config{Log: log, Now: w.e.Now, Limits: engine.DefaultLimits()})
	w.must(err)
	s, err := store.Open(w.ctx, store.Config{URL: url, MasterKey: bytes.Repeat([]byte{7}, 32), Log: log, MaxConns: 8})
	w.must(err)
	w.Cleanup(func() { w.must(s.Close()) })
	e.Use(s)
	return e
}

func batchOf(list ...billing.Resource) engine.Batch {
	var b engine.Batch
	for _, r := range list {
		b.Items = append(b.Items, billing.Item{Resource: r})
	}
	return b
}

// R5: the same event taken in by four nodes with many callers each is one trigger.
func TestOneTriggerHoweverManyTakeTheEventIn(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	w.workflow(workflow.ToFinal)
	w.ingest(w.customer("c1"))
	nodes := []*engine.Engine{w.e, w.node(url), w.node(url), w.node(url)}
	var wg sync.WaitGroup
	for _, n := range nodes {
		for range 64 {
			wg.Go(func() {
				if _, err := n.Ingest(w.ctx, w.p, batchOf(w.invoice("i1", "c1"))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := w.triggers(); len(got) != 1 {
		t.Errorf("triggers: got %d, want 1", len(got))
	}
	if got := w.executions(); len(got) != 1 {
		t.Errorf("executions: got %d, want 1", len(got))
	}
}

// An invoice and its customer that arrive at once never miss each other.
func TestInvoiceAndCustomerAtOnce(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	w.workflow(workflow.ToFinal)
	nodes := []*engine.Engine{w.e, w.node(url)}
	const n = 40
	for i := range n {
		id := fmt.Sprint(i)
		var wg sync.WaitGroup
		for k, r := range []billing.Resource{w.invoice("i"+id, "c"+id), w.customer("c" + id)} {
			wg.Go(func() {
				if _, err := nodes[k].Ingest(w.ctx, w.p, batchOf(r)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for _, got := range w.triggers() {
		if got.Status != trigger.Fired {
			t.Errorf("trigger of %s: got %s %s, want FIRED", got.ResourceID, got.Status, got.Reason)
		}
	}
	if got := len(w.triggers()); got != n {
		t.Errorf("triggers: got %d, want %d", got, n)
	}
}

// R6: once a payment has been acknowledged, no later claim succeeds.
func TestNoClaimAfterAPaymentWasAcknowledged(t *testing.T) {
	run := func(t *testing.T, url string) {
		w := newWorld(t, url, nil)
		w.workflow(workflow.FailedPayment)
		overtaken, stopped := 0, 0
		for i := range 60 {
			id := fmt.Sprint(i)
			w.ingest(w.customer("c"+id), w.invoice("i"+id, "c"+id), w.payment("p"+id, "i"+id))
			var wg sync.WaitGroup
			wg.Go(func() {
				w.e.Drain(w.ctx, store.Lane{PlatformID: w.p, Number: execution.Lane(billing.CustomerID("c" + id))})
			})
			paid := w.invoice("i"+id, "c"+id)
			paid.PaymentStatus = billing.Paid
			w.ingest(paid)
			page, err := w.s.Executions(w.ctx, w.p, store.Query{
				Page: 1, Limit: 9, Filters: []store.Filter{{Field: "payment_id", Values: []string{"p" + id}}},
			})
			w.must(err)
			switch x := page.Items[0]; x.Status {
			case execution.Sent:
				overtaken++
			case execution.Cancelled:
				stopped++
			case execution.Pending, execution.Waiting, execution.Sending, execution.Skipped, execution.Failed, execution.Unconfirmed:
				t.Errorf("after the payment's acknowledgement: got %s, want SENT before it or CANCELLED by it", x.Status)
			}
			wg.Wait()
		}
		if got := len(w.outbox()); got != overtaken {
			t.Errorf("got %d messages, want the %d that were claimed before the payment", got, overtaken)
		}
		t.Logf("sent before the payment: %d, stopped by it: %d", overtaken, stopped)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}

// An event that is being taken in while its workflow is activated is matched
// against the old set or the new one, and after the activation's answer never
// against the old one.
func TestNoEventIsMatchedAgainstAReplacedSet(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	other := w.node(url)
	w.ingest(w.customer("c1"))
	wf := w.workflow(workflow.ToFinal)
	set := func(s workflow.Status) {
		_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(x *workflow.Workflow) error { x.Status = s; return nil })
		w.must(err)
	}
	for i := range 20 {
		set(workflow.Inactive)
		off := fmt.Sprint("off", i)
		if _, err := other.Ingest(context.WithoutCancel(w.ctx), w.p, batchOf(w.invoice(off, "c1"))); err != nil {
			t.Fatal(err)
		}
		set(workflow.Active)
		on := fmt.Sprint("on", i)
		if _, err := other.Ingest(w.ctx, w.p, batchOf(w.invoice(on, "c1"))); err != nil {
			t.Fatal(err)
		}
	}
	fired := map[string]bool{}
	for _, got := range w.triggers() {
		fired[got.ResourceID] = true
	}
	for i := range 20 {
		if fired[fmt.Sprint("off", i)] || !fired[fmt.Sprint("on", i)] {
			t.Errorf("round %d: fired while off: %v, while on: %v", i, fired[fmt.Sprint("off", i)], fired[fmt.Sprint("on", i)])
		}
	}
}
