package calendar

import (
	"slices"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// MaxClosed is how many days in a row a calendar may close.
const MaxClosed = 31

// Days says on which dates business is done. It does not change once it is
// made; the zero value is open every day.
type Days struct {
	weekend  [7]bool // by time.Weekday
	holidays []Date  // sorted, each once
}

// NewDays returns the calendar that is closed on those days of the week and on
// those dates, which need no order. It is a fault of the field "weekend" or
// "holidays" if no day of the week is left open or more than [MaxClosed] days
// in a row are closed.
func NewDays(weekend []time.Weekday, holidays []Date) (Days, error) {
	var c Days
	for _, w := range weekend {
		if w < time.Sunday || w > time.Saturday {
			return Days{}, fault.At(fault.Invalid, "weekend", "weekend holds days of the week, %d is none", w)
		}
		c.weekend[w] = true
	}
	if c.weekend == [7]bool{true, true, true, true, true, true, true} {
		return Days{}, fault.At(fault.Invalid, "weekend", "weekend must leave at least one day of the week open")
	}
	c.holidays = slices.Compact(slices.Sorted(slices.Values(holidays)))
	return c, c.checkHolidays()
}

// checkHolidays looks at each run of closed days that a holiday is part of.
// Weekends alone make no long one.
func (c Days) checkHolidays() error {
	seen := firstDate
	for _, h := range c.holidays {
		if h < seen {
			continue
		}
		before, after := c.Backward(h), c.Forward(h)
		if closed := int(after-before) - 1; closed > MaxClosed {
			return fault.At(fault.Invalid, "holidays", "holidays close %d days in a row from %s, at most %d may be",
				closed, before.AddDays(1), MaxClosed)
		}
		seen = after
	}
	return nil
}

// Open reports whether business is done on d.
func (c Days) Open(d Date) bool {
	if c.weekend[d.Weekday()] {
		return false
	}
	_, holiday := slices.BinarySearch(c.holidays, d)
	return !holiday
}

// Forward returns d if it is open, else the next date that is. If none is left
// before the year 10000, it is the last date there is.
func (c Days) Forward(d Date) Date {
	for d < lastDate && !c.Open(d) {
		d++
	}
	return d
}

// Backward returns d if it is open, else the last date before it that is. If
// the years began with closed days, it is the first date there is.
func (c Days) Backward(d Date) Date {
	for d > firstDate && !c.Open(d) {
		d--
	}
	return d
}
