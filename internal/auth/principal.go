package auth

import (
	"crypto/sha256"
	"slices"

	"github.com/dunwellhq/dunwell/internal/platform"
)

// UserID identifies a user of the OIDC issuer (user_…).
type UserID string

// UserOf is the id of a subject of an issuer, the same on every node and for
// all of the subject's tokens.
func UserOf(issuer, subject string) UserID {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	text := base62(sum[:], 43)
	return UserID("user_" + text[len(text)-20:]) // the last digits: the first are not evenly spread
}

// Principal is who asks: an API key, or a user of the OIDC issuer.
type Principal struct {
	ID        string        // of the key or the user; stable, for logs and as the scope of idempotency keys
	User      UserID        // "" for an API key
	Platforms []platform.ID // those it belongs to; the first is the default
	Bootstrap bool          // belongs to every platform and may do everything

	grants map[platform.ID]Grants
}

// NewUser is the principal of a user on some platforms. Each role is the text
// of a [RoleType], or the name of a role, which grants where there is one.
func NewUser(id UserID, platforms []platform.ID, names []string, roles Roles) *Principal {
	p := &Principal{ID: string(id), User: id, Platforms: platforms, grants: map[platform.ID]Grants{}}
	for _, on := range platforms {
		held := Grants{}
		for _, name := range names {
			held.add(RoleType(name).Grants())
			held.add(roles.Named(on, name))
		}
		p.grants[on] = held
	}
	return p
}

// Belongs reports whether the principal may be used on a platform.
func (p *Principal) Belongs(id platform.ID) bool {
	return p.Bootstrap || slices.Contains(p.Platforms, id)
}

// May reports whether the principal holds a permission on a platform.
// PLATFORM.CREATE cannot be given, whatever a key or role says.
func (p *Principal) May(on platform.ID, permission Permission) bool {
	return p.Bootstrap || permission != PlatformCreate && p.grants[on][permission]
}

// Holds reports whether the principal holds all of a set on a platform.
func (p *Principal) Holds(on platform.ID, set Grants) bool {
	for permission := range set {
		if !p.May(on, permission) {
			return false
		}
	}
	return true
}

// Covers reports whether the principal holds, wherever another belongs, all that
// the other holds there, and a permission besides. Only then may it change the
// other, or be shown its secret.
func (p *Principal) Covers(other *Principal, permission Permission) bool {
	if p.Bootstrap {
		return true
	}
	for _, on := range other.Platforms {
		if !p.May(on, permission) || !p.Holds(on, other.grants[on]) {
			return false
		}
	}
	return !other.Bootstrap
}
