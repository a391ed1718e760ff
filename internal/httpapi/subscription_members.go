package httpapi

import "github.com/dunwellhq/dunwell/internal/billing"

const maxSchedules = 100

// subscriptionMembers lists the members of a pricing plan subscription
// (contract B1).
func subscriptionMembers(m *members, s *billing.Subscription) {
	headMembers(m, billing.KindSubscription, &s.Head)
	text(m, "name", &s.Name, shortLine)
	text(m, "customer_id", &s.CustomerID, identifier.required())
	text(m, "billing_entity_id", &s.BillingEntityID, identifier)
	enum(m, "status", &s.Status, billing.SubscriptionStatuses, plain.required())
	objects(m, "pricing_plan_schedule_infos", &s.Schedules, maxSchedules, plain, scheduleInfoMembers)
	tailMembers(m, &s.Head)
}

func scheduleInfoMembers(m *members, i *billing.ScheduleInfo) {
	text(m, "id", &i.ID, identifier.required())
	enum(m, "type", &i.Type, billing.ScheduleTypes, plain)
	instant(m, "start_at", &i.StartAt, plain)
	instant(m, "end_at", &i.EndAt, plain)
}

// priceScheduleMembers lists the members of a pricing plan schedule (contract B1).
func priceScheduleMembers(m *members, s *billing.Schedule) {
	headMembers(m, billing.KindSchedule, &s.Head)
	enum(m, "type", &s.Type, billing.ScheduleTypes, plain)
	text(m, "pricing_plan_subscription_id", &s.SubscriptionID, identifier)
	instant(m, "start_at", &s.StartAt, plain)
	instant(m, "end_at", &s.EndAt, plain)
	tailMembers(m, &s.Head)
}
