package engine

import (
	"context"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// ruleset is what decides on a platform at one version of it: its ACTIVE
// workflows, its settings, and its open days. It does not change.
type ruleset struct {
	*workflow.Set
	home platform.Platform
	open calendar.Days
}

// rules returns the platform's ruleset at exactly the version of its planning,
// read inside the transaction that holds the version still if it is not cached.
func (e *Engine) rules(ctx context.Context, r store.Reader, p platform.ID, planning store.Planning) (*ruleset, error) {
	version := planning.Version
	e.mu.Lock()
	set := e.sets[p]
	e.mu.Unlock()
	if set != nil && set.Version == version {
		return set, nil
	}
	armed, err := r.ActiveWorkflows(ctx, p)
	if err != nil {
		return nil, err
	}
	old := set
	set = &ruleset{Set: workflow.NewSet(version, armed)}
	if old != nil { // what it has compiled is taken along
		set.Prepare(old.Set)
	} else {
		set.Prepare(nil)
	}
	if set.home, err = r.Platform(ctx, p); err != nil {
		return nil, err
	}
	if set.open, err = set.home.Calendar.Days(e.clock(planning)); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.sets[p]; old == nil || old.Version < version {
		e.sets[p] = set
	}
	return set, nil
}
