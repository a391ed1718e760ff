package httpapi

import (
	"context"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
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
			q.Filters = []store.Filter{{Column: "status", Values: []string{string(trigger.Fired)}}}
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

var executionListing = listing{
	order:   []string{"created_at", "updated_at", "status"},
	filters: append(byColumn("workflow_id", "trigger_id", "customer_id", "invoice_id"), enumFilter(execution.Statuses)),
}

func (s *server) listExecutions(c *call) (reply, error) {
	return paged(c, executionListing, s.store.Executions, executionMembers)
}

// execution shows an execution with its attempts and the rendered message.
func (s *server) execution(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	var shown shownExecution
	if shown.Execution, err = s.store.Execution(c.Context(), c.platform, execution.ID(id)); err != nil {
		return reply{}, err
	}
	attempts, err := s.store.Attempts(c.Context(), c.platform, []string{id})
	if err != nil {
		return reply{}, err
	}
	if shown.attempts = attempts[execution.ID(id)]; shown.attempts == nil {
		shown.attempts = []execution.Attempt{}
	}
	prepared, err := s.store.ReadPrepared(c.Context(), c.platform, []string{id})
	if err != nil {
		return reply{}, err
	}
	if p, ok := prepared[execution.ID(id)]; ok {
		shown.problem = p.Problem
		if p.Content != "" {
			msg, err := message.Decode([]byte(p.Content))
			if err != nil {
				return reply{}, err
			}
			shown.message = &msg
		}
	}
	return answer(http.StatusOK, shown, shownMembers, nil)
}

var outboxListing = listing{order: []string{"created_at"}}

// captured is a message of the outbox, decoded.
type captured struct {
	store.Captured
	message message.Message
}

func (s *server) listOutbox(c *call) (reply, error) {
	read := func(ctx context.Context, p platform.ID, q store.Query) (store.Page[captured], error) {
		found, err := s.store.Outbox(ctx, p, q)
		page := store.Page[captured]{More: found.More}
		for _, item := range found.Items {
			opened, openErr := openCaptured(item)
			if openErr != nil {
				return page, openErr
			}
			page.Items = append(page.Items, opened)
		}
		return page, err
	}
	return paged(c, outboxListing, read, capturedMembers)
}

func (s *server) outboxMessage(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	found, err := s.store.OutboxMessage(c.Context(), c.platform, id)
	if err != nil {
		return reply{}, err
	}
	opened, err := openCaptured(found)
	return answer(http.StatusOK, opened, capturedMembers, err)
}

func openCaptured(item store.Captured) (captured, error) {
	msg, err := message.Decode([]byte(item.Content))
	return captured{item, msg}, err
}

// capturedMembers lists the members of a message of the outbox.
func capturedMembers(m *members, item *captured) {
	m.served("MESSAGE", item.ID)
	text(m, "execution_id", &item.ExecutionID, plain)
	text(m, "integration_id", &item.IntegrationID, plain)
	text(m, "customer_id", &item.CustomerID, plain)
	messageMembers(m, &item.message)
	instant(m, "created_at", &item.CreatedAt, plain)
}
