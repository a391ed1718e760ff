package workflow

import (
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// Status is the state of a workflow or an action, as on the wire.
type Status string

// The states. Only ACTIVE workflows and actions run.
const (
	Active   Status = "ACTIVE"
	Inactive Status = "INACTIVE"
	Draft    Status = "DRAFT"
	Archived Status = "ARCHIVED"
)

// Statuses lists the states.
var Statuses = []Status{Active, Inactive, Draft, Archived}

// next says where a state may go: DRAFT is never entered again, ARCHIVED never
// left. Repeating the state held is always allowed.
var next = map[Status][]Status{
	Draft:    {Draft, Active, Inactive, Archived},
	Active:   {Active, Inactive, Archived},
	Inactive: {Inactive, Active, Archived},
	Archived: {Archived},
}

// Move checks a step of the state machine that workflows and actions share.
func (s Status) Move(to Status) error {
	if slices.Contains(next[s], to) {
		return nil
	}
	var others []string
	for _, o := range next[s] {
		if o != s {
			others = append(others, string(o))
		}
	}
	if len(others) == 0 {
		return fault.At(fault.State, "status", "%s is final, it cannot become %s", s, to)
	}
	return fault.At(fault.State, "status", "%s cannot become %s, only %s", s, to, strings.Join(others, " or "))
}
