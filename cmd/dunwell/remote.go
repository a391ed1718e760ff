package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/dunwellhq/dunwell/client"
)

// remote is the flags of every command that speaks to a server.
type remote struct {
	URL      string `name:"url" env:"DUNWELL_URL" default:"http://127.0.0.1:8080" placeholder:"URL" group:"Server" help:"The server to speak to; ${default} if unset."`
	APIKey   string `name:"api-key" env:"DUNWELL_API_KEY" placeholder:"KEY" group:"Server" help:"The key to authenticate with."`
	Platform string `env:"DUNWELL_PLATFORM" placeholder:"ID" group:"Server" help:"One of the key's platforms; its default if unset."`
	Output   string `short:"o" enum:"table,json,yaml" default:"table" group:"Server" help:"Form of the output: table, json (as the API answers) or yaml."`
}

// AfterApply refuses an argument that is empty, which a variable of a shell may be
// that nobody set. Taken as not given it would list everything, or make for all
// customers the workflow that was meant for one.
func (remote) AfterApply(c *kong.Context) error {
	for i, arg := range c.Args {
		name, value, joined := strings.Cut(arg, "=")
		switch {
		case joined && value == "" && strings.HasPrefix(name, "-"):
			return fmt.Errorf("%s is empty: give it a value or leave it out", name)
		case arg == "" && i > 0 && strings.HasPrefix(c.Args[i-1], "-"):
			return fmt.Errorf("%s is empty: give it a value or leave it out", c.Args[i-1])
		case arg == "":
			return errors.New("an argument is empty: give it a value or leave it out")
		}
	}
	return nil
}

// retries of a command: a person waits, so fewer than a program would.
const retries = 2

func (r remote) client() (*client.Client, error) {
	opts := []client.Option{client.WithUserAgent("dunwell " + version()), client.WithRetries(retries)}
	if r.Platform != "" {
		opts = append(opts, client.WithPlatform(r.Platform))
	}
	return client.New(r.URL, r.APIKey, opts...)
}

// show writes an answer in the form that was asked for.
func (r remote) show(out io.Writer, answer []byte, table func(io.Writer) error) error {
	switch r.Output {
	case "json":
		_, err := fmt.Fprintf(out, "%s\n", strings.TrimSpace(string(answer)))
		return err
	case "yaml":
		text, err := yamlOf(answer)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	default:
		return table(out)
	}
}

// calling is a call of the API whose answer is one thing.
type calling[T any] func(ctx context.Context, api *client.Client, into client.CallOption) (*T, error)

// of is a call that takes nothing but the name of the thing.
func of[T any](
	name string, method func(api *client.Client, ctx context.Context, name string, opts ...client.CallOption) (*T, error),
) calling[T] {
	return func(ctx context.Context, api *client.Client, into client.CallOption) (*T, error) {
		return method(api, ctx, name, into)
	}
}

// sending is a call with a body of the caller's making, which may have to be asked
// for first.
func sending[T any](method, path string, body func(context.Context, *client.Client) (json.RawMessage, error)) calling[T] {
	return func(ctx context.Context, api *client.Client, into client.CallOption) (*T, error) {
		members, err := body(ctx, api)
		if err != nil {
			return nil, err
		}
		var made T
		err = api.Do(ctx, method, path, members, &made, into)
		return &made, err
	}
}

// patching is a call that changes a thing.
func patching[T any](path string, c change, s streams) calling[T] {
	return sending[T](http.MethodPatch, path, func(context.Context, *client.Client) (json.RawMessage, error) { return c.patch(s.in) })
}

// one calls the API for one thing and shows it.
func one[T any](ctx context.Context, s streams, r remote, call calling[T], write func(io.Writer, *T) error) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	var resp client.Response
	found, err := call(ctx, api, client.Into(&resp))
	if err != nil {
		return err
	}
	return r.show(s.out, resp.Body, func(out io.Writer) error { return write(out, found) })
}

// paging is the flags of every command that lists.
type paging struct {
	OrderBy string `name:"order-by" aliases:"order_by" placeholder:"MEMBER" help:"What to order by, as created_at or reference."`
	Order   string `aliases:"order_direction" enum:"asc,desc" default:"desc" help:"asc or desc; ${default} if unset."`
	Limit   int    `default:"50" help:"How many a page has, at most 100."`
	Page    int    `default:"1" help:"Which page."`
	All     bool   `help:"All pages, from that one on."`
}

// check refuses what the client takes as not said: the API refuses the rest.
func (p paging) check() error {
	switch {
	case p.Limit == 0:
		return errors.New("--limit 0: it must be 1 or more")
	case p.Page == 0:
		return errors.New("--page 0: it must be 1 or more")
	default:
		return nil
	}
}

// order is the direction as the API wants it.
func (p paging) order() client.OrderDirection { return client.OrderDirection(p.Order) }

// page is a page as a command reads it: what it lists, and whether there is more.
type page[T any] struct {
	items []T
	more  rest
}

// rest is what is known of the pages after one, in words; "" is that there is none.
type rest string

const (
	thereAre   rest = "there are more"
	thereMayBe rest = "there may be more" // the API does not say, and the page is full
)

// table is how a list is shown: what a P, which the client answers with, has of it,
// and what is shown of each.
type table[P, T any] struct {
	page    func(got P, limit int) page[T]
	columns []column[T]
}

// linked is a page that has a link to the next one, or to none.
func linked[T any](items []T, links client.Links) page[T] {
	if links.Next == nil {
		return page[T]{items, ""}
	}
	return page[T]{items, thereAre}
}

// bare is a page that is a list and nothing else.
func bare[T any](items []T, limit int) page[T] {
	if len(items) < limit {
		return page[T]{items, ""}
	}
	return page[T]{items, thereMayBe}
}

// some calls the API for a page, or for all of them, and shows what is listed.
// One page is shown as the API answers it; several are joined into one. A table says
// beside itself that it is not all, or a person would take it for that.
func some[P, T any](
	s streams, r remote, p paging, t table[P, T], call func(api *client.Client, p paging, into client.CallOption) (P, error),
) error {
	if err := p.check(); err != nil {
		return err
	}
	api, err := r.client()
	if err != nil {
		return err
	}
	var items []T
	var answers []client.Response
	var more rest
	for ; ; p.Page++ {
		var resp client.Response
		got, err := call(api, p, client.Into(&resp))
		if err != nil {
			return err
		}
		read := t.page(got, p.Limit)
		items, answers, more = append(items, read.items...), append(answers, resp), read.more
		if !p.All || more == "" {
			break
		}
	}
	answer := answers[0].Body
	if p.All {
		if answer, err = joined(answers); err != nil {
			return err
		}
	}
	return r.show(s.out, answer, func(out io.Writer) error {
		err := writeTable(out, items, t.columns)
		if err == nil && more != "" {
			_, err = fmt.Fprintf(s.err, "%s: --page %d shows the next %d, --all shows them too\n", more, p.Page+1, p.Limit)
		}
		return err
	})
}

// upper are the values of an enum as the API writes them.
func upper[S ~string](values []string) []S {
	list := make([]S, len(values))
	for i, v := range values {
		list[i] = S(strings.ToUpper(v))
	}
	return list
}
