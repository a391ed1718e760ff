package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/store"
)

func benchInvoice() map[string]any {
	now := time.Now().UTC()
	return map[string]any{
		"customer_id": fmt.Sprint("c", rand.N(benchCustomers)), "status": "FINAL", "invoice_number": "2026-0001",
		"invoice_date": now.Format(time.RFC3339), "updated_to_final_at": now.Format(time.RFC3339),
		"invoice_amount_including_tax": map[string]any{"quantity": "1234.50", "currency": "EUR"},
		"pay_invoice_link":             map[string]any{"url": "https://pay.bench.example/1"},
	}
}

// paced calls do so many times a second, each in a goroutine of its own, and
// returns the first error when all have ended.
func paced(ctx context.Context, d time.Duration, perSecond int, do func(context.Context) error) error {
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for time.Now().Before(end) {
		<-tick.C
		wg.Go(func() {
			if err := do(ctx); err != nil {
				once.Do(func() { first = err })
			}
		})
	}
	wg.Wait()
	return first
}

// latency is P5: from the request that finalises an invoice to the moment at
// which the message has been accepted, at 100 a second, once the process and its
// connections to the database are warm.
func (b *bench) latency(ctx context.Context) error {
	bar := "p50 ≤ 15, p99 ≤ 60 ms"
	if b.name == "sqlite" {
		bar = "p50 ≤ 30, p99 ≤ 100 ms"
	}
	var p50, p99 spread
	for range b.Runs {
		times, err := b.latencyOnce(ctx)
		if err != nil {
			return err
		}
		p50, p99 = append(p50, times.at(0.5)), append(p99, times.at(0.99))
	}
	b.rows = append(b.rows, figure{"P5", "request to accept, 100 /s", "p50 " + p50.text("%.1f") + ", p99 " + p99.text("%.1f") + " ms", "", bar})
	return nil
}

func (b *bench) latencyOnce(ctx context.Context) (times durations, err error) {
	url, err := b.freshDatabase(ctx)
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx, store.Config{URL: url}); err != nil {
		return nil, err
	}
	p := newStopwatch()
	a, err := startWith(ctx, config.Serve{
		Database: config.Database{DatabaseURL: url, MasterKey: benchMaster},
		Listen:   "127.0.0.1:0", BootstrapKey: benchKey, Workers: 8,
	}, logger(b.log, "text", levelQuiet), p.sender)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.stop(ctx)) }()
	c := caller{"http://" + a.listener.Addr().String(), benchKey, http.DefaultClient}
	if err := p.arm(ctx, c); err != nil {
		return nil, err
	}
	for _, d := range []time.Duration{warmUp, b.Duration} {
		err = paced(ctx, d, 100, func(ctx context.Context) error {
			number, inv := ident.New("N"), benchInvoice()
			inv["invoice_number"] = number
			p.begin(number)
			return c.do(ctx, http.MethodPut, "/v1/invoices/"+number, inv, nil)
		})
		if err != nil {
			return nil, err
		}
		if times, err = p.take(ctx); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// warmUp is how long latencies are not counted after a start: connections are
// opened and statements prepared by then.
const warmUp = 2 * time.Second

// process is P8: how long a start takes and how much memory it needs.
func (b *bench) process(ctx context.Context) error {
	var starts, idle spread
	url, err := b.freshDatabase(ctx)
	if err != nil {
		return err
	}
	for range b.Runs + 1 {
		s, err := b.serveOn(ctx, url, 8)
		if err != nil {
			return err
		}
		starts = append(starts, float64(s.started)/float64(time.Millisecond))
		timer := time.NewTimer(2 * time.Second)
		<-timer.C
		mib, err := s.memory()
		idle = append(idle, mib)
		if err := errors.Join(err, s.stop()); err != nil {
			return err
		}
	}
	// The first start made the schema; users start on an existing one.
	b.rows = append(b.rows,
		figure{"P8", "start to first 200, existing database", starts[1:].text("%.0f") + " ms", "", "≤ 300 ms"},
		figure{"P8", "start to first 200, empty database", fmt.Sprintf("%.0f ms", starts[0]), "", ""},
		figure{"P8", "memory idle", idle.text("%.0f") + " MiB", "", "≤ 64 MiB"})
	return b.underLoad(ctx)
}

func (b *bench) underLoad(ctx context.Context) error {
	perSecond := 1000
	if b.name == "sqlite" {
		perSecond = 300
	}
	s, err := b.serve(ctx, 8)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.arm(ctx); err != nil {
		return err
	}
	var at []float64
	quarter := 6 * b.Duration // a slope needs more time than a rate
	for range 4 {             // it is read from the second quarter on, when caches are warm
		err := paced(ctx, quarter, perSecond/10, func(ctx context.Context) error {
			batch := make([]map[string]any, 10)
			for i := range batch {
				batch[i] = benchInvoice()
				batch[i]["object_type"], batch[i]["id"] = "INVOICE", ident.New("in")
			}
			return s.do(ctx, http.MethodPost, "/v1/ingest/resources", batch, nil)
		})
		if err != nil {
			return err
		}
		mib, err := s.memory()
		if err != nil {
			return err
		}
		at = append(at, mib)
	}
	slope := (at[3] - at[1]) / (2 * quarter.Minutes())
	b.rows = append(b.rows, figure{
		"P8", fmt.Sprintf("memory under load, %d deliveries/s", perSecond),
		fmt.Sprintf("%.0f MiB after %v", at[3], 4*quarter), fmt.Sprintf("slope %.1f MiB/min", slope), "≤ 256 MiB, < 1 MiB/min",
	})
	return nil
}

// memory is the process's resident set in MiB.
func (s *served) memory() (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the system does not say how much memory a process has")
}
