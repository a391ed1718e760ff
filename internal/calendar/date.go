package calendar

import (
	"fmt"
	"time"
)

// Date is a civil date, counted in days since 1970-01-01, so that dates compare
// as numbers do. It belongs to no zone: a zone says when it begins. The years
// are 1 to 9999; arithmetic that would leave them stays at their first or last
// day.
type Date int32

// The borders of the years that can be written.
const (
	firstDate Date = -719162 // 0001-01-01
	lastDate  Date = 2932896 // 9999-12-31
)

const secondsPerDay = 24 * 60 * 60

// DateOf returns the date that zone's clock shows at t.
func DateOf(t time.Time, zone *time.Location) Date {
	_, offset := t.In(zone).Zone()
	wall := t.Unix() + int64(offset)
	days := wall / secondsPerDay
	if wall%secondsPerDay < 0 {
		days-- // the division rounds to zero, a day begins at its midnight
	}
	return within(days)
}

// ParseDay reads a civil date YYYY-MM-DD of the years 0001 to 9999.
func ParseDay(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("%q is no date, write it as 2026-01-31", s)
	}
	return within(t.Unix() / secondsPerDay), nil
}

// String writes the date as [ParseDay] reads it: 2026-01-31.
func (d Date) String() string {
	return d.midnight().Format(time.DateOnly)
}

// Civil returns the year, the month and the day of the month.
func (d Date) Civil() (year int, month time.Month, day int) {
	return d.midnight().Date()
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Weekday((int(d-firstDate) + int(time.Monday)) % 7) // 0001-01-01 is a Monday
}

// AddDays returns the date n days later, or earlier if n is negative.
func (d Date) AddDays(n int) Date {
	const all = int(lastDate - firstDate)
	return within(int64(d) + int64(min(max(n, -all), all)))
}

// Begin returns the first instant at which zone's clock shows the date. If the
// zone leaves the date out, it is the first instant after it.
func (d Date) Begin(zone *time.Location) time.Time {
	return TimeOfDay(0).On(d, zone)
}

// After returns the date that lies the period after d. DAY and WEEK count
// dates, MONTH and YEAR clamp to the end of the month they land in.
func (p Period) After(d Date) Date {
	return p.move(d, 1)
}

// BeforeDate returns the date that lies the period before d, counted as
// [Period.After] counts. Where a month's end clamps, neither undoes the other.
func (p Period) BeforeDate(d Date) Date {
	return p.move(d, -1)
}

func (p Period) move(d Date, direction int) Date {
	const all = int(lastDate) - int(firstDate) // enough for every unit, and no product overflows
	n := direction * min(max(p.Value, -all), all)
	switch p.Type {
	case Day:
		return d.AddDays(n)
	case Week:
		return d.AddDays(7 * n)
	case Month:
		return d.addMonths(n)
	case Year:
		return d.addMonths(12 * n)
	default:
		return d
	}
}

// addMonths moves d by n months and clamps to the last day of the month it
// lands in: 31 January and one month is 28 or 29 February, never March.
func (d Date) addMonths(n int) Date {
	y, m, day := d.Civil()
	months := 12*y + int(m-time.January) + n
	switch year, month := months/12, time.January+time.Month(months%12); {
	case months < 12:
		return firstDate
	case year > 9999:
		return lastDate
	default:
		first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		return within(first.Unix() / secondsPerDay).AddDays(min(day, last) - 1)
	}
}

// midnight is the date's begin in UTC.
func (d Date) midnight() time.Time {
	return time.Unix(int64(d)*secondsPerDay, 0).UTC()
}

func within(days int64) Date {
	return Date(min(max(days, int64(firstDate)), int64(lastDate)))
}
