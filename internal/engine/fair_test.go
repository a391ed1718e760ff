package engine_test

import (
	"context"
	"fmt"
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

// stalled is a provider that takes connections and messages and never answers
// until it is told to.
type stalled struct {
	until     chan struct{}
	connected bool // it stalls the message, not the connection
}

func (s *stalled) Connect(ctx context.Context) (engine.Session, execution.Outcome) {
	if !s.connected {
		s.wait(ctx)
	}
	return s, execution.Outcome{}
}

func (s *stalled) wait(ctx context.Context) {
	select {
	case <-s.until:
	case <-ctx.Done():
	}
}

func (s *stalled) Send(ctx context.Context, _ *message.Message) execution.Outcome {
	s.wait(ctx)
	return execution.Outcome{Kind: execution.Accepted}
}

func (s *stalled) Release() {}
func (s *stalled) Close()   {}

// onBothStalled runs a test on both databases with two providers: one of invoices,
// which stalls at the message or already at the connection, and a healthy one of
// payments.
func onBothStalled(t *testing.T, test func(w *world, atMessage bool, healthy *provider)) {
	run := func(t *testing.T, url string, atMessage bool) {
		slow, healthy := &stalled{make(chan struct{}), atMessage}, &provider{}
		var slowID platform.IntegrationID
		w := newWorld(t, url, func(in platform.Integration) engine.Sender {
			if in.ID == slowID {
				return slow
			}
			return healthy
		}, func(l *engine.Limits) { l.Slice = 200 * time.Millisecond })
		make := func() platform.IntegrationID {
			in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
				Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
				EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: "mail.example", Port: 25}},
			}, false)
			w.must(err)
			return in.ID
		}
		slowID = make()
		w.intg = slowID
		w.workflow(workflow.ToFinal)
		w.intg = make()
		w.workflow(workflow.FailedPayment)
		test(w, atMessage, healthy)
		close(slow.until)
	}
	for name, atMessage := range map[string]bool{"at the message": true, "at the connection": false} {
		t.Run(name, func(t *testing.T) {
			t.Run("sqlite", func(t *testing.T) { run(t, storetest.SQLite(t), atMessage) })
			t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t), atMessage) })
		})
	}
}

// inLane returns ids of customers of one lane.
func inLane(lane store.Lane, n int) []string {
	var ids []string
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprint("c", i); execution.Lane(billing.CustomerID(id)) == lane.Number {
			ids = append(ids, id)
		}
	}
	return ids
}

// taken is how many messages a provider has.
func (p *provider) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.accepted)
}

// drainUntilTaken drains a lane until a provider has so many messages, which no
// stalled one may keep from it, and checks that it does not get more. A drain
// that is over may have left sends behind it that still go on.
func (w *world) drainUntilTaken(lane store.Lane, healthy *provider, want int) {
	w.Helper()
	for range 100 { // far more than it takes; each is as long as its slice at most
		w.e.Drain(w.ctx, lane)
		if healthy.taken() >= want {
			break
		}
	}
	w.e.Drain(w.ctx, lane)
	if got := healthy.taken(); got != want {
		w.Errorf("the healthy provider has %d messages while the other stalls, want %d", got, want)
	}
}

// A provider that stalls, with a backlog longer than a drain takes up at a
// time, keeps nobody else's messages waiting in the same lane.
func TestAStalledProviderDelaysNobodyElse(t *testing.T) {
	onBothStalled(t, func(w *world, _ bool, healthy *provider) {
		lane := store.Lane{PlatformID: w.p, Number: 3}
		ids := inLane(lane, 450)
		last := len(ids) - 1
		var states []billing.Resource
		for _, id := range ids[:last] {
			states = append(states, w.customer(id), w.invoice("i"+id, id))
		}
		pay := w.payment("p", "") // the last to come due is another integration's
		pay.CustomerID = billing.CustomerID(ids[last])
		w.ingest(append(states, w.customer(ids[last]), pay)...)
		w.drainUntilTaken(lane, healthy, 1)
	})
}

// Nor does what waits for it hold the same customer's later messages back; only
// what is with it already does.
func TestAStalledProviderHoldsNoCustomerBack(t *testing.T) {
	onBothStalled(t, func(w *world, atMessage bool, healthy *provider) {
		lane := store.Lane{PlatformID: w.p, Number: 3}
		ids := inLane(lane, 30)
		var states []billing.Resource
		for _, id := range ids {
			states = append(states, w.customer(id), w.invoice("i"+id, id))
		}
		w.ingest(states...)
		w.now = w.now.Add(time.Second)
		for _, id := range ids {
			w.ingest(w.payment("p"+id, "i"+id))
		}
		want := len(ids)
		if atMessage {
			want -= w.limits.SendsAtOnce
		}
		w.drainUntilTaken(lane, healthy, want)
	})
}

// Two platforms may have an integration of the same id: each has its own account,
// and does not wait for the other's.
func TestAnIntegrationIsOfItsPlatformAlone(t *testing.T) {
	run := func(t *testing.T, url string) {
		slow, healthy := &stalled{make(chan struct{}), true}, &provider{}
		w := newWorld(t, url, func(in platform.Integration) engine.Sender {
			if in.EmailProvider.SMTP.Host == "slow.example" {
				return slow
			}
			return healthy
		}, func(l *engine.Limits) { l.Slice, l.SendsAtOnce = 200*time.Millisecond, 1 })
		send := func(host string) {
			in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
				ID: "mail", Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
				EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: host, Port: 25}},
			}, false)
			w.must(err)
			w.intg = in.ID
			w.workflow(workflow.ToFinal)
			w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
			w.drain()
		}
		send("slow.example")
		w.p = w.newPlatform("other")
		send("mail.example")
		if got := healthy.taken(); got != 1 {
			t.Errorf("got %d messages, want that of the platform whose account it is", got)
		}
		close(slow.until)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}

// A payment may name another customer than its invoice does, before or after
// the invoice moved: that is no reason to refuse anything.
func TestPaymentOfAnotherCustomerThanItsInvoice(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.FailedPayment)
		w.ingest(w.customer("c1"), w.customer("c2"), w.invoice("i1", "c1"))
		p := w.payment("p1", "i1")
		p.CustomerID = "c2"
		w.ingest(p)
		w.ingest(w.invoice("i1", "c3"))
		again := w.payment("p2", "i1")
		again.CustomerID = "c2"
		w.ingest(again, w.customer("c4"))
		w.drain()
		w.drain()
		if got := w.outbox(); len(got) != 2 || got[0].To[0].Email != "c2@customer.example" {
			t.Errorf("got %+v, want two messages to c2", got)
		}
	})
}
