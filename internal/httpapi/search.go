package httpapi

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// maxSearch bounds each of the lists of a search.
const maxSearch = 100

// searchedField is a field that a search can name.
type searchedField struct {
	name   string
	values []string // the only ones that it may have; nil: any
}

// isTime reports a field that is a point in time: it is compared by its second.
func (f *searchedField) isTime() bool { return strings.HasSuffix(f.name, "_at") }

func searchable(names ...string) []searchedField {
	list := make([]searchedField, len(names))
	for i, n := range names {
		list[i] = searchedField{name: n}
	}
	return list
}

func searchableEnum[S ~string](name string, values []S) searchedField {
	f := searchedField{name: name}
	for _, v := range values {
		f.values = append(f.values, string(v))
	}
	return f
}

// search is the body of a search (contract A1): what is given of the three lists
// must all hold.
type search struct {
	fields  []fieldSearch // one of these
	filters []fieldFilter // and all of these
	rules   []fieldRule   // and all of these
}

// fieldSearch looks for a text; without a name in any field that is one.
type fieldSearch struct {
	name  string
	value string
	match store.Match
}

// fieldFilter keeps what has one of the values.
type fieldFilter struct {
	name   string
	value  string
	values []string
}

// fieldRule keeps what has the value, or none.
type fieldRule struct{ name, value string }

// anyValue is the rule of a text that is looked for: an empty one too.
var anyValue = rule{check: func(s string) string {
	if s == "" {
		return ""
	}
	return shortLine.check(s)
}}

// searchMembers lists the members of a search of what a listing describes.
func searchMembers(l listing) func(*members, *search) {
	return func(m *members, s *search) {
		objects(m, "search_fields", &s.fields, maxSearch, plain, func(m *members, f *fieldSearch) {
			l.searchedName(m, &f.name, plain)
			text(m, "value", &f.value, anyValue.required())
			flag(m, "wildcard_start", &f.match.Before, plain)
			flag(m, "wildcard_end", &f.match.After, plain)
			flag(m, "ignore_case", &f.match.IgnoreCase, plain)
			l.sought(m, f)
		})
		objects(m, "filter_fields", &s.filters, maxSearch, plain, func(m *members, f *fieldFilter) {
			l.searchedName(m, &f.name, plain.required())
			text(m, "value", &f.value, anyValue)
			texts(m, "values", &f.values, maxFilters, anyValue)
			f.collect(m, l)
		})
		objects(m, "selection_rule_fields", &s.rules, maxSearch, plain, func(m *members, f *fieldRule) {
			l.searchedName(m, &f.name, plain.required())
			text(m, "value", &f.value, anyValue)
			if f.value != "" {
				f.value = l.wanted(m, f.name, "value", f.value)
			}
		})
	}
}

// collect makes one list of value and values, and asks for one of them.
func (f *fieldFilter) collect(m *members, l listing) {
	for i := range f.values {
		f.values[i] = l.wanted(m, f.name, "values."+strconv.Itoa(i), f.values[i])
	}
	switch {
	case m.given("value") != nil:
		f.values = append(f.values, l.wanted(m, f.name, "value", f.value))
	case m.given("values") == nil:
		m.fault(fault.Missing, m.path("values"), "values is required where there is no value")
	}
}

// searchedName is the member that names a field.
func (l listing) searchedName(m *members, v *string, r rule) {
	names := make([]string, len(l.search))
	for i, f := range l.search {
		names[i] = f.name
	}
	enum(m, "name", v, names, r)
}

// find returns a field by its name, or nil.
func (l listing) find(name string) *searchedField {
	i := slices.IndexFunc(l.search, func(f searchedField) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &l.search[i]
}

// wanted checks a value that a field must have and returns what the store
// compares with.
func (l listing) wanted(m *members, name, member, value string) string {
	f := l.find(name)
	switch {
	case f == nil: // it is no field, which is said already
	case f.isTime():
		return m.second(member, value)
	case f.values != nil && !slices.Contains(f.values, value):
		m.fault(fault.Invalid, m.path(member), "value must be one of "+strings.Join(f.values, ", "))
	}
	return value
}

// sought checks a text that is looked for. Of a time only the whole can be.
func (l listing) sought(m *members, s *fieldSearch) {
	f := l.find(s.name)
	if f == nil || !f.isTime() {
		return
	}
	for name, set := range map[string]bool{"wildcard_start": s.match.Before, "wildcard_end": s.match.After} {
		if set {
			m.fault(fault.Invalid, m.path(name), name+" must be false: a time is compared as a whole")
		}
	}
	s.value, s.match = m.second("value", s.value), store.Match{}
}

// second is a point in time as the store compares it.
func (m *members) second(member, value string) string {
	t, err := calendar.ParseInstant(value)
	if err != nil {
		m.fault(fault.Invalid, m.path(member), "value must be "+wantInstant)
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// query adds a search to what the parameters of the request ask for.
func (s *search) query(q *store.Query, l listing) {
	for _, f := range s.filters {
		q.Filters = append(q.Filters, store.Filter{Field: f.name, Values: f.values})
	}
	for _, f := range s.rules {
		q.Filters = append(q.Filters, store.Filter{Field: f.name, Values: []string{f.value}})
	}
	var group []store.Filter
	for _, f := range s.fields {
		for _, field := range l.search {
			if field.name == f.name || (f.name == "" && !field.isTime()) {
				group = append(group, store.Filter{Field: field.name, Values: []string{f.value}, Match: f.match})
			}
		}
	}
	if group != nil {
		q.Any = append(q.Any, group)
	}
}

// searched answers with a page of what a search finds.
func searched[T any](
	c *call, l listing, read func(context.Context, platform.ID, store.Query) (store.Page[T], error), list func(*members, *T),
) (reply, error) {
	a, err := c.askSearch(l)
	if err != nil {
		return reply{}, err
	}
	page, err := read(c.Context(), c.platform, a.Query)
	if err != nil {
		return reply{}, err
	}
	return pageOf(a, page, &codec{}, list), nil
}

// askSearch reads the parameters and the body of a search.
func (c *call) askSearch(l listing) (asked, error) {
	a, err := c.ask(l)
	if err != nil {
		return a, err
	}
	doc, err := c.optionalDocument()
	if err != nil {
		return a, err
	}
	var s search
	if err := decodeInto(doc, &s, searchMembers(l), nil); err != nil {
		return a, err
	}
	s.query(&a.Query, l)
	return a, nil
}
