// Package store holds all SQL: both databases, their migrations and the queue.
//
// A statement is written once and runs on SQLite and on PostgreSQL (dialect.go
// says how). [Reader] has the reads and works on the pool as well as inside a
// transaction; [Tx] adds the writes; [Store.Write] runs a transaction and
// [Store.Join] lets small ones share one. Decisions are not made here: the
// engine decides and the store remembers. Every statement that touches a
// tenant's table takes the platform's id.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// Store is an open database with its queue.
type Store struct {
	Reader
	db    database
	queue queue
	plain *Group[write]
	log   *slog.Logger
	// canary is what the master key had sealed when this process found it to be
	// the database's.
	canary []byte
}

// Config says how to open a store.
type Config struct {
	URL       string // sqlite:path or postgres://…
	MasterKey []byte // 32 bytes; encrypts the secrets of integrations and sources
	Log       *slog.Logger
	Workers   int // how many lanes this process drains at once; 0 drains none
	// Work drains a lane; it is called by the queue's workers.
	Work func(ctx context.Context, lane Lane)
	// MaxConns bounds the connections to PostgreSQL; 0 is the default.
	MaxConns int
}

// database is what the two databases do differently.
type database interface {
	pool() conn
	// begin starts a transaction that may write.
	begin(ctx context.Context) (transaction, error)
	// retryable reports whether a whole transaction should be run again.
	retryable(err error) bool
	// unavailable reports whether the database itself is out of reach or full.
	unavailable(err error) bool
	// duplicate reports whether err is a violation of a UNIQUE index.
	duplicate(err error) bool
	// hex is the SQL of a binary column as lower-case hexadecimal text.
	hex(column string) string
	// writers is how many groups may commit side by side.
	writers() int
	newQueue(cfg Config) (queue, error)
	migrate(ctx context.Context, migrations fs.FS) error
	pending(ctx context.Context, migrations fs.FS) (bool, error)
	close() error
}

// transaction is an open transaction of either database.
type transaction interface {
	conn
	commit(ctx context.Context) error
	rollback(ctx context.Context) error
	// platformLock takes the platform's advisory lock until the end of the
	// transaction, shared or exclusive. SQLite needs none: it has one writer.
	platformLock(ctx context.Context, platform string, exclusive bool) error
}

// Open opens the database and checks its schema and its master key: SQLite's
// schema is brought up to date, PostgreSQL's must be (see [Migrate]); the key must
// be the one that the database was made with (see [ResetKey]).
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := openAnyKey(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.checkKey(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openAnyKey(ctx context.Context, cfg Config) (*Store, error) {
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s, err := newStore(ctx, db, cfg)
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return s, nil
}

func newStore(ctx context.Context, db database, cfg Config) (*Store, error) {
	vault, err := newVault(cfg.MasterKey)
	if err != nil {
		return nil, err
	}
	if _, embedded := db.(*sqliteDB); embedded {
		if err := db.migrate(ctx, migrations()); err != nil {
			return nil, fmt.Errorf("migrating the database: %w", err)
		}
	}
	stale, err := db.pending(ctx, migrations())
	if err != nil {
		return nil, fmt.Errorf("reading the version of the schema: %w", err)
	}
	if stale {
		return nil, errors.New("the database has no schema of this version yet: run `dunwell migrate` or `dunwell serve --migrate`")
	}
	s := &Store{Reader: Reader{pool{db.pool(), db}, vault}, db: db, log: cfg.Log}
	s.plain = NewGroup(s, maxWrites, s.runWrites)
	if s.queue, err = db.newQueue(cfg); err != nil {
		return nil, fmt.Errorf("preparing the queue: %w", err)
	}
	return s, nil
}

// Migrate brings the schema up to date. Several processes may call it at once.
func Migrate(ctx context.Context, cfg Config) error {
	db, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(db.migrate(ctx, migrations()), db.close())
}

func open(ctx context.Context, cfg Config) (database, error) {
	switch {
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		return openSQLite(ctx, cfg.URL)
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		return openPostgres(ctx, cfg)
	default:
		return nil, errors.New("the database URL must begin with sqlite: or postgres://")
	}
}

// StartQueue begins to drain lanes. Stop it before closing the store.
func (s *Store) StartQueue(ctx context.Context) error { return s.queue.start(ctx) }

// StopQueue waits for the lanes being drained, at most until ctx ends.
func (s *Store) StopQueue(ctx context.Context) error { return s.queue.stop(ctx) }

// Close closes the database. The queue must have been stopped.
func (s *Store) Close() error { return s.db.close() }

// Embedded reports whether the database is SQLite, which one process has to
// itself: whatever is SENDING when it starts has no living sender.
func (s *Store) Embedded() bool {
	_, embedded := s.db.(*sqliteDB)
	return embedded
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := one(ctx, s.c, column[int64], `SELECT 1`)
	return err
}

// Time is what PostgreSQL's clock shows.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	us, err := one(ctx, s.c, column[int64], `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`)
	return instant(us), err
}

// retries is how often a transaction is run again that lost against another.
const retries = 20

// Write runs do in a transaction and commits it. What loses against another
// transaction (a deadlock, a serialization failure) is run again from the
// start, so do must have no effect but on the transaction.
func (s *Store) Write(ctx context.Context, do func(*Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := s.writeOnce(ctx, do)
		if err == nil || attempt == retries || (!s.db.retryable(err) && !errors.Is(err, ErrLost)) {
			return explain(s.db, err)
		}
		s.log.LogAttrs(ctx, slog.LevelDebug, "transaction_retried", slog.Int("attempt", attempt), slog.Any("error", err))
		if err := pause(ctx, time.Duration(attempt)*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, do func(*Tx) error) (err error) {
	t, err := s.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() {
		if err != nil {
			_ = t.rollback(context.WithoutCancel(ctx))
		}
	}()
	tx := &Tx{Reader: Reader{t, s.vault}, t: t, s: s}
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.flushWakes(ctx); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	if err := s.confirm(ctx, tx.relied); err != nil {
		// Everything is committed; the sweep finds what nobody looks at.
		s.log.LogAttrs(ctx, slog.LevelWarn, "wake_failed", slog.Any("error", err))
	}
	return nil
}

// explain turns an error of the database being out of reach into a fault that
// tells the caller to come back. Whether a commit that failed took effect is
// not known, and nothing here pretends to know.
func explain(db database, err error) error {
	if err == nil || fault.As(err) != nil || (!db.unavailable(err) && !errors.Is(err, ErrLost)) {
		return err
	}
	return fmt.Errorf("%w (%w)", fault.New(fault.Unavailable, "the database cannot be reached or written to at the moment, try again"), err)
}

// pool asks outside of transactions, and explains its errors as [Store.Write]
// does. It is for reading alone.
type pool struct {
	conn
	db database
}

func (p pool) query(ctx context.Context, text string, args ...any) (rows, error) {
	rs, err := p.conn.query(ctx, text, args...)
	if err != nil {
		return nil, explain(p.db, err)
	}
	return poolRows{rs, p.db}, nil
}

func (p pool) queryMany(ctx context.Context, text string, args [][]any, each func(rows) error) error {
	return explain(p.db, p.conn.queryMany(ctx, text, args, each))
}

type poolRows struct {
	rows
	db database
}

// Err says why the rows ended, if it was not that there are no more.
func (r poolRows) Err() error { return explain(r.db, r.rows.Err()) }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Tx is a transaction that writes.
type Tx struct {
	Reader
	t     transaction
	s     *Store
	wakes map[Lane]struct{}
	// relied are the lanes that were left to a job which was waiting already.
	relied []reliance
}

// LockPlatform takes the platform's advisory lock until the transaction ends:
// claims take it shared, and what stops messages of the whole platform (the
// sending switch, a workflow deactivated or narrowed) takes it exclusively, so
// that after its commit no claim that began before it is still undecided.
func (tx *Tx) LockPlatform(ctx context.Context, id string, exclusive bool) error {
	return tx.t.platformLock(ctx, id, exclusive)
}
