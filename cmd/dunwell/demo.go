package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dunwellhq/dunwell/client"
	"github.com/dunwellhq/dunwell/internal/config"
)

type demoCmd struct {
	Listen string `default:"127.0.0.1:8080" env:"DUNWELL_LISTEN" placeholder:"HOST:PORT" help:"Where the demonstration serves."`
	File   string `placeholder:"FILE" help:"A SQLite file to keep the demonstration in; it must not exist. Unset: a temporary one, removed at the end."`
	Once   bool   `help:"End when the tables are printed, instead of going on to serve."`
}

// Run implements the command.
func (c *demoCmd) Run(ctx context.Context, s streams) (err error) {
	file := c.File
	if file == "" {
		dir, err := os.MkdirTemp("", "dunwell-demo-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		file = filepath.Join(dir, "demo.db")
	} else if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%s exists already: the demonstration wants a fresh file", file)
	}
	settings := config.Serve{Database: config.Database{DatabaseURL: "sqlite:" + file}, Listen: c.Listen, Workers: 4}
	if err := settings.Check(); err != nil {
		return err
	}
	a, err := start(ctx, settings, logger(s.err, "text", slog.LevelWarn))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.stop(ctx)) }()
	d := demo{out: s.out, base: "http://" + a.listener.Addr().String(), key: a.madeKey, now: time.Now().UTC().Truncate(time.Second)}
	if d.api, err = client.New(d.base, d.key); err != nil {
		return err
	}
	if err := d.play(ctx); err != nil {
		return fmt.Errorf("playing the demonstration: %w", err)
	}
	if c.Once {
		return nil
	}
	d.farewell()
	return a.wait(ctx)
}

// demo plays a company's day: everything goes through the public API.
type demo struct {
	api       *client.Client
	base, key string
	out       io.Writer
	now       time.Time

	names    map[string]string // customer → name
	outbox   []client.CapturedMessage
	triggers []client.WorkflowTrigger
}

func (d *demo) play(ctx context.Context) error {
	fmt.Fprintln(d.out, "Dunwell demonstration: Meridian Coffee bills 60 customers. Its billing system tells Dunwell what happens;")
	fmt.Fprintln(d.out, "Dunwell decides who gets which message, sends it once, and keeps the reason when it does not.")
	if err := d.setUp(ctx); err != nil {
		return err
	}
	began := time.Now()
	resources := d.resources()
	for batch := range slices.Chunk(resources, 100) {
		if err := d.api.Do(ctx, http.MethodPost, "/v1/ingest/resources", batch, nil); err != nil {
			return err
		}
	}
	if err := d.settled(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\n%d resources taken in, every message decided, in %v.\n", len(resources), time.Since(began).Round(time.Millisecond))
	if err := d.read(ctx); err != nil {
		return err
	}
	d.printSent()
	return d.printNotSent(ctx)
}

// setUp makes the seller, the integration that captures mail instead of
// sending it, and three workflows with their actions.
func (d *demo) setUp(ctx context.Context) error {
	type m = map[string]any
	var made struct {
		ID string `json:"id"`
	}
	seller := m{
		"legal_name": "Meridian Coffee B.V.", "email": "billing@meridian.example", "timezone": "Europe/Amsterdam",
		"branding": m{"name": "Meridian Coffee", "colors": m{"primary": "#7a4a21"}},
	}
	if err := d.api.Do(ctx, http.MethodPut, "/v1/billing-entities/meridian", seller, nil); err != nil {
		return err
	}
	err := d.api.Do(ctx, http.MethodPost, "/v1/integrations", m{
		"name": "Captured mail", "type": "EMAIL_PROVIDER", "status": "ACTIVE", "email_provider": m{"variant": "SYSTEM"},
	}, &made)
	if err != nil {
		return err
	}
	integration := made.ID
	for _, w := range []m{
		{"name": "Announce final invoices", "reference": "announce", "type": "INVOICE", "invoice": m{"variant": "TO_FINAL"}},
		{"name": "Payment failed", "reference": "payment-failed", "type": "PAYMENT", "payment": m{"variant": "FAILED_PAYMENT"}},
		{"name": "Running low", "reference": "running-low", "type": "WALLET", "wallet": m{
			"variant": "WALLET_BALANCE", "wallet_balance": m{"comparator": "LESS_THAN", "threshold": m{"percentage": "20"}},
		}},
	} {
		w["status"] = "ACTIVE"
		if err := d.api.Do(ctx, http.MethodPost, "/v1/workflows", w, &made); err != nil {
			return err
		}
		email := m{"integration_id": integration, "template_name": "default", "variant": w["type"]}
		switch w["type"] {
		case "WALLET": // has no variant
			delete(email, "variant")
		case "INVOICE":
			email["invoice"] = m{"include_payment_link": true, "include_pdf": false, "include_customer_contacts_as_cc": true}
		}
		err := d.api.Do(ctx, http.MethodPost, "/v1/workflow-actions", m{
			"workflow_id": made.ID, "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE", "send_email_to_customer": email,
		}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// settled waits until no execution is on its way any more.
func (d *demo) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		open, err := d.api.ListWorkflowExecutionsPage(ctx, &client.ListWorkflowExecutionsParams{
			Statuses: []client.ExecutionStatus{"PENDING", "SENDING"}, Limit: 1,
		})
		if err != nil || len(open.Data) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (d *demo) read(ctx context.Context) (err error) {
	if d.outbox, err = every(d.api.ListOutbox(ctx, &client.ListOutboxParams{Limit: 100})); err != nil {
		return err
	}
	d.triggers, err = every(d.api.ListWorkflowTriggers(ctx, &client.ListWorkflowTriggersParams{
		Statuses: []client.TriggerStatus{"SKIPPED", "CANCELLED", "PLANNED"}, Limit: 100,
	}))
	return err
}

// every collects what an iterator gives.
func every[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

const shown = 8

// printSent shows some messages of each language and one in full.
func (d *demo) printSent() {
	perLocale := map[string]int{}
	for _, c := range d.outbox {
		perLocale[said(c.Locale)]++
	}
	var counts []string
	for locale, n := range perLocale {
		counts = append(counts, fmt.Sprintf("%s %d", locale, n))
	}
	slices.Sort(counts)
	fmt.Fprintf(d.out, "\nSENT: %d messages, each once (%s)\n\n", len(d.outbox), strings.Join(counts, ", "))
	table := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  to\tlanguage\tsubject")
	seen := map[string]int{}
	rows := 0
	for _, c := range d.outbox {
		locale := said(c.Locale)
		if seen[locale]++; seen[locale] <= 2 && rows < shown {
			rows++
			fmt.Fprintf(table, "  %s\t%s\t%s\n", said(c.To[0].Email), locale, said(c.Subject))
		}
	}
	fmt.Fprintf(table, "  … and %d more\t\t\n", len(d.outbox)-rows)
	_ = table.Flush()
	i := slices.IndexFunc(d.outbox, func(c client.CapturedMessage) bool { return said(c.Locale) == "en-GB" })
	if i < 0 {
		return
	}
	fmt.Fprintln(d.out, "\nOne of them, its text part:")
	for line := range strings.Lines(strings.TrimSpace(said(d.outbox[i].Text))) {
		fmt.Fprint(d.out, "  | ", line)
	}
	fmt.Fprintln(d.out)
}

// meanings are the reasons of the demonstration in the words of docs/reasons.md.
var meanings = map[string]string{
	"TOO_LATE":             "the invoice became final longer ago than the workflow allows: history mails nobody",
	"CUSTOMER_CLOSED":      "the customer is closed",
	"PAID":                 "the invoice was paid before the message was sent",
	"BALANCE_RESTORED":     "the wallet was topped up before the message was sent",
	"VOID":                 "the invoice was voided before the message was sent",
	"ON_HOLD":              "the invoice is on hold",
	"NO_RECIPIENT":         "the customer has no email address",
	"PREFERENCE_OFF":       "the customer has switched email about invoices off",
	"WAITING_FOR_CUSTOMER": "the customer is not known yet: the message goes when it arrives",
}

// printNotSent shows each reason once, with how often it was given and an example.
func (d *demo) printNotSent(ctx context.Context) error {
	type row struct {
		n       int
		example string
	}
	rows := map[string]*row{}
	add := func(reason, customer, about string) {
		if rows[reason] == nil {
			name := d.names[customer]
			if name == "" {
				name = "customer " + customer
			}
			rows[reason] = &row{example: about + " (" + name + ")"}
		}
		rows[reason].n++
	}
	for _, t := range d.triggers {
		about := ""
		switch {
		case t.Invoice != nil:
			about = t.Invoice.InvoiceID
		case t.Payment != nil:
			about = t.Payment.PaymentID
		case t.Wallet != nil:
			about = t.Wallet.WalletID
		}
		add(said(t.Reason), said(t.CustomerID), about)
	}
	skipped, err := every(d.api.ListWorkflowExecutions(ctx, &client.ListWorkflowExecutionsParams{
		Statuses: []client.ExecutionStatus{"SKIPPED"}, Limit: 100,
	}))
	if err != nil {
		return err
	}
	for _, x := range skipped {
		add(said(x.Reason), said(x.CustomerID), cmp.Or(said(x.PaymentID), said(x.InvoiceID)))
	}
	fmt.Fprintln(d.out, "\nNOT SENT, AND WHY:")
	fmt.Fprintln(d.out)
	table := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  times\treason\tmeaning\tfor example")
	for _, reason := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(table, "  %d\t%s\t%s\t%s\n", rows[reason].n, reason, meanings[reason], rows[reason].example)
	}
	return table.Flush()
}

func (d *demo) farewell() {
	fmt.Fprintf(d.out, `
Dunwell keeps serving at %[1]s until you press Ctrl-C. Its administrator's key is

    %[2]s

Go on in another terminal:

  # what was captured instead of sent
  curl -s -H 'X-API-KEY: %[2]s' '%[1]s/v1/outbox?limit=1'

  # finalise an invoice of customer c-01: one message, however often you send this
  curl -s -X PUT -H 'X-API-KEY: %[2]s' -H 'Content-Type: application/json' %[1]s/v1/invoices/mine \
    -d '{"customer_id":"c-01","status":"FINAL","invoice_number":"MINE-1","invoice_amount_including_tax":{"quantity":"42.00","currency":"EUR"}}'

  # who got what, and why not
  curl -s -H 'X-API-KEY: %[2]s' '%[1]s/v1/workflow-executions?limit=3'
`, d.base, d.key)
}
