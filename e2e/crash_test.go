package e2e_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/failpoint"
)

// inDoubt are the steps between the claim's commit and the recorded outcome: a
// kill there leaves a send of which nobody can know whether it happened, and
// how many messages the server has taken by then.
var inDoubt = map[failpoint.Point]int{
	failpoint.ClaimCommitted:   0,
	failpoint.Sent:             1,
	failpoint.RecordCommitting: 1,
}

// TestCrashAtEveryStepOfASend kills the process at each step of a message's
// way and starts it again: never two messages; one, unless the kill fell where
// nobody can know, and there the API says so.
func TestCrashAtEveryStepOfASend(t *testing.T) {
	t.Parallel()
	for _, point := range failpoint.Points {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, db database) {
				w := newWorld(t, db)
				w.workflow("INVOICE", numberAsSubject)
				b := newBill()
				w.crash(point, b)

				want := []string{b.number}
				if count, doubtful := inDoubt[point]; doubtful {
					want = want[:count]
					want = append(want, w.checkDoubt(b, want)...)
				} else if _, x := w.only(); x.Status != "SENT" || x.AttemptCount != 1 {
					t.Errorf("execution: got %+v, want SENT at the first attempt", x)
				}

				// The same customer's next message goes, and nothing before it again.
				later := b.another()
				w.deliver(later.finalized(w))
				w.settled()
				if x := w.of(later); x.Status != "SENT" {
					t.Errorf("the customer's next: got %+v, want SENT", x)
				}
				w.checkAccepted(append(want, later.number)...)
			})
		})
	}
}

// crash delivers the final invoice to a process that dies at a step of it,
// starts another, and repeats the webhook as Stripe does if it got no answer.
func (w *world) crash(point failpoint.Point, b bill) {
	w.Helper()
	w.process.stop(w.T)
	w.start(fragile, "DUNWELL_FAILPOINT="+string(point))
	hook := b.finalized(w)
	status, err := w.post(hook)
	w.process.awaitKill(w.T)
	w.restart()
	if err != nil || status != http.StatusOK {
		w.deliver(hook)
	}
}

// checkDoubt checks what an execution looks like whose sender was killed when
// the server had taken these messages. It returns those that it adds itself.
func (w *world) checkDoubt(b bill, taken []string) (added []string) {
	w.Helper()
	if !w.db.embedded() {
		// Another node might be its living sender until the lease is over. While
		// others go, it does not.
		other := newBill()
		w.deliver(other.finalized(w))
		added = append(added, other.number)
		w.received(len(taken) + 1)
		if x := w.of(b); x.Status != "SENDING" {
			w.Errorf("before the lease is over: got %+v, want SENDING", x)
		}
		if got := w.endLeases(b); got != 1 {
			w.Errorf("sends in doubt: got %d, want 1", got)
		}
	}
	w.settled()
	if x := w.execution(w.of(b).ID); x.Status != "UNCONFIRMED" || len(x.Attempts) != 1 || x.Attempts[0].Outcome != "UNKNOWN" || x.Attempts[0].Reply == "" {
		w.Errorf("after the lease: got %+v, want UNCONFIRMED after one attempt, UNKNOWN, with the reason", x)
	}
	if list := w.unconfirmed(); len(list) != 1 || list[0].InvoiceID != b.invoice {
		w.Errorf("what the API lists as UNCONFIRMED: got %+v, want that of %s alone", list, b.invoice)
	}
	w.checkAccepted(append(slices.Clone(taken), added...)...)
	return added
}

// checkAccepted checks that the SMTP server has taken the messages about these
// invoices, each once, and no other.
func (w *world) checkAccepted(numbers ...string) {
	w.Helper()
	var got []string
	for _, m := range w.accepted() {
		got = append(got, m.Subject)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(numbers)), slices.Sorted(slices.Values(got))); diff != "" {
		w.Errorf("messages at the SMTP server (-want +got):\n%s", diff)
	}
}

// of returns the one execution of an invoice.
func (w *world) of(b bill) execution {
	w.Helper()
	var found []execution
	for _, x := range w.executions() {
		if x.InvoiceID == b.invoice {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		w.Fatalf("executions of %s: got %+v, want one", b.invoice, found)
	}
	return found[0]
}

// numberAsSubject makes the invoice's number the subject, which tells what a
// message is about whatever else differs between two of them.
func numberAsSubject(_, email object) { email["subject"] = "{{invoice_number}}" }

// TestCrashIsSeenToDouble is the proof that the tests here would see a
// duplicate: a company that asks for RESEND gets the message again, the same
// in every byte, where the default holds it.
func TestCrashIsSeenToDouble(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE", numberAsSubject, func(workflow, _ object) { workflow["on_ambiguous"] = "RESEND" })
		b := newBill()
		w.crash(failpoint.Sent, b)
		if !db.embedded() && w.endLeases(b) != 1 {
			t.Error("no send is in doubt")
		}
		mails := w.received(2)
		w.settled()
		if x := w.of(b); x.Status != "SENT" || x.AttemptCount != 2 {
			t.Errorf("execution: got %+v, want SENT at the second attempt", x)
		}
		w.checkAccepted(b.number, b.number)
		if first, second := mails[0].id(), mails[1].id(); first == "" || first != second {
			t.Errorf("Message-ID: got %q and %q, want the same", first, second)
		}
		if !bytes.Equal(mails[0].Raw, mails[1].Raw) {
			t.Errorf("the second message differs from the first:\n%s\n%s", mails[0].Raw, mails[1].Raw)
		}
	})
}

// TestCrashAtEveryStepOfACapture does the same with the outbox, which is written
// in the transaction of the claim: exactly one, always.
func TestCrashAtEveryStepOfACapture(t *testing.T) {
	t.Parallel()
	last := slices.Index(failpoint.Points, failpoint.ClaimCommitted) // nothing is sent or recorded after it
	for _, point := range failpoint.Points[:last+1] {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, db database) {
				w := newWorld(t, db)
				w.workflow("INVOICE", numberAsSubject, w.bySystem())
				b := newBill()
				w.crash(point, b)
				list := w.settled()
				if len(list) != 1 || list[0].Status != "SENT" || list[0].AttemptCount != 1 {
					t.Errorf("executions: got %+v, want one, SENT at the first attempt", list)
				}
				captured := all[struct {
					Subject string `json:"subject"`
				}](w, "/v1/outbox", "")
				if len(captured) != 1 || captured[0].Subject != b.number {
					t.Errorf("outbox: got %+v, want one message about %s", captured, b.number)
				}
				if got := len(w.accepted()); got != 0 {
					t.Errorf("messages at the SMTP server: got %d, want none", got)
				}
			})
		})
	}
}
