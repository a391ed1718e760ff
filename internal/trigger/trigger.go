// Package trigger is the durable record that a workflow fired, will fire or
// did not fire for one resource, unique by its [Key], with the reason for it.
package trigger

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// ID identifies a trigger (wktr_…).
type ID string

// Type tells triggers that the system made from those that a person asked for.
type Type string

// The types of trigger.
const (
	Manual Type = "MANUAL"
	Event  Type = "EVENT"
)

// Status says what became of a trigger.
type Status string

// The states of a trigger. Only FIRED spends the trigger's key for good.
const (
	Planned   Status = "PLANNED"
	Fired     Status = "FIRED"
	Skipped   Status = "SKIPPED"
	Cancelled Status = "CANCELLED"
)

// Statuses lists the states.
var Statuses = []Status{Planned, Fired, Skipped, Cancelled}

// Key is what makes a trigger of type EVENT unique; see docs/ordering.md. No
// member is ever null, because NULLs are distinct in a UNIQUE constraint.
type Key struct {
	WorkflowID workflow.ID
	Variant    workflow.Variant
	Step       string // the period of a dated workflow, DAY:7; else empty
	Kind       billing.Kind
	ResourceID string
	Occurrence string
}

// Trigger is a workflow bound to one resource.
type Trigger struct {
	ID         ID
	PlatformID platform.ID
	Key
	Type            Type
	Status          Status
	Reason          workflow.Reason
	CustomerID      billing.CustomerID
	InvoiceID       billing.InvoiceID // of an invoice or payment trigger, where known
	WorkflowVersion int
	EventAt         time.Time // the event's own time, by which lateness is judged
	ScheduledAt     time.Time // when a PLANNED one is due; zero for an event
	Details         Details
	Facts           workflow.Basis // on which it was last decided; it is written, and read by the timeline
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Details are what a trigger says of its target beside the id, as it was when
// the trigger was made. What does not belong to the kind of target is not set.
type Details struct {
	UserID string `json:"user_id"` // who asked for a MANUAL one; "": an API key

	ScheduleID string    `json:"pricing_plan_schedule_id"` // of a subscription: its trial
	TrialEndAt time.Time `json:"trial_end_at"`

	WalletTypeID      billing.WalletTypeID `json:"wallet_type_id"`
	CustomerReference string               `json:"customer_reference"`
	WalletReference   string               `json:"wallet_reference"`
}
