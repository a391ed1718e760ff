package e2e_test

import (
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
