package engine

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// CreatePlatform stores a new platform and lets the bootstrap keys open it.
func (e *Engine) CreatePlatform(ctx context.Context, p platform.Platform, then ...After[platform.Platform]) (platform.Platform, error) {
	now := e.Now()
	p.ID, p.CreatedAt, p.UpdatedAt = platform.ID(ident.New("plat")), now, now
	return p, e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.InsertPlatform(ctx, p); err != nil {
			return err
		}
		keys, err := tx.LockedBootstrapKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			k.Platforms = append(k.Platforms, p.ID)
			if err := tx.UpdateKey(ctx, k); err != nil {
				return err
			}
		}
		return after(ctx, tx, p, then)
	})
}

// CreateKey stores a new API key that giver makes, and returns it with its
// secret, which is nowhere kept.
func (e *Engine) CreateKey(ctx context.Context, giver *auth.Principal, k auth.Key, then ...After[auth.Key]) (auth.Key, string, error) {
	now := e.Now()
	k.ID, k.CreatedAt, k.UpdatedAt = auth.KeyID(ident.New("akey")), now, now
	secret := ""
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if err := checkGiven(ctx, tx, giver, k, auth.KeyCreate); err != nil {
			return err
		}
		home, err := tx.Platform(ctx, k.Platforms[0])
		if err != nil {
			return err
		}
		secret = k.ID.Secret(home.Environment)
		k.Hash = auth.HashSecret(secret)
		if err := tx.InsertKey(ctx, k); err != nil {
			return err
		}
		return after(ctx, tx, k, then)
	})
	return k, secret, err
}

// ChangeKey changes an API key that opens the platform p.
func (e *Engine) ChangeKey(
	ctx context.Context, giver *auth.Principal, p platform.ID, id auth.KeyID, change func(*auth.Key) error,
) (auth.Key, error) {
	var out auth.Key
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		old, err := lesserKey(ctx, tx, giver, p, id)
		if err != nil {
			return err
		}
		k := old
		if err := change(&k); err != nil {
			return err
		}
		k.ID, k.CreatedAt, k.UpdatedAt = old.ID, old.CreatedAt, e.Now()
		if err := checkChanged(ctx, tx, giver, old, k); err != nil {
			return err
		}
		out = k
		return tx.UpdateKey(ctx, k)
	})
	return out, err
}

// checkChanged judges a key after a change. Without the bootstrap key nobody
// could make a platform any more: it keeps what it may and cannot be revoked.
func checkChanged(ctx context.Context, tx *store.Tx, giver *auth.Principal, old, k auth.Key) error {
	if !old.Bootstrap {
		return checkGiven(ctx, tx, giver, k, auth.KeyUpdate)
	}
	old.Description, old.UpdatedAt = k.Description, k.UpdatedAt
	if !reflect.DeepEqual(old, k) {
		return fault.New(fault.State, "of the bootstrap administrator's key only the description can change; roll it to end its secret").
			About("API_KEY", string(k.ID))
	}
	return nil
}

// RollKey gives an API key a new secret, which it returns with the key. The old
// one goes on for [auth.RollGrace], unless end says that it ends at once.
func (e *Engine) RollKey(
	ctx context.Context, giver *auth.Principal, p platform.ID, id auth.KeyID, end bool, then ...After[auth.Key],
) (auth.Key, string, error) {
	var out auth.Key
	secret := ""
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		k, err := lesserKey(ctx, tx, giver, p, id)
		if err != nil {
			return err
		}
		now := e.Now()
		if !k.Usable(now) {
			return fault.New(fault.State, "API key %s is revoked or has expired: a new secret would open nothing", k.ID).About("API_KEY", string(k.ID))
		}
		home, err := tx.Platform(ctx, k.Platforms[0])
		if err != nil {
			return err
		}
		secret = k.ID.Secret(home.Environment)
		k.Roll(auth.HashSecret(secret), end, now)
		k.UpdatedAt = now
		if err := tx.UpdateKey(ctx, k); err != nil {
			return err
		}
		out = k
		return after(ctx, tx, k, then)
	})
	return out, secret, err
}

// lesserKey reads a key for a change of it by somebody who holds all that it
// does: who changes a key decides about it, and who rolls it can use it.
func lesserKey(ctx context.Context, tx *store.Tx, giver *auth.Principal, p platform.ID, id auth.KeyID) (auth.Key, error) {
	k, err := tx.LockedKey(ctx, p, id)
	if err != nil {
		return k, err
	}
	roles, err := tx.AllRoles(ctx, k.Platforms)
	if err != nil {
		return k, err
	}
	if !giver.Covers(k.Principal(roles), auth.KeyUpdate) {
		return k, fault.New(fault.Forbidden, "API key %s holds permissions or opens platforms that you do not: only somebody who holds them all may change it", k.ID).
			About("API_KEY", string(k.ID))
	}
	return k, nil
}

// checkGiven refuses a key that gives what its giver does not hold. needed is
// what the giver must hold wherever the key is to be used. Whether a platform
// exists is not told to who does not belong to it.
func checkGiven(ctx context.Context, tx *store.Tx, giver *auth.Principal, k auth.Key, needed auth.Permission) error {
	for i, on := range k.Platforms {
		missing, err := missing(ctx, tx, on)
		if err != nil {
			return err
		}
		if missing || !giver.May(on, needed) { // who does not belong to it holds nothing there
			return fault.At(fault.Forbidden, fmt.Sprintf("platform_ids.%d", i), "each of platform_ids must name a platform that you belong to and on which you hold %s", needed)
		}
	}
	roles, err := tx.AllRoles(ctx, k.Platforms)
	if err != nil {
		return err
	}
	for _, id := range k.RoleIDs {
		if role, known := roles[id]; !known || !slices.Contains(k.Platforms, role.PlatformID) {
			return fault.At(fault.UnknownIDs, "role_ids", "there is no role %.80q on the platforms of the key", id).About("ROLE", string(id))
		}
	}
	for _, on := range k.Platforms {
		if !giver.Holds(on, k.Role.Grants()) {
			return fault.At(fault.Forbidden, "role_type", "role_type gives a permission that you do not hold: name only permissions of your own in permissions")
		}
		if err := checkPermissions(giver, on, k.Permissions); err != nil {
			return err
		}
		for i, id := range k.RoleIDs {
			if !giver.Holds(on, roles.Grants(on, id)) {
				return fault.At(fault.Forbidden, fmt.Sprintf("role_ids.%d", i), "this role gives a permission that you do not hold")
			}
		}
	}
	return nil
}

func missing(ctx context.Context, tx *store.Tx, id platform.ID) (bool, error) {
	_, err := tx.Platform(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return false, err
}

// checkPermissions refuses a list with a permission that its giver cannot give.
func checkPermissions(giver *auth.Principal, on platform.ID, list []auth.Permission) error {
	for i, p := range list {
		if p == auth.PlatformCreate || !giver.May(on, p) {
			return fault.At(fault.Forbidden, fmt.Sprintf("permissions.%d", i), "%s is a permission that you do not hold or that cannot be given", p)
		}
	}
	return nil
}

// maxRoles bounds the roles of one platform: they are read together.
const maxRoles = 200

// CreateRole stores a new role of a platform that giver makes.
func (e *Engine) CreateRole(ctx context.Context, giver *auth.Principal, role auth.Role, then ...After[auth.Role]) (auth.Role, error) {
	now := e.Now()
	role.ID, role.CreatedAt, role.UpdatedAt = auth.RoleID(ident.New("role")), now, now
	return role, e.store.Write(ctx, func(tx *store.Tx) error {
		roles, err := lockRoles(ctx, tx, role.PlatformID)
		if err != nil {
			return err
		}
		if len(roles) >= maxRoles {
			return fault.New(fault.State, "a platform has at most %d roles, change one that is not needed any more", maxRoles)
		}
		if err := checkRole(giver, roles, role); err != nil {
			return err
		}
		if err := tx.InsertRole(ctx, role); err != nil {
			return err
		}
		return after(ctx, tx, role, then)
	})
}

// ChangeRole changes a role, and with it what is granted to the keys that name it.
func (e *Engine) ChangeRole(
	ctx context.Context, giver *auth.Principal, p platform.ID, id auth.RoleID, change func(*auth.Role) error,
) (auth.Role, error) {
	var out auth.Role
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		roles, err := lockRoles(ctx, tx, p)
		if err != nil {
			return err
		}
		old, err := tx.Role(ctx, p, id)
		if err != nil {
			return err
		}
		if !giver.Holds(p, roles.Grants(p, id)) {
			return fault.New(fault.Forbidden, "role %s gives permissions that you do not hold: only somebody who holds them all may change it", id).
				About("ROLE", string(id))
		}
		role := old
		if err := change(&role); err != nil {
			return err
		}
		role.ID, role.PlatformID, role.CreatedAt, role.UpdatedAt = old.ID, old.PlatformID, old.CreatedAt, e.Now()
		if err := checkRole(giver, roles, role); err != nil {
			return err
		}
		out = role
		return tx.UpdateRole(ctx, role)
	})
	return out, err
}

// lockRoles reads the roles of a platform for a change of one. Changes come one
// after another: two at once could close a ring that neither sees.
func lockRoles(ctx context.Context, tx *store.Tx, p platform.ID) (auth.Roles, error) {
	if err := tx.LockPlatform(ctx, "roles of "+string(p), true); err != nil {
		return nil, err
	}
	return tx.AllRoles(ctx, []platform.ID{p})
}

// checkRole judges a role against the others of its platform and its giver.
func checkRole(giver *auth.Principal, roles auth.Roles, role auth.Role) error {
	on := role.PlatformID
	for i, child := range role.Children {
		if _, known := roles[child]; !known {
			return fault.At(fault.UnknownIDs, "child_role_ids", "there is no role %.80q on this platform", child).About("ROLE", string(child))
		}
		if roles.Leads(on, child, role.ID) {
			return fault.At(fault.Invalid, fmt.Sprintf("child_role_ids.%d", i), "none of child_role_ids may be the role itself or have it below itself")
		}
	}
	if err := checkPermissions(giver, on, role.Permissions); err != nil {
		return err
	}
	for i, child := range role.Children {
		if !giver.Holds(on, roles.Grants(on, child)) {
			return fault.At(fault.Forbidden, fmt.Sprintf("child_role_ids.%d", i), "this role gives a permission that you do not hold")
		}
	}
	return nil
}
