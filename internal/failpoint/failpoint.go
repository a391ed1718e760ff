// Package failpoint kills the process at a named step, for the tests that
// prove that a crash between any two steps neither loses nor doubles a message.
// It does nothing in a binary built without the tag "failpoint".
package failpoint

// Point names a step of docs/ordering.md after, or in the middle of, which the
// process may be killed.
type Point string

// The points, in the order in which one message passes them. "committing" is
// inside the transaction, before its commit; "committed" right after it.
const (
	IngestCommitting Point = "ingest_committing"
	IngestCommitted  Point = "ingest_committed"
	Prepared         Point = "prepared"
	Connected        Point = "connected"
	ClaimCommitting  Point = "claim_committing"
	ClaimCommitted   Point = "claim_committed"
	Sent             Point = "sent"
	RecordCommitting Point = "record_committing"
	RecordCommitted  Point = "record_committed"

	Announced      Point = "announced"
	PlanCommitting Point = "plan_committing"
	PlanCommitted  Point = "plan_committed"
	FireCommitting Point = "fire_committing"
	FireCommitted  Point = "fire_committed"

	ClockMoved Point = "clock_moved"
)

// PlanPoints lists the points that a reminder passes before it is a message like
// any other, in that order.
var PlanPoints = []Point{Announced, PlanCommitting, PlanCommitted, FireCommitting, FireCommitted}

// Points lists the points in that order.
var Points = []Point{
	IngestCommitting, IngestCommitted, Prepared, Connected, ClaimCommitting, ClaimCommitted, Sent, RecordCommitting, RecordCommitted,
}
