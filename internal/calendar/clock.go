package calendar

import (
	"fmt"
	"time"
)

// TimeOfDay is what a clock shows, in minutes since midnight: 0 to 24:00, which
// is where the day ends.
type TimeOfDay int

const endOfDay TimeOfDay = 24 * 60

// ParseTimeOfDay reads HH:MM on a clock of 24 hours, 24:00 included.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	if s == endOfDay.String() {
		return endOfDay, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("09:00") { // Parse takes an hour of one digit
		return 0, fmt.Errorf("%q is no time of day, write it as 09:00", s)
	}
	return TimeOfDay(t.Hour()*60 + t.Minute()), nil
}

// String writes the time of day as [ParseTimeOfDay] reads it: 09:00.
func (t TimeOfDay) String() string {
	return fmt.Sprintf("%02d:%02d", t/60, t%60)
}

// On returns the first instant at which zone's clock shows that time of the
// date or a later one. So it is the first of the two where the clock shows it
// twice, and the first instant after the gap where the clock leaves it out, be
// that an hour of the date or the whole date. A later time or date is never an
// earlier instant.
func (t TimeOfDay) On(d Date, zone *time.Location) time.Time {
	return reached(int64(d)*secondsPerDay+int64(t)*60, zone)
}

// The first and the last second that can be written as text.
const (
	firstSecond = int64(firstDate) * secondsPerDay
	lastSecond  = (int64(lastDate)+1)*secondsPerDay - 1
)

// reached returns the first instant at which zone's clock has come to wall, the
// seconds since 1970 as that clock counts them. Clocks do not only run forward
// (the clock of St John's went from 00:01 back to the day before), so it walks
// from one change of the clock to the next instead of searching by halves.
func reached(wall int64, zone *time.Location) time.Time {
	const reach = 26 * 60 * 60 // no clock was ever that far ahead of UTC
	t := time.Unix(wall-reach, 0).In(zone)
	for {
		_, offset := t.Zone()
		change := nextChange(t)
		at := max(t.Unix(), wall-int64(offset))
		if change.IsZero() || at < change.Unix() {
			return time.Unix(min(max(at, firstSecond), lastSecond), 0).UTC()
		}
		t = change
	}
}

// nextChange returns an instant up to which the clock of t's zone runs on
// unchanged, or the zero time if it does so for ever. Where a rule goes on after
// the zone's table ends, the bounds that the library gives end with the year,
// which it takes to have 365 days, so that on the 366th they have ended already.
func nextChange(t time.Time) time.Time {
	_, change := t.ZoneBounds()
	if !change.IsZero() && !change.After(t) {
		return t.Truncate(secondsPerDay*time.Second).AddDate(0, 0, 1)
	}
	return change
}
