package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/ident"
)

// The shape of P3.
const bulkItems, bulkFires = 1_000, 100

// bulk is P3: a thousand invoices a request on one connection, of which one in ten
// fires a workflow, held against the commits of one row that the database can do one
// after the other. Nothing is drained meanwhile.
func (b *bench) bulk(ctx context.Context) error {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return err
	}
	if err := s.arm(ctx); err != nil {
		return errors.Join(err, s.stop())
	}
	bar := "≥ 2.5"
	if b.name == "sqlite" {
		bar = "≥ 1.3"
	}
	var rates, ratios, p50 spread
	for range b.Runs {
		raw, err := b.raw(ctx, 1, fmt.Sprint(benchInvoice()))
		if err != nil {
			return errors.Join(fmt.Errorf("raw commits: %w", err), s.stop())
		}
		got, times, err := b.loadOver(ctx, 1, func(ctx context.Context) error {
			return s.do(ctx, http.MethodPost, "/v1/ingest/resources", bulkInvoices(), nil)
		})
		if err != nil {
			return errors.Join(err, s.stop())
		}
		rates, ratios, p50 = append(rates, got*bulkItems), append(ratios, got*bulkItems/raw), append(p50, times.at(0.5))
	}
	b.rows = append(b.rows, figure{
		"P3", "POST /v1/ingest/resources, 1,000 invoices a request, 1 in 10 fires",
		rates.text("%.0f") + " resources/s, p50 " + p50.text("%.0f") + " ms", ratios.text("%.2f") + " of raw1", bar,
	})
	return s.stop()
}

// bulkInvoices are the bodies of one request: of ten, one is final.
func bulkInvoices() []map[string]any {
	list := make([]map[string]any, bulkItems)
	for i := range list {
		invoice := benchInvoice()
		invoice["object_type"], invoice["id"] = "INVOICE", ident.New("in")
		if i%(bulkItems/bulkFires) != 0 {
			invoice["status"] = "DRAFT"
		}
		list[i] = invoice
	}
	return list
}
