package delivery_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is far more than any step takes, and ends a test that hangs.
const soon = 20 * time.Second

// short is the limit of the one step that is meant to run into it.
const short = 50 * time.Millisecond

func testLimits() delivery.Limits {
	return delivery.Limits{
		Session: soon, Connect: soon, Verb: soon, Transfer: soon, Answer: soon,
		Idle: soon, Connections: 5, Messages: 100,
	}
}

func startServer(t *testing.T, config smtptest.Config) *smtptest.Server {
	t.Helper()
	server, err := smtptest.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server
}

func settingsOf(server *smtptest.Server) platform.SMTPSettings {
	return platform.SMTPSettings{Host: "127.0.0.1", Port: server.Port(), Security: platform.NoTLS}
}

func newSender(
	t *testing.T, settings platform.SMTPSettings, credentials platform.Credentials, limits delivery.Limits,
) *delivery.SMTP {
	t.Helper()
	sender := delivery.NewSMTP(settings, credentials, limits, delivery.SMTPOptions{})
	t.Cleanup(sender.Close)
	return sender
}

// plainSender returns a sender without TLS, AUTH or short limits.
func plainSender(t *testing.T, server *smtptest.Server) *delivery.SMTP {
	t.Helper()
	return newSender(t, settingsOf(server), platform.Credentials{}, testLimits())
}

// send does what the engine does, but for the claim between the two steps.
func send(ctx context.Context, sender *delivery.SMTP, m *message.Message) execution.Outcome {
	session, outcome := sender.Connect(ctx)
	if session == nil {
		return outcome
	}
	defer session.Release()
	return session.Send(ctx, m)
}

func mustSend(t *testing.T, sender *delivery.SMTP, m *message.Message) execution.Outcome {
	t.Helper()
	outcome := send(t.Context(), sender, m)
	if outcome.Kind != execution.Accepted {
		t.Fatalf("outcome: got %+v, want ACCEPTED", outcome)
	}
	return outcome
}

func received(t *testing.T, server *smtptest.Server, n int) []smtptest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	messages, err := server.WaitFor(ctx, n)
	if err != nil || len(messages) != n {
		t.Fatalf("messages: got %d (%v), want %d", len(messages), err, n)
	}
	return messages
}

// waitIdle finds that no connection stays open.
func waitIdle(t *testing.T, server *smtptest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon/2)
	defer cancel()
	if err := server.WaitIdle(ctx); err != nil {
		t.Errorf("a connection is still open: %v", err)
	}
}

func testMessage() *message.Message {
	return &message.Message{
		MessageID: "01jd8z.1@dunwell.example",
		Date:      time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("CET", 3600)),
		From:      message.Address{Name: "Zoë Müller, Billing", Email: "billing@seller.example"},
		ReplyTo:   message.Address{Email: "help@seller.example"},
		To:        []message.Address{{Name: "Łukasz", Email: "lukasz@customer.example"}},
		CC:        []message.Address{{Email: "books@customer.example"}},
		BCC:       []message.Address{{Email: "archive@seller.example"}},
		Subject:   "Herinnering: factuur № 7 — € 1.234,50",
		Text:      "Beste Łukasz,\n\n.one dot\n..two\n.\nlast line",
		HTML:      "<p>Beste Łukasz,</p>\n<p>" + "ab " + "</p>",
	}
}
