package httpapi_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/dunwellhq/dunwell/internal/pgtest"
)

// wire forwards connections to a server until it is cut.
type wire struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newWire(t *testing.T, server string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{listener: l, server: server}
	go w.forward()
	return w
}

func (w *wire) forward() {
	for {
		from, err := w.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", w.server)
		w.mu.Lock()
		if w.conns = append(w.conns, from); err == nil {
			w.conns = append(w.conns, to)
		}
		if cut := w.cut; cut || err != nil {
			from.Close()
		} else {
			go func() { _, _ = io.Copy(to, from); to.Close() }()
			go func() { _, _ = io.Copy(from, to); from.Close() }()
		}
		w.mu.Unlock()
	}
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut = cut; cut {
		for _, c := range w.conns {
			c.Close()
		}
		w.conns = nil
	}
}

// TestDatabaseGone: while the database is out of reach every route says so and
// when to come back, and afterwards all is well without a restart.
func TestDatabaseGone(t *testing.T) {
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	line := newWire(t, u.Host)
	u.Host = line.listener.Addr().String()
	w := newWorld(t, u.String())
	w.do("POST", "/v1/workflows", draft).want(201)

	line.set(true)
	for _, c := range []struct{ verb, path, body, key string }{
		{"GET", "/v1/workflows", "", w.key},
		{"GET", "/v1/workflows/r", "", w.key},
		{"GET", "/v1/workflows", "", "a key that must be looked up"},
		{"POST", "/v1/workflows", toFinal, w.key},
		{"PUT", "/v1/customers/c", `{"status":"ACTIVE"}`, w.key},
		{"GET", "/readyz", "", ""},
	} {
		r := w.do(c.verb, c.path, c.body, "X-API-KEY", c.key).fails(503, "INTERNAL_ERROR", "-")
		if r.text("type") != "API_ERROR" || r.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: got %s, Retry-After %q", c.verb, c.path, r.body, r.header.Get("Retry-After"))
		}
	}
	w.do("GET", "/livez", "").want(200)
	// What can be no key of ours is known to be none without asking.
	w.as(w.key[:len(w.key)-1]+"~", "GET", "/v1/workflows", "").fails(401, "UNAUTHORISED", "-")
	line.set(false)
	for range 5 { // broken connections leave the pool as they are used
		if w.do("GET", "/readyz", "").status == 200 {
			break
		}
	}
	w.do("GET", "/v1/workflows/r", "").want(200)
}
