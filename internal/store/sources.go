package store

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/platform"
)

var sourceList = list{
	from:    "sources",
	columns: "doc, secret",
	order:   []string{"created_at", "updated_at", "reference", "type"},
	filters: columns("id", "reference", "type"),
}

func (r Reader) scanSource(rs rows) (platform.Source, error) {
	var s platform.Source
	var doc, sealed []byte
	if err := rs.Scan(&doc, &sealed); err != nil {
		return s, err
	}
	if err := json.Unmarshal(doc, &s); err != nil {
		return s, err
	}
	secret, err := r.vault.open(sealed, string(s.PlatformID), string(s.ID))
	s.SigningSecret = string(secret)
	return s, err
}

// Source reads a source by id or reference.
func (r Reader) Source(ctx context.Context, p platform.ID, idOrReference string) (platform.Source, error) {
	s, err := one(ctx, r.c, r.scanSource,
		`SELECT doc, secret FROM sources WHERE platform_id = $1 AND (id = $2 OR reference = $2)
		 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END LIMIT 1`, string(p), idOrReference)
	if errors.Is(err, errNoRow) {
		return s, notFound("", "source", idOrReference)
	}
	return s, err
}

// SourceOfPath reads the source that a webhook's path names. It is the one
// statement that finds its platform instead of being given it: a webhook
// carries no credential but its signature.
func (r Reader) SourceOfPath(ctx context.Context, id platform.SourceID) (platform.Source, error) {
	s, err := one(ctx, r.c, r.scanSource, `SELECT doc, secret FROM sources WHERE id = $1`, string(id))
	if errors.Is(err, errNoRow) {
		return s, notFound("", "source", string(id))
	}
	return s, err
}

// Sources lists sources.
func (r Reader) Sources(ctx context.Context, p platform.ID, q Query) (Page[platform.Source], error) {
	return page(ctx, r, sourceList, r.scanSource, string(p), q)
}

// InsertSource stores a new source. A reference that is taken is a fault.
func (tx *Tx) InsertSource(ctx context.Context, s platform.Source) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	sealed, err := tx.vault.seal([]byte(s.SigningSecret), string(s.PlatformID), string(s.ID))
	if err != nil {
		return err
	}
	n, err := tx.c.exec(ctx,
		`INSERT INTO sources (platform_id, id, reference, type, doc, secret, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		string(s.PlatformID), string(s.ID), s.Reference, string(s.Type), doc, sealed, micros(s.CreatedAt), micros(s.UpdatedAt))
	if err == nil && n == 0 {
		return taken("", "source", s.Reference)
	}
	return err
}

// UpdateSource replaces a source. A reference that is taken is a fault.
func (tx *Tx) UpdateSource(ctx context.Context, s platform.Source) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	sealed, err := tx.vault.seal([]byte(s.SigningSecret), string(s.PlatformID), string(s.ID))
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx,
		`UPDATE sources SET reference = $3, doc = $4, secret = $5, updated_at = $6 WHERE platform_id = $1 AND id = $2`,
		string(s.PlatformID), string(s.ID), s.Reference, doc, sealed, micros(s.UpdatedAt))
	if tx.s.db.duplicate(err) {
		return taken("", "source", s.Reference)
	}
	return err
}

// Unreceive forgets a webhook that this transaction received.
func (tx *Tx) Unreceive(ctx context.Context, s platform.Source, deliveryID string) error {
	_, err := tx.c.exec(ctx, `DELETE FROM source_deliveries WHERE platform_id = $1 AND source_id = $2 AND delivery_id = $3`,
		string(s.PlatformID), string(s.ID), deliveryID)
	return err
}

// Receive notes a webhook and reports whether it is new. The note commits with
// what the webhook changes, so a delivery that died leaves none.
func (tx *Tx) Receive(ctx context.Context, s platform.Source, deliveryID string, now time.Time) (bool, error) {
	n, err := tx.c.exec(ctx,
		`INSERT INTO source_deliveries (platform_id, source_id, delivery_id, received_at) VALUES ($1, $2, $3, $4)
		 ON CONFLICT DO NOTHING`, string(s.PlatformID), string(s.ID), deliveryID, micros(now))
	return n == 1, err
}
