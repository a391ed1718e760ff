package store

import (
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
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

// ErrSealed says that a secret cannot be opened with this process's master key.
var ErrSealed = errors.New("the secret cannot be opened, was DUNWELL_MASTER_KEY changed?")

func (v *vault) open(sealed []byte, platform, row string) ([]byte, error) {
	secret, err := v.aead.Decrypt(sealed, []byte(platform+"/"+row))
	if err != nil {
		return nil, fmt.Errorf("opening the secret of %s: %w", row, ErrSealed)
	}
	return secret, nil
}
