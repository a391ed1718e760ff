package calendar_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
)

func TestParseTimeOfDay(t *testing.T) {
	for text, want := range map[string]calendar.TimeOfDay{
		"00:00": 0, "09:00": 540, "23:59": 1439, "24:00": 1440,
		"24:01": -1, "9:00": -1, "09:60": -1, "0900": -1, "09:00:00": -1, "-1:00": -1, "": -1, "09:0": -1,
	} {
		got, err := calendar.ParseTimeOfDay(text)
		switch {
		case want < 0 && err == nil:
			t.Errorf("%q: got %s, want an error", text, got)
		case want >= 0 && (err != nil || got != want || got.String() != text):
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}

func TestTimeOfDayOn(t *testing.T) {
	for _, c := range []struct{ date, at, zone, want string }{
		{"2026-06-01", "09:00", "UTC", "2026-06-01T09:00:00Z"},
		{"2026-06-01", "09:00", "Asia/Kathmandu", "2026-06-01T03:15:00Z"},
		{"2017-03-31", "09:00", "America/Los_Angeles", "2017-03-31T16:00:00Z"}, // 30 days from 09:00 in winter
		{"2017-03-01", "09:00", "America/Los_Angeles", "2017-03-01T17:00:00Z"},
		{"2026-03-29", "01:59", "Europe/Amsterdam", "2026-03-29T00:59:00Z"},
		{"2026-03-29", "02:30", "Europe/Amsterdam", "2026-03-29T01:00:00Z"}, // gap: 03:00
		{"2026-03-29", "03:00", "Europe/Amsterdam", "2026-03-29T01:00:00Z"},
		{"2026-10-25", "02:30", "Europe/Amsterdam", "2026-10-25T00:30:00Z"}, // overlap: the first
		{"2026-10-25", "03:00", "Europe/Amsterdam", "2026-10-25T02:00:00Z"},
		{"2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-03T15:30:00Z"}, // gap of half an hour: 02:30
		{"2026-10-04", "02:30", "Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
		{"2026-04-05", "01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"}, // overlap of half an hour
		{"2026-04-05", "02:00", "Australia/Lord_Howe", "2026-04-04T15:30:00Z"},
		{"2018-11-04", "00:00", "America/Sao_Paulo", "2018-11-04T03:00:00Z"}, // gap at midnight: 01:00
		{"2018-11-03", "24:00", "America/Sao_Paulo", "2018-11-04T03:00:00Z"},
		{"2018-02-17", "23:30", "America/Sao_Paulo", "2018-02-18T01:30:00Z"}, // overlap before midnight
		{"2024-11-03", "00:30", "America/Havana", "2024-11-03T04:30:00Z"},    // double midnight
		{"2024-11-03", "01:00", "America/Havana", "2024-11-03T06:00:00Z"},
		{"2011-12-30", "09:00", "Pacific/Apia", "2011-12-30T10:00:00Z"}, // left out: the 31st begins
		{"2011-12-31", "09:00", "Pacific/Apia", "2011-12-30T19:00:00Z"},
		{"1867-10-18", "16:00", "America/Juneau", "1867-10-18T00:57:41Z"}, // shown twice, a day apart
		{"1867-10-19", "16:00", "America/Juneau", "1867-10-20T00:57:41Z"},
		{"2026-03-08", "02:30", "America/Juneau", "2026-03-08T11:00:00Z"},
		{"2026-11-01", "01:30", "America/Juneau", "2026-11-01T09:30:00Z"},
		{"1999-10-31", "00:00", "America/St_Johns", "1999-10-31T02:30:00Z"}, // and 23:01 of the 30th a minute later
		{"1999-10-31", "00:01", "America/St_Johns", "1999-10-31T03:31:00Z"},
		{"2040-12-31", "09:00", "America/New_York", "2040-12-31T14:00:00Z"}, // the 366th day, by the zone's rule
		{"2041-01-01", "09:00", "America/New_York", "2041-01-01T14:00:00Z"},
		{"9999-12-31", "24:00", "Etc/GMT+12", "9999-12-31T23:59:59Z"}, // no later instant can be written
		{"0001-01-01", "00:00", "Asia/Tokyo", "0001-01-01T00:00:00Z"},
	} {
		at, err := calendar.ParseTimeOfDay(c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.On(mustDay(c.date), mustZone(c.zone)).Format(time.RFC3339); got != c.want {
			t.Errorf("%s %s in %s: got %s, want %s", c.date, c.at, c.zone, got, c.want)
		}
	}
}

func TestWindowNext(t *testing.T) {
	weekdays, err := calendar.NewDays([]time.Weekday{time.Saturday, time.Sunday}, []calendar.Date{mustDay("2026-12-25")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, window, at, zone, want string }{
		{"inside", "09:00 20:00", "2026-11-27T12:00:30Z", "UTC", "2026-11-27T12:00:30Z"},
		{"as it opens", "09:00 20:00", "2026-11-27T09:00:00Z", "UTC", "2026-11-27T09:00:00Z"},
		{"a second before", "09:00 20:00", "2026-11-26T08:59:59Z", "UTC", "2026-11-26T09:00:00Z"},
		{"a second before it closes", "09:00 20:00", "2026-11-26T19:59:59Z", "UTC", "2026-11-26T19:59:59Z"},
		{"as it closes", "09:00 20:00", "2026-11-26T20:00:00Z", "UTC", "2026-11-27T09:00:00Z"},
		{"over the weekend", "09:00 20:00", "2026-11-27T20:00:00Z", "UTC", "2026-11-30T09:00:00Z"},
		{"at its hour on a closed day", "09:00 20:00", "2026-11-28T12:00:00Z", "UTC", "2026-11-30T09:00:00Z"},
		{"over a holiday and the weekend", "09:00 20:00", "2026-12-25T12:00:00Z", "UTC", "2026-12-28T09:00:00Z"},
		{"the reader's evening", "09:00 20:00", "2026-11-26T14:30:00Z", "Asia/Kathmandu", "2026-11-27T03:15:00Z"},
		{"until midnight", "09:00 24:00", "2026-11-26T23:59:59Z", "UTC", "2026-11-26T23:59:59Z"},
		{"all day, over a change", "00:00 24:00", "2026-11-02T05:30:00Z", "America/Havana", "2026-11-02T05:30:00Z"},
		{"the day that was left out", "09:00 20:00", "2011-12-30T07:00:00Z", "Pacific/Apia", "2012-01-01T19:00:00Z"},
		{"never open", "20:00 09:00", "2026-11-28T12:00:00Z", "UTC", "2026-11-28T12:00:00Z"},
		{"after the last day", "09:00 20:00", "9999-12-31T21:00:00Z", "UTC", "9999-12-31T21:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, _ := calendar.ParseTimeOfDay(c.window[:5])
			until, _ := calendar.ParseTimeOfDay(c.window[6:])
			at, err := calendar.ParseInstant(c.at)
			if err != nil {
				t.Fatal(err)
			}
			got := calendar.Window{From: from, Until: until}.Next(at, mustZone(c.zone), weekdays).UTC()
			if got.Format(time.RFC3339) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Where a gap swallows the window, and where the clock shows its end twice.
func TestWindowAtChangesOfTheClock(t *testing.T) {
	zone := mustZone("Europe/Amsterdam")
	for _, c := range []struct {
		window   calendar.Window
		at, want string
	}{
		{calendar.Window{From: 130, Until: 170}, "2026-03-28T12:00:00Z", "2026-03-30T00:10:00Z"},
		{calendar.Window{From: 130, Until: 200}, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{calendar.Window{From: 100, Until: 150}, "2026-10-25T00:29:00Z", "2026-10-25T00:29:00Z"},
		{calendar.Window{From: 100, Until: 150}, "2026-10-25T01:29:00Z", "2026-10-26T00:40:00Z"}, // 02:29 again
		{calendar.Window{From: 130, Until: 180}, "2026-10-25T01:00:00Z", "2026-10-25T01:00:00Z"}, // 02:00 again
	} {
		at, _ := calendar.ParseInstant(c.at)
		if got := c.window.Next(at, zone, calendar.Days{}).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%v at %s: got %s, want %s", c.window, c.at, got, c.want)
		}
	}
}
