package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
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
		w.now = w.now.Add(w.limits.InvoiceWait)
		w.must(w.e.Sweep(w.ctx))
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
		w.workflow(workflow.ToFinal, func(x *workflow.Workflow) { x.Schedule.MaxLateness = calendar.Period{Type: calendar.Day, Value: 10} })
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

// Of what one batch tells twice the last state says whose it is, and what of.
func TestTheLastStateOfABatchNamesCustomerAndInvoice(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.workflow(workflow.FailedPayment)
		w.ingest(w.customer("c1"), w.customer("c2"), w.invoice("i1", "c1"), w.invoice("i1", "c2"))
		w.drain()
		if got := w.outbox(); len(got) != 1 || got[0].To[0].Email != "c2@customer.example" {
			w.Errorf("an invoice: got %+v, want one message to c2", got)
		}
		early := w.payment("p1", "")
		early.CustomerID = "c2"
		w.ingest(early, w.payment("p1", "i1"))
		w.drain()
		if got := w.outbox(); len(got) != 2 || !strings.Contains(got[0].Subject+got[1].Subject, "betaling voor factuur INV-i1") {
			w.Errorf("a payment: got %+v, want one more message, about i1", got)
		}
	})
}

// What ends while it waits for another attempt has none ahead any more.
func TestNothingIsAheadOfWhatHasEnded(t *testing.T) {
	for name, c := range map[string]struct {
		stop   func(*world, workflow.Workflow)
		reason workflow.Reason
	}{
		"paid": {func(w *world, _ workflow.Workflow) {
			paid := w.invoice("i1", "c1")
			paid.PaymentStatus = billing.Paid
			w.ingest(paid)
		}, workflow.PaidReason},
		"deactivated": {func(w *world, wf workflow.Workflow) {
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, string(wf.ID), func(wf *workflow.Workflow) error { wf.Status = workflow.Inactive; return nil })
			w.must(err)
		}, workflow.WorkflowInactive},
		"narrowed": {func(w *world, wf workflow.Workflow) {
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, string(wf.ID), func(wf *workflow.Workflow) error { wf.CustomerIDs = []billing.CustomerID{"c2"}; return nil })
			w.must(err)
		}, workflow.OutOfScope},
		"without its action": {func(w *world, _ workflow.Workflow) {
			_, err := w.e.DeleteAction(w.ctx, w.p, w.executions()[0].ActionID)
			w.must(err)
		}, workflow.NoAction},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWith(t, func(w *world, p *provider) {
				wf := w.workflow(workflow.FailedPayment)
				p.connect = &execution.Outcome{Kind: execution.Deferred}
				w.ingest(w.customer("c1"), w.customer("c2"), w.invoice("i1", "c1"), w.payment("p1", "i1"))
				w.drain()
				if w.status(execution.Waiting, workflow.Sent).NextAttemptAt.IsZero() {
					t.Fatal("it waits for nothing")
				}
				c.stop(w, wf)
				if x := w.status(execution.Cancelled, c.reason); !x.NextAttemptAt.IsZero() {
					t.Errorf("next attempt: got %v, want none", x.NextAttemptAt)
				}
			})
		})
	}
}

// With another master key an integration can be looked at and changed, its
// messages wait and say why, and its credentials can be entered anew.
func TestCredentialsOfAnotherMasterKeyAreEnteredAnew(t *testing.T) {
	onBoth(t, func(w *world) {
		in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
			Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive, Credentials: platform.Credentials{Password: "old"},
			EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: "mail.example", Port: 25}},
		}, false)
		w.must(err)
		w.intg = in.ID
		w.workflow(workflow.ToFinal)
		kept, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
			Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive, Credentials: platform.Credentials{Password: "old"},
			EmailProvider: platform.EmailProvider{Variant: platform.System},
		}, false)
		w.must(err)
		w.intg = kept.ID
		w.workflow(workflow.FailedPayment)
		w.reopen(bytes.Repeat([]byte{9}, 32))

		w.now = w.now.Add(time.Hour)
		in.Name, in.Credentials = "renamed", platform.Credentials{}
		changed, created, err := w.e.PutIntegration(w.ctx, w.p, in, true)
		if err != nil || created || !changed.CreatedAt.Equal(in.CreatedAt) {
			w.Errorf("keeping what cannot be opened: got %v, created %v at %v, want it changed", err, created, changed.CreatedAt)
		}
		w.ingest(w.customer("c1"), w.customer("c2"), w.invoice("i1", "c1"))
		w.drain()
		x := w.executions()[0]
		attempts, err := w.s.Attempts(w.ctx, w.p, []string{string(x.ID)})
		w.must(err)
		if x.Status != execution.Waiting || !strings.Contains(attempts[x.ID][0].Reply, "master key") {
			w.Errorf("sending: got %s, %+v, want it to wait and say why", x.Status, attempts)
		}
		pay := w.payment("p1", "")
		pay.CustomerID = "c2"
		w.ingest(pay)
		w.drain()
		if got := w.outbox(); len(got) != 1 {
			w.Errorf("an integration that has credentials and needs none: got %d messages, want 1", len(got))
		}
		in.Credentials.Password = "new"
		again, created, err := w.e.PutIntegration(w.ctx, w.p, in, false)
		if err != nil || created || !again.CreatedAt.Equal(in.CreatedAt) {
			w.Errorf("entering anew: got %v, created %v at %v, want it changed", err, created, again.CreatedAt)
		}
		if got, err := w.s.OpenIntegration(w.ctx, w.p, in.ID); err != nil || got.Credentials.Password != "new" {
			w.Errorf("entered anew: got %v, %v, want the new password in its place", got.Credentials, err)
		}
	})
}
