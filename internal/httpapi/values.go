package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// rule says what a member takes and how it is written when it is not set.
type rule struct {
	need need
	omit bool // leave it out of the output when it is not set; else it is null
	trim bool // white space around it does not count
	// check returns what a text must be, completing "name must be …", or "".
	check func(string) string
}

func (r rule) required() rule { r.need = required; return r }
func (r rule) notNull() rule  { r.need = notNull; return r }
func (r rule) omitted() rule  { r.omit = true; return r }
func (r rule) trimmed() rule  { r.trim = true; return r }

// plain is the rule of a member that may be null and is written as null.
var plain rule

// text is a member that is a string; "" is not set.
func text[S ~string](m *members, name string, v *S, r rule) {
	if m.mode == encode {
		m.putText(name, string(*v), r)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		if s, ok := m.text(n, name, r); ok {
			*v = S(s)
		}
	}
}

// text checks a value that must be a string.
func (m *members) text(n *node, name string, r rule) (string, bool) {
	if n.kind != '"' {
		m.wrongType(n, name, "text")
		return "", false
	}
	s := n.text
	if r.trim {
		s = strings.TrimSpace(s)
	}
	if s == "" && r.need == nullable {
		return "", true
	}
	if want := r.check(s); want != "" {
		m.wrong(n, name, want)
		return "", false
	}
	return s, true
}

// enum is a member that is one of the values; the empty one is not set.
func enum[S ~string](m *members, name string, v *S, values []S, r rule) {
	if m.mode == encode {
		m.putText(name, string(*v), r)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		switch {
		case n.kind != '"':
			m.wrongType(n, name, "one of "+join(values))
		case !slices.Contains(values, S(n.text)):
			m.wrong(n, name, "one of "+join(values))
		default:
			*v = S(n.text)
		}
	}
}

func join[S ~string](values []S) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// flag is a member that is true or false; not set is false.
func flag(m *members, name string, v *bool, r rule) {
	if m.mode == encode {
		m.key(name)
		m.out = strconv.AppendBool(m.out, *v)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		m.flag(n, name, v)
	}
}

func (m *members) flag(n *node, name string, v *bool) {
	if n.kind != 't' && n.kind != 'f' {
		m.wrongType(n, name, "true or false")
		return
	}
	*v = n.kind == 't'
}

// maybe is a member that is true, false or not set.
func maybe(m *members, name string, v **bool) {
	if m.mode == encode {
		if *v == nil {
			m.putText(name, "", plain)
			return
		}
		flag(m, name, *v, plain)
		return
	}
	if n := take(m, name, v, nullable); n != nil {
		var b bool
		m.flag(n, name, &b)
		*v = &b
	}
}

// number is a member that is an integer between lowest and highest; 0 is not set
// unless it is in that range.
func number[N ~int | ~int64](m *members, name string, v *N, lowest, highest N, r rule) {
	if m.mode == encode {
		if *v == 0 && lowest > 0 {
			m.putText(name, "", r)
			return
		}
		m.key(name)
		m.out = strconv.AppendInt(m.out, int64(*v), 10)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		i, err := strconv.ParseInt(n.text, 10, 64)
		if n.kind != '0' || err != nil || N(i) < lowest || N(i) > highest {
			m.wrong(n, name, fmt.Sprintf("a whole number from %d to %d, without fraction or exponent", lowest, highest))
			return
		}
		*v = N(i)
	}
}

// instant is a member that is a point in time; the zero time is not set.
func instant(m *members, name string, v *time.Time, r rule) {
	if m.mode == encode {
		m.putTime(name, *v, r)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		if t, ok := m.instant(n, name); ok {
			*v = t
		}
	}
}

const wantInstant = "a time with seconds and Z or an offset and without fraction, such as 2026-01-31T09:00:00Z"

func (m *members) instant(n *node, name string) (time.Time, bool) {
	if n.kind != '"' {
		m.wrongType(n, name, wantInstant)
		return time.Time{}, false
	}
	t, err := calendar.ParseInstant(n.text)
	// The offset may have carried it out of the years that can be written, and
	// the begin of year 1 is what is not set.
	if err != nil || t.Year() <= 1 || t.Year() > 9999 {
		m.wrong(n, name, wantInstant)
		return time.Time{}, false
	}
	return t, true
}

// instantOrDay is a member that is a point in time or a plain date. A date
// keeps no instant: the zone in which it begins may still change.
func instantOrDay(m *members, name string, at *time.Time, on *string, zone *time.Location) {
	if m.mode == encode {
		t := *at
		if day, err := calendar.ParseDate(*on, zone); err == nil {
			t = day
		}
		m.putTime(name, t, plain)
		return
	}
	v := struct {
		at time.Time
		on string
	}{*at, *on}
	if n := take(m, name, &v, nullable); n != nil {
		if v.on = plainDay(n); v.on != "" {
			v.at = time.Time{}
		} else if t, ok := m.instant(n, name); ok {
			v.at = t
		}
	}
	*at, *on = v.at, v.on
}

// plainDay returns a value that is a plain date, or "".
func plainDay(n *node) string {
	day, err := calendar.ParseDate(n.text, time.UTC)
	if n.kind != '"' || err != nil || day.Year() <= 1 { // year 1 is not set
		return ""
	}
	return n.text
}

// timeOfDay is a member that is what a clock shows; nil is not set.
func timeOfDay(m *members, name string, v **calendar.TimeOfDay) {
	if m.mode == encode {
		if *v != nil {
			m.putText(name, (*v).String(), plain)
		}
		return
	}
	if n := take(m, name, v, nullable); n != nil {
		t, err := calendar.ParseTimeOfDay(n.text)
		if n.kind != '"' || err != nil {
			m.wrong(n, name, "a time of day from 00:00 to 24:00, such as 09:00")
			return
		}
		*v = &t
	}
}

// decimal is a member that is a decimal number in a string, kept as written.
func decimal(m *members, name string, v *billing.Decimal, r rule) {
	if m.mode == encode {
		m.putText(name, string(*v), r)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		const want = `a decimal in a string of at most 40 characters, without exponent, such as "25.50"`
		if n.kind != '"' {
			m.wrongType(n, name, want)
			return
		}
		d, err := billing.ParseDecimal(n.text)
		if err != nil {
			m.wrong(n, name, want)
			return
		}
		*v = d
	}
}
