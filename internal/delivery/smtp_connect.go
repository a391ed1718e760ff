package delivery

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/dunwellhq/dunwell/internal/platform"
)

// The reasons of ours for which a connection is not used.
var (
	errNoSTARTTLS = errors.New("the server does not offer STARTTLS, and nothing is sent without it")
	errNoAUTH     = errors.New("the server offers none of AUTH PLAIN, LOGIN and CRAM-MD5")
	errClear      = errors.New("credentials are not sent to another machine without TLS")
	errSecurity   = errors.New("the integration names no known security")
)

// open makes the TCP connection, with TLS where that comes first.
func (s *SMTPSession) open(ctx context.Context) error {
	settings := s.sender.settings
	address := net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port))
	raw, err := s.sender.options.Dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s.conn = &boundedConn{Conn: raw, left: maxAnswer}
	s.stream = s.conn
	if settings.Security != platform.TLS {
		return nil
	}
	secured := tls.Client(s.conn, s.tlsConfig())
	s.stream = secured
	return secured.HandshakeContext(ctx)
}

func (s *SMTPSession) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName: s.sender.settings.Host,
		RootCAs:    s.sender.options.RootCAs,
		MinVersion: tls.VersionTLS12,
	}
}

// greet reads the server's greeting.
func (s *SMTPSession) greet(context.Context) (err error) {
	s.client, err = smtp.NewClient(&answers{Conn: s.stream}, s.sender.settings.Host)
	return err
}

func (s *SMTPSession) hello(context.Context) error {
	return s.client.Hello(s.sender.options.HelloName)
}

// upgrade goes on in TLS where the integration says so, and never goes on
// without.
func (s *SMTPSession) upgrade(ctx context.Context) error {
	switch s.sender.settings.Security {
	case platform.TLS, platform.NoTLS:
		return nil
	case platform.STARTTLS:
		if offered, _ := s.client.Extension("STARTTLS"); !offered {
			return errNoSTARTTLS
		}
		return s.startTLS(ctx)
	default:
		return errSecurity
	}
}

// startTLS does what go-mail would, which does not let us read the answers
// behind the encryption our way. What was said before counts for nothing.
func (s *SMTPSession) startTLS(ctx context.Context) (err error) {
	text := s.client.Text
	if err := text.PrintfLine("STARTTLS"); err != nil {
		return err
	}
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	if text.R.Buffered() > 0 { // it would be taken for said in TLS
		return errOutOfStep
	}
	secured := tls.Client(s.conn, s.tlsConfig())
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	s.stream = secured
	if s.client, err = smtp.NewClient(greeted(secured), s.sender.settings.Host); err != nil {
		return err
	}
	return s.hello(ctx)
}

// authenticate shows the credentials, if there are any: with the plainest
// mechanism offered, because TLS protects them all and this machine needs no
// protection.
func (s *SMTPSession) authenticate(context.Context) error {
	username, password := s.sender.credentials.Username, s.sender.credentials.Password
	if username == "" {
		return nil
	}
	if _, secured := s.stream.(*tls.Conn); !secured && !s.local() {
		return errClear
	}
	const safe = true // go-mail does not see the TLS under our answers
	_, offered := s.client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	host := s.sender.settings.Host
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		return s.client.Auth(smtp.PlainAuth("", username, password, host, safe))
	case slices.Contains(mechanisms, "LOGIN"):
		return s.client.Auth(smtp.LoginAuth(username, password, host, safe))
	case slices.Contains(mechanisms, "CRAM-MD5"):
		return s.client.Auth(smtp.CRAMMD5Auth(username, password))
	default:
		return errNoAUTH
	}
}

// local reports whether the other end is on this machine.
func (s *SMTPSession) local() bool {
	address, ok := s.conn.RemoteAddr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// withoutCredentials removes a password that a server repeats in its reply.
func (s *SMTP) withoutCredentials(reply string) string {
	if s.credentials.Password == "" {
		return reply
	}
	const mark = "[credentials]"
	plain := "\x00" + s.credentials.Username + "\x00" + s.credentials.Password
	return strings.NewReplacer(
		base64.StdEncoding.EncodeToString([]byte(plain)), mark,
		base64.StdEncoding.EncodeToString([]byte(s.credentials.Password)), mark,
		s.credentials.Password, mark,
	).Replace(reply)
}

// maxAnswer bounds what a server may say in one step, certificates included,
// so that an answer without an end does not fill the memory.
const maxAnswer = 256 << 10

// boundedConn is a connection that reads on only while something is left.
type boundedConn struct {
	net.Conn
	left int
}

// Read reads, or says that the answer has no end.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, textproto.ProtocolError("an answer without an end")
	}
	n, err := c.Conn.Read(p)
	c.left -= n
	return n, err
}
