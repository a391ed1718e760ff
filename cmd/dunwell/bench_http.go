package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dunwellhq/dunwell/internal/ident"
)

// served is a serving process of its own, with an API to measure.
type served struct {
	caller
	cmd     *exec.Cmd
	started time.Duration // from start to the first 200
}

const (
	benchKey    = "bench-administrator-key-of-32-characters"
	benchMaster = "YmVuY2hiZW5jaGJlbmNoYmVuY2hiZW5jaGJlbmNoMTI="
	connections = 16
)

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// serve starts this very binary as a server on a fresh database.
func (b *bench) serve(ctx context.Context, workers int) (*served, error) {
	url, err := b.freshDatabase(ctx)
	if err != nil {
		return nil, err
	}
	return b.serveOn(ctx, url, workers)
}

// freshDatabase returns the URL of an empty database.
func (b *bench) freshDatabase(ctx context.Context) (string, error) {
	if b.name == "sqlite" {
		return "sqlite:" + filepath.Join(b.dir, ident.New("bench")+".db"), nil
	}
	conn, err := pgx.Connect(ctx, b.PostgresURL)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// A schema of its own is a database of its own for all that is measured.
	schema := strings.ToLower(ident.New("bench"))
	if _, err := conn.Exec(ctx, `CREATE SCHEMA "`+schema+`"`); err != nil {
		return "", err
	}
	cfg := conn.Config()
	return fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable&search_path=%s", cfg.User, cfg.Host, cfg.Port, cfg.Database, schema), nil
}

func (b *bench) serveOn(ctx context.Context, url string, workers int) (*served, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", "--migrate", "--listen=127.0.0.1:0", fmt.Sprint("--workers=", workers))
	cmd.Env = []string{
		"DUNWELL_DATABASE_URL=" + url, "DUNWELL_BOOTSTRAP_API_KEY=" + benchKey, "DUNWELL_MASTER_KEY=" + benchMaster,
		"DUNWELL_ADMIN_LISTEN=" + b.AdminListen,
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &served{cmd: cmd}
	lines := bufio.NewScanner(log)
	var said strings.Builder
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			s.caller = caller{"http://" + m[1], benchKey, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * connections}}}
			break
		}
		said.WriteString(lines.Text() + "\n")
	}
	if s.base == "" {
		return nil, errors.Join(fmt.Errorf("the server did not start: %s", said.String()), cmd.Wait())
	}
	go func() {
		for lines.Scan() { // keep its pipe empty
		}
	}()
	err = s.do(ctx, http.MethodGet, "/v1/workflows", nil, nil)
	s.started = time.Since(began)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *served) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// load sends requests over 16 connections and returns their rate and times.
func (b *bench) load(ctx context.Context, send func(context.Context) error) (float64, durations, error) {
	return b.loadOver(ctx, connections, send)
}

func (b *bench) loadOver(ctx context.Context, connections int, send func(context.Context) error) (float64, durations, error) {
	var mu sync.Mutex
	var times durations
	perSecond, err := rate(ctx, b.Duration, connections, func(ctx context.Context) error {
		began := time.Now()
		err := send(ctx)
		took := time.Since(began)
		mu.Lock()
		times = append(times, took)
		mu.Unlock()
		return err
	})
	return perSecond, times, err
}

// compared measures requests against raw commits of the same bytes, run by run.
func (b *bench) compared(ctx context.Context, row, what, doc, bar string, send func(context.Context) error) error {
	rawConnections := connections
	if b.name == "sqlite" {
		rawConnections = 1
	}
	var rates, ratios, p50, p99 spread
	for range b.Runs {
		raw, err := b.raw(ctx, rawConnections, doc)
		if err != nil {
			return fmt.Errorf("raw commits: %w", err)
		}
		got, times, err := b.load(ctx, send)
		if err != nil {
			return err
		}
		rates, ratios = append(rates, got), append(ratios, got/raw)
		p50, p99 = append(p50, times.at(0.5)), append(p99, times.at(0.99))
	}
	b.rows = append(b.rows, figure{
		row, what, rates.text("%.0f") + " /s, p50 " + fmt.Sprintf("%.1f", p50.median()) + ", p99 " + p99.text("%.1f") + " ms",
		fmt.Sprintf("%s of raw%d", ratios.text("%.2f"), rawConnections), bar,
	})
	return nil
}

// definitions is P1: POST /v1/workflows of drafts.
func (b *bench) definitions(ctx context.Context) error {
	s, err := b.serve(ctx, 4)
	if err != nil {
		return err
	}
	draft := func() map[string]any {
		return map[string]any{
			"name": "Announce", "reference": ident.New("bench"), "type": "INVOICE", "status": "DRAFT",
			"invoice": map[string]any{"variant": "TO_FINAL"},
		}
	}
	bar := "≥ 0.25, p99 ≤ 20 ms"
	if b.name == "sqlite" {
		bar = "≥ 0.7, p99 ≤ 20 ms"
	}
	err = b.compared(ctx, "P1", "POST /v1/workflows (DRAFT), 16 connections", fmt.Sprint(draft()), bar, func(ctx context.Context) error {
		return s.do(ctx, http.MethodPost, "/v1/workflows", draft(), nil)
	})
	return errors.Join(err, s.stop())
}

// ingestion is P2: one invoice a request that fires one workflow. Nothing is
// drained meanwhile, so that ingestion is measured alone.
func (b *bench) ingestion(ctx context.Context) error {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return err
	}
	if err := s.arm(ctx); err != nil {
		return errors.Join(err, s.stop())
	}
	bar := "≥ 0.2, p99 ≤ 30 ms"
	if b.name == "sqlite" {
		bar = "≥ 0.4, p99 ≤ 30 ms"
	}
	err = b.compared(ctx, "P2", "PUT /v1/invoices/{id} that fires one workflow, 16 connections", fmt.Sprint(benchInvoice()), bar,
		func(ctx context.Context) error {
			return s.do(ctx, http.MethodPut, "/v1/invoices/"+ident.New("in"), benchInvoice(), nil)
		})
	return errors.Join(err, s.stop())
}

const benchCustomers = 1000

// arm gives a server customers, a SYSTEM integration and a workflow with an action.
func (c caller) arm(ctx context.Context) error {
	type m = map[string]any
	var customers []m
	for i := range benchCustomers {
		customers = append(customers, m{
			"object_type": "CUSTOMER", "id": fmt.Sprint("c", i), "status": "ACTIVE", "email": fmt.Sprintf("c%d@bench.example", i), "locale": "nl-NL",
		})
	}
	if err := c.do(ctx, http.MethodPost, "/v1/ingest/resources", customers, nil); err != nil {
		return err
	}
	var integration, workflow struct {
		ID string `json:"id"`
	}
	err := c.do(ctx, http.MethodPost, "/v1/integrations", m{"type": "EMAIL_PROVIDER", "status": "ACTIVE", "email_provider": m{"variant": "SYSTEM"}}, &integration)
	if err != nil {
		return err
	}
	err = c.do(ctx, http.MethodPost, "/v1/workflows", m{
		"name": "bench", "reference": "bench", "type": "INVOICE", "status": "ACTIVE", "invoice": m{"variant": "TO_FINAL"},
	}, &workflow)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, "/v1/workflow-actions", m{
		"workflow_id": workflow.ID, "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE",
		"send_email_to_customer": m{
			"integration_id": integration.ID, "template_name": "default", "variant": "INVOICE", "subject": "Invoice #{{invoice_number}}", "from": m{"email": "billing@bench.example"},
		},
	}, nil)
}
