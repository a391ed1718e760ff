package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
)

// asking is P7b: one event against many workflows for everybody, each of which
// asks something of its own. Nothing is drained meanwhile, and one request is
// under way at a time: it is one event that is measured.
func (b *bench) asking(ctx context.Context) error {
	for _, c := range []struct{ what, bar, conditions string }{
		{"of which one asks for its customer's tier", "p50 ≤ 10 ms", `invoice.invoice_amount_including_tax > amount("100.00", "EUR") && customer.metadata["tier"] == "tier %d"`},
		{"which ask for larger amounts", "", `invoice.invoice_amount_including_tax > amount("1%06d.00", "EUR")`},
	} {
		if err := b.askingFor(ctx, c.what, c.bar, c.conditions); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) askingFor(ctx context.Context, what, bar, conditions string) error {
	none, err := b.withConditions(ctx, 0, conditions)
	if err != nil {
		return err
	}
	many, err := b.withConditions(ctx, manyWorkflows, conditions)
	if err != nil {
		return errors.Join(err, none.stop())
	}
	put := func(s *served) func(context.Context) error {
		return func(ctx context.Context) error {
			invoice := benchInvoice()
			invoice["customer_id"] = "asked"
			return s.do(ctx, http.MethodPut, "/v1/invoices/"+ident.New("in"), invoice, nil)
		}
	}
	began := time.Now()
	err = put(many)(ctx) // compiles all of them
	first := time.Since(began)
	var p50, p99, base spread
	for range b.Runs {
		if err != nil {
			break
		}
		var without, times durations
		if without, err = b.one(ctx, put(none)); err == nil {
			times, err = b.one(ctx, put(many))
		}
		p50, p99, base = append(p50, times.at(0.5)), append(p99, times.at(0.99)), append(base, without.at(0.5))
	}
	if err := errors.Join(err, none.stop(), many.stop()); err != nil {
		return err
	}
	b.rows = append(b.rows, figure{
		"P7b", "PUT /v1/invoices/{id} against 10,000 workflows with conditions, " + what + ", 1 connection",
		fmt.Sprintf("p50 %s, p99 %s ms; the first %.1f s", p50.text("%.1f"), p99.text("%.1f"), first.Seconds()),
		"p50 " + base.text("%.1f") + " ms without workflows", bar,
	})
	return nil
}

// withConditions serves so many ACTIVE workflows for everybody, and one customer
// whom one of them is about.
func (b *bench) withConditions(ctx context.Context, n int, conditions string) (*served, error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	type m = map[string]any
	err = s.do(ctx, http.MethodPut, "/v1/customers/asked", m{"status": "ACTIVE", "email": "s@bench.example", "metadata": m{"tier": "tier 0"}}, nil)
	if err == nil {
		err = s.define(ctx, n, func(i int) map[string]any {
			return m{"conditions": fmt.Sprintf(conditions, i)}
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}
