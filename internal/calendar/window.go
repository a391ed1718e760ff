package calendar

import "time"

// Window is the hours of sending: From is in it, Until no longer. On each date
// it is one stretch from the instant of From to that of Until, as
// [TimeOfDay.On] says them.
type Window struct{ From, Until TimeOfDay }

// Next returns t if the window is open then on an open day of zone, else the
// instant at which it opens next on such a day. A window that is never open
// keeps nothing back, nor does one that would open after the year 9999.
func (w Window) Next(t time.Time, zone *time.Location, days Days) time.Time {
	if w.Until <= w.From {
		return t
	}
	for d := DateOf(t, zone); d <= lastDate; d++ {
		if !days.Open(d) || !t.Before(w.Until.On(d, zone)) {
			continue
		}
		opens := w.From.On(d, zone)
		switch {
		case !opens.After(t):
			return t
		case opens.Before(w.Until.On(d, zone)): // else a gap in the clock swallows it whole
			return opens
		}
	}
	return t
}
