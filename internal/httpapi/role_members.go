package httpapi

import "github.com/dunwellhq/dunwell/internal/auth"

var roleName = rule{need: required, trim: true, check: checkRoleName}

// roleMembers lists the members of a role (contract B4).
func roleMembers(m *members, r *auth.Role) {
	m.served("ROLE", string(r.ID))
	text(m, "name", &r.Name, roleName)
	text(m, "description", &r.Description, prose)
	names(m, "child_role_ids", &r.Children, identifier)
	names(m, "permissions", &r.Permissions, permissionName)
	m.times(r.CreatedAt, r.UpdatedAt)
}

// checkRoleName keeps the texts of role types free: settings name roles and
// types in one place.
func checkRoleName(s string) string {
	if t := auth.RoleType(s); t == auth.Administrator || t == auth.ReadOnly {
		return "another text: ADMINISTRATOR and READ_ONLY are role types"
	}
	return shortLine.check(s)
}
