// Package calendar is civil time: dates, periods, zones, the days on which
// business is done and the hours of sending. It is pure: the time is always
// handed in, and where steps fall ([Rule.Dates]) and when they may go
// ([Window.Next]) follows from the arguments alone.
//
// Two zones are never mixed. The seller's says on which [Date] a deadline is
// ([DateOf]); from there on dates are counted as dates, never as durations. The
// reader's says at which instant a [TimeOfDay] comes ([TimeOfDay.On]). Whose
// zone is whose, catching up and lateness are for others to decide.
package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Unit is the unit of a [Period], as on the wire.
type Unit string

// The units.
const (
	Day   Unit = "DAY"
	Week  Unit = "WEEK"
	Month Unit = "MONTH"
	Year  Unit = "YEAR"
)

// Units lists the units in the order of their length.
var Units = []Unit{Day, Week, Month, Year}

// MaxPeriodDays bounds a period: ten years.
const MaxPeriodDays = 3650

// Period is a number of civil units, such as WEEK 2.
type Period struct {
	Type  Unit `json:"type"`
	Value int  `json:"value"`
}

// String is the period's text as triggers carry it: DAY:7.
func (p Period) String() string {
	return fmt.Sprintf("%s:%d", p.Type, p.Value)
}

// ParsePeriod reads what [Period.String] wrote and reports whether it is one.
func ParsePeriod(s string) (Period, bool) {
	unit, value, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > Unit(unit).MaxValue() {
		return Period{}, false
	}
	return Period{Type: Unit(unit), Value: n}, true
}

// MaxValue is the largest value that a period of this unit may have.
func (u Unit) MaxValue() int {
	switch u {
	case Day:
		return MaxPeriodDays
	case Week:
		return MaxPeriodDays / 7
	case Month:
		return 12 * (MaxPeriodDays / 365)
	case Year:
		return MaxPeriodDays / 365
	default:
		return 0
	}
}

// Same reports whether two periods name the same day counted from every date:
// DAY 7 and WEEK 1 do, DAY 30 and MONTH 1 do not.
func (p Period) Same(q Period) bool {
	return p.canonical() == q.canonical()
}

func (p Period) canonical() Period {
	switch p.Type {
	case Week:
		return Period{Day, p.Value * 7}
	case Year:
		return Period{Month, p.Value * 12}
	default:
		return p
	}
}

// Before returns the instant that lies the period before t, at the same time of
// day, counted in the civil dates of t's location as [Period.BeforeDate] counts.
func (p Period) Before(t time.Time) time.Time {
	y, m, d := p.BeforeDate(DateOf(t, t.Location())).Civil()
	hh, mm, ss := t.Clock()
	return time.Date(y, m, d, hh, mm, ss, t.Nanosecond(), t.Location())
}
