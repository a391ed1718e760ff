package httpapi

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

const (
	// believed is how long a principal is believed without asking the store:
	// what is revoked must be refused within a second on every node, be it a
	// key, a permission of it or one of its roles.
	believed = 500 * time.Millisecond
	// maxKnown bounds the memory of what strangers make us look up.
	maxKnown = 10_000
	// touchEvery is how exactly it is known when a key was last used.
	touchEvery = time.Minute
	maxSecret  = 1024
)

// keyring finds the principal of a credential and remembers it for a moment.
type keyring struct {
	store  *store.Store
	issuer *auth.Issuer // nil: tokens are not taken
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	known   map[string]known // by the hash of the credential, and its kind
	touched map[string]time.Time
	first   platform.ID // the bootstrap key's default
}

// known is whom a credential stands for.
type known struct {
	principal *auth.Principal // nil: nobody
	ends      time.Time       // of the credential itself; zero: never
	until     time.Time       // believed
}

func newKeyring(cfg Config) *keyring {
	return &keyring{
		store: cfg.Store, issuer: cfg.Issuer, log: cfg.Log, now: cfg.Now,
		known: map[string]known{}, touched: map[string]time.Time{},
	}
}

// find returns whom an API key stands for, or nil.
func (k *keyring) find(ctx context.Context, secret string) (*auth.Principal, error) {
	if secret == "" || len(secret) > maxSecret || auth.Mistyped(secret) {
		return nil, nil //nolint:nilnil // nobody is no error
	}
	p, err := k.recall(ctx, auth.HashSecret(secret), k.ofKey)
	if p != nil {
		k.touch(ctx, p.ID, k.now())
	}
	return p, err
}

// findUser returns whom a token of the issuer stands for.
func (k *keyring) findUser(ctx context.Context, token string) (*auth.Principal, error) {
	const apart = "token " // from what the same text would be as an API key
	return k.recall(ctx, apart+auth.HashSecret(token), func(ctx context.Context, _ string, _ time.Time) (known, error) {
		return k.ofToken(ctx, token)
	})
}

// recall returns whom a credential stands for, as it was found a moment ago or
// as look finds it now.
func (k *keyring) recall(
	ctx context.Context, hash string, look func(context.Context, string, time.Time) (known, error),
) (*auth.Principal, error) {
	now := k.now()
	k.mu.Lock()
	found, ok := k.known[hash]
	k.mu.Unlock()
	if !ok || !now.Before(found.until) {
		var err error
		if found, err = look(ctx, hash, now); err != nil {
			return nil, err
		}
		found.until = now.Add(believed)
		k.remember(hash, found)
	}
	if !found.ends.IsZero() && !now.Before(found.ends) {
		return nil, nil //nolint:nilnil // nobody is no error
	}
	return found.principal, nil
}

func (k *keyring) remember(hash string, found known) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxKnown {
		clear(k.known)
	}
	k.known[hash] = found
}

// ofKey asks the store whom the API key with that hash stands for.
func (k *keyring) ofKey(ctx context.Context, hash string, now time.Time) (known, error) {
	key, found, err := k.store.KeyByHash(ctx, hash)
	if err != nil || !found {
		return known{}, err
	}
	open, ends := key.Opens(hash, now)
	if !open {
		return known{}, nil
	}
	var roles auth.Roles
	if len(key.RoleIDs) > 0 {
		if roles, err = k.store.AllRoles(ctx, key.Platforms); err != nil {
			return known{}, err
		}
	}
	return known{principal: key.Principal(roles), ends: ends}, nil
}

// ofToken asks the issuer's keys and the store whom a token stands for. What
// the token names and is not here grants nothing.
func (k *keyring) ofToken(ctx context.Context, token string) (known, error) {
	said, err := k.issuer.Verify(ctx, token)
	if err != nil {
		return known{}, err
	}
	// What no platform can be called is not asked for: not every text is one to the store.
	names := slices.DeleteFunc(said.Platforms, func(name string) bool { return identifier.check(name) != "" || !validText(name) })
	found, err := k.store.PlatformsNamed(ctx, names)
	if err != nil {
		return known{}, err
	}
	platforms := named(found, names)
	roles, err := k.store.AllRoles(ctx, platforms)
	if err != nil {
		return known{}, err
	}
	return known{principal: auth.NewUser(said.User, platforms, said.Roles, roles), ends: said.Ends}, nil
}

// named returns platforms in the order in which they are named. An id wins over
// an equal reference.
func named(found []platform.Platform, names []string) []platform.ID {
	var list []platform.ID
	for _, name := range names {
		at := slices.IndexFunc(found, func(p platform.Platform) bool { return string(p.ID) == name })
		if at < 0 {
			at = slices.IndexFunc(found, func(p platform.Platform) bool { return p.Reference == name })
		}
		if at >= 0 {
			list = append(list, found[at].ID)
		}
	}
	return list
}

// touch notes that a key is used, at most once a minute. That it cannot be
// noted stops nobody.
func (k *keyring) touch(ctx context.Context, id string, now time.Time) {
	k.mu.Lock()
	last, ok := k.touched[id]
	due := !ok || now.Sub(last) >= touchEvery
	if due {
		k.touched[id] = now
	}
	k.mu.Unlock()
	if !due {
		return
	}
	err := k.store.Join(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.TouchKeys(ctx, map[auth.KeyID]time.Time{auth.KeyID(id): now})
	})
	if err != nil {
		k.log.LogAttrs(ctx, slog.LevelWarn, "key_use_not_noted", slog.String("key_id", id), slog.Any("error", err))
	}
}

// firstPlatform is the default of a bootstrap key that names none.
func (k *keyring) firstPlatform(ctx context.Context) (platform.ID, error) {
	k.mu.Lock()
	first := k.first
	k.mu.Unlock()
	if first != "" {
		return first, nil
	}
	list, err := k.store.Platforms(ctx)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fault.New(fault.Forbidden, "there is no platform yet")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.first = list[0].ID
	return k.first, nil
}
