package billing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// TestOverIsNotOpen: what the database takes to be over is not open, whatever else
// its state says.
func TestOverIsNotOpen(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	euro := billing.Money{Quantity: "1.00", Currency: "EUR"}
	inState := func(kind billing.Kind, status string) billing.Resource {
		switch kind {
		case billing.KindCustomer:
			return &billing.Customer{Status: billing.CustomerStatus(status)}
		case billing.KindSubscription:
			return &billing.Subscription{Status: billing.SubscriptionStatus(status)}
		case billing.KindWalletType:
			return &billing.WalletType{Status: billing.WalletStatus(status)}
		case billing.KindWallet:
			return &billing.Wallet{Status: billing.WalletStatus(status)}
		case billing.KindInvoice:
			return &billing.Invoice{Status: billing.InvoiceStatus(status), Total: euro}
		case billing.KindPayment:
			return &billing.Payment{Result: billing.PaymentResult(status)}
		default:
			return nil
		}
	}
	for _, kind := range billing.SnapshotKinds {
		over := billing.Over(kind)
		for _, status := range over {
			if billing.IsOpen(inState(kind, status), now) {
				t.Errorf("%s %s is over and open", kind, status)
			}
		}
		s := billing.Snapshot{ID: "snap_1"}
		r := inState(kind, "ACTIVE")
		if r == nil {
			continue
		}
		if !s.End(r) || billing.IsOpen(r, now) || r.Base().ClosedBy != "snap_1" {
			t.Errorf("%s ended: got %+v", kind, r)
		}
	}
	if states := billing.Over(billing.KindInvoice); !slices.Contains(states, "VOID") || slices.Contains(states, "FINAL") {
		t.Errorf("invoices: got %q", states)
	}
	if s := (billing.Snapshot{}); s.End(&billing.Contact{}) || s.End(&billing.Schedule{}) {
		t.Error("a contact and a schedule have no state that ends them")
	}
}

// TestClosedGivesWay: that the source no longer has a resource, only we said. What
// it says itself counts, unless that is older than what it had said before.
func TestClosedGivesWay(t *testing.T) {
	at := func(n int64, status billing.CustomerStatus, closed billing.SnapshotID) *billing.Customer {
		v := billing.Version{Kind: billing.ByNumber, Number: n}
		return &billing.Customer{Head: billing.Head{ID: "c", Version: v, ClosedBy: closed}, Status: status}
	}
	closed := at(5, billing.CustomerArchived, "snap_1")
	for name, c := range map[string]struct {
		stored, incoming *billing.Customer
		want             billing.Verdict
	}{
		"the same state":       {closed, at(5, billing.CustomerActive, ""), billing.Apply},
		"an older one":         {closed, at(4, billing.CustomerActive, ""), billing.Stale},
		"a later one":          {closed, at(6, billing.CustomerActive, ""), billing.Apply},
		"archived there, too":  {closed, at(5, billing.CustomerArchived, ""), billing.Apply},
		"closed by its source": {at(5, billing.CustomerArchived, ""), at(5, billing.CustomerActive, ""), billing.Stale},
	} {
		if got, err := billing.Judge(c.stored, c.incoming); got != c.want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
	for mode, want := range map[billing.Mode]billing.SnapshotID{billing.Merge: "", billing.Fill: "snap_1", billing.Replace: "", billing.Restate: ""} {
		got, err := billing.Combine(closed, at(5, billing.CustomerActive, ""), mode)
		if err != nil || got.Base().ClosedBy != want {
			t.Errorf("mode %v: got closed by %q, %v, want %q", mode, got.Base().ClosedBy, err, want)
		}
	}
	opened, verdict, err := billing.Patched(closed, func(r billing.Resource) error {
		r.(*billing.Customer).Status = billing.CustomerActive
		return nil
	})
	if err != nil || verdict != billing.Apply || opened.Base().ClosedBy != "" || opened.Base().Version.Number != 5 {
		t.Errorf("patched: got %+v, %v, %v", opened, verdict, err)
	}
	gone := billing.Deleted(closed)
	if billing.Revives(gone, at(5, billing.CustomerActive, ""), billing.Replace) {
		t.Error("who is erased comes back by the state that was erased")
	}
	gone.Base().ClosedBy = "snap_1"
	if !billing.Revives(gone, at(5, billing.CustomerActive, ""), billing.Replace) || billing.Revives(gone, at(4, billing.CustomerActive, ""), billing.Replace) {
		t.Error("what a snapshot deleted comes back by its state, and by no older one")
	}
}

// TestAnInvoiceThatComesBackIsNotNew: it had become final before it was closed.
func TestAnInvoiceThatComesBackIsNotNew(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	then := now.AddDate(0, -2, 0)
	old := &billing.Invoice{Head: billing.Head{ID: "i", ClosedBy: "snap_1"}, Status: billing.InvoiceArchived, InvoiceDate: then}
	state := &billing.Invoice{Head: billing.Head{ID: "i"}, Status: billing.InvoiceFinal, InvoiceDate: then}
	events := billing.Change{Old: old, New: state}.Events(now)
	if len(events) != 1 || !events[0].At.Equal(then) {
		t.Errorf("got %+v, want an event of %s", events, then)
	}
}
