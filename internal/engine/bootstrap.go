package engine

import (
	"context"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// Bootstrap makes the first platform and its administrator's key in an empty
// database. secret is the key's text; empty makes one. It returns the text of
// the key that was made, or "" when the database was not empty.
func (e *Engine) Bootstrap(ctx context.Context, secret string) (string, error) {
	made := ""
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		made = ""
		if err := tx.LockPlatform(ctx, "bootstrap", true); err != nil { // one node does it
			return err
		}
		existing, err := tx.Platforms(ctx)
		if err != nil || len(existing) > 0 {
			return err
		}
		now := e.Now()
		p := platform.Platform{
			ID: platform.ID(ident.New("plat")), Reference: "default", Name: "Default", Environment: platform.Live,
			Timezone: "UTC", Locale: "en", Sending: platform.On, CreatedAt: now, UpdatedAt: now,
		}
		if err := tx.InsertPlatform(ctx, p); err != nil {
			return err
		}
		if auth.Mistyped(secret) {
			return fault.At(fault.Invalid, "DUNWELL_BOOTSTRAP_API_KEY", "it begins with dw_ like the keys that Dunwell makes and is none of them: choose another text")
		}
		id, text := auth.NewSecret(p.Environment)
		if secret != "" {
			text = secret
		}
		made = text
		return tx.InsertKey(ctx, auth.Key{
			ID: id, Description: "bootstrap administrator", Role: auth.Administrator, Bootstrap: true,
			Platforms: []platform.ID{p.ID}, Active: true, CreatedAt: now, UpdatedAt: now, Hash: auth.HashSecret(text),
		})
	})
	return made, err
}
