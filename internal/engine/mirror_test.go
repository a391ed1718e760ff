package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// What is named before it is known has a row, so that two transactions which
// bring both at once cannot miss each other; it is known when it arrives.
func TestNamedBeforeKnown(t *testing.T) {
	onBoth(t, func(w *world) {
		rows := func(kind billing.Kind, ids ...string) map[string]int64 {
			w.Helper()
			found, err := w.s.ReadResources(w.ctx, w.p, kind, ids)
			w.must(err)
			revisions := map[string]int64{}
			for id, row := range found {
				revisions[id] = row.Revision
			}
			return revisions
		}
		subscription := &billing.Subscription{Head: billing.Head{ID: "s1"}, CustomerID: "c1", Status: billing.SubscriptionActive}
		schedule := &billing.Schedule{Head: billing.Head{ID: "p1"}, SubscriptionID: "s1", Type: billing.Trial}
		wallet := &billing.Wallet{Head: billing.Head{ID: "w1"}, CustomerID: "c2", WalletTypeID: "t1"}
		walletType := &billing.WalletType{Head: billing.Head{ID: "t1"}, Name: "API credits", Status: billing.WalletActive}

		w.ingest(schedule, wallet)
		if diff := cmp.Diff(map[string]int64{"s1": 0}, rows(billing.KindSubscription, "s1")); diff != "" {
			t.Errorf("a schedule's subscription (-want +got):\n%s", diff)
		}
		if _, err := w.s.Resource(w.ctx, w.p, billing.KindSubscription, "s1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a subscription that was only named: got %v, want it not found", err)
		}
		w.ingest(subscription)
		if diff := cmp.Diff(map[string]int64{"c1": 0, "c2": 0}, rows(billing.KindCustomer, "c1", "c2")); diff != "" {
			t.Errorf("the customers of a subscription and a wallet (-want +got):\n%s", diff)
		}
		if got := rows(billing.KindWalletType, "t1"); len(got) != 0 {
			t.Errorf("a wallet's type, for which nothing waits: got %v, want no row", got)
		}
		results := w.ingest(walletType, w.customer("c1"), w.customer("c2"))
		for i, r := range results {
			if !r.Created || !r.Applied {
				t.Errorf("item %d: got %+v, want it created", i, r)
			}
		}
		want := map[string]int64{"s1": 1}
		if diff := cmp.Diff(want, rows(billing.KindSubscription, "s1")); diff != "" {
			t.Errorf("the subscription that arrived (-want +got):\n%s", diff)
		}
		for _, r := range []billing.Resource{subscription, schedule, wallet, walletType} {
			got, err := w.s.Resource(w.ctx, w.p, r.Kind(), r.Base().ID)
			if err != nil || !billing.SameContent(got, r) {
				t.Errorf("%s: got %+v, %v, want %+v", r.Kind(), got, err, r)
			}
		}
	})
}
