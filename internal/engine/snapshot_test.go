package engine_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// begin begins a snapshot a while after all that is stored.
func (w *world) begin(then billing.OnAbsent, kinds ...billing.Kind) billing.SnapshotID {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	s, err := w.e.BeginSnapshot(w.ctx, w.p, billing.Snapshot{Kinds: kinds, OnAbsent: then})
	w.must(err)
	return s.ID
}

// tell tells a part of a snapshot: states, and what else the source has.
func (w *world) tell(id billing.SnapshotID, states []billing.Resource, others ...billing.Key) error {
	w.Helper()
	var batch engine.Batch
	for _, r := range states {
		batch.Items = append(batch.Items, billing.Item{Resource: r})
		others = append(others, billing.KeyOf(r))
	}
	_, _, err := w.e.IngestSnapshot(w.ctx, w.p, id, batch, others)
	return err
}

// end ends a snapshot, in as many calls as it takes.
func (w *world) end(id billing.SnapshotID) billing.Snapshot {
	w.Helper()
	for {
		s, err := w.e.EndSnapshot(w.ctx, w.p, id)
		w.must(err)
		if s.Status == billing.SnapshotEnded {
			return s
		}
	}
}

func (w *world) resource(kind billing.Kind, id string) billing.Resource {
	w.Helper()
	r, err := w.s.Resource(w.ctx, w.p, kind, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	w.must(err)
	return r
}

func absent(s billing.Snapshot) []string {
	var list []string
	for _, a := range s.Absent {
		list = append(list, fmt.Sprint(a.Kind, " ", a.ID, " ", a.Closed))
	}
	return list
}

// lives is a resource of each kind that a snapshot may be of, with id.
func (w *world) lives(id string) []billing.Resource {
	head := billing.Head{ID: id, Version: billing.Version{Kind: billing.ByNumber, Number: 5}}
	pending := w.payment(id, id)
	pending.Result = billing.Pending
	list := []billing.Resource{
		w.customer(id),
		&billing.Contact{CustomerID: "other", Email: id + "@acme.example"},
		&billing.Subscription{CustomerID: "other", Status: billing.SubscriptionActive},
		&billing.Schedule{Type: billing.Trial, SubscriptionID: "other", EndAt: w.now.Add(time.Hour)},
		&billing.WalletType{Status: billing.WalletActive},
		w.wallet(id, "other", "900"),
		w.invoice(id, "other"),
		pending,
	}
	for _, r := range list {
		*r.Base() = head
	}
	return list
}

func TestSnapshotEndsWhatTheSourceNoLongerHas(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("other"))
		w.ingest(w.lives("lost")...)
		w.ingest(w.lives("kept")...)
		kept := w.lives("kept")
		id := w.begin(billing.Close, billing.SnapshotKinds...)
		w.must(w.tell(id, append(kept, w.customer("other"))))
		s := w.end(id)
		var want []string
		for _, kind := range billing.SnapshotKinds {
			want = append(want, string(kind)+" lost true")
		}
		if diff := cmp.Diff(want, absent(s)); diff != "" || s.AbsentCount != 8 || s.ClosedCount != 8 || s.Seen != 9 || s.Applied != 0 {
			w.Errorf("got %+v\n%s", s, diff)
		}
		for _, kind := range billing.SnapshotKinds {
			if r := w.resource(kind, "kept"); r == nil || !billing.IsOpen(r, w.now) || r.Base().ClosedBy != "" {
				w.Errorf("%s kept: got %+v", kind, r)
			}
			r := w.resource(kind, "lost")
			if kind == billing.KindContact || kind == billing.KindSchedule {
				if r != nil {
					w.Errorf("%s lost: got %+v, want it deleted", kind, r)
				}
				continue
			}
			if r == nil || billing.IsOpen(r, w.now) || r.Base().ClosedBy != id || r.Base().Version.Number != 5 {
				w.Errorf("%s lost: got %+v", kind, r)
			}
		}
		if again := w.end(id); cmp.Diff(s, again) != "" {
			w.Errorf("ended again: got %+v, want the same", again)
		}

		// The source has it after all, in the very state that it had.
		w.ingest(w.lives("lost")...)
		for _, kind := range billing.SnapshotKinds {
			if r := w.resource(kind, "lost"); r == nil || !billing.IsOpen(r, w.now) || r.Base().ClosedBy != "" {
				w.Errorf("%s told again: got %+v", kind, r)
			}
		}
	})
}

// TestSnapshotStopsDunning: what is pending about an invoice that the source no
// longer has is cancelled, and so is what is pending about its payments.
func TestSnapshotStopsDunning(t *testing.T) {
	onBoth(t, func(w *world) {
		w.dated()
		w.workflow(workflow.ToFinal)
		w.workflow(workflow.FailedPayment)
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"), w.invoice("i2", "c1"), w.payment("p1", "i1"), w.payment("p2", "i2"))
		for _, invoice := range []string{"i1", "i2"} {
			_, err := w.remind(workflow.Overdue, invoice)
			w.must(err)
		}
		id := w.begin(billing.Close, billing.KindInvoice)
		w.must(w.tell(id, []billing.Resource{w.invoice("i2", "c1")}))
		if w.end(id).ClosedCount != 1 {
			w.Fatal("want i1 closed")
		}
		for _, x := range w.executions() {
			want := [2]string{string(execution.Pending), ""}
			if x.InvoiceID == "i1" {
				want = [2]string{string(execution.Cancelled), "NOT_FINAL"}
			}
			if got := [2]string{string(x.Status), string(x.Reason)}; got != want {
				w.Errorf("%s about %s: got %v, want %v", x.Variant, x.InvoiceID, got, want)
			}
		}
		for _, tr := range w.triggers() {
			if tr.InvoiceID == "i1" && tr.Status != trigger.Cancelled {
				w.Errorf("the trigger %s: got %s", tr.Variant, tr.Status)
			}
		}
		if _, err := w.remind(workflow.Overdue, "i1"); !fault.Is(err, fault.State) {
			w.Errorf("a reminder by hand: got %v", err)
		}
		moments := w.timeline(billing.KindInvoice, "i1")
		if !slices.ContainsFunc(moments, func(m execution.Moment) bool { return m.Reason == workflow.NotFinal }) {
			w.Errorf("the timeline does not tell: %+v", moments)
		}
	})
}

// TestSnapshotLeavesAlone: what it must not close although it was not told.
func TestSnapshotLeavesAlone(t *testing.T) {
	onBoth(t, func(w *world) {
		invoice := func(id string, edit func(*billing.Invoice)) *billing.Invoice {
			in := w.invoice(id, "c1")
			edit(in)
			return in
		}
		version := func(n int64) func(*billing.Invoice) {
			return func(in *billing.Invoice) { in.Version = billing.Version{Kind: billing.ByNumber, Number: n} }
		}
		w.ingest(
			w.customer("c1"), w.invoice("changed", "c1"), w.invoice("seen", "c1"), w.invoice("broken", "c1"), w.invoice("lost", "c1"),
			invoice("stale", version(5)),
			invoice("paid", func(in *billing.Invoice) { in.PaymentStatus = billing.Paid }),
			invoice("settled", func(in *billing.Invoice) { in.Open = billing.Money{Quantity: "0", Currency: "EUR"} }),
			invoice("void", func(in *billing.Invoice) { in.Status = billing.InvoiceVoid }),
			invoice("credit", func(in *billing.Invoice) { in.Type = billing.InvoiceCredit }),
		)
		id := w.begin(billing.Close, billing.KindInvoice)
		w.ingest(w.invoice("new", "c1"), invoice("changed", func(in *billing.Invoice) { in.Number = "another" }))
		w.now = w.now.Add(time.Minute)
		w.must(w.tell(id, []billing.Resource{w.invoice("seen", "c1"), invoice("stale", version(4))},
			billing.Key{Kind: billing.KindInvoice, ID: "broken"}, billing.Key{Kind: billing.KindPayment, ID: "of no kind of it"}))
		s := w.end(id)
		if diff := cmp.Diff([]string{"INVOICE lost true"}, absent(s)); diff != "" || s.Seen != 3 || s.AbsentCount != 1 {
			w.Errorf("got %+v\n%s", s, diff)
		}
		if w.resource(billing.KindCustomer, "c1").(*billing.Customer).Closed() {
			w.Error("the customer was closed, of whom the snapshot is not")
		}
	})
}

func TestSnapshotReportsOrIsInterrupted(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"), w.customer("c2"), w.invoice("i1", "c1"), w.invoice("i2", "c2"), w.customer("c3"))
		id := w.begin(billing.Report, billing.KindInvoice, billing.KindCustomer)
		w.must(w.tell(id, []billing.Resource{w.customer("c1"), w.customer("c3")}))
		w.must(w.tell(id, []billing.Resource{w.customer("c1")})) // a part that is told twice
		s := w.end(id)
		if diff := cmp.Diff([]string{"INVOICE i1 false", "INVOICE i2 false", "CUSTOMER c2 false"}, absent(s)); diff != "" || s.ClosedCount != 0 || s.Seen != 2 {
			w.Errorf("got %+v\n%s", s, diff)
		}
		only, err := w.e.BeginSnapshot(w.ctx, w.p, billing.Snapshot{
			Kinds: []billing.Kind{billing.KindCustomer, billing.KindInvoice}, CustomerID: "c2", OnAbsent: billing.Close,
		})
		w.must(err)
		w.must(w.tell(w.begin(billing.Close, billing.KindInvoice), nil)) // and never ended
		for _, inv := range []string{"i1", "i2"} {
			if !w.resource(billing.KindInvoice, inv).(*billing.Invoice).Collectible() {
				w.Errorf("%s was closed", inv)
			}
		}
		if diff := cmp.Diff([]string{"CUSTOMER c2 true", "INVOICE i2 true"}, absent(w.end(only.ID))); diff != "" {
			w.Errorf("of one customer (-want +got):\n%s", diff)
		}
		if err := w.tell(only.ID, []billing.Resource{w.invoice("late", "c1")}); !fault.Is(err, fault.State) {
			w.Errorf("told after the end: got %v", err)
		}
		if w.resource(billing.KindInvoice, "late") != nil {
			w.Error("what was refused is stored")
		}
		_, err = w.e.BeginSnapshot(w.ctx, w.p, billing.Snapshot{Kinds: []billing.Kind{billing.KindInvoice}, CustomerID: "nobody"})
		if !fault.Is(err, fault.UnknownID) {
			w.Errorf("of nobody: got %v", err)
		}
	})
}

// TestSnapshotWithoutAnything: that a source has lost everything of a kind is not
// believed.
func TestSnapshotWithoutAnything(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		id := w.begin(billing.Close, billing.KindWallet, billing.KindCustomer, billing.KindInvoice) // of wallets there is none to be closed
		w.must(w.tell(id, []billing.Resource{w.customer("c1")}))
		for range 2 {
			if _, err := w.e.EndSnapshot(w.ctx, w.p, id); !fault.Is(err, fault.State) || !strings.Contains(err.Error(), "no INVOICE") {
				w.Errorf("got %v, want it refused", err)
			}
		}
		if !w.resource(billing.KindInvoice, "i1").(*billing.Invoice).Collectible() {
			w.Error("everything was closed")
		}
		if s := w.end(w.begin(billing.Report, billing.KindInvoice)); s.AbsentCount != 1 {
			w.Errorf("reported: got %+v", s)
		}
	})
}

// TestSnapshotGoesOn: the end is made of steps, each of a transaction; whoever
// calls it, and however many at once, each absent resource is closed and counted once.
func TestSnapshotGoesOn(t *testing.T) {
	test := func(t *testing.T, url string) {
		w := newWorld(t, url, nil, func(l *engine.Limits) { l.Slice = time.Nanosecond })
		const lost = 1_150
		var some []billing.Resource
		w.ingest(w.customer("c1"))
		for i := range lost + 1_200 {
			some = append(some, w.invoice(fmt.Sprintf("i%04d", i), "c1"))
		}
		for part := range slices.Chunk(some, 1_000) {
			w.ingest(part...)
		}
		id := w.begin(billing.Close, billing.KindInvoice)
		for part := range slices.Chunk(some[lost:], 1_000) {
			w.must(w.tell(id, part))
		}
		s, err := w.e.EndSnapshot(w.ctx, w.p, id)
		w.must(err)
		if s.Status != billing.SnapshotEnding || s.ClosedCount != 200 {
			w.Fatalf("the first call: got %s with %d closed", s.Status, s.ClosedCount)
		}
		var all sync.WaitGroup
		ended := make([]billing.Snapshot, 3)
		for i := range ended {
			all.Go(func() {
				for ended[i].Status != billing.SnapshotEnded {
					s, err := w.e.EndSnapshot(w.ctx, w.p, id)
					if err != nil {
						w.Errorf("ending: %v", err)
						return
					}
					ended[i] = s
				}
			})
		}
		all.Wait()
		for _, s := range ended {
			if s.AbsentCount != lost || s.ClosedCount != lost || len(s.Absent) != billing.MostAbsent || s.Seen != 1_200 {
				w.Errorf("got %d absent, %d closed, %d listed, %d seen", s.AbsentCount, s.ClosedCount, len(s.Absent), s.Seen)
			}
		}
		page, err := w.s.Resources(w.ctx, w.p, billing.KindInvoice, store.Query{
			Page: 1, Limit: 2_000, Filters: []store.Filter{{Field: "status", Values: []string{"ARCHIVED"}}},
		})
		w.must(err)
		if len(page.Items) != lost {
			w.Errorf("got %d ARCHIVED, want %d", len(page.Items), lost)
		}
		if n := strings.Count(w.log.String(), "snapshot_ended"); n != 1 {
			w.Errorf("got %d lines that it has ended, want one", n)
		}
	}
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

// TestSnapshotAgainstAState: what is told while a snapshot ends is not closed, or is
// open again: whichever comes first, the invoice is still asked for.
func TestSnapshotAgainstAState(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"))
		for i := range 20 {
			in := w.invoice(fmt.Sprint("i", i), "c1")
			in.Status = billing.InvoiceDraft
			w.ingest(in)
			id := w.begin(billing.Close, billing.KindInvoice)
			w.must(w.tell(id, nil, billing.Key{Kind: billing.KindInvoice, ID: "another"}))
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := w.e.EndSnapshot(w.ctx, w.p, id); err != nil {
					w.Errorf("ending: %v", err)
				}
			})
			all.Go(func() { w.ingest(w.invoice(in.ID, "c1")) })
			all.Wait()
			if got := w.resource(billing.KindInvoice, in.ID).(*billing.Invoice); !got.Collectible() || got.ClosedBy != "" {
				w.Fatalf("%s is %s, closed by %q", got.ID, got.Status, got.ClosedBy)
			}
			if list := w.executions(); len(list) != i+1 || list[i].Status != execution.Pending {
				w.Fatalf("%s: got %+v, want its message pending", in.ID, list)
			}
		}
	})
}

// TestSnapshotsShareATransaction: parts of several snapshots that are taken together,
// one of which is refused.
func TestSnapshotsShareATransaction(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"))
		var ids []billing.SnapshotID
		for range 12 {
			ids = append(ids, w.begin(billing.Report, billing.KindInvoice))
		}
		w.end(ids[5])
		var all sync.WaitGroup
		for i, id := range ids {
			all.Go(func() {
				err := w.tell(id, []billing.Resource{w.invoice(fmt.Sprint("i", i), "c1"), w.invoice("all", "c1")})
				if fault.Is(err, fault.State) != (i == 5) || err != nil && i != 5 {
					w.Errorf("part %d: got %v", i, err)
				}
			})
		}
		all.Wait()
		for i, id := range ids {
			s, err := w.s.Snapshot(w.ctx, w.p, id)
			w.must(err)
			want := int64(2)
			if i == 5 {
				want = 0
			}
			if stored := w.resource(billing.KindInvoice, fmt.Sprint("i", i)) != nil; s.Seen != want || stored != (i != 5) {
				w.Errorf("snapshot %d: got %d seen, stored %v", i, s.Seen, stored)
			}
		}
	})
}

// TestSnapshotsAreForgotten: an expired snapshot closes nothing, however much of
// what it has seen is forgotten already.
func TestSnapshotsAreForgotten(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		began := w.now
		ended, open := w.begin(billing.Close, billing.KindInvoice), w.begin(billing.Close, billing.KindInvoice)
		for _, id := range []billing.SnapshotID{ended, open} {
			w.must(w.tell(id, []billing.Resource{w.invoice("i1", "c1")}))
		}
		s := w.end(ended)
		w.must(w.e.SweepSnapshots(w.ctx))
		if again := w.end(ended); cmp.Diff(s, again) != "" {
			w.Errorf("swept: got %+v, want the same answer", again)
		}
		if s := w.end(open); s.AbsentCount != 0 {
			w.Errorf("got %+v: what another has seen was forgotten", s)
		}
		late := w.begin(billing.Close, billing.KindInvoice)
		w.must(w.tell(late, []billing.Resource{w.invoice("i1", "c1")}))
		w.now = began.Add(25 * time.Hour)
		if _, err := w.e.EndSnapshot(w.ctx, w.p, late); !fault.Is(err, fault.State) {
			w.Errorf("expired: got %v", err)
		}
		more := false
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) (err error) { // the sweep of a node that is ahead
			more, err = tx.SweepSnapshots(w.ctx, w.now, 1)
			return err
		}))
		w.must(w.e.SweepSnapshots(w.ctx))
		for _, id := range []billing.SnapshotID{ended, open, late} {
			if _, err := w.e.EndSnapshot(w.ctx, w.p, id); !fault.Is(err, fault.UnknownID) || !more {
				w.Errorf("swept: got %v", err)
			}
		}
		if !w.resource(billing.KindInvoice, "i1").(*billing.Invoice).Collectible() {
			w.Error("it was closed")
		}
	})
}

// TestSnapshotThatExpiresWhileItEnds: a search that is overtaken by the sweep
// counts for nothing.
func TestSnapshotThatExpiresWhileItEnds(t *testing.T) {
	onBoth(t, func(w *world) {
		w.ingest(w.customer("c1"), w.invoice("i1", "c1"))
		id := w.begin(billing.Close, billing.KindInvoice)
		before, err := w.s.Snapshot(w.ctx, w.p, id)
		w.must(err)
		w.must(w.s.Write(w.ctx, func(tx *store.Tx) error {
			_, err := tx.SweepSnapshots(w.ctx, before.ExpiresAt, 1)
			return err
		}))
		errOvertaken := errors.New("overtaken")
		err = w.s.Write(w.ctx, func(tx *store.Tx) error {
			if first, err := tx.Advance(w.ctx, w.p, before); err != nil || first {
				return err
			}
			return errOvertaken
		})
		if !errors.Is(err, errOvertaken) {
			w.Errorf("got %v: it went on", err)
		}
		if _, err := w.e.EndSnapshot(w.ctx, w.p, id); !fault.Is(err, fault.State) {
			w.Errorf("got %v, want it expired", err)
		}
	})
}
