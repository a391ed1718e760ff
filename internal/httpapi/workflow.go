package httpapi

import (
	"context"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var workflowListing = listing{
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: []filter{enumFilter(workflow.Statuses)},
}

func (s *server) listWorkflows(c *call) (reply, error) {
	return paged(c, workflowListing, s.store.Workflows, workflowMembers)
}

func (s *server) createWorkflow(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var w workflow.Workflow
	if err := decodeInto(doc, &w, workflowMembers, checkNewWorkflow); err != nil {
		return reply{}, err
	}
	w, err = s.engine.CreateWorkflow(c.Context(), c.platform, w, remember(s, c, http.StatusCreated, workflowMembers)...)
	return answer(http.StatusCreated, w, workflowMembers, err)
}

func (s *server) workflow(c *call) (reply, error) {
	name, err := c.named("idOrReference", "WORKFLOW")
	if err != nil {
		return reply{}, err
	}
	w, err := s.store.Workflow(c.Context(), c.platform, name)
	return answer(http.StatusOK, w, workflowMembers, err)
}

func (s *server) changeWorkflow(c *call) (reply, error) {
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	return s.editWorkflow(c, func(w *workflow.Workflow) error {
		return patchInto(doc, w, workflowMembers, checkChangedWorkflow(*w))
	})
}

func (s *server) activateWorkflow(c *call) (reply, error) {
	return s.moveWorkflow(c, workflow.Active)
}

func (s *server) deactivateWorkflow(c *call) (reply, error) {
	return s.moveWorkflow(c, workflow.Inactive)
}

func (s *server) archiveWorkflow(c *call) (reply, error) {
	return s.moveWorkflow(c, workflow.Archived)
}

// moveWorkflow is the patch {"status": to}: the same rules hold. What a body
// says is ignored.
func (s *server) moveWorkflow(c *call, to workflow.Status) (reply, error) {
	if err := c.optionalDocument(); err != nil {
		return reply{}, err
	}
	doc, err := parse([]byte(`{"status":"` + to + `"}`))
	if err != nil {
		return reply{}, err
	}
	return s.editWorkflow(c, func(w *workflow.Workflow) error {
		return patchInto(doc, w, workflowMembers, checkChangedWorkflow(*w))
	})
}

func (s *server) editWorkflow(c *call, change func(*workflow.Workflow) error) (reply, error) {
	name, err := c.named("idOrReference", "WORKFLOW")
	if err != nil {
		return reply{}, err
	}
	w, err := s.engine.ChangeWorkflow(c.Context(), c.platform, name, change, remember(s, c, http.StatusOK, workflowMembers)...)
	return answer(http.StatusOK, w, workflowMembers, err)
}

// answer writes one resource, or passes the error on.
func answer[T any](status int, v T, list func(*members, *T), err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return reply{status: status, body: encodeTo(nil, &v, list)}, nil
}

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
		return reply{}, err
	}
	a, err = s.engine.CreateAction(c.Context(), c.platform, a, remember(s, c, http.StatusCreated, actionMembers)...)
	return answer(http.StatusCreated, a, actionMembers, err)
}

// workflowOf reads the workflow that an action names, so that what must agree
// with it is judged with the rest of the body; nil if there is none.
func (s *server) workflowOf(ctx context.Context, p platform.ID, id string) (*workflow.Workflow, error) {
	if identifier.check(id) != "" {
		return nil, nil //nolint:nilnil // the body is refused for it
	}
	found, err := s.store.Workflows(ctx, p, store.Query{Page: 1, Limit: 1, Filters: []store.Filter{{Column: "id", Values: []string{id}}}})
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
