package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// world is an engine on a real database, with a clock that stands still, one
// platform, and a SYSTEM integration. Nothing drains or sweeps by itself.
type world struct {
	*testing.T
	ctx  context.Context
	e    *engine.Engine
	s    *store.Store
	p    platform.ID
	now  time.Time
	intg platform.IntegrationID
	log  bytes.Buffer

	url    string
	sender func(platform.Integration) engine.Sender
	limits engine.Limits
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(*world)) {
	t.Run("sqlite", func(t *testing.T) { test(newWorld(t, storetest.SQLite(t), nil)) })
	t.Run("postgres", func(t *testing.T) { test(newWorld(t, pgtest.URL(t), nil)) })
}

func newWorld(t *testing.T, url string, sender func(platform.Integration) engine.Sender, change ...func(*engine.Limits)) *world {
	t.Helper()
	return newWorldAt(t, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), url, sender, change...)
}

func newWorldAt(
	t *testing.T, now time.Time, url string, sender func(platform.Integration) engine.Sender, change ...func(*engine.Limits),
) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), now: now, url: url, sender: sender, limits: engine.DefaultLimits()}
	w.limits.Slice = time.Minute                           // a test drains until nothing is left, however slow the machine
	w.limits.Tick, w.limits.Neglect = time.Hour, time.Hour // it moves the clock, and sweeps when it says so
	for _, change := range change {
		change(&w.limits)
	}
	w.open(bytes.Repeat([]byte{7}, 32))
	t.Cleanup(func() { w.must(w.s.Close()) })
	t.Cleanup(func() { w.must(w.e.Stop(context.WithoutCancel(w.ctx))) })

	w.p = w.newPlatform("acme")
	in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
		Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
		EmailProvider: platform.EmailProvider{Variant: platform.System},
	}, false)
	w.must(err)
	w.intg = in.ID
	return w
}

func (w *world) newPlatform(reference string) platform.ID {
	w.Helper()
	p := platform.Platform{
		ID: platform.ID(ident.New("plat")), Reference: reference, Name: reference, Environment: platform.Live,
		Timezone: "Europe/Amsterdam", Locale: "en-GB", Sending: platform.On, CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.InsertPlatform(w.ctx, p) }))
	return p.ID
}

// open starts an engine on the database.
func (w *world) open(key []byte) {
	w.Helper()
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	var err error
	w.e, err = engine.New(engine.Config{Log: log, Now: func() time.Time { return w.now }, Limits: w.limits, Sender: w.sender})
	w.must(err)
	cfg := store.Config{URL: w.url, MasterKey: key, Log: log}
	w.must(store.Migrate(w.ctx, cfg))
	w.s, err = store.Open(w.ctx, cfg)
	w.must(err)
	w.e.Use(w.s)
	w.must(w.e.Start(w.ctx))
}

// reopen stops the engine and starts it with another master key, as whoever has
// lost the one before does.
func (w *world) reopen(key []byte) {
	w.Helper()
	w.must(w.e.Stop(w.ctx))
	w.must(w.s.Close())
	_, err := store.ResetKey(w.ctx, store.Config{URL: w.url, MasterKey: key, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	w.open(key)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// workflow creates an ACTIVE workflow with one ACTIVE action.
func (w *world) workflow(variant workflow.Variant, edit ...func(*workflow.Workflow)) workflow.Workflow {
	w.Helper()
	wf := workflow.Workflow{Name: "w", Reference: ident.New("ref"), Status: workflow.Active}
	email := &workflow.SendEmail{
		IntegrationID: w.intg, TemplateName: "default", From: &workflow.Mailbox{Email: "billing@acme.example"},
	}
	switch variant { //nolint:exhaustive // the variants that run
	case workflow.ToFinal:
		wf.Type, wf.Invoice = workflow.Invoice, &workflow.InvoiceConfig{Variant: variant}
		email.Invoice = &workflow.InvoiceEmail{IncludePaymentLink: true}
	case workflow.Overdue, workflow.UpcomingPaymentRemind:
		wf.Type, wf.Invoice = workflow.Invoice, &workflow.InvoiceConfig{Variant: variant}
	case workflow.FreeTrialReminder:
		wf.Type, wf.Subscription = workflow.Subscription, &workflow.SubscriptionConfig{Variant: variant}
	case workflow.FailedPayment:
		wf.Type, wf.Payment = workflow.Payment, &workflow.PaymentConfig{Variant: variant}
	}
	email.Variant = wf.Type
	if variant == workflow.WalletBalance {
		wf.Type, email.Variant = workflow.Wallet, ""
		wf.Wallet = &workflow.WalletConfig{Variant: variant, Balance: &workflow.BalanceConfig{
			Comparator: "LESS_THAN", Threshold: &workflow.Threshold{Credits: &billing.Credits{Quantity: "5", CreditTypeID: "api"}},
		}}
	}
	for _, do := range edit {
		do(&wf)
	}
	wf, err := w.e.CreateWorkflow(w.ctx, w.p, wf)
	w.must(err)
	_, err = w.e.CreateAction(w.ctx, w.p, workflow.Action{
		WorkflowID: wf.ID, Type: workflow.SendEmailToCustomer, Status: workflow.Active, SendEmail: email,
	})
	w.must(err)
	return wf
}

// ingest takes states in and fails on any error.
func (w *world) ingest(list ...billing.Resource) []engine.Result {
	w.Helper()
	var batch engine.Batch
	for _, r := range list {
		batch.Items = append(batch.Items, billing.Item{Resource: r})
	}
	results, err := w.e.Ingest(w.ctx, w.p, batch)
	w.must(err)
	for _, r := range results {
		w.must(r.Err)
	}
	return results
}

// drain works off every lane, once.
func (w *world) drain() {
	for n := range execution.Lanes {
		w.e.Drain(w.ctx, store.Lane{PlatformID: w.p, Number: n})
	}
}

func (w *world) triggers() []trigger.Trigger {
	w.Helper()
	page, err := w.s.Triggers(w.ctx, w.p, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	return page.Items
}

func (w *world) executions() []execution.Execution {
	w.Helper()
	page, err := w.s.Executions(w.ctx, w.p, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	return page.Items
}

func (w *world) outbox() []message.Message {
	w.Helper()
	page, err := w.s.Outbox(w.ctx, w.p, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	out := make([]message.Message, len(page.Items))
	for i, c := range page.Items {
		out[i], err = message.Decode([]byte(c.Content))
		w.must(err)
	}
	return out
}

func (w *world) customer(id string) *billing.Customer {
	c := &billing.Customer{Status: billing.CustomerActive, Email: id + "@customer.example", Locale: "nl-NL"}
	c.ID, c.Organization.LegalName = id, "Klant "+id
	return c
}

func (w *world) invoice(id, customer string) *billing.Invoice {
	i := &billing.Invoice{
		Number: "INV-" + id, Status: billing.InvoiceFinal, Type: billing.InvoiceStandard,
		CustomerID: billing.CustomerID(customer), InvoiceDate: w.now, FinalAt: w.now, Currency: "EUR",
		Total: billing.Money{Quantity: "1234.50", Currency: "EUR"},
	}
	i.ID = id
	return i
}

func (w *world) payment(id, invoice string) *billing.Payment {
	p := &billing.Payment{
		InvoiceID: billing.InvoiceID(invoice), Result: billing.Refused, Timestamp: w.now,
		Amount: billing.Money{Quantity: "1234.50", Currency: "EUR"},
	}
	p.ID = id
	return p
}

// wallet is one with so many credits of a thousand left.
func (w *world) wallet(id, customer string, balance billing.Decimal) *billing.Wallet {
	x := &billing.Wallet{CustomerID: billing.CustomerID(customer), WalletTypeID: "t1", Status: billing.WalletActive}
	x.ID = id
	x.Balance.Credits = billing.Credits{Quantity: balance, CreditTypeID: "api"}
	x.Granted.Credits = billing.Credits{Quantity: "1000", CreditTypeID: "api"}
	return x
}
