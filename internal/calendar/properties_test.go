package calendar_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

func TestPeriodsCountAsTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, p := anyDate.Draw(t, "date"), anyPeriod.Draw(t, "period")
		if got, want := p.After(d), dateOfNoon(goPeriod(noon(d), p, 1)); got != want {
			t.Errorf("%s after %s: got %s, want %s", p, d, got, want)
		}
		if got, want := p.BeforeDate(d), dateOfNoon(goPeriod(noon(d), p, -1)); got != want {
			t.Errorf("%s before %s: got %s, want %s", p, d, got, want)
		}
		if got, want := d.Weekday(), noon(d).Weekday(); got != want {
			t.Errorf("%s: got a %s, want a %s", d, got, want)
		}
	})
}

func TestStepsFallAsTheOracleSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan.Draw(t, "plan")
		want := p.closed.stepsForward
		if p.rule.Backward {
			want = p.closed.stepsBackward
		}
		if diff := cmp.Diff(want(p.rule.Periods, p.deadline), p.rule.Dates(p.deadline)); diff != "" {
			t.Errorf("%v of %s (-want +got):\n%s", p.rule.Periods, p.deadline, diff)
		}
	})
}

// The range of deadlines ends at deadlines whose step falls on the date, and
// beyond it there is none, which is looked for as far as periods reach.
func TestDeadlinesAreExactlyWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan.Draw(t, "plan")
		around := p.rule.Dates(p.deadline)[0].Date
		type fall struct {
			step int
			date calendar.Date
		}
		found := map[fall][]calendar.Date{}
		var dates []calendar.StepDate
		for deadline := around.AddDays(-4300); deadline < around.AddDays(4300); deadline++ {
			dates = p.rule.AppendDates(dates[:0], deadline)
			for i, s := range dates {
				if around-5 <= s.Date && s.Date <= around+5 {
					found[fall{i, s.Date}] = append(found[fall{i, s.Date}], deadline)
				}
			}
		}
		for i := range p.rule.Periods {
			for d := around - 5; d <= around+5; d++ {
				want := found[fall{i, d}]
				from, to := p.rule.Deadlines(i, d)
				switch {
				case len(want) == 0 && from <= to:
					t.Errorf("step %d on %s: got %s to %s, want none", i, d, from, to)
				case len(want) > 0 && (from != want[0] || to != want[len(want)-1]):
					t.Errorf("step %d on %s: got %s to %s, want %s to %s", i, d, from, to, want[0], want[len(want)-1])
				}
			}
		}
	})
}

func TestTimesOfDayComeAsTheOracleSays(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := anyZone(zones).Draw(t, "zone")
		d, at := anyDate.Draw(t, "date"), anyTime.Draw(t, "time")
		if got, want := at.On(d, zone), onOracle(at, d, zone); !got.Equal(want) {
			t.Errorf("%s %s in %s: got %s, want %s", d, at, zone, got, want)
		}
	})
}

// Around the changes of every zone's clock: the first, the last and one between.
func TestTimesOfDayAroundChanges(t *testing.T) {
	for n, name := range zones(t) {
		zone := mustZone(name)
		all := changes(zone)
		if len(all) > 3 {
			all = []time.Time{all[0], all[n%len(all)], all[len(all)-1]}
		}
		for _, change := range all {
			d := calendar.DateOf(change, zone)
			minutes := change.In(zone).Hour()*60 + change.In(zone).Minute()
			for _, away := range []int{-90, -20, 0, 20} {
				at := calendar.TimeOfDay(min(max(minutes+away, 0), 24*60))
				if got, want := at.On(d, zone), onOracle(at, d, zone); !got.Equal(want) {
					t.Errorf("%s %s in %s: got %s, want %s", d, at, zone, got, want)
				}
			}
			if got, want := d.AddDays(1).Begin(zone), onOracle(0, d.AddDays(1), zone); !got.Equal(want) {
				t.Errorf("%s in %s begins: got %s, want %s", d.AddDays(1), zone, got, want)
			}
		}
	}
}

func TestLaterTimesAreNoEarlierInstants(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := anyZone(zones).Draw(t, "zone")
		change := time.Date(2030, 3, 31, 1, 0, 0, 0, time.UTC)
		if all := changes(zone); len(all) > 0 {
			change = rapid.SampledFrom(all).Draw(t, "change")
		}
		d := calendar.DateOf(change, zone).AddDays(-1)
		before := d.Begin(zone)
		for minutes := range 3 * 24 * 60 {
			at := calendar.TimeOfDay(minutes%(24*60)).On(d.AddDays(minutes/(24*60)), zone)
			if at.Before(before) {
				t.Fatalf("minute %d of %s in %s: got %s, want %s or later", minutes, d, zone, at, before)
			}
			before = at
		}
	})
}

func TestDateOfReadsTheClock(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := anyZone(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(-6e10, 2.5e11).Draw(t, "second"), rapid.Int64Range(0, 999999999).Draw(t, "fraction"))
		if got, want := calendar.DateOf(at, zone).String(), at.In(zone).Format(time.DateOnly); got != want {
			t.Errorf("%s in %s: got %s, want %s", at, zone, got, want)
		}
	})
}

func TestWindowOpensAsTheOracleSays(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := anyZone(zones).Draw(t, "zone")
		at := anyDate.Draw(t, "date").Begin(zone)
		if all := changes(zone); len(all) > 0 && rapid.Bool().Draw(t, "near a change") {
			at = rapid.SampledFrom(all).Draw(t, "change")
		}
		at = at.Add(time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "minutes")) * time.Minute).UTC()
		from := rapid.IntRange(0, 24*60-1).Draw(t, "from")
		w := calendar.Window{
			From:  calendar.TimeOfDay(from),
			Until: calendar.TimeOfDay(rapid.IntRange(from+1, 24*60).Draw(t, "until")),
		}
		p := plan{deadline: calendar.DateOf(at, zone), rule: calendar.Rule{Periods: []calendar.Period{{Type: calendar.Day, Value: 1}}}}
		closed := closedAround(t, p)
		days, err := closed.days()
		if err != nil {
			t.Fatal(err)
		}
		got, want := w.Next(at, zone, days), nextOracle(w, at, zone, closed)
		if !got.Equal(want) {
			t.Errorf("%v from %s in %s: got %s, want %s", w, at, zone, got, want)
		}
		if again := w.Next(got, zone, days); !again.Equal(got) {
			t.Errorf("%v from %s in %s: opens at %s but then at %s", w, at, zone, got, again)
		}
	})
}

// A calendar is refused for exactly what is too much of it.
func TestCalendarsAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin := anyDate.Draw(t, "begin")
		c := closedDays{weekend: rapid.SliceOfN(rapid.SampledFrom(weekdays), 0, 8).Draw(t, "weekend")}
		for range rapid.IntRange(0, 3).Draw(t, "runs") {
			day := begin.AddDays(rapid.IntRange(0, 60).Draw(t, "at"))
			for n := range rapid.IntRange(0, 33).Draw(t, "days") {
				c.holidays = append(c.holidays, day.AddDays(n))
			}
		}
		row, longest := 0, 0
		for at := goDays(noon(begin), -60); at.Before(goDays(noon(begin), 160)); at = goDays(at, 1) {
			if row++; !c.closed(at) {
				row = 0
			}
			longest = max(longest, row)
		}
		if _, err := c.days(); (err != nil) != (longest > 31) {
			t.Errorf("%d days in a row closed: got error %v", longest, err)
		}
	})
}

var weekdays = []time.Weekday{
	time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday,
}

// Whatever is asked at the ends of the calendar, there is an answer within it.
func TestTheCalendarHasEnds(t *testing.T) {
	first, last := mustDay("0001-01-01"), mustDay("9999-12-31")
	days, err := calendar.NewDays([]time.Weekday{time.Friday, time.Monday}, []calendar.Date{first, first + 1, last, last - 1, last - 2})
	if err != nil {
		t.Fatal(err)
	}
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		away := rapid.IntRange(0, 4000).Draw(t, "days away")
		d := rapid.SampledFrom([]calendar.Date{first.AddDays(away), last.AddDays(-away)}).Draw(t, "date")
		p := calendar.Period{
			Type:  rapid.SampledFrom(calendar.Units).Draw(t, "unit"),
			Value: rapid.OneOf(rapid.IntRange(1, 4000), rapid.SampledFrom([]int{math.MaxInt, math.MinInt})).Draw(t, "value"),
		}
		zone := anyZone(zones).Draw(t, "zone")
		rule := calendar.Rule{
			Periods:  []calendar.Period{{Type: p.Type, Value: max(p.Value, 1)}, {Type: calendar.Day, Value: 1}, {Type: calendar.Day, Value: 2}},
			Backward: rapid.Bool().Draw(t, "backward"),
			Days:     days,
		}
		got := []calendar.Date{p.After(d), p.BeforeDate(d), days.Forward(d), days.Backward(d), d.AddDays(p.Value)}
		for i, step := range rule.Dates(d) {
			if !step.None && (!days.Open(step.Date) || (step.Date < d) != rule.Backward || step.Date == d) {
				t.Errorf("%v of %s: got %v", rule.Periods, d, step)
			}
			if step.None && step.Superseded {
				t.Errorf("%v of %s: got %v, superseded without a date", rule.Periods, d, step)
			}
			if from, to := rule.Deadlines(i, step.Date); !step.None && (d < from || to < d) {
				t.Errorf("step %d of %s on %s: got deadlines %s to %s", i, d, step.Date, from, to)
			}
			got = append(got, step.Date)
		}
		if i := slices.IndexFunc(got, func(d calendar.Date) bool { return d < first || d > last }); i >= 0 {
			t.Errorf("%s and %s: result %d is %d", d, p, i, got[i])
		}
		w := calendar.Window{From: 9 * 60, Until: 20 * 60}
		for _, at := range []time.Time{d.Begin(zone), calendar.TimeOfDay(24*60).On(d, zone), w.Next(d.Begin(zone), zone, days)} {
			if at.Year() < 1 || at.Year() > 9999 {
				t.Errorf("%s in %s: got %s", d, zone, at)
			}
		}
	})
}
