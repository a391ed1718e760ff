package workflow

import "cmp"

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
