package store

import (
	"context"
	"errors"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
)

var roleList = list{
	from:    "roles",
	columns: "doc",
	where:   "created_at > 0",
	order:   []string{"created_at", "updated_at", "name"},
}

// Role reads a role.
func (r Reader) Role(ctx context.Context, p platform.ID, id auth.RoleID) (auth.Role, error) {
	role, err := one(ctx, r.c, document[auth.Role], `SELECT doc FROM roles WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return role, notFound("ROLE", "role", string(id))
	}
	return role, err
}

// Roles lists roles.
func (r Reader) Roles(ctx context.Context, p platform.ID, q Query) (Page[auth.Role], error) {
	return page(ctx, r, roleList, document[auth.Role], string(p), q)
}

// AllRoles reads every role of some platforms, each platform's at one moment.
// There are few, and what one grants is only known with those below it.
func (r Reader) AllRoles(ctx context.Context, platforms []platform.ID) (auth.Roles, error) {
	args := make([][]any, len(platforms))
	for i, p := range platforms {
		args[i] = []any{string(p)}
	}
	found, err := lookUp(ctx, r.c, document[auth.Role], `SELECT doc FROM roles WHERE platform_id = $1`, args)
	roles := make(auth.Roles, len(found))
	for _, role := range found {
		roles[role.ID] = role
	}
	return roles, err
}

// InsertRole stores a new role. A name that is taken is a fault.
func (tx *Tx) InsertRole(ctx context.Context, role auth.Role) error {
	doc, err := encode(role)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `INSERT INTO roles (platform_id, id, name, doc, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(role.PlatformID), string(role.ID), role.Name, doc, micros(role.CreatedAt), micros(role.UpdatedAt))
	return tx.nameTaken(err, role)
}

// UpdateRole replaces a role. A name that is taken is a fault.
func (tx *Tx) UpdateRole(ctx context.Context, role auth.Role) error {
	doc, err := encode(role)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE roles SET name = $3, doc = $4, updated_at = $5 WHERE platform_id = $1 AND id = $2`,
		string(role.PlatformID), string(role.ID), role.Name, doc, micros(role.UpdatedAt))
	return tx.nameTaken(err, role)
}

func (tx *Tx) nameTaken(err error, role auth.Role) error {
	if !tx.s.db.duplicate(err) {
		return err
	}
	return fault.At(fault.Exists, "name", "another role has the name %.80q, names are unique", role.Name).About("ROLE", "")
}
