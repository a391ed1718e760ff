package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)

func config(url string) store.Config {
	return store.Config{URL: url, MasterKey: bytes.Repeat([]byte{7}, 32), Log: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	if err := store.Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onBoth runs a test on SQLite and on PostgreSQL, with one platform.
func onBoth(t *testing.T, test func(*testing.T, *store.Store, platform.ID)) {
	run := func(t *testing.T, url string) {
		s := open(t, config(url))
		id := platform.ID(ident.New("plat"))
		write(t, s, func(tx *store.Tx) error {
			return tx.InsertPlatform(t.Context(), platform.Platform{ID: id, Reference: string(id), Sending: platform.On, CreatedAt: now})
		})
		test(t, s, id)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}

func write(t *testing.T, s *store.Store, do func(*store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func draft(reference string) workflow.Workflow {
	return workflow.Workflow{
		ID: workflow.ID(ident.New("wkfl")), Reference: reference, Name: "n", Type: workflow.Invoice, Status: workflow.Draft,
		CreatedAt: now, UpdatedAt: now,
	}
}

func TestJoinKeepsTheFaultOfOneFromTheOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		write(t, s, func(tx *store.Tx) error { return tx.InsertWorkflow(t.Context(), p, draft("taken")) })
		const n = 40
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				reference := fmt.Sprint("r", i)
				if i%4 == 0 {
					reference = "taken"
				}
				errs[i] = s.Join(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					return tx.InsertWorkflow(ctx, p, draft(reference))
				})
			})
		}
		wg.Wait()
		for i, err := range errs {
			if i%4 == 0 && !fault.Is(err, fault.Exists) {
				t.Errorf("write %d: got %v, want a fault of the reference", i, err)
			}
			if i%4 != 0 && err != nil {
				t.Errorf("write %d: got %v, want none", i, err)
			}
		}
		page, err := s.Workflows(t.Context(), p, store.Query{Page: 1, Limit: 100})
		if err != nil || len(page.Items) != 1+n*3/4 {
			t.Errorf("got %d workflows, %v, want %d", len(page.Items), err, 1+n*3/4)
		}
	})
}

func TestWriteLeavesNothingOfAFailure(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		failure := errors.New("on purpose")
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.InsertWorkflow(t.Context(), p, draft("half")); err != nil {
				return err
			}
			return failure
		})
		if !errors.Is(err, failure) {
			t.Fatalf("got %v, want the failure", err)
		}
		if _, err := s.Workflow(t.Context(), p, "half"); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want nothing stored", err)
		}
	})
}

func TestAnIDWinsOverAnEqualReference(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		first := draft("one")
		second := draft(string(first.ID))
		write(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.InsertWorkflow(t.Context(), p, first), tx.InsertWorkflow(t.Context(), p, second))
		})
		got, err := s.Workflow(t.Context(), p, string(first.ID))
		if err != nil || got.ID != first.ID {
			t.Errorf("got %s, %v, want %s", got.ID, err, first.ID)
		}
	})
}

func TestListsPageAndFilterWithinThePlatform(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		write(t, s, func(tx *store.Tx) error {
			for i := range 5 {
				w := draft(fmt.Sprint("r", i))
				w.CreatedAt = now.Add(time.Duration(i) * time.Second)
				if err := tx.InsertWorkflow(t.Context(), p, w); err != nil {
					return err
				}
			}
			return tx.InsertWorkflow(t.Context(), "plat_other", draft("r0"))
		})
		page, err := s.Workflows(t.Context(), p, store.Query{Page: 2, Limit: 2})
		if err != nil || len(page.Items) != 2 || !page.More || page.Items[0].Reference != "r2" {
			t.Fatalf("page 2: got %+v, %v, want r2, r1 and more", page, err)
		}
		page, err = s.Workflows(t.Context(), p, store.Query{
			Page: 1, Limit: 9, Ascending: true, Filters: []store.Filter{{Field: "reference", Values: []string{"r0", "r4", "%"}}},
		})
		if err != nil || len(page.Items) != 2 || page.More || page.Items[1].Reference != "r4" {
			t.Fatalf("filtered: got %+v, %v, want r0, r4 of this platform", page, err)
		}
		for _, q := range []store.Query{{Page: 1, Limit: 1, OrderBy: "doc; DROP"}, {Page: 1, Limit: 1, Filters: []store.Filter{{Field: "doc"}}}} {
			if _, err := s.Workflows(t.Context(), p, q); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: got %v, want it refused", q, err)
			}
		}
	})
}

// A value is compared as it stands: %, _, [ and * are characters like others,
// and letters of all scripts have two cases.
func TestListsMatchParts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		names := []string{"Überfällig", "überfällig 2", "100% due", "100 % due", "a_b", "axb", "[x]*", "due", ""}
		write(t, s, func(tx *store.Tx) error {
			for i, name := range names {
				w := draft(fmt.Sprint("r", i))
				w.Name, w.CreatedAt = name, now.Add(time.Duration(i)*time.Second)
				if err := tx.InsertWorkflow(t.Context(), p, w); err != nil {
					return err
				}
			}
			return nil
		})
		start, end, both := store.Match{Before: true}, store.Match{After: true}, store.Match{Before: true, After: true}
		for _, c := range []struct {
			value string
			match store.Match
			want  []string
		}{
			{"due", store.Match{}, []string{"due"}},
			{"due", start, []string{"100% due", "100 % due", "due"}},
			{"100", end, []string{"100% due", "100 % due"}},
			{"% d", both, []string{"100% due", "100 % due"}},
			{"0% d", both, []string{"100% due"}},
			{"a_b", both, []string{"a_b"}},
			{"[x]*", end, []string{"[x]*"}},
			{"ÜBER", store.Match{After: true, IgnoreCase: true}, []string{"Überfällig", "überfällig 2"}},
			{"ÜBERFÄLLIG", store.Match{IgnoreCase: true}, []string{"Überfällig"}},
			{"über", end, []string{"überfällig 2"}},
			{"a far longer value than any name", start, nil},
			{"a far longer value than any name", end, nil},
			{"", both, names},
			{"", store.Match{}, []string{""}},
		} {
			page, err := s.Workflows(t.Context(), p, store.Query{
				Page: 1, Limit: 50, Ascending: true,
				Any: [][]store.Filter{{{Field: "name", Values: []string{c.value}, Match: c.match}, {Field: "id", Values: []string{"none"}}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range page.Items {
				got = append(got, w.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%q %+v (-want +got):\n%s", c.value, c.match, diff)
			}
		}
		second := store.Filter{Field: "created_at", Values: []string{fmt.Sprint(now.Add(time.Second).Unix()), "0"}}
		page, err := s.Workflows(t.Context(), p, store.Query{Page: 1, Limit: 9, Filters: []store.Filter{second}})
		if err != nil || len(page.Items) != 1 || page.Items[0].Name != names[1] {
			t.Errorf("by second: got %+v, %v, want %q", page, err, names[1])
		}
	})
}

// An argument is bound by the number in the statement, not by its place in it:
// modernc.org/sqlite and pgx must agree on that.
func TestParametersAreBoundByNumber(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		c := &billing.Customer{Email: "a@b.example"}
		c.ID, c.Reference = "c1", "ref"
		write(t, s, func(tx *store.Tx) error {
			return tx.WriteResources(t.Context(), p, []store.Row{{Resource: c, Revision: 1, New: true}})
		})
		got, err := s.Resource(t.Context(), p, billing.KindCustomer, "ref")
		if err != nil || got.Base().ID != "c1" {
			t.Errorf("got %v, %v, want c1 by its reference", got, err)
		}
	})
}

func TestALostInsertIsRunAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		c := &billing.Customer{}
		c.ID = "c1"
		row := store.Row{Resource: c, Revision: 1, New: true}
		write(t, s, func(tx *store.Tx) error { return tx.WriteResources(t.Context(), p, []store.Row{row}) })
		runs := 0
		write(t, s, func(tx *store.Tx) error {
			runs++
			row.New = runs == 1 // the second look finds the row that was lost against
			row.Revision = 2
			return tx.WriteResources(t.Context(), p, []store.Row{row})
		})
		if runs != 2 {
			t.Errorf("the transaction ran %d times, want 2", runs)
		}
	})
}

func TestSecretsAreEncryptedAndBoundToTheirRow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		in := platform.Integration{ID: "intg_1", Credentials: platform.Credentials{Username: "u", Password: "canary-password"}}
		write(t, s, func(tx *store.Tx) error { return tx.PutIntegration(t.Context(), p, in, false) })
		got, err := s.OpenIntegration(t.Context(), p, "intg_1")
		if err != nil || got.Credentials != in.Credentials {
			t.Fatalf("got %v, want the credentials back", err)
		}
		if seen, err := s.Integration(t.Context(), p, "intg_1"); err != nil || seen.Credentials != (platform.Credentials{}) {
			t.Errorf("for who only looks: got %v, want no credentials", err)
		}
		if text := fmt.Sprintf("%v %+v", got.Credentials, got); strings.Contains(text, "canary") {
			t.Errorf("a formatted integration shows its password: %s", text)
		}
	})
}

func TestSecretsAreNotInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.db")
	s := open(t, config("sqlite:"+path))
	write(t, s, func(tx *store.Tx) error {
		return tx.PutIntegration(t.Context(), "plat_1", platform.Integration{ID: "intg_1", Credentials: platform.Credentials{Password: "canary-password"}}, false)
	})
	found := false
	for _, name := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(raw, []byte("intg_1"))
		if bytes.Contains(raw, []byte("canary-password")) {
			t.Errorf("%s holds the password in clear", name)
		}
	}
	if !found {
		t.Error("the integration is in neither file, so the test looked at nothing")
	}
}

func TestASecondProcessOnOneFileIsRefusedInWords(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "d.db")
	open(t, config(url))
	_, err := store.Open(t.Context(), config(url))
	if err == nil || !strings.Contains(err.Error(), "another dunwell process is using") {
		t.Errorf("got %v, want it refused in words", err)
	}
}

func TestPostgresWithoutASchemaSaysWhatToDo(t *testing.T) {
	_, err := store.Open(t.Context(), config(pgtest.URL(t)))
	if err == nil || !strings.Contains(err.Error(), "dunwell migrate") {
		t.Errorf("got %v, want it to name the command", err)
	}
}

func TestAUnreachableDatabaseIsAFault(t *testing.T) {
	_, err := store.Open(t.Context(), config("postgres://nobody@127.0.0.1:1/none"))
	if err == nil {
		t.Error("got none, want an error")
	}
}

// A lane that is waiting to be looked at is not put into the queue again; one
// that is being looked at is, or what becomes due meanwhile would be forgotten.
func TestOneWakeUpWaitsPerLane(t *testing.T) {
	run := func(t *testing.T, url string) {
		begun, end := make(chan struct{}, 8), make(chan struct{})
		cfg := config(url)
		cfg.Workers = 1
		cfg.Work = func(context.Context, store.Lane) {
			begun <- struct{}{}
			<-end
		}
		s := open(t, cfg)
		wake := func() {
			write(t, s, func(tx *store.Tx) error {
				tx.Wake(store.Lane{PlatformID: "plat_1", Number: 3})
				return nil
			})
		}
		if err := s.StartQueue(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		wake()
		<-begun
		for range 5 {
			wake() // while the first is being worked on: one of these waits
		}
		close(end)
		<-begun
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.StopQueue(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(begun); n != 0 {
			t.Errorf("%d more drains began, want none", n)
		}
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}
