package httpapi

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

const (
	defaultLimit = 50
	maxLimit     = 100
	maxPage      = 1_000_000_000
	maxFilters   = 100 // values of one filter
)

// listing says what a list can be ordered and filtered by.
type listing struct {
	order   []string
	filters []filter
	search  []searchedField // by what its search can narrow it
}

// filter is a query parameter that narrows a list. One whose name ends in []
// may be repeated.
type filter struct {
	param  string
	column string
	values []string // the only ones that it may have; nil: any
}

// enumFilter is statuses[], with the values that a status has.
func enumFilter[S ~string](values []S) filter {
	f := filter{param: "statuses[]", column: "status"}
	for _, v := range values {
		f.values = append(f.values, string(v))
	}
	return f
}

// oneOf is a parameter that has one of the values.
func oneOf[S ~string](name string, values []S) filter {
	f := enumFilter(values)
	f.param, f.column = name, name
	return f
}

// flagFilter is a parameter that is true or false.
func flagFilter(name string) filter {
	return filter{param: name, column: name, values: []string{"true", "false"}}
}

func byColumn(names ...string) []filter {
	list := make([]filter, len(names))
	for i, n := range names {
		list[i] = filter{param: n, column: n}
	}
	return list
}

// asked is the page that a request asks for.
type asked struct {
	store.Query
	params url.Values
	path   string
}

// parameters are those of the request's query. One that cannot be read is refused
// whole: to leave a part of it out would do what was not asked for.
func (c *call) parameters() (url.Values, error) {
	params, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Unreadable, "the query of the URL is malformed: write parameters as name=value, joined by &, percent-encoded")
	}
	return params, nil
}

// single returns a parameter that may be given once.
func single(params url.Values, name string) (value string, given bool, err error) {
	values := params[name]
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	default:
		return "", false, fault.At(fault.Invalid, name, "%s must be given once", name)
	}
}

// ask reads the parameters of a list.
func (c *call) ask(l listing) (asked, error) {
	a := asked{path: c.URL.EscapedPath()}
	var err error
	if a.params, err = c.parameters(); err != nil {
		return a, err
	}
	if a.Page, err = a.whole("page", 1, maxPage); err != nil {
		return a, err
	}
	if a.Limit, err = a.whole("limit", defaultLimit, maxLimit); err != nil {
		return a, err
	}
	if err := a.orderBy(l.order); err != nil {
		return a, err
	}
	for _, f := range l.filters {
		values, err := a.filter(f)
		if err != nil {
			return a, err
		}
		if values != nil {
			a.Filters = append(a.Filters, store.Filter{Field: f.column, Values: values})
		}
	}
	return a, nil
}

func (a *asked) whole(name string, otherwise, most int) (int, error) {
	s, given, err := single(a.params, name)
	if err != nil || !given {
		return otherwise, err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most || s[0] == '+' {
		return 0, fault.At(fault.Invalid, name, "%s must be a whole number from 1 to %d", name, most)
	}
	return n, nil
}

func (a *asked) orderBy(allowed []string) error {
	by, given, err := single(a.params, "order_by")
	if err != nil {
		return err
	}
	if given && !slices.Contains(allowed, by) {
		return fault.At(fault.Invalid, "order_by", "order_by must be one of %s", strings.Join(allowed, ", "))
	}
	a.OrderBy = by
	direction, given, err := single(a.params, "order_direction")
	if err != nil {
		return err
	}
	if given && direction != "asc" && direction != "desc" {
		return fault.At(fault.Invalid, "order_direction", "order_direction must be asc or desc")
	}
	a.Ascending = direction == "asc"
	return nil
}

func (a *asked) filter(f filter) ([]string, error) {
	values := a.params[f.param]
	if !strings.HasSuffix(f.param, "[]") {
		if _, _, err := single(a.params, f.param); err != nil {
			return nil, err
		}
	}
	if len(values) > maxFilters {
		return nil, fault.At(fault.Invalid, f.param, "%s must be given at most %d times", f.param, maxFilters)
	}
	for _, v := range values {
		switch {
		case f.values != nil && !slices.Contains(f.values, v):
			return nil, fault.At(fault.Invalid, f.param, "%s must be one of %s", f.param, strings.Join(f.values, ", "))
		case shortLine.check(v) != "" || !validText(v):
			return nil, fault.At(fault.Invalid, f.param, "%s must be %s", f.param, shortLine.check(""))
		}
	}
	return values, nil
}

// validText reports a text that the store can compare with.
func validText(s string) bool { return utf8.ValidString(s) }

// paged answers with a page of what read finds.
func paged[T any](
	c *call, l listing, read func(context.Context, platform.ID, store.Query) (store.Page[T], error), list func(*members, *T),
) (reply, error) {
	a, err := c.ask(l)
	if err != nil {
		return reply{}, err
	}
	page, err := read(c.Context(), c.platform, a.Query)
	if err != nil {
		return reply{}, err
	}
	return pageOf(a, page, &codec{}, list), nil
}

// pageOf writes the envelope of a page.
func pageOf[T any](a asked, page store.Page[T], c *codec, list func(*members, *T)) reply {
	c.out = append(c.out, `{"data":`...)
	bare(c, page.Items, list)
	c.out = append(c.out, ',')
	m := &members{codec: c, mode: encode}
	number(m, "limit", &a.Limit, 1, a.Limit, plain)
	number(m, "page", &a.Page, 1, a.Page, plain)
	m.key("links")
	write(c, &page.More, func(m *members, more *bool) {
		m.putText("first", a.link(1), plain)
		m.putText("previous", a.link(a.Page-1), plain)
		m.putText("current", a.link(a.Page), plain)
		next := ""
		if *more {
			next = a.link(a.Page + 1)
		}
		m.putText("next", next, plain)
	})
	m.putText("total_number_of_pages", "", plain)
	c.out = append(c.out, '}')
	return reply{status: http.StatusOK, body: c.out}
}

// bare writes a list without an envelope.
func bare[T any](c *codec, items []T, list func(*members, *T)) {
	c.out = append(c.out, '[')
	for i := range items {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		write(c, &items[i], list)
	}
	c.out = append(c.out, ']')
}

// link is the path of another page of the same list, or "" before the first.
func (a *asked) link(page int) string {
	if page < 1 {
		return ""
	}
	params := maps.Clone(a.params)
	params.Set("page", strconv.Itoa(page))
	return a.path + "?" + params.Encode()
}
