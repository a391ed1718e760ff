package e2e_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/smtptest"
)

// mostToStop is how long a process may take to end after SIGTERM.
const mostToStop = 30 * time.Second

func TestStopLeavesNothingInDoubtUnderLoad(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE", numberAsSubject)
		const invoices = 100
		load := w.stripe(invoices)
		var numbers []string
		for range invoices {
			b := newBill()
			numbers = append(numbers, b.number)
			load.queue <- b.finalized(w)
		}
		w.received(1) // it is in the middle of it
		if took := w.process.stop(t); took > mostToStop {
			t.Errorf("time to stop: got %s, want at most %s", took, mostToStop)
		}
		w.restart()
		load.finish(w)
		for _, x := range w.settled() {
			if x.Status != "SENT" {
				t.Errorf("execution: got %+v, want SENT", x)
			}
		}
		w.checkAccepted(numbers...)
		t.Logf("%d webhooks repeated", load.repeated.Load())
	})
}

func TestStopDoesNotWaitForASilentServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE", numberAsSubject)
		w.mail.Script(smtptest.Fault{At: smtptest.AtDot, Then: smtptest.Stall, Times: 3})
		for range 3 {
			w.deliver(newBill().finalized(w))
		}
		if err := w.mail.WaitForFaults(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		took := w.process.stop(t)
		if took > mostToStop {
			t.Errorf("time to stop: got %s, want at most %s", took, mostToStop)
		}
		t.Logf("stopped in %s", took)
		w.restart()
		w.settled()
		if list := w.unconfirmed(); len(list) != 3 {
			t.Errorf("UNCONFIRMED: got %+v, want the three that were not answered", list)
		}
		b := newBill()
		w.deliver(b.finalized(w))
		w.settled()
		w.checkAccepted(b.number)
	})
}

// A request that its client does not finish sending holds up no stop for longer
// than the grace for requests, and does not make it a failure.
func TestStopCutsOffAHalfSentRequest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.process.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/ingest/resources HTTP/1.1\r\nHost: x\r\nX-API-KEY: %s\r\nContent-Type: application/json\r\n"+
			"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n[", administrator)
		if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || answer != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("asking to go on: got %q, %v, want that the body is being read", answer, err)
		}
		if took := w.process.stop(t); took > mostToStop {
			t.Errorf("time to stop: got %s, want at most %s", took, mostToStop)
		}
		if said := w.process.journal.String(); !strings.Contains(said, "requests_cut_off") || !strings.Contains(said, `"msg":"stopped"`) {
			t.Errorf("got %s, want it said that requests were cut off, and that it has stopped", w.process.journal.tail(5))
		}
		w.restart()
	})
}

// Who is told to stop while it waits for its database has nothing to complain of.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	path, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := launch(t, path, t.TempDir(), []string{
		"DUNWELL_DATABASE_URL=postgres://" + silent.Addr().String() + "/dunwell?sslmode=disable",
		"DUNWELL_MASTER_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}, "serve")
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.signal(syscall.SIGTERM)
	if code, said := ended(t, p); code != 0 || !strings.Contains(said, "stopped_while_starting") {
		t.Errorf("got exit code %d and %q, want 0 and what it was at", code, said)
	}
}
