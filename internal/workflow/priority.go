package workflow

import (
	"cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// Before reports whether a workflow comes before another where both match and
// have a priority: the lower number first; of one number, the older workflow.
func (a *Armed) Before(other *Armed) bool {
	return cmp.Or(cmp.Compare(*a.Priority, *other.Priority), inOrder(a, other)) < 0
}

// Matched reports whether a workflow of which this was decided matches the event:
// its scope, its threshold and its conditions are met, whatever then stands
// against the message. One that matches may keep others from firing.
func (r Reason) Matched() bool {
	switch r {
	case WaitingForCustomer, Excluded, OutOfScope, ConditionFalse, ConditionError, UnitMismatch, BalanceRestored, WorkflowInactive:
		return false
	default:
		return true
	}
}

// First returns, of the workflows of a variant that have a priority and match what
// the facts are about, the one that comes first, or nil.
func (s *Set) First(v Variant, customer billing.CustomerID, f Facts) *Armed {
	var first *Armed
	for _, a := range s.Waiting(v, customer) {
		if a.Priority != nil && a.Covers(customer) && (first == nil || a.Before(first)) && a.Asks(f) == Sent {
			first = a
		}
	}
	return first
}
