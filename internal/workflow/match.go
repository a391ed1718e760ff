package workflow

import (
	"cmp"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
)

// Set is the ACTIVE workflows of one platform at one version, arranged so that
// matching an event looks only at workflows that could answer to it. It is
// immutable and safe to share.
type Set struct {
	Version int64
	// everyone holds the workflows without a customer scope, someone those
	// with one, and scoped the same by each customer they name.
	everyone map[topic][]*Armed
	someone  map[topic][]*Armed
	scoped   map[scopeKey][]*Armed
	byID     map[ID]*Armed
	dated    []*Armed

	conditions map[question]*condition.Condition
	glances    map[topic]*glance // of those in everyone
}

// topic is what a workflow is about: its variant, and of one that watches the
// wallets of one type, that type.
type topic struct {
	variant    Variant
	walletType string
}

type scopeKey struct {
	topic    topic
	customer billing.CustomerID
}

// Armed is an ACTIVE workflow with its ACTIVE actions in creation order.
type Armed struct {
	Workflow
	Actions []Action

	condition *condition.Condition // of Conditions, if a [Set] has given it one
	shared    bool                 // others of the set have the same
}

// NewSet arranges workflows for matching. Those that are not ACTIVE are left out.
func NewSet(version int64, armed []*Armed) *Set {
	armed = slices.SortedFunc(slices.Values(armed), inOrder)
	s := &Set{
		Version:  version,
		everyone: map[topic][]*Armed{},
		someone:  map[topic][]*Armed{},
		scoped:   map[scopeKey][]*Armed{},
		byID:     map[ID]*Armed{},
	}
	for _, a := range armed {
		if a.Status != Active {
			continue
		}
		about := topic{a.Variant(), a.walletType()}
		s.byID[a.ID] = a
		if a.Variant().Dated() {
			s.dated = append(s.dated, a)
		}
		if a.CustomerIDs == nil {
			s.everyone[about] = append(s.everyone[about], a)
			continue
		}
		s.someone[about] = append(s.someone[about], a)
		for _, c := range a.CustomerIDs {
			k := scopeKey{about, c}
			s.scoped[k] = append(s.scoped[k], a)
		}
	}
	slices.SortFunc(s.dated, func(a, b *Armed) int { return cmp.Compare(a.ID, b.ID) })
	s.share(armed)
	return s
}

// Dated returns the workflows that count from a deadline, in the order of their
// ids.
func (s *Set) Dated() []*Armed { return s.dated }

// inOrder is the order of creation.
func inOrder(a, b *Armed) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// answers says which variant answers to an event.
var answers = map[billing.EventType]Variant{
	billing.BecameFinal:    ToFinal,
	billing.PaymentFailed:  FailedPayment,
	billing.BalanceChanged: WalletBalance,
}

// Match returns the workflows that an event of a customer fires, in the order
// of their creation, and those that would if they did not exclude the customer:
// that is a decision, and is told. Of an event whose customer nobody has named yet ("") any
// workflow may turn out to be fired, so all that answer to it are returned.
// Among those that a balance fires are those that cannot compare it.
func (s *Set) Match(event billing.Event, customer billing.CustomerID) []*Armed {
	now, ok := event.Resource.(*billing.Wallet)
	if !ok {
		return s.Waiting(answers[event.Type], customer)
	}
	old, _ := event.Old.(*billing.Wallet)
	return slices.DeleteFunc(s.Watching(now.WalletTypeID, customer), func(a *Armed) bool {
		step := a.Step(old, now)
		return step != Fell && step != Unmeasured
	})
}

// Waiting returns the workflows of a variant that have a customer in their
// scope, excluded or not, in the order of their creation; of "", who nobody has
// named yet, all. Those of wallets are asked for by [Set.Watching].
func (s *Set) Waiting(v Variant, customer billing.CustomerID) []*Armed {
	return s.about(customer, topic{variant: v})
}

// Watching returns the workflows that watch the wallets of a type and have a
// customer in their scope, in the order of their creation.
func (s *Set) Watching(t billing.WalletTypeID, customer billing.CustomerID) []*Armed {
	if t == "" {
		return s.about(customer, topic{variant: WalletBalance})
	}
	return s.about(customer, topic{variant: WalletBalance}, topic{WalletBalance, string(t)})
}

func (s *Set) about(customer billing.CustomerID, topics ...topic) []*Armed {
	var matched []*Armed
	lists := 0
	for _, t := range topics {
		someone := s.scoped[scopeKey{t, customer}]
		if customer == "" {
			someone = s.someone[t]
		}
		for _, list := range [][]*Armed{s.everyone[t], someone} {
			if len(list) > 0 {
				matched, lists = append(matched, list...), lists+1
			}
		}
	}
	return merged(matched, lists)
}

// merged puts so many lists, each in the order of creation, into one.
func merged(all []*Armed, lists int) []*Armed {
	if lists > 1 {
		slices.SortFunc(all, inOrder)
	}
	return all
}

// Find returns the ACTIVE workflow of that id, or nil.
func (s *Set) Find(id ID) *Armed { return s.byID[id] }

// Runs reports whether an action is one of the workflow's ACTIVE ones.
func (a *Armed) Runs(id ActionID) bool {
	return slices.ContainsFunc(a.Actions, func(x Action) bool { return x.ID == id })
}

// Covers reports whether a customer lies in the workflow's scope.
func (w *Workflow) Covers(customer billing.CustomerID) bool { return w.LeavesOut(customer) == Sent }

// LeavesOut says why a customer does not lie in the workflow's scope, or [Sent].
// Who is excluded stays so, named in the scope or not.
func (w *Workflow) LeavesOut(customer billing.CustomerID) Reason {
	switch {
	case slices.Contains(w.ExcludedIDs, customer):
		return Excluded
	case w.CustomerIDs != nil && !slices.Contains(w.CustomerIDs, customer):
		return OutOfScope
	default:
		return Sent
	}
}
