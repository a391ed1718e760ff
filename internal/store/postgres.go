package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// postgresDB is PostgreSQL 15 or later, at READ COMMITTED: what must not
// change while it is decided upon is locked, in the order of docs/ordering.md.
type postgresDB struct {
	conns *pgxpool.Pool
}

const defaultConns = 24

// minPostgres is the oldest version that is tested.
const minPostgres = 150000

func openPostgres(ctx context.Context, cfg Config) (*postgresDB, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the database URL: %w", err)
	}
	pc.MaxConns = defaultConns
	if cfg.MaxConns > 0 {
		pc.MaxConns = int32(cfg.MaxConns) //nolint:gosec // a setting, checked
	}
	pc.ConnConfig.RuntimeParams["application_name"] = "dunwell"
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	var version int
	if err := pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	if version < minPostgres {
		pool.Close()
		return nil, fmt.Errorf("PostgreSQL %d is older than 15", version/10000)
	}
	return &postgresDB{pool}, nil
}

func (d *postgresDB) pool() conn { return pgConn{d.conns} }

func (d *postgresDB) hex(column string) string { return "encode(" + column + ", 'hex')" }

func (d *postgresDB) writers() int { return 4 }

func (d *postgresDB) begin(ctx context.Context) (transaction, error) {
	tx, err := d.conns.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return nil, err
	}
	return &pgTx{pgConn{tx}, tx}, nil
}

// The conditions of PostgreSQL that are told apart.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
)

func (d *postgresDB) retryable(err error) bool {
	code := pgCode(err)
	return code == serializationFailure || code == deadlockDetected
}

// unavailable: whatever the server said when it was connected to or as it ended a
// session, classes 08 (connection), 53 (resources), 57 (shutdown), 58 (system), a
// transaction that lost too often, or no server at all.
func (d *postgresDB) unavailable(err error) bool {
	if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
		return true
	}
	e, said := errors.AsType[*pgconn.PgError](err)
	if !said {
		return pgconn.SafeToRetry(err) || pgconn.Timeout(err) || isBroken(err)
	}
	for _, class := range []string{"08", "53", "57", "58", "40", "25006"} {
		if strings.HasPrefix(e.Code, class) {
			return true
		}
	}
	return e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC"
}

// isBroken recognises a connection that died under a statement.
func isBroken(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func (d *postgresDB) duplicate(err error) bool { return pgCode(err) == uniqueViolation }

func pgCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// withSQL lends the pool as a database/sql one, which goose asks for.
func (d *postgresDB) withSQL(do func(*sql.DB) error) error {
	db := stdlib.OpenDBFromPool(d.conns)
	return errors.Join(do(db), db.Close())
}

func (d *postgresDB) migrate(ctx context.Context, migrations fs.FS) error {
	return d.withSQL(func(db *sql.DB) error {
		return migrateAll(ctx, goose.DialectPostgres, db, riverpgxv5.New(d.conns), migrations)
	})
}

func (d *postgresDB) pending(ctx context.Context, migrations fs.FS) (stale bool, err error) {
	err = d.withSQL(func(db *sql.DB) error {
		stale, err = schemaPending(ctx, goose.DialectPostgres, db, riverpgxv5.New(d.conns), migrations)
		return err
	})
	return stale, err
}

func (d *postgresDB) newQueue(cfg Config) (queue, error) {
	return newRiver(riverpgxv5.New(d.conns), cfg, false, func(tx *Tx) pgx.Tx { return tx.t.(*pgTx).tx })
}

func (d *postgresDB) close() error {
	d.conns.Close()
	return nil
}

type pgTx struct {
	pgConn
	tx pgx.Tx
}

func (t *pgTx) commit(ctx context.Context) error { return t.tx.Commit(ctx) }

func (t *pgTx) rollback(ctx context.Context) error { return t.tx.Rollback(ctx) }

func (t *pgTx) platformLock(ctx context.Context, platform string, exclusive bool) error {
	text := `SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))`
	if exclusive {
		text = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`
	}
	_, err := t.exec(ctx, text, platform)
	return err
}
