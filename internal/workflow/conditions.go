package workflow

import (
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/condition"
)

// question is what a condition asks, of what.
type question struct {
	of   Type
	text string
}

// share gives the workflows their conditions: those that ask the same have the
// same one, which is compiled once, and answered once for each event.
func (s *Set) share(armed []*Armed) {
	s.conditions = map[question]*condition.Condition{}
	first := map[question]*Armed{}
	for _, a := range armed {
		if a.Status != Active || a.Conditions == "" {
			continue
		}
		q := question{a.Type, a.Conditions}
		if other := first[q]; other != nil {
			a.condition, a.shared, other.shared = other.condition, true, true
			continue
		}
		a.condition = newCondition(a.Type, a.Conditions)
		first[q], s.conditions[q] = a, a.condition
	}
}

// inherit takes over from an earlier set what it has compiled: a change of one
// workflow must not cost the compilation of all.
func (s *Set) inherit(old *Set) {
	for _, a := range s.byID {
		if c := old.conditions[question{a.Type, a.Conditions}]; c != nil {
			a.condition, s.conditions[question{a.Type, a.Conditions}] = c, c
		}
	}
}

// Asks reports whether any of the workflows has conditions.
func (s *Set) Asks() bool { return len(s.conditions) > 0 }

// newCondition makes the condition of a workflow of a type: types and the kinds
// that they are about have the same names.
func newCondition(t Type, text string) *condition.Condition {
	return condition.New(billing.Kind(t), text)
}

// CheckConditions says what is wrong with conditions of a workflow of a type,
// where, and what would be right, or nil. It completes "conditions must be …".
func CheckConditions(t Type, text string) error {
	return condition.Check(billing.Kind(t), text)
}

// Asked returns facts about which many workflows may ask: what one condition has
// looked up, the others need not. The states must not change any more.
func (f Facts) Asked() Facts {
	f.Asking = condition.About(f.states())
	return f
}

func (f Facts) states() condition.States {
	s := condition.States{
		Invoice: f.Invoice, Customer: f.Customer, Payment: f.Payment, Subscription: f.Subscription, Wallet: f.Wallet, Zone: f.Zone,
	}
	if f.Invoice != nil && (f.Zone == nil || f.Invoice.Timezone != "") {
		s.Zone = calendar.FirstZone(f.Invoice.Timezone)
	}
	return s
}

func (f Facts) asking() *condition.Asking {
	if f.Asking != nil {
		return f.Asking
	}
	return condition.About(f.states())
}

// Asks says why the workflow's conditions keep it from answering, or [Sent].
func (a *Armed) Asks(f Facts) Reason {
	if a.Conditions == "" {
		return Sent
	}
	switch answer := a.answer(f.asking()); {
	case answer.Err != nil:
		return ConditionError
	case !answer.Holds:
		return ConditionFalse
	default:
		return Sent
	}
}

func (a *Armed) answer(of *condition.Asking) condition.Answer {
	if a.shared {
		return of.Once(a.condition)
	}
	return a.asks().Of(of)
}

// asks is the workflow's condition, whether it is in a set or not.
func (a *Armed) asks() *condition.Condition {
	if a.condition != nil {
		return a.condition
	}
	return newCondition(a.Type, a.Conditions)
}

// Basis returns what of the facts decided so about the workflow: what its
// conditions read too, if it was they.
func (a *Armed) Basis(f Facts, because Reason) Basis {
	b := f.Basis()
	if because == ConditionFalse || because == ConditionError {
		b.Conditions = a.asks().Read(f.asking())
	}
	return b
}
