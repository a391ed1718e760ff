package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// Mention is a member of a request that names something which must exist: by
// its id, and on the same platform.
type Mention struct {
	Field string // its path in the request
	Type  string // WORKFLOW, INTEGRATION, or a kind of mirrored resource
	List  bool   // the field is a list of ids
	IDs   []string
}

const (
	workflowType    = "WORKFLOW"
	integrationType = "INTEGRATION"
)

// unknown is the fault of an id that nothing has.
func (m Mention) unknown(id string) error {
	kind := fault.UnknownID
	if m.List {
		kind = fault.UnknownIDs
	}
	noun := strings.ToLower(strings.ReplaceAll(m.Type, "_", " "))
	return fault.At(kind, m.Field, "there is no %s %.80q on this platform", noun, id).About(m.Type, id)
}

// Missing says which of the mentions name nothing, joined. What decides in a
// transaction asks again there.
func (e *Engine) Missing(ctx context.Context, p platform.ID, mentions ...Mention) error {
	var wrong []error
	for _, m := range mentions {
		err := missingOf(ctx, e.store.Reader, p, m)
		if err != nil && fault.As(err) == nil {
			return err
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// missingOf returns the fault of the first id of a mention that names nothing.
func missingOf(ctx context.Context, r store.Reader, p platform.ID, m Mention) error {
	if m.Type != workflowType && m.Type != integrationType {
		rows, err := r.ReadResources(ctx, p, billing.Kind(m.Type), m.IDs)
		if err != nil {
			return err
		}
		for _, id := range m.IDs {
			if !rows[id].Known() {
				return m.unknown(id)
			}
		}
		return nil
	}
	for _, id := range m.IDs {
		found, err := "", error(nil)
		if m.Type == workflowType {
			w, readErr := r.Workflow(ctx, p, id)
			found, err = string(w.ID), readErr
		} else {
			in, readErr := r.Integration(ctx, p, id)
			found, err = string(in.ID), readErr
		}
		switch {
		case fault.Is(err, fault.NotFound) || (err == nil && found != id): // a reference is no id
			return m.unknown(id)
		case err != nil:
			return err
		}
	}
	return nil
}
