package auth_test

import (
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
}

func TestMay(t *testing.T) {
	for name, c := range map[string]struct {
		key        auth.Key
		permission auth.Permission
		want       bool
	}{
		"administrator":         {auth.Key{Role: auth.Administrator}, auth.PlatformUpdate, true},
		"read only, view":       {auth.Key{Role: auth.ReadOnly}, auth.WorkflowView, true},
		"read only, create":     {auth.Key{Role: auth.ReadOnly}, auth.WorkflowCreate, false},
		"read only and one":     {auth.Key{Role: auth.ReadOnly, Permissions: []auth.Permission{auth.WorkflowCreate}}, auth.WorkflowCreate, true},
		"one permission":        {auth.Key{Permissions: []auth.Permission{auth.WorkflowCreate}}, auth.WorkflowCreate, true},
		"one permission, other": {auth.Key{Permissions: []auth.Permission{auth.WorkflowCreate}}, auth.WorkflowView, false},
		"none":                  {auth.Key{}, auth.WorkflowView, false},
	} {
		if got := c.key.May(c.permission); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestUsableAndBelongs(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	k := auth.Key{Active: true, ExpiresAt: now, Platforms: []platform.ID{"a"}}
	if k.Usable(now) || !k.Usable(now.Add(-1)) {
		t.Error("a key is usable until it expires, and not when it does")
	}
	if k.Active = false; k.Usable(now.Add(-1)) {
		t.Error("a revoked key is not usable")
	}
	if !k.Belongs("a") || k.Belongs("b") {
		t.Error("a key belongs to the platforms that it names")
	}
	if k.Bootstrap = true; !k.Belongs("b") {
		t.Error("the bootstrap key belongs to every platform")
	}
}
