package billing

import "time"

// ScheduleType tells trials from the time that is paid for.
type ScheduleType string

// The types of pricing plan schedule.
const (
	Trial           ScheduleType = "TRIAL"
	DefaultSchedule ScheduleType = "DEFAULT"
)

// ScheduleTypes lists the types.
var ScheduleTypes = []ScheduleType{Trial, DefaultSchedule}

// Schedule is a pricing plan schedule: a time during which a subscription has
// one set of prices, told as a resource of its own.
type Schedule struct {
	Head
	Type           ScheduleType   `json:"type"`
	SubscriptionID SubscriptionID `json:"pricing_plan_subscription_id"`
	StartAt        time.Time      `json:"start_at"`
	EndAt          time.Time      `json:"end_at"` // zero: without an end
}

// Kind implements [Resource].
func (*Schedule) Kind() Kind { return KindSchedule }

func (s *Schedule) rank() int { return 0 }

// Trial returns the trial that the schedule is, in the form in which a
// subscription tells of it, or nil if it is none.
func (s *Schedule) Trial() *ScheduleInfo {
	if s.Type != Trial {
		return nil
	}
	return &ScheduleInfo{ID: s.ID, Type: s.Type, StartAt: s.StartAt, EndAt: s.EndAt}
}
