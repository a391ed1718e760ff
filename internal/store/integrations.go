package store

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/platform"
)

var integrationList = list{
	from:    "integrations",
	columns: "doc",
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: columns("id", "name", "reference", "status", "type"),
}

// Integration reads an integration by id or reference, without its credentials:
// those are for who is about to use them, see [Reader.OpenIntegration].
func (r Reader) Integration(ctx context.Context, p platform.ID, idOrReference string) (platform.Integration, error) {
	in, err := one(ctx, r.c, document[platform.Integration],
		`SELECT doc FROM integrations WHERE platform_id = $1 AND (id = $2 OR reference = $2)
		 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END LIMIT 1`, string(p), idOrReference)
	if errors.Is(err, errNoRow) {
		return in, notFound("INTEGRATION", "integration", idOrReference)
	}
	return in, err
}

// OpenIntegration reads an integration with its credentials. With [ErrSealed] it
// returns the integration without them.
func (r Reader) OpenIntegration(ctx context.Context, p platform.ID, id platform.IntegrationID) (platform.Integration, error) {
	row, err := one(ctx, r.c, scanSealed[platform.Integration],
		`SELECT doc, secret FROM integrations WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return row.doc, notFound("INTEGRATION", "integration", string(id))
	}
	if err != nil || len(row.secret) == 0 {
		return row.doc, err
	}
	secret, err := r.vault.open(row.secret, string(p), string(id))
	if err != nil {
		return row.doc, err
	}
	return row.doc, json.Unmarshal(secret, &row.doc.Credentials)
}

// HasCredentials reports whether credentials are stored of an integration.
func (r Reader) HasCredentials(ctx context.Context, p platform.ID, id platform.IntegrationID) (bool, error) {
	n, err := one(ctx, r.c, column[int64],
		`SELECT length(secret) FROM integrations WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	return n > 0, err
}

// Integrations lists integrations, without their credentials.
func (r Reader) Integrations(ctx context.Context, p platform.ID, q Query) (Page[platform.Integration], error) {
	return page(ctx, r, integrationList, document[platform.Integration], string(p), q)
}

// PutIntegration stores an integration, replacing the one with its id. With
// keepCredentials those of that one stay, unopened.
func (tx *Tx) PutIntegration(ctx context.Context, p platform.ID, in platform.Integration, keepCredentials bool) error {
	doc, err := encode(in)
	if err != nil {
		return err
	}
	sealed, err := tx.sealCredentials(ctx, p, in)
	if err != nil {
		return err
	}
	secret := "excluded.secret"
	if keepCredentials {
		secret = "integrations.secret"
	}
	_, err = tx.c.exec(ctx,
		`INSERT INTO integrations (platform_id, id, reference, name, type, status, doc, secret, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		 ON CONFLICT (platform_id, id) DO UPDATE SET reference = excluded.reference, name = excluded.name,
		     type = excluded.type, status = excluded.status, doc = excluded.doc, secret = `+secret+`,
		     updated_at = excluded.updated_at`,
		string(p), string(in.ID), in.Reference, in.Name, in.Type, string(in.Status), doc, sealed,
		micros(in.CreatedAt), micros(in.UpdatedAt))
	if tx.s.db.duplicate(err) {
		return taken("INTEGRATION", "integration", in.Reference)
	}
	return err
}

// sealCredentials encrypts what there is to encrypt: an integration without
// credentials has an empty secret, for which no key is needed.
func (tx *Tx) sealCredentials(ctx context.Context, p platform.ID, in platform.Integration) ([]byte, error) {
	if in.Credentials == (platform.Credentials{}) {
		return []byte{}, nil
	}
	secret, err := encode(in.Credentials)
	if err != nil {
		return nil, err
	}
	return tx.seal(ctx, []byte(secret), p, string(in.ID))
}
