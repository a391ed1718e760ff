package engine_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/store"
)

// TestBootstrap: an empty database gets an administrator once. A key that the
// API would take for a mistyped one is refused: nobody could use it.
func TestBootstrap(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db"), nil)
	if made, err := w.e.Bootstrap(w.ctx, ""); err != nil || made != "" {
		t.Errorf("a database with a platform: got %q, %v, want nothing made", made, err)
	}

	e, s := emptyEngine(w)
	_, wellFormed := auth.NewSecret("LIVE")
	_, err := e.Bootstrap(w.ctx, wellFormed+"x")
	if f := fault.As(err); f == nil || f.Field != "DUNWELL_BOOTSTRAP_API_KEY" {
		t.Errorf("a mistyped key: got %v, want the setting named", err)
	}
	made, err := e.Bootstrap(w.ctx, wellFormed)
	if err != nil || made != wellFormed {
		t.Fatalf("got %v, want the key that was given", err)
	}
	key, found, err := s.KeyByHash(w.ctx, auth.HashSecret(wellFormed))
	if err != nil || !found || !key.Bootstrap || len(key.Platforms) != 1 {
		t.Errorf("got %+v, %v, want a bootstrap key", key, err)
	}
}

// emptyEngine is an engine on a database of its own, without a platform.
func emptyEngine(w *world) (*engine.Engine, *store.Store) {
	w.Helper()
	e, err := engine.New(engine.Config{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }, Limits: engine.DefaultLimits()})
	w.must(err)
	s, err := store.Open(w.ctx, store.Config{URL: "sqlite:" + filepath.Join(w.TempDir(), "e.db"), MasterKey: make([]byte, 32), Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	w.Cleanup(func() { w.must(s.Close()) })
	e.Use(s)
	return e, s
}
