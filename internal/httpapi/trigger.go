package httpapi

import (
	"net/http"
	"slices"

	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

var triggerListing = listing{
	order:   []string{"created_at", "status", "type"},
	filters: []filter{enumFilter(trigger.Statuses)},
	search: append(searchable("id", "customer_id", "workflow_id", "invoice_id", "payment_id", "pricing_plan_subscription_id", "wallet_id",
		"created_at"),
		searchableEnum("type", []trigger.Type{trigger.Manual, trigger.Event}), searchableEnum("status", trigger.Statuses)),
}

func (s *server) listTriggers(c *call) (reply, error) {
	a, err := c.ask(triggerListing)
	if err != nil {
		return reply{}, err
	}
	return s.triggers(c, a)
}

func (s *server) searchTriggers(c *call) (reply, error) {
	a, err := c.askSearch(triggerListing)
	if err != nil {
		return reply{}, err
	}
	return s.triggers(c, a)
}

// triggers shows a page of those that fired or that a person asked for, unless
// other states are asked for.
func (s *server) triggers(c *call, a asked) (reply, error) {
	e, err := a.expansion(c)
	if err != nil {
		return reply{}, err
	}
	if !slices.ContainsFunc(a.Filters, func(f store.Filter) bool { return f.Field == "status" }) {
		a.Any = append(a.Any, []store.Filter{
			{Field: "status", Values: []string{string(trigger.Fired)}},
			{Field: "type", Values: []string{string(trigger.Manual)}},
		})
	}
	found, err := s.store.Triggers(c.Context(), c.platform, a.Query)
	if err != nil {
		return reply{}, err
	}
	named, err := s.expand(c, e, found.Items)
	if err != nil {
		return reply{}, err
	}
	page := store.Page[shownTrigger]{More: found.More}
	for _, t := range found.Items {
		page.Items = append(page.Items, shownTrigger{t, named})
	}
	return pageOf(a, page, &codec{}, triggerMembers), nil
}

func (s *server) trigger(c *call) (reply, error) {
	id, err := c.named("id", "WORKFLOW_TRIGGER")
	if err != nil {
		return reply{}, err
	}
	t, err := s.store.Trigger(c.Context(), c.platform, trigger.ID(id))
	return answer(http.StatusOK, shownTrigger{Trigger: t}, triggerMembers, err)
}

// createTrigger fires a workflow because a person asks for it.
func (s *server) createTrigger(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var given shownTrigger
	if err := decodeInto(doc, &given, triggerMembers, checkNewTrigger); err != nil {
		return reply{}, s.orMissing(c, doc, err, triggerMentions)
	}
	given.Details.UserID = string(c.principal.User)
	t, err := s.engine.FireManually(c.Context(), c.platform, given.Trigger,
		remember(s, c, http.StatusCreated, func(m *members, t *trigger.Trigger) { triggerMembers(m, &shownTrigger{Trigger: *t}) })...)
	return answer(http.StatusCreated, shownTrigger{Trigger: t}, triggerMembers, doc.first(err))
}
