package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

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

// withClock reads a platform with what its own clock shows.
func withClock(rs rows) (platform.Platform, error) {
	var p platform.Platform
	var raw []byte
	var clock int64
	if err := rs.Scan(&raw, &clock); err != nil {
		return p, err
	}
	err := json.Unmarshal(raw, &p)
	p.Clock = instant(clock)
	return p, err
}

// Platform reads a platform.
func (r Reader) Platform(ctx context.Context, id platform.ID) (platform.Platform, error) {
	p, err := one(ctx, r.c, withClock,
		`SELECT p.doc, n.clock FROM platforms p JOIN planning n ON n.platform_id = p.id WHERE p.id = $1`, string(id))
	if errors.Is(err, errNoRow) {
		return p, notFound("PLATFORM", "platform", string(id))
	}
	return p, err
}

// Platforms reads all platforms, the first made first.
func (r Reader) Platforms(ctx context.Context) ([]platform.Platform, error) {
	return all(ctx, r.c, withClock,
		`SELECT p.doc, n.clock FROM platforms p JOIN planning n ON n.platform_id = p.id ORDER BY p.created_at, p.id`)
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

// PlatformsNamed reads the platforms that have one of the texts as their id or
// reference.
func (r Reader) PlatformsNamed(ctx context.Context, names []string) ([]platform.Platform, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return all(ctx, r.c, document[platform.Platform], `SELECT doc FROM platforms WHERE id = ANY($1) OR reference = ANY($1)`, names)
}

// InsertPlatform stores a new platform with an empty workflow set. A reference
// that is taken is a fault.
func (tx *Tx) InsertPlatform(ctx context.Context, p platform.Platform) error {
	doc, err := encode(p)
	if err != nil {
		return err
	}
	if _, err := tx.c.exec(ctx,
		`INSERT INTO platforms (id, reference, sending, doc, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(p.ID), p.Reference, string(p.Sending), doc, micros(p.CreatedAt), micros(p.UpdatedAt)); err != nil {
		if tx.s.db.duplicate(err) {
			return taken("PLATFORM", "platform", p.Reference)
		}
		return fmt.Errorf("inserting platform: %w", err)
	}
	return tx.insertPlanning(ctx, p)
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
