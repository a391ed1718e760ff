package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

type benchCmd struct {
	PostgresURL string        `name:"postgres-url" env:"DUNWELL_BENCH_POSTGRES_URL,DUNWELL_TEST_POSTGRES_URL" placeholder:"URL" help:"An empty PostgreSQL database to measure as well. It is left with the measurement's rows."`
	Duration    time.Duration `default:"5s" help:"How long each measurement runs."`
	Runs        int           `default:"3" help:"How often each is repeated; the median is printed with the least and the most."`
	AdminListen string        `placeholder:"HOST:PORT" help:"Where the measured servers serve profiles, to look at while they are measured."`
	Rows        []string      `default:"P1,P2,P3,P5,P7,P7b,P8,P9" help:"Which rows to measure. P6 is measured when it is asked for: its table takes up to 20 GB."`
	Invoices    int           `default:"10000000" help:"How many open invoices P6 plans for, at least 100000."`
	Databases   []string      `default:"sqlite,postgres" help:"Which databases to measure."`
}

// Run implements the command.
func (c *benchCmd) Run(ctx context.Context, s streams) error {
	if c.Runs < 1 || c.Duration < time.Second {
		return errors.New("a measurement needs at least one run of a second")
	}
	if c.Invoices < fewInvoices {
		return fmt.Errorf("--invoices must be %d or more, not %d: P6 compares with that", fewInvoices, c.Invoices)
	}
	dir, err := os.MkdirTemp(".", "dunwell-bench-") // not in /tmp: that may be memory, where an fsync costs nothing
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fmt.Fprintf(s.out, "%s, %s, %d cores, %s, runs of %v, median (least to most) of %d\n\n",
		version(), runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), c.Duration, c.Runs)
	for _, name := range c.Databases {
		if name == "postgres" && c.PostgresURL == "" {
			fmt.Fprintln(s.out, "postgres: not measured, --postgres-url is not set (scripts/with-postgres sets it)")
			continue
		}
		b := &bench{benchCmd: c, name: name, dir: dir, log: s.err}
		if err := b.measure(ctx); err != nil {
			return fmt.Errorf("measuring %s: %w", name, err)
		}
		b.print(s.out)
	}
	return nil
}

// bench measures one database.
type bench struct {
	*benchCmd
	name string
	dir  string
	log  io.Writer
	rows []figure
}

// figure is a line of the table.
type figure struct {
	row, what string
	value     string
	ratio     string
	bar       string
}

func (b *bench) measure(ctx context.Context) error {
	for _, m := range []struct {
		row string
		run func(context.Context) error
	}{
		{"P1", b.definitions},
		{"P2", b.ingestion},
		{"P3", b.bulk},
		{"P5", b.latency},
		{"P6", b.planning},
		{"P7", b.matching},
		{"P7b", b.asking},
		{"P8", b.process},
		{"P9", b.lists},
	} {
		if !slices.Contains(b.Rows, m.row) {
			continue
		}
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.row, err)
		}
	}
	return nil
}

func (b *bench) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\twhat\tmeasured\tratio\tbar\n", b.name)
	for _, f := range b.rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.row, f.what, f.value, f.ratio, f.bar)
	}
	_ = table.Flush()
	fmt.Fprintln(w)
}

// spread is several measurements of one thing.
type spread []float64

func (s spread) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

func (s spread) text(format string) string {
	return fmt.Sprintf(format+" ("+format+" to "+format+")", s.median(), slices.Min(s), slices.Max(s))
}

// durations are response times.
type durations []time.Duration

// at returns the time that a share of them does not exceed, in milliseconds.
func (d durations) at(share float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	i := min(len(d)-1, int(share*float64(len(d))))
	return float64(d[i]) / float64(time.Millisecond)
}
