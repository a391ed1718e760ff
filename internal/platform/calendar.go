package platform

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// Weekday is a day of the week, as on the wire.
type Weekday string

// Weekdays lists the days of the week, the first of ISO 8601 first.
var Weekdays = []Weekday{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"}

func (d Weekday) day() time.Weekday {
	return time.Weekday((slices.Index(Weekdays, d) + 1) % len(Weekdays))
}

// Calendar says on which days business is done. It counts for workflows that
// send on business days only. A nil Calendar closes Saturdays and Sundays.
type Calendar struct {
	WeekendDays   []Weekday `json:"weekend_days"` // nil: Saturday and Sunday; empty: none
	Holidays      []string  `json:"holidays"`     // YYYY-MM-DD
	HolidayRegion string    `json:"holiday_region"`
}

// The years around now for which the holidays of a region are known: what is
// due lies within the longest period of a workflow, ten years.
const (
	yearsBack  = 11
	yearsAhead = 12
)

// Days returns the open days around now. A fault names the member that is
// wrong: weekend_days, holidays or holiday_region.
func (c *Calendar) Days(now time.Time) (calendar.Days, error) {
	weekend := []time.Weekday{time.Saturday, time.Sunday}
	if c == nil {
		return calendar.NewDays(weekend, nil)
	}
	if c.WeekendDays != nil {
		weekend = weekend[:0]
		for _, d := range c.WeekendDays {
			weekend = append(weekend, d.day())
		}
	}
	var holidays []calendar.Date
	for i, text := range c.Holidays {
		day, err := calendar.ParseDay(text)
		if err != nil {
			return calendar.Days{}, fault.At(fault.Invalid, fmt.Sprintf("holidays.%d", i), "each of holidays must be a date: %v", err)
		}
		holidays = append(holidays, day)
	}
	if c.HolidayRegion != "" {
		year := min(max(now.Year(), 1+yearsBack), 9999-yearsAhead)
		of, err := calendar.RegionHolidays(c.HolidayRegion, year-yearsBack, year+yearsAhead)
		if err != nil {
			return calendar.Days{}, fault.At(fault.Invalid, "holiday_region", "holiday_region must be one of %s",
				strings.Join(calendar.Regions(), ", "))
		}
		holidays = append(holidays, of...)
	}
	days, err := calendar.NewDays(weekend, holidays)
	if wrong := fault.As(err); wrong != nil && wrong.Field == "weekend" {
		return days, fault.At(fault.Invalid, "weekend_days", "weekend_days must leave at least one day of the week open")
	}
	return days, err
}
