package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

const (
	// keyLife is how long a key is believed without asking the store: a
	// revoked one must be refused within a second on every node.
	keyLife = 500 * time.Millisecond
	// maxKeys bounds the memory of what strangers make us look up.
	maxKeys = 10_000
	// touchEvery is how exactly it is known when a key was last used.
	touchEvery = time.Minute
	maxSecret  = 1024
)

// keyring finds API keys by their secret and remembers them for a moment.
type keyring struct {
	store *store.Store
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	known   map[string]knownKey // by hash
	touched map[auth.KeyID]time.Time
	first   platform.ID // the bootstrap key's default
}

type knownKey struct {
	key   *auth.Key // nil: there is none
	until time.Time
}

func newKeyring(cfg Config) *keyring {
	return &keyring{
		store: cfg.Store, log: cfg.Log, now: cfg.Now,
		known: map[string]knownKey{}, touched: map[auth.KeyID]time.Time{},
	}
}

// find returns the usable key of a secret, or nil.
func (k *keyring) find(ctx context.Context, secret string) (*auth.Key, error) {
	if secret == "" || len(secret) > maxSecret {
		return nil, nil //nolint:nilnil // no key is no error
	}
	hash, now := auth.HashSecret(secret), k.now()
	k.mu.Lock()
	known, ok := k.known[hash]
	k.mu.Unlock()
	if !ok || !now.Before(known.until) {
		key, found, err := k.store.KeyByHash(ctx, hash)
		if err != nil {
			return nil, err
		}
		known = knownKey{until: now.Add(keyLife)}
		if found {
			known.key = &key
		}
		k.remember(hash, known)
	}
	if known.key == nil || !known.key.Usable(now) {
		return nil, nil //nolint:nilnil // no key is no error
	}
	k.touch(ctx, known.key.ID, now)
	return known.key, nil
}

func (k *keyring) remember(hash string, known knownKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxKeys {
		clear(k.known)
	}
	k.known[hash] = known
}

// touch notes that a key is used, at most once a minute. That it cannot be
// noted stops nobody.
func (k *keyring) touch(ctx context.Context, id auth.KeyID, now time.Time) {
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
		return tx.TouchKeys(ctx, map[auth.KeyID]time.Time{id: now})
	})
	if err != nil {
		k.log.LogAttrs(ctx, slog.LevelWarn, "key_use_not_noted", slog.String("key_id", string(id)), slog.Any("error", err))
	}
}

// admit finds out who calls, about which platform, and whether they may.
func (s *server) admit(c *call) error {
	key, err := s.keys.caller(c)
	if err != nil {
		return err
	}
	c.key = key
	p, err := s.keys.platform(c)
	if err != nil {
		return err
	}
	c.platform = p
	for _, permission := range c.route.may {
		if !key.May(permission) {
			return fault.New(fault.Forbidden, "this needs the permission %s, which the API key does not hold", permission)
		}
	}
	return nil
}

// caller is the key that every credential of the request names.
func (k *keyring) caller(c *call) (*auth.Key, error) {
	var caller *auth.Key
	for _, secret := range secrets(c.Header) {
		key, err := k.find(c.Context(), secret)
		if err != nil {
			return nil, err
		}
		if key == nil || (caller != nil && caller.ID != key.ID) {
			return nil, fault.New(fault.Unauthorised, "the API key is not valid: it is unknown, revoked or expired, or two headers name different keys")
		}
		caller = key
	}
	if caller == nil {
		return nil, fault.New(fault.Unauthorised, "this needs an API key: send it as X-API-KEY, or as Authorization: Bearer")
	}
	return caller, nil
}

// secrets are the credentials that a request carries. What is no bearer token
// is a credential that opens nothing.
func secrets(h http.Header) []string {
	list := append([]string(nil), h.Values("X-API-KEY")...)
	for _, v := range h.Values("Authorization") {
		scheme, token, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		list = append(list, strings.TrimSpace(token))
	}
	return list
}

// platform is the one that the request is about: the one that x-platform-id
// names, if the key belongs to it, or the key's default.
func (k *keyring) platform(c *call) (platform.ID, error) {
	refused := fault.New(fault.Forbidden, "x-platform-id must name a platform that the API key belongs to")
	id := platform.ID(c.Header.Get("X-Platform-Id"))
	switch {
	case len(c.Header.Values("X-Platform-Id")) > 1:
		return "", refused
	case id == "" && len(c.key.Platforms) > 0:
		return c.key.Platforms[0], nil
	case id == "" && c.key.Bootstrap:
		return k.firstPlatform(c.Context())
	case id == "" || !c.key.Belongs(id) || identifier.check(string(id)) != "":
		return "", refused
	}
	// The bootstrap key belongs to every platform, but not to one that is none.
	if c.key.Bootstrap {
		if _, err := k.store.Platform(c.Context(), id); fault.Is(err, fault.NotFound) {
			return "", refused
		} else if err != nil {
			return "", err
		}
	}
	return id, nil
}

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
