package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	platformHeader = "x-platform-id"
	keyHeader      = "Idempotency-Key"
	jsonType       = "application/json"
	maxAnswer      = 256 << 20 // a page of 100 captured messages is far below
)

// Response is what came back, as it came.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// RequestID names the request in the server's log.
func (r *Response) RequestID() string { return r.Header.Get("X-REQUEST-ID") }

// CallOption is a setting of one call.
type CallOption func(*settings)

type settings struct {
	platform, key string
	into          *Response
}

// OnPlatform makes a call for another platform than the client's.
func OnPlatform(id string) CallOption { return func(s *settings) { s.platform = id } }

// Keyed sends a POST with an idempotency key of the caller's own, who can then
// repeat it later, from another process too.
func Keyed(key string) CallOption { return func(s *settings) { s.key = key } }

// Into keeps the last response of a call in r: its status, its headers and the
// bytes of its body. Of a call that lists, that is the page read last.
func Into(r *Response) CallOption { return func(s *settings) { s.into = r } }

// request is a request that may be sent several times.
type request struct {
	method, path string
	query        url.Values
	body         any    // nil, bytes, or what is encoded as JSON
	contentType  string // of the body, "" is JSON
	keyed        bool   // it takes an idempotency key
	safe         bool   // it has no second effect, although it is a POST
}

// Do sends a request to any path of the API, with the retries and errors of the
// other methods: for what this version of the client does not know. in is nil,
// a [json.RawMessage] or anything that can be encoded; out is nil or what the
// answer is decoded into.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	path, rawQuery, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return fmt.Errorf("reading the query of %s: %w", path, err)
	}
	r := request{method: method, path: path, query: query, body: in, keyed: method == http.MethodPost}
	return c.do(ctx, r, out, opts)
}

// call sends a request whose answer is a T.
func call[T any](ctx context.Context, c *Client, r request, opts []CallOption) (*T, error) {
	var out T
	if err := c.do(ctx, r, &out, opts); err != nil {
		return nil, err
	}
	return &out, nil
}

// list sends a request whose answer is a list without anything around it.
func list[T any](ctx context.Context, c *Client, r request, opts []CallOption) ([]T, error) {
	var out []T
	err := c.do(ctx, r, &out, opts)
	return out, err
}

// raw sends a request whose answer is no JSON.
func raw(ctx context.Context, c *Client, r request, opts []CallOption) ([]byte, error) {
	var resp Response
	err := c.do(ctx, r, nil, append(slices.Clip(opts), Into(&resp)))
	return resp.Body, err
}

// do sends a request and decodes its answer into out.
func (c *Client) do(ctx context.Context, r request, out any, opts []CallOption) error {
	var s settings
	for _, set := range opts {
		set(&s)
	}
	body, err := encode(r.body)
	if err != nil {
		return fmt.Errorf("encoding the body of %s %s: %w", r.method, r.path, err)
	}
	resp, err := c.send(ctx, r, c.headers(r, s), body)
	if s.into != nil {
		*s.into = resp
	}
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(resp.Body, out); err != nil {
		return fmt.Errorf("reading the answer to %s %s (request %s): %w", r.method, r.path, resp.RequestID(), err)
	}
	return nil
}

// headers are those of all tries of one call: the server knows a POST again by
// its key.
func (c *Client) headers(r request, s settings) http.Header {
	h := maps.Clone(c.header)
	if s.platform != "" {
		h.Set(platformHeader, s.platform)
	}
	if r.bearsKey() {
		if s.key == "" {
			s.key = rand.Text()
		}
		h.Set(keyHeader, s.key)
	}
	if r.body != nil {
		if r.contentType == "" {
			r.contentType = jsonType
		}
		h.Set("Content-Type", r.contentType)
	}
	return h
}

// try sends a request once.
func (c *Client) try(ctx context.Context, r request, header http.Header, body []byte) (Response, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return Response{}, err
	}
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Response{}, fmt.Errorf("reading the answer to %s %s: %w", r.method, r.path, err)
	}
	return Response{resp.StatusCode, resp.Header, text}, nil
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	default:
		return json.Marshal(wholeSeconds(reflect.ValueOf(b)).Interface())
	}
}

// optional is a body that may be left out.
func optional[T any](body *T) any {
	if body == nil {
		return nil
	}
	return *body
}

// Path puts values in the places of a path, as in "/v1/workflows/{id}", for
// [Client.Do]: they may have any characters, slashes too.
func Path(path string, values ...string) string {
	for _, v := range values {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		escaped := url.PathEscape(v)
		if v == "." || v == ".." { // which would be a step of the path
			escaped = strings.ReplaceAll(v, ".", "%2E")
		}
		path = before + escaped + after
	}
	return path
}

// add puts a parameter into a query: each value of several, none for a nil, an
// empty text, zero, and no time.
func add(q url.Values, name string, value any) {
	v := reflect.ValueOf(value)
	switch {
	case v.IsZero():
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			q.Add(name, text(v.Index(i)))
		}
	default:
		q.Add(name, text(reflect.Indirect(v)))
	}
}

func text(v reflect.Value) string {
	if t, ok := reflect.TypeAssert[time.Time](v); ok {
		return t.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v.Interface())
}
