package httpapi

import (
	"context"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var actionListing = listing{order: []string{"created_at", "updated_at", "status", "type"}}

// listActions answers with a bare array: the published contract has no
// envelope here.
func (s *server) listActions(c *call) (reply, error) {
	a, err := c.ask(actionListing)
	if err != nil {
		return reply{}, err
	}
	page, err := s.store.Actions(c.Context(), c.platform, a.Query)
	if err != nil {
		return reply{}, err
	}
	var out codec
	bare(&out, page.Items, actionMembers)
	return reply{status: http.StatusOK, body: out.out}, nil
}

func (s *server) createAction(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	w, err := s.workflowOf(c.Context(), c.platform, doc.rootText("workflow_id"))
	if err != nil {
		return reply{}, err
	}
	var a workflow.Action
	if err := decodeInto(doc, &a, actionMembers, checkNewAction(w)); err != nil {
		return reply{}, s.orMissing(c, doc, err, actionMentions)
	}
	a, err = s.engine.CreateAction(c.Context(), c.platform, a, remember(s, c, http.StatusCreated, actionMembers)...)
	return answer(http.StatusCreated, a, actionMembers, doc.first(err))
}

// workflowOf reads the workflow that an action names, so that what must agree
// with it is judged with the rest of the body; nil if there is none.
func (s *server) workflowOf(ctx context.Context, p platform.ID, id string) (*workflow.Workflow, error) {
	if identifier.check(id) != "" {
		return nil, nil //nolint:nilnil // the body is refused for it
	}
	found, err := s.store.Workflows(ctx, p, store.Query{Page: 1, Limit: 1, Filters: []store.Filter{{Field: "id", Values: []string{id}}}})
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	return &found.Items[0], nil
}

func (s *server) action(c *call) (reply, error) {
	id, err := c.named("id", "WORKFLOW_ACTION")
	if err != nil {
		return reply{}, err
	}
	a, err := s.store.Action(c.Context(), c.platform, workflow.ActionID(id))
	return answer(http.StatusOK, a, actionMembers, err)
}

func (s *server) changeAction(c *call) (reply, error) {
	id, err := c.named("id", "WORKFLOW_ACTION")
	if err != nil {
		return reply{}, err
	}
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	var wrong error // with the body itself
	a, err := s.engine.ChangeAction(c.Context(), c.platform, workflow.ActionID(id), func(a *workflow.Action, w workflow.Workflow) error {
		wrong = patchInto(doc, a, actionMembers, checkChangedAction(*a, &w))
		return wrong
	})
	if wrong != nil && fault.As(err) == fault.As(wrong) {
		err = s.orMissing(c, doc, err, actionMentions[1:]) // its workflow never changes
	}
	return answer(http.StatusOK, a, actionMembers, err)
}

// deleteAction answers with the action that is no more.
func (s *server) deleteAction(c *call) (reply, error) {
	id, err := c.named("id", "WORKFLOW_ACTION")
	if err != nil {
		return reply{}, err
	}
	a, err := s.engine.DeleteAction(c.Context(), c.platform, workflow.ActionID(id))
	return answer(http.StatusOK, a, actionMembers, err)
}
