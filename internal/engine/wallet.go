package engine

import (
	"context"
	"fmt"
	"strconv"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// crossings says which falls of wallets below thresholds are over: those before
// the state that a wallet and a workflow are counted with here. Since then the
// balance has been at the threshold or above it.
type crossings map[string]map[workflow.ID]int64

// crossingsOver finds the falls that the balances of this transaction end. Every
// state counts, not only the last of a wallet: two falls are two events because
// of the rise between them, and only the later one is still worth a message,
// however the states are batched.
func (in *ingestion) crossingsOver() crossings {
	over := crossings{}
	for _, c := range in.changes {
		now, isWallet := c.New.(*billing.Wallet)
		old, known := c.Old.(*billing.Wallet)
		if !isWallet || !known || now.Standing() == old.Standing() {
			continue
		}
		for _, w := range in.set.Watching(now.WalletTypeID, now.CustomerID) {
			if step := w.Step(old, now); step != workflow.Fell && step != workflow.Rose {
				continue
			}
			if over[now.ID] == nil {
				over[now.ID] = map[workflow.ID]int64{}
			}
			over[now.ID][w.ID] = c.Count
		}
	}
	return over
}

// concerns reports whether a fall of a wallet may be over.
func (o crossings) concerns(r billing.Resource) bool {
	return r.Kind() == billing.KindWallet && o[r.Base().ID] != nil
}

// has reports whether the fall that a trigger is about is over.
func (o crossings) has(k trigger.Key) bool {
	return k.Kind == billing.KindWallet && crossingOf(k) < o[k.ResourceID][k.WorkflowID]
}

// crossingOf is which state of its wallet a trigger is about.
func crossingOf(k trigger.Key) int64 {
	n, _ := strconv.ParseInt(k.Occurrence, 10, 64) // none of a MANUAL one
	return n
}

// judge says what becomes of a trigger that an event makes. A threshold that a
// balance cannot be compared with is a matter of the state that the event is
// about; all else is one of the last.
func (in *ingestion) judge(w *workflow.Armed, event billing.Event, key trigger.Key, f workflow.Facts) (trigger.Status, workflow.Reason) {
	if now, ok := event.Resource.(*billing.Wallet); ok {
		old, _ := event.Old.(*billing.Wallet)
		switch {
		case w.Step(old, now) == workflow.Unmeasured:
			return trigger.Skipped, workflow.UnitMismatch
		case in.over.has(key):
			return trigger.Skipped, workflow.BalanceRestored
		}
	}
	return trigger.Decide(w, f, event.At, in.now)
}

// detailsOf is what a trigger says of its target beside the id.
func detailsOf(f workflow.Facts) trigger.Details {
	if f.Wallet == nil {
		return trigger.Details{}
	}
	d := trigger.Details{WalletTypeID: f.Wallet.WalletTypeID, WalletReference: f.Wallet.Reference}
	if f.Customer != nil {
		d.CustomerReference = f.Customer.Reference
	}
	return d
}

// restored says that a stored execution is about a fall that is over.
func (in *ingestion) restored(ctx context.Context, x execution.Execution) (workflow.Reason, error) {
	if in.over[x.Of(billing.KindWallet)] == nil {
		return workflow.Sent, nil
	}
	t, err := in.tx.Trigger(ctx, in.p, x.TriggerID)
	if err != nil || t.Type != trigger.Event || !in.over.has(t.Key) {
		return workflow.Sent, err
	}
	return workflow.BalanceRestored, nil
}

// fallen reads the triggers of wallets to decide about again: those of which the
// fall is over, also if they wait, and those that a state had stopped which has
// ended, or that were for the customer whose the wallet was before.
func (in *ingestion) fallen(ctx context.Context) ([]trigger.Trigger, error) {
	wallets := keys{}
	for _, c := range in.changes {
		if in.over.concerns(c.New) || walletReleased(c.Change) {
			wallets.add(billing.KindWallet, c.New.Base().ID)
		}
	}
	list, err := in.tx.NotFiredOfWallets(ctx, in.p, wallets.sorted(billing.KindWallet, nil))
	var again []trigger.Trigger
	for _, t := range list {
		if t.Revivable() || (t.Status == trigger.Planned && in.over.has(t.Key)) {
			again = append(again, t)
		}
	}
	return again, err
}

// walletReleased reports whether a wallet's old state stopped messages that its
// new one allows, or stopped those to another customer.
func walletReleased(c billing.Change) bool {
	old, known := c.Old.(*billing.Wallet)
	now, ok := c.New.(*billing.Wallet)
	return known && ok && (c.Moved() || old.Status != billing.WalletActive && now.Status == billing.WalletActive)
}

// weigh asks, for the executions about a wallet that has fallen, whether its
// balance still is below its workflow's threshold as both are now, and, for one
// that has been tried before, whether it was so ever since: a rise while a
// message is being sent leaves it alone.
func (c *claiming) weigh(ctx context.Context, taken []execution.Execution) error {
	c.balances = map[execution.ID]workflow.Reason{}
	for _, x := range taken {
		w := c.set.Find(x.WorkflowID)
		wallet, ok := c.sight.find(billing.KindWallet, x.Of(billing.KindWallet)).(*billing.Wallet)
		if !ok || w == nil {
			continue
		}
		if !w.Watches(wallet.WalletTypeID) {
			c.balances[x.ID] = workflow.OutOfScope
			continue
		}
		reason := w.StopsBalance(wallet)
		if reason == workflow.Sent && x.Attempts == 0 {
			continue
		}
		t, err := c.tx.Trigger(ctx, x.PlatformID, x.TriggerID)
		if err != nil {
			return err
		}
		if t.Type != trigger.Event { // a person asked for it, whatever the balance
			continue
		}
		if reason == workflow.Sent {
			if reason, err = c.fellAgain(ctx, t); err != nil {
				return err
			}
		}
		c.balances[x.ID] = reason
	}
	return nil
}

// fellAgain says that a wallet has fallen once more since a trigger.
func (c *claiming) fellAgain(ctx context.Context, t trigger.Trigger) (workflow.Reason, error) {
	all, err := c.tx.TriggersOfWallet(ctx, c.lane.PlatformID, t.WorkflowID, t.ResourceID)
	if err != nil {
		return workflow.Sent, fmt.Errorf("reading the triggers of wallet %s: %w", t.ResourceID, err)
	}
	for _, other := range all {
		if crossingOf(other.Key) > crossingOf(t.Key) {
			return workflow.BalanceRestored, nil
		}
	}
	return workflow.Sent, nil
}
