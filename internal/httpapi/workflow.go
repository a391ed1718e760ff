package httpapi

import (
	"net/http"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var workflowListing = listing{
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: []filter{enumFilter(workflow.Statuses)},
	search: append(searchable("id", "name", "reference", "created_at", "updated_at"),
		searchableEnum("type", workflow.Types), searchableEnum("status", workflow.Statuses)),
}

func (s *server) listWorkflows(c *call) (reply, error) {
	return paged(c, workflowListing, s.store.Workflows, workflowMembers)
}

// searchWorkflows takes expand[] for nothing: a workflow names no resource but
// its scope, which may be thousands of customers.
func (s *server) searchWorkflows(c *call) (reply, error) {
	return searched(c, workflowListing, s.store.Workflows, workflowMembers)
}

func (s *server) createWorkflow(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var w workflow.Workflow
	if err := decodeInto(doc, &w, workflowMembers, checkNewWorkflow); err != nil {
		return reply{}, s.orMissing(c, doc, err, workflowMentions)
	}
	w, err = s.engine.CreateWorkflow(c.Context(), c.platform, w, remember(s, c, http.StatusCreated, workflowMembers)...)
	return answer(http.StatusCreated, w, workflowMembers, doc.first(err))
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
	var wrong error // with the body itself
	out, err := s.editWorkflow(c, func(w *workflow.Workflow) error {
		wrong = patchInto(doc, w, workflowMembers, checkChangedWorkflow(*w))
		return wrong
	})
	if wrong != nil && fault.As(err) == fault.As(wrong) {
		err = s.orMissing(c, doc, err, workflowMentions)
	}
	return out, doc.first(err)
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
	if _, err := c.optionalDocument(); err != nil {
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
