package store

import (
	"context"
	"errors"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// Prepared is the message of an execution: its frozen bytes, or why there are
// none, and the states from which it was made.
type Prepared struct {
	ExecutionID execution.ID
	Shows       string // the revisions of all that it was made of
	Problem     string // why there is no message; see engine's prepare
	Hash        string
	Content     string // message.Message, encoded
}

// ReadPrepared reads the messages of executions.
func (r Reader) ReadPrepared(ctx context.Context, p platform.ID, ids []string) (map[execution.ID]Prepared, error) {
	list, err := lookUp(ctx, r.c, func(rs rows) (m Prepared, err error) {
		return m, rs.Scan(&m.ExecutionID, &m.Shows, &m.Problem, &m.Hash, &m.Content)
	}, `SELECT execution_id, shows, problem, hash, content FROM messages WHERE platform_id = $1 AND execution_id = $2`,
		keyed(ids, string(p)))
	found := make(map[execution.ID]Prepared, len(list))
	for _, m := range list {
		found[m.ExecutionID] = m
	}
	return found, err
}

// PutPrepared stores messages, replacing those whose bytes are not frozen yet.
func (tx *Tx) PutPrepared(ctx context.Context, p platform.ID, list []Prepared, now time.Time) error {
	args := make([][]any, len(list))
	for i, m := range list {
		args[i] = []any{string(p), string(m.ExecutionID), m.Shows, m.Problem, m.Hash, m.Content, micros(now)}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO messages (platform_id, execution_id, shows, problem, hash, content, created_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7)
		 ON CONFLICT (platform_id, execution_id) DO UPDATE SET shows = excluded.shows, problem = excluded.problem,
		     hash = excluded.hash, content = excluded.content, created_at = excluded.created_at`, args)
	return err
}

// Captured is a message that a SYSTEM integration kept instead of sending.
type Captured struct {
	ID            string
	ExecutionID   execution.ID
	IntegrationID platform.IntegrationID
	CustomerID    billing.CustomerID
	Content       string // message.Message, encoded
	CreatedAt     time.Time
}

const capturedColumns = `id, execution_id, integration_id, customer_id, content, created_at`

func scanCaptured(rs rows) (Captured, error) {
	var c Captured
	var created int64
	err := rs.Scan(&c.ID, &c.ExecutionID, &c.IntegrationID, &c.CustomerID, &c.Content, &created)
	c.CreatedAt = instant(created)
	return c, err
}

var outboxList = list{
	from:    "outbox",
	columns: capturedColumns,
	where:   "created_at > 0",
	order:   []string{"created_at"},
	filters: columns("id", "execution_id", "integration_id", "customer_id"),
}

// Capture stores messages in the outbox. One execution is captured once.
func (tx *Tx) Capture(ctx context.Context, p platform.ID, list []Captured) error {
	args := make([][]any, len(list))
	for i, c := range list {
		args[i] = []any{
			string(p), c.ID, string(c.ExecutionID), string(c.IntegrationID), string(c.CustomerID), c.Content, micros(c.CreatedAt),
		}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO outbox (platform_id, `+capturedColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`, args)
	return err
}

// Outbox lists captured messages.
func (r Reader) Outbox(ctx context.Context, p platform.ID, q Query) (Page[Captured], error) {
	return page(ctx, r, outboxList, scanCaptured, string(p), q)
}

// OutboxMessage reads a captured message.
func (r Reader) OutboxMessage(ctx context.Context, p platform.ID, id string) (Captured, error) {
	c, err := one(ctx, r.c, scanCaptured,
		`SELECT `+capturedColumns+` FROM outbox WHERE platform_id = $1 AND id = $2`, string(p), id)
	if errors.Is(err, errNoRow) {
		return c, notFound("", "captured message", id)
	}
	return c, err
}
