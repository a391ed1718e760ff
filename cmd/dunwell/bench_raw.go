package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver that the store uses

	"github.com/dunwellhq/dunwell/internal/ident"
)

// raw measures what the database alone can do: commits a second of one row of
// those bytes, with that many connections (SQLite: one).
func (b *bench) raw(ctx context.Context, connections int, doc string) (float64, error) {
	if b.name == "sqlite" {
		return b.rawSQLite(ctx, doc)
	}
	pool, err := pgxpool.New(ctx, b.PostgresURL)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS bench_raw (id TEXT PRIMARY KEY, doc TEXT NOT NULL)`); err != nil {
		return 0, err
	}
	return rate(ctx, b.Duration, connections, func(ctx context.Context) error {
		_, err := pool.Exec(ctx, `INSERT INTO bench_raw (id, doc) VALUES ($1, $2)`, ident.New("bench"), doc)
		return err
	})
}

func (b *bench) rawSQLite(ctx context.Context, doc string) (float64, error) {
	path := filepath.Join(b.dir, ident.New("raw")+".db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE raw (id TEXT PRIMARY KEY, doc TEXT NOT NULL)`); err != nil {
		return 0, err
	}
	return rate(ctx, b.Duration, 1, func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, `INSERT INTO raw (id, doc) VALUES ($1, $2)`, ident.New("bench"), doc)
		return err
	})
}

// rate runs do on several goroutines for a time and returns how often it
// succeeded in a second. The first error ends it.
func rate(ctx context.Context, d time.Duration, workers int, do func(context.Context) error) (float64, error) {
	var n atomic.Int64
	var failed atomic.Pointer[error]
	began := time.Now()
	end := began.Add(d)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for time.Now().Before(end) && failed.Load() == nil && ctx.Err() == nil {
				if err := do(ctx); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("after %d: %w", n.Load(), *err)
	}
	return float64(n.Load()) / time.Since(began).Seconds(), ctx.Err()
}
