package store

import (
	"context"
	"errors"
	"time"

	"github.com/dunwellhq/dunwell/internal/platform"
)

var sourceList = list{
	from:    "sources",
	columns: "doc",
	order:   []string{"created_at", "updated_at", "reference", "type"},
	filters: columns("id", "reference", "type"),
}

// Source reads a source by id or reference, without its signing secret.
func (r Reader) Source(ctx context.Context, p platform.ID, idOrReference string) (platform.Source, error) {
	s, err := one(ctx, r.c, document[platform.Source],
		`SELECT doc FROM sources WHERE platform_id = $1 AND (id = $2 OR reference = $2)
		 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END LIMIT 1`, string(p), idOrReference)
	if errors.Is(err, errNoRow) {
		return s, notFound("", "source", idOrReference)
	}
	return s, err
}

// OpenSource reads the source that a webhook's path names, with its signing
// secret. It is the one statement that finds its platform instead of being given
// it: a webhook carries no credential but its signature. With [ErrSealed] it
// returns the source without the secret.
func (r Reader) OpenSource(ctx context.Context, id platform.SourceID) (platform.Source, error) {
	row, err := one(ctx, r.c, scanSealed[platform.Source], `SELECT doc, secret FROM sources WHERE id = $1`, string(id))
	if errors.Is(err, errNoRow) {
		return row.doc, notFound("", "source", string(id))
	}
	if err != nil {
		return row.doc, err
	}
	secret, err := r.vault.open(row.secret, string(row.doc.PlatformID), string(row.doc.ID))
	row.doc.SigningSecret = string(secret)
	return row.doc, err
}

// Sources lists sources, without their signing secrets.
func (r Reader) Sources(ctx context.Context, p platform.ID, q Query) (Page[platform.Source], error) {
	return page(ctx, r, sourceList, document[platform.Source], string(p), q)
}

// InsertSource stores a new source. A reference that is taken is a fault.
func (tx *Tx) InsertSource(ctx context.Context, s platform.Source) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	sealed, err := tx.seal(ctx, []byte(s.SigningSecret), s.PlatformID, string(s.ID))
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

// UpdateSource replaces a source. One without a signing secret keeps the stored
// one, unopened. A reference that is taken is a fault.
func (tx *Tx) UpdateSource(ctx context.Context, s platform.Source) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE sources SET reference = $3, doc = $4, updated_at = $5 WHERE platform_id = $1 AND id = $2`,
		string(s.PlatformID), string(s.ID), s.Reference, doc, micros(s.UpdatedAt))
	if tx.s.db.duplicate(err) {
		return taken("", "source", s.Reference)
	}
	if err != nil || s.SigningSecret == "" {
		return err
	}
	sealed, err := tx.seal(ctx, []byte(s.SigningSecret), s.PlatformID, string(s.ID))
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE sources SET secret = $3 WHERE platform_id = $1 AND id = $2`, string(s.PlatformID), string(s.ID), sealed)
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
