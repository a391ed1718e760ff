package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// onTest makes the world's platform a TEST one that allows those recipients.
func (w *world) onTest(allowed ...string) {
	w.Helper()
	_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
		p.Environment, p.AllowedRecipients = platform.Test, allowed
		return nil
	})
	w.must(err)
}

// copied makes a workflow whose messages have a copy, a blind copy, and a copy
// for each contact of the customer.
func (w *world) copied() {
	w.Helper()
	wf, err := w.e.CreateWorkflow(w.ctx, w.p, workflow.Workflow{
		Name: "w", Reference: "w", Type: workflow.Invoice, Status: workflow.Active,
		Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal},
	})
	w.must(err)
	_, err = w.e.CreateAction(w.ctx, w.p, workflow.Action{
		WorkflowID: wf.ID, Type: workflow.SendEmailToCustomer, Status: workflow.Active, SendEmail: &workflow.SendEmail{
			IntegrationID: w.intg, TemplateName: "default", From: &workflow.Mailbox{Email: "billing@acme.example"},
			CC: []string{"cc@acme.example"}, BCC: []string{"bcc@acme.example"}, Variant: workflow.Invoice,
			Invoice: &workflow.InvoiceEmail{ContactsAsCC: true},
		},
	})
	w.must(err)
}

// TestTestPlatformKeeps: a TEST platform delivers where every recipient is
// allowed, and keeps everything else in its outbox, saying why.
func TestTestPlatformKeeps(t *testing.T) {
	const to, cc, bcc = "c1@customer.example", "CC@acme.example", "bcc@Acme.example"
	for name, c := range map[string]struct {
		allowed []string
		edit    func(*platform.Platform)
		sent    bool
	}{
		"nobody":               {nil, nil, false},
		"all":                  {[]string{to, cc, bcc}, nil, true},
		"not the customer":     {[]string{cc, bcc}, nil, false},
		"not the copy":         {[]string{to, bcc}, nil, false},
		"not the blind copy":   {[]string{to, cc}, nil, false},
		"redirected, allowed":  {[]string{"team@acme.example"}, redirect, true},
		"redirected elsewhere": {[]string{to, cc, bcc}, redirect, false},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWith(t, func(w *world, p *provider) {
				w.onTest(c.allowed...)
				if c.edit != nil {
					_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { c.edit(p); return nil })
					w.must(err)
				}
				w.copied()
				w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
				w.drain()
				x := w.status(execution.Sent, workflow.Sent)
				outbox := w.outbox()
				if c.sent {
					if len(p.accepted) != 1 || len(outbox) != 0 || len(p.accepted[0].Warnings) != 0 {
						w.Errorf("got %d sent and %d captured, want one sent: %+v", len(p.accepted), len(outbox), p.accepted)
					}
					return
				}
				if len(p.accepted) != 0 || len(outbox) != 1 || !strings.Contains(strings.Join(outbox[0].Warnings, ""), "allowed_recipients") {
					w.Fatalf("got %d sent and %d captured, want one captured with a warning: %+v", len(p.accepted), len(outbox), outbox)
				}
				attempts, err := w.s.Attempts(w.ctx, w.p, []string{string(x.ID)})
				w.must(err)
				if a := attempts[x.ID]; len(a) != 1 || a[0].Outcome != execution.Accepted || !strings.Contains(a[0].Reply, "allowed_recipients") {
					w.Errorf("attempts: got %+v, want one that says why", a)
				}
			})
		})
	}
}

func redirect(p *platform.Platform) { p.Sending, p.RedirectTo = platform.Redirect, "team@acme.example" }

// TestContactsAreRecipientsToo: who is copied by the customer's wish counts.
func TestContactsAreRecipientsToo(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example", "cc@acme.example", "bcc@acme.example")
		w.copied()
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		if len(p.accepted) != 1 {
			t.Fatalf("the control, without contacts: got %d sent, want one", len(p.accepted))
		}
		contact := &billing.Contact{CustomerID: "c1", Email: "k@customer.example"}
		contact.ID = "k"
		w.ingest(contact, w.invoice("i2", "c1"))
		w.drain()
		if len(p.accepted) != 1 || len(w.outbox()) != 1 {
			t.Errorf("got %d sent and %d captured, want one of each", len(p.accepted), len(w.outbox()))
		}
	})
}

// hooked runs something when a connection is asked for: after a message is
// prepared, and before it is claimed.
type hooked struct {
	*provider
	connected func()
}

func (h *hooked) Connect(ctx context.Context) (engine.Session, execution.Outcome) {
	h.connected()
	return h.provider.Connect(ctx)
}

// TestDisallowedBeforeTheClaim: a recipient who is struck off while a message
// is on its way to its claim is not written to, although the clock stands still.
func TestDisallowedBeforeTheClaim(t *testing.T) {
	p := &provider{}
	h := &hooked{provider: p}
	w := newWorld(t, storetest.SQLite(t), func(platform.Integration) engine.Sender { return h })
	h.connected = func() { w.onTest() }
	in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
		Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
		EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: "mail.example", Port: 25}},
	}, false)
	w.must(err)
	w.intg = in.ID
	w.onTest("c1@customer.example")
	w.workflow(workflow.ToFinal)
	w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
	w.drain()
	w.status(execution.Sent, workflow.Sent)
	if len(p.accepted) != 0 || len(w.outbox()) != 1 {
		t.Errorf("got %d sent and %d captured, want one captured", len(p.accepted), len(w.outbox()))
	}
}

// TestFrozenAndDisallowed: bytes that may have gone out once are not sent again
// to somebody who is not allowed any more.
func TestFrozenAndDisallowed(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		w.onTest("c1@customer.example")
		w.workflow(workflow.ToFinal, func(wf *workflow.Workflow) { wf.OnAmbiguous = workflow.Resend })
		p.answers = []execution.Outcome{{Kind: execution.Unknown}}
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		if x := w.executions()[0]; x.FrozenHash == "" || len(p.accepted) != 1 {
			t.Fatalf("the control: got %+v, want it frozen", x)
		}
		w.onTest()
		w.later(time.Hour)
		w.status(execution.Sent, workflow.Sent)
		if len(p.accepted) != 1 || len(w.outbox()) != 1 {
			t.Errorf("got %d sent and %d captured, want one of each", len(p.accepted), len(w.outbox()))
		}
	})
}

// TestLivePlatformIgnoresTheList: only a TEST platform keeps messages.
func TestLivePlatformIgnoresTheList(t *testing.T) {
	onBothWith(t, func(w *world, p *provider) {
		_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { p.AllowedRecipients = []string{"a@x.example"}; return nil })
		w.must(err)
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		w.drain()
		if len(p.accepted) != 1 {
			t.Errorf("got %d sent, want one", len(p.accepted))
		}
	})
}
