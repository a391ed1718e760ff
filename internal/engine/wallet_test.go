package engine_test

import (
	"fmt"
	"math/rand/v2"
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
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// decided lists the triggers in the order of what they are about.
func (w *world) decided() []string {
	w.Helper()
	var list []string
	for _, t := range w.triggers() {
		list = append(list, strings.TrimSpace(fmt.Sprint(t.ResourceID, "#", t.Occurrence, " ", t.Status, " ", t.Reason)))
	}
	slices.Sort(list)
	return list
}

func (w *world) wants(when string, messages int, triggers ...string) {
	w.Helper()
	if diff := cmp.Diff(triggers, w.decided()); diff != "" {
		w.Errorf("%s: triggers (-want +got):\n%s", when, diff)
	}
	if got := len(w.outbox()); got != messages {
		w.Errorf("%s: got %d messages, want %d; executions %+v", when, got, messages, w.executions())
	}
}

func (w *world) balances(list ...billing.Decimal) {
	w.Helper()
	for _, b := range list {
		w.ingest(w.wallet("w1", "c1", b))
	}
}

func (w *world) switchTo(s platform.Sending) {
	w.Helper()
	_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error { p.Sending = s; return nil })
	w.must(err)
}

// change edits the only workflow.
func (w *world) change(wf workflow.Workflow, edit func(*workflow.Workflow)) {
	w.Helper()
	_, err := w.e.ChangeWorkflow(w.ctx, w.p, string(wf.ID), func(x *workflow.Workflow) error { edit(x); return nil })
	w.must(err)
}

// watch is the block of a workflow about wallets, which is replaced whole.
func watch(walletType string, credits billing.Decimal) func(*workflow.Workflow) {
	return func(x *workflow.Workflow) {
		x.Wallet = &workflow.WalletConfig{Variant: workflow.WalletBalance, Balance: &workflow.BalanceConfig{
			WalletTypeID: walletType, Comparator: "LESS_THAN",
			Threshold: &workflow.Threshold{Credits: &billing.Credits{Quantity: credits, CreditTypeID: "api"}},
		}}
	}
}

func TestLowBalanceIsToldOncePerFall(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		for _, b := range []billing.Decimal{"10", "4", "4", "3", "10", "4", "4.0", "5", "5"} {
			w.balances(b)
			w.drain()
		}
		w.wants("10, 4, 10, 4, 5", 2, "w1#2 FIRED", "w1#5 FIRED")
		got := w.triggers()[0]
		want := trigger.Details{WalletTypeID: "t1"}
		if got.Details != want || got.CustomerID != "c1" || got.Kind != billing.KindWallet || !got.EventAt.Equal(w.now) {
			t.Errorf("trigger: got %+v, want one of w1, c1 and t1, now", got)
		}
	})
}

// What is told late, twice, or in another order changes nothing.
func TestStaleBalancesFireNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		tell := func(version int64, balance billing.Decimal) {
			x := w.wallet("w1", "c1", balance)
			x.Version = billing.Version{Kind: billing.ByNumber, Number: version}
			w.ingest(x)
		}
		tell(3, "10")
		tell(2, "4")
		w.wants("an older low balance", 0)
		tell(5, "4")
		tell(4, "10")
		tell(5, "4")
		w.drain()
		w.wants("an older high balance, and the same again", 1, "w1#2 FIRED")
	})
}

// A top-up stops the message that has not gone, and the next fall is another.
func TestATopUpStopsTheMessage(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		w.switchTo(platform.Paused)
		w.balances("10", "4")
		w.drain()
		w.balances("5")
		w.status(execution.Cancelled, workflow.BalanceRestored)
		w.wants("topped up", 0, "w1#2 CANCELLED BALANCE_RESTORED")
		w.balances("4")
		w.switchTo(platform.On)
		w.drain()
		w.wants("fallen again", 1, "w1#2 CANCELLED BALANCE_RESTORED", "w1#4 FIRED")
	})
}

// A top-up that is acknowledged without events stops the message too.
func TestHistoryOfBalances(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		silently := func(balance billing.Decimal) {
			b := batchOf(w.wallet("w1", "c1", balance))
			b.NoEvents = true
			_, err := w.e.Ingest(w.ctx, w.p, b)
			w.must(err)
		}
		w.ingest(w.customer("c1"))
		silently("4")
		w.balances("3")
		w.wants("a fall in the past", 0)
		w.balances("10", "4")
		silently("10")
		w.drain()
		w.wants("a rise in the past", 0, "w1#4 CANCELLED BALANCE_RESTORED")
	})
}

// R7: what is decided does not depend on how the states are batched. As long as
// nothing is sent, one message is due if the last balance is below, else none.
func TestBatchesOfBalancesDoNotMatter(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		w.switchTo(platform.Paused)
		r := rand.New(rand.NewPCG(1, 2))
		want := map[string]bool{} // the falls, and whether they are still worth a message
		for n := range 12 {
			id := fmt.Sprint("w", n)
			var batch []billing.Resource
			var history, last string
			count, isBelow := 0, false
			for range 2 + r.IntN(10) {
				balance := []string{"4", "10", "3", "5"}[r.IntN(4)]
				if balance == last {
					continue
				}
				last = balance
				count++
				if low := balance == "4" || balance == "3"; low && !isBelow {
					history = fmt.Sprint(id, "#", count)
					want[history], isBelow = true, true
				} else if !low && isBelow {
					want[history], isBelow = false, false
				}
				batch = append(batch, w.wallet(id, "c1", billing.Decimal(balance)))
				if r.IntN(3) == 0 {
					w.ingest(batch...)
					batch = nil
				}
			}
			w.ingest(batch...)
		}
		got := map[string]bool{}
		for _, x := range w.triggers() {
			got[fmt.Sprint(x.ResourceID, "#", x.Occurrence)] = x.Status == trigger.Fired
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("falls, and whether a message is due (-want +got):\n%s", diff)
		}
		w.switchTo(platform.On)
		w.drain()
		due := 0
		for _, is := range want {
			if is {
				due++
			}
		}
		if got := len(w.outbox()); got != due || due < 3 || due == len(want) {
			t.Errorf("got %d messages, want %d of %d falls", got, due, len(want))
		}
	})
}

// A fall is judged by the time of the balance.
func TestOldBalancesMailNobody(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		for id, at := range map[string]time.Time{"old": w.now.AddDate(0, 0, -3).Add(-1), "recent": w.now.AddDate(0, 0, -3), "silent": {}} {
			x := w.wallet(id, "c1", "4")
			x.BalanceAt = at
			w.ingest(x)
		}
		w.drain()
		w.wants("a first import", 2, "old#1 SKIPPED TOO_LATE", "recent#1 FIRED", "silent#1 FIRED")
	})
}

func TestFallBeforeTheCustomerIsKnown(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.balances("4")
		w.wants("nobody known", 0, "w1#1 PLANNED WAITING_FOR_CUSTOMER")
		w.balances("10", "4")
		w.wants("fallen twice", 0, "w1#1 SKIPPED BALANCE_RESTORED", "w1#3 PLANNED WAITING_FOR_CUSTOMER")
		w.ingest(w.customer("c1"))
		w.drain()
		w.wants("customer known", 1, "w1#1 SKIPPED BALANCE_RESTORED", "w1#3 FIRED")

		w.ingest(w.wallet("w2", "c2", "4"))
		w.ingest(w.wallet("w2", "c2", "10"), w.customer("c2"))
		w.drain()
		w.wants("topped up as the customer comes", 1, "w1#1 SKIPPED BALANCE_RESTORED", "w1#3 FIRED", "w2#1 SKIPPED BALANCE_RESTORED")
	})
}

// What a state had stopped goes when it ends, if the balance still is that low.
func TestLowBalanceAfterAStop(t *testing.T) {
	inactive := func(w *world, balance billing.Decimal) {
		x := w.wallet("w1", "c1", balance)
		x.Status = billing.WalletInactive
		w.ingest(x)
	}
	closed := func(w *world) {
		c := w.customer("c1")
		c.Status = billing.CustomerClosed
		w.ingest(c)
	}
	for name, c := range map[string]struct {
		tell     func(*world)
		messages int
		want     []string
	}{
		"inactive, and active again": {func(w *world) { inactive(w, "4"); w.balances("4") }, 1, []string{"w1#1 FIRED"}},
		"stopped, and active again": {func(w *world) {
			w.balances("4")
			inactive(w, "4")
			w.balances("3")
		}, 1, []string{"w1#1 FIRED"}},
		"active again and topped up": {func(w *world) { inactive(w, "4"); w.balances("10") }, 0, []string{"w1#1 SKIPPED BALANCE_RESTORED"}},
		"closed and opened":          {func(w *world) { w.balances("4"); closed(w); w.ingest(w.customer("c1")) }, 1, []string{"w1#1 FIRED"}},
		"closed, topped up and opened": {
			func(w *world) { w.balances("4"); closed(w); w.balances("9"); w.ingest(w.customer("c1")) }, 0,
			[]string{"w1#1 SKIPPED BALANCE_RESTORED"},
		},
		"closed, fallen twice and opened": {
			func(w *world) { closed(w); w.balances("4", "9", "4"); w.ingest(w.customer("c1")) }, 1,
			[]string{"w1#1 SKIPPED BALANCE_RESTORED", "w1#3 FIRED"},
		},
		"fallen twice and opened at once": {func(w *world) {
			closed(w)
			w.balances("4")
			w.ingest(w.wallet("w1", "c1", "9"), w.wallet("w1", "c1", "4"), w.customer("c1"))
		}, 1, []string{"w1#1 SKIPPED BALANCE_RESTORED", "w1#3 FIRED"}},
		"another customer's": {func(w *world) { w.balances("4"); w.ingest(w.customer("c2"), w.wallet("w1", "c2", "4")) }, 1, []string{"w1#1 FIRED"}},
		"another customer's at once": {func(w *world) {
			w.ingest(w.customer("c2"), w.wallet("w1", "c1", "9"), w.wallet("w1", "c1", "4"), w.wallet("w1", "c2", "4"))
		}, 1, []string{"w1#2 FIRED"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				w.workflow(workflow.WalletBalance)
				w.ingest(w.customer("c1"))
				c.tell(w)
				w.drain()
				w.wants(name, c.messages, c.want...)
				last := "c1@customer.example"
				if strings.HasPrefix(name, "another") {
					last = "c2@customer.example"
				}
				for _, m := range w.outbox() {
					if m.To[0].Email != last {
						t.Errorf("got a message to %s, want %s", m.To[0].Email, last)
					}
				}
			})
		})
	}
}

func TestBalanceInAnotherUnit(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		euros := func(balance billing.Decimal) *billing.Wallet {
			x := w.wallet("w1", "c1", "")
			x.Balance = billing.Holding{Amount: billing.Money{Quantity: balance, Currency: "EUR"}}
			return x
		}
		w.ingest(euros("9"))
		w.ingest(euros("4"))
		w.drain()
		w.wants("said once", 0, "w1#1 SKIPPED UNIT_MISMATCH")
		w.balances("4")
		w.ingest(euros("4"))
		w.drain()
		w.wants("while the message waits", 0, "w1#1 SKIPPED UNIT_MISMATCH", "w1#3 FIRED", "w1#4 SKIPPED UNIT_MISMATCH")
		w.status(execution.Skipped, workflow.UnitMismatch)
		w.ingest(w.wallet("w1", "c1", "4"), euros("4"), w.wallet("w1", "c1", "3"))
		w.drain()
		w.wants("to and fro at once", 1, "w1#1 SKIPPED UNIT_MISMATCH", "w1#3 FIRED", "w1#4 SKIPPED UNIT_MISMATCH",
			"w1#5 SKIPPED BALANCE_RESTORED", "w1#6 SKIPPED UNIT_MISMATCH", "w1#7 FIRED")
	})
}

// A wallet that is told without its balance has neither been topped up nor used.
func TestBalancesThatAreNotToldChangeNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance, func(x *workflow.Workflow) {
			x.Wallet.Balance.Threshold = &workflow.Threshold{Percentage: "0.5"}
		})
		bare := w.wallet("w1", "c1", "")
		bare.Balance, bare.Granted = billing.Holding{}, billing.Holding{}
		w.ingest(w.customer("c1"), bare)
		w.wants("never told", 0)
		for range 2 {
			for _, b := range []billing.Decimal{"4", "", "3", ""} {
				x := w.wallet("w1", "c1", b)
				x.Balance.Credits.Quantity = b
				if b == "" {
					x = w.wallet("w1", "c1", "")
					x.Balance, x.Granted, x.Kept = billing.Holding{}, billing.Holding{}, billing.Standing{}
				}
				w.ingest(x)
				w.drain()
			}
		}
		w.wants("told now and then", 1, "w1#2 FIRED")
		if r := w.ingest(bare)[0]; r.Applied {
			t.Errorf("the same state again: applied")
		}
	})
}

// Changing a workflow moves no wallet: it fires nothing, and what waits is asked
// for by the threshold as it is now.
func TestChangesOfTheThreshold(t *testing.T) {
	onBoth(t, func(w *world) {
		wf := w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		w.balances("10")
		w.change(wf, watch("", "20"))
		w.balances("9")
		w.wants("a threshold that came from below", 0)
		w.change(wf, watch("", "5"))
		w.balances("4")
		w.change(wf, watch("", "3"))
		w.drain()
		w.status(execution.Skipped, workflow.BalanceRestored)
		w.wants("a threshold that went below", 0, "w1#3 CANCELLED BALANCE_RESTORED")
		w.balances("2")
		w.change(wf, watch("t2", "3"))
		w.drain()
		w.wants("another type of wallet", 0, "w1#3 CANCELLED BALANCE_RESTORED", "w1#4 FIRED")
		if !slices.ContainsFunc(w.executions(), func(x execution.Execution) bool { return x.Reason == workflow.OutOfScope }) {
			t.Errorf("another type of wallet: got %+v, want one OUT_OF_SCOPE", w.executions())
		}
		w.change(wf, func(x *workflow.Workflow) { x.Status = workflow.Inactive })
		w.change(wf, watch("", "3"))
		w.change(wf, func(x *workflow.Workflow) { x.Status = workflow.Active })
		w.balances("1")
		w.drain()
		w.wants("activated while it is low", 0, "w1#3 CANCELLED BALANCE_RESTORED", "w1#4 FIRED")
	})
}

// A message that a person asked for goes whatever the balance.
func TestLowBalanceByHand(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		w.ingest(w.customer("c1"))
		w.balances("4")
		_, err := w.e.FireManually(w.ctx, w.p, trigger.Trigger{
			Key: trigger.Key{Kind: billing.KindWallet, ResourceID: "w1", Variant: workflow.WalletBalance},
		})
		w.must(err)
		w.balances("10")
		w.drain()
		w.wants("topped up", 1, "w1# FIRED", "w1#1 CANCELLED BALANCE_RESTORED")
	})
}

// A rise while a message is being sent leaves it alone; if it has to be sent
// again, it is not, nor when the balance has fallen once more by then.
func TestATopUpWhileTheMessageIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile []billing.Decimal
		accepted  int // handed over, refused ones with them
		want      []string
	}{
		"topped up":                   {[]billing.Decimal{"10"}, 1, []string{"w1#1 CANCELLED BALANCE_RESTORED"}},
		"topped up, and fallen again": {[]billing.Decimal{"10", "4"}, 2, []string{"w1#1 CANCELLED BALANCE_RESTORED", "w1#3 FIRED"}},
		"fallen further":              {[]billing.Decimal{"3"}, 2, []string{"w1#1 FIRED"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWith(t, func(w *world, p *provider) {
				w.workflow(workflow.WalletBalance)
				w.ingest(w.customer("c1"))
				w.balances("4")
				p.answers = []execution.Outcome{{Kind: execution.Deferred}}
				p.during = func() { p.during = nil; w.balances(c.meanwhile...) }
				w.drain()
				w.later(time.Hour)
				w.later(time.Hour)
				if diff := cmp.Diff(c.want, w.decided()); diff != "" {
					t.Errorf("triggers (-want +got):\n%s", diff)
				}
				if got := len(p.accepted); got != c.accepted {
					t.Errorf("handed over %d times, want %d; %+v", got, c.accepted, w.executions())
				}
			})
		})
	}
}

// A message shows the balance as it is when it goes.
func TestLowBalanceIsShownAsItIs(t *testing.T) {
	onBoth(t, func(w *world) {
		w.workflow(workflow.WalletBalance)
		walletType := &billing.WalletType{Head: billing.Head{ID: "t1"}, Name: "API credits", Status: billing.WalletActive}
		w.ingest(w.customer("c1"), walletType)
		w.balances("4")
		x := w.wallet("w1", "c1", "3")
		w.ingest(x)
		w.drain()
		got := w.outbox()
		if len(got) != 1 || !strings.Contains(got[0].Text, "(API credits) is now 3.") {
			t.Errorf("got %+v, want one message that says 3", got)
		}
	})
}

// R6: once a top-up has been acknowledged, no later claim succeeds.
func TestNoClaimAfterATopUpWasAcknowledged(t *testing.T) {
	run := func(t *testing.T, url string) {
		w := newWorld(t, url, nil)
		w.workflow(workflow.WalletBalance)
		overtaken, stopped := 0, 0
		for i := range 60 {
			id := fmt.Sprint(i)
			w.ingest(w.customer("c"+id), w.wallet("w"+id, "c"+id, "4"))
			var wg sync.WaitGroup
			wg.Go(func() {
				w.e.Drain(w.ctx, store.Lane{PlatformID: w.p, Number: execution.Lane(billing.CustomerID("c" + id))})
			})
			w.ingest(w.wallet("w"+id, "c"+id, "10"))
			page, err := w.s.Executions(w.ctx, w.p, store.Query{
				Page: 1, Limit: 9, Filters: []store.Filter{{Field: "wallet_id", Values: []string{"w" + id}}},
			})
			w.must(err)
			switch x := page.Items[0]; x.Status {
			case execution.Sent:
				overtaken++
			case execution.Cancelled:
				stopped++
			case execution.Pending, execution.Waiting, execution.Sending, execution.Skipped, execution.Failed, execution.Unconfirmed:
				t.Errorf("after the top-up's acknowledgement: got %s, want SENT before it or CANCELLED by it", x.Status)
			}
			wg.Wait()
		}
		if got := len(w.outbox()); got != overtaken {
			t.Errorf("got %d messages, want the %d that were claimed before the top-up", got, overtaken)
		}
		t.Logf("sent before the top-up: %d, stopped by it: %d", overtaken, stopped)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}

// R5: the same fall taken in by several nodes is one trigger, and a customer who
// arrives meanwhile is not missed.
func TestOneFallHoweverManyTakeItIn(t *testing.T) {
	url := pgtest.URL(t)
	w := newWorld(t, url, nil)
	w.workflow(workflow.WalletBalance)
	nodes := []*engine.Engine{w.e, w.node(url), w.node(url)}
	var want []string
	for i := range 30 {
		id := fmt.Sprint(i)
		want = append(want, fmt.Sprint("w", id, "#1 FIRED"))
		var wg sync.WaitGroup
		for k, n := range nodes {
			for range 4 {
				wg.Go(func() {
					b := batchOf(w.wallet("w"+id, "c"+id, "4"))
					if k == 0 {
						b = batchOf(w.customer("c" + id))
					}
					if _, err := n.Ingest(w.ctx, w.p, b); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, w.decided()); diff != "" {
		t.Errorf("triggers (-want +got):\n%s", diff)
	}
}
