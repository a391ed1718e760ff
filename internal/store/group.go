package store

import (
	"context"
	"errors"
	"sync"
)

// group lets requests of one kind that wait for the writer share its next
// transaction: a commit costs an fsync, however much it holds. There is no
// timer; whoever gets a writer's turn takes all that waits by then and runs it.
type group[R any] struct {
	run  func(ctx context.Context, s *Store, batch []R)
	s    *Store
	most int
	turn chan struct{} // one token per writer

	mu      sync.Mutex
	waiting []*call[R]
}

type call[R any] struct {
	req   R
	taken chan struct{} // closed when somebody has it in a batch
	done  chan struct{} // closed when its batch is done
}

func newGroup[R any](s *Store, run func(context.Context, *Store, []R), most int) *group[R] {
	g := &group[R]{run: run, s: s, most: most, turn: make(chan struct{}, s.db.writers())}
	for range cap(g.turn) {
		g.turn <- struct{}{}
	}
	return g
}

// do has req run in some batch and returns when its batch is done. The batch
// does not end with ctx, because others share it; ctx only ends the waiting
// for a turn of a request that nobody has taken yet.
func (g *group[R]) do(ctx context.Context, req R) error {
	c := &call[R]{req, make(chan struct{}), make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	for {
		select {
		case <-c.taken: // only who still waits leads: nobody works for others after its own is done
			<-c.done
			return nil
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
func (g *group[R]) lead(ctx context.Context) {
	defer func() { g.turn <- struct{}{} }()
	g.mu.Lock()
	n := min(len(g.waiting), g.most)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.mu.Unlock()
	if n == 0 {
		return
	}
	reqs := make([]R, n)
	for i, c := range batch {
		reqs[i] = c.req
		close(c.taken)
	}
	defer func() {
		for _, c := range batch {
			close(c.done)
		}
	}()
	g.run(ctx, g.s, reqs)
}

// withdraw takes a request back that nobody has taken yet.
func (g *group[R]) withdraw(c *call[R]) bool {
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
type write struct {
	do  func(context.Context, *Tx) error
	err error
}

// Join runs a small write of the API in a transaction that it may share with
// others of its kind. do must lock nothing that another plain write could hold
// in another order, and is run again if a write it shared with failed. It gets
// the context of the transaction, which outlives the caller's.
func (s *Store) Join(ctx context.Context, do func(context.Context, *Tx) error) error {
	w := &write{do: do, err: errNotRun}
	if err := s.plain.do(ctx, w); err != nil {
		return err
	}
	return w.err
}

// errNotRun is what a write says that its batch never came to.
var errNotRun = errors.New("the batch of this write ended before it was run")

// runWrites tries all writes in one transaction and, when one fails, each in
// its own: the fault of one is not the fault of the others.
func runWrites(ctx context.Context, s *Store, batch []*write) {
	together := func(tx *Tx) error {
		for _, w := range batch {
			if err := w.do(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}
	err := s.Write(ctx, together)
	if err == nil || len(batch) == 1 {
		for _, w := range batch {
			w.err = err
		}
		return
	}
	for _, w := range batch {
		w.err = s.Write(ctx, func(tx *Tx) error { return w.do(ctx, tx) })
	}
}

// Group is a group commit of requests of another package, such as ingestion.
type Group[R any] struct{ g *group[R] }

// NewGroup returns a group whose batches run handles. run must answer every
// request of its batch.
func NewGroup[R any](s *Store, most int, run func(ctx context.Context, batch []R)) *Group[R] {
	return &Group[R]{newGroup(s, func(ctx context.Context, _ *Store, batch []R) { run(ctx, batch) }, most)}
}

// Do has req handled in some batch. See [group.do] for what ctx does.
func (g *Group[R]) Do(ctx context.Context, req R) error { return g.g.do(ctx, req) }
