package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// keys is a set of resources, by kind.
type keys map[billing.Kind]map[string]bool

func (k keys) add(kind billing.Kind, id string) {
	if id == "" {
		return
	}
	if k[kind] == nil {
		k[kind] = map[string]bool{}
	}
	k[kind][id] = true
}

func (k keys) addAll(other keys) {
	for kind, ids := range other {
		for id := range ids {
			k.add(kind, id)
		}
	}
}

// sorted returns the ids of a kind that are not in the other set.
func (k keys) sorted(kind billing.Kind, except keys) []string {
	var ids []string
	for id := range k[kind] {
		if !except[kind][id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// lock locks, kind by kind in lock order, the rows that the items change and
// those that they name, and reads them all into the mirror. What is named and
// not known gets a placeholder first, so that there is a row to lock.
func (in *ingestion) lock(ctx context.Context, reqs []*ingestRequest, relinked []billing.Item) error {
	t, err := in.touched(ctx, reqs, relinked)
	if err != nil {
		return err
	}
	for _, kind := range billing.Kinds {
		stored := t.stored.sorted(kind, nil)
		if err := in.lockRows(ctx, kind, stored, in.tx.LockForChange, false); err != nil {
			return fmt.Errorf("locking %s: %w", kind, err)
		}
		for _, id := range stored {
			in.mirror[billing.Key{Kind: kind, ID: id}].stores = true
		}
		if err := in.lockRows(ctx, kind, t.marked.sorted(kind, t.stored), in.tx.LockForChange, true); err != nil {
			return fmt.Errorf("locking %s: %w", kind, err)
		}
		t.marked.addAll(t.stored)
		if err := in.lockRows(ctx, kind, t.named.sorted(kind, t.marked), in.tx.LockAgainstChange, true); err != nil {
			return fmt.Errorf("locking %s: %w", kind, err)
		}
	}
	return in.complete()
}

// complete makes sure that the customer of every payment is in the mirror. It
// may be named by the invoice alone, and that may have been stored after its
// customer was looked for: then the transaction begins again.
func (in *ingestion) complete() error {
	for key, n := range in.mirror {
		inv, ok := n.resource.(*billing.Invoice)
		if !ok || key.Kind != billing.KindInvoice || n.stores || inv.CustomerID == "" {
			continue
		}
		if in.mirror[billing.Key{Kind: billing.KindCustomer, ID: string(inv.CustomerID)}] == nil {
			return store.ErrLost
		}
	}
	return nil
}

type lockFunc func(context.Context, platform.ID, billing.Kind, []string) (map[string]store.Stored, error)

// lockRows locks rows and reads them into the mirror. With hold, those that do
// not exist get a placeholder.
func (in *ingestion) lockRows(ctx context.Context, kind billing.Kind, ids []string, lock lockFunc, hold bool) error {
	rows, err := lock(ctx, in.p, kind, ids)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		_, exists := rows[id]
		return exists
	})
	if hold && len(missing) > 0 {
		if err := in.tx.InsertPlaceholders(ctx, in.p, kind, missing, in.now); err != nil {
			return err
		}
		// Another transaction may just have stored one of them: read again.
		late, err := lock(ctx, in.p, kind, missing)
		if err != nil {
			return err
		}
		maps.Copy(rows, late)
	}
	for _, id := range ids {
		if err := in.enter(kind, id, rows); err != nil {
			return err
		}
	}
	return nil
}

func (in *ingestion) enter(kind billing.Kind, id string, rows map[string]store.Stored) error {
	row, exists := rows[id]
	r, err := row.Resource()
	if err != nil {
		return err
	}
	deleted, err := row.Deleted()
	if err != nil {
		return err
	}
	in.mirror[billing.Key{Kind: kind, ID: id}] = &entry{
		resource: r,
		deleted:  deleted,
		stored:   row.Revision,
		row:      store.Row{Revision: row.Revision, New: !exists},
	}
	return nil
}

// touched is what a transaction touches: the rows that the items store, the
// customers that get a new revision with them, and the rows that they name: the
// customer, the invoice and the subscription that something belongs to. A wallet
// type that a wallet names is not among them: nothing waits for one.
type touched struct {
	stored, marked, named keys
}

// touched lists them. An item that carries only a part of its resource belongs
// to what the stored part says.
func (in *ingestion) touched(ctx context.Context, reqs []*ingestRequest, relinked []billing.Item) (touched, error) {
	t := touched{keys{}, keys{}, keys{}}
	partial := keys{}
	add := func(item billing.Item) {
		r := item.Resource
		t.stored.add(r.Kind(), r.Base().ID)
		t.name(r)
		if item.Mode != billing.Replace || r.Kind() == billing.KindContact {
			partial.add(r.Kind(), r.Base().ID) // a contact may leave another customer
		}
		if pay, ok := r.(*billing.Payment); ok {
			partial.add(billing.KindInvoice, string(pay.InvoiceID)) // its customer may be another's
		}
	}
	for _, r := range reqs {
		for _, item := range r.batch.Items {
			add(item)
		}
	}
	for _, item := range relinked {
		add(item)
	}
	if err := in.foresee(ctx, reqs, t); err != nil {
		return t, err
	}
	for _, kind := range []billing.Kind{billing.KindPayment, billing.KindInvoice, billing.KindContact} {
		rows, err := in.tx.ReadResources(ctx, in.p, kind, partial.sorted(kind, nil))
		if err != nil {
			return t, err
		}
		for _, row := range rows {
			r, err := row.Resource()
			if err != nil {
				return t, err
			}
			if r != nil {
				t.name(r)
				partial.add(billing.KindInvoice, string(billing.InvoiceOf(r)))
			}
		}
	}
	return t, nil
}

// foresee names what the states that are patched name, as far as that can be told
// before they are locked; [ingestion.patched] asks again.
func (in *ingestion) foresee(ctx context.Context, reqs []*ingestRequest, t touched) error {
	for _, r := range reqs {
		for _, item := range r.batch.Items {
			if item.Patch == nil {
				continue
			}
			key := billing.KeyOf(item.Resource)
			rows, err := in.tx.ReadResources(ctx, in.p, key.Kind, []string{key.ID})
			if err != nil {
				return err
			}
			stored, err := rows[key.ID].Resource()
			if err != nil {
				return err
			}
			if stored == nil {
				continue
			}
			t.name(stored)
			if full, _, err := billing.Patched(stored, item.Patch); err == nil { // else it is told under the lock
				t.name(full)
			}
		}
	}
	return nil
}

func (t touched) name(r billing.Resource) {
	switch r := r.(type) {
	case *billing.Contact:
		t.marked.add(billing.KindCustomer, string(r.CustomerID))
	case *billing.Invoice:
		t.named.add(billing.KindCustomer, string(r.CustomerID))
	case *billing.Payment:
		t.named.add(billing.KindCustomer, string(r.CustomerID))
		t.named.add(billing.KindInvoice, string(r.InvoiceID))
	case *billing.Subscription:
		t.named.add(billing.KindCustomer, string(r.CustomerID))
	case *billing.Schedule:
		t.named.add(billing.KindSubscription, string(r.SubscriptionID))
	case *billing.Wallet:
		t.named.add(billing.KindCustomer, string(r.CustomerID))
	}
}
