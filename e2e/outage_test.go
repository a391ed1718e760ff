package e2e_test

import (
	"fmt"
	"testing"
)

func TestSMTPServerThatIsDownGetsTheMessageLater(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE")
		if err := w.mail.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.deliver(newBill().finalized(w))
		var x execution
		w.until("the execution waits for another attempt", func() (string, bool) {
			list := w.executions()
			if len(list) != 1 {
				return fmt.Sprintf("%d executions", len(list)), false
			}
			x = list[0]
			return x.Status, x.Status == "WAITING"
		})
		if x.NextAttemptAt == "" || x.AttemptCount == 0 {
			t.Errorf("while the server is down: got %+v, want an attempt and the time of the next", x)
		}
		if err := w.mail.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.received(1)
		_, x = w.only()
		last := len(x.Attempts) - 1
		if x.Status != "SENT" || last < 1 || x.AttemptCount != len(x.Attempts) {
			t.Fatalf("execution: got %+v, want SENT after two attempts or more", x)
		}
		for i, a := range x.Attempts {
			want := "DEFERRED"
			if i == last {
				want = "ACCEPTED"
			}
			if a.Outcome != want || a.Number != i+1 || a.EndedAt == "" || a.Reply == "" {
				t.Errorf("attempt: got %+v, want number %d, %s, with the time and what was said", a, i+1, want)
			}
		}
	})
}
