// Package storetest gives tests databases whose tables are there already.
//
// Applying the migrations takes most of what a small test takes, so they are
// applied once for each process. Only tests may import this package.
package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dunwellhq/dunwell/internal/store"
)

// SQLite creates a database for t, migrated and otherwise empty, and returns its
// URL. The file goes when t and its subtests end.
func SQLite(t testing.TB) string {
	t.Helper()
	template.once.Do(func() { template.content, template.err = migrated(t.Context()) })
	if template.err != nil {
		t.Fatalf("making a database: %v", template.err)
	}
	file := filepath.Join(t.TempDir(), "dunwell.db")
	if err := os.WriteFile(file, template.content, 0o600); err != nil {
		t.Fatalf("copying a database: %v", err)
	}
	return "sqlite:" + file
}

// template is the file of a database that has nothing but its tables.
var template struct {
	once    sync.Once
	content []byte
	err     error
}

func migrated(ctx context.Context) (content []byte, err error) {
	dir, err := os.MkdirTemp("", "dunwell-storetest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "dunwell.db")
	if err := store.Migrate(ctx, store.Config{URL: "sqlite:" + file}); err != nil {
		return nil, err
	}
	return os.ReadFile(file) //nolint:gosec // closing it has copied its log into it, and the name is ours
}
