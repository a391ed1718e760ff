package message_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var emailOff = []billing.Preference{{Type: "INVOICE", Channels: []billing.Channel{{Type: "EMAIL"}}}}

func contact(name, email string, preferences ...billing.Preference) *billing.Contact {
	return &billing.Contact{Name: billing.PersonName{FirstName: name}, Email: email, NotificationPreferences: preferences}
}

// show writes addresses as "Name a@b, c@d".
func show(list ...message.Address) string {
	var out []string
	for _, a := range list {
		out = append(out, strings.TrimSpace(a.Name+" "+a.Email))
	}
	return strings.Join(out, ", ")
}

func TestRecipients(t *testing.T) {
	r := newRenderer(t)
	tests := []struct {
		name        string
		change      func(*message.Input)
		to, cc, bcc string
		warnings    int
	}{
		{name: "customer alone", change: func(*message.Input) {}, to: "Acme <Tools> & Zn. B.V. ap@acme.example"},
		{
			name: "person",
			change: func(in *message.Input) {
				in.Facts.Customer.Organization = billing.OrganizationDetails{}
				in.Facts.Customer.Individual.Name = billing.PersonName{FirstName: "Jan", Infix: "van der", LastName: "Meer"}
			},
			to: "Jan van der Meer ap@acme.example",
		},
		{
			name: "contacts when the action says so",
			change: func(in *message.Input) {
				in.Email.Invoice.ContactsAsCC = true
				in.Facts.Contacts = []*billing.Contact{contact("Ann", "ann@acme.example"), contact("Bob", ""), contact("Cas", "cas@acme.example", emailOff...)}
			},
			to: "Acme <Tools> & Zn. B.V. ap@acme.example", cc: "Ann ann@acme.example",
		},
		{
			name:   "no contacts when it does not",
			change: func(in *message.Input) { in.Facts.Contacts = []*billing.Contact{contact("Ann", "ann@acme.example")} },
			to:     "Acme <Tools> & Zn. B.V. ap@acme.example",
		},
		{
			name: "each once, To over CC over BCC, whatever the case",
			change: func(in *message.Input) {
				in.Email.Invoice.ContactsAsCC = true
				in.Email.CC = []string{"AP@acme.example", "x@y.example", "X@Y.example"}
				in.Facts.Contacts = []*billing.Contact{contact("Xi", "x@Y.example"), contact("Ann", "ann@acme.example")}
				in.Email.BCC = []string{"Ann@acme.example", "ap@ACME.example", "z@y.example", "Z@y.example"}
			},
			to: "Acme <Tools> & Zn. B.V. ap@acme.example", cc: "x@y.example, Ann ann@acme.example", bcc: "z@y.example",
		},
		{
			name: "copies that are not valid are left out",
			change: func(in *message.Input) {
				in.Email.CC = []string{"a@b\r\nBcc: c@d.example", "ok@y.example"}
				in.Email.BCC = []string{"nobody"}
			},
			to: "Acme <Tools> & Zn. B.V. ap@acme.example", cc: "ok@y.example", warnings: 2,
		},
	}
	for _, tt := range tests {
		in := invoiceInput()
		tt.change(&in)
		m, err := r.Render(in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if strings.Contains(strings.Join(m.Warnings, ""), "example") {
			t.Errorf("%s: an address shows in the warnings %q", tt.name, m.Warnings)
		}
		if show(m.To...) != tt.to || show(m.CC...) != tt.cc || show(m.BCC...) != tt.bcc || len(m.Warnings) != tt.warnings {
			t.Errorf("%s: got to %q, cc %q, bcc %q, warnings %q", tt.name, show(m.To...), show(m.CC...), show(m.BCC...), m.Warnings)
		}
	}
}

func TestRecipientsAreBounded(t *testing.T) {
	in := invoiceInput()
	in.Email.Invoice.ContactsAsCC = true
	for i := range 150 {
		in.Facts.Contacts = append(in.Facts.Contacts, contact("", fmt.Sprintf("c%d@acme.example", i)))
	}
	in.Email.CC, in.Email.BCC = []string{"cc@y.example"}, []string{"c149@acme.example"}
	m, err := newRenderer(t).Render(in)
	if err != nil || len(m.CC) != 98 || show(m.BCC...) != "c149@acme.example" {
		t.Errorf("got %d copies, blind ones to %q, %v; want 98 and one", len(m.CC), show(m.BCC...), err)
	}
	if want := "53 contacts got no copy: a message has at most 100 recipients."; strings.Join(m.Warnings, "|") != want {
		t.Errorf("got warnings %q, want %q", m.Warnings, want)
	}
}

func TestNobodyToWriteTo(t *testing.T) {
	r := newRenderer(t)
	tests := []struct {
		name   string
		change func(*message.Input)
		want   error
	}{
		{"no customer", func(in *message.Input) { in.Facts.Customer = nil }, message.ErrNoRecipient},
		{"no email", func(in *message.Input) { in.Facts.Customer.Email = "" }, message.ErrNoRecipient},
		{"bad email", func(in *message.Input) { in.Facts.Customer.Email = "ap@acme.example, b@c.example" }, message.ErrNoRecipient},
		{"switched off", func(in *message.Input) { in.Facts.Customer.NotificationPreferences = emailOff }, message.ErrPreferenceOff},
	}
	for _, tt := range tests {
		in := invoiceInput()
		tt.change(&in)
		if _, err := r.Render(in); !errors.Is(err, tt.want) || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: got %v, want %v and no address", tt.name, err, tt.want)
		}
	}
}

// Who wants no mail about invoices gets none about them or their payments, but
// hears of a trial and of a wallet.
func TestPreferencesSpeakOfInvoices(t *testing.T) {
	r := newRenderer(t)
	for name, tt := range map[string]struct {
		input func() message.Input
		want  error
	}{
		"invoice": {invoiceInput, message.ErrPreferenceOff}, "overdue": {overdueInput, message.ErrPreferenceOff},
		"upcoming": {upcomingInput, message.ErrPreferenceOff}, "payment": {failedInput, message.ErrPreferenceOff},
		"trial": {trialInput, nil}, "wallet": {walletInput, nil},
	} {
		in := tt.input()
		in.Facts.Customer.NotificationPreferences = emailOff
		if _, err := r.Render(in); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	in := trialInput()
	in.Email.Subscription.ContactsAsCC = true
	in.Facts.Contacts = []*billing.Contact{contact("Cas", "cas@acme.example", emailOff...)}
	if m, err := r.Render(in); err != nil || show(m.CC...) != "Cas cas@acme.example" {
		t.Errorf("a contact: got %q, %v, want a copy", show(m.CC...), err)
	}
}

func TestSender(t *testing.T) {
	r := newRenderer(t)
	tests := []struct {
		name          string
		change        func(*message.Input)
		from, replyTo string
		err           string
	}{
		{name: "billing entity under its brand", change: func(*message.Input) {}, from: "Lumen billing@lumen.example"},
		{
			name:   "under its legal name",
			change: func(in *message.Input) { in.Facts.Entity.Branding.Name = "" },
			from:   "Lumen Cloud B.V. billing@lumen.example",
		},
		{
			name:   "integration under the entity's name",
			change: func(in *message.Input) { in.Facts.Entity.Email = "" },
			from:   "Lumen noreply@mailer.example",
		},
		{
			name:   "integration under the platform's name",
			change: func(in *message.Input) { in.Facts.Entity = nil },
			from:   "Lumen platform noreply@mailer.example",
		},
		{
			name: "action",
			change: func(in *message.Input) {
				in.Email.From = &workflow.Mailbox{Name: "Dunning", Email: "d@lumen.example"}
				in.Email.ReplyTo = &workflow.Mailbox{Name: "Help\r\n", Email: "help@lumen.example"}
			},
			from: "Dunning d@lumen.example", replyTo: "Help help@lumen.example",
		},
		{
			name:   "nobody",
			change: func(in *message.Input) { in.Facts.Entity, in.DefaultFrom = nil, "" },
			err:    "there is no address to send from",
		},
		{
			name:   "a bad address is not passed over",
			change: func(in *message.Input) { in.Facts.Entity.Email = "billing at lumen" },
			err:    "addressing the sender",
		},
		{
			name:   "nor is one for replies",
			change: func(in *message.Input) { in.Email.ReplyTo = &workflow.Mailbox{Email: "x@y\n"} },
			err:    "addressing the replies",
		},
	}
	for _, tt := range tests {
		in := invoiceInput()
		tt.change(&in)
		m, err := r.Render(in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || show(m.From) != tt.from || show(m.ReplyTo) != tt.replyTo {
			t.Errorf("%s: got from %q, reply to %q, %v", tt.name, show(m.From), show(m.ReplyTo), err)
		}
	}
}

func TestAddress(t *testing.T) {
	good := []string{"a@b.example", "o'neil+tag@b.example", "jörg@büro.example", "a@localhost", "a@[192.0.2.1]"}
	bad := []string{
		"", "a", "@b.example", "a@", "a@b@c", "a b@c.example", "A <a@b.example>", "<a@b.example>", "a@b.example (x)", `"a b"@c.example`,
		"a@b.example\n", "a\x00@b.example", "a\u200b@b.example", "a\u202e@b.example", "a@b.example,c@d.example", "a@b\xff.example",
		strings.Repeat("a", 250) + "@b.example",
	}
	for _, email := range good {
		if a, err := message.NewAddress("", email); err != nil || a.Email != email {
			t.Errorf("%q: got %v, %v, want it as it is", email, a, err)
		}
	}
	for _, email := range bad {
		if a, err := message.NewAddress("", email); err == nil {
			t.Errorf("%q: got %v, want an error", email, a)
		}
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Acme\r\nBcc: x", "Acme Bcc: x"},
		{" a\t\u2028b\u3000 c ", "a b c"},
		{"pay\u200bpal \u202egro\u2069\ufeff", "paypal gro"},
		{"\u3164\u115f", ""},
		{"a\x00\x7f\u0085b", "a b"},
		{"€\u00a025", "€\u00a025"},
		{"\xff", "\ufffd"},
		{strings.Repeat("x", 21), strings.Repeat("x", 19) + "…"},
	}
	for _, tt := range tests {
		if got := message.Clean(tt.in, 20); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzHeaders puts anything into whatever ends up in a header, and checks that
// nothing comes out that could begin another header.
func FuzzHeaders(f *testing.F) {
	r := newRenderer(f)
	f.Add("Acme\r\nBcc: x@y.example", "a@b.example\r\nBcc: c@d.example", "{{customer_legal_name}}\r\nX: y", "k\r\n")
	f.Add("\u202e\x00", "a@\u2028b", "{{#if invoice_number}}\u2029{{/if}}", "")
	f.Fuzz(func(t *testing.T, name, email, subject, key string) {
		in := invoiceInput()
		in.Facts.Customer.Organization.LegalName, in.Facts.Entity.Branding.Name, in.Facts.Invoice.Number = name, name, name
		in.Email.CC, in.Email.BCC, in.Email.Subject, in.DeliveryKey = []string{email}, []string{email}, subject, key
		if _, err := message.NewAddress("", email); err == nil {
			in.Facts.Customer.Email, in.Email.From = email, &workflow.Mailbox{Name: name, Email: email}
		}
		m, err := r.Render(in)
		if err != nil {
			if message.CheckSubject(subject) == nil {
				t.Fatalf("rendering %q: %v", subject, err)
			}
			return
		}
		headers := []string{m.MessageID, m.Subject, m.From.Name, m.From.Email, m.Locale}
		for _, a := range slices.Concat(m.To, m.CC, m.BCC) {
			headers = append(headers, a.Name, a.Email)
		}
		for _, h := range headers {
			if strings.ContainsFunc(h, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) {
				t.Errorf("%q would go into a header", h)
			}
		}
		if strings.ContainsAny(m.MessageID, " <>") || strings.Count(m.MessageID, "@") != 1 {
			t.Errorf("got Message-ID %q", m.MessageID)
		}
	})
}
