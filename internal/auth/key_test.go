package auth_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/platform"
)

func TestSecretCarriesItsChecksum(t *testing.T) {
	id, secret := auth.NewSecret(platform.Live)
	if !strings.HasPrefix(secret, "dw_live_"+strings.TrimPrefix(string(id), "akey_")+"_") {
		t.Errorf("got %s for %s, want dw_live_<id>_…", secret, id)
	}
	if !auth.WellFormed(secret) {
		t.Errorf("%s: want it well formed", secret)
	}
	for i := range len(secret) {
		broken := []byte(secret)
		if broken[i] = 'x'; secret[i] == 'x' {
			broken[i] = 'y'
		}
		if auth.WellFormed(string(broken)) {
			t.Errorf("with another character at %d: want it refused", i)
		}
	}
	if _, other := auth.NewSecret(platform.Live); other == secret {
		t.Error("two secrets are equal")
	}
	if again := id.Secret(platform.Test); !auth.WellFormed(again) || !strings.HasPrefix(again, "dw_test_"+strings.TrimPrefix(string(id), "akey_")+"_") || again == secret {
		t.Errorf("another secret of %s: got %s", id, again)
	}
	for text, want := range map[string]bool{secret: false, secret + "x": true, "dw_": true, "my-first-key-that-has-32-characters": false} {
		if got := auth.Mistyped(text); got != want {
			t.Errorf("mistyped %q: got %v, want %v", text, got, want)
		}
	}
}

func TestOpens(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	key := func(edit ...func(*auth.Key)) auth.Key {
		k := auth.Key{Active: true, Hash: "new", PreviousHash: "old", PreviousUntil: at(time.Hour)}
		for _, do := range edit {
			do(&k)
		}
		return k
	}
	expires := func(d time.Duration) func(*auth.Key) { return func(k *auth.Key) { k.ExpiresAt = at(d) } }
	for name, c := range map[string]struct {
		key  auth.Key
		hash string
		want bool
		ends time.Time
	}{
		"present":                {key(), "new", true, time.Time{}},
		"present, expires":       {key(expires(time.Minute)), "new", true, at(time.Minute)},
		"expires now":            {key(expires(0)), "new", false, time.Time{}},
		"revoked":                {key(func(k *auth.Key) { k.Active = false }), "new", false, time.Time{}},
		"previous":               {key(), "old", true, at(time.Hour)},
		"previous, expires soon": {key(expires(time.Minute)), "old", true, at(time.Minute)},
		"previous, expires late": {key(expires(2 * time.Hour)), "old", true, at(time.Hour)},
		"previous, over":         {key(func(k *auth.Key) { k.PreviousUntil = now }), "old", false, now},
		"another":                {key(), "other", false, at(time.Hour)},
		"no previous, none":      {key(func(k *auth.Key) { k.PreviousHash, k.PreviousUntil = "", time.Time{} }), "", false, time.Time{}},
	} {
		got, ends := c.key.Opens(c.hash, now)
		if got != c.want || (got && !ends.Equal(c.ends)) {
			t.Errorf("%s: got %v until %v, want %v until %v", name, got, ends, c.want, c.ends)
		}
	}
}

// TestRoll: never more than two secrets are live, and one if it is said.
func TestRoll(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	k := auth.Key{Active: true, Hash: "1"}
	live := func() (list []string) {
		for _, hash := range []string{"", "1", "2", "3", "4"} {
			if open, _ := k.Opens(hash, now); open {
				list = append(list, hash)
			}
		}
		return list
	}
	k.Roll("2", false, now)
	if got := live(); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("after a roll: got %q live, want 1 and 2", got)
	}
	k.Roll("3", false, now)
	if got := live(); !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("after two rolls: got %q live, want 2 and 3", got)
	}
	k.Roll("4", true, now)
	if got := live(); !slices.Equal(got, []string{"4"}) {
		t.Errorf("after a roll that ends the one before: got %q live, want 4", got)
	}
	k.Roll("5", false, now)
	if now = now.Add(auth.RollGrace); len(live()) != 0 {
		t.Errorf("a day later: got %q live beside the present one, want none", live())
	}
}
