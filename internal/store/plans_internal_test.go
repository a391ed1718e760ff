package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// TestSQLiteLooksUp runs what is asked while messages are planned, fired and
// stopped, and sees that SQLite finds each of them by a key, however many rows
// there are: it walks through no table, and through no key of which it knows the
// platform alone.
func TestSQLiteLooksUp(t *testing.T) {
	cfg := Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "d.db"), MasterKey: bytes.Repeat([]byte{7}, 32), Log: slog.New(slog.DiscardHandler)}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, ids, keys, now := t.Context(), []string{"a"}, []billing.Key{{Kind: billing.KindInvoice, ID: "a"}}, time.Unix(1, 0)
	err = s.Write(ctx, func(tx *Tx) error {
		var errs []error
		did := func(_ any, err error) { errs = append(errs, err) }
		did(tx.DatedTriggers(ctx, "p", billing.KindInvoice, ids))
		for _, ids := range [][]string{ids, make([]string, manyKeys)} {
			did(tx.FiredSteps(ctx, "p", billing.KindInvoice, ids))
			did(tx.PaymentsOfAll(ctx, "p", ids))
			did(tx.SchedulesOf(ctx, "p", ids))
			did(tx.ReadResources(ctx, "p", billing.KindInvoice, ids))
		}
		did(tx.PlannedOf(ctx, "p", ids))
		did(tx.DueTriggers(ctx, "p", now, 10))
		did(tx.WithDue(ctx, now))
		did(tx.Backlog(ctx, "p", 10))
		did(tx.WaitingForCustomers(ctx, "p", ids))
		did(tx.WaitingForInvoices(ctx, "p", ids))
		did(tx.WaitingSince(ctx, now, 10))
		did(tx.NotFired(ctx, "p", ids))
		did(tx.StoppedByClosing(ctx, "p", ids))
		did(tx.LockOf(ctx, "p", billing.KindInvoice, "a"))
		did(tx.LockSchedulesOf(ctx, "p", ids))
		did(tx.LockPaymentsOf(ctx, "p", ids))
		did(tx.OpenOf(ctx, "p", ids))
		did(tx.Sweepable(ctx, now, now))
		did(tx.holdsOn(ctx, "p", keys))
		did(0, tx.EraseWords(ctx, "p", "a"))
		_, _, err := tx.Deadlines(ctx, "p", AllSpans(billing.KindInvoice, false)[0], Place{}, 10)
		return errors.Join(append(errs, err)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []billing.Kind{billing.KindCustomer, billing.KindInvoice} {
		if _, err := s.Timeline(ctx, "p", kind, "a", Query{Page: 1, Limit: 10}); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Resource(ctx, "p", billing.KindInvoice, "a"); err == nil {
		t.Error("there is an invoice")
	}
	seen := 0
	texts.Range(func(_, text any) bool {
		if table.MatchString(text.(string)) {
			seen++
			looksUp(t, s, text.(string))
		}
		return true
	})
	if seen < 25 {
		t.Errorf("of %d statements it was asked, want 25 or more", seen)
	}
}

var (
	table     = regexp.MustCompile(`^(?:SELECT|WITH) (?s:.*) FROM (?:triggers|resources|executions|holds)\b`)
	parameter = regexp.MustCompile(`\$\d+`)
	walks     = regexp.MustCompile(`^SCAN (?:triggers|resources|executions|holds)$|^SEARCH (?:triggers|resources|executions|[ade]) .* \(platform_id=\?(?: AND kind=\?)?\)$`)
)

func looksUp(t *testing.T, s *Store, text string) {
	t.Helper()
	used := map[string]bool{}
	for _, p := range parameter.FindAllString(text, -1) {
		used[p] = true
	}
	plan, err := all(t.Context(), s.c, func(rs rows) (string, error) {
		var detail string
		var id, parent, unused int
		return detail, rs.Scan(&id, &parent, &unused, &detail)
	}, `EXPLAIN QUERY PLAN `+text, make([]any, len(used))...)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
	for _, line := range plan {
		if walks.MatchString(line) {
			t.Errorf("%s\n\t%s", strings.Join(strings.Fields(text), " "), line)
		}
	}
}
