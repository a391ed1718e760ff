// Package config is the settings of a Dunwell process: their names, their
// defaults, and what is wrong with them, said before anything starts.
package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// Database is the setting that every command needs which opens the database.
type Database struct {
	DatabaseURL string `name:"database-url" env:"DUNWELL_DATABASE_URL" default:"sqlite:dunwell.db" placeholder:"URL" help:"Where everything is kept: sqlite:FILE or postgres://…; ${default} if unset."`
	MasterKey   string `name:"master-key" env:"DUNWELL_MASTER_KEY" placeholder:"BASE64" help:"32 bytes in base64 that encrypt provider secrets. SQLite: made once beside the file if unset. PostgreSQL: required."`
	LogFormat   string `name:"log-format" env:"DUNWELL_LOG_FORMAT" default:"text" help:"Form of the log on standard error: text or json."`
}

// Serve is the settings of a serving process.
type Serve struct {
	Database
	Listen       string `env:"DUNWELL_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the API listens; ${default} if unset."`
	AdminListen  string `env:"DUNWELL_ADMIN_LISTEN" placeholder:"HOST:PORT" help:"Where metrics and profiles are served; off if unset. Keep it private."`
	BootstrapKey string `name:"bootstrap-api-key" env:"DUNWELL_BOOTSTRAP_API_KEY" placeholder:"KEY" help:"The administrator's key, made with the first platform when the database is empty: 32 to 256 characters without white space or control characters. Unset: one is made and printed once."`
	Workers      int    `env:"DUNWELL_WORKERS" default:"8" help:"How many lanes this process drains at once; 0 serves the API only."`
	RateLimit    int    `name:"rate-limit" env:"DUNWELL_RATE_LIMIT" default:"0" placeholder:"N" help:"How many requests a second each API key or user may send to this process; 0 does not limit."`
	OIDC         OIDC   `embed:""`
}

// IsSQLite reports whether the database is embedded.
func (d Database) IsSQLite() bool { return strings.HasPrefix(d.DatabaseURL, "sqlite:") }

// Check says what is wrong with the settings.
func (d Database) Check() error {
	postgres := strings.HasPrefix(d.DatabaseURL, "postgres://") || strings.HasPrefix(d.DatabaseURL, "postgresql://")
	switch {
	case !d.IsSQLite() && !postgres:
		return bad("DUNWELL_DATABASE_URL", "it must begin with sqlite: or postgres://")
	case strings.HasPrefix(d.DatabaseURL, "sqlite://"), strings.HasPrefix(d.DatabaseURL, "sqlite:file:"),
		d.IsSQLite() && strings.ContainsAny(d.DatabaseURL, "?#"):
		return bad("DUNWELL_DATABASE_URL", "after sqlite: comes the name of the file and nothing else, as in sqlite:dunwell.db or sqlite:/var/lib/dunwell.db")
	case d.DatabaseURL == "sqlite::memory:":
		return bad("DUNWELL_DATABASE_URL", "Dunwell keeps nothing in memory alone: name a file, as in sqlite:dunwell.db")
	case d.DatabaseURL == "sqlite:":
		return bad("DUNWELL_DATABASE_URL", "it names no file, write it as sqlite:dunwell.db")
	case d.LogFormat != "" && d.LogFormat != "text" && d.LogFormat != "json":
		return bad("DUNWELL_LOG_FORMAT", "it must be text or json")
	}
	if d.IsSQLite() {
		if _, err := SQLiteFile(d.DatabaseURL); err != nil {
			return err
		}
	}
	if d.MasterKey == "" {
		if postgres {
			return bad("DUNWELL_MASTER_KEY", "PostgreSQL needs one: 32 random bytes in base64, for instance from `openssl rand -base64 32`, the same on every node")
		}
		return nil
	}
	_, err := decodeKey(d.MasterKey)
	return err
}

// SQLiteFile returns the one name of the database file that a sqlite: URL
// names: absolute and without symbolic links. Database, lock and key go by it,
// because two processes that went by two names would both believe that they
// have the file to themselves. A file with several names of its own is refused.
func SQLiteFile(databaseURL string) (string, error) {
	const setting = "DUNWELL_DATABASE_URL"
	name := strings.TrimPrefix(databaseURL, "sqlite:")
	if name == "" {
		return "", bad(setting, "it names no file, write it as sqlite:dunwell.db")
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", bad(setting, err.Error())
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else { // the file need not exist yet
		folder, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", bad(setting, "the folder of the file "+path+" does not exist or cannot be entered, make it first")
		}
		path = filepath.Join(folder, filepath.Base(path))
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", bad(setting, err.Error())
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "", bad(setting, path+" is a symbolic link to nothing: name the database file itself")
	case !info.Mode().IsRegular():
		return "", bad(setting, path+" is no file, write it as sqlite:dunwell.db")
	case ok && stat.Nlink > 1:
		return "", bad(setting, path+" has a second name (a hard link): remove it, or two processes could share the file unnoticed")
	case info.Size() > 0 && !isDatabase(path):
		return "", bad(setting, path+" is no SQLite database: name another file, or one that is not there yet")
	}
	return path, nil
}

// isDatabase reports a file that begins as SQLite's do. One that cannot be read is
// left to who opens it.
func isDatabase(path string) bool {
	const magic = "SQLite format 3\x00"
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return true
	}
	defer f.Close()
	begin := make([]byte, len(magic))
	n, _ := io.ReadFull(f, begin)
	return string(begin[:n]) == magic
}

// Check says what is wrong with the settings.
func (s Serve) Check() error {
	if err := s.Database.Check(); err != nil {
		return err
	}
	for name, addr := range map[string]string{"DUNWELL_LISTEN": s.Listen, "DUNWELL_ADMIN_LISTEN": s.AdminListen} {
		if addr == "" && name != "DUNWELL_LISTEN" {
			continue
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return bad(name, fmt.Sprintf("%q is no address, write it as 127.0.0.1:8080", addr))
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return bad(name, fmt.Sprintf("%q is no port: it must be a number from 0 to 65535", port))
		}
	}
	if s.BootstrapKey != "" && !canBeKey(s.BootstrapKey) {
		return bad("DUNWELL_BOOTSTRAP_API_KEY", "it must have 32 to 256 characters, none of them white space or a control character")
	}
	if s.Workers < 0 || s.Workers > 1000 {
		return bad("DUNWELL_WORKERS", "it must be 0 to 1000")
	}
	if s.RateLimit < 0 || s.RateLimit > 1_000_000 {
		return bad("DUNWELL_RATE_LIMIT", "it must be 0 (no limit) to 1000000 requests a second")
	}
	return s.OIDC.Check()
}

// canBeKey reports a text that is hard to guess and that the header of a request
// can carry.
func canBeKey(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 32 && n <= 256 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

func bad(name, what string) error { return fault.At(fault.Invalid, name, "%s", what) }

const keyBytes = 32

func decodeKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != keyBytes {
		return nil, bad("DUNWELL_MASTER_KEY", "it must be 32 bytes in base64, for instance from `openssl rand -base64 32`")
	}
	return key, nil
}

// Key returns the master key: as set, or, for SQLite, the one beside the file,
// which is made the first time.
func (d Database) Key() ([]byte, error) {
	return d.key(func(file string) error {
		if !isThere(file) {
			return nil
		}
		// A fresh key could not open the secrets that are in there.
		return bad("DUNWELL_MASTER_KEY", file+".key is missing beside a database that exists: put it back, or set the key that the database was made with. "+
			"If that is lost, `dunwell reset-key` makes a new one; then the secrets of integrations and sources must be entered anew")
	})
}

// ReplacementKey returns the key that is to become a database's, whose own is
// lost: as set, or, for SQLite, the one beside the file, which is made if it is
// missing.
func (d Database) ReplacementKey() ([]byte, error) {
	return d.key(func(string) error { return nil })
}

// CheckExists refuses a SQLite database that is not there yet.
func (d Database) CheckExists() error {
	if !d.IsSQLite() {
		return nil
	}
	file, err := SQLiteFile(d.DatabaseURL)
	if err == nil && !isThere(file) {
		err = bad("DUNWELL_DATABASE_URL", "there is no database in "+file+" yet: it gets its key when it is first served")
	}
	return err
}

// key returns the master key. Where it is to be made beside a file, mayMake says
// what speaks against it.
func (d Database) key(mayMake func(file string) error) ([]byte, error) {
	if d.MasterKey != "" {
		return decodeKey(d.MasterKey)
	}
	file, err := SQLiteFile(d.DatabaseURL)
	if err != nil {
		return nil, err
	}
	path := file + ".key"
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err == nil {
		key, err := decodeKey(string(text))
		if err != nil {
			return nil, fmt.Errorf("reading the master key %s: %w", path, err)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the master key: %w", err)
	}
	if err := mayMake(file); err != nil {
		return nil, err
	}
	return makeKey(path)
}

// isThere reports a file with something in it.
func isThere(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Size() > 0
}

// FirstKey makes the key of a SQLite database that is not there yet, for who
// makes the database and does not need the key: beside one that exists none is
// made any more.
func (d Database) FirstKey() error {
	if !d.IsSQLite() {
		return nil
	}
	file, err := SQLiteFile(d.DatabaseURL)
	if err != nil {
		return err
	}
	if isThere(file) {
		return nil
	}
	_, err = d.Key()
	return err
}

// makeKey writes a fresh key and has it on the disk before anything is
// encrypted with it.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key)                                                 // never fails: crypto/rand ends the program instead
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("making the master key: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("making the master key: %w", err), os.Remove(path))
	}
	return key, nil
}
