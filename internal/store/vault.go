package store

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// vault encrypts what must not be read from a copy of the database. Each
// secret is bound to its platform and row: moved elsewhere it opens nothing.
type vault struct{ aead tink.AEAD }

func newVault(key []byte) (*vault, error) {
	aead, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return nil, fmt.Errorf("the master key must have 32 bytes: %w", err)
	}
	return &vault{aead}, nil
}

func (v *vault) seal(secret []byte, platform, row string) ([]byte, error) {
	return v.aead.Encrypt(secret, []byte(platform+"/"+row))
}

// ErrSealed says that a secret cannot be opened with the database's master key:
// it was stored under the one before a [ResetKey]. It is a fault that whoever
// asks is told in words: an operator can mend it.
var ErrSealed error = fault.New(fault.State, "its secret cannot be opened: it was stored under another master key, enter it anew")

func (v *vault) open(sealed []byte, platform, row string) ([]byte, error) {
	secret, err := v.aead.Decrypt(sealed, []byte(platform+"/"+row))
	if err != nil {
		return nil, fmt.Errorf("opening the secret of %s: %w", row, ErrSealed)
	}
	return secret, nil
}

// sealed is a stored document with the secret that belongs to it, unopened.
type sealed[T any] struct {
	doc    T
	secret []byte
}

func scanSealed[T any](rs rows) (sealed[T], error) {
	var s sealed[T]
	var doc []byte
	if err := rs.Scan(&doc, &s.secret); err != nil {
		return s, err
	}
	return s, json.Unmarshal(doc, &s.doc)
}
