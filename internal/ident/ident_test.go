package ident_test

import (
	"testing"

	"github.com/dunwellhq/dunwell/internal/ident"
)

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 5000 {
		id := ident.New("wkfl")
		if !ident.Has(id, "wkfl") || seen[id] {
			t.Fatalf("got %q, want a fresh wkfl_ and 20 base-62 characters", id)
		}
		seen[id] = true
		for _, c := range id[5:] {
			letters[c]++
		}
	}
	for c, n := range letters {
		if n < 1300 || n > 1950 { // 100,000 / 62, five sigma and more
			t.Errorf("character %c: got it %d times in 100,000, want about 1,613", c, n)
		}
	}
	if len(letters) != 62 {
		t.Errorf("got %d different characters, want 62", len(letters))
	}
}

func TestHas(t *testing.T) {
	for id, want := range map[string]bool{
		"wkfl_00000000000000000000":  true,
		"wkfl_0000000000000000000":   false,
		"wkfl_000000000000000000000": false,
		"wkfl_0000000000000000000-":  false,
		"wkac_00000000000000000000":  false,
		"":                           false,
	} {
		if got := ident.Has(id, "wkfl"); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
}
