package billing

import "time"

// SubscriptionID identifies a pricing plan subscription; opaque, the billing
// system's.
type SubscriptionID string

// SubscriptionStatus is the state of a pricing plan subscription, as on the wire.
type SubscriptionStatus string

// The states of a pricing plan subscription.
const (
	SubscriptionDraft     SubscriptionStatus = "DRAFT"
	SubscriptionActive    SubscriptionStatus = "ACTIVE"
	SubscriptionVoid      SubscriptionStatus = "VOID"
	SubscriptionArchived  SubscriptionStatus = "ARCHIVED"
	SubscriptionCancelled SubscriptionStatus = "CANCELLED"
)

// SubscriptionStatuses lists the states.
var SubscriptionStatuses = []SubscriptionStatus{
	SubscriptionDraft, SubscriptionActive, SubscriptionVoid, SubscriptionArchived, SubscriptionCancelled,
}

// Subscription is a customer's subscription to a pricing plan, as the billing
// system has it now.
type Subscription struct {
	Head
	Name            string             `json:"name"`
	CustomerID      CustomerID         `json:"customer_id"`
	BillingEntityID string             `json:"billing_entity_id"`
	Status          SubscriptionStatus `json:"status"`
	Schedules       []ScheduleInfo     `json:"pricing_plan_schedule_infos"`
}

// ScheduleInfo is what a subscription says of one of its schedules: a time
// during which it has one set of prices. A trial is one of type TRIAL.
type ScheduleInfo struct {
	ID      string       `json:"id"`
	Type    ScheduleType `json:"type"`
	StartAt time.Time    `json:"start_at"`
	EndAt   time.Time    `json:"end_at"` // zero: without an end
}

// Kind implements [Resource].
func (*Subscription) Kind() Kind { return KindSubscription }

// rank orders the states of a subscription by how far along its life they are
// (contract B1): ended in whatever way, ACTIVE, DRAFT.
func (s *Subscription) rank() int {
	switch {
	case s.Ended():
		return 2
	case s.Status == SubscriptionActive:
		return 1
	default:
		return 0
	}
}

// Ended reports whether the subscription is over, or never came to be.
func (s *Subscription) Ended() bool {
	return s.Status == SubscriptionCancelled || s.Status == SubscriptionVoid || s.Status == SubscriptionArchived
}

// ScheduleOf returns one of the subscription's schedules by its id: as it is told
// as a resource of its own, if it is, else as the subscription tells it, or nil.
func (s *Subscription) ScheduleOf(id string, own *Schedule) *ScheduleInfo {
	if s == nil || id == "" {
		return nil
	}
	if own != nil && string(own.SubscriptionID) == s.ID {
		return &ScheduleInfo{ID: own.ID, Type: own.Type, StartAt: own.StartAt, EndAt: own.EndAt}
	}
	for i := range s.Schedules {
		if s.Schedules[i].ID == id {
			return &s.Schedules[i]
		}
	}
	return nil
}

// Trial returns the trial that the subscription itself tells of, or nil. Of
// several, such as one that was prolonged by a second, the one that ends last.
func (s *Subscription) Trial() *ScheduleInfo {
	var last *ScheduleInfo
	for i := range s.Schedules {
		info := &s.Schedules[i]
		if info.Type == Trial && (last == nil || info.EndAt.After(last.EndAt)) {
			last = info
		}
	}
	return last
}
