package trigger

import "github.com/dunwellhq/dunwell/internal/workflow"

// Ruling is what was decided about a workflow that answers to an event.
type Ruling struct {
	Workflow *workflow.Armed
	Status   Status
	Reason   workflow.Reason
	By       workflow.ID // of one that is superseded: the workflow that comes first
}

// Prefer leaves, of the workflows that have a priority and match one event, only
// the first as it was decided, and returns it, or nil: the others are SUPERSEDED.
// All of them must be of one variant. A workflow without a priority is
// independent of the others.
func Prefer(list []Ruling) *Ruling {
	var first *Ruling
	for i := range list {
		v := &list[i]
		if v.contends() && (first == nil || v.Workflow.Before(first.Workflow)) {
			first = v
		}
	}
	for i := range list {
		if v := &list[i]; v != first && v.contends() {
			v.Yield(first.Workflow.ID)
		}
	}
	return first
}

func (v *Ruling) contends() bool { return v.Workflow.Priority != nil && v.Reason.Matched() }

// Yield makes a verdict that another workflow comes first.
func (v *Ruling) Yield(to workflow.ID) {
	v.Status, v.Reason, v.By = Skipped, workflow.Superseded, to
}

// Basis is what of the facts decided so.
func (v *Ruling) Basis(f workflow.Facts) workflow.Basis {
	b := v.Workflow.Basis(f, v.Reason)
	b.SupersededBy = v.By
	return b
}
