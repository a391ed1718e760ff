package httpapi

import (
	"github.com/dunwellhq/dunwell/internal/condition"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// conditions is the rule of a text that may be long; what it says is judged when
// the type of its workflow is known.
var conditions = lines(condition.MaxLength)

// checkConditions judges conditions that are new or have changed. Others were
// judged when they came: a workflow must stay able to be switched off.
func checkConditions(c *codec, old, w *workflow.Workflow) {
	if w.Conditions == "" || w.Type == "" || w.Conditions == old.Conditions {
		return
	}
	if err := workflow.CheckConditions(w.Type, w.Conditions); err != nil {
		c.fault(fault.Invalid, "conditions", "conditions must be "+err.Error())
	}
}

// maxPriority bounds a priority, above and below zero.
const maxPriority = 1_000_000

// priorityMember is a whole number or not there: 0 is one.
func priorityMember(m *members, w *workflow.Workflow) {
	const name = "priority"
	if m.mode == encode {
		if w.Priority != nil {
			number(m, name, w.Priority, 0, 0, plain)
		}
		return
	}
	if n := take(m, name, &w.Priority, nullable); n != nil {
		w.Priority = new(int)
		number(m, name, w.Priority, -maxPriority, maxPriority, plain)
	}
}

// readingMembers lists what conditions that did not hold read.
func readingMembers(m *members, r *condition.Reading) {
	objects(m, "members", &r.Members, len(r.Members), plain.notNull(), readMembers)
	text(m, "error", &r.Error, plain.omitted())
}

func readMembers(m *members, r *condition.Read) {
	text(m, "member", &r.Member, plain)
	text(m, "value", &r.Value, plain)
}
