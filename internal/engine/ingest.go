package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/failpoint"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

// Batch is what one request brings: states of resources, in order.
type Batch struct {
	Items    []billing.Item
	Links    []billing.Link
	NoEvents bool // store history: derive no events from it
	// A webhook names its source and its delivery, so that the same delivery
	// a second time has no effect.
	Source     platform.Source
	DeliveryID string
}

// Result is what became of one item of a batch.
type Result struct {
	Resource billing.Resource // the state that is stored now; nil if it was deleted, or after a fault
	Created  bool
	Applied  bool
	Stale    bool
	Err      error // a fault of the item; the others go on
}

// Ingest stores a batch and decides everything that it means, in one
// transaction that it may share with other requests: compare with what is
// stored, store, derive events, match them, insert triggers and executions,
// wake their lanes, cancel what the new state forbids. When it returns without
// error all of it is durable.
func (e *Engine) Ingest(ctx context.Context, p platform.ID, batch Batch, then ...After[[]Result]) ([]Result, error) {
	req := &ingestRequest{platform: p, batch: batch, then: then}
	if err := e.ingests.Do(ctx, req); err != nil {
		return nil, err
	}
	failpoint.Hit(failpoint.IngestCommitted)
	e.metrics.ingested(req.results)
	return req.results, nil
}

type ingestRequest struct {
	platform platform.ID
	batch    Batch
	then     []After[[]Result]
	results  []Result
}

// ingestAll takes requests in, in one transaction: platform by platform in the
// order of their ids, so that two transactions never wait for each other.
func (e *Engine) ingestAll(ctx context.Context, reqs []*ingestRequest) error {
	sorted := slices.Clone(reqs)
	slices.SortStableFunc(sorted, func(a, b *ingestRequest) int { return cmp.Compare(a.platform, b.platform) })
	return e.store.Write(ctx, func(tx *store.Tx) error {
		for rest := sorted; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].platform == rest[0].platform {
				n++
			}
			if err := e.ingestPlatform(ctx, tx, rest[:n]); err != nil {
				return fmt.Errorf("ingesting: %w", err)
			}
			rest = rest[n:]
		}
		failpoint.Hit(failpoint.IngestCommitting)
		return nil
	})
}

// ingestion is the work of one transaction for one platform, in the order of
// docs/ordering.md, "Ingest".
type ingestion struct {
	e         *Engine
	tx        *store.Tx
	p         platform.ID
	now       time.Time
	set       *ruleset
	announced calendar.Date // the planner sees to the dates after it

	mirror  map[billing.Key]*entry
	changes []change
	links   []billing.Link
	over    crossings
	holds   holds
	asked   map[billing.Key]bool // for holds
	firing
}

// entry is a resource as this transaction sees it.
type entry struct {
	row      store.Row
	resource billing.Resource // nil while it is not known
	deleted  billing.Resource // what is left of it, if it was deleted
	stored   int64            // revision when the transaction began
	stores   bool             // an item of this transaction stores a state of it
	dirty    bool
}

// becameKnown reports whether this transaction stores the first state of a
// resource that had been named before. Of one that nobody named, nobody waits.
func (n *entry) becameKnown() bool { return n.stored <= 0 && n.row.Revision > 0 && !n.row.New }

// next makes a state the next one of the resource. What was deleted counts on: a
// message never shows two states under one revision.
func (n *entry) next(r billing.Resource) {
	n.row.Revision = max(n.row.Revision, -n.row.Revision) + 1
	n.row.Resource, n.dirty = r, true
}

type change struct {
	billing.Change
	silent bool
}

func (e *Engine) ingestPlatform(ctx context.Context, tx *store.Tx, reqs []*ingestRequest) error {
	in, err := e.ingestion(ctx, tx, reqs[0].platform)
	if err != nil {
		return err
	}
	if reqs, err = in.fresh(ctx, reqs); err != nil || len(reqs) == 0 {
		return err
	}
	relinked, err := in.relinked(ctx, reqs)
	if err != nil {
		return err
	}
	if err := in.lock(ctx, reqs, relinked); err != nil {
		return err
	}
	if err := in.apply(ctx, reqs, relinked); err != nil {
		return err
	}
	if err := in.write(ctx); err != nil {
		return err
	}
	if err := in.decide(ctx); err != nil {
		return err
	}
	for _, r := range reqs {
		if err := after(ctx, tx, r.results, r.then); err != nil {
			return err
		}
	}
	return nil
}

// ingestion begins the work of a transaction: with the workflows, which stay as
// they are until it ends.
func (e *Engine) ingestion(ctx context.Context, tx *store.Tx, p platform.ID) (*ingestion, error) {
	planning, err := tx.HoldPlanning(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("reading the planning of the platform: %w", err)
	}
	in := &ingestion{
		e: e, tx: tx, p: p, now: e.clock(planning), announced: planning.Announced, mirror: map[billing.Key]*entry{}, holds: holds{}, asked: map[billing.Key]bool{},
		firing: firing{updates: map[trigger.ID]trigger.Trigger{}, toPlan: map[billing.Key]bool{}},
	}
	in.set, err = e.rules(ctx, tx.Reader, p, planning)
	return in, err
}

// fresh leaves out webhooks that were taken before.
func (in *ingestion) fresh(ctx context.Context, reqs []*ingestRequest) ([]*ingestRequest, error) {
	out := make([]*ingestRequest, 0, len(reqs))
	for _, r := range reqs {
		r.results = make([]Result, len(r.batch.Items))
		if r.batch.DeliveryID != "" {
			isNew, err := in.tx.Receive(ctx, r.batch.Source, r.batch.DeliveryID, in.e.Now())
			if err != nil {
				return nil, fmt.Errorf("noting the webhook: %w", err)
			}
			if !isNew {
				continue
			}
		}
		out = append(out, r)
		in.links = append(in.links, r.batch.Links...)
	}
	return out, nil
}

// relinked stores the links of the requests, tells payments in them their
// invoice, and returns the stored payments that learn theirs now.
func (in *ingestion) relinked(ctx context.Context, reqs []*ingestRequest) ([]billing.Item, error) {
	if err := in.tx.PutLinks(ctx, in.p, in.links); err != nil {
		return nil, fmt.Errorf("storing links: %w", err)
	}
	var linked []string
	for _, l := range in.links {
		linked = append(linked, l.ExternalReference)
	}
	var asking []*billing.Payment
	var references []string
	for _, r := range reqs {
		for _, item := range r.batch.Items {
			if pay, ok := item.Resource.(*billing.Payment); ok && pay.InvoiceID == "" && pay.ExternalReference != "" {
				asking = append(asking, pay)
				references = append(references, pay.ExternalReference)
			}
		}
	}
	known, err := in.tx.Links(ctx, in.p, references)
	if err != nil {
		return nil, fmt.Errorf("reading links: %w", err)
	}
	for _, pay := range asking {
		pay.InvoiceID = known[pay.ExternalReference]
	}
	ids, err := in.tx.UnlinkedPayments(ctx, in.p, linked)
	if err != nil {
		return nil, fmt.Errorf("reading unlinked payments: %w", err)
	}
	rows, err := in.tx.ReadResources(ctx, in.p, billing.KindPayment, ids)
	if err != nil {
		return nil, err
	}
	var items []billing.Item
	for _, row := range rows {
		r, err := row.Resource()
		if err != nil {
			return nil, err
		}
		for _, l := range in.links {
			if pay, ok := r.(*billing.Payment); ok && pay.ExternalReference == l.ExternalReference {
				items = append(items, billing.Item{Mode: billing.Fill, Resource: &billing.Payment{
					Head: billing.Head{ID: pay.ID}, InvoiceID: l.InvoiceID,
				}})
			}
		}
	}
	return items, nil
}

// apply folds the items into the mirror, each against the state before it.
func (in *ingestion) apply(ctx context.Context, reqs []*ingestRequest, relinked []billing.Item) error {
	for _, r := range reqs {
		faulty := false
		for i, item := range r.batch.Items {
			result, err := in.applyItem(item, r.batch.NoEvents)
			if err != nil && fault.As(err) == nil {
				return err
			}
			result.Err = err
			r.results[i] = result
			faulty = faulty || err != nil
		}
		if faulty && r.batch.DeliveryID != "" {
			// It is answered with the fault, and told again: that must
			// not look like a delivery that was taken.
			if err := in.tx.Unreceive(ctx, r.batch.Source, r.batch.DeliveryID); err != nil {
				return err
			}
		}
	}
	for _, item := range relinked {
		if _, err := in.applyItem(item, false); err != nil {
			return err
		}
	}
	return nil
}

// ahead is how far in the future a state may claim to be from.
const ahead = 5 * time.Minute

func (in *ingestion) applyItem(item billing.Item, silent bool) (Result, error) {
	v := item.Resource.Base().Version
	if latest := in.e.later(in.now); v.Kind == billing.ByTime && v.Number > latest.Add(ahead).Unix() {
		return Result{}, fault.At(fault.Invalid, "source_updated_at",
			"it lies more than 5 minutes ahead of the clock (%s)", latest.Format(time.RFC3339))
	}
	n := in.mirror[billing.KeyOf(item.Resource)]
	if n.resource == nil && n.deleted != nil && item.Patch == nil && !billing.Revives(n.deleted, item.Resource, item.Mode) {
		return Result{Stale: true}, nil
	}
	full, verdict, err := in.whole(n, item)
	if err != nil {
		return Result{}, err
	}
	if verdict != billing.Apply {
		return Result{Resource: n.resource, Stale: verdict == billing.Stale}, nil
	}
	in.store(n, full)
	in.changes = append(in.changes, change{billing.Change{Old: n.resource, New: full, Count: n.row.Revision, EventAt: item.EventAt}, silent})
	created := n.resource == nil
	n.resource = full
	return Result{Resource: full, Created: created, Applied: true}, nil
}

// whole returns the state that an item stands for, and what becomes of it.
func (in *ingestion) whole(n *entry, item billing.Item) (billing.Resource, billing.Verdict, error) {
	if item.Patch != nil {
		return in.patched(n, item)
	}
	full, err := billing.Combine(n.resource, item.Resource, item.Mode)
	if err != nil {
		return nil, billing.Unchanged, err
	}
	verdict, err := billing.Judge(n.resource, full)
	if item.Mode != billing.Replace && n.resource != nil && billing.SameContent(n.resource, full) {
		verdict = billing.Unchanged
	}
	return full, verdict, err
}

// store makes full the state of an entry under its next revision. A contact
// that changes gives its customer a new revision too, because the customer's
// messages show it.
func (in *ingestion) store(n *entry, full billing.Resource) {
	if wallet, ok := full.(*billing.Wallet); ok {
		old, _ := n.resource.(*billing.Wallet)
		wallet.Follow(old)
	}
	h := full.Base()
	h.CreatedAt, h.UpdatedAt = in.now, in.now
	if n.resource != nil {
		h.CreatedAt = n.resource.Base().CreatedAt
	}
	n.next(full)
	for _, r := range []billing.Resource{n.resource, full} {
		contact, ok := r.(*billing.Contact)
		if !ok {
			continue
		}
		if owner := in.mirror[billing.Key{Kind: billing.KindCustomer, ID: string(contact.CustomerID)}]; owner != nil && owner.resource != nil {
			owner.next(owner.resource)
		}
	}
}

func (in *ingestion) write(ctx context.Context) error {
	if err := in.writeRows(ctx); err != nil {
		return err
	}
	var payments []*billing.Payment
	for _, c := range in.changes {
		pay, ok := c.New.(*billing.Payment)
		if old, known := c.Old.(*billing.Payment); ok && known && old.InvoiceID == "" && pay.InvoiceID != "" {
			payments = append(payments, pay)
		}
	}
	return in.tx.RelinkTriggers(ctx, in.p, payments, in.now)
}

// writeRows stores what has changed in the mirror.
func (in *ingestion) writeRows(ctx context.Context) error {
	var rows []store.Row
	for _, n := range in.mirror {
		if n.dirty {
			rows = append(rows, n.row)
		}
	}
	slices.SortFunc(rows, func(a, b store.Row) int {
		ka, kb := billing.KeyOf(a.Resource), billing.KeyOf(b.Resource)
		return cmp.Or(
			cmp.Compare(slices.Index(billing.Kinds, ka.Kind), slices.Index(billing.Kinds, kb.Kind)),
			cmp.Compare(ka.ID, kb.ID))
	})
	return in.tx.WriteResources(ctx, in.p, rows)
}
