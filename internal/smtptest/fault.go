package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
)

// Step is a moment at which a server can misbehave: when the client has just
// said the verb, and the server has not done anything about it.
type Step string

// The steps, in the order of a conversation.
const (
	AtConnect  Step = "CONNECT" // instead of the greeting
	AtEHLO     Step = "EHLO"    // and HELO
	AtSTARTTLS Step = "STARTTLS"
	AtAUTH     Step = "AUTH"
	AtMAIL     Step = "MAIL"
	AtRCPT     Step = "RCPT"
	AtDATA     Step = "DATA"
	AtBody     Step = "BODY" // when the first line of the message has come
	AtDot      Step = "DOT"  // when the final dot has come
	AtRSET     Step = "RSET"
)

// Then is what the server does with the connection after a fault.
type Then string

// The ways on.
const (
	GoOn  Then = ""      // serve the next verb
	Close Then = "CLOSE" // close it in good order
	Reset Then = "RESET" // tear it down: the client sees a reset
	Stall Then = "STALL" // listen, but say nothing more until the client goes

	Freeze  Then = "FREEZE"  // neither listen nor speak until the server stops
	Chatter Then = "CHATTER" // begin an answer that has no end
)

// Fault is one way to misbehave. With an empty Reply the server says nothing.
type Fault struct {
	At     Step
	Reply  string // what it says instead of its own answer, e.g. "451 4.3.0 later"; any text
	Then   Then   // what it does next
	Accept bool   // at the dot: keeps the message all the same, e.g. to lose its 250
	Skip   int    // lets this many occasions pass first
	Times  int    // happens so often; 0 is always
}

// scripted is a fault and how often its occasion has come.
type scripted struct {
	Fault
	occasions int
}

// Script replaces the faults that are to happen. At each step the first that
// applies does. No faults: the server behaves.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, fault := range faults {
		s.faults = append(s.faults, scripted{Fault: fault})
	}
}

// fault returns what is to happen at the step now, or nil.
func (s *Server) fault(at Step) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if f.At != at {
			continue
		}
		f.occasions++
		if f.occasions > f.Skip && (f.Times == 0 || f.occasions <= f.Skip+f.Times) {
			return &f.Fault
		}
	}
	return nil
}

// conn is a client's connection as the protocol behind sees it: plain text,
// and only those lines that no fault swallowed. Reads and writes come from
// the one goroutine that serves the connection.
type conn struct {
	net.Conn // the TCP connection
	server   *Server

	in  *bufio.Reader // what the client says, decrypted
	out net.Conn      // where it is answered

	greeted bool
	secure  bool
	body    bool   // between 354 and the final dot
	fresh   bool   // no line of the body has come
	atDot   *Fault // to happen to the answer to the final dot
	forward []byte // for the protocol to read
	once    sync.Once
	gone    chan struct{} // closed with the connection
}

func newConn(raw net.Conn, server *Server) *conn {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(64 << 10) // so that a large body does not vanish in the kernel
	}
	c := &conn{Conn: raw, server: server, in: bufio.NewReader(raw), out: raw, gone: make(chan struct{})}
	if server.config.Security == TLS {
		c.encrypt()
	}
	return c
}

func (c *conn) encrypt() {
	c.out = tls.Server(c.Conn, c.server.tls)
	c.in = bufio.NewReader(c.out) // what came before the handshake is forgotten
	c.secure = true
}

// Close closes the connection and forgets it.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		close(c.gone)
		c.server.change(func() { delete(c.server.open, c) })
	})
	return err
}

// Read gives the protocol the client's next bytes.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.forward) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.forward)
	c.forward = c.forward[n:]
	return n, nil
}

// next takes one line from the client: forwards it or lets a fault happen.
func (c *conn) next() error {
	line, err := c.in.ReadBytes('\n')
	if err != nil {
		return err
	}
	if c.body {
		return c.nextOfBody(line)
	}
	verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(string(line))), " ")
	if verb == "HELO" {
		verb = "EHLO"
	}
	if fault := c.server.fault(Step(verb)); fault != nil {
		return c.happen(fault)
	}
	if verb == "STARTTLS" && c.server.config.Security == STARTTLS && !c.secure {
		if _, err := io.WriteString(c.out, "220 2.0.0 go ahead\r\n"); err != nil {
			return err
		}
		c.encrypt()
		return nil
	}
	c.forward = line
	return nil
}

func (c *conn) nextOfBody(line []byte) error {
	if c.fresh {
		c.fresh = false
		if fault := c.server.fault(AtBody); fault != nil {
			return c.happen(fault)
		}
	}
	if string(line) == ".\r\n" {
		c.body = false
		c.atDot = c.server.fault(AtDot)
	}
	c.forward = line
	return nil
}

// Write sends the protocol's answer, unless a fault puts itself in its place.
func (c *conn) Write(p []byte) (int, error) {
	if !c.greeted {
		c.greeted = true
		if fault := c.server.fault(AtConnect); fault != nil {
			return len(p), c.happen(fault)
		}
	}
	if fault := c.atDot; fault != nil {
		c.atDot = nil
		return len(p), c.happen(fault)
	}
	if bytes.HasPrefix(p, []byte("354 ")) {
		c.body, c.fresh = true, true
	}
	return c.out.Write(p)
}

// happen plays a fault. Its error ends the connection.
func (c *conn) happen(fault *Fault) error {
	c.server.change(func() { c.server.played++ })
	if fault.Reply != "" {
		if _, err := io.WriteString(c.out, fault.Reply+"\r\n"); err != nil {
			return err
		}
	}
	switch fault.Then {
	case GoOn:
		return nil
	case Reset:
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case Stall:
		_, _ = io.Copy(io.Discard, c.in)
	case Freeze:
		<-c.gone
	case Chatter:
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c.out, "250-and another thing\r\n")
		}
	case Close:
	}
	_ = c.Close()
	return net.ErrClosed
}
