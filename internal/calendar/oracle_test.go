package calendar_test

import (
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

// The oracle says the same as the package in another way: it holds a date as
// noon in UTC and finds others by going day by day, and it finds instants by
// going minute by minute and reading the clock as text. It is good for the years
// 2000 to 2060, in which no clock is changed within a minute.

const clockLayout = "2006-01-02 15:04"

func noon(d calendar.Date) time.Time {
	y, m, day := d.Civil()
	return time.Date(y, m, day, 12, 0, 0, 0, time.UTC)
}

func dateOfNoon(at time.Time) calendar.Date {
	d, err := calendar.ParseDay(at.Format(time.DateOnly))
	if err != nil {
		panic(err)
	}
	return d
}

// goDays goes n days on, or back if n is negative.
func goDays(at time.Time, n int) time.Time {
	step := 24 * time.Hour
	if n < 0 {
		step, n = -step, -n
	}
	for range n {
		at = at.Add(step)
	}
	return at
}

// goMonths goes n months on, or back, month by month, and then back from the
// day it started on until the month has that day.
func goMonths(at time.Time, n int) time.Time {
	y, m, day := at.Date()
	for ; n > 0; n-- {
		if m++; m > time.December {
			y, m = y+1, time.January
		}
	}
	for ; n < 0; n++ {
		if m--; m < time.January {
			y, m = y-1, time.December
		}
	}
	for time.Date(y, m, day, 12, 0, 0, 0, time.UTC).Month() != m {
		day--
	}
	return time.Date(y, m, day, 12, 0, 0, 0, time.UTC)
}

func goPeriod(at time.Time, p calendar.Period, direction int) time.Time {
	switch p.Type {
	case calendar.Day:
		return goDays(at, direction*p.Value)
	case calendar.Week:
		return goDays(at, direction*p.Value*7)
	case calendar.Month:
		return goMonths(at, direction*p.Value)
	default:
		return goMonths(at, direction*p.Value*12)
	}
}

// closedDays is a calendar as the oracle asks it.
type closedDays struct {
	weekend  []time.Weekday
	holidays []calendar.Date
}

func (c closedDays) closed(at time.Time) bool {
	for _, w := range c.weekend {
		if at.Weekday() == w {
			return true
		}
	}
	for _, h := range c.holidays {
		if h.String() == at.Format(time.DateOnly) {
			return true
		}
	}
	return false
}

func (c closedDays) days() (calendar.Days, error) {
	return calendar.NewDays(c.weekend, c.holidays)
}

// stepsForward takes the step whose date comes first of those that are left,
// until none is.
func (c closedDays) stepsForward(periods []calendar.Period, deadline calendar.Date) []calendar.StepDate {
	steps := make([]calendar.StepDate, len(periods))
	done := make([]bool, len(periods))
	var before time.Time
	for range periods {
		next := -1
		var at time.Time
		for i, p := range periods {
			if due := goPeriod(noon(deadline), p, 1); !done[i] && (next < 0 || due.Before(at)) {
				next, at = i, due
			}
		}
		for c.closed(at) || !at.After(before) {
			at = goDays(at, 1)
		}
		steps[next], done[next], before = calendar.StepDate{Date: dateOfNoon(at)}, true, at
	}
	return steps
}

// stepsBackward compares each step with each other.
func (c closedDays) stepsBackward(periods []calendar.Period, deadline calendar.Date) []calendar.StepDate {
	steps := make([]calendar.StepDate, len(periods))
	for i, p := range periods {
		at := goPeriod(noon(deadline), p, -1)
		for c.closed(at) {
			at = goDays(at, -1)
		}
		steps[i].Date = dateOfNoon(at)
	}
	for i, p := range periods {
		for j, q := range periods {
			near, nearer := goPeriod(noon(deadline), p, -1), goPeriod(noon(deadline), q, -1)
			if i != j && steps[i].Date == steps[j].Date && (nearer.After(near) || nearer.Equal(near) && j < i) {
				steps[i].Superseded = true
			}
		}
	}
	return steps
}

// firstShown goes minute by minute until zone's clock shows what, or later.
func firstShown(what string, zone *time.Location) time.Time {
	at, err := time.Parse(time.DateOnly, what[:len(time.DateOnly)])
	if err != nil {
		panic(err)
	}
	for at = at.Add(-16 * time.Hour); at.In(zone).Format(clockLayout) < what; {
		at = at.Add(time.Minute)
	}
	return at
}

// onOracle is what [calendar.TimeOfDay.On] says.
func onOracle(t calendar.TimeOfDay, d calendar.Date, zone *time.Location) time.Time {
	if t == 24*60 {
		return firstShown(goDays(noon(d), 1).Format(time.DateOnly)+" 00:00", zone)
	}
	return firstShown(d.String()+" "+t.String(), zone)
}

// nextOracle goes minute by minute and reads a clock that shows the latest that
// zone's clock has shown so far. At the whole minute t it begins.
func nextOracle(w calendar.Window, t time.Time, zone *time.Location, c closedDays) time.Time {
	shown := ""
	for at := t.Add(-27 * time.Hour); ; at = at.Add(time.Minute) {
		shown = max(shown, at.In(zone).Format(clockLayout))
		if at.Before(t) || shown[11:] < w.From.String() || shown[11:] >= w.Until.String() {
			continue
		}
		if day, err := time.Parse(clockLayout, shown); err != nil || !c.closed(day) {
			return at
		}
	}
}

// zones are the names of the tz database.
func zones(t *testing.T) []string {
	t.Helper()
	list, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(list))
	if len(names) < 590 {
		t.Fatalf("got %d zones, want those of the tz database", len(names))
	}
	return names
}

// changes returns the minutes of 2000 to 2060 in which zone's clock changes.
func changes(zone *time.Location) []time.Time {
	var changes []time.Time
	offset := func(at time.Time) int {
		_, offset := at.In(zone).Zone()
		return offset
	}
	for at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= 2060; at = at.Add(24 * time.Hour) {
		before := offset(at)
		if before == offset(at.Add(24*time.Hour)) {
			continue
		}
		changes = append(changes, at.Add(time.Minute*time.Duration(sort.Search(24*60, func(minute int) bool {
			return offset(at.Add(time.Duration(minute)*time.Minute)) != before
		}))))
	}
	return changes
}

func mustDay(s string) calendar.Date {
	d, err := calendar.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func mustZone(name string) *time.Location {
	zone, err := calendar.Zone(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// dates is the number of dates of 2000 to 2060.
const dates = 22281

// spread maps 0 to n-1 one to one to itself, so that the small numbers that
// rapid prefers come from all over.
func spread(i, n int) int {
	const prime = 7919 // and no factor of n
	return i * prime % n
}

// anyZone draws one of the names.
func anyZone(names []string) *rapid.Generator[*time.Location] {
	return rapid.Map(rapid.IntRange(0, len(names)-1), func(i int) *time.Location {
		return mustZone(names[spread(i, len(names))])
	})
}

var (
	anyDate = rapid.Map(rapid.IntRange(0, dates-1), func(n int) calendar.Date {
		return mustDay("2000-01-01").AddDays(spread(n, dates))
	})
	anyTime   = rapid.Map(rapid.IntRange(0, 24*60), func(n int) calendar.TimeOfDay { return calendar.TimeOfDay(n) })
	anyPeriod = rapid.Custom(func(t *rapid.T) calendar.Period {
		unit := rapid.SampledFrom(calendar.Units).Draw(t, "unit")
		small := rapid.IntRange(1, min(40, unit.MaxValue()))
		return calendar.Period{Type: unit, Value: rapid.OneOf(small, small, rapid.IntRange(1, unit.MaxValue())).Draw(t, "value")}
	})
)

// plan is a rule, a deadline, and the calendar as the oracle knows it.
type plan struct {
	rule     calendar.Rule
	closed   closedDays
	deadline calendar.Date
}

// anyPlan draws periods that come close to one another, and holidays close to
// where they fall.
var anyPlan = rapid.Custom(func(t *rapid.T) plan {
	var p plan
	p.deadline = anyDate.Draw(t, "deadline")
	near := rapid.SampledFrom([]calendar.Period{
		{Type: calendar.Day, Value: 1},
		{Type: calendar.Day, Value: 2},
		{Type: calendar.Day, Value: 3},
		{Type: calendar.Day, Value: 7},
		{Type: calendar.Day, Value: 28},
		{Type: calendar.Day, Value: 29},
		{Type: calendar.Day, Value: 30},
		{Type: calendar.Day, Value: 31},
		{Type: calendar.Week, Value: 1},
		{Type: calendar.Week, Value: 4},
		{Type: calendar.Month, Value: 1},
		{Type: calendar.Year, Value: 1},
	})
	p.rule.Periods = rapid.SliceOfNDistinct(rapid.OneOf(near, near, anyPeriod), 1, 8, rapid.ID).Draw(t, "periods")
	p.rule.Backward = rapid.Bool().Draw(t, "backward")
	p.closed = closedAround(t, p)
	days, err := p.closed.days()
	if err != nil {
		t.Fatal(err)
	}
	p.rule.Days = days
	return p
})

// closedAround draws few enough holidays that no calendar is refused.
func closedAround(t *rapid.T, p plan) closedDays {
	weekend := rapid.SampledFrom([][]time.Weekday{
		nil,
		{time.Saturday, time.Sunday},
		{time.Saturday, time.Sunday},
		{time.Friday},
		{time.Friday, time.Saturday},
		{time.Monday, time.Wednesday, time.Friday},
		{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday},
	}).Draw(t, "weekend")
	most := 12
	if len(weekend) == 6 {
		most = 3
	}
	holiday := rapid.Custom(func(t *rapid.T) calendar.Date {
		around := p.rule.Periods[rapid.IntRange(0, len(p.rule.Periods)-1).Draw(t, "at")].After(p.deadline)
		if p.rule.Backward {
			around = p.rule.Periods[0].BeforeDate(p.deadline)
		}
		return around.AddDays(rapid.IntRange(-9, 9).Draw(t, "offset"))
	})
	return closedDays{weekend, rapid.SliceOfN(holiday, 0, most).Draw(t, "holidays")}
}
