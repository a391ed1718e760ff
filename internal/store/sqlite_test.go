package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/store"
)

// One file is one database, by whatever name it is called.
func TestAFileByAnotherNameIsRefusedInWords(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "d.db")
	open(t, config("sqlite:"+path))
	for _, err := range []error{
		os.Symlink("d.db", filepath.Join(dir, "symbolic.db")),
		os.Symlink(dir, filepath.Join(dir, "folder")),
		os.Symlink("nothing.db", filepath.Join(dir, "dangling.db")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(name, want string) {
		t.Helper()
		s, err := store.Open(t.Context(), config("sqlite:"+name))
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it refused with %q", name, err, want)
		}
	}
	refused(filepath.Join(dir, "symbolic.db"), "another dunwell process is using")
	refused(filepath.Join(dir, "folder", "d.db"), "another dunwell process is using")
	refused(filepath.Join(dir, "dangling.db"), "symbolic link")
	refused(filepath.Join(dir, "no", "d.db"), "folder")
	refused(dir, "no file")
	t.Chdir(dir)
	refused("d.db", "another dunwell process is using")
	refused("./folder/../d.db", "another dunwell process is using")
	if err := os.Link(path, filepath.Join(dir, "hard.db")); err != nil {
		t.Fatal(err)
	}
	refused(filepath.Join(dir, "hard.db"), "second name")
	refused(path, "second name")
}
