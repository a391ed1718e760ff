package execution

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Moment is one line of a resource's timeline: what was decided about a
// trigger, how an attempt to send went, or where an execution stands since.
type Moment struct {
	At              time.Time
	Of              MomentOf
	Status          string // of the trigger or execution; of an attempt its outcome, "" while it runs
	Reason          workflow.Reason
	TriggerID       trigger.ID
	TriggerType     trigger.Type
	WorkflowID      workflow.ID
	WorkflowVersion int
	Variant         workflow.Variant
	Step            string
	Kind            billing.Kind // with ResourceID: what the trigger is about
	ResourceID      string
	CustomerID      billing.CustomerID
	Facts           *workflow.Basis // of a decision about a trigger, where they were kept
	ExecutionID     ID              // of an execution or attempt
	Attempt         int             // of an attempt: its number
	Reply           string          // of an attempt: what the provider said
}

// MomentOf says what a moment is about.
type MomentOf string

// What moments are about, in the order of those of one instant.
const (
	OfTrigger   MomentOf = "TRIGGER"
	OfAttempt   MomentOf = "ATTEMPT"
	OfExecution MomentOf = "EXECUTION"
)
