package store_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// TestRemembered: a reply is found until it expires, is then replaced, and goes
// with the others that have expired.
func TestRemembered(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		ctx, begin := t.Context(), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		key := func(p platform.ID, i int) store.Idempotency {
			return store.Idempotency{PlatformID: p, Credential: "akey_1", Method: "POST", Path: "/", Key: strconv.Itoa(i)}
		}
		remember := func(p platform.ID, i int, now time.Time) error {
			return s.Write(ctx, func(tx *store.Tx) error {
				return tx.Remember(ctx, key(p, i), store.Remembered{RequestHash: "h", Status: 201, Body: now.String()}, now)
			})
		}
		count := func(p platform.ID) int {
			n := 0
			for i := range 151 {
				_, found, err := s.Remembered(ctx, key(p, i), begin)
				if err != nil {
					t.Fatal(err)
				}
				if found {
					n++
				}
			}
			return n
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range 150 {
			must(remember(p, i, begin))
		}
		must(remember("plat_other", 0, begin))
		end := begin.Add(store.IdempotencyLife)
		if err := remember(p, 7, end.Add(-time.Microsecond)); !errors.Is(err, store.ErrRemembered) {
			t.Errorf("got %v", err)
		}
		if _, found, err := s.Remembered(ctx, key(p, 7), end.Add(-time.Microsecond)); !found || err != nil {
			t.Errorf("the reply ended early: %v", err)
		}
		if _, found, err := s.Remembered(ctx, key(p, 7), end); found || err != nil {
			t.Errorf("the reply did not end: %v", err)
		}
		must(remember(p, 7, end))
		got, found, err := s.Remembered(ctx, key(p, 7), end)
		if err != nil || !found || got != (store.Remembered{RequestHash: "h", Status: 201, Body: end.String()}) {
			t.Errorf("got %v %v %v", got, found, err)
		}
		if n := count(p); n != 50 {
			t.Errorf("%d are left, want 50", n)
		}
		must(remember(p, 150, end))
		if n := count(p); n != 2 {
			t.Errorf("%d are left, want the fresh 2", n)
		}
		if n := count("plat_other"); n != 1 {
			t.Error("another platform's reply is gone")
		}
	})
}
