// Package auth says who is asking and what they may do: API keys and the tokens
// of an OIDC issuer, the principal that a credential stands for, roles, and the
// permissions that they grant.
//
// It promises that a secret is nowhere kept in clear, and that nothing grants
// on a platform that it was not given for. What is stored, and for how long a
// principal may be believed without asking, is left to others.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// KeyID identifies an API key (akey_…).
type KeyID string

// Key is an API key as it is stored: by the hash of its secret, never in clear.
type Key struct {
	ID          KeyID         `json:"id"`
	Description string        `json:"description"`
	Role        RoleType      `json:"role_type"`
	Permissions []Permission  `json:"permissions"`
	RoleIDs     []RoleID      `json:"role_ids"`     // each grants on its own platform
	Platforms   []platform.ID `json:"platform_ids"` // the first is the default
	// Bootstrap marks the first administrator: it belongs to every platform,
	// later ones too.
	Bootstrap bool      `json:"bootstrap"`
	Active    bool      `json:"active"`
	ExpiresAt time.Time `json:"expires_at"` // zero: never
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	LastUsedAt time.Time `json:"-"` // to the minute
	// The secrets that open it: the present one, and the one before it for as
	// long as a rotation takes.
	Hash          string    `json:"-"`
	PreviousHash  string    `json:"-"`
	PreviousUntil time.Time `json:"-"`
}

// RollGrace is how long the secret before the last roll goes on opening its key.
const RollGrace = 24 * time.Hour

// NewSecret returns the text of a new key, shown once, with its id.
func NewSecret(env platform.Environment) (KeyID, string) {
	id := KeyID(ident.New("akey"))
	return id, id.Secret(env)
}

// Secret returns a fresh secret of the key with that id:
// dw_<env>_<id>_<256 random bits><checksum>. env is the environment of the
// key's default platform, a label that grants nothing.
func (id KeyID) Secret(env platform.Environment) string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	body := secretPrefix + strings.ToLower(string(env)) + "_" + strings.TrimPrefix(string(id), "akey_") + "_" + base62(random[:], 43)
	return body + checksum(body)
}

const secretPrefix = "dw_"

// Mistyped reports a text that has the form of our keys and is none, so that a
// typing error costs no question to the database. A bootstrap key may have any
// form but this.
func Mistyped(secret string) bool {
	return strings.HasPrefix(secret, secretPrefix) && !WellFormed(secret)
}

// WellFormed reports whether a text can be one of our keys.
func WellFormed(secret string) bool {
	if !strings.HasPrefix(secret, secretPrefix) || len(secret) < checksumLength {
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

// Opens reports whether the secret with that hash opens the key at that time,
// and when it ends to do so by itself; zero is never.
func (k *Key) Opens(hash string, now time.Time) (open bool, ends time.Time) {
	if !k.Usable(now) {
		return false, time.Time{}
	}
	if same(hash, k.Hash) {
		return true, k.ExpiresAt
	}
	ends = k.PreviousUntil
	if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(ends) {
		ends = k.ExpiresAt
	}
	return same(hash, k.PreviousHash) && now.Before(ends), ends
}

// same compares hashes in a time that tells nothing about them.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Roll gives the key another secret, known by its hash. The one that it had
// goes on for a while, unless end says that it ends at once; the one before
// that ends in any case, so that there are never more than two.
func (k *Key) Roll(hash string, end bool, now time.Time) {
	k.PreviousHash, k.PreviousUntil = k.Hash, now.Add(RollGrace)
	if end {
		k.PreviousHash, k.PreviousUntil = "", time.Time{}
	}
	k.Hash = hash
}

// Principal is what the key stands for, with the roles of its platforms.
func (k *Key) Principal(roles Roles) *Principal {
	p := &Principal{ID: string(k.ID), Platforms: k.Platforms, Bootstrap: k.Bootstrap, grants: map[platform.ID]Grants{}}
	everywhere := k.Role.Grants()
	everywhere.add(GrantsOf(k.Permissions))
	for _, id := range k.Platforms {
		held := everywhere
		if len(k.RoleIDs) > 0 {
			held = maps.Clone(everywhere)
		}
		for _, role := range k.RoleIDs {
			held.add(roles.Grants(id, role))
		}
		p.grants[id] = held
	}
	return p
}
