package delivery

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// SMTP is the sender of one SMTP integration. It keeps a few authenticated
// connections open. Its methods may be called from several goroutines.
//
// Credentials are sent over TLS, whose certificates are verified; without TLS
// (security NONE) only to a server on this machine, whatever it offers. With
// security STARTTLS nothing but EHLO is said before the upgrade, and a server
// that does not offer it is not used.
type SMTP struct {
	settings    platform.SMTPSettings
	credentials platform.Credentials
	limits      Limits
	options     SMTPOptions

	mu     sync.Mutex
	closed bool
	idle   []*SMTPSession // the one last used last
	timers sync.WaitGroup // those of idle connections
}

// SMTPOptions is what the operator decides, not the tenant. The zero value
// serves.
type SMTPOptions struct {
	HelloName string         // our name in EHLO; empty is the host's
	RootCAs   *x509.CertPool // whom to trust; nil is the system's authorities
	Dialer    *net.Dialer    // may refuse addresses; nil refuses none
}

// NewSMTP returns a sender. It connects when it is first asked to.
func NewSMTP(
	settings platform.SMTPSettings, credentials platform.Credentials, limits Limits, options SMTPOptions,
) *SMTP {
	if options.HelloName == "" {
		options.HelloName, _ = os.Hostname()
	}
	if options.HelloName == "" || strings.ContainsFunc(options.HelloName, isUnseen) {
		options.HelloName = "localhost"
	}
	if options.Dialer == nil {
		options.Dialer = &net.Dialer{}
	}
	return &SMTP{settings: settings, credentials: credentials, limits: limits, options: options}
}

// Connect returns an authenticated connection: an idle one that still
// answers, or a new one. Without one the session is nil, and the outcome says
// why; nothing was sent then. It lasts no longer than Session. The caller ends
// with Release.
func (s *SMTP) Connect(ctx context.Context) (*SMTPSession, execution.Outcome) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limits.Session, errSession)
	defer cancel()
	if session := s.takeIdle(); session != nil {
		if err := session.within(ctx, s.limits.Connect, session.reset); err == nil {
			session.ready = true
			return session, execution.Outcome{}
		}
		session.clean = false
		session.hangUp()
		s.closeIdle() // the others have waited longer for the same server
	}
	return s.dial(ctx)
}

// Close closes the idle connections. Those in use close when released.
func (s *SMTP) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.closeIdle()
	s.timers.Wait()
}

// dial makes a connection and introduces us.
func (s *SMTP) dial(ctx context.Context) (*SMTPSession, execution.Outcome) {
	session := &SMTPSession{sender: s}
	for _, do := range []struct {
		at    step
		limit time.Duration
		what  func(context.Context) error
	}{
		{atConnect, s.limits.Connect, session.open},
		{atConnect, s.limits.Verb, session.greet},
		{atEHLO, s.limits.Verb, session.hello},
		{atSTARTTLS, s.limits.Verb, session.upgrade},
		{atAUTH, s.limits.Verb, session.authenticate},
	} {
		if err := session.within(ctx, do.limit, do.what); err != nil {
			session.hangUp()
			outcome := failed(do.at, err)
			outcome.Reply = s.withoutCredentials(outcome.Reply)
			return nil, outcome
		}
	}
	session.ready, session.clean = true, true
	return session, execution.Outcome{}
}

// takeIdle returns the connection that was used last, or nil.
func (s *SMTP) takeIdle() *SMTPSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	last := len(s.idle) - 1
	session := s.idle[last]
	s.idle = s.idle[:last]
	s.disarm(session)
	return session
}

// keep makes the connection idle, and reports whether there was room for it.
func (s *SMTP) keep(session *SMTPSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) >= s.limits.Connections {
		return false
	}
	s.idle = append(s.idle, session)
	s.timers.Add(1)
	session.expiry = time.AfterFunc(s.limits.Idle, func() {
		defer s.timers.Done()
		s.expire(session)
	})
	return true
}

// disarm stops the timer of a connection that is idle no longer.
func (s *SMTP) disarm(session *SMTPSession) {
	if session.expiry.Stop() {
		s.timers.Done()
	}
}

// expire closes the connection, if nobody has taken it meanwhile.
func (s *SMTP) expire(session *SMTPSession) {
	s.mu.Lock()
	at := slices.Index(s.idle, session)
	if at >= 0 {
		s.idle = slices.Delete(s.idle, at, at+1)
	}
	s.mu.Unlock()
	if at >= 0 {
		session.hangUp()
	}
}

func (s *SMTP) closeIdle() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	for _, session := range idle {
		s.disarm(session)
	}
	s.mu.Unlock()
	for _, session := range idle {
		session.hangUp()
	}
}
