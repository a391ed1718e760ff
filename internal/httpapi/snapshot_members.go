package httpapi

import (
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// phaseName says which part of a snapshot a request is.
type phaseName string

const (
	begin phaseName = "BEGIN"
	part  phaseName = "RESOURCES"
	end   phaseName = "END"
)

// phase is a request of a snapshot.
type phase struct {
	name     phaseName
	snapshot billing.Snapshot
	listed   []billing.Key // whether resources are there: they are read apart
}

// phaseMembers lists the members of the three phases (contract B2).
func phaseMembers(m *members, p *phase) {
	s := &p.snapshot
	enum(m, "phase", &p.name, []phaseName{begin, part, end}, plain.required())
	text(m, "snapshot_id", &s.ID, identifier)
	enums(m, "object_types", &s.Kinds, billing.SnapshotKinds)
	text(m, "customer_id", &s.CustomerID, identifier)
	enum(m, "on_absent", &s.OnAbsent, billing.OnAbsents, plain)
	objects(m, "resources", &p.listed, maxItems, plain, func(*members, *billing.Key) {})
}

// enums is a member that is a list of values, each once, replaced whole.
func enums[S ~string](m *members, name string, v *[]S, values []S) {
	seen := map[string]bool{}
	texts(m, name, v, len(values), rule{check: func(s string) string {
		if seen[s] || !slices.Contains(values, S(s)) {
			return "one of " + join(values) + ", each once"
		}
		seen[s] = true
		return ""
	}})
}

// checkPhase judges a request of a snapshot: each phase has members of its own, and
// what another takes is refused, for it was meant to count.
func checkPhase(c *codec, p *phase) {
	s := &p.snapshot
	given := map[string]bool{
		"snapshot_id": s.ID != "", "object_types": s.Kinds != nil, "customer_id": s.CustomerID != "", "on_absent": s.OnAbsent != "",
		"resources": p.listed != nil,
	}
	takes := map[phaseName][]string{begin: {"object_types"}, part: {"snapshot_id", "resources"}, end: {"snapshot_id"}}[p.name]
	for _, name := range takes {
		if !given[name] {
			c.fault(fault.Missing, name, name+" is required in phase "+string(p.name))
		}
		delete(given, name)
	}
	if p.name == begin {
		delete(given, "customer_id")
		delete(given, "on_absent")
		checkBegin(c, s)
	}
	for name, is := range given {
		if is && p.name != "" {
			c.fault(fault.Invalid, name, name+" must be left out in phase "+string(p.name))
		}
	}
}

// checkBegin judges the begin of a snapshot. What is absent is only reported unless
// the caller says otherwise.
func checkBegin(c *codec, s *billing.Snapshot) {
	if s.OnAbsent == "" {
		s.OnAbsent = billing.Report
	}
	if s.Kinds != nil && len(s.Kinds) == 0 {
		c.fault(fault.Invalid, "object_types", "object_types must have at least one of "+join(billing.SnapshotKinds))
	}
	if s.CustomerID == "" {
		return
	}
	for _, kind := range s.Kinds {
		if !slices.Contains(billing.OfCustomers, kind) {
			c.fault(fault.Invalid, "object_types", "object_types must be among "+join(billing.OfCustomers)+
				" in a snapshot of one customer: of the others it is not known whose they are")
		}
	}
}

// snapshotMembers lists the members of a snapshot as it is told.
func snapshotMembers(m *members, s *billing.Snapshot) {
	m.served("SNAPSHOT", string(s.ID))
	text(m, "status", &s.Status, plain)
	texts(m, "object_types", &s.Kinds, len(s.Kinds), plain)
	text(m, "customer_id", &s.CustomerID, plain)
	text(m, "on_absent", &s.OnAbsent, plain)
	number(m, "seen", &s.Seen, 0, s.Seen, plain)
	number(m, "applied", &s.Applied, 0, s.Applied, plain)
	number(m, "absent_count", &s.AbsentCount, 0, s.AbsentCount, plain)
	number(m, "closed_count", &s.ClosedCount, 0, s.ClosedCount, plain)
	m.putList("absent", false, len(s.Absent), plain, func(i int) { write(m.codec, &s.Absent[i], absentMembers) })
	m.putTime("created_at", s.BegunAt, plain)
	m.putTime("expires_at", s.ExpiresAt, plain)
	m.putTime("ended_at", s.EndedAt, plain)
}

func absentMembers(m *members, a *billing.Absent) {
	text(m, "object_type", &a.Kind, plain)
	text(m, "id", &a.ID, plain)
	flag(m, "closed", &a.Closed, plain)
}

// taken is a snapshot with what became of the part of it that a request told.
type taken struct {
	billing.Snapshot
	results []ingested
}

func takenMembers(m *members, t *taken) {
	snapshotMembers(m, &t.Snapshot)
	m.key("data")
	bare(m.codec, t.results, ingestedMembers)
}
