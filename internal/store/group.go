package store

import (
	"context"
	"errors"
	"sync"
)

// Group lets requests of one kind that wait for the writer share its next
// transaction: a commit costs an fsync, however much it holds. There is no
// timer; whoever gets a writer's turn takes all that waits by then and runs it.
type Group[R any] struct {
	run  func(ctx context.Context, batch []R) error
	most int
	turn chan struct{} // one token per writer

	mu      sync.Mutex
	waiting []*call[R]
}

type call[R any] struct {
	req   R
	err   error
	taken chan struct{} // closed when somebody has it in a batch
	done  chan struct{} // closed when its batch is done
}

// errNotRun is what a request is told whose batch never came to it.
var errNotRun = errors.New("the batch of this request ended before it was run")

// NewGroup returns a group that runs batches of at most that many requests. run
// does all of a batch or nothing; when it fails, each request is run in a batch
// of its own, because the fault of one is not the fault of the others.
func NewGroup[R any](s *Store, most int, run func(ctx context.Context, batch []R) error) *Group[R] {
	g := &Group[R]{run: run, most: most, turn: make(chan struct{}, s.db.writers())}
	for range cap(g.turn) {
		g.turn <- struct{}{}
	}
	return g
}

// Do has req run in some batch, and returns its error when it is done. The batch
// does not end with ctx, because others share it; ctx only ends the waiting for
// a turn of a request that nobody has taken yet.
func (g *Group[R]) Do(ctx context.Context, req R) error {
	c := &call[R]{req, errNotRun, make(chan struct{}), make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	for {
		select {
		case <-c.taken: // only who still waits leads: nobody works for others after its own is done
			<-c.done
			return c.err
		default:
		}
		select {
		case <-c.taken:
		case <-g.turn:
			g.lead(context.WithoutCancel(ctx))
		case <-ctx.Done():
			if g.withdraw(c) {
				return ctx.Err()
			}
		}
	}
}

// lead runs what waits, up to the most that one transaction should hold.
func (g *Group[R]) lead(ctx context.Context) {
	defer func() { g.turn <- struct{}{} }()
	batch := g.take()
	defer func() {
		for _, c := range batch {
			close(c.done)
		}
	}()
	reqs := make([]R, len(batch))
	for i, c := range batch {
		reqs[i] = c.req
	}
	if len(batch) == 0 {
		return
	}
	err := g.run(ctx, reqs)
	for i, c := range batch {
		if c.err = err; err != nil && len(batch) > 1 {
			c.err = g.run(ctx, reqs[i:i+1])
		}
	}
}

func (g *Group[R]) take() []*call[R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.most)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	for _, c := range batch {
		close(c.taken)
	}
	return batch
}

// withdraw takes a request back that nobody has taken yet.
func (g *Group[R]) withdraw(c *call[R]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == c {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// maxWrites bounds how many plain writes share a transaction.
const maxWrites = 64

// write is one plain API write.
type write func(context.Context, *Tx) error

// Join runs a small write of the API in a transaction that it may share with
// others of its kind. do must lock nothing that another plain write could hold
// in another order, and is run again if a write it shared with failed. It gets
// the context of the transaction, which outlives the caller's.
func (s *Store) Join(ctx context.Context, do func(context.Context, *Tx) error) error {
	return s.plain.Do(ctx, do)
}

func (s *Store) runWrites(ctx context.Context, batch []write) error {
	return s.Write(ctx, func(tx *Tx) error {
		for _, do := range batch {
			if err := do(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}
