package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFinalInvoiceBecomesOneMessage(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE", func(_, email object) {
			email["invoice"] = object{"type": "TO_FINAL", "include_customer_contacts_as_cc": true, "include_payment_link": true}
			email["cc_recipients"] = []string{"archief@brouwer.example"}
			email["bcc_recipients"] = []string{"controle@brouwer.example"}
			email["reply_to"] = object{"name": "Debiteuren", "email": "debiteuren@brouwer.example"}
		})
		b := newBill()
		w.deliver(b.created(w))
		for id, address := range map[string]string{
			"cont_1": "boekhouding@molenaar.example",
			"cont_2": strings.ToUpper(b.email[:1]) + b.email[1:], // the customer's own, written differently at most
			"cont_3": "archief@brouwer.example",                  // in CC already
		} {
			w.must(http.MethodPut, "/v1/contacts/"+id, object{"customer_id": b.customer, "name": object{"first_name": "Jan", "last_name": "Molenaar"}, "email": address})
		}
		w.deliver(b.finalized(w))
		mail, x := w.only()

		if mail.From != sender {
			t.Errorf("envelope sender: got %s, want %s", mail.From, sender)
		}
		envelope := slices.Sorted(slices.Values(lower(mail.To)))
		want := []string{"archief@brouwer.example", "boekhouding@molenaar.example", "controle@brouwer.example", b.email}
		if diff := cmp.Diff(want, envelope); diff != "" {
			t.Errorf("envelope recipients (-want +got):\n%s", diff)
		}
		for name, want := range map[string][]string{
			"From":     {sender},
			"Reply-To": {"debiteuren@brouwer.example"},
			"To":       {b.email},
			"Cc":       {"archief@brouwer.example", "boekhouding@molenaar.example"},
		} {
			list, err := mail.Header.AddressList(name)
			if err != nil {
				t.Errorf("reading %s: %v", name, err)
			}
			var got []string
			for _, a := range list {
				got = append(got, a.Address)
			}
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(lower(got)))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if strings.Contains(string(mail.Raw), "controle@") {
			t.Errorf("the blind copy's address is in the message:\n%s", mail.Raw)
		}
		if want := "Factuur " + b.number + " van Brouwer B.V."; mail.Subject != want {
			t.Errorf("subject: got %q, want %q", mail.Subject, want)
		}
		if id := mail.id(); !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, "@brouwer.example>") {
			t.Errorf("Message-ID: got %q, want one at brouwer.example", id)
		}
		for part, body := range map[string]string{"text": mail.Text, "HTML": mail.HTML} {
			for _, want := range []string{"€\u00a01.234,56", b.number, b.name, "Factuurnummer", "https://invoice.stripe.com/i/"} {
				if !strings.Contains(body, want) {
					t.Errorf("%s part: no %q in\n%s", part, want, body)
				}
			}
		}

		if x.Status != "SENT" || x.Reason != "" || x.AttemptCount != 1 || len(x.Attempts) != 1 || x.Attempts[0].Outcome != "ACCEPTED" {
			t.Errorf("execution: got %+v, want SENT with one attempt, ACCEPTED", x)
		}
		if x.Message == nil || x.Message.Subject != mail.Subject || x.Message.Locale != "nl-NL" || len(x.Message.Warnings) != 0 {
			t.Errorf("message of the execution: got %+v, want the one that was sent, in nl-NL, without warnings", x.Message)
		}
		fired := w.trigger(x.TriggerID)
		if fired.Status != "FIRED" || fired.Type != "EVENT" || fired.Invoice.InvoiceID != b.invoice || fired.Invoice.Event.Variant != "TO_FINAL" {
			t.Errorf("trigger: got %+v, want the EVENT TO_FINAL of %s, FIRED", fired, b.invoice)
		}
	})
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

func TestLanguageAndAmountAreTheReaders(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE")
		for i, tt := range []struct {
			locale, currency string
			cents            int
			subject, amount  string
		}{
			{"en-US", "usd", 123456, "Invoice {} from Brouwer B.V.", "$1,234.56"},
			{"de-DE", "eur", 123456, "Rechnung {} von Brouwer B.V.", "1.234,56\u00a0€"},
			{"fr-FR", "eur", 123456, "Votre facture {} – Brouwer B.V.", "1\u202f234,56\u00a0€"},
			{"es-ES", "eur", 1234567, "Factura {} de Brouwer B.V.", "12.345,67\u00a0€"},
			{"sv-SE", "usd", 123456, "Invoice {} from Brouwer B.V.", "1,234.56"}, // a language that we lack
			{"en-US", "jpy", 123456, "Invoice {} from Brouwer B.V.", "¥123,456"}, // no decimals
			{"en-US", "kwd", 123456, "Invoice {} from Brouwer B.V.", "123.456"},  // three
		} {
			b := newBill()
			b.locale, b.currency, b.cents = tt.locale, tt.currency, tt.cents
			w.deliver(b.created(w), b.finalized(w))
			mail := w.received(i + 1)[i]
			if want := strings.ReplaceAll(tt.subject, "{}", b.number); mail.Subject != want {
				t.Errorf("%s: subject: got %q, want %q", tt.locale, mail.Subject, want)
			}
			if !strings.Contains(mail.Text, tt.amount) {
				t.Errorf("%s: no %q in\n%s", tt.locale, tt.amount, mail.Text)
			}
		}
	})
}

func TestRepeatedAndReorderedWebhooksSendOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE")
		stories := map[string]func(b bill) []webhook{
			"the same five times": func(b bill) []webhook {
				same := b.finalized(w)
				return []webhook{b.created(w), same, same, same, same, same}
			},
			"told again under another event's id": func(b bill) []webhook {
				return []webhook{b.finalized(w), b.finalized(w), b.event(w, "invoice_finalized", b.final.Add(time.Second))}
			},
			"the customer after the invoice": func(b bill) []webhook {
				return []webhook{b.finalized(w), b.created(w), b.finalized(w)}
			},
			"the draft after the invoice": func(b bill) []webhook {
				return []webhook{b.created(w), b.finalized(w), b.event(w, "invoice_created", b.final.Add(-time.Hour))}
			},
			"finalized after paid": func(b bill) []webhook {
				return []webhook{b.event(w, "invoice_paid", b.final.Add(time.Second)), b.finalized(w), b.created(w)}
			},
			"all of one second, backwards": func(b bill) []webhook {
				return []webhook{b.event(w, "invoice_paid", b.final), b.finalized(w), b.event(w, "invoice_created", b.final)}
			},
			"of an API version before basil": func(b bill) []webhook {
				b.api = "2022"
				same := b.finalized(w)
				return []webhook{same, b.created(w), same, b.event(w, "invoice_created", b.final.Add(-time.Hour))}
			},
		}
		owner := map[string]string{}
		for story, tell := range stories {
			b := newBill()
			owner[b.invoice] = story
			w.deliver(tell(b)...)
		}
		sent := map[string]int{}
		for _, x := range w.settled() {
			if x.Status != "SENT" {
				t.Errorf("%s: execution %s %s, want SENT", owner[x.InvoiceID], x.Status, x.Reason)
			}
			sent[owner[x.InvoiceID]]++
		}
		for story := range stories {
			if sent[story] != 1 {
				t.Errorf("%s: got %d messages, want 1", story, sent[story])
			}
		}
		if got := len(w.accepted()); got != len(stories) {
			t.Errorf("messages at the SMTP server: got %d, want %d", got, len(stories))
		}
	})
}
