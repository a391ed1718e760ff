package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// A database keeps one text sealed by its master key. A process with another key
// finds out before it has stored a secret that the others cannot open, or has
// refused a webhook that they would have taken.

// canary is what that text is bound to, in place of a platform and a row.
const canary = "canary"

// errOtherKey refuses to open a database with a key that is not its own.
var errOtherKey = fault.At(fault.Invalid, "DUNWELL_MASTER_KEY",
	"the master key, set there or in the .key file beside a SQLite database, is another than the one of this database: start with that one. "+
		"If it is lost, `dunwell reset-key` makes this one the database's; then the secrets of integrations and sources must be entered anew")

// errKeyReplaced refuses to store a secret under a key that was the database's.
var errKeyReplaced = fault.New(fault.Unavailable,
	"the master key of the database was replaced since this process started: restart it with the new one")

// checkKey refuses a master key that is not the database's. The first that comes
// becomes it.
func (s *Store) checkKey(ctx context.Context) error {
	sealed, err := s.vault.seal(nil, canary, canary)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(tx *Tx) error {
		_, err := tx.c.exec(ctx, `INSERT INTO master_key (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING`, sealed)
		if err != nil {
			return fmt.Errorf("noting the master key: %w", err)
		}
		if s.canary, err = tx.keptCanary(ctx); err != nil {
			return err
		}
		if _, err := s.vault.open(s.canary, canary, canary); err != nil {
			return errOtherKey
		}
		return nil
	})
}

// keptCanary reads the sealed text, and keeps it from being replaced until the
// transaction ends.
func (tx *Tx) keptCanary(ctx context.Context) ([]byte, error) {
	sealed, err := one(ctx, tx.c, column[[]byte], `SELECT sealed FROM master_key WHERE id = 1 FOR SHARE`)
	if err != nil {
		return nil, fmt.Errorf("reading what the master key has sealed: %w", err)
	}
	return sealed, nil
}

// seal encrypts a secret for its row, unless the database has another key by now.
func (tx *Tx) seal(ctx context.Context, secret []byte, p platform.ID, row string) ([]byte, error) {
	kept, err := tx.keptCanary(ctx)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(kept, tx.s.canary) {
		return nil, errKeyReplaced
	}
	return tx.vault.seal(secret, string(p), row)
}

// Locked names what has a secret that the master key does not open.
type Locked struct {
	Platform  platform.ID
	Noun      string // integration or source
	ID        string
	Reference string
}

// ResetKey makes the master key of the configuration the database's, for whoever
// has lost the one before, and returns what it does not open, on all platforms.
// Nothing is thrown away: with the old key it can be undone.
func ResetKey(ctx context.Context, cfg Config) (locked []Locked, err error) {
	s, err := openAnyKey(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sealed, err := s.vault.seal(nil, canary, canary)
	if err != nil {
		return nil, err
	}
	err = s.Write(ctx, func(tx *Tx) error {
		_, err := tx.c.exec(ctx, `INSERT INTO master_key (id, sealed) VALUES (1, $1)
			ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed`, sealed)
		if err != nil {
			return fmt.Errorf("replacing what the master key has sealed: %w", err)
		}
		locked, err = tx.locked(ctx)
		return err
	})
	return locked, err
}

// locked lists what has a secret that the master key does not open.
func (tx *Tx) locked(ctx context.Context) ([]Locked, error) {
	platforms, err := tx.Platforms(ctx)
	if err != nil {
		return nil, err
	}
	var list []Locked
	for _, p := range platforms {
		for noun, text := range map[string]string{
			"integration": `SELECT id, reference, secret FROM integrations WHERE platform_id = $1 AND length(secret) > 0`,
			"source":      `SELECT id, reference, secret FROM sources WHERE platform_id = $1`,
		} {
			err := tx.c.queryMany(ctx, text, [][]any{{string(p.ID)}}, func(rs rows) error {
				l := Locked{Platform: p.ID, Noun: noun}
				var secret []byte
				if err := rs.Scan(&l.ID, &l.Reference, &secret); err != nil {
					return err
				}
				if _, err := tx.vault.open(secret, string(p.ID), l.ID); err != nil {
					list = append(list, l)
				}
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("looking for secrets of another master key: %w", err)
			}
		}
	}
	slices.SortFunc(list, func(a, b Locked) int {
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Noun, b.Noun), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
