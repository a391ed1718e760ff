package billing

import "time"

// SnapshotID identifies a snapshot (snap_…).
type SnapshotID string

// OnAbsent says what becomes of what the source no longer has.
type OnAbsent string

// What becomes of it.
const (
	Report OnAbsent = "REPORT" // it is listed, and stays as it is
	Close  OnAbsent = "CLOSE"  // it is listed and ended
)

// OnAbsents lists them.
var OnAbsents = []OnAbsent{Report, Close}

// SnapshotStatus is where a snapshot stands.
type SnapshotStatus string

// The states of a snapshot.
const (
	SnapshotOpen    SnapshotStatus = "OPEN"   // it takes resources
	SnapshotEnding  SnapshotStatus = "ENDING" // what it lacks is being looked for
	SnapshotEnded   SnapshotStatus = "ENDED"
	SnapshotExpired SnapshotStatus = "EXPIRED" // before it ended: it is being forgotten
)

// SnapshotLife is how long a snapshot is kept from its begin.
const SnapshotLife = 24 * time.Hour

// SnapshotKinds are the kinds that a snapshot can be of. A seller is set up once,
// and has no life that a lost webhook could leave behind.
var SnapshotKinds = []Kind{
	KindCustomer, KindContact, KindSubscription, KindSchedule, KindWalletType, KindWallet, KindInvoice, KindPayment,
}

// OfCustomers are the kinds that say themselves whose they are: a snapshot of one
// customer can be of these.
var OfCustomers = []Kind{KindCustomer, KindContact, KindSubscription, KindWallet, KindInvoice, KindPayment}

// Snapshot is all that a source has of some kinds, as it is told from the begin
// to the end of it. What is stored, still open, and not told is absent: the
// source no longer has it.
type Snapshot struct {
	ID         SnapshotID     `json:"id"`
	Kinds      []Kind         `json:"object_types"`
	CustomerID CustomerID     `json:"customer_id"` // "": of all customers
	OnAbsent   OnAbsent       `json:"on_absent"`
	Status     SnapshotStatus `json:"-"`
	BegunAt    time.Time      `json:"begun_at"`
	ExpiresAt  time.Time      `json:"expires_at"`
	EndedAt    time.Time      `json:"ended_at"`

	Seen    int64 `json:"-"` // resources of its kinds that were told, each once
	Applied int64 `json:"-"` // states that became the stored ones

	AbsentCount int64    `json:"absent_count"`
	ClosedCount int64    `json:"closed_count"`
	Absent      []Absent `json:"absent"` // the first of them, at most MostAbsent
	// LookedTo is the last resource that was looked at, in the order of Kinds and
	// then of ids; the zero Key before the first.
	LookedTo Key `json:"looked_to"`
}

// MostAbsent bounds the list of a snapshot. All are counted.
const MostAbsent = 1_000

// Absent is a resource that the source no longer has.
type Absent struct {
	Kind   Kind   `json:"object_type"`
	ID     string `json:"id"`
	Closed bool   `json:"closed"`
}

// Note adds a resource to what is absent.
func (s *Snapshot) Note(key Key, closed bool) {
	s.AbsentCount++
	if closed {
		s.ClosedCount++
	}
	if len(s.Absent) < MostAbsent {
		s.Absent = append(s.Absent, Absent{key.Kind, key.ID, closed})
	}
}

// clocksApart is how far the clocks of two nodes may be apart.
const clocksApart = 2 * time.Second

// Lacks reports whether a stored state that was not told says that the source no
// longer has the resource: it is open, and nothing was told of it since the
// snapshot began. What was, by whatever way, may be newer than what the source
// listed.
func (s *Snapshot) Lacks(r Resource, now time.Time) bool {
	return r.Base().UpdatedAt.Before(s.BegunAt.Add(-clocksApart)) && IsOpen(r, now)
}

// IsOpen reports whether something may still be written because of a resource,
// or about it. What is not open has ended by itself and need not be told again.
func IsOpen(r Resource, now time.Time) bool {
	switch r := r.(type) {
	case *Customer:
		return !r.Closed()
	case *Contact:
		return true
	case *Subscription:
		return !r.Ended()
	case *Schedule:
		return r.EndAt.IsZero() || r.EndAt.After(now)
	case *WalletType:
		return r.Status != WalletArchived
	case *Wallet:
		return r.Status != WalletArchived
	case *Invoice:
		return r.Status == InvoiceDraft || r.Status == InvoiceOpen || r.Collectible()
	case *Payment:
		return r.Result == Pending
	default:
		return false
	}
}

// Over are the states of a kind in which nothing is open, as they are listed.
func Over(kind Kind) []string {
	switch kind {
	case KindCustomer:
		return []string{string(CustomerArchived), string(CustomerClosed)}
	case KindSubscription:
		return []string{string(SubscriptionCancelled), string(SubscriptionVoid), string(SubscriptionArchived)}
	case KindWalletType, KindWallet:
		return []string{string(WalletArchived)}
	case KindInvoice:
		return []string{string(InvoiceVoid), string(InvoiceArchived)}
	case KindPayment:
		return []string{
			string(Authorized), string(Cancelled), string(ChargedBack), string(Errored), string(Refused), string(Refunded),
		}
	default:
		return nil
	}
}

// End makes a state the last one of a resource that the source no longer has, in
// place. It reports false for one without a state that says so: that is deleted.
func (s *Snapshot) End(r Resource) bool {
	switch r := r.(type) {
	case *Customer:
		r.Status = CustomerArchived
	case *Subscription:
		r.Status = SubscriptionCancelled
	case *WalletType:
		r.Status = WalletArchived
	case *Wallet:
		r.Status = WalletArchived
	case *Invoice:
		r.Status = InvoiceArchived
	case *Payment:
		r.Result = Cancelled
	default:
		return false
	}
	r.Base().ClosedBy = s.ID
	return true
}
