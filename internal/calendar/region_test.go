package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rickar/cal/v2"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

func TestRegionHolidays(t *testing.T) {
	for _, c := range []struct {
		region string
		year   int
		want   string
	}{
		{"NL", 2026, "2026-01-01 2026-04-03 2026-04-06 2026-04-27 2026-05-05 2026-05-14 2026-05-25 2026-12-25 2026-12-26"},
		{"DE", 2025, "2025-01-01 2025-04-18 2025-04-21 2025-05-01 2025-05-29 2025-06-09 2025-10-03 2025-12-25 2025-12-26"},
		// Christmas on a Saturday and Boxing Day on a Sunday are kept on Monday and Tuesday.
		{"GB", 2027, "2027-01-01 2027-03-26 2027-03-29 2027-05-03 2027-05-31 2027-08-30 2027-12-25 2027-12-26 2027-12-27 2027-12-28"},
		// New Year of 2022 is a Saturday and is kept on the last day of 2021.
		{"US", 2021, "2021-01-01 2021-01-18 2021-02-15 2021-05-31 2021-06-18 2021-06-19 2021-07-04 2021-07-05 2021-09-06 " +
			"2021-10-11 2021-11-11 2021-11-25 2021-12-24 2021-12-25 2021-12-31"},
	} {
		dates, err := calendar.RegionHolidays(c.region, c.year, c.year)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range dates {
			got = append(got, d.String())
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s in %d: got %s, want %s", c.region, c.year, text, c.want)
		}
	}
}

// Every region's list makes a calendar, and several years are those years.
func TestEveryRegionMakesACalendar(t *testing.T) {
	regions := calendar.Regions()
	if !slices.IsSorted(regions) || len(regions) < 50 {
		t.Errorf("got %d regions, want 50 or more, sorted: %q", len(regions), regions)
	}
	for _, region := range regions {
		all, err := calendar.RegionHolidays(region, 2015, 2040)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := calendar.NewDays(satSun, all); err != nil {
			t.Errorf("%s: %v", region, err)
		}
		var single []calendar.Date
		for year := 2015; year <= 2040; year++ {
			dates, err := calendar.RegionHolidays(region, year, year)
			if err != nil || len(dates) < 6 || len(dates) > 30 {
				t.Errorf("%s has %d holidays in %d, %v", region, len(dates), year, err)
			}
			single = append(single, dates...)
		}
		if !slices.Equal(all, single) {
			t.Errorf("%s: the years alone have %d holidays, together %d", region, len(single), len(all))
		}
	}
}

func TestRegionHolidaysRefuses(t *testing.T) {
	for _, c := range []struct {
		region   string
		from, to int
	}{
		{"XX", 2026, 2026},
		{"nl", 2026, 2026},
		{"", 2026, 2026},
		{"NL", 2026, 2025},
		{"NL", 2000, 2050},
		{"NL", 0, 1},
		{"NL", 9999, 10000},
		{"NL", -1 << 62, 1 << 62},
	} {
		if got, err := calendar.RegionHolidays(c.region, c.from, c.to); err == nil {
			t.Errorf("%s from %d to %d: got %v, want an error", c.region, c.from, c.to, got)
		}
	}
	for _, years := range [][2]int{{1, 50}, {9950, 9999}} {
		if _, err := calendar.RegionHolidays("JP", years[0], years[1]); err != nil {
			t.Errorf("%v: %v", years, err)
		}
	}
}

// The dates may not depend on where the machine is.
func TestHolidaysKnowNoZone(t *testing.T) {
	if cal.DefaultLoc != time.UTC {
		t.Errorf("holidays are computed in %s, want UTC", cal.DefaultLoc)
	}
}
