package storetest_test

import (
	"log/slog"
	"testing"

	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
)

// A database is migrated to the end, and what is stored in one is in no other.
func TestDatabasesAreTheirOwn(t *testing.T) {
	for range 2 {
		s, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), MasterKey: make([]byte, 32), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), func(tx *store.Tx) error {
			return tx.InsertPlatform(t.Context(), platform.Platform{ID: "plat_1", Reference: "acme"})
		}); err != nil {
			t.Errorf("a platform that only the other database has: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
