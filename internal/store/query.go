package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// Query selects a page of a list.
type Query struct {
	Page      int    // from 1
	Limit     int    // rows of a page
	OrderBy   string // a column of the list; "" is created_at
	Ascending bool
	Filters   []Filter // all must hold
}

// Filter keeps the rows whose column has one of the values.
type Filter struct {
	Column string
	Values []string
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
	filters []string
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
	for _, f := range q.Filters {
		if !slices.Contains(l.filters, f.Column) {
			return "", nil, fault.At(fault.Invalid, f.Column, "this list cannot be filtered by %s", f.Column)
		}
		if len(f.Values) == 1 {
			args = append(args, f.Values[0])
			fmt.Fprintf(&b, " AND %s = $%d", f.Column, len(args))
			continue
		}
		args = append(args, f.Values)
		fmt.Fprintf(&b, " AND %s = ANY($%d)", f.Column, len(args))
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

// Reader has the reads. It works on the pool and inside a transaction alike.
type Reader struct {
	c     conn
	vault *vault
}

// notFound is the fault of a path that names nothing on this platform.
func notFound(resourceType, noun, id string) error {
	return fault.New(fault.NotFound, "there is no %s %.80q on this platform", noun, id).About(resourceType, id)
}
