// Package smtptest is an SMTP server to test against: it runs in the process
// on a loopback port, speaks TLS and AUTH, keeps what it accepts, misbehaves
// as scripted, and can be stopped and started again where it was.
//
// The protocol is that of github.com/emersion/go-smtp, so that our client is
// tested against another author's reading of the RFCs. A filter between it
// and the network, which sees every line in plain text, plays the faults that
// a well-behaved server cannot: see [Fault].
//
// Everything returns plain errors, so that a command can use it as well as a
// test can.
package smtptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/emersion/go-smtp"
)

// Security is how a server protects its connections.
type Security string

// The ways. Plain offers neither TLS nor STARTTLS.
const (
	Plain    Security = ""
	TLS      Security = "TLS"
	STARTTLS Security = "STARTTLS"
)

// Config says what a server is like. The zero Config is a server on a free
// loopback port without TLS that accepts everything from anybody.
type Config struct {
	Address  string   // host:port; empty is a free port of 127.0.0.1
	Security Security // TLS and STARTTLS need a CA
	CA       *CA      // issues the server's certificate
	Hosts    []string // names and addresses in the certificate; empty is localhost, 127.0.0.1, ::1

	Username   string   // empty: no AUTH is offered or asked for
	Password   string   //
	Mechanisms []string // of PLAIN, LOGIN, CRAM-MD5; empty is PLAIN

	SMTPUTF8        bool  // offer it
	MaxMessageBytes int64 // announced as SIZE and enforced; 0 is no limit
}

// Server is an SMTP server that has been started.
type Server struct {
	config Config
	tls    *tls.Config

	// Guarded by mu; changed is closed and replaced when any of them changes.
	mu       sync.Mutex
	changed  chan struct{}
	faults   []scripted
	messages []Message
	accepted int // connections so far
	played   int // faults so far
	auths    int // attempts to authenticate so far
	open     map[*conn]struct{}

	running *running // nil when stopped; guarded by mu
	address string
}

// running is what one Start holds until its Stop.
type running struct {
	listener net.Listener
	server   *smtp.Server
	done     chan struct{} // closed when the accept loop has ended
}

// Start returns a server that listens.
func Start(ctx context.Context, config Config) (*Server, error) {
	s := &Server{config: config, changed: make(chan struct{}), open: map[*conn]struct{}{}}
	s.address = config.Address
	if s.address == "" {
		s.address = "127.0.0.1:0"
	}
	if config.Security != Plain {
		hosts := config.Hosts
		if len(hosts) == 0 {
			hosts = []string{"localhost", "127.0.0.1", "::1"}
		}
		certificate, err := config.CA.Issue(hosts...)
		if err != nil {
			return nil, fmt.Errorf("issuing the server's certificate: %w", err)
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	return s, s.Restart(ctx)
}

// Restart starts a stopped server again, on the same port and with the same
// script, knowing what it kept before.
func (s *Server) Restart(ctx context.Context) error {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", s.Address())
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	run := &running{listener: listener, server: s.protocol(), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = listener.Addr().String()
	s.running = run
	go func() {
		defer close(run.done)
		_ = run.server.Serve(filter{listener, s}) // ends when Stop closes the listener
	}()
	return nil
}

// protocol returns the server behind the filter. It believes every
// connection to be plain text; the filter does the TLS.
func (s *Server) protocol() *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c.Conn().(*conn)}, nil
	}))
	server.Domain = "smtptest"
	server.AllowInsecureAuth = true
	server.EnableSMTPUTF8 = s.config.SMTPUTF8
	server.MaxMessageBytes = s.config.MaxMessageBytes
	server.ErrorLog = silent{}
	if s.config.Security == STARTTLS {
		server.TLSConfig = s.tls // makes it offer STARTTLS; the filter answers
	}
	return server
}

// Stop closes the port and every connection at once, as a crash would, and
// returns when all that the server had started has ended.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	run := s.running
	s.running = nil
	s.mu.Unlock()
	if run == nil {
		return nil
	}
	err := run.listener.Close()
	<-run.done
	s.CloseConnections()
	_ = run.server.Shutdown(ctx) // waits; says only that the listener is closed already
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// CloseConnections closes every connection, as an idle server does, and goes on.
func (s *Server) CloseConnections() {
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// Address returns the server's host:port.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Port returns the server's port.
func (s *Server) Port() int {
	address, err := net.ResolveTCPAddr("tcp", s.Address())
	if err != nil {
		return 0
	}
	return address.Port
}

// Messages returns what was accepted, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Connections returns how many connections were accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Authentications returns how often a client began to show credentials.
func (s *Server) Authentications() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.auths
}

// WaitFor returns what was accepted once it is at least n messages, or the
// context's error.
func (s *Server) WaitFor(ctx context.Context, n int) ([]Message, error) {
	err := s.wait(ctx, func() bool { return len(s.messages) >= n })
	return s.Messages(), err
}

// WaitForFaults returns when n faults have begun to happen.
func (s *Server) WaitForFaults(ctx context.Context, n int) error {
	return s.wait(ctx, func() bool { return s.played >= n })
}

// WaitIdle returns when no connection is open.
func (s *Server) WaitIdle(ctx context.Context) error {
	return s.wait(ctx, func() bool { return len(s.open) == 0 })
}

// wait returns when done, which is called with the lock held, says so.
func (s *Server) wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		ok, changed := done(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change runs what changes the guarded members and wakes who waits.
func (s *Server) change(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
	close(s.changed)
	s.changed = make(chan struct{})
}

// filter hands connections to the protocol through a [conn].
type filter struct {
	net.Listener
	server *Server
}

// Accept returns the next connection.
func (f filter) Accept() (net.Conn, error) {
	raw, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := newConn(raw, f.server)
	f.server.change(func() {
		f.server.accepted++
		f.server.open[c] = struct{}{}
	})
	return c, nil
}

// silent drops what the protocol logs about broken connections.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
