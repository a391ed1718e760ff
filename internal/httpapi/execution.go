package httpapi

import (
	"net/http"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
)

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
