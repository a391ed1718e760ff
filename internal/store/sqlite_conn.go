package store

import (
	"context"
	"database/sql"
	"sync"
)

// sqliteConn runs statements that were prepared before: parsing a statement
// takes SQLite longer than running most of ours.
type sqliteConn struct {
	prepared *preparedCache
	tx       *sql.Tx // nil on the pool
}

// maxPrepared bounds the statements that are kept; lists have many texts.
const maxPrepared = 300

// preparedCache keeps the prepared statements of one pool.
type preparedCache struct {
	pool *sql.DB

	mu     sync.Mutex
	known  map[string]*sql.Stmt
	wanted map[string]bool // to be prepared before the next transaction
}

func newPreparedCache(pool *sql.DB) *preparedCache {
	return &preparedCache{pool: pool, known: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// warm prepares what transactions have wanted. It must not run inside one: the
// write pool has a single connection, and would wait for it for ever.
func (p *preparedCache) warm(ctx context.Context) error {
	p.mu.Lock()
	var texts []string
	for text := range p.wanted {
		texts = append(texts, text)
	}
	clear(p.wanted)
	p.mu.Unlock()
	for _, text := range texts {
		if _, err := p.prepare(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (p *preparedCache) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	stmt, err := p.pool.PrepareContext(context.WithoutCancel(ctx), text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.known[text]; other != nil { // another was quicker
		return other, stmt.Close()
	}
	p.known[text] = stmt
	return stmt, nil
}

func (p *preparedCache) find(text string) (stmt *sql.Stmt, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[text], len(p.known) >= maxPrepared
}

func (p *preparedCache) want(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted[text] = true
}

// stmt returns a statement ready to run, and what ends its use.
func (c sqliteConn) stmt(ctx context.Context, text string) (*sql.Stmt, func(), error) {
	text = sqliteText(text)
	known, full := c.prepared.find(text)
	switch {
	case known != nil && c.tx != nil:
		return c.tx.StmtContext(ctx, known), func() {}, nil // ends with the transaction
	case known != nil:
		return known, func() {}, nil
	case c.tx == nil && !full:
		stmt, err := c.prepared.prepare(ctx, text)
		return stmt, func() {}, err
	case c.tx == nil:
		stmt, err := c.prepared.pool.PrepareContext(ctx, text)
		return stmt, closing(stmt), err
	}
	if !full {
		c.prepared.want(text)
	}
	stmt, err := c.tx.PrepareContext(ctx, text)
	return stmt, closing(stmt), err
}

func closing(stmt *sql.Stmt) func() {
	return func() { _ = stmt.Close() }
}

func (c sqliteConn) exec(ctx context.Context, text string, args ...any) (int64, error) {
	changed, err := c.execMany(ctx, text, [][]any{args})
	if err != nil {
		return 0, err
	}
	return changed[0], nil
}

func (c sqliteConn) query(ctx context.Context, text string, args ...any) (rows, error) {
	stmt, done, err := c.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	if args, err = sqliteArgs(args); err != nil {
		done()
		return nil, err
	}
	rs, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		done()
		return nil, err
	}
	return sqliteRows{rs, done}, nil
}

func (c sqliteConn) execMany(ctx context.Context, text string, args [][]any) ([]int64, error) {
	if len(args) == 0 {
		return nil, nil
	}
	stmt, done, err := c.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	defer done()
	changed := make([]int64, len(args))
	for i, a := range args {
		if a, err = sqliteArgs(a); err != nil {
			return nil, err
		}
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

// writeRows writes row by row: a statement about several rows is journalled, so
// that it can be taken back, which costs more than it saves.
func (c sqliteConn) writeRows(ctx context.Context, text func(rows int) string, args [][]any) ([]bool, error) {
	counts, err := c.execMany(ctx, text(1), args)
	changed := make([]bool, len(counts))
	for i, n := range counts {
		changed[i] = n == 1
	}
	return changed, err
}

func (c sqliteConn) queryMany(ctx context.Context, text string, args [][]any, each func(rows) error) error {
	if len(args) == 0 {
		return nil
	}
	stmt, done, err := c.stmt(ctx, text)
	if err != nil {
		return err
	}
	defer done()
	for _, a := range args {
		rs, err := stmt.QueryContext(ctx, a...)
		if err != nil {
			return err
		}
		if err := drain(sqliteRows{rs, func() {}}, each); err != nil {
			return err
		}
	}
	return nil
}

// sqliteRows gives sql.Rows a Close that returns nothing: what it could say,
// Err has said.
type sqliteRows struct {
	*sql.Rows
	done func()
}

func (r sqliteRows) Close() {
	_ = r.Rows.Close()
	r.done()
}
