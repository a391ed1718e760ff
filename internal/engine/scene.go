package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// scene is the states around dated resources, invoices and subscriptions: what
// their courses and the decisions about them follow from. What a transaction has
// changed or locked is put into it first; the rest is read without a lock.
type scene struct {
	r     store.Reader
	p     platform.ID
	rules *ruleset
	now   time.Time

	known     map[billing.Key]billing.Resource // nil: looked for, and not known
	schedules map[string][]*billing.Schedule   // by subscription
	payments  map[string][]billing.Resource    // by invoice
	holds     holds
}

func newScene(r store.Reader, p platform.ID, rules *ruleset, now time.Time) *scene {
	return &scene{
		r: r, p: p, rules: rules, now: now, known: map[billing.Key]billing.Resource{},
		schedules: map[string][]*billing.Schedule{}, payments: map[string][]billing.Resource{}, holds: holds{},
	}
}

// look reads what the courses of resources follow from: themselves, their
// customers, their sellers and the schedules of subscriptions.
func (s *scene) look(ctx context.Context, resources []billing.Key) error {
	own, owners, sellers := keys{}, keys{}, keys{}
	for _, k := range resources {
		own.add(k.Kind, k.ID)
	}
	if err := s.read(ctx, own); err != nil {
		return err
	}
	for _, k := range resources {
		if r := s.known[k]; r != nil {
			owners.add(billing.KindCustomer, string(billing.CustomerOf(r)))
		}
	}
	if err := s.read(ctx, owners); err != nil {
		return err
	}
	for _, k := range resources {
		sellers.add(billing.KindBillingEntity, s.sellerOf(s.known[k]))
	}
	if err := s.read(ctx, sellers); err != nil {
		return err
	}
	return s.readSchedules(ctx, own.sorted(billing.KindSubscription, nil))
}

// weigh reads what else decides when the time of a message has come: payments
// under way, and holds.
func (s *scene) weigh(ctx context.Context, resources []billing.Key) error {
	var on []billing.Key
	var invoices []string
	asked := map[billing.Key]bool{}
	for _, k := range resources {
		r := s.known[k]
		if r == nil {
			continue
		}
		inv, _ := r.(*billing.Invoice)
		if inv != nil {
			invoices = append(invoices, inv.ID)
		}
		for _, key := range hold.On(billing.CustomerOf(r), inv) {
			if !asked[key] {
				asked[key] = true
				on = append(on, key)
			}
		}
	}
	payments, err := s.r.PaymentsOfAll(ctx, s.p, invoices)
	if err != nil {
		return fmt.Errorf("reading payments: %w", err)
	}
	maps.Copy(s.payments, payments)
	return s.holds.add(ctx, s.r, s.p, on, s.now)
}

func (s *scene) read(ctx context.Context, ids keys) error {
	for kind := range ids {
		var missing []string
		for _, id := range ids.sorted(kind, nil) {
			if _, ok := s.known[billing.Key{Kind: kind, ID: id}]; !ok {
				missing = append(missing, id)
			}
		}
		rows, err := s.r.ReadResources(ctx, s.p, kind, missing)
		if err != nil {
			return err
		}
		for _, id := range missing {
			r, err := rows[id].Resource()
			if err != nil {
				return err
			}
			s.known[billing.Key{Kind: kind, ID: id}] = r
		}
	}
	return nil
}

func (s *scene) readSchedules(ctx context.Context, subscriptions []string) error {
	found, err := s.r.SchedulesOf(ctx, s.p, subscriptions)
	if err != nil {
		return fmt.Errorf("reading schedules: %w", err)
	}
	maps.Copy(s.schedules, found)
	return nil
}

// sellerOf is the billing entity of a resource: its own, else its customer's,
// else the platform's.
func (s *scene) sellerOf(r billing.Resource) string {
	var f workflow.Facts
	if r != nil {
		f.Take(r)
	}
	f.Customer, _ = s.ownerOf(r).(*billing.Customer)
	return s.rules.sellerOf(f)
}

func (r *ruleset) sellerOf(f workflow.Facts) string {
	own := ""
	switch {
	case f.Invoice != nil:
		own = f.Invoice.BillingEntityID
	case f.Subscription != nil:
		own = f.Subscription.BillingEntityID
	}
	if f.Customer != nil {
		own = cmp.Or(own, f.Customer.BillingEntityID)
	}
	return cmp.Or(own, r.home.DefaultBillingEntityID)
}

func (s *scene) ownerOf(r billing.Resource) billing.Resource {
	if r == nil {
		return nil
	}
	return s.known[billing.Key{Kind: billing.KindCustomer, ID: string(billing.CustomerOf(r))}]
}

// facts are the states that decide about the messages of a resource.
func (s *scene) facts(key billing.Key) workflow.Facts {
	var f workflow.Facts
	r := s.known[key]
	if r == nil {
		return f
	}
	f.Take(r)
	f.Take(s.ownerOf(r))
	f.Take(s.known[billing.Key{Kind: billing.KindBillingEntity, ID: s.sellerOf(r)}])
	if f.Subscription != nil {
		f.Trial = f.Subscription.TrialOf(s.schedules[key.ID])
	}
	if f.Invoice != nil {
		f.Covered = covered(f.Invoice, s.payments[key.ID], s.now)
	}
	f.Holds = s.holds.on(billing.CustomerOf(r), f.Invoice)
	return f
}

// place is where dates and hours are read: the date of the deadline where the
// seller is, the hour of sending where the reader is.
func (r *ruleset) place(f workflow.Facts) trigger.Place {
	own, entity, reader := "", "", ""
	if f.Invoice != nil {
		own = f.Invoice.Timezone
	}
	if f.Entity != nil {
		entity = f.Entity.Timezone
	}
	if f.Customer != nil {
		reader = f.Customer.Timezone
	}
	return trigger.Place{
		Seller: calendar.FirstZone(own, entity, r.home.Timezone),
		Reader: calendar.FirstZone(reader, own, entity, r.home.Timezone),
		Open:   r.open,
	}
}

// course is when the steps of a dated workflow fall for what the facts are
// about. ok is false while it has no deadline.
func (r *ruleset) course(w *workflow.Armed, f workflow.Facts) (c trigger.Course, ok bool) {
	d := w.Variant().Deadline(f)
	if !d.IsSet() {
		return c, false
	}
	return trigger.NewCourse(&w.Workflow, d, r.place(f)), true
}
