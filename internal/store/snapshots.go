package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
)

const snapshotColumns = `status, seen, applied, looked, doc`

// Looked is a snapshot with how far the search for what it lacks has come.
type Looked struct {
	billing.Snapshot
	Step int64
}

func scanSnapshot(rs rows) (Looked, error) {
	var l Looked
	var doc []byte
	var status billing.SnapshotStatus
	var seen, applied int64
	if err := rs.Scan(&status, &seen, &applied, &l.Step, &doc); err != nil {
		return l, err
	}
	err := json.Unmarshal(doc, &l.Snapshot)
	l.Status, l.Seen, l.Applied = status, seen, applied
	return l, err
}

// Snapshot reads a snapshot.
func (r Reader) Snapshot(ctx context.Context, p platform.ID, id billing.SnapshotID) (Looked, error) {
	l, err := one(ctx, r.c, scanSnapshot,
		`SELECT `+snapshotColumns+` FROM snapshots WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return l, notFound("", "snapshot", string(id))
	}
	return l, err
}

// InsertSnapshot stores a new snapshot.
func (tx *Tx) InsertSnapshot(ctx context.Context, p platform.ID, s billing.Snapshot) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx,
		`INSERT INTO snapshots (platform_id, id, status, seen, applied, looked, doc, expires_at, sweep_at)
		 VALUES ($1, $2, $3, 0, 0, 0, $4, $5, $5)`, string(p), string(s.ID), string(s.Status), doc, micros(s.ExpiresAt))
	return err
}

// See notes resources that were told in a snapshot, and how many states of them
// were applied. It reports false if the snapshot takes none any more: its end,
// which another transaction may be committing, is waited for.
func (tx *Tx) See(ctx context.Context, p platform.ID, id billing.SnapshotID, told []billing.Key, applied int) (bool, error) {
	args := make([][]any, len(told))
	for i, k := range told {
		args[i] = []any{string(p), string(id), string(k.Kind), k.ID}
	}
	added, err := tx.c.execMany(ctx,
		`INSERT INTO snapshot_seen (platform_id, snapshot_id, kind, id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, args)
	if err != nil {
		return false, fmt.Errorf("noting what a snapshot has: %w", err)
	}
	seen := int64(0)
	for _, n := range added {
		seen += n
	}
	n, err := tx.c.exec(ctx,
		`UPDATE snapshots SET seen = seen + $3, applied = applied + $4 WHERE platform_id = $1 AND id = $2 AND status = 'OPEN'`,
		string(p), string(id), seen, applied)
	return n == 1, err
}

// Saw reports whether anything of a kind was told in a snapshot.
func (r Reader) Saw(ctx context.Context, p platform.ID, id billing.SnapshotID, kind billing.Kind) (bool, error) {
	_, some, err := r.first(ctx, `SELECT id FROM snapshot_seen WHERE platform_id = $1 AND snapshot_id = $2 AND kind = $3 LIMIT 1`,
		string(p), string(id), string(kind))
	return some, err
}

// CloseSnapshot lets a snapshot take no more resources: what is taken just now is
// waited for.
func (tx *Tx) CloseSnapshot(ctx context.Context, p platform.ID, id billing.SnapshotID) error {
	_, err := tx.c.exec(ctx, `UPDATE snapshots SET status = 'ENDING' WHERE platform_id = $1 AND id = $2 AND status = 'OPEN'`,
		string(p), string(id))
	return err
}

// Unseen are resources that a snapshot does not have, of a window of ids.
type Unseen struct {
	Kind billing.Kind
	IDs  []string
	Last string // the last id that was looked at
	More bool   // there may be some behind it
}

// Unseen looks at the next resources of a kind, from the one after an id on, at
// most window of them, and returns those that are stored, not over, and were not
// told in the snapshot. It never reads more than a window, however few it finds.
func (r Reader) Unseen(ctx context.Context, p platform.ID, s billing.Snapshot, kind billing.Kind, after string, window int) (Unseen, error) {
	over := append([]string{}, billing.Over(kind)...) // nil would be no list
	args := []any{string(p), string(kind), after, window, over, string(s.ID)}
	whose := ""
	if s.CustomerID != "" {
		whose, args = ` AND customer_id = $7 AND customer_id <> ''`, append(args, string(s.CustomerID))
		if kind == billing.KindCustomer {
			whose = ` AND id = $7`
		}
	}
	type row struct {
		id     string
		unseen int64
	}
	list, err := all(ctx, r.c, func(rs rows) (w row, err error) { return w, rs.Scan(&w.id, &w.unseen) },
		`SELECT r.id, CASE WHEN r.revision > 0 AND r.paid <> 'true' AND NOT (r.status = ANY($5)) AND NOT EXISTS (
		     SELECT 1 FROM snapshot_seen s WHERE s.platform_id = $1 AND s.snapshot_id = $6 AND s.kind = r.kind AND s.id = r.id) THEN 1 ELSE 0 END
		 FROM (SELECT kind, id, revision, status, paid FROM resources WHERE platform_id = $1 AND kind = $2 AND id > $3`+whose+`
		     ORDER BY id LIMIT $4) r ORDER BY r.id`, args...)
	u := Unseen{Kind: kind, Last: after, More: len(list) == window}
	for _, w := range list {
		if u.Last = w.id; w.unseen == 1 {
			u.IDs = append(u.IDs, w.id)
		}
	}
	return u, err
}

// Advance stores how far the search of a snapshot has come. It reports false if
// somebody else has come further: then nothing of this transaction may count.
func (tx *Tx) Advance(ctx context.Context, p platform.ID, l Looked) (bool, error) {
	doc, err := encode(l.Snapshot)
	if err != nil {
		return false, err
	}
	sweepAt := l.ExpiresAt
	if l.Status == billing.SnapshotEnded {
		sweepAt = l.EndedAt // what it has seen can go
	}
	n, err := tx.c.exec(ctx,
		`UPDATE snapshots SET status = $4, looked = looked + 1, doc = $5, sweep_at = $6 WHERE platform_id = $1 AND id = $2 AND looked = $3`,
		string(p), string(l.ID), l.Step, string(l.Status), doc, micros(sweepAt))
	return n == 1, err
}

// SweepSnapshots forgets what ended snapshots have seen, and snapshots that have
// expired, of all platforms: a step of one of them, and reports whether there was
// one. Several nodes may do it at once.
func (tx *Tx) SweepSnapshots(ctx context.Context, now time.Time, most int) (bool, error) {
	type swept struct {
		platform, id string
		status       billing.SnapshotStatus
		expires      int64
	}
	list, err := all(ctx, tx.c, func(rs rows) (s swept, err error) {
		return s, rs.Scan(&s.platform, &s.id, &s.status, &s.expires)
	}, `SELECT platform_id, id, status, expires_at FROM snapshots WHERE sweep_at <= $1 ORDER BY sweep_at LIMIT 1 FOR UPDATE SKIP LOCKED`, micros(now))
	if err != nil || len(list) == 0 {
		return false, err
	}
	s := list[0]
	if s.status == billing.SnapshotOpen || s.status == billing.SnapshotEnding {
		// First, and alone: a search that is under way must not find missing what
		// is forgotten below.
		_, err := tx.c.exec(ctx, `UPDATE snapshots SET status = 'EXPIRED', looked = looked + 1 WHERE platform_id = $1 AND id = $2`, s.platform, s.id)
		return true, err
	}
	n, err := tx.c.exec(ctx,
		`DELETE FROM snapshot_seen WHERE platform_id = $1 AND snapshot_id = $2 AND (kind, id) IN (
		   SELECT kind, id FROM snapshot_seen WHERE platform_id = $1 AND snapshot_id = $2 LIMIT $3)`, s.platform, s.id, most)
	switch {
	case err != nil:
		return false, fmt.Errorf("forgetting what a snapshot has seen: %w", err)
	case n > 0:
	case s.expires > micros(now):
		_, err = tx.c.exec(ctx, `UPDATE snapshots SET sweep_at = expires_at WHERE platform_id = $1 AND id = $2`, s.platform, s.id)
	default:
		_, err = tx.c.exec(ctx, `DELETE FROM snapshots WHERE platform_id = $1 AND id = $2`, s.platform, s.id)
	}
	return true, err
}
