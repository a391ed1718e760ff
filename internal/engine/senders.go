package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// Sender hands messages to one integration's provider.
type Sender interface {
	// Connect returns a session that can send at once, or nil and a definite
	// refusal: nothing was sent.
	Connect(ctx context.Context) (Session, execution.Outcome)
	Close()
}

// Session is one open way to a provider, used for one message at a time.
type Session interface {
	Send(ctx context.Context, m *message.Message) execution.Outcome
	Release()
}

// senders keeps one sender per integration, with its connections and its limit.
type senders struct {
	limits Limits
	make   func(platform.Integration) Sender

	mu   sync.Mutex
	open map[account]*slots
}

// account names an integration: two platforms may have one of the same id.
type account struct {
	platform    platform.ID
	integration platform.IntegrationID
}

// slots is a sender with the right to use it so many times at once.
type slots struct {
	sender  Sender
	version time.Time
	free    chan struct{}
	// asking is since when somebody has been waiting for the provider to take
	// a first connection, in Unix nanoseconds; 0: nobody is.
	asking atomic.Int64
}

// quickConnect is how long a connection may take before others go on without
// the integration until it is there.
const quickConnect = 100 * time.Millisecond

// full reports whether the integration can take nothing more at the moment.
func (s *slots) full(now time.Time) bool {
	since := s.asking.Load()
	return len(s.free) == 0 || (since != 0 && now.Sub(time.Unix(0, since)) > quickConnect)
}

func newSenders(limits Limits, override func(platform.Integration) Sender) *senders {
	s := &senders{limits: limits, make: override, open: map[account]*slots{}}
	if s.make == nil {
		s.make = s.speak
	}
	return s
}

// speak returns the sender of an integration's own protocol.
func (s *senders) speak(in platform.Integration) Sender {
	return smtpSender{delivery.NewSMTP(*in.EmailProvider.SMTP, in.Credentials, s.limits.SMTP, delivery.SMTPOptions{})}
}

// of returns the sender of a platform's integration as it is configured now.
func (s *senders) of(p platform.ID, in platform.Integration) *slots {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := account{p, in.ID}
	have := s.open[key]
	if have != nil && have.version.Equal(in.UpdatedAt) {
		return have
	}
	if have != nil {
		have.sender.Close() // what is under way ends on its own connection
	}
	made := &slots{sender: s.make(in), version: in.UpdatedAt, free: make(chan struct{}, s.limits.SendsAtOnce)}
	for range cap(made.free) {
		made.free <- struct{}{}
	}
	s.open[key] = made
	return made
}

func (s *senders) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, have := range s.open {
		have.sender.Close()
		delete(s.open, key)
	}
}

// take takes a slot if one is free.
func (s *slots) take() bool {
	select {
	case <-s.free:
		return true
	default:
		return false
	}
}

func (s *slots) give() { s.free <- struct{}{} }

// smtpSender fits delivery's concrete types to the interface that is used here.
type smtpSender struct{ *delivery.SMTP }

// Connect implements [Sender].
func (s smtpSender) Connect(ctx context.Context) (Session, execution.Outcome) {
	session, outcome := s.SMTP.Connect(ctx)
	if session == nil {
		return nil, outcome
	}
	return session, outcome
}

// saturated returns the integrations of a platform that can take nothing more:
// no slot is free, or their provider does not even take a connection.
func (s *senders) saturated(p platform.ID) []platform.IntegrationID {
	now := time.Now() //nolint:forbidigo // how long a connection takes is the machine's time
	s.mu.Lock()
	defer s.mu.Unlock()
	var full []platform.IntegrationID
	for key, have := range s.open {
		if key.platform == p && have.full(now) {
			full = append(full, key.integration)
		}
	}
	return full
}

// connects reports whether a job needs a connection, and notes it if its
// integration takes nothing.
func (j *job) connects() bool {
	in := j.integration
	if j.skip != "" || j.defect != "" || j.refused != nil {
		return false
	}
	if !in.Status.Delivers() {
		j.refused = &execution.Outcome{Kind: execution.Deferred, Reply: "integration " + string(in.ID) + " is " + string(in.Status)}
		return false
	}
	return in.EmailProvider.Variant != platform.System && !j.kept
}

// connect opens a session for each job of one integration that can have a slot.
// An integration that refuses one connection is not asked for the others.
func (e *Engine) connect(ctx context.Context, jobs []*job) {
	first := jobs[0]
	if !first.connects() {
		return
	}
	s := e.senders.of(first.x.PlatformID, first.integration)
	if !s.take() {
		for _, j := range jobs {
			j.waits = true
		}
		return
	}
	first.ask(ctx, s)
	var rest sync.WaitGroup
	defer rest.Wait()
	for _, j := range jobs[1:] {
		switch {
		case first.refused != nil:
			j.refused = first.refused
		case s.take():
			rest.Go(func() { j.open(ctx, s) })
		default:
			j.waits = true
		}
	}
}

// ask opens the first connection of a part, and has it known that it is waited for.
func (j *job) ask(ctx context.Context, s *slots) {
	began := time.Now().UnixNano() //nolint:forbidigo // see saturated
	s.asking.CompareAndSwap(0, began)
	defer s.asking.CompareAndSwap(began, 0)
	j.open(ctx, s)
}

// open connects on a slot that was taken, and keeps the slot with the session.
func (j *job) open(ctx context.Context, s *slots) {
	session, outcome := s.sender.Connect(ctx)
	if session == nil {
		s.give()
		j.refused = &outcome
		return
	}
	j.session, j.slot = session, s
}

// release gives back what a job holds.
func (j *job) release() {
	if j.session != nil {
		j.session.Release()
		j.slot.give()
		j.session = nil
	}
}
