package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

var keyListing = listing{order: []string{"created_at", "updated_at"}}

// listKeys lists the API keys that open the current platform.
func (s *server) listKeys(c *call) (reply, error) {
	read := func(ctx context.Context, p platform.ID, q store.Query) (store.Page[shownKey], error) {
		found, err := s.store.Keys(ctx, p, q)
		page := store.Page[shownKey]{More: found.More}
		if err != nil {
			return page, err
		}
		page.Items, err = s.shown(c, found.Items)
		return page, err
	}
	return paged(c, keyListing, read, keyMembers)
}

// shown is what the caller sees of keys: nothing of platforms that the caller
// does not belong to.
func (s *server) shown(c *call, list []auth.Key) ([]shownKey, error) {
	var platforms []platform.ID
	for _, k := range list {
		for _, p := range k.Platforms {
			if len(k.RoleIDs) > 0 && c.principal.Belongs(p) && !slices.Contains(platforms, p) {
				platforms = append(platforms, p)
			}
		}
	}
	roles, err := s.store.AllRoles(c.Context(), platforms)
	if err != nil {
		return nil, err
	}
	out := make([]shownKey, len(list))
	for i, k := range list {
		// Copies: the key may be another's, of the engine or a transaction.
		k.Platforms = slices.DeleteFunc(slices.Clone(k.Platforms), func(p platform.ID) bool { return !c.principal.Belongs(p) })
		k.RoleIDs = slices.DeleteFunc(slices.Clone(k.RoleIDs), func(id auth.RoleID) bool { _, own := roles[id]; return !own })
		out[i] = shownKey{Key: k, now: s.now()}
	}
	return out, nil
}

func (s *server) key(c *call) (reply, error) {
	k, err := s.ownKey(c)
	return s.answerKey(c, http.StatusOK, k, "", err)
}

// ownKey reads the key of the path, if it opens the current platform.
func (s *server) ownKey(c *call) (auth.Key, error) {
	id, err := c.named("id", "API_KEY")
	if err != nil {
		return auth.Key{}, err
	}
	return s.store.Key(c.Context(), c.platform, auth.KeyID(id))
}

// answerKey writes a key, with its secret if it has just been made.
func (s *server) answerKey(c *call, status int, k auth.Key, secret string, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	shown, err := s.shown(c, []auth.Key{k})
	if err != nil {
		return reply{}, err
	}
	shown[0].secret = secret
	return answer(status, shown[0], keyMembers, nil)
}

func (s *server) createKey(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	given := shownKey{Key: auth.Key{Active: true}, now: s.now()}
	if err := decodeInto(doc, &given, keyMembers, checkNewKey); err != nil {
		return reply{}, err
	}
	if given.Platforms == nil {
		given.Platforms = []platform.ID{c.platform}
	}
	k, secret, err := s.engine.CreateKey(c.Context(), c.principal, given.Key, s.rememberKey(c, http.StatusCreated)...)
	return s.answerKey(c, http.StatusCreated, k, secret, err)
}

// rememberKey remembers a reply without the secret: what is stored must not
// open anything. Who lost the reply rolls the key.
func (s *server) rememberKey(c *call, status int) []engine.After[auth.Key] {
	return remember(s, c, status, func(m *members, k *auth.Key) {
		keyMembers(m, &shownKey{Key: *k, now: s.now()})
	})
}

func (s *server) changeKey(c *call) (reply, error) {
	id, err := c.named("id", "API_KEY")
	if err != nil {
		return reply{}, err
	}
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	k, err := s.engine.ChangeKey(c.Context(), c.principal, c.platform, auth.KeyID(id), func(k *auth.Key) error {
		given := shownKey{Key: *k, now: s.now()}
		err := patchInto(doc, &given, keyMembers, checkChangedKey(k.ExpiresAt))
		*k = given.Key
		return err
	})
	return s.answerKey(c, http.StatusOK, k, "", err)
}

// rollKey gives a key a new secret. No body is needed.
func (s *server) rollKey(c *call) (reply, error) {
	id, err := c.named("id", "API_KEY")
	if err != nil {
		return reply{}, err
	}
	var roll struct{ end bool }
	doc, err := c.optionalDocument()
	if err == nil {
		err = decodeInto(doc, &roll, func(m *members, r *struct{ end bool }) { flag(m, "end_previous", &r.end, plain) }, nil)
	}
	if err != nil {
		return reply{}, err
	}
	k, secret, err := s.engine.RollKey(c.Context(), c.principal, c.platform, auth.KeyID(id), roll.end, s.rememberKey(c, http.StatusOK)...)
	return s.answerKey(c, http.StatusOK, k, secret, err)
}

// decryptKey is refused: of a key only a hash is kept.
func (s *server) decryptKey(c *call) (reply, error) {
	k, err := s.ownKey(c)
	if err != nil {
		return reply{}, err
	}
	return reply{}, fault.New(fault.State, "the secret of an API key is shown once and kept only as a hash: roll the key to have a new one").
		About("API_KEY", string(k.ID))
}

// shownKey is a key as it is given or shown.
type shownKey struct {
	auth.Key
	secret string // only while it is new
	now    time.Time
}
