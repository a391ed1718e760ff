package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var workflowList = list{
	from:    "workflows",
	columns: "doc",
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: columns("id", "name", "reference", "status", "type", "created_at", "updated_at"),
}

// Workflow reads a workflow by id or reference; an id wins over an equal reference.
func (r Reader) Workflow(ctx context.Context, p platform.ID, idOrReference string) (workflow.Workflow, error) {
	w, err := one(ctx, r.c, document[workflow.Workflow],
		`SELECT doc FROM workflows WHERE platform_id = $1 AND (id = $2 OR reference = $2)
		 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END LIMIT 1`, string(p), idOrReference)
	if errors.Is(err, errNoRow) {
		return w, notFound("WORKFLOW", "workflow", idOrReference)
	}
	return w, err
}

// Workflows lists workflows.
func (r Reader) Workflows(ctx context.Context, p platform.ID, q Query) (Page[workflow.Workflow], error) {
	return page(ctx, r, workflowList, document[workflow.Workflow], string(p), q)
}

// LockedWorkflow reads a workflow by id or reference for a change of it.
func (tx *Tx) LockedWorkflow(ctx context.Context, p platform.ID, idOrReference string) (workflow.Workflow, error) {
	found, err := tx.Workflow(ctx, p, idOrReference)
	if err != nil {
		return found, err
	}
	return one(ctx, tx.c, document[workflow.Workflow],
		`SELECT doc FROM workflows WHERE platform_id = $1 AND id = $2 FOR UPDATE`, string(p), string(found.ID))
}

// InsertWorkflow stores a new workflow. A reference that is taken is a fault.
func (tx *Tx) InsertWorkflow(ctx context.Context, p platform.ID, w workflow.Workflow) error {
	doc, err := encode(w)
	if err != nil {
		return err
	}
	n, err := tx.c.exec(ctx,
		`INSERT INTO workflows (platform_id, id, reference, name, type, status, version, doc, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		string(p), string(w.ID), w.Reference, w.Name, string(w.Type), string(w.Status), w.Version, doc,
		micros(w.CreatedAt), micros(w.UpdatedAt))
	if err != nil || n == 1 {
		return err
	}
	// A commit whose outcome was not known may have stored this very workflow.
	if mine, err := tx.Workflow(ctx, p, string(w.ID)); err == nil && mine.ID == w.ID {
		return nil
	}
	return taken("WORKFLOW", "workflow", w.Reference)
}

// UpdateWorkflow replaces a workflow. A reference that is taken is a fault.
func (tx *Tx) UpdateWorkflow(ctx context.Context, p platform.ID, w workflow.Workflow) error {
	doc, err := encode(w)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx,
		`UPDATE workflows SET reference = $3, name = $4, status = $5, version = $6, doc = $7, updated_at = $8
		 WHERE platform_id = $1 AND id = $2`,
		string(p), string(w.ID), w.Reference, w.Name, string(w.Status), w.Version, doc, micros(w.UpdatedAt))
	if tx.s.db.duplicate(err) {
		return taken("WORKFLOW", "workflow", w.Reference)
	}
	return err
}

// taken is the fault of a reference that another resource has.
func taken(resourceType, noun, reference string) error {
	return fault.At(fault.Exists, "reference", "another %s has the reference %.80q, references are unique", noun, reference).
		About(resourceType, "")
}

// ActiveWorkflows reads the platform's ACTIVE workflows with their ACTIVE
// actions in creation order.
func (r Reader) ActiveWorkflows(ctx context.Context, p platform.ID) ([]*workflow.Armed, error) {
	list, err := all(ctx, r.c, document[workflow.Workflow],
		`SELECT doc FROM workflows WHERE platform_id = $1 AND status = 'ACTIVE'`, string(p))
	if err != nil {
		return nil, fmt.Errorf("reading active workflows: %w", err)
	}
	armed := make([]*workflow.Armed, len(list))
	byID := make(map[workflow.ID]*workflow.Armed, len(list))
	for i, w := range list {
		armed[i] = &workflow.Armed{Workflow: w}
		byID[w.ID] = armed[i]
	}
	actions, err := all(ctx, r.c, document[workflow.Action],
		`SELECT doc FROM workflow_actions WHERE platform_id = $1 AND status = 'ACTIVE' ORDER BY created_at, id`, string(p))
	if err != nil {
		return nil, fmt.Errorf("reading active actions: %w", err)
	}
	for _, a := range actions {
		if w := byID[a.WorkflowID]; w != nil {
			w.Actions = append(w.Actions, a)
		}
	}
	return armed, nil
}

var actionList = list{
	from:    "workflow_actions",
	columns: "doc",
	order:   []string{"created_at", "updated_at", "status", "type"},
	filters: columns("id", "status", "type", "workflow_id"),
}

// Action reads an action.
func (r Reader) Action(ctx context.Context, p platform.ID, id workflow.ActionID) (workflow.Action, error) {
	a, err := one(ctx, r.c, document[workflow.Action],
		`SELECT doc FROM workflow_actions WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return a, notFound("WORKFLOW_ACTION", "workflow action", string(id))
	}
	return a, err
}

// Actions lists actions.
func (r Reader) Actions(ctx context.Context, p platform.ID, q Query) (Page[workflow.Action], error) {
	return page(ctx, r, actionList, document[workflow.Action], string(p), q)
}

// ActionsOf reads all actions of a workflow, in creation order.
func (r Reader) ActionsOf(ctx context.Context, p platform.ID, w workflow.ID) ([]workflow.Action, error) {
	return all(ctx, r.c, document[workflow.Action],
		`SELECT doc FROM workflow_actions WHERE platform_id = $1 AND workflow_id = $2 ORDER BY created_at, id`, string(p), string(w))
}

// InsertAction stores a new action.
func (tx *Tx) InsertAction(ctx context.Context, p platform.ID, a workflow.Action) error {
	doc, err := encode(a)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx,
		`INSERT INTO workflow_actions (platform_id, id, workflow_id, type, status, doc, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		string(p), string(a.ID), string(a.WorkflowID), string(a.Type), string(a.Status), doc,
		micros(a.CreatedAt), micros(a.UpdatedAt))
	return err
}

// UpdateAction replaces an action. Its workflow must be locked.
func (tx *Tx) UpdateAction(ctx context.Context, p platform.ID, a workflow.Action) error {
	doc, err := encode(a)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE workflow_actions SET status = $3, doc = $4, updated_at = $5 WHERE platform_id = $1 AND id = $2`,
		string(p), string(a.ID), string(a.Status), doc, micros(a.UpdatedAt))
	return err
}

// DeleteAction deletes an action. Its workflow must be locked.
func (tx *Tx) DeleteAction(ctx context.Context, p platform.ID, id workflow.ActionID) error {
	_, err := tx.c.exec(ctx, `DELETE FROM workflow_actions WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	return err
}
