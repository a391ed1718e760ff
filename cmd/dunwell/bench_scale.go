package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that bench opens PostgreSQL with

	"github.com/dunwellhq/dunwell/internal/ident"
)

// The sizes of P7: the case, and the one that it is held against.
const manyWorkflows, fewWorkflows = 10_000, 10

// matching is P7: one event against many workflows of its variant, each scoped to
// another customer, so that one matches. Nothing is drained meanwhile.
func (b *bench) matching(ctx context.Context) error {
	few, err := b.scoped(ctx, fewWorkflows)
	if err != nil {
		return err
	}
	many, err := b.scoped(ctx, manyWorkflows)
	if err != nil {
		return errors.Join(err, few.stop())
	}
	put := func(s *served) func(context.Context) error {
		return func(ctx context.Context) error {
			invoice := benchInvoice()
			invoice["customer_id"] = "s0"
			return s.do(ctx, http.MethodPut, "/v1/invoices/"+ident.New("in"), invoice, nil)
		}
	}
	var ratios, p50, p99 spread
	for range b.Runs {
		base, _, err := b.load(ctx, put(few))
		if err != nil {
			return errors.Join(err, few.stop(), many.stop())
		}
		got, times, err := b.load(ctx, put(many))
		if err != nil {
			return errors.Join(err, few.stop(), many.stop())
		}
		ratios, p50, p99 = append(ratios, base/got), append(p50, times.at(0.5)), append(p99, times.at(0.99))
	}
	b.rows = append(b.rows, figure{
		"P7", "PUT /v1/invoices/{id} against 10,000 scoped workflows, 16 connections",
		"p50 " + p50.text("%.1f") + ", p99 " + p99.text("%.1f") + " ms", ratios.text("%.2f") + " × the case of 10", "≤ 1.2",
	})
	return errors.Join(few.stop(), many.stop())
}

// scoped serves so many ACTIVE workflows, each for a customer of its own.
func (b *bench) scoped(ctx context.Context, n int) (*served, error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	type m = map[string]any
	for from := 0; from < n && err == nil; from += 1000 {
		var customers []m
		for i := from; i < min(n, from+1000); i++ {
			customers = append(customers, m{"object_type": "CUSTOMER", "id": fmt.Sprint("s", i), "status": "ACTIVE", "email": "s@bench.example"})
		}
		err = s.do(ctx, http.MethodPost, "/v1/ingest/resources", customers, nil)
	}
	if err == nil {
		err = s.define(ctx, n, func(i int) map[string]any { return m{"customer_ids": []string{fmt.Sprint("s", i)}} })
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// define creates so many workflows, each with members of its own, over several connections.
func (s *served) define(ctx context.Context, n int, of func(i int) map[string]any) error {
	type m = map[string]any
	next := make(chan int)
	errs := make(chan error, connections)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for i := range next {
				workflow := m{
					"name": "Announce", "reference": fmt.Sprint("w", i), "type": "INVOICE", "status": "ACTIVE", "invoice": m{"variant": "TO_FINAL"},
				}
				maps.Copy(workflow, of(i))
				if err := s.do(ctx, http.MethodPost, "/v1/workflows", workflow, nil); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	defer all.Wait()
	defer close(next)
	for i := range n {
		select {
		case next <- i:
		case err := <-errs:
			return err
		}
	}
	return nil
}

const (
	listedRows = 1_000_000
	deepPage   = 20_000 // of 50 rows: the last but a few
)

// lists is P9: pages of a table with a million rows, and a search in it.
func (b *bench) lists(ctx context.Context) error {
	url, err := b.freshDatabase(ctx)
	if err != nil {
		return err
	}
	s, err := b.serveOn(ctx, url, 0)
	if err != nil {
		return err
	}
	err = s.do(ctx, http.MethodPost, "/v1/workflows", map[string]any{
		"name": "Announce", "reference": "template", "type": "INVOICE", "status": "DRAFT", "invoice": map[string]any{"variant": "TO_FINAL"},
	}, nil)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	if err := b.multiply(ctx, url, listedRows); err != nil {
		return fmt.Errorf("filling the table: %w", err)
	}
	if s, err = b.serveOn(ctx, url, 0); err != nil {
		return err
	}
	search := map[string]any{"search_fields": []map[string]any{{"name": "reference", "value": fmt.Sprint("bench-", listedRows/2)}}}
	for _, q := range []struct {
		what, verb, path string
		body             any
		bar              string
	}{
		{"GET /v1/workflows of 1,000,000, page 1", http.MethodGet, "/v1/workflows", nil, "p99 ≤ 5 ms"},
		{"page 20", http.MethodGet, "/v1/workflows?page=20", nil, "p99 ≤ 5 ms"},
		{"GET by reference", http.MethodGet, fmt.Sprint("/v1/workflows/bench-", listedRows/2), nil, "p99 ≤ 5 ms"},
		{"POST /v1/workflows/search by reference", http.MethodPost, "/v1/workflows/search", search, "p99 ≤ 5 ms"},
		{"page 20,000", http.MethodGet, fmt.Sprint("/v1/workflows?page=", deepPage), nil, "≤ 1,000 ms"},
	} {
		var p50, p99 spread
		for range b.Runs {
			times, err := b.one(ctx, func(ctx context.Context) error { return s.do(ctx, q.verb, q.path, q.body, nil) })
			if err != nil {
				return errors.Join(err, s.stop())
			}
			p50, p99 = append(p50, times.at(0.5)), append(p99, times.at(0.99))
		}
		b.rows = append(b.rows, figure{"P9", q.what, "p50 " + p50.text("%.1f") + ", p99 " + p99.text("%.1f") + " ms", "", q.bar})
	}
	return s.stop()
}

// multiply copies the one workflow of a database so many times, with ids,
// references and times of creation of their own.
func (b *bench) multiply(ctx context.Context, url string, n int) error {
	driver, name, settle := "pgx", url, `VACUUM ANALYZE workflows` // which PostgreSQL does by itself after a while
	if b.name == "sqlite" {
		driver, name, settle = "sqlite", "file:"+strings.TrimPrefix(url, "sqlite:"), `ANALYZE`
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, `
		INSERT INTO workflows (platform_id, id, reference, name, type, status, version, doc, created_at, updated_at)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		SELECT platform_id, 'wkfl_' || i, 'bench-' || i, name, type, status, version,
		    replace(replace(doc, id, 'wkfl_' || i), reference, 'bench-' || i), created_at + i, updated_at + i
		FROM workflows CROSS JOIN n`, n); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, settle)
	return err
}

// one sends requests one after the other and returns their times.
func (b *bench) one(ctx context.Context, send func(context.Context) error) (durations, error) {
	_, times, err := b.loadOver(ctx, 1, send)
	return times, err
}
