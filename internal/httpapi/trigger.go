package httpapi

import (
	"context"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
)

var triggerListing = listing{
	order:   []string{"created_at", "status", "type"},
	filters: []filter{enumFilter(trigger.Statuses)},
}

// listTriggers shows the triggers that fired, unless other states are asked
// for. Manual ones fire when they are made.
func (s *server) listTriggers(c *call) (reply, error) {
	read := func(ctx context.Context, p platform.ID, q store.Query) (store.Page[trigger.Trigger], error) {
		if len(q.Filters) == 0 {
			q.Filters = []store.Filter{{Field: "status", Values: []string{string(trigger.Fired)}}}
		}
		return s.store.Triggers(ctx, p, q)
	}
	return paged(c, triggerListing, read, triggerMembers)
}

func (s *server) trigger(c *call) (reply, error) {
	id, err := c.named("id", "WORKFLOW_TRIGGER")
	if err != nil {
		return reply{}, err
	}
	t, err := s.store.Trigger(c.Context(), c.platform, trigger.ID(id))
	return answer(http.StatusOK, t, triggerMembers, err)
}
