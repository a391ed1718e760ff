package store_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// outage is a store with one connection, and an administrator of its server.
type outage struct {
	*testing.T
	s        *store.Store
	admin    *pgx.Conn
	database string
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	cfg := config(pgtest.URL(t))
	cfg.MaxConns = 1
	u, err := url.Parse(cfg.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := &outage{T: t, s: open(t, cfg), database: u.Path[1:]}
	u.Path = "/postgres"
	if o.admin, err = pgx.Connect(t.Context(), u.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.admin.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *outage) do(text string, args ...any) {
	o.Helper()
	if _, err := o.admin.Exec(o.Context(), text, args...); err != nil {
		o.Fatal(err)
	}
}

// terminate ends the store's session, as a restart of the server does.
func (o *outage) terminate() {
	o.Helper()
	o.do(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1`, o.database)
}

// reads asks in each of the ways in which the store reads.
func (o *outage) reads() map[string]func() error {
	ctx := o.Context()
	return map[string]func() error{
		"one":  func() error { _, err := o.s.Platform(ctx, "plat_1"); return ignoring(err, fault.NotFound) },
		"all":  func() error { _, err := o.s.Platforms(ctx); return err },
		"list": func() error { _, err := o.s.Workflows(ctx, "plat_1", store.Query{Page: 1, Limit: 1}); return err },
		"many": func() error { _, err := o.s.Attempts(ctx, "plat_1", []string{"a", "b"}); return err },
		"ping": func() error { return o.s.Ping(ctx) },
		"write": func() error {
			return o.s.Write(ctx, func(tx *store.Tx) error {
				return tx.InsertPlatform(ctx, platform.Platform{ID: "plat_2", Reference: "two", CreatedAt: now})
			})
		},
	}
}

func ignoring(err error, kind fault.Kind) error {
	if fault.Is(err, kind) {
		return nil
	}
	return err
}

// A session that the server ended under a statement is no defect of ours, and is
// gone with the next one.
func TestASessionThatEnds(t *testing.T) {
	o := newOutage(t)
	for name, read := range o.reads() {
		// A session that was idle for a second is looked at before it is used.
		var err error
		for range 20 {
			if err = o.s.Ping(t.Context()); err != nil {
				t.Fatalf("%s: before it: %v", name, err)
			}
			o.terminate()
			if err = read(); err != nil {
				break
			}
		}
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v, want it told to come back", name, err)
		}
		if err := ignoring(read(), fault.Exists); err != nil {
			t.Errorf("%s, again: got %v, want none", name, err)
		}
	}
}

// Nor is a server that takes no connections, whatever it says.
func TestAConnectionThatIsRefused(t *testing.T) {
	o := newOutage(t)
	o.do(`ALTER DATABASE ` + o.database + ` ALLOW_CONNECTIONS false`)
	o.terminate()
	for name, read := range o.reads() {
		_ = o.s.Ping(t.Context()) // takes the dead session out of the pool
		if err := read(); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v, want it told to come back", name, err)
		}
	}
	o.do(`ALTER DATABASE ` + o.database + ` ALLOW_CONNECTIONS true`)
	if err := o.s.Ping(t.Context()); err != nil {
		t.Errorf("afterwards: got %v, want none", err)
	}
}
