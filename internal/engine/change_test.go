package engine_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func TestScopedWorkflowAnswersToAPaymentBeforeItsInvoice(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"))
		w.workflow(workflow.FailedPayment, func(x *workflow.Workflow) { x.CustomerIDs = []billing.CustomerID{"c1"} })
		w.ingest(w.payment("p1", "i1"))
		w.ingest(w.invoice("i1", "c1"))
		w.drain()
		if got := len(w.outbox()); got != 1 {
			w.Errorf("outbox: %d, triggers %+v", got, w.triggers())
		}
	})
}

func TestPaymentAndInvoiceAtOnce(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	w.workflow(workflow.FailedPayment)
	nodes := []*engine.Engine{w.e, w.node(url)}
	for i := range 90 {
		id := fmt.Sprint(i)
		w.ingest(w.customer("c" + id))
		var wg sync.WaitGroup
		for k, r := range []billing.Resource{w.invoice("i"+id, "c"+id), w.payment("p"+id, "i"+id)} {
			wg.Go(func() {
				if _, err := nodes[k].Ingest(w.ctx, w.p, batchOf(r)); err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
	}
	bad := 0
	for _, got := range w.triggers() {
		if got.Status != "FIRED" {
			bad++
			w.Logf("%s %s customer=%q invoice=%q", got.Status, got.Reason, got.CustomerID, got.InvoiceID)
		}
	}
	if bad > 0 {
		w.Errorf("%d of %d not fired, e.g. waiting for ever", bad, len(w.triggers()))
	}
}

func TestPaymentLearnsItsInvoiceWhileItsMessageIsSent(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.FailedPayment)
		pay := w.payment("p1", "")
		pay.CustomerID, pay.ExternalReference = "c1", "pi_1"
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.ingest(pay)
		p.answers = []execution.Outcome{{Kind: execution.Deferred}}
		p.during = func() {
			p.during = nil
			_, err := w.e.Ingest(w.ctx, w.p, engine.Batch{Links: []billing.Link{{ExternalReference: "pi_1", InvoiceID: "i1"}}})
			w.must(err)
		}
		w.drain()
		paid := w.invoice("i1", "c1")
		paid.PaymentStatus = billing.Paid
		w.ingest(paid)
		w.later(time.Hour)
		if got := len(p.accepted); got != 1 {
			w.Errorf("handed over %d times, the last after the payment; %+v", got, w.executions())
		}
	})
}

func TestHoldInTheSameBatch(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		held := w.invoice("i1", "c1")
		held.OnHold = true
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), held)
		w.drain()
		w.ingest(w.invoice("i1", "c1"))
		w.drain()
		if got := len(w.outbox()); got != 1 {
			w.Errorf("outbox %d; triggers %+v; executions %+v", got, w.triggers(), w.executions())
		}
	})
}

func TestHoldWhileSending(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		p.answers = []execution.Outcome{{Kind: execution.Deferred}}
		p.during = func() {
			p.during = nil
			held := w.invoice("i1", "c1")
			held.OnHold = true
			w.ingest(held)
		}
		w.drain()
		w.later(time.Hour)
		w.ingest(w.invoice("i1", "c1"))
		w.later(time.Hour)
		if got := len(p.accepted); got != 2 {
			w.Errorf("handed over %d; executions %+v", got, w.executions())
		}
	})
}

func TestCustomerReopened(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		closed := w.customer("c1")
		closed.Status = billing.CustomerClosed
		w.ingest(closed)
		w.ingest(w.customer("c1"))
		w.drain()
		if got := len(w.outbox()); got != 1 {
			w.Errorf("outbox %d; triggers %+v", got, w.triggers()[0].Reason)
		}
	})
}

func TestAPauseIsNoRetry(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal, func(x *workflow.Workflow) { x.MaxLateness = calendar.Period{Type: calendar.Day, Value: 10} })
		set := func(s platform.Sending) {
			_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { p.Sending = s; return nil })
			w.must(err)
		}
		set(platform.Paused)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.later(4 * 24 * time.Hour)
		set(platform.On)
		p.answers = []execution.Outcome{{Kind: execution.Deferred}}
		w.drain()
		if x := w.executions()[0]; x.Status == execution.Failed {
			w.Errorf("FAILED at the first attempt")
		}
	})
}

func TestOnlyAnActiveIntegrationCaptures(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		in, err := w.s.Integration(w.ctx, w.p, string(w.intg))
		w.must(err)
		in.Status = platform.IntegrationDraft
		_, _, err = w.e.PutIntegration(w.ctx, w.p, in, true)
		w.must(err)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		if got := len(w.outbox()); got != 0 {
			w.Errorf("a DRAFT SYSTEM integration captured")
		}
	})
}

func TestInvoiceMovesToAnotherCustomer(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		p.connect = &execution.Outcome{Kind: execution.Deferred}
		w.ingest(w.customer("c1"), w.customer("c2"), w.invoice("i1", "c1"))
		w.drain()
		w.ingest(w.invoice("i1", "c2"))
		p.connect = nil
		w.later(time.Hour)
		if len(p.accepted) != 1 || p.accepted[0].To[0].Email != "c2@customer.example" {
			w.Errorf("got %+v, want one message to c2", p.accepted)
		}
	})
}

// With another master key an integration says so in words, and its credentials
// can be entered anew.
func TestCredentialsOfAnotherMasterKeyAreEnteredAnew(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(w.ctx, store.Config{URL: url, MasterKey: bytes.Repeat([]byte{9}, 32), Log: log})
	w.must(err)
	t.Cleanup(func() { w.must(s.Close()) })
	other, err := engine.New(engine.Config{Log: log, Now: w.e.Now, Limits: engine.DefaultLimits()})
	w.must(err)
	other.Use(s)
	in, err := w.s.Integration(w.ctx, w.p, string(w.intg))
	w.must(err)
	if _, err := s.Integration(w.ctx, w.p, string(w.intg)); !fault.Is(err, fault.State) {
		t.Errorf("reading: got %v, want a fault in words", err)
	}
	if _, _, err := other.PutIntegration(w.ctx, w.p, in, true); !fault.Is(err, fault.State) {
		t.Errorf("keeping what cannot be opened: got %v, want a fault in words", err)
	}
	in.Credentials.Password = "new"
	_, created, err := other.PutIntegration(w.ctx, w.p, in, false)
	w.must(err)
	if again, err := s.Integration(w.ctx, w.p, string(w.intg)); err != nil || again.Credentials.Password != "new" || created {
		t.Errorf("entered anew: got %v, %v, created %v, want the new password in its place", again.Credentials, err, created)
	}
}
