package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// encode is the stored form of a document: members that are not set are left out.
func encode(v any) (string, error) {
	raw, err := json.Marshal(v, json.OmitZeroStructFields(true))
	return string(raw), err
}

// document reads a stored document of a row with one column.
func document[T any](rs rows) (T, error) {
	var v T
	var raw []byte
	if err := rs.Scan(&raw); err != nil {
		return v, err
	}
	return v, json.Unmarshal(raw, &v)
}

// Platform reads a platform.
func (r Reader) Platform(ctx context.Context, id platform.ID) (platform.Platform, error) {
	p, err := one(ctx, r.c, document[platform.Platform], `SELECT doc FROM platforms WHERE id = $1`, string(id))
	if errors.Is(err, errNoRow) {
		return p, notFound("PLATFORM", "platform", string(id))
	}
	return p, err
}

// Platforms reads all platforms, the first made first.
func (r Reader) Platforms(ctx context.Context) ([]platform.Platform, error) {
	return all(ctx, r.c, document[platform.Platform], `SELECT doc FROM platforms ORDER BY created_at, id`)
}

// LockedPlatform reads a platform and keeps it from being changed until the
// transaction ends.
func (tx *Tx) LockedPlatform(ctx context.Context, id platform.ID) (platform.Platform, error) {
	p, err := one(ctx, tx.c, document[platform.Platform], `SELECT doc FROM platforms WHERE id = $1 FOR SHARE`, string(id))
	if errors.Is(err, errNoRow) {
		return p, notFound("PLATFORM", "platform", string(id))
	}
	return p, err
}

// InsertPlatform stores a new platform with an empty workflow set.
func (tx *Tx) InsertPlatform(ctx context.Context, p platform.Platform) error {
	doc, err := encode(p)
	if err != nil {
		return err
	}
	if _, err := tx.c.exec(ctx,
		`INSERT INTO platforms (id, reference, sending, doc, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(p.ID), p.Reference, string(p.Sending), doc, micros(p.CreatedAt), micros(p.UpdatedAt)); err != nil {
		return fmt.Errorf("inserting platform: %w", err)
	}
	_, err = tx.c.exec(ctx, `INSERT INTO planning (platform_id, version) VALUES ($1, 1)`, string(p.ID))
	return err
}

// UpdatePlatform replaces a platform's settings.
func (tx *Tx) UpdatePlatform(ctx context.Context, p platform.Platform) error {
	doc, err := encode(p)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE platforms SET reference = $2, sending = $3, doc = $4, updated_at = $5 WHERE id = $1`,
		string(p.ID), p.Reference, string(p.Sending), doc, micros(p.UpdatedAt))
	if tx.s.db.duplicate(err) {
		return taken("PLATFORM", "platform", p.Reference)
	}
	return err
}

// WorkflowSetVersion reads the version of the platform's set of ACTIVE
// workflows and keeps it from changing until the transaction ends.
func (tx *Tx) WorkflowSetVersion(ctx context.Context, id platform.ID) (int64, error) {
	return one(ctx, tx.c, column[int64], `SELECT version FROM planning WHERE platform_id = $1 FOR SHARE`, string(id))
}

// ReadWorkflowSetVersion reads the version of the platform's set of ACTIVE
// workflows as it is now. A claim holds it still by the platform's lock.
func (r Reader) ReadWorkflowSetVersion(ctx context.Context, id platform.ID) (int64, error) {
	return one(ctx, r.c, column[int64], `SELECT version FROM planning WHERE platform_id = $1`, string(id))
}

// BumpWorkflowSet changes the version of the platform's set of ACTIVE
// workflows. It waits for every ingestion that matches against the old one.
func (tx *Tx) BumpWorkflowSet(ctx context.Context, id platform.ID) error {
	_, err := tx.c.exec(ctx, `UPDATE planning SET version = version + 1 WHERE platform_id = $1`, string(id))
	return err
}

// KeyByHash reads the API key with that hash; found is false if there is none.
func (r Reader) KeyByHash(ctx context.Context, hash string) (key auth.Key, found bool, err error) {
	key, err = one(ctx, r.c, document[auth.Key], `SELECT doc FROM api_keys WHERE hash = $1`, hash)
	if errors.Is(err, errNoRow) {
		return key, false, nil
	}
	return key, err == nil, err
}

// InsertKey stores a new API key.
func (tx *Tx) InsertKey(ctx context.Context, k auth.Key) error {
	doc, err := encode(k)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `INSERT INTO api_keys (id, hash, doc, last_used_at, created_at) VALUES ($1, $2, $3, 0, $4)`,
		string(k.ID), k.Hash, doc, micros(k.CreatedAt))
	return err
}

// UpdateKey replaces an API key, for instance to revoke it.
func (tx *Tx) UpdateKey(ctx context.Context, k auth.Key) error {
	doc, err := encode(k)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE api_keys SET doc = $2 WHERE id = $1`, string(k.ID), doc)
	return err
}

// TouchKeys notes when keys were last used.
func (tx *Tx) TouchKeys(ctx context.Context, used map[auth.KeyID]time.Time) error {
	args := make([][]any, 0, len(used))
	for id, at := range used {
		args = append(args, []any{string(id), micros(at)})
	}
	_, err := tx.c.execMany(ctx, `UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2`, args)
	return err
}
