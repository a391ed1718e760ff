// Package client speaks to a Dunwell server.
//
// A [Client] has one method for each operation of the API, two for one that
// lists: ListWorkflows goes through all pages, ListWorkflowsPage reads one. They
// and the types of what is sent and answered are generated from the server's own
// description, api/openapi.yaml, so that an API that grows has a client that does.
//
// In what is sent, nil is "not said", and so are zero and the empty text as
// parameters of a query. In a merge patch null means something else, so there a
// member that may be null is a [Nullable], made by [Set] and [Null]. In what is
// answered, nil is null or absent. Decimals are strings, as written; times are sent
// in whole seconds, which is all that the API takes.
//
// What the server refuses is an [*Error]. What may pass by itself is tried again
// where that cannot have a second effect; see [WithRetries].
package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client speaks to one server with one credential. It may be used by several
// goroutines at once.
type Client struct {
	base    string // without a slash at the end
	http    *http.Client
	header  http.Header // of every request
	retries int
}

// Option is a setting of a [Client].
type Option func(*Client)

// defaultTimeout is above the 30 seconds that the server gives itself.
const defaultTimeout = time.Minute

// New returns a client of the server at baseURL, as in https://billing.example.com,
// that authenticates by apiKey. An empty key is none.
func New(baseURL, apiKey string, opts ...Option) (*Client, error) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the URL of the server cannot be read: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q is no URL of a server, write it as https://billing.example.com", baseURL)
	}
	c := &Client{
		base:    strings.TrimSuffix(u.String(), "/"),
		http:    &http.Client{Timeout: defaultTimeout},
		header:  http.Header{"User-Agent": {"dunwell-go"}},
		retries: defaultRetries,
	}
	if apiKey != "" {
		c.header.Set("X-API-KEY", apiKey)
	}
	for _, set := range opts {
		set(c)
	}
	// The API redirects nowhere, and a key must not follow whoever does.
	own := *c.http
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &own
	return c, nil
}

// WithHTTPClient sets what connections are made with, for instance to trust
// another certificate or to wait longer than a minute for an answer. Its
// CheckRedirect is not used.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithBearer authenticates by a bearer token, which may be an API key.
func WithBearer(token string) Option {
	return func(c *Client) { c.header.Set("Authorization", "Bearer "+token) }
}

// WithPlatform says for which of the key's platforms the client speaks. Without
// it that is the key's default.
func WithPlatform(id string) Option { return func(c *Client) { c.header.Set(platformHeader, id) } }

// WithUserAgent names the program that uses the client.
func WithUserAgent(name string) Option { return func(c *Client) { c.header.Set("User-Agent", name) } }

// WithRetries says how often a request is sent again that did not come through:
// n times, 4 if this option is not used, and 0 never.
//
// It is sent again after growing pauses of up to 10 seconds, or after the one
// that the server asks for if that is no longer than 30 seconds:
//
//   - answered 429, whatever it was: nothing came of it;
//   - answered 500 with Idempotency-Retryable: true, likewise;
//   - refused a connection: it cannot have arrived;
//   - answered 502, 503 or 504, or cut off: if a second one has no second effect
//     and answers as the first would have. That is so of GET and PUT, of searches
//     and of ingestion. Every other POST bears an Idempotency-Key, one for all its
//     tries, by which the server knows it again.
//
// A 503 or a lost answer does not say that nothing happened. A DELETE or a PATCH
// that may have come through is therefore not sent again: a second DELETE would
// find nothing, a second PATCH may find another reference or no valid key, and the
// caller would be told that what was done had failed. Its error is the first one's,
// and who wants to know asks. A PUT or an item of an ingestion that was done by a
// try before says `applied: false`: the state is stored already.
func WithRetries(n int) Option { return func(c *Client) { c.retries = n } }
