package client_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/client"
	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
)

// world is a client of the real API, on SQLite: what differs between databases
// is the server's to test. Nothing drains by itself.
type world struct {
	testing.TB
	*client.Client
	ctx   context.Context
	url   string
	key   string
	e     *engine.Engine
	p     platform.ID // the default of key
	other platform.ID // another one of key
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context()}
	log := slog.New(slog.DiscardHandler)
	limits := engine.DefaultLimits()
	limits.Tick, limits.Neglect = time.Hour, time.Hour
	var err error
	w.e, err = engine.New(engine.Config{Log: log, Now: time.Now, Limits: limits})
	w.must(err)
	s, err := store.Open(w.ctx, store.Config{
		URL: storetest.SQLite(t), MasterKey: bytes.Repeat([]byte{7}, 32), Log: log,
	})
	w.must(err)
	t.Cleanup(func() { w.must(s.Close()) })
	w.e.Use(s)
	w.must(w.e.Start(w.ctx))
	t.Cleanup(func() { w.must(w.e.Stop(context.WithoutCancel(w.ctx))) })

	id, secret := auth.NewSecret(platform.Live)
	w.p, w.other, w.key = platform.ID(ident.New("plat")), platform.ID(ident.New("plat")), secret
	now := time.Now().UTC().Truncate(time.Second)
	w.must(s.Write(w.ctx, func(tx *store.Tx) error {
		for _, p := range []platform.ID{w.p, w.other} {
			err := tx.InsertPlatform(w.ctx, platform.Platform{
				ID: p, Reference: string(p), Name: string(p), Environment: platform.Live,
				Timezone: "Europe/Amsterdam", Locale: "en-GB", Sending: platform.On, CreatedAt: now, UpdatedAt: now,
			})
			if err != nil {
				return err
			}
		}
		return tx.InsertKey(w.ctx, auth.Key{
			ID: id, Active: true, CreatedAt: now, Hash: auth.HashSecret(secret), Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other},
		})
	}))
	server := httptest.NewServer(httpapi.New(httpapi.Config{Store: s, Engine: w.e, Log: log, Now: time.Now, Version: "test"}))
	t.Cleanup(server.Close)
	w.url = server.URL
	w.Client = w.client(w.key)
	return w
}

// client is one with another key.
func (w *world) client(key string, opts ...client.Option) *client.Client {
	w.Helper()
	c, err := client.New(w.url, key, append([]client.Option{client.WithHTTPClient(&http.Client{Transport: checked{w}})}, opts...)...)
	w.must(err)
	return c
}

// checked holds every exchange against the description of the API.
type checked struct{ testing.TB }

func (c checked) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	sent := req.Clone(req.Context())
	if req.GetBody != nil {
		if sent.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	apitest.Check(c.TB, sent, resp)
	return resp, nil
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// drain works off every lane of the platform.
func (w *world) drain() {
	for n := range execution.Lanes {
		w.e.Drain(w.ctx, store.Lane{PlatformID: w.p, Number: n})
	}
}

// fake is a server that gives the answers that the test says: the first, the
// second, …, the last again and again. It remembers what came.
type fake struct {
	answers  []answer
	seen     func() // called for each request; nil is nothing
	requests []*http.Request
	bodies   []string
}

// answer is what the fake answers. headers are names and values.
type answer struct {
	status  int
	body    string
	headers []string
	err     error // that there is no answer
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	f.requests, f.bodies = append(f.requests, req), append(f.bodies, body)
	if f.seen != nil {
		f.seen()
	}
	a := f.answers[min(len(f.requests), len(f.answers))-1]
	if a.err != nil {
		return nil, a.err
	}
	h := http.Header{}
	for i := 0; i < len(a.headers); i += 2 {
		h.Set(a.headers[i], a.headers[i+1])
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// giving makes a fake.
func giving(list ...answer) *fake { return &fake{answers: list} }

// of returns a client of the fake.
func of(t testing.TB, f *fake, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New("http://dunwell.test/behind/a/proxy/", "secret", append([]client.Option{client.WithHTTPClient(&http.Client{Transport: f})}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
