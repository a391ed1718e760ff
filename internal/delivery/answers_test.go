package delivery_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/smtptest"
)

// A code without text is an answer (RFC 5321, 4.2), at every step.
func TestAnswersWithoutText(t *testing.T) {
	t.Parallel()
	for _, security := range []platform.Security{platform.NoTLS, platform.TLS, platform.STARTTLS} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			ca := newCA(t)
			certificate, err := ca.Issue("127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go answerTersely(listener, security, &tls.Config{Certificates: []tls.Certificate{certificate}})
			settings := platform.SMTPSettings{
				Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: security,
			}
			credentials := platform.Credentials{Username: "u", Password: "p"}
			sender := delivery.NewSMTP(settings, credentials, testLimits(), delivery.SMTPOptions{RootCAs: ca.Pool()})
			defer sender.Close()
			for range 2 { // the second time over the same connection, which begins with RSET
				if got := mustSend(t, sender, testMessage()); got.Reply != "250" {
					t.Errorf("reply: got %q, want the bare 250", got.Reply)
				}
			}
		})
	}
}

// answerTersely serves one client with codes alone.
func answerTersely(listener net.Listener, security platform.Security, config *tls.Config) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	if security == platform.TLS {
		conn = tls.Server(conn, config)
	}
	lines := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "220\r\n")
	body := false
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		answer := "250\r\n"
		switch {
		case body && line != ".\r\n":
			continue
		case strings.HasPrefix(line, "EHLO"):
			answer = "250-here\r\n250-AUTH PLAIN\r\n250-STARTTLS\r\n250\r\n"
		case line == "STARTTLS\r\n":
			_, _ = io.WriteString(conn, "220\r\n")
			conn = tls.Server(conn, config)
			lines = bufio.NewReader(conn)
			continue
		case strings.HasPrefix(line, "AUTH"):
			answer = "235\r\n"
		}
		if body = line == "DATA\r\n"; body {
			answer = "354\r\n"
		}
		_, _ = io.WriteString(conn, answer)
	}
}

// An answer whose last line has another code than its first has ended all the
// same: nobody waits for more of it.
func TestAnswerOfSeveralCodes(t *testing.T) {
	t.Parallel()
	for at, want := range map[smtptest.Step]execution.OutcomeKind{
		smtptest.AtConnect: execution.Deferred,
		smtptest.AtEHLO:    execution.Deferred,
		smtptest.AtMAIL:    execution.Deferred,
		smtptest.AtDot:     execution.Unknown,
	} {
		for _, reply := range []string{"250-fine\r\n550 not", "250-fine\r\n550-and\r\n550", "220-fine\r\n250"} {
			server := startServer(t, smtptest.Config{})
			server.Script(smtptest.Fault{At: at, Reply: reply, Then: smtptest.Stall})
			ctx, cancel := context.WithTimeout(t.Context(), soon/2)
			got := send(ctx, plainSender(t, server), testMessage())
			cancel()
			if got.Kind != want || !strings.Contains(got.Reply, "several codes") {
				t.Errorf("%s %q: got %+v, want %s at once", at, reply, got, want)
			}
		}
	}
}

// All of Connect has one limit, however many steps there are.
func TestConnectIsBounded(t *testing.T) {
	t.Parallel()
	for _, at := range []smtptest.Step{smtptest.AtConnect, smtptest.AtEHLO, smtptest.AtAUTH} {
		server := startServer(t, smtptest.Config{Username: "u", Password: "p"})
		server.Script(smtptest.Fault{At: at, Then: smtptest.Stall})
		limits := testLimits()
		limits.Session = 2 * short
		sender := newSender(t, settingsOf(server), platform.Credentials{Username: "u", Password: "p"}, limits)
		session, got := sender.Connect(t.Context())
		if session != nil || got.Kind != execution.Deferred || !strings.Contains(got.Reply, "too long to take the connection") {
			t.Errorf("%s: got %+v, want DEFERRED after the limit of the whole", at, got)
		}
	}
}
