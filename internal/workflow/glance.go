package workflow

import (
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
)

// glance tells at a glance which workflows of one topic, all of them for every
// customer, have conditions that do not hold: those that require of a member
// another text than it has. It is what keeps ten thousand workflows, each for one
// kind of customer, from costing ten thousand evaluations an event.
type glance struct {
	members []condition.Requirement // one for each member that any of them requires something of
	texts   []map[string]int32      // by member: the texts that are required, counted from 1
	wants   [][maxWants]want        // by workflow, in the order of everyone
}

// want is a member that must have a text; 0 wants nothing.
type want struct{ member, text int32 }

// maxWants bounds how many requirements of one workflow are looked at.
const maxWants = 2

// Prepare makes a set ready for events: it compiles the conditions, of which it
// takes over from an earlier set, or nil, those that it had. It is for who makes
// the set, before anybody else sees it.
func (s *Set) Prepare(old *Set) {
	if old != nil {
		s.inherit(old)
	}
	s.glances = map[topic]*glance{}
	if !s.Asks() {
		return
	}
	for t, list := range s.everyone {
		if g := newGlance(list); len(g.members) > 0 {
			s.glances[t] = g
		}
	}
}

func newGlance(list []*Armed) *glance {
	g := &glance{wants: make([][maxWants]want, len(list))}
	ids := map[string]int32{}
	for i, a := range list {
		if a.condition == nil {
			continue
		}
		for n, r := range a.condition.Requires() {
			if n == maxWants {
				break
			}
			g.wants[i][n] = g.want(ids, r)
		}
	}
	return g
}

func (g *glance) want(ids map[string]int32, r condition.Requirement) want {
	member, known := ids[r.Member()]
	if !known {
		g.members, g.texts = append(g.members, r), append(g.texts, map[string]int32{})
		member = int32(len(g.members)) //nolint:gosec // of 10,000 workflows each has two
		ids[r.Member()] = member
	}
	texts := g.texts[member-1]
	if texts[r.Equals] == 0 {
		texts[r.Equals] = int32(len(texts) + 1) //nolint:gosec // likewise
	}
	return want{member, texts[r.Equals]}
}

// left returns, in order, the workflows whose requirements are met, and the first
// few of the others: their conditions do not hold, and that is told of as many.
func (g *glance) left(list []*Armed, of *condition.Asking, few int) []*Armed {
	is := make([]int32, len(g.members)+1) // by member, which text it has
	for i, r := range g.members {
		if text, ok := r.Text(of); ok {
			is[i+1] = g.texts[i][text]
		}
	}
	var left []*Armed
	for i := range g.wants {
		if !met(&g.wants[i], is) {
			if few == 0 {
				continue
			}
			few--
		}
		left = append(left, list[i])
	}
	return left
}

func met(wants *[maxWants]want, is []int32) bool {
	for _, w := range wants {
		if w.member != 0 && is[w.member] != w.text {
			return false
		}
	}
	return true
}

// Answering is [Set.Match] without those of which a glance at the facts shows that
// their conditions do not hold, but for the first few. Of one that is left out it
// is not told either that it excludes the customer.
func (s *Set) Answering(event billing.Event, customer billing.CustomerID, f Facts, few int) []*Armed {
	t := topic{variant: answers[event.Type]}
	g := s.glances[t]
	if g == nil || f.Waiting() || t.variant == WalletBalance { // of wallets few events are one
		return s.Match(event, customer)
	}
	left, scoped := g.left(s.everyone[t], f.asking(), few), s.scoped[scopeKey{t, customer}]
	if len(scoped) == 0 {
		return left
	}
	return merged(slices.Concat(left, scoped), 2)
}
