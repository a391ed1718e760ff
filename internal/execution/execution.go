// Package execution is one action of one trigger: its states, the attempts to
// hand its message to a provider, and what each outcome means for the next.
package execution

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// ID identifies an execution (wkex_…).
type ID string

// Status says where an execution stands; see docs/states.md.
type Status string

// The states. SENT, CANCELLED and SKIPPED are final.
const (
	Pending     Status = "PENDING"     // due, not yet tried
	Waiting     Status = "WAITING"     // not now: refused, or waiting for an invoice; tried at NextAttemptAt
	Sending     Status = "SENDING"     // claimed: a sender may be talking to the provider
	Sent        Status = "SENT"        // the provider accepted it
	Unconfirmed Status = "UNCONFIRMED" // nobody can know whether the provider accepted it
	Failed      Status = "FAILED"      // refused for good, or retries exhausted
	Cancelled   Status = "CANCELLED"   // a change forbade it before it was sent
	Skipped     Status = "SKIPPED"     // decided against when its turn came
)

// Statuses lists the states.
var Statuses = []Status{Pending, Waiting, Sending, Sent, Unconfirmed, Failed, Cancelled, Skipped}

// Lanes is the number of lanes of a platform. The executions of one customer
// lie in one lane, so that they keep their order.
const Lanes = 16

// Lane returns the lane of a customer's executions: FNV-1a of the id. It is
// stored with each execution, so changing it moves only new ones.
func Lane(customer billing.CustomerID) int {
	h := uint32(2166136261)
	for i := range len(customer) {
		h = (h ^ uint32(customer[i])) * 16777619
	}
	return int(h % Lanes)
}

// Execution is one action of one trigger.
type Execution struct {
	ID         ID
	PlatformID platform.ID
	TriggerID  trigger.ID
	WorkflowID workflow.ID
	ActionID   workflow.ActionID
	// Action is the action as it was when the trigger fired: deleting or
	// editing it does not change what was decided.
	Action        workflow.Action
	IntegrationID platform.IntegrationID // the action's
	Variant       workflow.Variant
	CustomerID    billing.CustomerID
	// Kind and ResourceID name what it is about, ScheduleID of a subscription
	// the trial; InvoiceID is that invoice, or the one of the payment.
	Kind          billing.Kind
	ResourceID    string
	ScheduleID    string
	InvoiceID     billing.InvoiceID
	Lane          int
	Position      int // of the action within its trigger
	Status        Status
	Reason        workflow.Reason
	DueAt         time.Time
	NextAttemptAt time.Time // of a WAITING one
	Attempts      int
	FirstTriedAt  time.Time // of the first attempt: retries end 72 hours after it
	// Token fences: who claims gets a fresh one, and only its holder may
	// record what happened.
	Token      string
	LeaseUntil time.Time
	// FrozenHash is the hash of the bytes whose outcome became unknown: from
	// then on the message never changes.
	FrozenHash string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Of returns the resource that the execution is about if it is of a kind, else "".
func (e *Execution) Of(kind billing.Kind) string {
	if e.Kind == kind {
		return e.ResourceID
	}
	return ""
}

// Attempt is one try to hand a message to a provider.
type Attempt struct {
	ExecutionID ID
	Number      int // from 1
	Token       string
	ContentHash string // of the message that was claimed for this attempt
	StartedAt   time.Time
	EndedAt     time.Time // zero while it runs, or when its sender died
	Outcome     OutcomeKind
	Reply       string // what the provider said, bounded
}
