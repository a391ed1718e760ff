package client

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// linked goes through the items of all pages of a list, as far as they are read,
// by the link that each page has to the next. What is added or removed meanwhile
// moves the others: an item may then be seen twice, or missed.
func linked[T any](ctx context.Context, c *Client, r request, opts []CallOption) iter.Seq2[T, error] {
	type page struct {
		Data  []T   `json:"data"`
		Links Links `json:"links"`
	}
	return func(yield func(T, error) bool) {
		r := r // the sequence may be gone through again
		for {
			p, err := call[page](ctx, c, r, opts)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range p.Data {
				if !yield(item, nil) {
					return
				}
			}
			if p.Links.Next == nil {
				return
			}
			// Only the query: before the path there may be a part that a proxy takes away.
			next, err := url.Parse(*p.Links.Next)
			if err != nil {
				yield(*new(T), fmt.Errorf("reading the link to the next page: %w", err))
				return
			}
			r.query = next.Query()
		}
	}
}

const largestPage = 100

// counted does the same with a list that has no links: a page with fewer items
// than were asked for is the last.
func counted[T any](ctx context.Context, c *Client, r request, opts []CallOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		r := r
		r.query = maps.Clone(r.query)
		if !r.query.Has("limit") {
			r.query.Set("limit", strconv.Itoa(largestPage))
		}
		limit, number := whole(r.query, "limit"), max(1, whole(r.query, "page"))
		for ; ; number++ {
			r.query.Set("page", strconv.Itoa(number))
			items, err := list[T](ctx, c, r, opts)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if len(items) < limit {
				return
			}
		}
	}
}

// whole is a number of a query: [ListWorkflowActionsParams] has it as a number.
func whole(q url.Values, name string) int {
	n, _ := strconv.Atoi(q.Get(name)) // absent is 0
	return n
}
