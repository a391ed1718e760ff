package engine

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// After is run in the transaction of an effect, when all else is done, with
// what the call will return; if it fails, nothing has happened. It may be run
// again with the transaction.
type After[T any] = func(context.Context, *store.Tx, T) error

func after[T any](ctx context.Context, tx *store.Tx, v T, then []After[T]) error {
	for _, do := range then {
		if err := do(ctx, tx, v); err != nil {
			return err
		}
	}
	return nil
}

// CreateWorkflow stores a new workflow and returns it with its id. One that is
// created ACTIVE answers to events from its commit on.
func (e *Engine) CreateWorkflow(
	ctx context.Context, p platform.ID, w workflow.Workflow, then ...After[workflow.Workflow],
) (workflow.Workflow, error) {
	now := e.Now()
	w.ID, w.Version, w.CreatedAt, w.UpdatedAt = workflow.ID(ident.New("wkfl")), 1, now, now
	insert := func(ctx context.Context, tx *store.Tx) error {
		if err := checkScope(ctx, tx, p, workflow.Workflow{}, w); err != nil {
			return err
		}
		if err := tx.InsertWorkflow(ctx, p, w); err != nil {
			return err
		}
		return after(ctx, tx, w, then)
	}
	if w.Status != workflow.Active && len(then) == 0 { // what comes after may lock anything
		return w, e.store.Join(ctx, insert)
	}
	return w, e.store.Write(ctx, func(tx *store.Tx) error {
		planning, err := tx.BumpWorkflowSet(ctx, p)
		if err != nil {
			return err
		}
		begun := e.clock(planning)
		w.Begin(workflow.Workflow{}, begun)
		if err := planWorkflow(ctx, tx, p, workflow.Workflow{}, w, planning.Announced, begun); err != nil {
			return err
		}
		return insert(ctx, tx)
	})
}

// checkScope asks for the customers that a changed scope names. Of several
// things that are wrong the error has them all, joined.
func checkScope(ctx context.Context, tx *store.Tx, p platform.ID, old, w workflow.Workflow) error {
	var wrong []error
	for _, c := range []struct {
		field   string
		was, is []billing.CustomerID
	}{
		{"customer_ids", old.CustomerIDs, w.CustomerIDs},
		{"exclude_customer_ids", old.ExcludedIDs, w.ExcludedIDs},
	} {
		if slices.Equal(c.was, c.is) {
			continue
		}
		m := Mention{Field: c.field, Type: string(billing.KindCustomer), List: true, IDs: make([]string, len(c.is))}
		for i, id := range c.is {
			m.IDs[i] = string(id)
		}
		err := missingOf(ctx, tx.Reader, p, m)
		if err != nil && fault.As(err) == nil {
			return err
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// ChangeWorkflow changes a workflow. change edits a copy and may refuse; the
// state machine is checked here. A change that can stop messages is exclusive
// with every claim, and cancels what has not begun. One that changes nothing
// leaves no trace, and is all that an archived workflow takes.
func (e *Engine) ChangeWorkflow(
	ctx context.Context, p platform.ID, idOrReference string, change func(*workflow.Workflow) error, then ...After[workflow.Workflow],
) (workflow.Workflow, error) {
	var out workflow.Workflow
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil {
			return err
		}
		planning, err := tx.BumpWorkflowSet(ctx, p) // first: whoever locks a workflow holds the set
		if err != nil {
			return err
		}
		old, err := tx.LockedWorkflow(ctx, p, idOrReference)
		if err != nil {
			return err
		}
		if out, err = changed(old, change); err != nil {
			return err
		}
		if !reflect.DeepEqual(old, out) {
			now := e.clock(planning)
			out.Version, out.UpdatedAt = old.Version+1, e.Now()
			out.Begin(old, now)
			if err := saveWorkflow(ctx, tx, p, old, out, now); err != nil {
				return err
			}
			if err := planWorkflow(ctx, tx, p, old, out, planning.Announced, now); err != nil {
				return err
			}
		}
		return after(ctx, tx, out, then)
	})
	return out, err
}

// changed is a workflow after a change of it that its state allows.
func changed(old workflow.Workflow, change func(*workflow.Workflow) error) (workflow.Workflow, error) {
	w := old
	err := change(&w)
	w.ID, w.Type, w.CreatedAt, w.Version, w.UpdatedAt = old.ID, old.Type, old.CreatedAt, old.Version, old.UpdatedAt
	if old.Status == workflow.Archived && (err != nil || !reflect.DeepEqual(old, w)) {
		return w, fault.New(fault.State, "workflow %s is archived and cannot change any more", old.ID).About("WORKFLOW", string(old.ID))
	}
	if err != nil {
		return w, err
	}
	return w, old.Status.Move(w.Status)
}

func saveWorkflow(ctx context.Context, tx *store.Tx, p platform.ID, old, w workflow.Workflow, now time.Time) error {
	if err := checkScope(ctx, tx, p, old, w); err != nil {
		return err
	}
	if w.Variant() != old.Variant() {
		if err := checkActions(ctx, tx, p, w); err != nil {
			return err
		}
	}
	if err := tx.UpdateWorkflow(ctx, p, w); err != nil {
		return err
	}
	return stopWorkflow(ctx, tx, p, old, w, now)
}

// checkActions checks a workflow of another variant against the actions that it
// has already.
func checkActions(ctx context.Context, tx *store.Tx, p platform.ID, w workflow.Workflow) error {
	actions, err := tx.ActionsOf(ctx, p, w.ID)
	if err != nil {
		return err
	}
	for _, a := range actions {
		if a.Status == workflow.Archived {
			continue
		}
		if misfit := fault.As(a.Fits(w)); misfit != nil {
			return fault.At(fault.State, "invoice.variant", "its workflow action %s must be changed first, %s: %s", a.ID, misfit.Field, misfit.Message).
				About("WORKFLOW_ACTION", string(a.ID))
		}
	}
	return nil
}

// stopWorkflow cancels the executions that a change of their workflow stops.
func stopWorkflow(ctx context.Context, tx *store.Tx, p platform.ID, old, w workflow.Workflow, now time.Time) error {
	narrowed := !slices.Equal(old.ExcludedIDs, w.ExcludedIDs) || w.CustomerIDs != nil && !slices.Equal(old.CustomerIDs, w.CustomerIDs)
	if old.Status != workflow.Active || (w.Status == workflow.Active && !narrowed) {
		return nil
	}
	open, err := tx.OpenOfWorkflow(ctx, p, w.ID)
	if err != nil {
		return err
	}
	var cancelled []execution.Execution
	for _, x := range open {
		switch {
		case w.Status != workflow.Active:
			cancelled = append(cancelled, x.End(execution.Cancelled, workflow.WorkflowInactive, now))
		case !w.Covers(x.CustomerID):
			cancelled = append(cancelled, x.End(execution.Cancelled, w.LeavesOut(x.CustomerID), now))
		}
	}
	return cancel(ctx, tx, cancelled)
}

// ChangePlatform changes a platform's settings. It is exclusive with every
// claim: once sending is off and this has returned, nothing more goes out.
func (e *Engine) ChangePlatform(ctx context.Context, id platform.ID, change func(*platform.Platform) error) (platform.Platform, error) {
	var out platform.Platform
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(id), true); err != nil {
			return err
		}
		planning, err := tx.BumpWorkflowSet(ctx, id) // what decides on the platform is cached by it
		if err != nil {
			return err
		}
		old, err := tx.Platform(ctx, id)
		if err != nil {
			return err
		}
		p := old
		if err := change(&p); err != nil {
			return err
		}
		p.ID, p.CreatedAt, p.UpdatedAt = old.ID, old.CreatedAt, e.Now()
		out = p
		if old.Sending == platform.Paused && p.Sending != platform.Paused {
			for lane := range execution.Lanes {
				tx.Wake(store.Lane{PlatformID: id, Number: lane})
			}
		}
		if movesDates(old, p) {
			if err := tx.InsertTasks(ctx, window(id, "", planning.Announced, e.clock(planning)), e.Now()); err != nil {
				return err
			}
		}
		return tx.UpdatePlatform(ctx, p)
	})
	return out, err
}

// PutIntegration stores an integration: a new one when its id is empty or not
// known, else in place of the one that has it. With keepCredentials the stored
// credentials stay, since a client cannot read them back to send them again.
func (e *Engine) PutIntegration(
	ctx context.Context, p platform.ID, in platform.Integration, keepCredentials bool, then ...After[platform.Integration],
) (stored platform.Integration, created bool, err error) {
	now := e.Now()
	if in.ID == "" {
		in.ID = platform.IntegrationID(ident.New("intg"))
	}
	err = e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil { // else two at once could mix server and credentials
			return err
		}
		stored, created = in, true
		stored.CreatedAt, stored.UpdatedAt = now, now
		old, err := tx.Integration(ctx, p, string(in.ID))
		switch {
		case err == nil && old.ID == in.ID:
			created, stored.CreatedAt = false, old.CreatedAt
			if err := checkKept(ctx, tx, p, old, in, keepCredentials); err != nil {
				return err
			}
		case err != nil && !fault.Is(err, fault.NotFound):
			return err
		}
		if err := tx.PutIntegration(ctx, p, stored, keepCredentials); err != nil {
			return err
		}
		return after(ctx, tx, stored, then)
	})
	return stored, created, err
}

// ChangeIntegration changes an integration. change edits a copy and may refuse; it
// reports whether the stored credentials stay, which nobody can read back.
func (e *Engine) ChangeIntegration(
	ctx context.Context, p platform.ID, idOrReference string, change func(*platform.Integration) (keepCredentials bool, err error),
) (platform.Integration, error) {
	var out platform.Integration
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil { // as in PutIntegration
			return err
		}
		old, err := tx.Integration(ctx, p, idOrReference)
		if err != nil {
			return err
		}
		in := old
		keep, err := change(&in)
		if err != nil {
			return err
		}
		in.ID, in.CreatedAt, in.UpdatedAt = old.ID, old.CreatedAt, e.Now()
		if err := checkKept(ctx, tx, p, old, in, keep); err != nil {
			return err
		}
		out = in
		return tx.PutIntegration(ctx, p, in, keep)
	})
	return out, err
}

// checkKept refuses to take stored credentials along to another server, or out
// of TLS: who may change an integration may not read them that way.
func checkKept(ctx context.Context, tx *store.Tx, p platform.ID, old, in platform.Integration, keep bool) error {
	if !keep || in.EmailProvider.TrustsAsMuchAs(old.EmailProvider) {
		return nil
	}
	has, err := tx.HasCredentials(ctx, p, in.ID)
	if err != nil || !has {
		return err
	}
	return fault.At(fault.Missing, "authentication",
		"authentication is required: the stored credentials do not follow to another host or port, nor out of TLS; give them anew, or {} for none")
}

// CreateSource stores a new source.
func (e *Engine) CreateSource(ctx context.Context, s platform.Source, then ...After[platform.Source]) (platform.Source, error) {
	now := e.Now()
	s.ID, s.CreatedAt, s.UpdatedAt = platform.NewSourceID(), now, now
	return s, e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.InsertSource(ctx, s); err != nil {
			return err
		}
		return after(ctx, tx, s, then)
	})
}

// ChangeSource changes a source. One that change gives no signing secret keeps
// its own.
func (e *Engine) ChangeSource(ctx context.Context, p platform.ID, idOrReference string, change func(*platform.Source) error) (platform.Source, error) {
	var out platform.Source
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		old, err := tx.Source(ctx, p, idOrReference)
		if err != nil {
			return err
		}
		s := old
		if err := change(&s); err != nil {
			return err
		}
		s.ID, s.PlatformID, s.Type, s.CreatedAt, s.UpdatedAt = old.ID, old.PlatformID, old.Type, old.CreatedAt, e.Now()
		out = s
		return tx.UpdateSource(ctx, s)
	})
	return out, err
}
