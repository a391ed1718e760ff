// Package engine decides who gets what message when, once, and why: Ingest
// turns states into events and triggers, Drain hands messages over, Sweep finds
// what was left lying. The rules and the order of every step are in
// docs/ordering.md; the nouns are pure and the store only remembers.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// Engine is the heart of a Dunwell process. Nodes are equal: every one ingests,
// drains and sweeps.
type Engine struct {
	store    *store.Store
	renderer *message.Renderer
	log      *slog.Logger
	now      func() time.Time
	offset   atomic.Int64 // what the database's clock is ahead of now, in nanoseconds
	follows  bool         // the database's clock
	limits   Limits
	senders  *senders
	metrics  *Metrics
	ingests  *store.Group[*ingestRequest]
	records  *store.Group[*record]

	mu   sync.Mutex
	sets map[platform.ID]*ruleset // of the version that each carries

	sends      sync.WaitGroup // sends under way, outliving the drain that began them
	sendCtx    context.Context
	halt       context.CancelFunc
	background sync.WaitGroup
	moves      moves
}

// Limits are the time limits of delivery; tests shorten them.
type Limits struct {
	BeginWithin time.Duration   // from claim to the first byte; later it is given up as not sent
	LeaseMargin time.Duration   // added to the longest phase of the protocol
	Slice       time.Duration   // how long a drain keeps its lane
	Tick        time.Duration   // how often the sweep looks
	Neglect     time.Duration   // how long something may be due before its lane is woken again
	InvoiceWait time.Duration   // how long the message about a payment waits to learn which invoice it was for
	SendsAtOnce int             // per integration
	SMTP        delivery.Limits // of the protocol
}

// DefaultLimits are the limits of production.
func DefaultLimits() Limits {
	return Limits{
		BeginWithin: 5 * time.Second,
		LeaseMargin: time.Minute,
		Slice:       5 * time.Second,
		Tick:        time.Second,
		Neglect:     5 * time.Second,
		InvoiceWait: 10 * time.Second,
		SendsAtOnce: 20,
		SMTP:        delivery.DefaultLimits(),
	}
}

// Config is what an engine is made of.
type Config struct {
	Log     *slog.Logger
	Now     func() time.Time
	Limits  Limits
	Metrics *Metrics
	// FollowDatabase has the time be that of the database, where several nodes
	// share one: Now is corrected by how far it is off.
	FollowDatabase bool
	// Sender overrides how an integration is spoken to; nil speaks its protocol.
	Sender func(platform.Integration) Sender
}

// New returns an engine without a store: the store's queue calls [Engine.Drain],
// so each needs the other. Give it the store with [Engine.Use] before anything else.
func New(cfg Config) (*Engine, error) {
	renderer, err := message.NewRenderer()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		renderer: renderer,
		log:      cfg.Log,
		now:      cfg.Now,
		follows:  cfg.FollowDatabase,
		limits:   cfg.Limits,
		metrics:  cfg.Metrics,
		sets:     map[platform.ID]*ruleset{},
	}
	e.senders = newSenders(cfg.Limits, cfg.Sender)
	if e.metrics == nil {
		e.metrics = NewMetrics()
	}
	return e, nil
}

// maxIngests bounds how many ingestion requests share a transaction.
const maxIngests = 64

// maxRecords bounds how many outcomes share a transaction.
const maxRecords = 200

// Use gives the engine its store.
func (e *Engine) Use(s *store.Store) {
	e.store = s
	e.ingests = store.NewGroup(s, maxIngests, e.ingestAll)
	e.records = store.NewGroup(s, maxRecords, e.recordAll)
}

// Now is the time by which everything is decided, to the microsecond that the
// store keeps.
func (e *Engine) Now() time.Time {
	return e.now().Add(time.Duration(e.offset.Load())).UTC().Truncate(time.Microsecond)
}

// Start begins to drain and to sweep, after giving up what a process before
// this one may have left SENDING.
func (e *Engine) Start(ctx context.Context) error {
	e.sendCtx, e.halt = context.WithCancel(context.WithoutCancel(ctx))
	if e.follows && !e.store.Embedded() { // SQLite's clock is the machine's
		if err := e.follow(ctx); err != nil {
			return err
		}
		e.background.Go(func() { e.work(e.sendCtx, "follow", followEvery, e.follow) })
	}
	if e.store.Embedded() {
		// Nobody else has the database, so no sender of before is alive.
		if err := e.store.Write(ctx, func(tx *store.Tx) error { return tx.EndLeases(ctx) }); err != nil {
			return err
		}
	}
	// What was due when a process ended has nobody looking at it.
	if err := errors.Join(e.Sweep(ctx), e.wakeDueBefore(ctx, e.Now())); err != nil {
		return err
	}
	if err := e.store.StartQueue(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	for _, w := range []struct {
		name  string
		every time.Duration
		do    func(context.Context) error
	}{
		{"sweep", e.limits.Tick, e.Sweep},
		{"plan", e.limits.Tick, e.Plan},
		{"fire", e.limits.Tick, e.Fire},
		{"wake", e.limits.Neglect, e.WakeNeglected},
		{"snapshots", e.limits.Neglect, e.SweepSnapshots},
	} {
		e.background.Go(func() { e.work(e.sendCtx, w.name, w.every, w.do) })
	}
	return nil
}

// Stop takes no more work and waits until ctx ends for what is under way. What
// a provider has not answered by then is broken off, and recorded as what that
// leaves: not sent, or UNCONFIRMED.
func (e *Engine) Stop(ctx context.Context) error {
	err := e.store.StopQueue(ctx)
	e.moves.end()
	done := make(chan struct{})
	go func() {
		e.moves.running.Wait() // they drain too
		e.sends.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	e.halt()
	<-done // a halted send ends at once: its connection is closed under it
	e.background.Wait()
	e.senders.close()
	return err
}
