package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// CreateHold sets a hold on the resource that it names, and cancels what it
// forbids of the messages that have not begun.
func (e *Engine) CreateHold(ctx context.Context, p platform.ID, asked hold.Hold, then ...After[hold.Hold]) (hold.Hold, error) {
	asked.ID, asked.Status = hold.ID(ident.New("hold")), hold.Active
	var out hold.Hold
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		h := asked
		if err := takeHold(ctx, tx, p, &h); err != nil {
			return err
		}
		now, err := e.timeOn(ctx, tx.Reader, p)
		if err != nil {
			return err
		}
		h.CreatedAt, h.UpdatedAt = now, now
		if err := end(ctx, tx, p, &h); err != nil {
			return err
		}
		if err := tx.InsertHold(ctx, p, h); err != nil {
			return err
		}
		if err := stopHeld(ctx, tx, p, h); err != nil {
			return fmt.Errorf("cancelling what is held: %w", err)
		}
		out = h
		return after(ctx, tx, h, then)
	})
	return out, err
}

// takeHold locks what a new hold is on, and learns whose it is.
func takeHold(ctx context.Context, tx *store.Tx, p platform.ID, h *hold.Hold) error {
	rows, err := tx.ReadResources(ctx, p, h.Scope, []string{h.ResourceID})
	if err != nil {
		return err
	}
	r, err := rows[h.ResourceID].Resource()
	if err != nil {
		return err
	}
	if r == nil {
		return Mention{Field: "resource_id", Type: string(h.Scope)}.unknown(h.ResourceID)
	}
	h.CustomerID = billing.CustomerOf(r)
	if r, err = lockHeld(ctx, tx, p, *h); err != nil {
		return err
	}
	if billing.CustomerOf(r) != h.CustomerID {
		return store.ErrLost // it has just become another's
	}
	return nil
}

// ChangeHold changes a hold that is in force. change edits a copy and may refuse.
func (e *Engine) ChangeHold(
	ctx context.Context, p platform.ID, id hold.ID, change func(*hold.Hold) error, then ...After[hold.Hold],
) (hold.Hold, error) {
	return e.onHold(ctx, p, id, then, func(tx *store.Tx, old hold.Hold, now time.Time) (hold.Hold, error) {
		h := old
		if err := change(&h); err != nil || h == old {
			return h, err
		}
		if !old.InForce(now) {
			return h, fault.New(fault.State, "hold %s has ended and cannot change any more, set another", h.ID).About("", string(h.ID))
		}
		if h.UpdatedAt = now; h.Until != old.Until {
			if err := end(ctx, tx, p, &h); err != nil {
				return h, err
			}
		}
		return h, tx.UpdateHold(ctx, p, h)
	})
}

// ReleaseHold ends a hold. What it stopped is decided again at the next sweep.
// One that has ended stays as it is.
func (e *Engine) ReleaseHold(ctx context.Context, p platform.ID, id hold.ID, then ...After[hold.Hold]) (hold.Hold, error) {
	return e.onHold(ctx, p, id, then, func(tx *store.Tx, h hold.Hold, now time.Time) (hold.Hold, error) {
		if !h.InForce(now) {
			return h, nil
		}
		h.Status, h.ReleasedAt, h.ResumeAt, h.UpdatedAt = hold.Released, now, now, now
		return h, tx.UpdateHold(ctx, p, h)
	})
}

// onHold runs do with a locked hold, exclusive with every claim of what the hold
// covers, and with the time on its platform.
func (e *Engine) onHold(
	ctx context.Context, p platform.ID, id hold.ID, then []After[hold.Hold], do func(*store.Tx, hold.Hold, time.Time) (hold.Hold, error),
) (hold.Hold, error) {
	var out hold.Hold
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		h, err := tx.Hold(ctx, p, id)
		if err != nil {
			return err
		}
		if _, err := lockHeld(ctx, tx, p, h); err != nil {
			return err
		}
		if h, err = tx.LockedHold(ctx, p, id); err != nil {
			return err
		}
		now, err := e.timeOn(ctx, tx.Reader, p)
		if err != nil {
			return err
		}
		if out, err = do(tx, h, now); err != nil {
			return err
		}
		return after(ctx, tx, out, then)
	})
	return out, err
}

// lockHeld locks what a hold is on and its customer, in lock order, and returns
// the former. Whoever claims a message that the hold may stop has one of them
// locked; but of a subscription no claim locks the row, and invoices of anybody
// may name it: there all claims of the platform wait.
func lockHeld(ctx context.Context, tx *store.Tx, p platform.ID, h hold.Hold) (billing.Resource, error) {
	if h.Scope == billing.KindSubscription {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil {
			return nil, err
		}
	}
	return lockOwned(ctx, tx, p, h)
}

func lockOwned(ctx context.Context, tx *store.Tx, p platform.ID, h hold.Hold) (billing.Resource, error) {
	rows, err := tx.LockForChange(ctx, p, billing.KindCustomer, []string{string(h.CustomerID)})
	if err != nil {
		return nil, fmt.Errorf("locking the customer: %w", err)
	}
	if h.Scope != billing.KindCustomer {
		if rows, err = tx.LockForChange(ctx, p, h.Scope, []string{h.ResourceID}); err != nil {
			return nil, fmt.Errorf("locking what is held: %w", err)
		}
	}
	return rows[h.ResourceID].Resource()
}

// end says when a hold ends that has a last day: where the seller is, as it is
// known now.
func end(ctx context.Context, tx *store.Tx, p platform.ID, h *hold.Hold) error {
	h.EndsAt, h.ResumeAt = time.Time{}, time.Time{}
	if h.Until == "" {
		return nil
	}
	zone, err := sellerZone(ctx, tx.Reader, p, *h)
	if err != nil {
		return err
	}
	over, err := calendar.DayEnd(h.Until, zone)
	if err != nil || !h.UpdatedAt.Before(over) {
		return fault.At(fault.Invalid, "until", "until must be a day that is not over: it is %s in %s, where the seller is",
			h.UpdatedAt.In(zone).Format(time.DateOnly), zone)
	}
	h.EndsAt, h.ResumeAt = over, over
	return nil
}

// sellerZone is the zone of the seller of what a hold is on: an invoice's own,
// else the billing entity's, else the platform's, else UTC.
func sellerZone(ctx context.Context, r store.Reader, p platform.ID, h hold.Hold) (*time.Location, error) {
	home, err := r.Platform(ctx, p)
	if err != nil {
		return nil, err
	}
	x := execution.Execution{CustomerID: h.CustomerID, Kind: h.Scope, ResourceID: h.ResourceID}
	x.InvoiceID = billing.InvoiceID(x.Of(billing.KindInvoice))
	seen, err := look(ctx, r, home, []execution.Execution{x}, h.UpdatedAt)
	if err != nil {
		return nil, err
	}
	own, sellers, f := "", "", seen.facts(home, x)
	if f.Invoice != nil {
		own = f.Invoice.Timezone
	}
	if f.Entity != nil {
		sellers = f.Entity.Timezone
	}
	return calendar.FirstZone(own, sellers, home.Timezone), nil
}

// stopHeld cancels the executions that a new hold forbids, among those of its
// customer. An invoice that is another's and names the subscription is found by
// its claim.
func stopHeld(ctx context.Context, tx *store.Tx, p platform.ID, h hold.Hold) error {
	open, err := tx.OpenOf(ctx, p, []string{string(h.CustomerID)})
	if err != nil || len(open) == 0 {
		return err
	}
	home, err := tx.Platform(ctx, p)
	if err != nil {
		return err
	}
	seen, err := look(ctx, tx.Reader, home, open, h.UpdatedAt)
	if err != nil {
		return err
	}
	var cancelled []execution.Execution
	for _, x := range open {
		if seen.facts(home, x).Held(x.Variant) {
			cancelled = append(cancelled, x.End(execution.Cancelled, workflow.Held, h.UpdatedAt))
		}
	}
	return cancel(ctx, tx, cancelled)
}

// holds are those in force, by what they cover.
type holds map[billing.Key][]hold.Hold

// add reads those on resources.
func (hs holds) add(ctx context.Context, r store.Reader, p platform.ID, keys []billing.Key, now time.Time) error {
	found, err := r.HoldsOn(ctx, p, keys, now)
	if err != nil {
		return fmt.Errorf("reading holds: %w", err)
	}
	for _, h := range found {
		hs[h.Covers()] = append(hs[h.Covers()], h)
	}
	return nil
}

// on are those that cover a message to a customer, about an invoice if it is
// about one.
func (hs holds) on(customer billing.CustomerID, invoice *billing.Invoice) []hold.Hold {
	if len(hs) == 0 {
		return nil
	}
	var list []hold.Hold
	for _, key := range hold.On(customer, invoice) {
		list = append(list, hs[key]...)
	}
	return list
}
