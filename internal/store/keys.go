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

const keyColumns = `doc, hash, previous_hash, previous_until, last_used_at`

// keyList lists the keys that open a platform: of the two tables only
// api_key_platforms has a platform_id.
var keyList = list{
	from:    "api_key_platforms JOIN api_keys ON id = key_id",
	columns: keyColumns,
	order:   []string{"created_at", "updated_at"},
}

func scanKey(rs rows) (auth.Key, error) {
	var k auth.Key
	var doc []byte
	var until, used int64
	if err := rs.Scan(&doc, &k.Hash, &k.PreviousHash, &until, &used); err != nil {
		return k, err
	}
	k.PreviousUntil, k.LastUsedAt = instant(until), instant(used)
	return k, json.Unmarshal(doc, &k)
}

// KeyByHash reads the API key of which a secret has that hash; found is false
// if there is none. Whether the secret still opens it, the key says.
func (r Reader) KeyByHash(ctx context.Context, hash string) (key auth.Key, found bool, err error) {
	key, err = one(ctx, r.c, scanKey,
		`SELECT `+keyColumns+` FROM api_keys WHERE hash = $1 OR (previous_hash = $1 AND previous_hash <> '')`, hash)
	if errors.Is(err, errNoRow) {
		return key, false, nil
	}
	return key, err == nil, err
}

// Keys lists the API keys that open a platform.
func (r Reader) Keys(ctx context.Context, p platform.ID, q Query) (Page[auth.Key], error) {
	return page(ctx, r, keyList, scanKey, string(p), q)
}

// Key reads an API key that opens a platform.
func (r Reader) Key(ctx context.Context, p platform.ID, id auth.KeyID) (auth.Key, error) {
	k, err := one(ctx, r.c, scanKey,
		`SELECT `+keyColumns+` FROM api_key_platforms JOIN api_keys ON id = key_id WHERE platform_id = $1 AND key_id = $2`,
		string(p), string(id))
	if errors.Is(err, errNoRow) {
		return k, notFound("API_KEY", "API key", string(id))
	}
	return k, err
}

// LockedKey reads an API key that opens a platform for a change of it. It locks
// first and reads then: what waited for a lock would see the platforms of before.
func (tx *Tx) LockedKey(ctx context.Context, p platform.ID, id auth.KeyID) (auth.Key, error) {
	if _, err := all(ctx, tx.c, column[string], `SELECT id FROM api_keys WHERE id = $1 FOR UPDATE`, string(id)); err != nil {
		return auth.Key{}, err
	}
	return tx.Key(ctx, p, id)
}

// LockedBootstrapKeys reads the keys that open every platform for a change of them.
func (tx *Tx) LockedBootstrapKeys(ctx context.Context) ([]auth.Key, error) {
	return all(ctx, tx.c, scanKey, `SELECT `+keyColumns+` FROM api_keys WHERE bootstrap = 1 ORDER BY id FOR UPDATE`)
}

// InsertKey stores a new API key.
func (tx *Tx) InsertKey(ctx context.Context, k auth.Key) error {
	doc, err := encode(k)
	if err != nil {
		return err
	}
	bootstrap := 0
	if k.Bootstrap {
		bootstrap = 1
	}
	if _, err := tx.c.exec(ctx,
		`INSERT INTO api_keys (id, hash, previous_hash, previous_until, bootstrap, doc, last_used_at, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)`,
		string(k.ID), k.Hash, k.PreviousHash, micros(k.PreviousUntil), bootstrap, doc, micros(k.CreatedAt), micros(k.UpdatedAt)); err != nil {
		return fmt.Errorf("inserting API key: %w", err)
	}
	return tx.putKeyPlatforms(ctx, k)
}

// UpdateKey replaces an API key, for instance to revoke it.
func (tx *Tx) UpdateKey(ctx context.Context, k auth.Key) error {
	doc, err := encode(k)
	if err != nil {
		return err
	}
	if _, err := tx.c.exec(ctx,
		`UPDATE api_keys SET hash = $2, previous_hash = $3, previous_until = $4, doc = $5, updated_at = $6 WHERE id = $1`,
		string(k.ID), k.Hash, k.PreviousHash, micros(k.PreviousUntil), doc, micros(k.UpdatedAt)); err != nil {
		return fmt.Errorf("updating API key: %w", err)
	}
	if _, err := tx.c.exec(ctx, `DELETE FROM api_key_platforms WHERE key_id = $1`, string(k.ID)); err != nil {
		return fmt.Errorf("updating the platforms of an API key: %w", err)
	}
	return tx.putKeyPlatforms(ctx, k)
}

func (tx *Tx) putKeyPlatforms(ctx context.Context, k auth.Key) error {
	args := make([][]any, len(k.Platforms))
	for i, p := range k.Platforms {
		args[i] = []any{string(p), string(k.ID)}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO api_key_platforms (platform_id, key_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, args)
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
