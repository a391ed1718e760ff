// Package pgtest gives each test a PostgreSQL database of its own.
//
// A test calls [URL] and has a new, empty database until it ends, so tests that
// use one run in parallel and leave nothing behind. The server is the one that
// DUNWELL_TEST_POSTGRES_URL names; scripts/with-postgres, and so `make test`,
// sets it. Where there is none the test skips, except in CI, where a skipped
// half of the tests would pass for a whole one.
//
// Only tests may import this package. Migrating the database is left to them.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverVar names the variable with the URL of a server on which we may create
// and drop databases.
const serverVar = "DUNWELL_TEST_POSTGRES_URL"

// patience bounds how long creating or dropping one database may take.
const patience = time.Minute

// Available reports whether there is a server, that is whether [URL] returns.
func Available() bool {
	return os.Getenv(serverVar) != ""
}

// URL creates an empty database for t, with UTF-8 text, and returns its URL. The
// database and whatever is still connected to it go when t and its subtests end.
// Without a server t skips; with CI set it fails.
func URL(t testing.TB) string {
	t.Helper()
	if !Available() {
		giveUp(t)
	}
	server, err := url.Parse(os.Getenv(serverVar))
	if err != nil || (server.Scheme != "postgres" && server.Scheme != "postgresql") {
		// The value itself may hold a password.
		t.Fatalf("%s must have the form postgres://user@host:port/database", serverVar)
	}
	// template0 accepts no connections, so nobody can be in the way of copying it.
	return create(t, server, "template0")
}

// Copy creates a database that is a copy of another, with whose URL nobody is
// connected, and returns its URL. It goes as that of [URL] does.
func Copy(t testing.TB, of string) string {
	t.Helper()
	database, err := url.Parse(of)
	if err != nil || len(database.Path) < 2 {
		t.Fatalf("the URL of a database is needed, such as URL returns")
	}
	server := *database
	server.Path = "/postgres"
	return create(t, &server, database.Path[1:])
}

func create(t testing.TB, server *url.URL, template string) string {
	t.Helper()
	name := newName()
	run(t, server, "CREATE DATABASE "+name+" TEMPLATE "+template+" ENCODING 'UTF8'")
	t.Cleanup(func() { run(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })

	database := *server
	database.Path = "/" + name
	return database.String()
}

func giveUp(t testing.TB) {
	t.Helper()
	switch os.Getenv("CI") {
	case "", "0", "false":
		t.Skipf("no PostgreSQL: %s is not set; `make test` starts a server", serverVar)
	default:
		t.Fatalf("no PostgreSQL, and CI is set: run the tests through scripts/with-postgres, or set %s", serverVar)
	}
}

// newName returns a database name that needs no quoting.
func newName() string {
	var b [10]byte
	rand.Read(b[:])
	return "dunwell_" + hex.EncodeToString(b[:])
}

// run executes one statement on a connection of its own. A test's context is
// cancelled before its cleanups run, which is when the database must go.
func run(t testing.TB, server *url.URL, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.String())
	if err != nil {
		t.Fatalf("connecting to the server of %s: %v", serverVar, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("executing %s: %v", statement, err)
	}
}
