package pgtest_test

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dunwellhq/dunwell/internal/pgtest"
)

const serverVar = "DUNWELL_TEST_POSTGRES_URL"

func TestURLGivesEachCallAnEmptyDatabase(t *testing.T) {
	first, second := connect(t, pgtest.URL(t)), connect(t, pgtest.URL(t))
	if _, err := first.Exec(t.Context(), "CREATE TABLE mine (n int)"); err != nil {
		t.Fatal(err)
	}
	const tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
	for _, tt := range []struct {
		name string
		conn *pgx.Conn
		want int
	}{{"first", first, 1}, {"second", second, 0}} {
		var got int
		if err := tt.conn.QueryRow(t.Context(), tables).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("tables in the %s database: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestURLDropsTheDatabaseThatIsStillInUse(t *testing.T) {
	admin := connect(t, pgtest.URL(t))
	exists := func(name string) bool {
		var found bool
		err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	var name string
	t.Run("user", func(t *testing.T) {
		database := pgtest.URL(t)
		parsed, err := url.Parse(database)
		if err != nil {
			t.Fatal(err)
		}
		name = strings.TrimPrefix(parsed.Path, "/")
		if _, err := pgx.Connect(t.Context(), database); err != nil {
			t.Fatal(err)
		}
		if !exists(name) {
			t.Errorf("database %q during its test: got none", name)
		}
	})
	if exists(name) {
		t.Errorf("database %q after its test: still there", name)
	}
}

func TestWithoutServer(t *testing.T) {
	for _, tt := range []struct {
		ci, want string
	}{
		{"", "skipped: no PostgreSQL: DUNWELL_TEST_POSTGRES_URL is not set; `make test` starts a server"},
		{"false", "skipped: no PostgreSQL: DUNWELL_TEST_POSTGRES_URL is not set; `make test` starts a server"},
		{"true", "failed: no PostgreSQL, and CI is set: run the tests through scripts/with-postgres, or set DUNWELL_TEST_POSTGRES_URL"},
	} {
		t.Run("CI="+tt.ci, func(t *testing.T) {
			t.Setenv(serverVar, "")
			t.Setenv("CI", tt.ci)
			if pgtest.Available() {
				t.Error("Available: got true, want false")
			}
			if got := outcome(t); got != tt.want {
				t.Errorf("URL: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMalformedServerIsNotShown(t *testing.T) {
	t.Setenv(serverVar, "host=localhost password=hunter2")
	const want = "failed: DUNWELL_TEST_POSTGRES_URL must have the form postgres://user@host:port/database"
	if got := outcome(t); got != want {
		t.Errorf("URL: got %q, want %q", got, want)
	}
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

// outcome calls URL with a stand-in for t and tells how that test would have ended.
func outcome(t *testing.T) string {
	fake := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // Fatalf and Skipf end their goroutine
		defer close(done)
		pgtest.URL(fake)
	}()
	<-done
	return fake.said
}

type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.said = "skipped: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = "failed: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}
