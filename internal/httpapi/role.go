package httpapi

import (
	"net/http"

	"github.com/dunwellhq/dunwell/internal/auth"
)

var roleListing = listing{order: []string{"created_at", "updated_at", "name"}}

func (s *server) listRoles(c *call) (reply, error) {
	return paged(c, roleListing, s.store.Roles, roleMembers)
}

func (s *server) role(c *call) (reply, error) {
	id, err := c.named("id", "ROLE")
	if err != nil {
		return reply{}, err
	}
	role, err := s.store.Role(c.Context(), c.platform, auth.RoleID(id))
	return answer(http.StatusOK, role, roleMembers, err)
}

func (s *server) createRole(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var role auth.Role
	if err := decodeInto(doc, &role, roleMembers, nil); err != nil {
		return reply{}, err
	}
	role.PlatformID = c.platform
	role, err = s.engine.CreateRole(c.Context(), c.principal, role, remember(s, c, http.StatusCreated, roleMembers)...)
	return answer(http.StatusCreated, role, roleMembers, err)
}

func (s *server) changeRole(c *call) (reply, error) {
	id, err := c.named("id", "ROLE")
	if err != nil {
		return reply{}, err
	}
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	role, err := s.engine.ChangeRole(c.Context(), c.principal, c.platform, auth.RoleID(id), func(role *auth.Role) error {
		return patchInto(doc, role, roleMembers, nil)
	})
	return answer(http.StatusOK, role, roleMembers, err)
}
