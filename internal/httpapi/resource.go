package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
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

// resourceListings says by what each kind is listed.
var resourceListings = map[billing.Kind]listing{
	billing.KindCustomer: {
		order:   []string{"created_at", "updated_at", "reference", "status", "type"},
		filters: byColumn("reference"),
	},
	billing.KindContact: {
		order:   []string{"created_at", "updated_at", "reference"},
		filters: byColumn("customer_id"),
	},
	billing.KindInvoice: {
		order:   []string{"created_at", "updated_at", "reference", "status", "type"},
		filters: append(byColumn("customer_id"), enumFilter(billing.InvoiceStatuses), flagFilter("paid"), flagFilter("on_hold")),
	},
	billing.KindPayment: {
		order:   []string{"created_at", "updated_at", "reference"},
		filters: byColumn("customer_id", "invoice_id", "external_reference"),
	},
	billing.KindBillingEntity: {order: []string{"created_at", "updated_at", "reference"}},
	billing.KindSubscription: {
		order:   []string{"created_at", "updated_at", "name", "reference", "status"},
		filters: append(byColumn("customer_id", "reference"), enumFilter(billing.SubscriptionStatuses)),
	},
	billing.KindSchedule: {
		order:   []string{"created_at", "updated_at", "reference", "type"},
		filters: append(byColumn("reference"), filter{param: "pricing_plan_subscription_id", column: "parent_id"}),
	},
	billing.KindWalletType: {
		order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
		filters: append(byColumn("reference"), enumFilter(billing.WalletStatuses)),
	},
	billing.KindWallet: {
		order: []string{"created_at", "updated_at", "reference", "status"},
		filters: append(byColumn("customer_id", "reference"), filter{param: "wallet_type_id", column: "parent_id"},
			enumFilter(billing.WalletStatuses)),
	},
}

func (s *server) listResources(kind billing.Kind) func(*call) (reply, error) {
	return func(c *call) (reply, error) {
		a, err := c.ask(resourceListings[kind])
		if err != nil {
			return reply{}, err
		}
		page, err := s.store.Resources(c.Context(), c.platform, kind, a.Query)
		if err != nil {
			return reply{}, err
		}
		return s.withZones(c, func(out *codec) reply { return pageOf(a, page, out, resourceMembers) })
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
		return s.withZones(c, func(out *codec) reply {
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
		doc, err := c.document()
		if err != nil {
			return reply{}, err
		}
		r := billing.New(kind)
		if err := run(&codec{doc: doc, now: s.engine.Now()}, decode, &r, resourceMembers, nil); err != nil {
			return reply{}, err
		}
		r.Base().ID = id
		results, err := s.engine.Ingest(c.Context(), c.platform, engine.Batch{Items: []billing.Item{{Resource: r}}})
		if err != nil {
			return reply{}, err
		}
		return s.putReply(c, results[0])
	}
}

func (s *server) putReply(c *call, result engine.Result) (reply, error) {
	if result.Err != nil {
		return reply{}, result.Err
	}
	status := http.StatusOK
	if result.Created {
		status = http.StatusCreated
	}
	return s.withZones(c, func(out *codec) reply {
		write(out, &result, func(m *members, r *engine.Result) {
			resourceMembers(m, &r.Resource)
			flag(m, "applied", &r.Applied, plain)
		})
		return reply{status: status, body: out.out}
	})
}

// withZones writes invoices, for which it may have to look up the zone of a
// seller: a due date that came as a plain date begins there.
func (s *server) withZones(c *call, do func(*codec) reply) (reply, error) {
	z := zoneFinder{ctx: c.Context(), store: s.store, platform: c.platform, entities: map[string]string{}}
	out := do(&codec{zoneOf: z.of})
	return out, z.err
}

// zoneFinder finds the zones of sellers, each once.
type zoneFinder struct {
	ctx      context.Context //nolint:containedctx // lives as long as one response is written
	store    *store.Store
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
