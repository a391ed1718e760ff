package engine

import (
	"context"
	"errors"
	"reflect"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// CreateAction stores a new action of a workflow.
func (e *Engine) CreateAction(ctx context.Context, p platform.ID, a workflow.Action, then ...After[workflow.Action]) (workflow.Action, error) {
	now := e.Now()
	a.ID, a.CreatedAt, a.UpdatedAt = workflow.ActionID(ident.New("wkac")), now, now
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.BumpWorkflowSet(ctx, p); err != nil {
			return err
		}
		if err := checkNewAction(ctx, tx, p, a); err != nil {
			return err
		}
		if err := tx.InsertAction(ctx, p, a); err != nil {
			return err
		}
		return after(ctx, tx, a, then)
	})
	return a, err
}

// ChangeAction changes an action. change edits a copy and may refuse; the state
// machine, the workflow and what must agree with it are checked here. An action
// that stops running takes the messages with it that have not begun.
func (e *Engine) ChangeAction(
	ctx context.Context, p platform.ID, id workflow.ActionID, change func(*workflow.Action, workflow.Workflow) error,
	then ...After[workflow.Action],
) (workflow.Action, error) {
	var out workflow.Action
	err := e.onAction(ctx, p, id, func(tx *store.Tx, old workflow.Action, w workflow.Workflow) error {
		var err error
		if out, err = changedAction(old, w, change); err != nil {
			return err
		}
		if !reflect.DeepEqual(old, out) {
			out.UpdatedAt = e.Now()
			if err := e.saveAction(ctx, tx, p, old, out); err != nil {
				return err
			}
		}
		return after(ctx, tx, out, then)
	})
	return out, err
}

// DeleteAction deletes an action and returns it as it was. Its executions stay,
// each with a copy of it; those that have not begun are cancelled.
func (e *Engine) DeleteAction(ctx context.Context, p platform.ID, id workflow.ActionID) (workflow.Action, error) {
	var out workflow.Action
	err := e.onAction(ctx, p, id, func(tx *store.Tx, a workflow.Action, w workflow.Workflow) error {
		out = a
		if err := takesChanges(w, "delete"); err != nil {
			return err
		}
		if err := tx.DeleteAction(ctx, p, id); err != nil {
			return err
		}
		return e.stopAction(ctx, tx, p, a)
	})
	return out, err
}

// onAction runs do with a locked action and its workflow, exclusive with every
// claim and every ingestion of the platform.
func (e *Engine) onAction(
	ctx context.Context, p platform.ID, id workflow.ActionID, do func(*store.Tx, workflow.Action, workflow.Workflow) error,
) error {
	return e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil {
			return err
		}
		if _, err := tx.BumpWorkflowSet(ctx, p); err != nil { // first: whoever locks an action holds the set
			return err
		}
		a, err := tx.Action(ctx, p, id)
		if err != nil {
			return err
		}
		w, err := tx.LockedWorkflow(ctx, p, string(a.WorkflowID))
		if err != nil {
			return err
		}
		return do(tx, a, w)
	})
}

// changedAction is an action after a change of it that its state allows.
func changedAction(old workflow.Action, w workflow.Workflow, change func(*workflow.Action, workflow.Workflow) error) (workflow.Action, error) {
	a := old
	err := change(&a, w)
	a.ID, a.Type, a.CreatedAt, a.UpdatedAt = old.ID, old.Type, old.CreatedAt, old.UpdatedAt
	changes := err != nil || !reflect.DeepEqual(old, a)
	if old.Status == workflow.Archived && changes {
		return a, fault.New(fault.State, "workflow action %s is archived and cannot change any more", old.ID).About("WORKFLOW_ACTION", string(old.ID))
	}
	if err := takesChanges(w, "change"); err != nil && changes {
		return a, err
	}
	if err != nil {
		return a, err
	}
	return a, old.Status.Move(a.Status)
}

// takesChanges refuses to touch the actions of an archived workflow.
func takesChanges(w workflow.Workflow, what string) error {
	if w.Status != workflow.Archived {
		return nil
	}
	return fault.New(fault.State, "workflow %s is archived: nothing can %s its actions any more", w.ID, what).About("WORKFLOW", string(w.ID))
}

func (e *Engine) saveAction(ctx context.Context, tx *store.Tx, p platform.ID, old, a workflow.Action) error {
	if !reflect.DeepEqual(old.SendEmail, a.SendEmail) || a.Status == workflow.Active {
		if err := checkIntegration(ctx, tx, p, a); err != nil {
			return err
		}
	}
	if err := tx.UpdateAction(ctx, p, a); err != nil {
		return err
	}
	if old.Status == workflow.Active && a.Status != workflow.Active {
		return e.stopAction(ctx, tx, p, a)
	}
	return nil
}

// stopAction cancels the executions of an action that have not begun.
func (e *Engine) stopAction(ctx context.Context, tx *store.Tx, p platform.ID, a workflow.Action) error {
	now, err := e.timeOn(ctx, tx.Reader, p)
	if err != nil {
		return err
	}
	open, err := tx.OpenOfWorkflow(ctx, p, a.WorkflowID)
	if err != nil {
		return err
	}
	var cancelled []execution.Execution
	for _, x := range open {
		if x.ActionID == a.ID {
			cancelled = append(cancelled, x.End(execution.Cancelled, workflow.NoAction, now))
		}
	}
	return cancel(ctx, tx, cancelled)
}

// checkNewAction checks an action against its workflow and its integration. Of
// several things that are wrong the error has them all, joined.
func checkNewAction(ctx context.Context, tx *store.Tx, p platform.ID, a workflow.Action) error {
	w, err := tx.LockedWorkflow(ctx, p, string(a.WorkflowID))
	switch {
	case fault.Is(err, fault.NotFound) || (err == nil && w.ID != a.WorkflowID):
		err = Mention{Field: "workflow_id", Type: workflowType}.unknown(string(a.WorkflowID))
	case err != nil:
		return err
	case w.Status == workflow.Archived:
		err = fault.At(fault.State, "workflow_id", "workflow %s is archived, it takes no new actions", w.ID).About("WORKFLOW", string(w.ID))
	default:
		err = a.Fits(w)
	}
	unusable := checkIntegration(ctx, tx, p, a)
	if unusable != nil && fault.As(unusable) == nil {
		return unusable
	}
	return errors.Join(err, unusable)
}

// checkIntegration checks that an action's integration exists and can be used.
func checkIntegration(ctx context.Context, tx *store.Tx, p platform.ID, a workflow.Action) error {
	if a.SendEmail == nil {
		return nil
	}
	const field = "send_email_to_customer.integration_id"
	in, err := tx.Integration(ctx, p, string(a.SendEmail.IntegrationID))
	if fault.Is(err, fault.NotFound) || (err == nil && in.ID != a.SendEmail.IntegrationID) {
		return Mention{Field: field, Type: integrationType}.unknown(string(a.SendEmail.IntegrationID))
	}
	if err != nil {
		return err
	}
	if in.Status == platform.IntegrationArchived {
		return fault.At(fault.State, field, "integration %s is archived, name another", in.ID).About("INTEGRATION", string(in.ID))
	}
	return nil
}
