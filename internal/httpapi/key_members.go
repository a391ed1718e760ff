package httpapi

import (
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// maxNames bounds the permissions, roles and platforms that a key or role names.
const maxNames = 200

var permissionName = rule{check: checkPermission}

func checkPermission(s string) string {
	if !slices.Contains(auth.Permissions, auth.Permission(s)) {
		return "the name of a permission, such as WORKFLOW.VIEW (see docs/access.md)"
	}
	return ""
}

// keyMembers lists the members of an API key (contract B4). Its secret is
// written once, when it is made, and never read.
func keyMembers(m *members, k *shownKey) {
	if m.mode == encode && len(k.RoleIDs) == 0 {
		k.RoleIDs = nil // none that the caller sees looks like none
	}
	m.served("API_KEY", string(k.ID))
	text(m, "description", &k.Description, prose)
	enum(m, "role_type", &k.Role, []auth.RoleType{auth.Administrator, auth.ReadOnly}, plain)
	names(m, "permissions", &k.Permissions, permissionName)
	names(m, "role_ids", &k.RoleIDs, identifier)
	names(m, "platform_ids", &k.Platforms, platformRule(m.mode))
	if m.mode != decode || m.given("active") != nil { // a new key is active unless it says otherwise
		flag(m, "active", &k.Active, plain.notNull())
	}
	instant(m, "expires_at", &k.ExpiresAt, plain)
	if m.mode == encode {
		m.putText("api_key", k.secret, plain.omitted())
		m.putTime("previous_secret_until", previousUntil(k), plain)
		m.putTime("last_used_at", k.LastUsedAt, plain)
	}
	m.times(k.CreatedAt, k.UpdatedAt)
}

// platformRule: a new key opens the current platform where none is named, and
// a key that is there keeps some.
func platformRule(mode mode) rule {
	if mode == patch {
		return identifier.notNull()
	}
	return identifier
}

// previousUntil is until when the secret before the last roll opens the key,
// zero if none does.
func previousUntil(k *shownKey) time.Time {
	if k.PreviousHash == "" || !k.now.Before(k.PreviousUntil) {
		return time.Time{}
	}
	return k.PreviousUntil
}

// names is a list of names that counts as a set: of two that are equal the
// first stays.
func names[S ~string](m *members, name string, v *[]S, r rule) {
	texts(m, name, v, maxNames, r)
	if m.mode == encode || *v == nil {
		return
	}
	set := make([]S, 0, len(*v))
	for _, s := range *v {
		if !slices.Contains(set, s) {
			set = append(set, s)
		}
	}
	*v = set
}

// checkNewKey gives a key that says nothing of what it may the role of an
// administrator, as the published contract does.
func checkNewKey(c *codec, k *shownKey) {
	checkKey(c, k, time.Time{})
	if k.Role == auth.NoRole && k.Permissions == nil && k.RoleIDs == nil {
		k.Role = auth.Administrator
	}
}

// checkChangedKey returns the judge of a patch of a key that expired then.
func checkChangedKey(expired time.Time) func(*codec, *shownKey) {
	return func(c *codec, k *shownKey) { checkKey(c, k, expired) }
}

func checkKey(c *codec, k *shownKey, expired time.Time) {
	if k.Platforms != nil && len(k.Platforms) == 0 {
		c.fault(fault.Invalid, "platform_ids", "platform_ids must name at least one platform")
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.Equal(expired) && !k.now.Before(k.ExpiresAt) {
		c.fault(fault.Invalid, "expires_at", "expires_at must be ahead of now: to end a key at once set active to false")
	}
}
