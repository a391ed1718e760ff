package delivery_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/smtptest"
)

func newCA(t *testing.T) *smtptest.CA {
	t.Helper()
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestSend(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	m := testMessage()
	m.BCC = append(m.BCC, m.To[0])
	outcome := mustSend(t, plainSender(t, server), m)
	if want := "250 2.0.0 OK: queued"; outcome.Reply != want {
		t.Errorf("reply: got %q, want %q", outcome.Reply, want)
	}
	got := received(t, server, 1)[0]
	if got.From != m.From.Email {
		t.Errorf("MAIL: got %q, want %q", got.From, m.From.Email)
	}
	want := []string{"lukasz@customer.example", "books@customer.example", "archive@seller.example"}
	if diff := cmp.Diff(want, got.To); diff != "" {
		t.Errorf("RCPT (-want +got):\n%s", diff)
	}
	raw, err := delivery.MIME(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(raw), string(got.Raw)); diff != "" {
		t.Errorf("bytes (-composed +arrived):\n%s", diff)
	}
}

func TestProviderID(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]string{
		"250 2.0.0 Ok: queued as 4XyZ12abc": "4XyZ12abc",
		"250 OK id=1rXyZ-0001ab-2C":         "1rXyZ-0001ab-2C",
		"250 2.0.0 thanks":                  "",
	} {
		server := startServer(t, smtptest.Config{})
		server.Script(smtptest.Fault{At: smtptest.AtDot, Reply: reply, Accept: true})
		outcome := mustSend(t, plainSender(t, server), testMessage())
		if outcome.ProviderID != want {
			t.Errorf("provider's id in %q: got %q, want %q", reply, outcome.ProviderID, want)
		}
	}
}

// Any 2yz to the dot takes responsibility, even an unusual one.
func TestUnusualAcceptance(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	server.Script(smtptest.Fault{At: smtptest.AtDot, Reply: "252 fine", Accept: true})
	if got := mustSend(t, plainSender(t, server), testMessage()); got.Reply != "252 fine" {
		t.Errorf("reply: got %q, want the server's", got.Reply)
	}
}

// A reply may be anything; what is kept of it is one short line of text.
func TestReplyIsClean(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	server.Script(smtptest.Fault{
		At: smtptest.AtMAIL, Reply: "550-5.7.1 no\x00\x1b[31m\xff\r\n550 " + strings.Repeat("é", 700),
	})
	got := send(t.Context(), plainSender(t, server), testMessage()).Reply
	if want := "MAIL: 550 5.7.1 no [31m\uFFFD éé"; !strings.HasPrefix(got, want) {
		t.Errorf("reply: got %q, want %q and so on", got, want)
	}
	if len(got) > 1000 || len(got) < 990 || !utf8.ValidString(got) {
		t.Errorf("reply: got %d bytes, valid %v, want at most 1000 of valid text", len(got), utf8.ValidString(got))
	}
}

// The limit of the transfer does not cut the wait for the answer short.
func TestAnswerHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	server.Script(smtptest.Fault{At: smtptest.AtDot, Then: smtptest.Stall})
	limits := testLimits()
	limits.Transfer, limits.Answer = 3*time.Second, 3*time.Second
	got := send(t.Context(), newSender(t, settingsOf(server), platform.Credentials{}, limits), testMessage())
	if want := "the final dot: no answer within 3s"; got.Kind != execution.Unknown || got.Reply != want {
		t.Errorf("outcome: got %+v, want UNKNOWN %q", got, want)
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault smtptest.Fault
		kind  execution.OutcomeKind
		to    int
		reply string
	}{
		{"first refused", smtptest.Fault{Reply: "550 5.1.1 no such user", Times: 1}, execution.Refused, 0, "RCPT: 550 5.1.1 no such user"},
		{"first deferred", smtptest.Fault{Reply: "450 4.2.1 greylisted", Times: 1}, execution.Deferred, 0, "RCPT: 450 4.2.1 greylisted"},
		{
			"copies refused",
			smtptest.Fault{Reply: "550 5.1.1 no such user", Skip: 1},
			execution.Accepted, 1,
			"250 2.0.0 OK: queued; recipients refused: 2, the first with 550 5.1.1 no such user",
		},
		{
			"a copy deferred",
			smtptest.Fault{Reply: "450 4.2.1 full", Skip: 2},
			execution.Accepted, 2,
			"250 2.0.0 OK: queued; recipients refused: 1, the first with 450 4.2.1 full",
		},
		{"leave taken at a copy", smtptest.Fault{Reply: "421 4.3.2 bye", Skip: 1}, execution.Deferred, 0, "RCPT: 421 4.3.2 bye"},
		{"gone at a copy", smtptest.Fault{Skip: 1, Then: smtptest.Close}, execution.Deferred, 0, "RCPT: EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, smtptest.Config{})
			test.fault.At = smtptest.AtRCPT
			server.Script(test.fault)
			got := send(t.Context(), plainSender(t, server), testMessage())
			if got.Kind != test.kind || got.Reply != test.reply {
				t.Errorf("outcome: got %+v, want %s %q", got, test.kind, test.reply)
			}
			if test.to > 0 {
				if to := received(t, server, 1)[0].To; len(to) != test.to {
					t.Errorf("recipients: got %v, want %d", to, test.to)
				}
			}
		})
	}
}

// A message that this server cannot carry is refused without a word to it,
// and the connection stays good.
func TestUnfit(t *testing.T) {
	t.Parallel()
	big, foreign, nobody := testMessage(), testMessage(), testMessage()
	big.HTML = strings.Repeat("x", 20_000)
	foreign.To[0].Email = "łukasz@customer.example"
	nobody.To = nil
	server := startServer(t, smtptest.Config{MaxMessageBytes: 10_000})
	sender := plainSender(t, server)
	for reply, m := range map[string]*message.Message{
		"and the server takes 10000":         big,
		"the server does not offer SMTPUTF8": foreign,
		"the message has no recipient":       nobody,
	} {
		got := send(t.Context(), sender, m)
		if got.Kind != execution.Refused || !strings.Contains(got.Reply, reply) {
			t.Errorf("outcome: got %+v, want REFUSED %q", got, reply)
		}
		if strings.Contains(got.Reply, "@") {
			t.Errorf("reply: got %q, want no address in it", got.Reply)
		}
	}
	mustSend(t, sender, testMessage())
	received(t, server, 1)
	if got := server.Connections(); got != 1 {
		t.Errorf("connections: got %d, want 1", got)
	}
}

func TestSMTPUTF8(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{SMTPUTF8: true})
	sender := plainSender(t, server)
	foreign, domain := testMessage(), testMessage()
	foreign.To[0].Email = "łukasz@customer.example"
	domain.To[0].Email = "lukasz@größe.example"
	mustSend(t, sender, foreign)
	mustSend(t, sender, domain)
	got := received(t, server, 2)
	if !got[0].UTF8 || got[0].To[0] != "łukasz@customer.example" {
		t.Errorf("foreign local part: got %q, UTF8 %v", got[0].To[0], got[0].UTF8)
	}
	if got[1].UTF8 || got[1].To[0] != "lukasz@xn--gre-6ka8i.example" {
		t.Errorf("foreign domain: got %q, UTF8 %v", got[1].To[0], got[1].UTF8)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca, other := newCA(t), newCA(t)
	tests := []struct {
		name     string
		server   smtptest.Config
		security platform.Security
		trust    *x509.CertPool
		reply    string // of a DEFERRED outcome; empty is ACCEPTED
	}{
		{"TLS", smtptest.Config{Security: smtptest.TLS}, platform.TLS, ca.Pool(), ""},
		{"STARTTLS", smtptest.Config{Security: smtptest.STARTTLS}, platform.STARTTLS, ca.Pool(), ""},
		{
			"TLS, unknown authority",
			smtptest.Config{Security: smtptest.TLS},
			platform.TLS, other.Pool(), "connecting: tls: failed to verify certificate",
		},
		{
			"STARTTLS, unknown authority",
			smtptest.Config{Security: smtptest.STARTTLS},
			platform.STARTTLS, other.Pool(), "STARTTLS: tls: failed to verify certificate",
		},
		{
			"TLS, the system's authorities",
			smtptest.Config{Security: smtptest.TLS},
			platform.TLS, nil, "connecting: tls: failed to verify certificate",
		},
		{
			"TLS, another's name",
			smtptest.Config{Security: smtptest.TLS, Hosts: []string{"mail.example"}},
			platform.TLS, ca.Pool(), "connecting: tls: failed to verify certificate",
		},
		{
			"TLS to a server that waits for STARTTLS",
			smtptest.Config{Security: smtptest.STARTTLS},
			platform.TLS, ca.Pool(), "connecting: tls: first record does not look like a TLS handshake",
		},
		{
			"STARTTLS not offered",
			smtptest.Config{},
			platform.STARTTLS, ca.Pool(), "STARTTLS: the server does not offer STARTTLS",
		},
		{"no known security", smtptest.Config{}, "", ca.Pool(), "no known security"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.server.CA = ca
			server := startServer(t, test.server)
			settings := settingsOf(server)
			settings.Security = test.security
			sender := delivery.NewSMTP(settings, platform.Credentials{}, testLimits(), delivery.SMTPOptions{RootCAs: test.trust})
			t.Cleanup(sender.Close)
			if test.reply == "" {
				mustSend(t, sender, testMessage())
				if !received(t, server, 1)[0].Secure {
					t.Error("the message came in plain text")
				}
				return
			}
			got := send(t.Context(), sender, testMessage())
			if got.Kind != execution.Deferred || !strings.Contains(got.Reply, test.reply) {
				t.Errorf("outcome: got %+v, want DEFERRED %q", got, test.reply)
			}
			received(t, server, 0)
		})
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	right := platform.Credentials{Username: "dunwell", Password: "s3cret-canary"}
	ca := newCA(t)
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5"} {
		for _, security := range []platform.Security{platform.NoTLS, platform.STARTTLS, platform.TLS} {
			t.Run(mechanism+" "+string(security), func(t *testing.T) {
				t.Parallel()
				config := smtptest.Config{
					Username: right.Username, Password: right.Password, Mechanisms: []string{mechanism}, CA: ca,
				}
				if security != platform.NoTLS {
					config.Security = smtptest.Security(security)
				}
				server := startServer(t, config)
				settings := settingsOf(server)
				settings.Security = security
				options := delivery.SMTPOptions{RootCAs: ca.Pool()}
				good := delivery.NewSMTP(settings, right, testLimits(), options)
				t.Cleanup(good.Close)
				mustSend(t, good, testMessage())
				if got := received(t, server, 1)[0].User; got != right.Username {
					t.Errorf("user: got %q, want %q", got, right.Username)
				}
				bad := delivery.NewSMTP(settings, platform.Credentials{Username: "dunwell", Password: "wrong"}, testLimits(), options)
				t.Cleanup(bad.Close)
				got := send(t.Context(), bad, testMessage())
				if got.Kind != execution.Deferred || !strings.HasPrefix(got.Reply, "AUTH: 535 ") {
					t.Errorf("outcome: got %+v, want DEFERRED with the 535", got)
				}
				received(t, server, 1)
			})
		}
	}
}

func TestAuthMissing(t *testing.T) {
	t.Parallel()
	credentials := platform.Credentials{Username: "dunwell", Password: "s3cret-canary"}
	t.Run("not offered", func(t *testing.T) {
		t.Parallel()
		server := startServer(t, smtptest.Config{})
		got := send(t.Context(), newSender(t, settingsOf(server), credentials, testLimits()), testMessage())
		if got.Kind != execution.Deferred || !strings.Contains(got.Reply, "offers none of AUTH") {
			t.Errorf("outcome: got %+v, want DEFERRED", got)
		}
		received(t, server, 0)
	})
	t.Run("no credentials", func(t *testing.T) {
		t.Parallel()
		server := startServer(t, smtptest.Config{Username: "someone", Password: "else"})
		got := send(t.Context(), plainSender(t, server), testMessage())
		if got.Kind != execution.Deferred || !strings.HasPrefix(got.Reply, "MAIL: 530 ") {
			t.Errorf("outcome: got %+v, want DEFERRED with the 530", got)
		}
	})
}

// A server that repeats what it was told does not bring the password into a
// reply.
func TestCredentialsNotRepeated(t *testing.T) {
	t.Parallel()
	credentials := platform.Credentials{Username: "u", Password: "s3cret-canary"}
	for _, at := range []smtptest.Step{smtptest.AtAUTH, smtptest.AtMAIL} {
		server := startServer(t, smtptest.Config{Username: "u", Password: "s3cret-canary"})
		server.Script(smtptest.Fault{
			At:    at,
			Reply: "550 what is s3cret-canary or AHUAczNjcmV0LWNhbmFyeQ== or czNjcmV0LWNhbmFyeQ==",
		})
		got := send(t.Context(), newSender(t, settingsOf(server), credentials, testLimits()), testMessage())
		if want := "550 what is [credentials] or [credentials] or [credentials]"; !strings.HasSuffix(got.Reply, want) {
			t.Errorf("reply: got %q, want %q", got.Reply, want)
		}
	}
}

// Without TLS, credentials go to this machine only.
func TestClearCredentials(t *testing.T) {
	t.Parallel()
	address := otherAddress(t)
	server := startServer(t, smtptest.Config{Address: net.JoinHostPort(address, "0"), Username: "u", Password: "p"})
	settings := settingsOf(server)
	settings.Host = address
	got := send(t.Context(), newSender(t, settings, platform.Credentials{Username: "u", Password: "p"}, testLimits()), testMessage())
	if got.Kind != execution.Deferred || !strings.Contains(got.Reply, "not sent to another machine without TLS") {
		t.Errorf("outcome: got %+v, want DEFERRED", got)
	}
	if got := server.Authentications(); got != 0 {
		t.Errorf("authentications: got %d, want none", got)
	}
}

// otherAddress returns an address of this machine that is not loopback.
func otherAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

func TestCannotConnect(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	settings := settingsOf(server)
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	sender := newSender(t, settings, platform.Credentials{}, testLimits())
	if got := send(t.Context(), sender, testMessage()); got.Kind != execution.Deferred || !strings.Contains(got.Reply, "refused") {
		t.Errorf("closed port: got %+v, want DEFERRED", got)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustSend(t, sender, testMessage())

	noName := &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no name server")
		},
	}}
	settings.Host = "mail.example"
	lost := delivery.NewSMTP(settings, platform.Credentials{}, testLimits(), delivery.SMTPOptions{Dialer: noName})
	if got := send(t.Context(), lost, testMessage()); got.Kind != execution.Deferred {
		t.Errorf("unknown name: got %+v, want DEFERRED", got)
	}
}

func TestReuse(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	sender := plainSender(t, server)
	for range 3 {
		mustSend(t, sender, testMessage())
	}
	server.Script(smtptest.Fault{At: smtptest.AtRCPT, Reply: "550 no", Times: 1})
	if got := send(t.Context(), sender, testMessage()); got.Kind != execution.Refused {
		t.Errorf("outcome: got %+v, want REFUSED", got)
	}
	mustSend(t, sender, testMessage())
	if got := server.Connections(); got != 1 {
		t.Errorf("connections: got %d, want 1", got)
	}
}

// A second message on one session would meet whatever the first left behind.
func TestOneSendPerSession(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	session, _ := plainSender(t, server).Connect(t.Context())
	defer session.Release()
	server.Script(smtptest.Fault{At: smtptest.AtRCPT, Reply: "450 later", Times: 1})
	for _, want := range []string{"RCPT: 450 later", "MAIL: the connection has been used; connect again"} {
		if got := session.Send(t.Context(), testMessage()); got.Kind != execution.Deferred || got.Reply != want {
			t.Errorf("outcome: got %+v, want DEFERRED %q", got, want)
		}
	}
	received(t, server, 0)
}

// A connection whose last answer never came must not be kept: the answer
// could still come, and be taken for another's.
func TestDoubtfulConnectionCloses(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	server.Script(smtptest.Fault{At: smtptest.AtDot, Then: smtptest.Stall})
	limits := testLimits()
	limits.Answer = short
	got := send(t.Context(), newSender(t, settingsOf(server), platform.Credentials{}, limits), testMessage())
	if got.Kind != execution.Unknown {
		t.Errorf("outcome: got %+v, want UNKNOWN", got)
	}
	waitIdle(t, server)
}

// A server that closed idle connections costs no attempt.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*smtptest.Server) error{
		"closed":    func(s *smtptest.Server) error { s.CloseConnections(); return s.WaitIdle(t.Context()) },
		"restarted": func(s *smtptest.Server) error { return errors.Join(s.Stop(t.Context()), s.Restart(t.Context())) },
		"leave taken": func(s *smtptest.Server) error {
			s.Script(smtptest.Fault{At: smtptest.AtRSET, Reply: "421 4.4.2 idle too long", Then: smtptest.Close})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, smtptest.Config{})
			sender := plainSender(t, server)
			sessions := make([]*delivery.SMTPSession, 3)
			for i := range sessions {
				sessions[i], _ = sender.Connect(t.Context())
			}
			for _, session := range sessions {
				session.Release()
			}
			if err := spoil(server); err != nil {
				t.Fatal(err)
			}
			mustSend(t, sender, testMessage())
			if got := server.Connections(); got != 4 {
				t.Errorf("connections: got %d, want 3 and a new one", got)
			}
		})
	}
}

// An idle connection whose server has fallen silent delays by Connect only.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	limits := testLimits()
	limits.Connect = 4 * short
	sender := newSender(t, settingsOf(server), platform.Credentials{}, limits)
	mustSend(t, sender, testMessage())
	server.Script(smtptest.Fault{At: smtptest.AtRSET, Then: smtptest.Stall})
	ctx, cancel := context.WithTimeout(t.Context(), soon/2)
	defer cancel()
	if got := send(ctx, sender, testMessage()); got.Kind != execution.Accepted {
		t.Errorf("outcome: got %+v, want ACCEPTED", got)
	}
	if got := server.Connections(); got != 2 {
		t.Errorf("connections: got %d, want 2", got)
	}
}

func TestIdleConnectionsClose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(*delivery.Limits)
		do   func(*delivery.SMTP)
	}{
		{"after a while", func(l *delivery.Limits) { l.Idle = short }, func(*delivery.SMTP) {}},
		{"none kept", func(l *delivery.Limits) { l.Connections = 0 }, func(*delivery.SMTP) {}},
		{"worn out", func(l *delivery.Limits) { l.Messages = 1 }, func(*delivery.SMTP) {}},
		{"sender closed", func(*delivery.Limits) {}, (*delivery.SMTP).Close},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, smtptest.Config{})
			limits := testLimits()
			test.set(&limits)
			sender := newSender(t, settingsOf(server), platform.Credentials{}, limits)
			mustSend(t, sender, testMessage())
			test.do(sender)
			waitIdle(t, server)
		})
	}
	t.Run("released after the sender closed", func(t *testing.T) {
		t.Parallel()
		server := startServer(t, smtptest.Config{})
		sender := plainSender(t, server)
		session, _ := sender.Connect(t.Context())
		sender.Close()
		session.Release()
		waitIdle(t, server)
	})
}

// Everything but the final dot is written before it, so that a failure until
// then is definite. Over TLS each write is one record, and each read returns
// one.
func TestDotIsWrittenAlone(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	certificate, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	reads := make(chan []string, 1)
	go func() { reads <- recordReads(listener) }()
	settings := platform.SMTPSettings{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: platform.TLS,
	}
	sender := delivery.NewSMTP(settings, platform.Credentials{}, testLimits(), delivery.SMTPOptions{RootCAs: ca.Pool()})
	mustSend(t, sender, testMessage())
	sender.Close()
	got := <-reads
	at := slices.Index(got, ".\r\n")
	if at < 1 || !strings.HasSuffix(got[at-1], "--\r\n") {
		t.Errorf("writes: got %q, want the dot in one of its own", got)
	}
}

// recordReads answers one client, which it takes to send each line or body by
// itself, and returns what each read gave.
func recordReads(listener net.Listener) (reads []string) {
	conn, err := listener.Accept()
	if err != nil {
		return nil
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "220 here\r\n")
	buffer := make([]byte, 1<<16)
	body := false
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return reads
		}
		read := string(buffer[:n])
		reads = append(reads, read)
		switch {
		case read == "DATA\r\n":
			body = true
			_, _ = io.WriteString(conn, "354 go on\r\n")
		case !body || strings.HasSuffix(read, "\r\n.\r\n") || read == ".\r\n":
			body = false
			_, _ = io.WriteString(conn, "250 fine\r\n")
		}
	}
}
