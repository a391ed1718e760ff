package httpapi

import (
	"context"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

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
