package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// resourceMembers lists the members of any mirrored resource.
func resourceMembers(m *members, r *billing.Resource) {
	switch r := (*r).(type) {
	case *billing.Customer:
		customerMembers(m, r)
	case *billing.Contact:
		contactMembers(m, r)
	case *billing.Invoice:
		invoiceMembers(m, r)
	case *billing.Payment:
		paymentMembers(m, r)
	case *billing.BillingEntity:
		billingEntityMembers(m, r)
	case *billing.Subscription:
		subscriptionMembers(m, r)
	case *billing.Schedule:
		priceScheduleMembers(m, r)
	case *billing.WalletType:
		walletTypeMembers(m, r)
	case *billing.Wallet:
		walletMembers(m, r)
	}
}

// resourceListings says by what each kind is listed and searched.
var resourceListings = map[billing.Kind]listing{
	billing.KindCustomer: {
		order:   []string{"created_at", "updated_at", "reference", "status", "type"},
		filters: byColumn("reference"),
		search: append(searchable("id", "reference", "created_at", "updated_at"), searchableEnum("status", billing.CustomerStatuses),
			searchableEnum("type", billing.CustomerTypes)),
	},
	billing.KindContact: {
		order:   []string{"created_at", "updated_at", "reference"},
		filters: byColumn("customer_id"),
		search:  searchable("id", "reference", "customer_id", "created_at", "updated_at"),
	},
	billing.KindInvoice: {
		order:   []string{"created_at", "updated_at", "reference", "status", "type"},
		filters: append(byColumn("customer_id"), enumFilter(billing.InvoiceStatuses), flagFilter("paid"), flagFilter("on_hold")),
		search: append(searchable("id", "reference", "customer_id", "created_at", "updated_at"), searchableEnum("status", billing.InvoiceStatuses),
			searchableEnum("type", billing.InvoiceTypes)),
	},
	billing.KindPayment: {
		order:   []string{"created_at", "updated_at", "reference"},
		filters: byColumn("customer_id", "invoice_id", "external_reference"),
		search:  searchable("id", "reference", "customer_id", "invoice_id", "created_at", "updated_at"),
	},
	billing.KindBillingEntity: {
		order:  []string{"created_at", "updated_at", "reference"},
		search: searchable("id", "reference", "created_at", "updated_at"),
	},
	billing.KindSubscription: {
		order:   []string{"created_at", "updated_at", "name", "reference", "status"},
		filters: append(byColumn("customer_id", "reference"), enumFilter(billing.SubscriptionStatuses)),
		search: append(searchable("id", "name", "reference", "customer_id", "created_at", "updated_at"),
			searchableEnum("status", billing.SubscriptionStatuses)),
	},
	billing.KindSchedule: {
		order:   []string{"created_at", "updated_at", "reference", "type"},
		filters: append(byColumn("reference"), filter{param: "pricing_plan_subscription_id", column: "parent_id"}),
		search: append(searchable("id", "reference", "pricing_plan_subscription_id", "created_at", "updated_at"),
			searchableEnum("type", billing.ScheduleTypes)),
	},
	billing.KindWalletType: {
		order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
		filters: append(byColumn("reference"), enumFilter(billing.WalletStatuses)),
		search: append(searchable("id", "name", "reference", "created_at", "updated_at"), searchableEnum("status", billing.WalletStatuses),
			searchableEnum("type", billing.WalletUnits)),
	},
	billing.KindWallet: {
		order: []string{"created_at", "updated_at", "reference", "status"},
		filters: append(byColumn("customer_id", "reference"), filter{param: "wallet_type_id", column: "parent_id"},
			enumFilter(billing.WalletStatuses)),
		search: append(searchable("id", "reference", "customer_id", "created_at", "updated_at"), searchableEnum("status", billing.WalletStatuses)),
	},
}

func (s *server) listResources(kind billing.Kind) func(*call) (reply, error) {
	return s.pageOfResources(kind, (*call).ask)
}

func (s *server) searchResources(kind billing.Kind) func(*call) (reply, error) {
	return s.pageOfResources(kind, (*call).askSearch)
}

func (s *server) pageOfResources(kind billing.Kind, ask func(*call, listing) (asked, error)) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		a, err := ask(c, resourceListings[kind])
		if err != nil {
			return reply{}, err
		}
		page, err := s.store.Resources(c.Context(), c.platform, kind, a.Query)
		if err != nil {
			return reply{}, err
		}
		return withZones(c.Context(), s.store.Reader, c.platform, func(out *codec) reply { return pageOf(a, page, out, resourceMembers) })
	}
}

func (s *server) resource(kind billing.Kind) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		name, err := c.named("idOrReference", string(kind))
		if err != nil {
			return reply{}, err
		}
		r, err := s.store.Resource(c.Context(), c.platform, kind, name)
		if err != nil {
			return reply{}, err
		}
		return withZones(c.Context(), s.store.Reader, c.platform, func(out *codec) reply {
			write(out, &r, resourceMembers)
			return reply{status: http.StatusOK, body: out.out}
		})
	}
}

// putResource creates or replaces a resource under the id of its path.
func (s *server) putResource(kind billing.Kind) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		id := c.PathValue("idOrReference")
		if want := identifier.check(id); want != "" || !validText(id) {
			return reply{}, fault.At(fault.Invalid, "id", "the id in the path must be %s", identifier.check(""))
		}
		r, err := s.given(c, kind)
		if err != nil {
			return reply{}, err
		}
		r.Base().ID = id
		return s.ingestOne(c, billing.Item{Resource: r}, http.StatusCreated)
	}
}

// resourcePrefixes begin the ids that we make.
var resourcePrefixes = map[billing.Kind]string{
	billing.KindCustomer: "cust", billing.KindContact: "cont", billing.KindInvoice: "invo", billing.KindPayment: "pay",
	billing.KindBillingEntity: "bien", billing.KindSubscription: "ppsu", billing.KindSchedule: "ppsc",
	billing.KindWalletType: "wtyp", billing.KindWallet: "wall",
}

// createResource stores a new resource under an id of ours.
func (s *server) createResource(kind billing.Kind) func(*call) (reply, error) {
	status := http.StatusCreated
	if kind == billing.KindInvoice || kind == billing.KindPayment {
		status = http.StatusOK // as published
	}
	return func(c *call) (reply, error) {
		r, err := s.given(c, kind)
		if err != nil {
			return reply{}, err
		}
		r.Base().ID = ident.New(resourcePrefixes[kind])
		return s.ingestOne(c, billing.Item{Resource: r}, status)
	}
}

// given reads the body of a resource of which the whole is given.
func (s *server) given(c *call, kind billing.Kind) (billing.Resource, error) {
	doc, err := c.document()
	if err != nil {
		return nil, err
	}
	r := billing.New(kind)
	return r, run(&codec{doc: doc, ahead: s.ahead(c.Context(), c.platform)}, decode, &r, resourceMembers, nil)
}

// changeResource patches the state that is stored when the transaction has it:
// two patches of different members both count.
func (s *server) changeResource(kind billing.Kind) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		named, err := s.namedResource(c, kind)
		if err != nil {
			return reply{}, err
		}
		doc, err := c.document(mergePatchType)
		if err != nil {
			return reply{}, err
		}
		latest, err := s.engine.Latest(c.Context(), c.platform) // not inside the transaction that patches
		if err != nil {
			return reply{}, err
		}
		item := billing.Item{Resource: named, Patch: func(r billing.Resource) error {
			return run(&codec{doc: doc, ahead: aheadOf(latest), deep: true}, patch, &r, resourceMembers, nil)
		}}
		return s.ingestOne(c, item, http.StatusOK)
	}
}

// namedResource is the resource that the path names, by id or reference.
func (s *server) namedResource(c *call, kind billing.Kind) (billing.Resource, error) {
	name, err := c.named("idOrReference", string(kind))
	if err != nil {
		return nil, err
	}
	return s.store.Resource(c.Context(), c.platform, kind, name)
}

// deleteResource answers with what is left: nothing of what it was is told again.
func (s *server) deleteResource(kind billing.Kind, do func(context.Context, platform.ID, string) error) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		r, err := s.namedResource(c, kind)
		if err != nil {
			return reply{}, err
		}
		id := r.Base().ID
		return answer(http.StatusOK, id, func(m *members, id *string) { m.served(string(kind), *id) }, do(c.Context(), c.platform, id))
	}
}

// deleter deletes resources of a kind of which nothing else is to be done.
func (s *server) deleter(kind billing.Kind) func(context.Context, platform.ID, string) error {
	return func(ctx context.Context, p platform.ID, id string) error {
		return s.engine.DeleteResource(ctx, p, billing.Key{Kind: kind, ID: id})
	}
}

// ingestOne takes one state in and answers with what is stored.
func (s *server) ingestOne(c *call, item billing.Item, created int) (reply, error) {
	show := func(ctx context.Context, read store.Reader, result engine.Result) (reply, error) {
		status := http.StatusOK
		if result.Created {
			status = created
		}
		return withZones(ctx, read, c.platform, func(out *codec) reply {
			write(out, &result, resultMembers)
			return reply{status: status, body: out.out}
		})
	}
	results, err := s.engine.Ingest(c.Context(), c.platform, engine.Batch{Items: []billing.Item{item}},
		rememberAs(s, c, func(ctx context.Context, tx *store.Tx, results []engine.Result) (reply, error) {
			if results[0].Resource == nil { // a fault, which has no effect
				return reply{}, nil
			}
			return show(ctx, tx.Reader, results[0])
		})...)
	switch {
	case err != nil:
		return reply{}, err
	case results[0].Err != nil:
		return reply{}, results[0].Err
	case results[0].Resource == nil:
		key := billing.KeyOf(item.Resource)
		return reply{}, fault.New(fault.State, "%s %.80q was deleted, and only a later state than that can begin it anew: give a higher source_version or source_updated_at",
			key.Kind, key.ID).About(string(key.Kind), key.ID)
	}
	return show(c.Context(), s.store.Reader, results[0])
}

func resultMembers(m *members, r *engine.Result) {
	resourceMembers(m, &r.Resource)
	flag(m, "applied", &r.Applied, plain)
}

// withZones writes invoices, for which it may have to look up the zone of a
// seller: a due date that came as a plain date begins there.
func withZones(ctx context.Context, read store.Reader, p platform.ID, do func(*codec) reply) (reply, error) {
	z := zoneFinder{ctx: ctx, store: read, platform: p, entities: map[string]string{}}
	out := do(&codec{zoneOf: z.of})
	return out, z.err
}

// zoneFinder finds the zones of sellers, each once.
type zoneFinder struct {
	ctx      context.Context //nolint:containedctx // lives as long as one response is written
	store    store.Reader
	platform platform.ID
	own      *string           // the platform's
	entities map[string]string // by billing entity
	err      error
}

func (z *zoneFinder) of(in *billing.Invoice) *time.Location {
	if in.Timezone != "" {
		return calendar.FirstZone(in.Timezone)
	}
	return calendar.FirstZone(z.ofEntity(in.BillingEntityID), z.ofPlatform())
}

func (z *zoneFinder) ofEntity(id string) string {
	if id == "" {
		return ""
	}
	if name, known := z.entities[id]; known {
		return name
	}
	r, err := z.store.Resource(z.ctx, z.platform, billing.KindBillingEntity, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		z.err = err
	}
	name := ""
	if e, ok := r.(*billing.BillingEntity); ok && e.ID == id {
		name = e.Timezone
	}
	z.entities[id] = name
	return name
}

func (z *zoneFinder) ofPlatform() string {
	if z.own == nil {
		p, err := z.store.Platform(z.ctx, z.platform)
		if err != nil {
			z.err = err
		}
		z.own = &p.Timezone
	}
	return *z.own
}
