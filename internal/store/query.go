package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// Query selects a page of a list.
type Query struct {
	Page      int    // from 1
	Limit     int    // rows of a page
	OrderBy   string // a column of the list; "" is created_at
	Ascending bool
	Filters   []Filter   // all must hold
	Any       [][]Filter // of each group, one must hold
}

// Filter keeps the rows of which a field has one of the values. A field that is
// a time is compared by its seconds, written as a number since 1970.
type Filter struct {
	Field  string
	Values []string
	Match  Match
}

// Match says how a value is compared; the zero Match compares it as it is.
type Match struct {
	Before, After bool // anything may stand before the value, or after it
	IgnoreCase    bool
}

// Page is a page of a list.
type Page[T any] struct {
	Items []T
	More  bool // there is a next page
}

// list describes a table that can be listed: nothing reaches SQL text but the
// names written here.
type list struct {
	from    string // table
	columns string // enumerated
	where   string // what always holds, or ""
	order   []string
	filters map[string]field
}

// field is what a list can be filtered by.
type field struct {
	sql  string
	only string // what else must hold, or ""
}

// columns are fields that are columns of their own.
func columns(names ...string) map[string]field {
	fields := make(map[string]field, len(names))
	for _, n := range names {
		fields[n] = field{sql: n}
		if strings.HasSuffix(n, "_at") { // stored in microseconds, told in seconds
			fields[n] = field{sql: "CAST(" + n + " / 1000000 AS TEXT)"}
		}
	}
	return fields
}

// idOf is the field that names a resource of one kind, in a table whose rows
// may be about resources of any.
func idOf(kind billing.Kind) field {
	return field{sql: "resource_id", only: "kind = '" + string(kind) + "'"}
}

func with(fields, more map[string]field) map[string]field {
	maps.Copy(fields, more)
	return fields
}

// page reads a page. It asks for one row more than the page holds, to know
// whether there is another, and never counts the table.
func page[T any](ctx context.Context, r Reader, l list, scan func(rows) (T, error), platform string, q Query) (Page[T], error) {
	text, args, err := l.sql(platform, q)
	if err != nil {
		return Page[T]{}, err
	}
	items, err := all(ctx, r.c, scan, text, args...)
	if err != nil {
		return Page[T]{}, fmt.Errorf("listing %s: %w", l.from, err)
	}
	if len(items) > q.Limit {
		return Page[T]{items[:q.Limit], true}, nil
	}
	return Page[T]{items, false}, nil
}

func (l list) sql(platform string, q Query) (string, []any, error) {
	var b strings.Builder
	args := []any{platform}
	fmt.Fprintf(&b, "SELECT %s FROM %s WHERE platform_id = $1", l.columns, l.from)
	if l.where != "" {
		b.WriteString(" AND " + l.where)
	}
	bind := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	for _, f := range q.Filters {
		condition, err := l.condition(f, bind)
		if err != nil {
			return "", nil, err
		}
		b.WriteString(" AND " + condition)
	}
	for _, group := range q.Any {
		alternatives := make([]string, len(group))
		for i, f := range group {
			var err error
			if alternatives[i], err = l.condition(f, bind); err != nil {
				return "", nil, err
			}
		}
		b.WriteString(" AND (" + strings.Join(alternatives, " OR ") + ")")
	}
	order := q.OrderBy
	if order == "" {
		order = "created_at"
	}
	if !slices.Contains(l.order, order) {
		return "", nil, fault.At(fault.Invalid, "order_by", "this list can be ordered by %s, not by %.60q", strings.Join(l.order, ", "), order)
	}
	direction := "DESC"
	if q.Ascending {
		direction = "ASC"
	}
	fmt.Fprintf(&b, " ORDER BY %s %s, id %s LIMIT %d OFFSET %d", order, direction, direction, q.Limit+1, (q.Page-1)*q.Limit)
	return b.String(), args, nil
}

// condition is the SQL of a filter.
func (l list) condition(f Filter, bind func(any) string) (string, error) {
	field, known := l.filters[f.Field]
	if !known {
		return "", fault.At(fault.Invalid, f.Field, "this list cannot be filtered by %s", f.Field)
	}
	var text string
	switch {
	case f.Match != Match{}:
		alternatives := make([]string, len(f.Values))
		for i, v := range f.Values {
			alternatives[i] = f.Match.sql(field.sql, v, bind)
		}
		text = "(" + strings.Join(alternatives, " OR ") + ")"
	case len(f.Values) == 1:
		text = field.sql + " = " + bind(f.Values[0])
	default:
		text = field.sql + " = ANY(" + bind(f.Values) + ")"
	}
	if field.only != "" {
		text = "(" + field.only + " AND " + text + ")"
	}
	return text, nil
}

// sql compares with functions that both databases have, and not with LIKE: so
// every character of a value stands for itself.
func (m Match) sql(column, value string, bind func(any) string) string {
	if value == "" && (m.Before || m.After) {
		return "1 = 1"
	}
	v := bind(value)
	if m.IgnoreCase {
		column, v = "LOWER("+column+")", "LOWER("+v+")"
	}
	switch {
	case m.Before && m.After:
		return "replace(" + column + ", " + v + ", '') <> " + column
	case m.After:
		return "substr(" + column + ", 1, length(" + v + ")) = " + v
	case m.Before:
		return "substr(" + column + ", length(" + column + ") - length(" + v + ") + 1) = " + v
	default:
		return column + " = " + v
	}
}

// Reader has the reads. It works on the pool and inside a transaction alike.
type Reader struct {
	c     conn
	vault *vault
}

// notFound is the fault of a path that names nothing on this platform.
func notFound(resourceType, noun, id string) error {
	return fault.New(fault.NotFound, "there is no %s %.80q on this platform", noun, id).About(resourceType, id)
}
