package engine_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// provider answers as it is told and remembers what it was handed.
type provider struct {
	mu       sync.Mutex
	connect  *execution.Outcome // refuses connections while set
	answers  []execution.Outcome
	during   func() // runs while a message is with the provider
	accepted []message.Message
}

func (p *provider) Connect(context.Context) (engine.Session, execution.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.connect != nil {
		return nil, *p.connect
	}
	return p, execution.Outcome{}
}

func (p *provider) Send(_ context.Context, m *message.Message) execution.Outcome {
	if p.during != nil {
		p.during()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted = append(p.accepted, *m)
	answer := execution.Outcome{Kind: execution.Accepted}
	if len(p.answers) > 0 {
		answer, p.answers = p.answers[0], p.answers[1:]
	}
	return answer
}

func (p *provider) Release() {}
func (p *provider) Close()   {}

// onBothWith runs a test on both databases with an SMTP integration that
// speaks to a provider of the test.
func onBothWith(t *testing.T, test func(*world, *provider)) {
	run := func(t *testing.T, url string) {
		p := &provider{}
		w := newWorld(t, url, func(platform.Integration) engine.Sender { return p })
		in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
			Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
			EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: "mail.example", Port: 25}},
		}, false)
		w.must(err)
		w.intg = in.ID
		test(w, p)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}

// status returns the only execution and fails if it is in another state.
func (w *world) status(want execution.Status, reason workflow.Reason) execution.Execution {
	w.Helper()
	list := w.executions()
	if len(list) != 1 || list[0].Status != want || list[0].Reason != reason {
		w.Fatalf("executions: got %+v, want one %s %q", list, want, reason)
	}
	return list[0]
}

func (w *world) attempts(x execution.Execution) []execution.OutcomeKind {
	w.Helper()
	found, err := w.s.Attempts(w.ctx, w.p, []string{string(x.ID)})
	w.must(err)
	var kinds []execution.OutcomeKind
	for _, a := range found[x.ID] {
		kinds = append(kinds, a.Outcome)
	}
	return kinds
}

// later moves the clock, sweeps and drains.
func (w *world) later(d time.Duration) {
	w.Helper()
	w.now = w.now.Add(d)
	w.must(w.e.Sweep(w.ctx))
	w.drain()
}

func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		p.connect = &execution.Outcome{Kind: execution.Deferred, Reply: "connection refused"}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		x := w.status(execution.Waiting, workflow.Sent)
		if !x.NextAttemptAt.After(w.now) {
			t.Fatalf("next attempt: got %v, want it after %v", x.NextAttemptAt, w.now)
		}
		w.drain()
		if got := w.attempts(w.status(execution.Waiting, workflow.Sent)); len(got) != 1 {
			t.Fatalf("attempts before its time: got %v, want the first alone", got)
		}
		p.connect = nil
		w.later(time.Minute)
		x = w.status(execution.Sent, workflow.Sent)
		if got := w.attempts(x); !slices.Equal(got, []execution.OutcomeKind{execution.Deferred, execution.Accepted}) {
			t.Errorf("attempts: got %v, want DEFERRED, ACCEPTED", got)
		}
		if len(p.accepted) != 1 {
			t.Errorf("the provider has %d messages, want 1", len(p.accepted))
		}
	})
}

func TestOutcomes(t *testing.T) {
	for outcome, want := range map[execution.OutcomeKind]execution.Status{
		execution.Accepted: execution.Sent,
		execution.Refused:  execution.Failed,
		execution.Deferred: execution.Waiting,
		execution.Unknown:  execution.Unconfirmed,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			onBothWith(t, func(w *world, p *provider) {
				w.workflow(workflow.ToFinal)
				p.answers = []execution.Outcome{{Kind: outcome, Reply: "as told"}}
				w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
				w.drain()
				if got := w.attempts(w.status(want, workflow.Sent)); !slices.Equal(got, []execution.OutcomeKind{outcome}) {
					t.Errorf("attempts: got %v, want %s", got, outcome)
				}
			})
		})
	}
}

func TestUnknownOutcomeIsHeldOrSentAgainUnchanged(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal, func(wf *workflow.Workflow) { wf.OnAmbiguous = workflow.Resend })
		p.answers = []execution.Outcome{{Kind: execution.Unknown}}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		changed := w.invoice("i1", "c1")
		changed.Total.Quantity = "1.00"
		w.ingest(changed)
		w.later(time.Minute)
		w.status(execution.Sent, workflow.Sent)
		if len(p.accepted) != 2 || p.accepted[0].MessageID != p.accepted[1].MessageID || p.accepted[0].Text != p.accepted[1].Text {
			t.Errorf("got %d messages, want the same bytes twice: %+v", len(p.accepted), p.accepted)
		}
	})
}

func TestRetriesEndAfterThreeDays(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		p.connect = &execution.Outcome{Kind: execution.Deferred, Reply: "down"}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		for range 80 {
			w.later(time.Hour + time.Minute)
		}
		x := w.status(execution.Failed, workflow.Sent)
		if x.Attempts < 60 || x.Attempts > 75 {
			t.Errorf("attempts: got %d, want about one an hour for 72 hours", x.Attempts)
		}
	})
}

func TestLateResultIsRejected(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		p.during = func() { // the sender stalls past its lease, and the sweep gives its claim up
			w.now = w.now.Add(time.Hour)
			w.must(w.e.Sweep(w.ctx))
		}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		x := w.status(execution.Unconfirmed, workflow.Sent)
		if got := w.attempts(x); !slices.Equal(got, []execution.OutcomeKind{execution.Unknown}) {
			t.Errorf("attempts: got %v, want UNKNOWN", got)
		}
		if !strings.Contains(w.log.String(), "late_result_rejected") {
			t.Error("the log does not say that a late result was rejected")
		}
	})
}

func TestNoPaymentAfterItsAcknowledgementIsOvertaken(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.FailedPayment)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), w.payment("p1", "i1"))
		paid := w.invoice("i1", "c1")
		paid.PaymentStatus = billing.Paid
		w.ingest(paid)
		w.drain()
		if len(p.accepted) != 0 {
			t.Errorf("got %d messages after payment, want none", len(p.accepted))
		}
		w.status(execution.Cancelled, workflow.PaidReason)
	})
}

func TestKillSwitch(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		set := func(s platform.Sending) {
			_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
				p.Sending, p.RedirectTo = s, "team@acme.example"
				return nil
			})
			w.must(err)
		}
		w.workflow(workflow.ToFinal)
		set(platform.Paused)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		w.status(execution.Pending, workflow.SendingPaused)
		set(platform.Redirect)
		w.drain()
		w.status(execution.Sent, workflow.Sent)
		if len(p.accepted) != 1 || p.accepted[0].To[0].Email != "team@acme.example" {
			t.Errorf("redirected: got %+v, want one message to the team", p.accepted)
		}
	})
}

// A message whose bytes are frozen cannot be redirected: it waits, says so, and
// holds the same customer's other messages back no more than others'.
func TestWhatCannotBeRedirectedHoldsNobodyBack(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		set := func(s platform.Sending) {
			_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
				p.Sending, p.RedirectTo = s, "team@acme.example"
				return nil
			})
			w.must(err)
		}
		w.workflow(workflow.ToFinal, func(wf *workflow.Workflow) { wf.OnAmbiguous = workflow.Resend })
		p.answers = []execution.Outcome{{Kind: execution.Unknown}}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		w.status(execution.Waiting, workflow.Sent)
		set(platform.Redirect)
		w.later(time.Minute)
		w.status(execution.Pending, workflow.SendingPaused)
		w.ingest(w.invoice("i2", "c1"))
		lane := store.Lane{PlatformID: w.p, Number: execution.Lane("c1")}
		due, err := w.s.Due(w.ctx, lane, w.now, store.Held{Frozen: true}, 1) // however many are frozen
		if err != nil || len(due) != 1 || due[0].InvoiceID != "i2" {
			w.Errorf("due: got %+v, %v, want the second message", due, err)
		}
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.MarkPaused(w.ctx, lane, w.now, true) }))
		if list := w.executions(); list[1].Reason != workflow.Sent {
			w.Errorf("not frozen: got %+v, want nothing said about the switch", list[1])
		}
		w.drain()
		if got := p.taken(); got != 2 || p.accepted[1].To[0].Email != "team@acme.example" {
			w.Fatalf("redirected: got %+v, want the second message, to the team", p.accepted)
		}
		if list := w.executions(); list[0].Status != execution.Pending || list[0].Reason != workflow.SendingPaused {
			w.Errorf("frozen: got %+v, want it to wait for the switch", list[0])
		}
		set(platform.On)
		w.drain()
		if got := p.taken(); got != 3 || p.accepted[2].To[0].Email != "c1@customer.example" {
			w.Errorf("switched on again: got %+v, want the first message once more, to its customer", p.accepted)
		}
	})
}

func TestPausedForTooLongIsSkipped(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		pause := func(s platform.Sending) {
			_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { p.Sending = s; return nil })
			w.must(err)
		}
		pause(platform.Paused)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		w.now = w.now.Add(4 * 24 * time.Hour)
		pause(platform.On)
		w.drain()
		w.status(execution.Skipped, workflow.TooLate)
		if len(p.accepted) != 0 {
			t.Errorf("got %d messages, want none", len(p.accepted))
		}
	})
}

func TestStopsAtTheClaim(t *testing.T) {
	for name, c := range map[string]struct {
		stop   func(*world, workflow.Workflow)
		status execution.Status
		want   workflow.Reason
	}{
		"void": {func(w *world, _ workflow.Workflow) {
			void := w.invoice("i1", "c1")
			void.Status = billing.InvoiceVoid
			w.ingest(void)
		}, execution.Cancelled, workflow.VoidReason},
		"on hold": {func(w *world, _ workflow.Workflow) {
			held := w.invoice("i1", "c1")
			held.OnHold = true
			w.ingest(held)
		}, execution.Cancelled, workflow.OnHold},
		"customer closed": {func(w *world, _ workflow.Workflow) {
			closed := w.customer("c1")
			closed.Status = billing.CustomerClosed
			w.ingest(closed)
		}, execution.Cancelled, workflow.CustomerClosed},
		"workflow off": {func(w *world, wf workflow.Workflow) {
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(x *workflow.Workflow) error {
				x.Status = workflow.Inactive
				return nil
			})
			w.must(err)
		}, execution.Cancelled, workflow.WorkflowInactive},
		"scope narrowed": {func(w *world, wf workflow.Workflow) {
			w.ingest(w.customer("c2"))
			_, err := w.e.ChangeWorkflow(w.ctx, w.p, wf.Reference, func(x *workflow.Workflow) error {
				x.CustomerIDs = []billing.CustomerID{"c2"}
				return nil
			})
			w.must(err)
		}, execution.Cancelled, workflow.OutOfScope},
		"no address": {func(w *world, _ workflow.Workflow) {
			nobody := w.customer("c1")
			nobody.Email = ""
			w.ingest(nobody)
		}, execution.Skipped, workflow.NoRecipient},
		"email off": {func(w *world, _ workflow.Workflow) {
			off := w.customer("c1")
			off.NotificationPreferences = []billing.Preference{{Type: "INVOICE", Channels: []billing.Channel{{Type: "EMAIL"}}}}
			w.ingest(off)
		}, execution.Skipped, workflow.PreferenceOff},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWith(t, func(w *world, p *provider) {
				wf := w.workflow(workflow.ToFinal)
				w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
				c.stop(w, wf)
				w.drain()
				w.status(c.status, c.want)
				if len(p.accepted) != 0 {
					t.Errorf("got %d messages, want none", len(p.accepted))
				}
			})
		})
	}
}

func TestHoldThatEndsLetsTheMessageGo(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		held := w.invoice("i1", "c1")
		held.OnHold = true
		w.ingest(w.customer("c1"), held)
		w.drain()
		w.ingest(w.invoice("i1", "c1"))
		w.drain()
		w.status(execution.Sent, workflow.Sent)
		w.ingest(held)
		w.ingest(w.invoice("i1", "c1"))
		w.drain()
		if len(p.accepted) != 1 {
			t.Errorf("got %d messages, want 1: a key that was spent stays spent", len(p.accepted))
		}
	})
}

func TestOneCustomersMessagesKeepTheirOrder(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"))
		var want []string
		for _, id := range []string{"i1", "i2", "i3"} {
			w.ingest(w.invoice(id, "c1"))
			w.now = w.now.Add(time.Second)
			want = append(want, "INV-"+id)
		}
		var wg sync.WaitGroup
		lane := store.Lane{PlatformID: w.p, Number: execution.Lane("c1")}
		for range 4 { // drains of one lane that run into each other
			wg.Go(func() { w.e.Drain(w.ctx, lane) })
		}
		wg.Wait()
		w.drain()
		var got []string
		for _, m := range p.accepted {
			for _, number := range want {
				if strings.Contains(m.Subject, number) {
					got = append(got, number)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
