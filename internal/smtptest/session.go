package smtptest

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is made of it
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one client's conversation: it asks for credentials where the
// server has some, and keeps what is accepted.
type session struct {
	server *Server
	conn   *conn
	user   string
	mail   Message
}

var errNeedsAuth = &smtp.SMTPError{
	Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required",
}

// AuthMechanisms offers AUTH only where credentials are protected as well as
// the server's way allows.
func (s *session) AuthMechanisms() []string {
	config := s.server.config
	if config.Username == "" || config.Security != Plain && !s.conn.secure {
		return nil
	}
	if len(config.Mechanisms) == 0 {
		return []string{sasl.Plain}
	}
	return config.Mechanisms
}

// Auth begins an authentication.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	s.server.change(func() { s.server.auths++ })
	if !slices.Contains(s.AuthMechanisms(), mechanism) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error {
			return s.check(username, password == s.server.config.Password)
		}), nil
	case sasl.Login:
		return &login{session: s}, nil
	default:
		return &cramMD5{session: s}, nil
	}
}

func (s *session) check(username string, proven bool) error {
	if username != s.server.config.Username || !proven {
		return smtp.ErrAuthFailed
	}
	s.user = username
	return nil
}

// Mail begins a message.
func (s *session) Mail(from string, options *smtp.MailOptions) error {
	if s.server.config.Username != "" && s.user == "" {
		return errNeedsAuth
	}
	s.mail = Message{From: from, UTF8: options.UTF8, User: s.user, Secure: s.conn.secure}
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = append(s.mail.To, to)
	return nil
}

// Data takes the message, and keeps it unless a fault at the dot says no.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if fault := s.conn.atDot; fault != nil && !fault.Accept {
		return nil // the fault answers
	}
	s.mail.Raw = raw
	s.server.change(func() { s.server.messages = append(s.server.messages, s.mail) })
	return nil
}

// Reset forgets the message that was begun.
func (s *session) Reset() { s.mail = Message{} }

// Logout ends the conversation.
func (s *session) Logout() error { return nil }

// login is the server's side of AUTH LOGIN.
type login struct {
	session  *session
	asked    int
	username string
}

// Next asks for the name, then for the password.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.username = string(response)
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.session.check(l.username, string(response) == l.session.server.config.Password)
	}
}

// cramMD5 is the server's side of AUTH CRAM-MD5 (RFC 2195).
type cramMD5 struct {
	session *session
	asked   bool
}

const cramChallenge = "<1896.697170952@smtptest>"

// Next sends the challenge, then checks its digest.
func (c *cramMD5) Next(response []byte) (challenge []byte, done bool, err error) {
	if !c.asked {
		c.asked = true
		return []byte(cramChallenge), false, nil
	}
	username, digest, _ := strings.Cut(string(response), " ")
	mac := hmac.New(md5.New, []byte(c.session.server.config.Password))
	_, _ = io.WriteString(mac, cramChallenge)
	return nil, true, c.session.check(username, digest == hex.EncodeToString(mac.Sum(nil)))
}
