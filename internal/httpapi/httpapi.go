// Package httpapi is the wire: it turns requests into calls of the engine and
// reads of the store, and their results into responses.
//
// routes.go is the table of contents: every route with the permission that it
// demands and the function that answers it. A noun's members are listed once,
// in its …_members.go, and that list reads, checks, patches and writes it.
// Faults go through one table (errors.go) to their status and code.
//
// It promises that no input makes it panic or answer 5xx, that of several
// faults of a body the first in the document is told, that what lies on another
// platform looks exactly like what does not exist, and that no secret that came
// in ever goes out. It decides nothing about messages: that is the engine's.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// Config is what the API stands on.
type Config struct {
	Store   *store.Store
	Engine  *engine.Engine
	Log     *slog.Logger
	Now     func() time.Time // the machine's clock: keys, signatures, durations
	Version string           // of the program, shown by /livez

	Issuer    *auth.Issuer // whose tokens are taken beside API keys; nil: nobody's
	RateLimit int          // requests a second of each credential; 0: no limit
}

// Patience bounds the work on one request: on finding out who sends it, and, once
// its body is there, on answering it. How long its bytes may take on the wire is
// the http.Server's to say.
const Patience = 30 * time.Second

// New returns the API as a handler.
func New(cfg Config) http.Handler {
	s := &server{
		store:     cfg.Store,
		engine:    cfg.Engine,
		log:       cfg.Log,
		now:       cfg.Now,
		version:   cfg.Version,
		keys:      newKeyring(cfg),
		limit:     newRateLimiter(cfg.RateLimit),
		mux:       http.NewServeMux(),
		resources: map[string]bool{},
	}
	for _, r := range s.routes() {
		s.resources[r.resource()] = true
		s.mux.HandleFunc(r.verb+" "+r.path, func(w http.ResponseWriter, req *http.Request) { s.serve(&r, w, req) })
	}
	s.mux.HandleFunc("/", s.serveUnknown)
	return s
}

type server struct {
	store     *store.Store
	engine    *engine.Engine
	log       *slog.Logger
	now       func() time.Time
	version   string
	keys      *keyring
	limit     *rateLimiter
	mux       *http.ServeMux
	resources map[string]bool // first path segments behind the version
	running   running
	room      room
}

// ServeHTTP implements [http.Handler].
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The mux would redirect a path such as //v1/workflows, in HTML.
	if !clean(r.URL) {
		s.serveUnknown(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// clean reports a path that can be one of ours.
func clean(u *url.URL) bool {
	p := u.EscapedPath()
	return p != "" && p[0] == '/' && (path.Clean(p) == p || path.Clean(p)+"/" == p)
}

// call is one request on its way through the API.
type call struct {
	*http.Request               // with a context that ends with the time for it
	sent          *http.Request // as it came
	end           func()        // of that context

	w         http.ResponseWriter
	id        string // X-REQUEST-ID
	route     *route
	principal *auth.Principal // who calls; nil where nobody needs to be known
	platform  platform.ID     // the one that the request is about

	raw       []byte // the body, once it is read
	readErr   error
	wasRead   bool
	once      *once // nil without an idempotency key
	uncertain bool  // something may have been committed
}

// reply is an answer.
type reply struct {
	status      int
	contentType string // "" is JSON
	header      [2]string
	extra       http.Header // more of them, above those of every answer; mostly nil
	body        []byte
}

// serve answers a request of a route and writes its one line in the log.
func (s *server) serve(rt *route, w http.ResponseWriter, r *http.Request) {
	begin := s.now()
	c := &call{sent: r, w: w, id: ident.New("reqr"), route: rt}
	c.begin()
	defer func() { c.end() }()

	out, err := s.answer(c)
	if err != nil {
		out = c.retryable(problemOf(err))
	}
	s.write(c, out)
	s.logRequest(c, out, err, s.now().Sub(begin))
}

// begin gives the work on a request its time, from now on.
func (c *call) begin() {
	if c.end != nil {
		c.end()
	}
	ctx, cancel := context.WithTimeout(c.sent.Context(), Patience)
	c.Request, c.end = c.sent.WithContext(ctx), cancel
}

// answer runs the route for a caller who may. A panic is a defect of ours, not
// the end of the process.
func (s *server) answer(c *call) (out reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &defect{p, debug.Stack()}
		}
	}()
	if !c.route.open {
		if err := s.admit(c); err != nil {
			return out, err
		}
	}
	return s.answerOnce(c)
}

func (s *server) write(c *call, out reply) {
	h := c.w.Header()
	h.Set("X-REQUEST-ID", c.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if out.header[0] != "" {
		h.Set(out.header[0], out.header[1])
	}
	maps.Copy(h, out.extra)
	if out.contentType == "" {
		out.contentType = "application/json"
	}
	h.Set("Content-Type", out.contentType)
	c.w.WriteHeader(out.status)
	if c.Method != http.MethodHead {
		_, _ = c.w.Write(out.body) // a client that is gone wants nothing
	}
}

// logRequest writes the request's line: never a body, an address or a secret.
func (s *server) logRequest(c *call, out reply, err error, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("method", c.Method),
		slog.String("route", c.route.path),
		slog.Int("status", out.status),
		slog.Duration("duration", took),
		slog.String("request_id", c.id),
		slog.String("platform_id", string(c.platform)),
	}
	if c.principal != nil {
		name := "key_id"
		if c.principal.User != "" {
			name = "user_id"
		}
		attrs = append(attrs, slog.String(name, c.principal.ID))
	}
	if err != nil && out.status >= http.StatusInternalServerError {
		if level = slog.LevelError; errors.Is(err, context.Canceled) {
			level = slog.LevelInfo // the client went away
		}
		attrs = append(attrs, slog.Any("error", err))
	}
	s.log.LogAttrs(c.Context(), level, "request", attrs...)
}
