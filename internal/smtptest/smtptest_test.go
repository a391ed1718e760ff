package smtptest_test

import (
	"context"
	"net/smtp"
	"testing"

	"go.uber.org/goleak"

	"github.com/dunwellhq/dunwell/internal/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mail = "From: a@seller.example\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: text/plain\r\n\r\n.a dot\r\n"

// send hands a mail over with the standard library's client.
func send(server *smtptest.Server) error {
	return smtp.SendMail(server.Address(), nil, "a@seller.example", []string{"b@customer.example"}, []byte(mail))
}

func TestKeepsWhatItAccepts(t *testing.T) {
	t.Parallel()
	server, err := smtptest.Start(t.Context(), smtptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := send(server); err != nil {
		t.Fatal(err)
	}
	address := server.Address()
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := send(server); err == nil {
		t.Error("a stopped server took a message")
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.Background()) }()
	if got := server.Address(); got != address {
		t.Errorf("address: got %s, want %s as before", got, address)
	}
	if err := send(server); err != nil {
		t.Fatal(err)
	}
	messages, err := server.WaitFor(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := messages[1].Parse()
	if err != nil || parsed.Subject != "café" || parsed.Text != ".a dot\n" {
		t.Errorf("mail: got %+v (%v)", parsed, err)
	}
}

func TestWaitForGivesUp(t *testing.T) {
	t.Parallel()
	server, err := smtptest.Start(t.Context(), smtptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.Background()) }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := server.WaitFor(ctx, 1); err == nil {
		t.Error("a message that nobody sent was waited for")
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	server, err := smtptest.Start(t.Context(), smtptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.Background()) }()
	server.Script(
		smtptest.Fault{At: smtptest.AtMAIL, Reply: "451 later", Skip: 1, Times: 2},
		smtptest.Fault{At: smtptest.AtDot, Then: smtptest.Close, Accept: true, Skip: 1, Times: 1},
	)
	for i, want := range []bool{true, false, false, false, true} {
		if err := send(server); (err == nil) != want {
			t.Errorf("send %d: got error %v, want success %v", i, err, want)
		}
	}
	if got := len(server.Messages()); got != 3 {
		t.Errorf("messages: got %d, want 3, one of them with its answer lost", got)
	}
}
