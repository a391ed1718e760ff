package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// conn runs statements: a pool or a transaction of either database.
type conn interface {
	exec(ctx context.Context, text string, args ...any) (int64, error)
	query(ctx context.Context, text string, args ...any) (rows, error)
	// execMany runs one statement once for each list of arguments, in one
	// round trip, and returns how many rows each changed.
	execMany(ctx context.Context, text string, args [][]any) ([]int64, error)
}

// rows is what a query returns, in the words of both drivers.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// errNoRow is returned by [one] when nothing was found.
var errNoRow = errors.New("no row")

// all reads every row of a query with scan.
func all[T any](ctx context.Context, c conn, scan func(rows) (T, error), text string, args ...any) ([]T, error) {
	rs, err := c.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var out []T
	for rs.Next() {
		v, err := scan(rs)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rs.Err()
}

// one reads the only row of a query, or returns errNoRow.
func one[T any](ctx context.Context, c conn, scan func(rows) (T, error), text string, args ...any) (T, error) {
	list, err := all(ctx, c, scan, text, args...)
	var none T
	switch {
	case err != nil:
		return none, err
	case len(list) == 0:
		return none, errNoRow
	default:
		return list[0], nil
	}
}

// column reads a row of one column.
func column[T any](rs rows) (T, error) {
	var v T
	return v, rs.Scan(&v)
}

// micros is the stored form of a time: microseconds since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant reads what micros wrote.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// pgxQuerier is what a pgx pool and a pgx transaction share.
type pgxQuerier interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

type pgConn struct{ q pgxQuerier }

func (c pgConn) exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := c.q.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}

func (c pgConn) query(ctx context.Context, text string, args ...any) (rows, error) {
	rs, err := c.q.Query(ctx, text, args...) //nolint:sqlclosecheck // all closes it
	if err != nil {
		return nil, err
	}
	return rs, nil
}

func (c pgConn) execMany(ctx context.Context, text string, args [][]any) ([]int64, error) {
	if len(args) == 0 {
		return nil, nil
	}
	batch := new(pgx.Batch)
	for _, a := range args {
		batch.Queue(text, a...)
	}
	results := c.q.SendBatch(ctx, batch)
	changed := make([]int64, len(args))
	for i := range args {
		tag, err := results.Exec()
		if err != nil {
			return nil, errors.Join(err, results.Close())
		}
		changed[i] = tag.RowsAffected()
	}
	return changed, results.Close()
}

// sqlQuerier is what a pool and a transaction of database/sql share.
type sqlQuerier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

type sqliteConn struct{ q sqlQuerier }

func (c sqliteConn) exec(ctx context.Context, text string, args ...any) (int64, error) {
	args, err := sqliteArgs(args)
	if err != nil {
		return 0, err
	}
	res, err := c.q.ExecContext(ctx, sqliteText(text), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (c sqliteConn) query(ctx context.Context, text string, args ...any) (rows, error) {
	args, err := sqliteArgs(args)
	if err != nil {
		return nil, err
	}
	rs, err := c.q.QueryContext(ctx, sqliteText(text), args...) //nolint:rowserrcheck // all checks it
	if err != nil {
		return nil, err
	}
	return sqliteRows{rs}, nil
}

func (c sqliteConn) execMany(ctx context.Context, text string, args [][]any) ([]int64, error) {
	if len(args) == 0 {
		return nil, nil
	}
	stmt, err := c.q.PrepareContext(ctx, sqliteText(text))
	if err != nil {
		return nil, err
	}
	defer func() { _ = stmt.Close() }()
	changed := make([]int64, len(args))
	for i, a := range args {
		res, err := stmt.ExecContext(ctx, a...)
		if err != nil {
			return nil, err
		}
		if changed[i], err = res.RowsAffected(); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// sqliteRows gives sql.Rows a Close that returns nothing: what it could say,
// Err has said.
type sqliteRows struct{ *sql.Rows }

func (r sqliteRows) Close() { _ = r.Rows.Close() }
