package billing

import (
	"cmp"
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

// Deadline is a dated fact of a resource: a day when the billing system tells a
// plain date, else an instant, which is a day in the seller's zone. The zero
// Deadline is none.
type Deadline struct {
	Day string    // YYYY-MM-DD
	At  time.Time // if there is no day
}

// IsSet reports whether there is a deadline.
func (d Deadline) IsSet() bool { return d.Day != "" || !d.At.IsZero() }

// On returns the civil date of a deadline that is set. A plain date is taken as
// it is, whatever the zone.
func (d Deadline) On(seller *time.Location) calendar.Date {
	if day, err := calendar.ParseDay(d.Day); err == nil {
		return day
	}
	return calendar.DateOf(d.At, seller)
}

// Due is when an invoice is to be paid.
func (i *Invoice) Due() Deadline { return Deadline{Day: i.DueOn, At: i.DueDate} }

// Payable is when money leaves the customer: at the charge that is announced,
// else when the invoice is due.
func (i *Invoice) Payable() Deadline {
	if !i.ChargeAt.IsZero() {
		return Deadline{At: i.ChargeAt}
	}
	return i.Due()
}

// TrialOf returns the trial of a subscription: of all that it tells of itself,
// and of those that are told as schedules of their own, which go before, the one
// that ends last. It is nil if there is none, or none that ends.
func (s *Subscription) TrialOf(own []*Schedule) *ScheduleInfo {
	infos := slices.DeleteFunc(slices.Clone(s.Schedules), func(info ScheduleInfo) bool {
		return slices.ContainsFunc(own, func(o *Schedule) bool { return o.ID == info.ID })
	})
	for _, o := range own {
		if string(o.SubscriptionID) == s.ID {
			infos = append(infos, ScheduleInfo{ID: o.ID, Type: o.Type, StartAt: o.StartAt, EndAt: o.EndAt})
		}
	}
	infos = slices.DeleteFunc(infos, func(info ScheduleInfo) bool { return info.Type != Trial || info.EndAt.IsZero() })
	if len(infos) == 0 {
		return nil
	}
	last := slices.MaxFunc(infos, func(a, b ScheduleInfo) int {
		return cmp.Or(a.EndAt.Compare(b.EndAt), cmp.Compare(b.ID, a.ID))
	})
	return &last
}
