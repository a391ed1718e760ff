package store

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Scheduled is a place among the PLANNED triggers of a platform, in the order of their
// times.
type Scheduled struct {
	At time.Time  `json:"at"`
	ID trigger.ID `json:"id"`
}

// Compare orders places.
func (s Scheduled) Compare(to Scheduled) int {
	return cmp.Or(s.At.Compare(to.At), cmp.Compare(s.ID, to.ID))
}

// PlannedBetween reads the PLANNED triggers behind a place whose time comes before
// another, the first to come first. Those that wait for somebody to become known
// have no time.
func (r Reader) PlannedBetween(ctx context.Context, p platform.ID, after Scheduled, before time.Time, limit int) ([]trigger.Trigger, error) {
	list, err := all(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND status = 'PLANNED' AND reason = ''
		 AND (scheduled_at, id) > ($2, $3) AND scheduled_at < $4 ORDER BY scheduled_at, id LIMIT $5`,
		string(p), micros(after.At), string(after.ID), micros(before), limit)
	if err != nil {
		return nil, fmt.Errorf("reading what is planned: %w", err)
	}
	return list, nil
}

// EventTriggers reads the EVENT triggers of keys.
func (r Reader) EventTriggers(ctx context.Context, p platform.ID, keys []trigger.Key) (map[trigger.Key]trigger.Trigger, error) {
	args := make([][]any, len(keys))
	for i, k := range keys {
		args[i] = []any{string(p), string(k.Kind), k.ResourceID, string(k.WorkflowID), string(k.Variant), k.Step, k.Occurrence}
	}
	list, err := lookUp(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = $2 AND resource_id = $3 AND workflow_id = $4
		 AND variant = $5 AND step = $6 AND occurrence = $7 AND type = 'EVENT'`, args)
	found := make(map[trigger.Key]trigger.Trigger, len(list))
	for _, t := range list {
		found[t.Key] = t
	}
	return found, err
}

// EventTriggersOf reads what a workflow made of a resource by itself, the newest
// first.
func (r Reader) EventTriggersOf(ctx context.Context, p platform.ID, w workflow.ID, of billing.Key) ([]trigger.Trigger, error) {
	return all(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = $2 AND resource_id = $3 AND workflow_id = $4
		 AND type = 'EVENT' ORDER BY event_at DESC, created_at DESC, id DESC`, string(p), string(of.Kind), of.ID, string(w))
}

// OpenOfCustomer reads the resources of a kind that a customer may be reminded of,
// behind an id and in the order of their ids: the invoices with a deadline that is
// open, and all subscriptions, because their trials may be told apart from them.
func (r Reader) OpenOfCustomer(
	ctx context.Context, p platform.ID, kind billing.Kind, c billing.CustomerID, after string, limit int,
) ([]billing.Resource, error) {
	return all(ctx, r.c, scanResource,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = $2 AND customer_id = $3 AND customer_id <> ''
		 AND revision > 0 AND (due_on > 0 OR charge_on > 0 OR kind = 'PRICING_PLAN_SUBSCRIPTION') AND id > $4 ORDER BY id LIMIT $5`,
		string(p), string(kind), string(c), after, limit)
}
