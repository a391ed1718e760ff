package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// app is a whole Dunwell process: everything is put together here and nowhere else.
type app struct {
	store    *store.Store
	engine   *engine.Engine
	api      *http.Server
	admin    *http.Server // nil when off
	listener net.Listener
	log      *slog.Logger
	madeKey  string // the text of the bootstrap key, if this start made it
	errs     chan error
}

// grace is how long a stopping process may take altogether.
const grace = 28 * time.Second

// start opens the database, starts the engine and begins to listen.
func start(ctx context.Context, s config.Serve, log *slog.Logger) (*app, error) {
	return startWith(ctx, s, log, nil)
}

// startWith is start with another way to speak to providers; nil speaks their
// protocols.
func startWith(ctx context.Context, s config.Serve, log *slog.Logger, sender func(platform.Integration) engine.Sender) (_ *app, err error) {
	key, err := s.Key()
	if err != nil {
		return nil, err
	}
	issuer, err := newIssuer(s.OIDC, log)
	if err != nil {
		return nil, err
	}
	a := &app{log: log, errs: make(chan error, 2)}
	metrics := engine.NewMetrics()
	a.engine, err = engine.New(engine.Config{
		Log: log, Now: time.Now, Limits: engine.DefaultLimits(), Metrics: metrics, Sender: sender, FollowDatabase: true,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the engine: %w", err)
	}
	a.store, err = store.Open(ctx, store.Config{
		URL: s.DatabaseURL, MasterKey: key, Log: log, Workers: s.Workers, Work: a.engine.Drain,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	a.engine.Use(a.store)
	if a.listener, err = listen(ctx, s.Listen, "DUNWELL_LISTEN"); err != nil {
		return nil, err
	}
	if err := a.engine.Start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the engine: %w", err), a.listener.Close())
	}
	a.api = server(httpapi.New(httpapi.Config{
		Store: a.store, Engine: a.engine, Log: log, Now: time.Now, Version: version(), Issuer: issuer, RateLimit: s.RateLimit,
	}), log)
	if s.AdminListen != "" {
		if err := a.startAdmin(ctx, s.AdminListen, metrics); err != nil {
			return nil, errors.Join(err, a.engine.Stop(ctx), a.listener.Close())
		}
	}
	// Last of all that can fail: a key that is made is shown this once.
	if a.madeKey, err = a.engine.Bootstrap(ctx, s.BootstrapKey); err != nil {
		return nil, errors.Join(fmt.Errorf("making the first platform: %w", err), a.engine.Stop(ctx), a.listener.Close())
	}
	go func() { a.errs <- a.api.Serve(a.listener) }()
	log.LogAttrs(ctx, slog.LevelInfo, "listening", slog.String("address", a.listener.Addr().String()), slog.String("version", version()))
	return a, nil
}

// newIssuer returns the issuer of the settings, or nil if there is none. It is
// asked nothing yet.
func newIssuer(o config.OIDC, log *slog.Logger) (*auth.Issuer, error) {
	if o.Issuer == "" {
		return nil, nil //nolint:nilnil // no issuer is no error
	}
	roles, err := o.RoleMap()
	if err != nil {
		return nil, err
	}
	return auth.NewIssuer(auth.IssuerConfig{
		URL: o.Issuer, Audience: o.Audience, Algorithm: o.Algorithm,
		PlatformsClaim: o.PlatformsClaim, RolesClaim: o.RolesClaim, Roles: roles, Log: log, Now: time.Now,
	}), nil
}

func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		hint := setting + " must name an address of this machine and a port that this process may have"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "is another process using it? " + setting + " names another"
		}
		return nil, fmt.Errorf("listening on %s (%s): %w", address, hint, err)
	}
	return l, nil
}

// upload is how long a request may take on the wire: 16 MiB at half a megabit a
// second.
const upload = 5 * time.Minute

func server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       upload,
		WriteTimeout:      upload + 2*httpapi.Patience + time.Minute, // from when the header is there
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // or OPTIONS * would be answered without our headers
	}
}

// startAdmin serves what operators see and nobody else should.
func (a *app) startAdmin(ctx context.Context, address string, metrics *engine.Metrics) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics.Register(registry)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	l, err := listen(ctx, address, "DUNWELL_ADMIN_LISTEN")
	if err != nil {
		return err
	}
	a.admin = server(mux, a.log)
	go func() { a.errs <- a.admin.Serve(l) }()
	a.log.LogAttrs(ctx, slog.LevelInfo, "listening_for_operators", slog.String("address", l.Addr().String()))
	return nil
}

// wait returns when ctx ends or a server fails.
func (a *app) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.errs:
		return err
	}
}

// stop takes no more requests and no more work, waits for what is under way,
// and closes the database, all within the grace.
func (a *app) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	a.log.LogAttrs(ctx, slog.LevelInfo, "stopping")
	err := a.stopRequests(ctx)
	if a.admin != nil {
		err = errors.Join(err, a.admin.Close())
	}
	sends, finished := context.WithTimeout(ctx, grace*2/3)
	defer finished()
	err = errors.Join(err, a.engine.Stop(sends), a.store.Close())
	a.log.LogAttrs(ctx, slog.LevelInfo, "stopped")
	return err
}

// stopRequests takes no more requests and lets those under way end, within a third
// of the grace. One that its client does not even finish sending is cut off then,
// which is no fault of the stop.
func (a *app) stopRequests(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, grace/3)
	defer cancel()
	err := a.api.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		a.log.LogAttrs(ctx, slog.LevelWarn, "requests_cut_off")
		err = a.api.Close()
	}
	return err
}
