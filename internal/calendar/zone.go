package calendar

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // zones are the same on every machine that runs us
)

// Zone returns the IANA zone of that name. The empty name, "Local" and names
// that the tz database does not have are errors: a zone of ours never depends
// on the machine.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no IANA time zone such as Europe/Amsterdam", name)
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no IANA time zone such as Europe/Amsterdam", name)
	}
	zones.Store(name, loc)
	return loc, nil
}

// zones are those that were read: reading one takes longer than counting the days
// of an invoice. What is kept are names of the tz database, of which there are few.
var zones sync.Map

// FirstZone returns the first of the names that is set and known, else UTC.
func FirstZone(names ...string) *time.Location {
	for _, name := range names {
		if name == "" {
			continue
		}
		if loc, err := Zone(name); err == nil {
			return loc
		}
	}
	return time.UTC
}

// ParseInstant reads an ISO 8601 timestamp with seconds and Z or a numeric
// offset. Fractional seconds are refused: the published contract has none.
func ParseInstant(s string) (time.Time, error) {
	for i := range len(s) {
		if s[i] == '.' || s[i] == ',' {
			return time.Time{}, fmt.Errorf("%q has fractional seconds, write it as 2026-01-31T09:00:00Z", s)
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !isStrict(s) || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%q is no timestamp, write it as 2026-01-31T09:00:00Z", s)
	}
	return t.UTC(), nil
}

// isStrict reports a text that is of RFC 3339 where [time.Parse] takes more: an
// hour of one digit, an offset of 24 hours or of 60 minutes.
func isStrict(s string) bool {
	switch len(s) {
	case len("2026-01-31T09:00:00Z"):
		return true
	case len("2026-01-31T09:00:00+01:00"):
		return s[20:22] <= "23" && s[23:] <= "59"
	default:
		return false
	}
}

// ParseDate reads a civil date YYYY-MM-DD and returns the instant at which it
// begins in loc.
func ParseDate(s string, loc *time.Location) (time.Time, error) {
	d, err := ParseDay(s)
	if err != nil {
		return time.Time{}, err
	}
	return d.Begin(loc), nil
}

// DayEnd returns the instant at which a civil date YYYY-MM-DD is over in loc:
// the first second of a later date there, whether or not the clock shows its
// midnight, and even if the next date is left out.
func DayEnd(day string, loc *time.Location) (time.Time, error) {
	d, err := ParseDay(day)
	if err != nil {
		return time.Time{}, err
	}
	return endOfDay.On(d, loc), nil
}
