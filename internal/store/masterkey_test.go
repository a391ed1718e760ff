package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// onBothAlone runs a test on a database that nobody has opened yet.
func onBothAlone(t *testing.T, test func(t *testing.T, cfg store.Config)) {
	t.Run("sqlite", func(t *testing.T) { test(t, config("sqlite:"+filepath.Join(t.TempDir(), "d.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, config(pgtest.URL(t))) })
}

func withKey(cfg store.Config, fill byte) store.Config {
	cfg.MasterKey = bytes.Repeat([]byte{fill}, 32)
	return cfg
}

// during opens a database for as long as do runs.
func during(t *testing.T, cfg store.Config, do func(*store.Store)) {
	t.Helper()
	if err := store.Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	do(s)
}

// The first master key is the database's, and every other is refused by the
// name of its setting until it is made the database's in so many words. What the
// old one had sealed stays, and is said.
func TestMasterKeyOfADatabase(t *testing.T) {
	onBothAlone(t, func(t *testing.T, cfg store.Config) {
		ctx := t.Context()
		source := platform.Source{PlatformID: "plat_1", ID: "srce_1", Reference: "stripe", SigningSecret: "whsec"}
		during(t, cfg, func(s *store.Store) {
			write(t, s, func(tx *store.Tx) error {
				return errors.Join(
					tx.InsertPlatform(ctx, platform.Platform{ID: "plat_1", Reference: "one", Sending: platform.On, CreatedAt: now}),
					tx.InsertSource(ctx, source),
					tx.PutIntegration(ctx, "plat_1", platform.Integration{ID: "intg_0"}, false),
					tx.PutIntegration(ctx, "plat_1", platform.Integration{ID: "intg_1", Credentials: platform.Credentials{Username: "u"}}, false))
			})
		})
		refused := func(cfg store.Config) {
			t.Helper()
			s, err := store.Open(ctx, cfg)
			if err == nil {
				_ = s.Close()
			}
			if f := fault.As(err); f == nil || f.Field != "DUNWELL_MASTER_KEY" || !strings.Contains(f.Message, "dunwell reset-key") {
				t.Errorf("another master key: got %v, want it refused with the setting and the command", err)
			}
		}
		refused(withKey(cfg, 8))
		during(t, cfg, func(*store.Store) {})

		locked, err := store.ResetKey(ctx, withKey(cfg, 8))
		want := []store.Locked{
			{Platform: "plat_1", Noun: "integration", ID: "intg_1"}, {Platform: "plat_1", Noun: "source", ID: "srce_1", Reference: "stripe"},
		}
		if diff := cmp.Diff(want, locked); err != nil || diff != "" {
			t.Errorf("what the new key does not open: got %v, (-want +got)\n%s", err, diff)
		}
		refused(cfg)
		during(t, withKey(cfg, 8), func(s *store.Store) {
			if in, err := s.OpenIntegration(ctx, "plat_1", "intg_1"); !errors.Is(err, store.ErrSealed) || fault.As(err) == nil || in.ID != "intg_1" {
				t.Errorf("an integration: got %v, want a fault that says so, and all but the credentials", err)
			}
			if src, err := s.OpenSource(ctx, "srce_1"); !errors.Is(err, store.ErrSealed) || src.ID != "srce_1" {
				t.Errorf("a source: got %v, want a fault that says so, and all but the secret", err)
			}
			if in, err := s.OpenIntegration(ctx, "plat_1", "intg_0"); err != nil || in.ID != "intg_0" {
				t.Errorf("an integration without credentials: got %v, want it, for nothing is encrypted", err)
			}
			write(t, s, func(tx *store.Tx) error { return tx.UpdateSource(ctx, source) })
		})
		if locked, err = store.ResetKey(ctx, withKey(cfg, 8)); err != nil || len(locked) != 1 || locked[0].ID != "intg_1" {
			t.Errorf("with the source's secret entered anew: got %+v, %v, want the integration alone", locked, err)
		}
		if locked, err = store.ResetKey(ctx, cfg); err != nil || len(locked) != 1 || locked[0].ID != "srce_1" {
			t.Errorf("with the old key found again: got %+v, %v, want what was entered anew meanwhile", locked, err)
		}
	})
}

// A process that still has the key of before stores nothing that the others
// could not open.
func TestAReplacedMasterKeySealsNothing(t *testing.T) {
	cfg := config(pgtest.URL(t))
	during(t, cfg, func(s *store.Store) {
		if _, err := store.ResetKey(t.Context(), withKey(cfg, 8)); err != nil {
			t.Fatal(err)
		}
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			return tx.InsertSource(t.Context(), platform.Source{PlatformID: "plat_1", ID: "srce_1", SigningSecret: "whsec"})
		})
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "restart") {
			t.Errorf("storing a secret: got %v, want it refused in words", err)
		}
	})
}
