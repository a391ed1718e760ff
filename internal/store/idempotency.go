package store

import (
	"context"
	"errors"
	"time"

	"github.com/dunwellhq/dunwell/internal/platform"
)

// IdempotencyLife is how long the reply to an idempotency key is kept.
const IdempotencyLife = 48 * time.Hour

// forgotten is how many expired replies go with each one that is remembered:
// more than one, so that the table shrinks to what is fresh.
const forgotten = 100

// ErrRemembered is returned by [Tx.Remember] when the key has a reply already:
// the effect that the transaction had must not be had a second time.
var ErrRemembered = errors.New("the idempotency key has a reply already")

// Idempotency is what an idempotency key of a client names.
type Idempotency struct {
	PlatformID platform.ID
	Credential string // the id of the principal
	Method     string
	Path       string
	Key        string
}

// Remembered is the reply that a request had, and the hash of its body.
type Remembered struct {
	RequestHash string
	Status      int
	Body        string // "" once it was erased: every reply has one
}

// Remembered reads the reply of a key, unless it had expired by now.
func (r Reader) Remembered(ctx context.Context, k Idempotency, now time.Time) (reply Remembered, found bool, err error) {
	reply, err = one(ctx, r.c, scanRemembered,
		`SELECT request_hash, status, body FROM idempotency
		 WHERE platform_id = $1 AND credential = $2 AND method = $3 AND path = $4 AND key = $5 AND created_at > $6`,
		string(k.PlatformID), k.Credential, k.Method, k.Path, k.Key, micros(now.Add(-IdempotencyLife)))
	if errors.Is(err, errNoRow) {
		return reply, false, nil
	}
	return reply, err == nil, err
}

func scanRemembered(rs rows) (Remembered, error) {
	var m Remembered
	return m, rs.Scan(&m.RequestHash, &m.Status, &m.Body)
}

// Remember stores the reply of a key in the transaction of its effect, in place
// of one that has expired. It returns [ErrRemembered] if there is one that has
// not.
func (tx *Tx) Remember(ctx context.Context, k Idempotency, reply Remembered, now time.Time) error {
	expired := micros(now.Add(-IdempotencyLife))
	n, err := tx.c.exec(ctx,
		`INSERT INTO idempotency (platform_id, credential, method, path, key, request_hash, status, body, created_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		 ON CONFLICT (platform_id, credential, method, path, key) DO UPDATE
		 SET request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = excluded.created_at
		 WHERE idempotency.created_at <= $10`,
		string(k.PlatformID), k.Credential, k.Method, k.Path, k.Key,
		reply.RequestHash, reply.Status, reply.Body, micros(now), expired)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrRemembered
	}
	// What another transaction has locked, it deletes or replaces itself.
	_, err = tx.c.exec(ctx,
		`DELETE FROM idempotency WHERE platform_id = $1 AND (credential, method, path, key) IN (
		   SELECT credential, method, path, key FROM idempotency
		   WHERE platform_id = $1 AND created_at <= $2 ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)`,
		string(k.PlatformID), expired, forgotten)
	return err
}
