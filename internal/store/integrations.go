package store

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/platform"
)

var integrationList = list{
	from:    "integrations",
	columns: "doc, secret",
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: columns("id", "name", "reference", "status", "type"),
}

func (r Reader) scanIntegration(p platform.ID) func(rows) (platform.Integration, error) {
	return func(rs rows) (platform.Integration, error) {
		var in platform.Integration
		var doc, sealed []byte
		if err := rs.Scan(&doc, &sealed); err != nil {
			return in, err
		}
		if err := json.Unmarshal(doc, &in); err != nil {
			return in, err
		}
		secret, err := r.vault.open(sealed, string(p), string(in.ID))
		if err != nil {
			return in, err
		}
		return in, json.Unmarshal(secret, &in.Credentials)
	}
}

// Integration reads an integration, with its credentials, by id or reference.
func (r Reader) Integration(ctx context.Context, p platform.ID, idOrReference string) (platform.Integration, error) {
	in, err := one(ctx, r.c, r.scanIntegration(p),
		`SELECT doc, secret FROM integrations WHERE platform_id = $1 AND (id = $2 OR reference = $2)
		 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END LIMIT 1`, string(p), idOrReference)
	if errors.Is(err, errNoRow) {
		return in, notFound("INTEGRATION", "integration", idOrReference)
	}
	return in, err
}

// Integrations lists integrations.
func (r Reader) Integrations(ctx context.Context, p platform.ID, q Query) (Page[platform.Integration], error) {
	return page(ctx, r, integrationList, r.scanIntegration(p), string(p), q)
}

// PutIntegration stores an integration, replacing the one with its id.
func (tx *Tx) PutIntegration(ctx context.Context, p platform.ID, in platform.Integration) error {
	doc, err := encode(in)
	if err != nil {
		return err
	}
	secret, err := encode(in.Credentials)
	if err != nil {
		return err
	}
	sealed, err := tx.vault.seal([]byte(secret), string(p), string(in.ID))
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx,
		`INSERT INTO integrations (platform_id, id, reference, name, type, status, doc, secret, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		 ON CONFLICT (platform_id, id) DO UPDATE SET reference = excluded.reference, name = excluded.name,
		     type = excluded.type, status = excluded.status, doc = excluded.doc, secret = excluded.secret,
		     updated_at = excluded.updated_at`,
		string(p), string(in.ID), in.Reference, in.Name, in.Type, string(in.Status), doc, sealed,
		micros(in.CreatedAt), micros(in.UpdatedAt))
	if tx.s.db.duplicate(err) {
		return taken("INTEGRATION", "integration", in.Reference)
	}
	return err
}
