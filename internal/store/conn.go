package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
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
	// writeRows inserts or updates rows, of whose arguments the second is the id,
	// and reports which it changed. text is the statement for so many rows.
	writeRows(ctx context.Context, text func(rows int) string, args [][]any) ([]bool, error)
	// queryMany runs one query once for each list of arguments, in their order
	// and in one round trip.
	queryMany(ctx context.Context, text string, args [][]any, each func(rows) error) error
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

// lookUp reads the rows of a query for each list of arguments. A list of keys
// is looked up key by key, and not with "= ANY": that way PostgreSQL uses the
// index of the key whatever its statistics say, and locks rows in the order of
// the keys.
func lookUp[T any](ctx context.Context, c conn, scan func(rows) (T, error), text string, args [][]any) ([]T, error) {
	var out []T
	err := c.queryMany(ctx, text, args, func(rs rows) error {
		v, err := scan(rs)
		out = append(out, v)
		return err
	})
	return out, err
}

// manyKeys is from how many keys on a list of them is looked up at once.
const manyKeys = 50

// lookUpAll reads the rows of a query whose last argument is a list of keys, with
// which it says "= ANY". Few keys are looked up one by one (see [lookUp]); many, in
// whose time a plan that suits the table pays, at once and in no order.
func lookUpAll[T any](ctx context.Context, c conn, scan func(rows) (T, error), text string, keys []string, first ...any) ([]T, error) {
	if len(keys) >= manyKeys {
		return all(ctx, c, scan, text, append(slices.Clone(first), keys)...)
	}
	return lookUp(ctx, c, scan, anyOf.ReplaceAllString(text, "= $1"), keyed(keys, first...))
}

// values are so many rows of so many parameters: ($1, $2), ($3, $4).
func values(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String() + ")"
}

// keyed puts the same first arguments before each of the keys.
func keyed[K ~string](keys []K, first ...any) [][]any {
	args := make([][]any, len(keys))
	for i, k := range keys {
		args[i] = append(slices.Clone(first), string(k))
	}
	return args
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

// number is a truth value as both databases compare it.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
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
	rs, err := c.q.Query(ctx, text, args...)
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

// chunk is how many rows PostgreSQL writes with one statement where there are many.
const chunk = 50

func (c pgConn) writeRows(ctx context.Context, text func(rows int) string, args [][]any) ([]bool, error) {
	var chunks [][]any
	rest := args
	for ; len(rest) >= chunk; rest = rest[chunk:] {
		chunks = append(chunks, slices.Concat(rest[:chunk]...))
	}
	ids := map[string]bool{}
	note := func(rs rows) error {
		id, err := column[string](rs)
		ids[id] = true
		return err
	}
	if err := c.queryMany(ctx, text(chunk)+` RETURNING id`, chunks, note); err != nil {
		return nil, err
	}
	if err := c.queryMany(ctx, text(1)+` RETURNING id`, rest, note); err != nil {
		return nil, err
	}
	changed := make([]bool, len(args))
	for i, a := range args {
		changed[i] = ids[a[1].(string)]
	}
	return changed, nil
}

func (c pgConn) queryMany(ctx context.Context, text string, args [][]any, each func(rows) error) error {
	if len(args) == 0 {
		return nil
	}
	batch := new(pgx.Batch)
	for _, a := range args {
		batch.Queue(text, a...)
	}
	results := c.q.SendBatch(ctx, batch)
	for range args {
		rs, err := results.Query()
		if err == nil {
			err = drain(rs, each)
		}
		if err != nil {
			return errors.Join(err, results.Close())
		}
	}
	return results.Close()
}

func drain(rs rows, each func(rows) error) error {
	defer rs.Close()
	for rs.Next() {
		if err := each(rs); err != nil {
			return err
		}
	}
	return rs.Err()
}
