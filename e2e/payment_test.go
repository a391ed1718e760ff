package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEachFailedAttemptIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"2022", "2025"} { // before and after an invoice's payments were hidden
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, db database) {
				w := newWorld(t, db)
				w.workflow("PAYMENT")
				b := newBill()
				b.api = api
				w.deliver(b.created(w), b.finalized(w))

				first := b.attempt(w, "ch_e2eFirst"+b.number[4:], b.final)
				w.deliver(first...)
				mail, x := w.only()
				if want := "Uw betaling voor factuur " + b.number + " is niet gelukt"; mail.Subject != want {
					t.Errorf("subject: got %q, want %q", mail.Subject, want)
				}
				for _, want := range []string{"€\u00a01.234,56", "Onvoldoende saldo"} {
					if !strings.Contains(mail.Text, want) {
						t.Errorf("text: no %q in\n%s", want, mail.Text)
					}
				}
				if x.InvoiceID != b.invoice || !strings.HasPrefix(x.PaymentID, "ch_e2eFirst") {
					t.Errorf("execution: got invoice %s and payment %s, want %s and ch_e2eFirst…", x.InvoiceID, x.PaymentID, b.invoice)
				}

				second := b.attempt(w, "ch_e2eSecond"+b.number[4:], b.final.Add(time.Second))
				slices.Reverse(second)
				w.deliver(append(second, first...)...)
				if all, mails := w.settled(), w.accepted(); len(all) != 2 || len(mails) != 2 || !strings.HasPrefix(all[1].PaymentID, "ch_e2eSecond") {
					t.Fatalf("after the second attempt: got %d messages of %+v, want two, the second of ch_e2eSecond…", len(mails), all)
				}

				// Told of a customer and an invoice that nobody has told of yet.
				b = newBill()
				b.api = api
				early := b.attempt(w, "ch_e2eEarly"+b.number[4:], b.final)
				w.deliver(early[0], early[1], b.created(w), early[2], b.finalized(w), early[0])
				if all, mails := w.settled(), w.accepted(); len(all) != 3 || len(mails) != 3 || all[2].Status != "SENT" || mails[2].To[0] != b.email {
					t.Fatalf("after an early attempt: got %d messages of %+v, want one more, to %s", len(mails), all, b.email)
				}
			})
		})
	}
}
