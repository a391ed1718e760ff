package calendar_test

import (
	"math"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

func TestParseDay(t *testing.T) {
	for text, ok := range map[string]bool{
		"2026-01-31":           true,
		"0001-01-01":           true,
		"9999-12-31":           true,
		"2028-02-29":           true,
		"1900-02-28":           true,
		"0000-12-31":           false,
		"10000-01-01":          false,
		"2026-02-29":           false,
		"1900-02-29":           false,
		"2026-1-31":            false,
		"2026-01-31T00:00:00Z": false,
		" 2026-01-31":          false,
		"-026-01-31":           false,
		"":                     false,
	} {
		d, err := calendar.ParseDay(text)
		if (err == nil) != ok || ok && d.String() != text {
			t.Errorf("%q: got %s, %v", text, d, err)
		}
	}
}

func TestDateCountsDays(t *testing.T) {
	for text, want := range map[string]calendar.Date{"1970-01-01": 0, "1969-12-31": -1, "2000-03-01": 11017} {
		if got := mustDay(text); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
	today := mustDay("2026-11-28")
	for n, want := range map[int]string{
		0: "2026-11-28", 3: "2026-12-01", -28: "2026-10-31", math.MaxInt: "9999-12-31", math.MinInt: "0001-01-01",
	} {
		if got := today.AddDays(n).String(); got != want {
			t.Errorf("%d days on: got %s, want %s", n, got, want)
		}
	}
	if y, m, d := today.Civil(); y != 2026 || m != time.November || d != 28 {
		t.Errorf("got %d %s %d", y, m, d)
	}
}

func TestPeriodAfter(t *testing.T) {
	for _, c := range []struct{ date, period, after, before string }{
		{"2026-01-31", "MONTH:1", "2026-02-28", "2025-12-31"},
		{"2028-01-31", "MONTH:1", "2028-02-29", "2027-12-31"},
		{"2026-03-31", "MONTH:1", "2026-04-30", "2026-02-28"},
		{"2028-02-29", "YEAR:1", "2029-02-28", "2027-02-28"},
		{"2028-02-29", "YEAR:4", "2032-02-29", "2024-02-29"},
		{"2028-02-29", "MONTH:12", "2029-02-28", "2027-02-28"},
		{"2096-02-29", "YEAR:4", "2100-02-28", "2092-02-29"}, // 2100 is no leap year
		{"2000-02-29", "DAY:366", "2001-03-01", "1999-02-28"},
		{"2017-03-01", "DAY:30", "2017-03-31", "2017-01-30"},
		{"2026-12-31", "WEEK:2", "2027-01-14", "2026-12-17"},
		{"2026-12-31", "MONTH:2", "2027-02-28", "2026-10-31"},
		{"9999-06-15", "MONTH:7", "9999-12-31", "9998-11-15"}, // the last day there is
		{"0001-06-15", "MONTH:6", "0001-12-15", "0001-01-01"}, // the first
		{"0001-06-15", "YEAR:1", "0002-06-15", "0001-01-01"},
		{"9999-12-31", "DAY:1", "9999-12-31", "9999-12-30"},
	} {
		p, ok := calendar.ParsePeriod(c.period)
		if !ok {
			t.Fatal(c.period)
		}
		if got := p.After(mustDay(c.date)).String(); got != c.after {
			t.Errorf("%s after %s: got %s, want %s", c.period, c.date, got, c.after)
		}
		if got := p.BeforeDate(mustDay(c.date)).String(); got != c.before {
			t.Errorf("%s before %s: got %s, want %s", c.period, c.date, got, c.before)
		}
	}
}

func TestDateOf(t *testing.T) {
	for _, c := range []struct{ at, zone, want string }{
		{"2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"},
		{"2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"}, // there was no 30th
		{"2026-11-28T18:14:59Z", "Asia/Kathmandu", "2026-11-28"},
		{"2026-11-28T18:15:00Z", "Asia/Kathmandu", "2026-11-29"},
		{"1867-10-19T00:31:12Z", "America/Juneau", "1867-10-19"}, // 15:33:31 east of the date line
		{"1867-10-19T00:31:13Z", "America/Juneau", "1867-10-18"}, // and the day before west of it
		{"2017-03-02T07:59:59Z", "America/Los_Angeles", "2017-03-01"},
		{"0001-01-01T00:00:00Z", "America/New_York", "0001-01-01"}, // the year before has no dates
		{"9999-12-31T23:59:59Z", "Asia/Tokyo", "9999-12-31"},
		{"1969-12-31T23:59:59Z", "UTC", "1969-12-31"},
	} {
		at, err := calendar.ParseInstant(c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := calendar.DateOf(at, mustZone(c.zone)).String(); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.at, c.zone, got, c.want)
		}
	}
}

func TestParseDateBegins(t *testing.T) {
	for _, c := range []struct{ day, zone, want string }{
		{"2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"}, // begins at 01:00
		{"2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"},      // left out
		{"2024-11-03", "America/Havana", "2024-11-03T04:00:00Z"},    // begins twice
		{"2026-06-01", "Asia/Kathmandu", "2026-05-31T18:15:00Z"},
	} {
		got, err := calendar.ParseDate(c.day, mustZone(c.zone))
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s: got %v, %v, want %s", c.day, c.zone, got, err, c.want)
		}
	}
	if _, err := calendar.ParseDate("2026-02-30", time.UTC); err == nil {
		t.Error("the 30th of February: got no error")
	}
}
