// Package auth says who is asking and what they may do: API keys, the
// principal that a credential stands for, and its permissions.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// KeyID identifies an API key (akey_…).
type KeyID string

// Role is a set of permissions that has a name.
type Role string

// The roles of an API key.
const (
	NoRole        Role = ""
	Administrator Role = "ADMINISTRATOR" // everything on its platforms
	ReadOnly      Role = "READ_ONLY"     // every permission that ends in .VIEW
)

// Key is an API key as it is stored: by its hash, never in clear.
type Key struct {
	ID          KeyID         `json:"id"`
	Description string        `json:"description"`
	Role        Role          `json:"role_type"`
	Permissions []Permission  `json:"permissions"`
	Platforms   []platform.ID `json:"platform_ids"`
	// Bootstrap marks the first administrator: it belongs to every platform,
	// later ones too.
	Bootstrap bool      `json:"bootstrap"`
	Active    bool      `json:"active"`
	ExpiresAt time.Time `json:"expires_at"` // zero: never
	CreatedAt time.Time `json:"created_at"`
	Hash      string    `json:"-"`
}

// NewSecret returns the text of a new key, shown once, with its id:
// dw_<env>_<id>_<256 random bits><checksum>. env is the environment of the
// key's default platform, a label that grants nothing.
func NewSecret(env platform.Environment) (KeyID, string) {
	id := ident.New("akey")
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	body := "dw_" + strings.ToLower(string(env)) + "_" + strings.TrimPrefix(id, "akey_") + "_" + base62(random[:], 43)
	return KeyID(id), body + checksum(body)
}

// WellFormed reports whether a text can be one of our keys, so that a typing
// error costs no question to the database. A bootstrap key may have any form.
func WellFormed(secret string) bool {
	if !strings.HasPrefix(secret, "dw_") || len(secret) < checksumLength {
		return false
	}
	cut := len(secret) - checksumLength
	return checksum(secret[:cut]) == secret[cut:]
}

const checksumLength = 6

func checksum(body string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(body)))
	return base62(sum[:], checksumLength)
}

func base62(raw []byte, width int) string {
	text := new(big.Int).SetBytes(raw).Text(62)
	return strings.Repeat("0", max(0, width-len(text))) + text
}

// HashSecret is what is stored of a key. A secret has 256 random bits (a
// bootstrap key at least 32 characters), so a fast hash is enough, and finding
// a key by it compares nothing byte by byte.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Usable reports whether the key opens anything at that time.
func (k *Key) Usable(now time.Time) bool {
	return k.Active && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// May reports whether the key holds a permission.
func (k *Key) May(p Permission) bool {
	switch k.Role {
	case Administrator:
		return true
	case ReadOnly:
		return strings.HasSuffix(string(p), ".VIEW") || slices.Contains(k.Permissions, p)
	default:
		return slices.Contains(k.Permissions, p)
	}
}

// Belongs reports whether the key may be used on a platform.
func (k *Key) Belongs(id platform.ID) bool {
	return k.Bootstrap || slices.Contains(k.Platforms, id)
}
