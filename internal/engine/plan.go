package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// An ingestion plans the dates that are announced for the resources that it
// brings, and keeps what is planned in step with them: a deadline that moves, is
// closed, or opens again moves its triggers in the same transaction.

// plan does so for everything that this transaction has touched.
func (in *ingestion) plan(ctx context.Context) error {
	if len(in.set.Dated()) == 0 {
		return nil
	}
	fresh, silent, err := in.touchedDates(ctx)
	if err != nil || len(in.toPlan) == 0 {
		return err
	}
	list := slices.SortedFunc(maps.Keys(in.toPlan), compareKeys)
	kept, err := in.keptTriggers(ctx, list, fresh)
	if err != nil {
		return err
	}
	s, err := in.scene(ctx, list, kept)
	if err != nil {
		return err
	}
	for _, key := range list {
		in.planResource(s, key, kept[key], silent[key])
	}
	return in.insertPlanned(ctx)
}

func compareKeys(a, b billing.Key) int {
	return strings.Compare(string(a.Kind)+" "+a.ID, string(b.Kind)+" "+b.ID)
}

// touchedDates notes the dated resources whose plan may have to change. fresh are
// those of which nothing can be planned yet; silent are those that are stored as
// history.
func (in *ingestion) touchedDates(ctx context.Context) (fresh, silent map[billing.Key]bool, err error) {
	fresh, silent = map[billing.Key]bool{}, map[billing.Key]bool{}
	var moved []string
	for _, c := range in.changes {
		key := billing.KeyOf(c.New)
		switch state := c.New.(type) {
		case *billing.Invoice:
			if old, ok := c.Old.(*billing.Invoice); ok && sameDates(old, state) {
				continue
			}
			in.toPlan[key], silent[key] = true, c.silent
			fresh[key] = in.mirror[key].stored == 0
		case *billing.Subscription:
			in.toPlan[key], silent[key] = true, c.silent
			fresh[key] = in.mirror[key].stored == 0
		case *billing.Schedule:
			in.touchSubscription(c, silent)
		case *billing.Payment:
			if old, _ := c.Old.(*billing.Payment); state.InvoiceID != "" && (missed(old, state) || in.chargeFailed(old, state)) {
				in.toPlan[billing.Key{Kind: billing.KindInvoice, ID: string(state.InvoiceID)}] = true
			}
		case *billing.Customer:
			old, _ := c.Old.(*billing.Customer)
			if old == nil || old.Timezone != state.Timezone || old.BillingEntityID != state.BillingEntityID || old.Closed() != state.Closed() {
				moved = append(moved, state.ID)
			}
		case *billing.BillingEntity:
			if old, ok := c.Old.(*billing.BillingEntity); !ok || old.Timezone != state.Timezone {
				if err := in.tx.InsertTasks(ctx, window(in.p, "", in.announced, in.now), in.now); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	planned, err := in.tx.LockedPlannedOf(ctx, in.p, moved)
	for _, t := range planned {
		if t.Variant.Dated() {
			in.toPlan[billing.Key{Kind: t.Kind, ID: t.ResourceID}] = true
		}
	}
	return fresh, silent, err
}

// missed reports whether a payment that was under way is so no more.
func missed(old, now *billing.Payment) bool {
	return old != nil && underWay(old.Result) && old.Result != now.Result
}

// chargeFailed reports whether a payment has failed of an invoice that was to be
// collected by itself: what waited for the charge may go. That its time has come
// says nothing yet of how it went.
func (in *ingestion) chargeFailed(old, now *billing.Payment) bool {
	invoice, _ := in.known(billing.KindInvoice, string(now.InvoiceID)).(*billing.Invoice)
	return invoice != nil && !invoice.ChargeAt.IsZero() && now.Result.Failed() && (old == nil || old.Result != now.Result)
}

func underWay(r billing.PaymentResult) bool { return r == billing.Pending || r == billing.Authorized }

// touchSubscription notes the subscriptions that a schedule belongs or belonged to.
func (in *ingestion) touchSubscription(c change, silent map[billing.Key]bool) {
	for _, r := range []billing.Resource{c.Old, c.New} {
		if s, ok := r.(*billing.Schedule); ok && s.SubscriptionID != "" {
			key := billing.Key{Kind: billing.KindSubscription, ID: string(s.SubscriptionID)}
			in.toPlan[key], silent[key] = true, c.silent
		}
	}
}

// sameDates reports whether two states of an invoice have the same course, and
// are stopped by the same.
func sameDates(a, b *billing.Invoice) bool {
	return a.Due() == b.Due() && a.Payable() == b.Payable() && a.CustomerID == b.CustomerID &&
		a.BillingEntityID == b.BillingEntityID && a.Timezone == b.Timezone && a.Collectible() == b.Collectible() &&
		a.Status == b.Status && a.OnHold == b.OnHold && a.IsPaid() == b.IsPaid()
}

// keptTriggers reads and locks what there is of dated resources already.
func (in *ingestion) keptTriggers(ctx context.Context, list []billing.Key, fresh map[billing.Key]bool) (map[billing.Key][]trigger.Trigger, error) {
	ids := keys{}
	for _, k := range list {
		if !fresh[k] {
			ids.add(k.Kind, k.ID)
		}
	}
	kept := map[billing.Key][]trigger.Trigger{}
	for _, kind := range []billing.Kind{billing.KindSubscription, billing.KindInvoice} {
		found, err := in.tx.DatedTriggers(ctx, in.p, kind, ids.sorted(kind, nil))
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			key := billing.Key{Kind: kind, ID: t.ResourceID}
			kept[key] = append(kept[key], t)
		}
	}
	return kept, nil
}

// scene is what this transaction knows around resources, and reads. What may
// stand against a message is asked where there is a trigger that it may stop, or
// let go.
func (in *ingestion) scene(ctx context.Context, list []billing.Key, kept map[billing.Key][]trigger.Trigger) (*scene, error) {
	s := newScene(in.tx.Reader, in.p, in.set, in.now)
	for key, n := range in.mirror {
		s.known[key] = n.resource
	}
	if err := s.look(ctx, list); err != nil {
		return nil, err
	}
	return s, s.weigh(ctx, slices.SortedFunc(maps.Keys(kept), compareKeys))
}

// planResource plans the steps of one resource under every workflow that has its
// customer in its scope, and cancels what is planned under none.
func (in *ingestion) planResource(s *scene, key billing.Key, kept []trigger.Trigger, silent bool) {
	has := make(map[trigger.Key]trigger.Trigger, len(kept))
	for _, t := range kept {
		has[t.Key] = t
	}
	f := s.facts(key)
	for _, v := range workflow.DatedVariants {
		if s.known[key] == nil || !v.Deadline(f).IsSet() {
			continue
		}
		customer := billing.CustomerOf(s.known[key])
		for _, w := range in.set.Waiting(v, customer) {
			if w.Covers(customer) {
				in.planSteps(w, key, f, has, silent)
			}
		}
	}
	for _, t := range has {
		if t.Status == trigger.Planned {
			in.cancelPlanned(t, s.known[key], f)
		}
	}
}

// planSteps plans the steps of one resource under one workflow, and takes what
// there is of them out of has.
func (in *ingestion) planSteps(w *workflow.Armed, key billing.Key, f workflow.Facts, has map[trigger.Key]trigger.Trigger, silent bool) {
	c, ok := in.set.course(w, f)
	if !ok {
		return
	}
	for i, step := range c.Steps {
		v, ok := c.Plan(i, in.now)
		t := in.dated(w, key, f, c, i, v)
		old, exists := has[t.Key]
		delete(has, t.Key)
		switch {
		case exists:
			in.keepUp(old, t, f, ok)
		case !ok, step.Date > in.announced:
		case silent && step.At.Before(in.now): // history: nobody is written to, whatever becomes of it later
			t.Status, t.Reason = trigger.Skipped, workflow.TooLate
			in.planned = append(in.planned, t)
		default:
			in.planned = append(in.planned, t)
		}
	}
}

// dated is the trigger of a step.
func (in *ingestion) dated(w *workflow.Armed, key billing.Key, f workflow.Facts, c trigger.Course, i int, v trigger.Verdict) trigger.Trigger {
	t := trigger.Trigger{
		ID:         trigger.ID(ident.New("wktr")),
		PlatformID: in.p,
		Key: trigger.Key{
			WorkflowID: w.ID, Variant: w.Variant(), Step: c.Steps[i].Period.String(),
			Kind: key.Kind, ResourceID: key.ID, Occurrence: c.Occurrence(),
		},
		Type: trigger.Event, Status: v.Status, Reason: v.Reason,
		WorkflowVersion: w.Version, EventAt: v.At, ScheduledAt: v.At, Facts: w.Basis(f, v.Reason), CreatedAt: in.now, UpdatedAt: in.now,
	}
	if f.Invoice != nil {
		t.CustomerID, t.InvoiceID = f.Invoice.CustomerID, billing.InvoiceID(f.Invoice.ID)
	}
	if f.Subscription != nil {
		t.CustomerID = f.Subscription.CustomerID
		if f.Trial != nil {
			t.Details = trigger.Details{ScheduleID: f.Trial.ID, TrialEndAt: f.Trial.EndAt}
		}
	}
	if stop := stopOf(f, t.Variant); t.Status == trigger.Planned && stop != workflow.Sent {
		t.Status, t.Reason = trigger.Skipped, stop
	}
	return t
}

// stopOf says what in the states forbids a dated message. Holds are left to its
// time: they may have ended by then, without any change of a state.
func stopOf(f workflow.Facts, v workflow.Variant) workflow.Reason {
	f.Holds = nil
	if reason := f.Stops(v); reason != workflow.WaitingForCustomer {
		return reason
	}
	return workflow.Sent
}

// keepUp keeps a stored trigger in step with what its resource is now. ok is
// false if its step would not be planned any more, which leaves it alone.
func (in *ingestion) keepUp(kept, t trigger.Trigger, f workflow.Facts, ok bool) {
	switch stop := stopOf(f, kept.Variant); {
	case kept.Status == trigger.Fired, !ok:
	case kept.Status == trigger.Planned && stop != workflow.Sent:
		kept.Facts = f.Basis()
		in.become(kept, trigger.Cancelled, stop, t.CustomerID, t.WorkflowVersion)
	case kept.Status == trigger.Planned && kept.Reason == workflow.Sent:
		in.reschedule(kept, t)
	case f.Stops(kept.Variant) == workflow.Sent && f.Collected(kept.Variant, in.now) == workflow.Sent &&
		(kept.Status == trigger.Planned || kept.Reason.CanEnd() || kept.Reason.Replanned()):
		in.replan(kept, t)
	}
}

// reschedule moves a PLANNED trigger to where its step falls now. One that is to
// be decided otherwise by now is left to its time, and one whose time has come to
// whoever fires it.
func (in *ingestion) reschedule(kept, t trigger.Trigger) {
	if !kept.ScheduledAt.After(in.now) {
		return
	}
	if t.Status == trigger.Planned && (!kept.ScheduledAt.Equal(t.ScheduledAt) || kept.CustomerID != t.CustomerID || kept.Details != t.Details) {
		in.replan(kept, t)
	}
}

// replan gives a stored trigger the plan that it would have if it were new.
func (in *ingestion) replan(kept, t trigger.Trigger) {
	kept.EventAt, kept.ScheduledAt, kept.Facts, kept.Details = t.EventAt, t.ScheduledAt, t.Facts, t.Details
	in.become(kept, t.Status, t.Reason, t.CustomerID, t.WorkflowVersion)
}

// cancelPlanned cancels what was planned and has no place in any course of its
// resource now.
func (in *ingestion) cancelPlanned(t trigger.Trigger, r billing.Resource, f workflow.Facts) {
	reason := outOfPlace(in.set.Find(t.WorkflowID), t, r, f)
	t.Facts = f.Basis()
	in.become(t, trigger.Cancelled, reason, t.CustomerID, t.WorkflowVersion)
}

// outOfPlace says why what was planned under a workflow, nil if it is not ACTIVE
// any more, has no place in the course of its resource now.
func outOfPlace(w *workflow.Armed, t trigger.Trigger, r billing.Resource, f workflow.Facts) workflow.Reason {
	switch {
	case r == nil:
		return workflow.Deleted
	case w == nil:
		return workflow.WorkflowInactive
	case w.LeavesOut(billing.CustomerOf(r)) != workflow.Sent:
		return w.LeavesOut(billing.CustomerOf(r))
	case stopOf(f, t.Variant) != workflow.Sent:
		return stopOf(f, t.Variant)
	case t.Variant == workflow.FreeTrialReminder && f.Trial == nil:
		return workflow.SubscriptionEnded
	case w.Begun[t.Step].IsZero():
		return workflow.WorkflowChanged
	default:
		return workflow.DeadlineMoved
	}
}

// insertPlanned stores what was planned. A key that exists has been planned
// already, by an ingestion or by the planner, or under a plan of before.
func (in *ingestion) insertPlanned(ctx context.Context) error {
	inserted, err := in.tx.InsertTriggers(ctx, in.planned)
	if err != nil {
		return err
	}
	for i, t := range in.planned {
		if inserted[i] {
			continue
		}
		kept, err := in.tx.LockedTrigger(ctx, in.p, t.Key)
		if err != nil {
			return fmt.Errorf("reading the trigger of a taken key: %w", err)
		}
		switch {
		case kept.Status == trigger.Planned && kept.Reason == workflow.Sent:
			in.reschedule(kept, t)
		case t.Status == trigger.Planned && in.returns(kept):
			in.replan(kept, t)
		}
	}
	in.planned = nil
	return nil
}

// place is where the dates and hours of what facts are about are read.
func (in *ingestion) place(ctx context.Context, f workflow.Facts) (trigger.Place, error) {
	entity, err := in.load(ctx, billing.KindBillingEntity, in.set.sellerOf(f))
	f.Take(entity)
	return in.set.place(f), err
}

// returns reports whether a trigger that did not fire goes back to its plan when
// the planner comes upon it: what stood against it was the plan of before, such
// as that its step fell on the day of another, which is still ahead; or an
// activation sends what passed, for whatever reason it was not sent.
func (in *ingestion) returns(kept trigger.Trigger) bool {
	if kept.Status != trigger.Skipped && kept.Status != trigger.Cancelled {
		return false
	}
	met := kept.Reason == workflow.Superseded && kept.ScheduledAt.After(in.now)
	return kept.Reason.Replanned() || met || in.backfills
}

// rezoned are the triggers of events that wait for the hours of sending of a
// customer who has moved to another zone.
func (in *ingestion) rezoned(ctx context.Context) ([]trigger.Trigger, error) {
	var moved []string
	for _, c := range in.changes {
		old, _ := c.Old.(*billing.Customer)
		if is, ok := c.New.(*billing.Customer); ok && old != nil && (old.Timezone != is.Timezone || old.BillingEntityID != is.BillingEntityID) {
			moved = append(moved, is.ID)
		}
	}
	planned, err := in.tx.LockedPlannedOf(ctx, in.p, moved)
	return slices.DeleteFunc(planned, func(t trigger.Trigger) bool {
		return t.Variant.Dated() || t.Reason != workflow.Sent
	}), err
}

// wait lets a trigger that would fire wait for the hours of sending, if its
// workflow sets some: an event has none of its own.
func (in *ingestion) wait(ctx context.Context, w *workflow.Armed, f workflow.Facts, t *trigger.Trigger) error {
	t.ScheduledAt = time.Time{}
	if t.Status != trigger.Fired || w.Schedule.SendAt == nil {
		return nil
	}
	at, err := in.place(ctx, f)
	if err != nil {
		return err
	}
	if next := in.set.opens(w, at, in.now); next.After(in.now) {
		t.Status, t.ScheduledAt = trigger.Planned, next
	}
	return nil
}

// opens is when the reader's hours of sending let a message go that could go now.
func (r *ruleset) opens(w *workflow.Armed, at trigger.Place, now time.Time) time.Time {
	return w.Schedule.Window().Next(now, at.Reader, w.Rule(at.Open).Days)
}
