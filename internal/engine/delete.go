package engine

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// DeleteContact deletes a contact. Its customer gets a new revision: what is on
// its way to them is written again, without the contact.
func (e *Engine) DeleteContact(ctx context.Context, p platform.ID, id string) error {
	return e.delete(ctx, p, billing.Key{Kind: billing.KindContact, ID: id}, func(context.Context, *ingestion) error { return nil })
}

// EraseCustomer forgets who a customer is, in one transaction (docs/erasure.md):
// their data, their contacts, what was written to them, and what others of their
// resources say in words. What is pending is cancelled. What was decided and done
// stays, under ids.
func (e *Engine) EraseCustomer(ctx context.Context, p platform.ID, id string) error {
	return e.delete(ctx, p, billing.Key{Kind: billing.KindCustomer, ID: id}, func(ctx context.Context, in *ingestion) error {
		return in.erase(ctx, billing.CustomerID(id))
	})
}

// DeleteResource deletes a resource of any other kind. What is pending about it is
// cancelled; what was decided and done stays. It is refused while something would
// be left without what it needs.
func (e *Engine) DeleteResource(ctx context.Context, p platform.ID, key billing.Key) error {
	return e.delete(ctx, p, key, func(ctx context.Context, in *ingestion) error { return in.unused(ctx, key) })
}

// delete leaves of a resource what [billing.Deleted] does, in a transaction of its
// own, with the locks of an ingestion that stores a state of it, and ends what is
// still to come about it. rest does what else belongs to it, or refuses.
func (e *Engine) delete(ctx context.Context, p platform.ID, key billing.Key, rest func(context.Context, *ingestion) error) error {
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		in, err := e.ingestion(ctx, tx, p)
		if err != nil {
			return err
		}
		item := byID(key.Kind, key.ID)
		item.Patch = func(billing.Resource) error { return nil } // locks what the stored state names
		if err := in.lock(ctx, []*ingestRequest{{platform: p, batch: Batch{Items: []billing.Item{item}}}}, nil); err != nil {
			return err
		}
		n := in.mirror[key]
		if _, _, err := in.patched(n, item); err != nil { // it is not known, or belongs to another by now
			return err
		}
		if err := rest(ctx, in); err != nil {
			return err
		}
		old := n.resource
		in.bury(n)
		if err := in.writeRows(ctx); err != nil {
			return err
		}
		if err := in.stopDeleted(ctx, []billing.Resource{old}); err != nil {
			return err
		}
		if err := in.countWithout(ctx, old); err != nil {
			return err
		}
		if err := in.plan(ctx); err != nil {
			return fmt.Errorf("planning without it: %w", err)
		}
		return in.settle(ctx)
	})
	if err == nil {
		e.log.LogAttrs(ctx, slog.LevelInfo, "resource_deleted", slog.String("platform_id", string(p)),
			slog.String("object_type", string(key.Kind)), slog.String("id", key.ID))
	}
	return err
}

// byID is an item that names a resource, of which all else is known when its row is
// locked; what that names is locked before it.
func byID(kind billing.Kind, id string) billing.Item {
	named := billing.New(kind)
	named.Base().ID = id
	return billing.Item{Resource: named, Mode: billing.Fill}
}

// bury leaves of an entry what stays of a deleted resource.
func (in *ingestion) bury(n *entry) { in.leave(n, billing.Deleted(n.resource)) }

// leave leaves that of an entry.
func (in *ingestion) leave(n *entry, rest billing.Resource) {
	in.store(n, rest)
	n.row.Revision = -n.row.Revision
	n.resource = nil
}

// belongings are the kinds that belong to a customer, in lock order.
var belongings = []billing.Kind{
	billing.KindContact, billing.KindSubscription, billing.KindSchedule, billing.KindWallet, billing.KindInvoice, billing.KindPayment,
}

// erase does what else is erased with a customer whose row is locked.
func (in *ingestion) erase(ctx context.Context, id billing.CustomerID) error {
	busy, err := in.tx.Busy(ctx, in.p, []string{string(id)})
	if err != nil {
		return err
	}
	if busy[string(id)] { // what the provider answers would be stored after the erasure
		return fault.New(fault.State, "a message to this customer is being sent at this moment, try again when it is done").
			About(string(billing.KindCustomer), string(id))
	}
	for _, kind := range belongings {
		if err := in.eraseKind(ctx, kind, id); err != nil {
			return err
		}
	}
	if err := in.cancelAllOf(ctx, id); err != nil {
		return err
	}
	if err := in.tx.EraseMessages(ctx, in.p, id); err != nil {
		return err
	}
	if err := in.tx.EraseWords(ctx, in.p, id); err != nil {
		return err
	}
	if err := in.tx.EraseReadings(ctx, in.p, id); err != nil {
		return err
	}
	quoted, err := jsontext.AppendQuote(nil, string(id))
	if err != nil {
		return fmt.Errorf("quoting the id of a customer: %w", err)
	}
	return in.tx.EraseReplies(ctx, in.p, string(quoted))
}

// eraseKind takes what says who the customer is from what belongs to them.
func (in *ingestion) eraseKind(ctx context.Context, kind billing.Kind, id billing.CustomerID) error {
	rows, err := in.belonging(ctx, kind, id)
	if err != nil {
		return fmt.Errorf("locking %s: %w", kind, err)
	}
	for _, row := range rows {
		if err := in.enter(kind, row.ID, map[string]store.Stored{row.ID: row}); err != nil {
			return err
		}
		n := in.mirror[billing.Key{Kind: kind, ID: row.ID}]
		if kind == billing.KindContact {
			in.bury(n)
			continue
		}
		if bare := billing.WithoutPerson(n.resource); !billing.SameContent(n.resource, bare) {
			in.store(n, bare)
			n.resource = bare
		}
	}
	return nil
}

// belonging locks what of a kind belongs to a customer: what says so, the
// schedules of their subscriptions, and the payments that name nobody but an
// invoice of theirs.
func (in *ingestion) belonging(ctx context.Context, kind billing.Kind, id billing.CustomerID) ([]store.Stored, error) {
	rows, err := in.tx.LockOf(ctx, in.p, kind, id)
	if err != nil {
		return nil, err
	}
	var more []store.Stored
	switch kind {
	case billing.KindSchedule:
		more, err = in.tx.LockSchedulesOf(ctx, in.p, in.mirrored(billing.KindSubscription))
	case billing.KindPayment:
		more, err = in.tx.LockPaymentsOf(ctx, in.p, in.mirrored(billing.KindInvoice))
	default:
	}
	return append(rows, more...), err
}

// mirrored are the ids of a kind in the mirror.
func (in *ingestion) mirrored(kind billing.Kind) []string {
	ids := keys{}
	for key := range in.mirror {
		ids.add(key.Kind, key.ID)
	}
	return ids.sorted(kind, nil)
}

// cancelAllOf ends what is still to come for a customer: executions, and triggers
// that wait.
func (in *ingestion) cancelAllOf(ctx context.Context, id billing.CustomerID) error {
	open, err := in.tx.OpenOf(ctx, in.p, []string{string(id)})
	if err != nil {
		return err
	}
	for i, x := range open {
		open[i] = x.End(execution.Cancelled, workflow.Deleted, in.now)
	}
	if err := cancel(ctx, in.tx, open); err != nil {
		return err
	}
	waiting, err := in.tx.WaitingForCustomers(ctx, in.p, []string{string(id)})
	if err != nil {
		return err
	}
	return in.skipDeleted(ctx, waiting)
}
