package auth

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/platform"
)

// RoleID identifies a role (role_…).
type RoleID string

// Role is a set of permissions with a name. It belongs to one platform and
// grants there only: else the administrator of one platform could raise what
// somebody may do on another.
type Role struct {
	ID          RoleID       `json:"id"`
	PlatformID  platform.ID  `json:"platform_id"`
	Name        string       `json:"name"` // unique on the platform
	Description string       `json:"description"`
	Children    []RoleID     `json:"child_role_ids"` // of the same platform; what they grant, this one does
	Permissions []Permission `json:"permissions"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

// Roles are all roles of some platforms, by their ids.
type Roles map[RoleID]Role

// Grants is what a role grants on a platform, with all that its children do.
// On any platform but its own that is nothing.
func (r Roles) Grants(on platform.ID, id RoleID) Grants {
	g := Grants{}
	r.walk(on, id, map[RoleID]bool{}, func(role Role) { g.add(GrantsOf(role.Permissions)) })
	return g
}

// Leads reports whether a role is another or has it below itself.
func (r Roles) Leads(on platform.ID, from, to RoleID) bool {
	found := false
	r.walk(on, from, map[RoleID]bool{}, func(role Role) { found = found || role.ID == to })
	return found
}

// walk visits a role and all that are below it, each once.
func (r Roles) walk(on platform.ID, id RoleID, seen map[RoleID]bool, visit func(Role)) {
	role, known := r[id]
	if !known || role.PlatformID != on || seen[id] {
		return
	}
	seen[id] = true
	visit(role)
	for _, child := range role.Children {
		r.walk(on, child, seen, visit)
	}
}

// Named returns what the roles of that name on a platform grant there.
func (r Roles) Named(on platform.ID, name string) Grants {
	for _, role := range r {
		if role.PlatformID == on && role.Name == name {
			return r.Grants(on, role.ID)
		}
	}
	return nil
}
