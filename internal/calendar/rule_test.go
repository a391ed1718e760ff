package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
)

func periods(list string) []calendar.Period {
	var periods []calendar.Period
	for text := range strings.FieldsSeq(list) {
		p, ok := calendar.ParsePeriod(text)
		if !ok {
			panic(text)
		}
		periods = append(periods, p)
	}
	return periods
}

func mustDays(weekend []time.Weekday, holidays ...string) calendar.Days {
	var dates []calendar.Date
	for _, h := range holidays {
		dates = append(dates, mustDay(h))
	}
	days, err := calendar.NewDays(weekend, dates)
	if err != nil {
		panic(err)
	}
	return days
}

var satSun = []time.Weekday{time.Saturday, time.Sunday}

// dated is a rule's dates as text: ~ if superseded, - if none.
func dated(r calendar.Rule, deadline string) string {
	var dates []string
	for _, s := range r.Dates(mustDay(deadline)) {
		switch {
		case s.None:
			dates = append(dates, "-")
		case s.Superseded:
			dates = append(dates, "~"+s.Date.String())
		default:
			dates = append(dates, s.Date.String())
		}
	}
	return strings.Join(dates, " ")
}

func TestRuleDates(t *testing.T) {
	business := mustDays(satSun, "2026-12-25", "2026-12-28", "2027-01-01")
	ends := mustDays(nil, "0001-01-01", "0001-01-02", "9999-12-30", "9999-12-31")
	for _, c := range []struct {
		name     string
		backward bool
		days     calendar.Days
		periods  string
		deadline string
		want     string
	}{
		{"forward, every day", false, calendar.Days{}, "DAY:3 WEEK:1 MONTH:1", "2026-01-31", "2026-02-03 2026-02-07 2026-02-28"},
		{"Los Angeles", false, calendar.Days{}, "DAY:30", "2017-03-01", "2017-03-31"},
		{"rolled over the weekend", false, business, "DAY:1 DAY:5", "2026-11-27", "2026-11-30 2026-12-02"},
		{"rolled over holidays too", false, business, "DAY:1", "2026-12-24", "2026-12-29"},
		{"one day after the step before", false, business, "DAY:1 DAY:2 DAY:3", "2026-11-27", "2026-11-30 2026-12-01 2026-12-02"},
		{"pushed over the weekend", false, business, "DAY:1 DAY:2 DAY:3 DAY:4 DAY:5 DAY:6", "2026-11-26", // a Thursday
			"2026-11-27 2026-11-30 2026-12-01 2026-12-02 2026-12-03 2026-12-04"},
		{"in any order", false, business, "DAY:3 DAY:2 DAY:1", "2026-11-27", "2026-12-02 2026-12-01 2026-11-30"},
		{"equal, as in the workflow", false, calendar.Days{}, "MONTH:1 DAY:30", "2026-04-10", "2026-05-10 2026-05-11"},
		{"equal, the other way round", false, calendar.Days{}, "DAY:30 MONTH:1", "2026-04-10", "2026-05-10 2026-05-11"},
		{"order by the month", false, calendar.Days{}, "DAY:29 MONTH:1", "2026-01-31", "2026-03-01 2026-02-28"},
		{"clamped to one day", false, calendar.Days{}, "MONTH:1 DAY:28", "2026-01-31", "2026-02-28 2026-03-01"},
		{"before the end of time", false, calendar.Days{}, "DAY:1 DAY:2", "9999-12-30", "9999-12-31 -"},
		{"closed to the end of time", false, ends, "DAY:1 DAY:2", "9999-12-28", "9999-12-29 -"},

		{"backward, every day", true, calendar.Days{}, "DAY:3 WEEK:1 MONTH:1", "2026-03-31", "2026-03-28 2026-03-24 2026-02-28"},
		{"rolled back over the weekend", true, business, "DAY:1 DAY:4", "2026-12-01", "2026-11-30 2026-11-27"},
		{"rolled back over holidays too", true, business, "DAY:1", "2026-12-29", "2026-12-24"},
		{"met, the nearest stays", true, business, "DAY:3 DAY:2 DAY:1", "2026-11-30", "~2026-11-27 ~2026-11-27 2026-11-27"},
		{"met, whatever the order", true, business, "DAY:1 DAY:3", "2026-11-30", "2026-11-27 ~2026-11-27"},
		{"equal, as in the workflow", true, calendar.Days{}, "MONTH:1 DAY:30", "2026-05-10", "2026-04-10 ~2026-04-10"},
		{"clamped together", true, calendar.Days{}, "MONTH:1 DAY:31", "2026-03-31", "2026-02-28 ~2026-02-28"},
		{"on a closed deadline", true, business, "DAY:1", "2026-11-29", "2026-11-27"},
		{"at the begin of time", true, calendar.Days{}, "DAY:1 DAY:2", "0001-01-02", "0001-01-01 ~0001-01-01"},
		{"on the first day", true, calendar.Days{}, "DAY:1 DAY:2", "0001-01-01", "- -"},
		{"closed from the begin of time", true, ends, "DAY:1 DAY:2", "0001-01-04", "0001-01-03 -"},
		{"no steps", false, business, "", "2026-11-30", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := calendar.Rule{Periods: periods(c.periods), Backward: c.backward, Days: c.days}
			if got := dated(r, c.deadline); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRuleDeadlines(t *testing.T) {
	business := mustDays(satSun)
	for _, c := range []struct {
		name     string
		backward bool
		days     calendar.Days
		periods  string
		step     int
		date     string
		from, to string // no to: none
	}{
		{"every day", false, calendar.Days{}, "DAY:3", 0, "2026-11-30", "2026-11-27", "2026-11-27"},
		{"over the weekend", false, business, "DAY:3", 0, "2026-11-30", "2026-11-25", "2026-11-27"},
		{"closed", false, business, "DAY:3", 0, "2026-11-29", "", ""},
		{"clamped", false, calendar.Days{}, "MONTH:1", 0, "2026-02-28", "2026-01-28", "2026-01-31"},
		{"never by a month", false, calendar.Days{}, "MONTH:1", 0, "2026-03-31", "", ""},
		{"pushed", false, business, "DAY:1 DAY:2", 1, "2026-12-01", "2026-11-27", "2026-11-29"},
		{"at the end of time", false, calendar.Days{}, "DAY:1 DAY:2", 1, "9999-12-31", "9999-12-29", "9999-12-29"},
		{"backward", true, business, "DAY:3", 0, "2026-11-27", "2026-11-30", "2026-12-02"},
		{"backward, superseded too", true, business, "DAY:3 DAY:1", 0, "2026-11-27", "2026-11-30", "2026-12-02"},
		{"backward, clamped", true, calendar.Days{}, "MONTH:1", 0, "2026-02-28", "2026-03-28", "2026-03-31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := calendar.Rule{Periods: periods(c.periods), Backward: c.backward, Days: c.days}
			from, to := r.Deadlines(c.step, mustDay(c.date))
			switch {
			case c.to == "" && from <= to:
				t.Errorf("got %s to %s, want none", from, to)
			case c.to != "" && (from.String() != c.from || to.String() != c.to):
				t.Errorf("got %s to %s, want %s to %s", from, to, c.from, c.to)
			}
		})
	}
}

func TestAppendDatesAppends(t *testing.T) {
	r := calendar.Rule{Periods: periods("DAY:1 DAY:2")}
	dates := r.AppendDates(r.Dates(mustDay("2026-11-01")), mustDay("2026-12-01"))
	want := append(r.Dates(mustDay("2026-11-01")), r.Dates(mustDay("2026-12-01"))...)
	if diff := cmp.Diff(want, dates); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewDays(t *testing.T) {
	days := mustDays(satSun, "2026-12-28", "2026-12-25", "2026-12-25")
	for date, open := range map[string]bool{
		"2026-12-24": true, "2026-12-25": false, "2026-12-26": false, "2026-12-28": false, "2026-12-29": true,
	} {
		if days.Open(mustDay(date)) != open {
			t.Errorf("%s: got open %v, want %v", date, !open, open)
		}
	}
	if got := days.Forward(mustDay("2026-12-25")).String(); got != "2026-12-29" {
		t.Errorf("forward: got %s", got)
	}
	if got := days.Backward(mustDay("2026-12-28")).String(); got != "2026-12-24" {
		t.Errorf("backward: got %s", got)
	}
}

func TestNewDaysRefuses(t *testing.T) {
	row := func(n int) []calendar.Date {
		var dates []calendar.Date
		for i := range n {
			dates = append(dates, mustDay("2026-11-02").AddDays(i)) // a Monday
		}
		return dates
	}
	for _, c := range []struct {
		name     string
		weekend  []time.Weekday
		holidays []calendar.Date
		want     string
	}{
		{"no open day of the week", weekdays, nil, "weekend: weekend must leave at least one day of the week open"},
		{"no day of the week", []time.Weekday{7}, nil, "weekend: weekend holds days of the week, 7 is none"},
		{"31 days", nil, row(31), ""},
		{"32 days", nil, row(32), "holidays: holidays close 32 days in a row from 2026-11-02, at most 31 may be"},
		{"the weekend before counts", satSun, row(30), "holidays: holidays close 32 days in a row from 2026-10-31, at most 31 may be"},
		{"up to that", satSun, row(29), ""},
		{"six days a week", weekdays[1:], nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if _, err := calendar.NewDays(c.weekend, c.holidays); err != nil {
				if got = err.Error(); !fault.Is(err, fault.Invalid) {
					t.Errorf("got %v, want a fault of the caller", err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkRuleDates(b *testing.B) {
	holidays, err := calendar.RegionHolidays("NL", 2015, 2037)
	if err != nil {
		b.Fatal(err)
	}
	business, err := calendar.NewDays(satSun, holidays)
	if err != nil {
		b.Fatal(err)
	}
	for name, r := range map[string]calendar.Rule{
		"3 steps":                {Periods: periods("DAY:3 DAY:7 MONTH:1")},
		"3 steps, business days": {Periods: periods("DAY:3 DAY:7 MONTH:1"), Days: business},
		"3 back, business days":  {Periods: periods("DAY:3 DAY:7 MONTH:1"), Days: business, Backward: true},
	} {
		b.Run(name, func(b *testing.B) {
			deadline, dates := mustDay("2026-01-01"), []calendar.StepDate(nil)
			b.ReportAllocs()
			for b.Loop() {
				dates = r.AppendDates(dates[:0], deadline)
				if deadline++; deadline > mustDay("2036-01-01") {
					deadline = mustDay("2026-01-01")
				}
			}
		})
	}
	b.Run("deadlines", func(b *testing.B) {
		r := calendar.Rule{Periods: periods("DAY:3 DAY:7 MONTH:1"), Days: business}
		for b.Loop() {
			r.Deadlines(2, mustDay("2026-11-30"))
		}
	})
	b.Run("next of a window", func(b *testing.B) {
		w, zone := calendar.Window{From: 9 * 60, Until: 20 * 60}, mustZone("America/New_York")
		at := mustDay("2041-11-30").Begin(zone)
		for b.Loop() {
			w.Next(at, zone, business)
		}
	})
}
