package billing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
)

func TestRevives(t *testing.T) {
	number := func(n int64) billing.Version { return billing.Version{Kind: billing.ByNumber, Number: n} }
	at := func(n int64) billing.Version { return billing.Version{Kind: billing.ByTime, Number: n} }
	for name, c := range map[string]struct {
		deleted, incoming billing.Version
		mode              billing.Mode
		want              bool
	}{
		"without an order":      {billing.Version{}, billing.Version{}, billing.Replace, true},
		"an order now":          {billing.Version{}, number(1), billing.Replace, true},
		"a state from before":   {number(5), number(4), billing.Replace, false},
		"the deleted state":     {number(5), number(5), billing.Replace, false},
		"a later state":         {number(5), number(6), billing.Replace, true},
		"a second too early":    {at(5), at(4), billing.Restate, false},
		"a second later":        {at(5), at(6), billing.Restate, true},
		"another order":         {at(5), number(1), billing.Replace, true},
		"no order any more":     {number(5), billing.Version{}, billing.Replace, true},
		"a part":                {number(5), number(6), billing.Merge, true},
		"in passing":            {number(5), number(6), billing.Fill, false},
		"in passing, unordered": {billing.Version{}, billing.Version{}, billing.Fill, false},
	} {
		deleted := billing.Deleted(&billing.Customer{Head: billing.Head{ID: "c", Reference: "r", Version: c.deleted}, Email: "a@acme.example"})
		if diff := cmp.Diff(&billing.Customer{Head: billing.Head{ID: "c", Version: c.deleted}}, deleted); diff != "" {
			t.Fatalf("what is left (-want +got):\n%s", diff)
		}
		if got := billing.Revives(deleted, &billing.Customer{Head: billing.Head{ID: "c", Version: c.incoming}}, c.mode); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestWithoutPersonLeavesTheStateItIsMadeOf(t *testing.T) {
	in := &billing.Invoice{
		Head: billing.Head{ID: "i", Metadata: []byte(`{"a":1}`)}, Number: "1", CustomerReference: "PO", PDFURL: "https://x.example/",
		Lines: []billing.Line{{Description: "for Ada", Quantity: "2"}},
	}
	got := billing.WithoutPerson(in)
	want := &billing.Invoice{Head: billing.Head{ID: "i"}, Number: "1", Lines: []billing.Line{{Quantity: "2"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in.Lines[0].Description != "for Ada" || in.Metadata == nil {
		t.Errorf("the state itself has changed: %+v", in)
	}
}

func TestPatched(t *testing.T) {
	paid := func(v int64) *billing.Invoice {
		return &billing.Invoice{Head: billing.Head{ID: "i", Version: billing.Version{Kind: billing.ByNumber, Number: v}}, Status: billing.InvoiceFinal, PaymentStatus: billing.Paid}
	}
	back := func(v billing.Version) func(billing.Resource) error {
		return func(r billing.Resource) error {
			r.(*billing.Invoice).PaymentStatus, r.Base().Version = billing.Unpaid, v
			return nil
		}
	}
	number := func(n int64) billing.Version { return billing.Version{Kind: billing.ByNumber, Number: n} }
	for name, c := range map[string]struct {
		patch   func(billing.Resource) error
		verdict billing.Verdict
		version int64
	}{
		"back in its life, without a version": {back(billing.Version{}), billing.Apply, 5},
		"with a later one":                    {back(number(6)), billing.Apply, 6},
		"with the same one":                   {back(number(5)), billing.Stale, 5},
		"with an older one":                   {back(number(4)), billing.Stale, 4},
		"of nothing":                          {func(billing.Resource) error { return nil }, billing.Unchanged, 5},
	} {
		stored := paid(5)
		got, verdict, err := billing.Patched(stored, c.patch)
		if err != nil || verdict != c.verdict || got.Base().Version != number(c.version) {
			t.Errorf("%s: got %v %v %v, want %v of version %d", name, got, verdict, err, c.verdict, c.version)
		}
		if diff := cmp.Diff(paid(5), stored); diff != "" {
			t.Errorf("%s: the stored state has changed:\n%s", name, diff)
		}
	}
	if _, _, err := billing.Patched(paid(5), back(billing.Version{Kind: billing.ByTime, Number: 9})); err == nil {
		t.Error("another kind of version: got no error")
	}
}
