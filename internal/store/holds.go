package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

var holdList = list{
	from:    "holds",
	columns: "doc",
	where:   "created_at > 0",
	order:   []string{"created_at", "updated_at", "status"},
	filters: columns("id", "scope", "resource_id", "customer_id", "reason", "status"),
}

// Hold reads a hold.
func (r Reader) Hold(ctx context.Context, p platform.ID, id hold.ID) (hold.Hold, error) {
	h, err := one(ctx, r.c, document[hold.Hold], `SELECT doc FROM holds WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return h, notFound("", "hold", string(id))
	}
	return h, err
}

// Holds lists holds.
func (r Reader) Holds(ctx context.Context, p platform.ID, q Query) (Page[hold.Hold], error) {
	return page(ctx, r, holdList, document[hold.Hold], string(p), q)
}

// HoldsOn reads the holds in force that cover resources, those of one resource
// in the order of their ids.
func (r Reader) HoldsOn(ctx context.Context, p platform.ID, keys []billing.Key, now time.Time) ([]hold.Hold, error) {
	some, err := all(ctx, r.c, column[int64], `SELECT 1 FROM holds WHERE platform_id = $1 AND status = 'ACTIVE' LIMIT 1`, string(p))
	if err != nil || len(some) == 0 { // as nearly always, and then nothing is looked up
		return nil, err
	}
	found, err := r.holdsOn(ctx, p, keys)
	var list []hold.Hold
	for _, h := range found {
		if h.InForce(now) {
			list = append(list, h)
		}
	}
	return list, err
}

func (r Reader) holdsOn(ctx context.Context, p platform.ID, keys []billing.Key) ([]hold.Hold, error) {
	args := make([][]any, len(keys))
	for i, k := range keys {
		args[i] = []any{string(p), string(k.Kind), k.ID}
	}
	return lookUp(ctx, r.c, document[hold.Hold],
		`SELECT doc FROM holds WHERE platform_id = $1 AND covers_kind = $2 AND covers_id = $3 AND status = 'ACTIVE' ORDER BY id`, args)
}

// EndedHold names a hold that has ended, and of which what it stopped is to be
// decided again.
type EndedHold struct {
	PlatformID platform.ID
	ID         hold.ID
	Scope      billing.Kind
	ResourceID string
	CustomerID billing.CustomerID
	Tries      int // how often that has failed
	at         int64
}

const endedColumns = `platform_id, id, scope, resource_id, customer_id, resume_tries, resume_at`

func scanEndedHold(rs rows) (e EndedHold, err error) {
	return e, rs.Scan(&e.PlatformID, &e.ID, &e.Scope, &e.ResourceID, &e.CustomerID, &e.Tries, &e.at)
}

// EndedHolds reads them, on all platforms that go by the machine's clock, those
// first that are due first. It reads no document, so that one that cannot be read
// keeps no other back.
func (r Reader) EndedHolds(ctx context.Context, now time.Time, limit int) ([]EndedHold, error) {
	return all(ctx, r.c, scanEndedHold,
		`SELECT `+endedColumns+` FROM holds WHERE resume_at > 0 AND resume_at <= $1 AND `+byMachine+`
		 ORDER BY resume_at LIMIT $2`, micros(now), limit)
}

// EndedHoldsOf reads those of one platform, by the clock that it goes by.
func (r Reader) EndedHoldsOf(ctx context.Context, p platform.ID, now time.Time, limit int) ([]EndedHold, error) {
	return all(ctx, r.c, scanEndedHold,
		`SELECT `+endedColumns+` FROM holds WHERE platform_id = $1 AND resume_at > 0 AND resume_at <= $2
		 ORDER BY resume_at, id LIMIT $3`, string(p), micros(now), limit)
}

// PostponeHold has an ended hold looked at again later, unless somebody has got on
// with it since it was read.
func (tx *Tx) PostponeHold(ctx context.Context, e EndedHold, next time.Time) error {
	_, err := tx.c.exec(ctx, `UPDATE holds SET resume_at = $4, resume_tries = resume_tries + 1
		 WHERE platform_id = $1 AND id = $2 AND resume_at = $3`, string(e.PlatformID), string(e.ID), e.at, micros(next))
	return err
}

// LockedHold reads a hold for a change of it.
func (tx *Tx) LockedHold(ctx context.Context, p platform.ID, id hold.ID) (hold.Hold, error) {
	h, err := one(ctx, tx.c, document[hold.Hold], `SELECT doc FROM holds WHERE platform_id = $1 AND id = $2 FOR UPDATE`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return h, notFound("", "hold", string(id))
	}
	return h, err
}

// InsertHold stores a new hold.
func (tx *Tx) InsertHold(ctx context.Context, p platform.ID, h hold.Hold) error {
	doc, err := encode(h)
	if err != nil {
		return err
	}
	covers := h.Covers()
	_, err = tx.c.exec(ctx,
		`INSERT INTO holds (platform_id, id, scope, resource_id, customer_id, reason, status, covers_kind, covers_id, resume_at, resume_tries, doc, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13)`,
		string(p), string(h.ID), string(h.Scope), h.ResourceID, string(h.CustomerID), string(h.Reason), string(h.Status),
		string(covers.Kind), covers.ID, micros(h.ResumeAt), doc, micros(h.CreatedAt), micros(h.UpdatedAt))
	if err != nil {
		return fmt.Errorf("inserting a hold: %w", err)
	}
	return nil
}

// UpdateHold stores what became of a locked hold.
func (tx *Tx) UpdateHold(ctx context.Context, p platform.ID, h hold.Hold) error {
	doc, err := encode(h)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE holds SET status = $3, resume_at = $4, resume_tries = 0, doc = $5, updated_at = $6 WHERE platform_id = $1 AND id = $2`,
		string(p), string(h.ID), string(h.Status), micros(h.ResumeAt), doc, micros(h.UpdatedAt))
	return err
}

// HeldTriggers reads and locks triggers of a customer that a hold stopped, in
// the order of their ids, from the one after an id on.
func (tx *Tx) HeldTriggers(ctx context.Context, p platform.ID, customer billing.CustomerID, after string, limit int) ([]trigger.Trigger, error) {
	return all(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND customer_id = $2 AND reason = 'HELD' AND id > $3
		 ORDER BY id LIMIT $4 FOR UPDATE`, string(p), string(customer), after, limit)
}

var suppressionList = list{
	from:    "suppressions",
	columns: "doc",
	where:   "created_at > 0",
	order:   []string{"created_at", "updated_at"},
	filters: columns("id", "mailbox"),
}

// Suppression reads a suppression.
func (r Reader) Suppression(ctx context.Context, p platform.ID, id hold.SuppressionID) (hold.Suppression, error) {
	s, err := one(ctx, r.c, document[hold.Suppression],
		`SELECT doc FROM suppressions WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return s, notFound("", "suppression", string(id))
	}
	return s, err
}

// Suppressions lists suppressions.
func (r Reader) Suppressions(ctx context.Context, p platform.ID, q Query) (Page[hold.Suppression], error) {
	return page(ctx, r, suppressionList, document[hold.Suppression], string(p), q)
}

// Suppressed reads which of the mailboxes get no mail, and by which suppression.
func (r Reader) Suppressed(ctx context.Context, p platform.ID, mailboxes []string) (map[string]hold.SuppressionID, error) {
	some, err := all(ctx, r.c, column[int64], `SELECT 1 FROM suppressions WHERE platform_id = $1 LIMIT 1`, string(p))
	if err != nil || len(some) == 0 { // then nothing is looked up
		return nil, err
	}
	found, err := lookUp(ctx, r.c, document[hold.Suppression],
		`SELECT doc FROM suppressions WHERE platform_id = $1 AND mailbox = $2`, keyed(mailboxes, string(p)))
	suppressed := make(map[string]hold.SuppressionID, len(found))
	for _, s := range found {
		suppressed[s.Mailbox] = s.ID
	}
	return suppressed, err
}

// InsertSuppression stores a new suppression. An address that is suppressed
// already is a fault.
func (tx *Tx) InsertSuppression(ctx context.Context, p platform.ID, s hold.Suppression) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	n, err := tx.c.exec(ctx,
		`INSERT INTO suppressions (platform_id, id, mailbox, doc, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		string(p), string(s.ID), s.Mailbox, doc, micros(s.CreatedAt), micros(s.UpdatedAt))
	if err != nil || n == 1 {
		return err
	}
	taken, err := tx.Suppressed(ctx, p, []string{s.Mailbox})
	if err != nil || taken[s.Mailbox] == s.ID { // a commit whose outcome was not known had stored it
		return err
	}
	return fault.At(fault.Exists, "email", "the address is suppressed already, by %s", taken[s.Mailbox]).About("", string(taken[s.Mailbox]))
}

// DeleteSuppression deletes a suppression.
func (tx *Tx) DeleteSuppression(ctx context.Context, p platform.ID, id hold.SuppressionID) error {
	_, err := tx.c.exec(ctx, `DELETE FROM suppressions WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	return err
}
