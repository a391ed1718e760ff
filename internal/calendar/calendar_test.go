package calendar_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

func TestSame(t *testing.T) {
	for _, c := range []struct {
		p, q calendar.Period
		want bool
	}{
		{calendar.Period{Type: calendar.Day, Value: 7}, calendar.Period{Type: calendar.Week, Value: 1}, true},
		{calendar.Period{Type: calendar.Month, Value: 12}, calendar.Period{Type: calendar.Year, Value: 1}, true},
		{calendar.Period{Type: calendar.Day, Value: 30}, calendar.Period{Type: calendar.Month, Value: 1}, false},
		{calendar.Period{Type: calendar.Day, Value: 7}, calendar.Period{Type: calendar.Day, Value: 7}, true},
		{calendar.Period{Type: calendar.Day, Value: 365}, calendar.Period{Type: calendar.Year, Value: 1}, false},
	} {
		if got := c.p.Same(c.q); got != c.want {
			t.Errorf("%v and %v: got %v, want %v", c.p, c.q, got, c.want)
		}
	}
}

func TestBefore(t *testing.T) {
	for _, c := range []struct{ p, at, want string }{
		{"DAY 3", "2026-03-02T10:00:00Z", "2026-02-27T10:00:00Z"},
		{"WEEK 1", "2026-03-02T10:00:00Z", "2026-02-23T10:00:00Z"},
		{"MONTH 1", "2026-03-31T10:00:00Z", "2026-02-28T10:00:00Z"}, // clamped, never 3 March
		{"MONTH 1", "2024-03-31T10:00:00Z", "2024-02-29T10:00:00Z"},
		{"YEAR 1", "2024-02-29T10:00:00Z", "2023-02-28T10:00:00Z"},
		{"MONTH 14", "2026-01-31T10:00:00Z", "2024-11-30T10:00:00Z"},
	} {
		at, _ := calendar.ParseInstant(c.at)
		units := map[string]calendar.Period{
			"DAY 3": {Type: calendar.Day, Value: 3}, "WEEK 1": {Type: calendar.Week, Value: 1},
			"MONTH 1": {Type: calendar.Month, Value: 1}, "MONTH 14": {Type: calendar.Month, Value: 14}, "YEAR 1": {Type: calendar.Year, Value: 1},
		}
		if got := units[c.p].Before(at).Format(time.RFC3339); got != c.want {
			t.Errorf("%s before %s: got %s, want %s", c.p, c.at, got, c.want)
		}
	}
}

func TestParseInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-31T09:00:00Z":      "2026-01-31T09:00:00Z",
		"2026-01-31T09:00:00+05:45": "2026-01-31T03:15:00Z",
		"2026-01-31T09:00:00.5Z":    "",
		"2026-01-31T09:00:00,5Z":    "",
		"2026-01-31T09:00Z":         "",
		"2026-01-31":                "",
		"2026-02-30T09:00:00Z":      "",
		"2026-01-31T09:00:00":       "",
		"10000-01-31T09:00:00Z":     "",
		"2026-01-31T09:00:00Z\n":    "",
		"2026-01-31T9:00:00Z":       "",
		"2026-01-31T9:00:00+01:00":  "",
		"2026-01-31T09:00:00+23:59": "2026-01-30T09:01:00Z",
		"2026-01-31T09:00:00+24:00": "",
		"2026-01-31T09:00:00+01:60": "",
	} {
		got, err := calendar.ParseInstant(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q: got %v, want an error", text, got)
		case want != "" && (err != nil || got.Format(time.RFC3339) != want):
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestZones(t *testing.T) {
	for _, name := range []string{"", "Local", "Mars/Olympus", "../etc/passwd"} {
		if _, err := calendar.Zone(name); err == nil {
			t.Errorf("zone %q: got none, want an error", name)
		}
	}
	if got := calendar.FirstZone("", "Nowhere", "Asia/Kathmandu", "Europe/Paris").String(); got != "Asia/Kathmandu" {
		t.Errorf("got %s, want the first that is known", got)
	}
	if got := calendar.FirstZone().String(); got != "UTC" {
		t.Errorf("got %s, want UTC", got)
	}
}

// A day is over when the clock of its zone first shows a later date: whatever the
// zone skips, and if it skips the next date altogether.
func TestDayEnd(t *testing.T) {
	for _, c := range []struct{ day, zone, want string }{
		{"2026-11-30", "UTC", "2026-12-01T00:00:00Z"},
		{"2026-12-31", "America/New_York", "2027-01-01T05:00:00Z"},
		{"2028-02-29", "Asia/Kathmandu", "2028-02-29T18:15:00Z"},
		{"2011-12-29", "Pacific/Apia", "2011-12-30T10:00:00Z"},      // the 30th is left out
		{"2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"},      // it never began
		{"2018-11-03", "America/Sao_Paulo", "2018-11-04T03:00:00Z"}, // midnight is left out
		{"2024-11-02", "America/Havana", "2024-11-03T04:00:00Z"},    // midnight comes twice
		{"2026-06-01", "Etc/GMT+12", "2026-06-02T12:00:00Z"},
		{"2026-06-01", "Pacific/Kiritimati", "2026-06-01T10:00:00Z"},
		{"9998-12-31", "Etc/GMT+12", "9999-01-01T12:00:00Z"},
	} {
		loc, err := calendar.Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := calendar.DayEnd(c.day, loc)
		if err != nil || got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s: got %v, %v, want %s", c.day, c.zone, got, err, c.want)
		}
	}
	if _, err := calendar.DayEnd("2026-02-30", time.UTC); err == nil {
		t.Error("the 30th of February: got no error")
	}
}
