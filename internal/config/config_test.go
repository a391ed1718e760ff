package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/fault"
)

func valid() config.Serve {
	return config.Serve{Database: config.Database{DatabaseURL: "sqlite:x.db"}, Listen: "127.0.0.1:8080", Workers: 1}
}

func TestCheckNamesTheSetting(t *testing.T) {
	if err := valid().Check(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		edit func(*config.Serve)
		want string
	}{
		"other database":          {func(s *config.Serve) { s.DatabaseURL = "mysql://x" }, "DUNWELL_DATABASE_URL"},
		"in memory":               {func(s *config.Serve) { s.DatabaseURL = "sqlite::memory:" }, "DUNWELL_DATABASE_URL"},
		"a text":                  {func(s *config.Serve) { s.DatabaseURL = "sqlite:config_test.go" }, "DUNWELL_DATABASE_URL"},
		"no port":                 {func(s *config.Serve) { s.Listen = "127.0.0.1:99999" }, "DUNWELL_LISTEN"},
		"no admin port":           {func(s *config.Serve) { s.AdminListen = "127.0.0.1:nothing" }, "DUNWELL_ADMIN_LISTEN"},
		"no file":                 {func(s *config.Serve) { s.DatabaseURL = "sqlite:" }, "DUNWELL_DATABASE_URL"},
		"a URL's slashes":         {func(s *config.Serve) { s.DatabaseURL = "sqlite://d.db" }, "DUNWELL_DATABASE_URL"},
		"a URL's parameters":      {func(s *config.Serve) { s.DatabaseURL = "sqlite:d.db?mode=ro" }, "DUNWELL_DATABASE_URL"},
		"a file URL":              {func(s *config.Serve) { s.DatabaseURL = "sqlite:file:d.db" }, "DUNWELL_DATABASE_URL"},
		"no folder":               {func(s *config.Serve) { s.DatabaseURL = "sqlite:no/such/d.db" }, "DUNWELL_DATABASE_URL"},
		"log format":              {func(s *config.Serve) { s.LogFormat = "xml" }, "DUNWELL_LOG_FORMAT"},
		"PostgreSQL, no key":      {func(s *config.Serve) { s.DatabaseURL = "postgres://x" }, "DUNWELL_MASTER_KEY"},
		"short master key":        {func(s *config.Serve) { s.MasterKey = "c2hvcnQ=" }, "DUNWELL_MASTER_KEY"},
		"address without port":    {func(s *config.Serve) { s.Listen = "localhost" }, "DUNWELL_LISTEN"},
		"admin without port":      {func(s *config.Serve) { s.AdminListen = "localhost" }, "DUNWELL_ADMIN_LISTEN"},
		"short bootstrap key":     {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("x", 31) }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"bootstrap with spaces":   {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("x ", 32) }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"few letters, many bytes": {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("ü", 31) }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"long bootstrap key":      {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("x", 257) }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"what no header carries":  {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("x", 32) + "\x01" }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"DEL, which none does":    {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("x", 32) + "\x7f" }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"what is no text":         {func(s *config.Serve) { s.BootstrapKey = strings.Repeat("x", 32) + "\xff" }, "DUNWELL_BOOTSTRAP_API_KEY"},
		"workers":                 {func(s *config.Serve) { s.Workers = -1 }, "DUNWELL_WORKERS"},
		"rate limit":              {func(s *config.Serve) { s.RateLimit = -1 }, "DUNWELL_RATE_LIMIT"},
		"issuer":                  {func(s *config.Serve) { s.OIDC.Issuer = "http://login.example.com" }, "DUNWELL_OIDC_ISSUER"},
	} {
		s := valid()
		c.edit(&s)
		if f := fault.As(s.Check()); f == nil || f.Field != c.want {
			t.Errorf("%s: got %v, want a fault of %s", name, f, c.want)
		}
	}
}

func TestABootstrapKeyHasCharacters(t *testing.T) {
	for _, key := range []string{"", strings.Repeat("x", 32), strings.Repeat("ü", 32), strings.Repeat("ü", 256), `!"#$%&'()*+,-./:;<=>?@[\]^_{|}~ab`} {
		s := valid()
		if s.BootstrapKey = key; s.Check() != nil {
			t.Errorf("%s: got %v, want it taken", key, s.Check())
		}
	}
}

func TestKeyIsMadeOnceBesideTheFile(t *testing.T) {
	d := config.Database{DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "d.db")}
	first, err := d.Key()
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Key()
	if err != nil || !bytes.Equal(first, again) || len(first) != 32 {
		t.Fatalf("got %d bytes, then %v, %v, want the same 32 bytes twice", len(first), again, err)
	}
	info, err := os.Stat(strings.TrimPrefix(d.DatabaseURL, "sqlite:") + ".key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v, want mode 0600", info, err)
	}
	if err := os.WriteFile(strings.TrimPrefix(d.DatabaseURL, "sqlite:"), []byte("SQLite format 3\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(strings.TrimPrefix(d.DatabaseURL, "sqlite:") + ".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Key(); fault.As(err) == nil || fault.As(err).Field != "DUNWELL_MASTER_KEY" {
		t.Errorf("the key of a database is lost: got %v, want it refused in words", err)
	}
	if left, err := os.ReadDir(filepath.Dir(strings.TrimPrefix(d.DatabaseURL, "sqlite:"))); err != nil || len(left) != 1 {
		t.Errorf("after that: got %v, %v, want the database alone", left, err)
	}
	d.MasterKey = "nonsense"
	if _, err := d.Key(); err == nil {
		t.Error("a set key that is no key: got none, want an error")
	}
}

// The key lies beside the file itself, not beside a link to it.
func TestKeyIsFoundThroughALink(t *testing.T) {
	dir := t.TempDir()
	file := config.Database{DatabaseURL: "sqlite:" + filepath.Join(dir, "d.db")}
	first, err := file.Key()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "d.db"), []byte("SQLite format 3\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("d.db", filepath.Join(dir, "link.db")); err != nil {
		t.Fatal(err)
	}
	link := config.Database{DatabaseURL: "sqlite:" + filepath.Join(dir, "link.db")}
	if again, err := link.Key(); err != nil || !bytes.Equal(first, again) {
		t.Errorf("through the link: got %d bytes, %v, want the same key", len(again), err)
	}
	if err := os.Link(filepath.Join(dir, "d.db"), filepath.Join(dir, "hard.db")); err != nil {
		t.Fatal(err)
	}
	hard := config.Database{DatabaseURL: "sqlite:" + filepath.Join(dir, "hard.db")}
	if f := fault.As(hard.Check()); f == nil || f.Field != "DUNWELL_DATABASE_URL" {
		t.Errorf("a second name: got %v, want it refused", f)
	}
	if _, err := os.Stat(filepath.Join(dir, "hard.db.key")); err == nil {
		t.Error("a second name: got a key beside it, want none")
	}
}
