package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// ErrLost says that another transaction stored the same new row first. [Store.Write]
// runs the whole transaction again.
var ErrLost = errors.New("lost against another transaction")

// Stored is a row of the mirror, decoded when it is asked for. The zero Stored
// and one of revision 0 or less stand for a resource that is not known.
type Stored struct {
	Kind      billing.Kind
	ID        string
	Revision  int64 // counts the states that were stored; 0 is a placeholder; below 0: deleted after so many
	CreatedAt time.Time
	UpdatedAt time.Time
	doc       []byte
}

// Known reports whether a state of the resource has been stored.
func (s Stored) Known() bool { return s.Revision > 0 }

// Resource decodes the state, or returns nil if none is known.
func (s Stored) Resource() (billing.Resource, error) {
	if !s.Known() {
		return nil, nil //nolint:nilnil // not known is no error
	}
	r, err := billing.Decode(s.Kind, s.doc)
	if err != nil {
		return nil, fmt.Errorf("decoding %s %s: %w", s.Kind, s.ID, err)
	}
	r.Base().CreatedAt, r.Base().UpdatedAt = s.CreatedAt, s.UpdatedAt
	return r, nil
}

// Deleted decodes what is left of a resource that was deleted, or returns nil.
func (s Stored) Deleted() (billing.Resource, error) {
	if s.Revision >= 0 {
		return nil, nil //nolint:nilnil // not deleted is no error
	}
	r, err := billing.Decode(s.Kind, s.doc)
	if err != nil {
		return nil, fmt.Errorf("decoding what is left of %s %s: %w", s.Kind, s.ID, err)
	}
	return r, nil
}

const storedColumns = `kind, id, revision, doc, created_at, updated_at`

func scanStored(rs rows) (Stored, error) {
	var s Stored
	var created, updated int64
	err := rs.Scan(&s.Kind, &s.ID, &s.Revision, &s.doc, &created, &updated)
	s.CreatedAt, s.UpdatedAt = instant(created), instant(updated)
	return s, err
}

func scanResource(rs rows) (billing.Resource, error) {
	s, err := scanStored(rs)
	if err != nil {
		return nil, err
	}
	return s.Resource()
}

// Resource reads a mirrored resource by id or, if no id is equal, by reference.
func (r Reader) Resource(ctx context.Context, p platform.ID, kind billing.Kind, idOrReference string) (billing.Resource, error) {
	res, err := one(ctx, r.c, scanResource,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = $2 AND id = $3 AND revision > 0`,
		string(p), string(kind), idOrReference)
	if errors.Is(err, errNoRow) { // the plus keeps SQLite from walking through the order of creation to find it
		res, err = one(ctx, r.c, scanResource,
			`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = $2 AND reference = $3 AND revision > 0
			 AND reference <> '' ORDER BY +created_at, id LIMIT 1`, string(p), string(kind), idOrReference)
	}
	if errors.Is(err, errNoRow) {
		return nil, notFound(string(kind), "resource of type "+string(kind), idOrReference)
	}
	return res, err
}

var resourceList = list{
	from:    "resources",
	columns: storedColumns,
	where:   "revision > 0",
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: with(columns("id", "kind", "reference", "status", "type", "name", "paid", "on_hold", "customer_id", "invoice_id", "parent_id",
		"external_reference", "created_at", "updated_at"), map[string]field{
		"pricing_plan_subscription_id": {sql: "parent_id", only: "kind = '" + string(billing.KindSchedule) + "'"},
	}),
}

// Resources lists the mirrored resources of a kind.
func (r Reader) Resources(ctx context.Context, p platform.ID, kind billing.Kind, q Query) (Page[billing.Resource], error) {
	q.Filters = append(slices.Clone(q.Filters), Filter{Field: "kind", Values: []string{string(kind)}})
	return page(ctx, r, resourceList, scanResource, string(p), q)
}

// ReadResources reads rows of one kind without locking them.
func (r Reader) ReadResources(ctx context.Context, p platform.ID, kind billing.Kind, ids []string) (map[string]Stored, error) {
	return r.resources(ctx, ``, p, kind, ids)
}

// ReadContacts reads the contacts of customers, in the order of their ids.
func (r Reader) ReadContacts(ctx context.Context, p platform.ID, customers []string) ([]Stored, error) {
	list, err := lookUp(ctx, r.c, scanStored,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = 'CONTACT' AND customer_id = $2
		 AND customer_id <> '' AND revision > 0`, keyed(customers, string(p)))
	slices.SortFunc(list, func(a, b Stored) int { return strings.Compare(a.ID, b.ID) })
	return list, err
}

// PaymentsOf reads the payments of an invoice.
func (r Reader) PaymentsOf(ctx context.Context, p platform.ID, invoice billing.InvoiceID) ([]billing.Resource, error) {
	return all(ctx, r.c, scanResource,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND invoice_id = $2 AND invoice_id <> '' AND kind = 'PAYMENT'
		 AND revision > 0`, string(p), string(invoice))
}

// resources reads rows by their keys, and locks them in the order of the keys.
func (r Reader) resources(ctx context.Context, lock string, p platform.ID, kind billing.Kind, ids []string) (map[string]Stored, error) {
	found := make(map[string]Stored, len(ids))
	ids = slices.Sorted(slices.Values(ids))
	var list []Stored
	var err error
	if lock == "" {
		list, err = lookUpAll(ctx, r.c, scanStored,
			`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = $2 AND id = ANY($3)`, ids, string(p), string(kind))
	} else {
		list, err = lookUp(ctx, r.c, scanStored,
			`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = $2 AND id = $3`+lock, keyed(ids, string(p), string(kind)))
	}
	if err != nil {
		return nil, fmt.Errorf("reading resources: %w", err)
	}
	for _, s := range list {
		found[s.ID] = s
	}
	return found, nil
}

// LockForChange reads rows that this transaction is about to change.
func (tx *Tx) LockForChange(ctx context.Context, p platform.ID, kind billing.Kind, ids []string) (map[string]Stored, error) {
	return tx.resources(ctx, ` FOR UPDATE`, p, kind, ids)
}

// LockAgainstChange reads rows and keeps them as they are until this
// transaction ends.
func (tx *Tx) LockAgainstChange(ctx context.Context, p platform.ID, kind billing.Kind, ids []string) (map[string]Stored, error) {
	return tx.resources(ctx, ` FOR SHARE`, p, kind, ids)
}

// LockOf reads the resources of a kind that belong to a customer, for a change
// of them.
func (tx *Tx) LockOf(ctx context.Context, p platform.ID, kind billing.Kind, customer billing.CustomerID) ([]Stored, error) {
	return all(ctx, tx.c, scanStored,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = $2 AND customer_id = $3 AND customer_id <> ''
		 AND revision > 0 ORDER BY id FOR UPDATE`, string(p), string(kind), string(customer))
}

// LockSchedulesOf reads the schedules of subscriptions, for a change of them.
func (tx *Tx) LockSchedulesOf(ctx context.Context, p platform.ID, subscriptions []string) ([]Stored, error) {
	return lookUp(ctx, tx.c, scanStored,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = 'PRICING_PLAN_SCHEDULE' AND parent_id = $2
		 AND parent_id <> '' AND revision > 0 ORDER BY id FOR UPDATE`, keyed(subscriptions, string(p)))
}

// LockPaymentsOf reads the payments of invoices that name no customer of their
// own, for a change of them.
func (tx *Tx) LockPaymentsOf(ctx context.Context, p platform.ID, invoices []string) ([]Stored, error) {
	return lookUp(ctx, tx.c, scanStored,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND invoice_id = $2 AND invoice_id <> '' AND kind = 'PAYMENT'
		 AND customer_id = '' AND revision > 0 ORDER BY id FOR UPDATE`, keyed(invoices, string(p)))
}

// HoldResources keeps rows as they are until this transaction ends. What they
// hold must be read in a later statement: the one that waits for a lock sees
// the rows it locks as they are now, but all others as they were before.
func (tx *Tx) HoldResources(ctx context.Context, p platform.ID, kind billing.Kind, ids []string) error {
	_, err := lookUp(ctx, tx.c, column[string],
		`SELECT id FROM resources WHERE platform_id = $1 AND kind = $2 AND id = $3 FOR SHARE`,
		keyed(slices.Sorted(slices.Values(ids)), string(p), string(kind)))
	return err
}

// InsertPlaceholders stores that resources were named which are not known, so
// that there is a row to lock: without it an invoice and its customer that
// arrive at once would miss each other for ever.
func (tx *Tx) InsertPlaceholders(ctx context.Context, p platform.ID, kind billing.Kind, ids []string, now time.Time) error {
	args := make([][]any, len(ids))
	for i, id := range slices.Sorted(slices.Values(ids)) {
		args[i] = []any{string(p), string(kind), id, micros(now)}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO resources (platform_id, kind, id, revision, reference, status, type, name, paid, on_hold, customer_id, invoice_id, parent_id,
		     external_reference, due_on, charge_on, doc, created_at, updated_at)
		 VALUES ($1, $2, $3, 0, '', '', '', '', '', '', '', '', '', '', 0, 0, '', $4, $4) ON CONFLICT DO NOTHING`, args)
	return err
}

// Row is a state to be stored under the next revision.
type Row struct {
	Resource billing.Resource
	Revision int64 // of this state: 1 for the first, below 0 for what is left of a deleted one
	New      bool  // there is no row yet, not even a placeholder
}

// WriteResources stores states. The rows that exist must be locked for change.
func (tx *Tx) WriteResources(ctx context.Context, p platform.ID, list []Row) error {
	var inserts, updates [][]any
	for _, row := range list {
		args, err := resourceArgs(p, row)
		if err != nil {
			return err
		}
		if row.New {
			inserts = append(inserts, args)
		} else {
			updates = append(updates, args)
		}
	}
	changed, err := tx.c.execMany(ctx,
		`INSERT INTO resources (platform_id, kind, id, revision, reference, status, type, name, paid, on_hold, customer_id, invoice_id, parent_id,
		     external_reference, due_on, charge_on, doc, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT DO NOTHING`, inserts)
	if err != nil {
		return fmt.Errorf("inserting resources: %w", err)
	}
	if slices.Contains(changed, 0) {
		return ErrLost
	}
	_, err = tx.c.execMany(ctx,
		`UPDATE resources SET revision = $4, reference = $5, status = $6, type = $7, name = $8, paid = $9, on_hold = $10, customer_id = $11,
		     invoice_id = $12, parent_id = $13, external_reference = $14, due_on = $15, charge_on = $16, doc = $17, created_at = $18, updated_at = $19
		 WHERE platform_id = $1 AND kind = $2 AND id = $3`, updates)
	if err != nil {
		return fmt.Errorf("updating resources: %w", err)
	}
	return nil
}

func resourceArgs(p platform.ID, row Row) ([]any, error) {
	r := row.Resource
	doc, err := billing.Encode(r)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", r.Kind(), err)
	}
	l := listedOf(r)
	customer := ""
	if r.Kind() != billing.KindCustomer {
		customer = string(billing.CustomerOf(r))
	}
	var due, charge int64
	if row.Revision > 0 { // of what was deleted, nobody is reminded
		due, charge = deadlinesOf(r)
	}
	h := r.Base()
	return []any{
		string(p), string(r.Kind()), h.ID, row.Revision, h.Reference, l.status, l.kind, l.name, l.paid, l.onHold, customer, l.invoice,
		billing.ParentOf(r), l.external, due, charge, string(doc), micros(h.CreatedAt), micros(h.UpdatedAt),
	}, nil
}

// listed is what a resource is listed by, where its kind has it.
type listed struct{ status, kind, name, paid, onHold, invoice, external string }

func listedOf(r billing.Resource) listed {
	switch r := r.(type) {
	case *billing.Customer:
		return listed{status: string(r.Status), kind: string(r.Type)}
	case *billing.Invoice:
		return listed{
			status: string(r.Status), kind: string(r.Type), paid: strconv.FormatBool(r.IsPaid()), onHold: strconv.FormatBool(r.OnHold),
		}
	case *billing.Payment:
		return listed{status: string(r.Result), invoice: string(r.InvoiceID), external: r.ExternalReference}
	case *billing.Subscription:
		return listed{status: string(r.Status), name: r.Name}
	case *billing.Schedule:
		return listed{kind: string(r.Type)}
	case *billing.WalletType:
		return listed{status: string(r.Status), kind: string(r.Type), name: r.Name}
	case *billing.Wallet:
		return listed{status: string(r.Status)}
	default:
		return listed{}
	}
}

// PutLinks stores to which invoice the payments of external references belong.
func (tx *Tx) PutLinks(ctx context.Context, p platform.ID, links []billing.Link) error {
	args := make([][]any, len(links))
	for i, l := range links {
		args[i] = []any{string(p), l.ExternalReference, string(l.InvoiceID)}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO payment_links (platform_id, external_reference, invoice_id) VALUES ($1, $2, $3)
		 ON CONFLICT (platform_id, external_reference) DO UPDATE SET invoice_id = excluded.invoice_id`, args)
	return err
}

// Links reads the invoices of external references.
func (r Reader) Links(ctx context.Context, p platform.ID, references []string) (map[string]billing.InvoiceID, error) {
	found := map[string]billing.InvoiceID{}
	list, err := lookUp(ctx, r.c, func(rs rows) (l billing.Link, err error) {
		return l, rs.Scan(&l.ExternalReference, &l.InvoiceID)
	}, `SELECT external_reference, invoice_id FROM payment_links WHERE platform_id = $1 AND external_reference = $2`,
		keyed(references, string(p)))
	for _, l := range list {
		found[l.ExternalReference] = l.InvoiceID
	}
	return found, err
}

// UnlinkedPayments returns the ids of the payments of external references that
// do not know their invoice.
func (r Reader) UnlinkedPayments(ctx context.Context, p platform.ID, references []string) ([]string, error) {
	return lookUp(ctx, r.c, column[string],
		`SELECT id FROM resources WHERE platform_id = $1 AND kind = 'PAYMENT' AND external_reference = $2
		 AND external_reference <> '' AND invoice_id = ''`, keyed(references, string(p)))
}
