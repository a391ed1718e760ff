package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
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
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = ""
	case assign:
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
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = ""
	case assign:
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
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = false
	case assign:
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
	n, what := m.take(name, nullable)
	switch what {
	case unset:
		*v = nil
	case assign:
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
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = 0
	case assign:
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
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = time.Time{}
	case assign:
		if t, ok := m.instant(n, name); ok {
			*v = t
		}
	}
}

func (m *members) instant(n *node, name string) (time.Time, bool) {
	const want = "a time with seconds and Z or an offset and without fraction, such as 2026-01-31T09:00:00Z"
	if n.kind != '"' {
		m.wrongType(n, name, want)
		return time.Time{}, false
	}
	t, err := calendar.ParseInstant(n.text)
	// The offset may have carried it out of the years that can be written.
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		m.wrong(n, name, want)
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
	n, what := m.take(name, nullable)
	switch what {
	case unset:
		*at, *on = time.Time{}, ""
	case assign:
		if n.kind == '"' && len(n.text) == len(time.DateOnly) {
			if day, err := calendar.ParseDate(n.text, time.UTC); err == nil && day.Year() > 1 {
				*at, *on = time.Time{}, n.text
				return
			}
		}
		if t, ok := m.instant(n, name); ok {
			*at, *on = t, ""
		}
	}
}

// decimal is a member that is a decimal number in a string, kept as written.
func decimal(m *members, name string, v *billing.Decimal, r rule) {
	if m.mode == encode {
		m.putText(name, string(*v), r)
		return
	}
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = ""
	case assign:
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

// object is a member that is an object of which nothing needs to be set. It is
// null when nothing is, and replaced whole.
func object[T comparable](m *members, name string, v *T, r rule, list func(*members, *T)) {
	var zero T
	if m.mode == encode {
		if *v == zero {
			m.putText(name, "", r)
			return
		}
		m.key(name)
		write(m.codec, v, list)
		return
	}
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = zero
	case assign:
		if m.isObject(n, name) {
			*v = zero
			list(m.within(name, -1, m.doc.member(m.object, name)), v)
		}
	}
}

func (m *members) isObject(n *node, name string) bool {
	if n.kind != '{' {
		m.wrongType(n, name, "an object")
		return false
	}
	return true
}

// block is a member that is an object or not there: configuration, which is
// left out when it is not used. It is replaced whole.
func block[T any](m *members, name string, v **T, r rule, list func(*members, *T)) {
	if m.mode == encode {
		switch {
		case *v != nil:
			m.key(name)
			write(m.codec, *v, list)
		case r.need == nullable:
			m.putText(name, "", r)
		}
		return
	}
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = nil
	case assign:
		if m.isObject(n, name) {
			*v = new(T)
			list(m.within(name, -1, m.doc.member(m.object, name)), *v)
		}
	}
}

// config is the rule of a configuration block: null is refused.
var config = rule{need: noNull, omit: true}

// objects is a member that is a list of objects, replaced whole; nil is not set.
func objects[T any](m *members, name string, v *[]T, most int, r rule, list func(*members, *T)) {
	if m.mode == encode {
		m.putList(name, *v == nil, len(*v), r, func(i int) { write(m.codec, &(*v)[i], list) })
		return
	}
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = nil
	case assign:
		*v = []T{}
		m.elements(n, name, most, func(i int, e int32) bool {
			var item T // counts even if it is wrong: the list is not empty
			if n := &m.doc.nodes[e]; n.kind == '{' {
				list(m.within(name, i, e), &item)
			} else {
				m.wrongElement(n, name, i, "an object, not "+typeName(n.kind))
			}
			*v = append(*v, item)
			return m.first == nil || m.at > m.doc.nodes[e].end
		})
	}
}

// texts is a member that is a list of strings, replaced whole; nil is not set.
func texts[S ~string](m *members, name string, v *[]S, most int, r rule) {
	if m.mode == encode {
		m.putList(name, *v == nil, len(*v), r, func(i int) { m.out = appendText(m.out, string((*v)[i])) })
		return
	}
	n, what := m.take(name, r.need)
	switch what {
	case unset:
		*v = nil
	case assign:
		*v = []S{}
		m.elements(n, name, most, func(i int, e int32) bool {
			n := &m.doc.nodes[e]
			*v = append(*v, S(n.text))
			want := "text, not " + typeName(n.kind)
			if n.kind == '"' {
				want = r.check(n.text)
			}
			if want != "" {
				m.wrongElement(n, name, i, want)
			}
			return want == ""
		})
	}
}

// elements runs do for each element of a list, until it says to stop: later
// elements cannot hold an earlier fault.
func (m *members) elements(n *node, name string, most int, do func(i int, e int32) bool) {
	if n.kind != '[' {
		m.wrongType(n, name, "a list")
		return
	}
	count := 0
	for e := n.first; e != 0; e = m.doc.nodes[e].next {
		if count == most {
			m.wrong(n, name, fmt.Sprintf("a list of at most %d", most))
			return
		}
		count++
	}
	for i, e := 0, n.first; e != 0; i, e = i+1, m.doc.nodes[e].next {
		if !do(i, e) {
			return
		}
	}
}

func (m *members) wrongElement(n *node, name string, i int, want string) {
	at := m.path(name) + "." + strconv.Itoa(i)
	m.report(n.at, fault.Invalid, at, "each of "+name+" must be "+want)
}

// maxMetadata bounds the metadata of one resource, in bytes.
const maxMetadata = 32 << 10

// metadata is a member that is any object, kept as it came but for white space
// and the way its strings are escaped: equal metadata is equal to the byte.
func metadata(m *members, name string, v *jsontext.Value) {
	if m.mode == encode {
		if *v == nil {
			m.putText(name, "", plain)
			return
		}
		m.key(name)
		m.out = append(m.out, *v...)
		return
	}
	n, what := m.take(name, nullable)
	switch what {
	case unset:
		*v = nil
	case assign:
		if !m.isObject(n, name) {
			return
		}
		raw, err := jsontext.AppendFormat(nil, m.doc.src[n.at:n.end])
		if err != nil || len(raw) > maxMetadata {
			m.wrong(n, name, fmt.Sprintf("an object of at most %d bytes", maxMetadata))
			return
		}
		*v = raw
	}
}

// unsupported is a member that the contract has and this version does not do.
// A value is refused: to ignore it would do what the caller forbade.
func unsupported(m *members, names ...string) {
	if m.mode == encode {
		return
	}
	for _, name := range names {
		if n := m.given(name); n != nil {
			m.report(n.at, fault.Invalid, m.path(name), name+" is not supported by this version, leave it out")
		}
	}
}
