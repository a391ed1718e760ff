package message_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func newRenderer(t testing.TB) *message.Renderer {
	t.Helper()
	r, err := message.NewRenderer()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func eur(quantity billing.Decimal) billing.Money {
	return billing.Money{Quantity: quantity, Currency: "EUR"}
}

// invoiceInput is an open invoice for a Dutch customer, with everything known.
func invoiceInput() message.Input {
	return message.Input{
		Variant: workflow.ToFinal,
		Email: workflow.SendEmail{
			TemplateName: "default",
			Variant:      workflow.Invoice,
			Invoice:      &workflow.InvoiceEmail{Type: workflow.ToFinal, IncludePaymentLink: true},
		},
		Facts: workflow.Facts{
			Customer: &billing.Customer{
				Head: billing.Head{ID: "cust_1"}, Type: billing.Organization, Status: billing.CustomerActive,
				Email: "ap@acme.example", Locale: "nl-NL",
				Organization: billing.OrganizationDetails{LegalName: "Acme <Tools> & Zn. B.V."},
			},
			Entity: &billing.BillingEntity{
				LegalName: "Lumen Cloud B.V.", Email: "billing@lumen.example", Timezone: "Europe/Amsterdam",
				RegisteredAddress: billing.Address{Line1: "Herengracht 1", PostalCode: "1015 BA", City: "Amsterdam", Country: "NL"},
				Branding:          billing.Branding{Name: "Lumen", Colors: billing.Colors{Primary: "#0f766e"}},
			},
			Invoice: &billing.Invoice{
				Head: billing.Head{ID: "inv_1"}, Number: "2026-0042", Status: billing.InvoiceFinal, Type: billing.InvoiceStandard,
				InvoiceDate: at("2026-10-31T23:30:00Z"), DueOn: "2026-11-23", Currency: "EUR",
				Total: eur("1234.50"), Open: eur("1000.00"), PaymentStatus: billing.PartiallyPaid,
				PayLink: billing.PayLink{URL: "https://pay.example.com/i/42?a=1&b=2"},
			},
		},
		Platform:    platform.Platform{Name: "Lumen platform", Locale: "en-GB", Timezone: "UTC"},
		DefaultFrom: "noreply@mailer.example",
		DeliveryKey: "dlvr_0001",
		Now:         at("2026-11-01T08:00:00.7Z"),
	}
}

// creditInput announces a credit note.
func creditInput() message.Input {
	in := invoiceInput()
	in.Facts.Invoice.Type = billing.InvoiceCredit
	in.Facts.Invoice.Total, in.Facts.Invoice.Open = eur("-25.00"), billing.Money{}
	in.Facts.Invoice.PaymentStatus = billing.Unpaid
	return in
}

// settledInput announces an invoice on which nothing is to be paid.
func settledInput() message.Input {
	in := invoiceInput()
	in.Facts.Invoice.Open, in.Facts.Invoice.PaymentStatus = eur("0.00"), billing.Paid
	return in
}

// failedInput is a payment that was refused and will be tried again.
func failedInput() message.Input {
	in := invoiceInput()
	in.Variant = workflow.FailedPayment
	in.Email.Variant, in.Email.Invoice, in.Email.Payment = workflow.Payment, nil, &workflow.PlainEmail{}
	in.Facts.Payment = &billing.Payment{
		Amount: eur("1000.00"), Result: billing.Refused, Timestamp: at("2026-11-01T07:59:00Z"),
		Details: billing.ResultDetails{Code: "DECLINED", ExternalCode: "insufficient_funds"},
		Dunning: billing.Dunning{Attempt: 1, NextAttemptScheduled: true, NextAttemptAt: at("2026-11-04T23:30:00Z")},
	}
	return in
}

// loneInput is a failed payment that belongs to no invoice and is not retried.
func loneInput() message.Input {
	in := failedInput()
	in.Facts.Invoice, in.Facts.Payment.Dunning = nil, billing.Dunning{}
	return in
}

// chargedInput is an invoice that will be collected by itself.
func chargedInput() message.Input {
	in := invoiceInput()
	in.Facts.Invoice.ChargeAt = at("2026-11-20T09:00:00Z")
	in.Email.Invoice.IncludePaymentLink = false
	return in
}

// overdueInput is the invoice two weeks after its due date.
func overdueInput() message.Input {
	in := invoiceInput()
	in.Variant, in.Email.Invoice.Type = workflow.Overdue, workflow.Overdue
	in.Now = at("2026-12-07T08:00:00Z")
	return in
}

// upcomingInput is the invoice before its due date.
func upcomingInput() message.Input {
	in := invoiceInput()
	in.Variant = workflow.UpcomingPaymentRemind
	in.Email.Invoice = &workflow.InvoiceEmail{Type: workflow.UpcomingPaymentRemind}
	return in
}

// upcomingChargeInput is the invoice before it is collected by itself.
func upcomingChargeInput() message.Input {
	in := upcomingInput()
	in.Facts.Invoice.ChargeAt = at("2026-11-20T09:00:00Z")
	return in
}

// trialInput is a trial that ends half an hour after midnight in Amsterdam.
func trialInput() message.Input {
	in := invoiceInput()
	in.Variant = workflow.FreeTrialReminder
	in.Email.Variant, in.Email.Invoice, in.Email.Subscription = workflow.Subscription, nil, &workflow.PlainEmail{}
	in.Facts.Invoice = nil
	in.Facts.Subscription = &billing.Subscription{
		Head: billing.Head{ID: "ppsu_1", Reference: "sub-1"}, Name: "Team plan", Status: billing.SubscriptionActive,
	}
	in.Facts.Trial = &billing.ScheduleInfo{ID: "ppsc_1", Type: billing.Trial, EndAt: at("2026-11-14T23:30:00Z")}
	return in
}

// walletInput is a wallet of credits that runs low.
func walletInput() message.Input {
	in := invoiceInput()
	in.Variant = workflow.WalletBalance
	in.Email.Variant, in.Email.Invoice = "", nil
	in.Facts.Invoice = nil
	in.Facts.Wallet = &billing.Wallet{
		Head:    billing.Head{ID: "wall_1", Reference: "w-1"},
		Balance: billing.Holding{Credits: billing.Credits{Quantity: "1200.00", CreditTypeID: "crty_1"}},
	}
	in.Facts.WalletType = &billing.WalletType{Head: billing.Head{ID: "wtyp_1"}, Name: "API credits", Status: billing.WalletActive}
	return in
}

// moneyWalletInput is a wallet of money.
func moneyWalletInput() message.Input {
	in := walletInput()
	in.Facts.WalletType.Name = "Prepaid balance"
	in.Facts.Wallet.Balance = billing.Holding{Amount: eur("12.5")}
	return in
}

func TestGolden(t *testing.T) {
	inputs := map[string]func() message.Input{
		"invoice": invoiceInput, "invoice-charged": chargedInput, "invoice-settled": settledInput,
		"credit-note": creditInput, "failed-payment": failedInput, "failed-payment-alone": loneInput,
	}
	goldens(t, inputs, "en-US", "nl-NL", "de-DE", "fr-FR", "es-ES")
}

// The letters that only English has yet.
func TestGoldenInEnglish(t *testing.T) {
	inputs := map[string]func() message.Input{
		"overdue": overdueInput, "upcoming-payment": upcomingInput, "upcoming-charge": upcomingChargeInput,
		"free-trial": trialInput, "wallet-credits": walletInput, "wallet-money": moneyWalletInput,
	}
	goldens(t, inputs, "en-US", "en-GB")
}

func goldens(t *testing.T, inputs map[string]func() message.Input, locales ...string) {
	t.Helper()
	r := newRenderer(t)
	for name, input := range inputs {
		for _, locale := range locales {
			in := input()
			in.Facts.Customer.Locale = locale
			m, err := r.Render(in)
			if err != nil {
				t.Fatalf("%s in %s: %v", name, locale, err)
			}
			if len(m.Warnings) > 0 || m.Locale != locale {
				t.Errorf("%s in %s: got locale %s and warnings %q", name, locale, m.Locale, m.Warnings)
			}
			golden(t, name+"."+locale+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			golden(t, name+"."+locale+".html", m.HTML)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestRenderWithLittleKnown(t *testing.T) {
	r := newRenderer(t)
	for variant, want := range map[workflow.Variant]struct{ subject, body string }{
		workflow.ToFinal: {
			"Invoice", "Your invoice is ready.\n\nIf you have any questions about this invoice, we are happy to help.",
		},
		workflow.Overdue: {
			"Reminder: your invoice is not paid yet",
			"We have not yet received your payment for your invoice.\n\nPlease pay as soon as you can.\n\n" +
				"If you have paid in the meantime, please disregard this message. If you have any questions about this invoice, we are happy to help.",
		},
		workflow.UpcomingPaymentRemind: {
			"Your upcoming payment",
			"This is a reminder that your invoice is not paid yet.\n\n" +
				"If you have paid already, please disregard this message. If you have any questions about this invoice, we are happy to help.",
		},
		workflow.FreeTrialReminder: {
			"Your free trial ends soon",
			"Your free trial ends soon.\n\nIf you would like to change or cancel your subscription, please do so in time.\n\n" +
				"If you have any questions, we are happy to help.",
		},
		workflow.WalletBalance: {
			"Your remaining balance",
			"The balance of your wallet is running low.\n\nPlease top it up in time, so that nothing is interrupted.\n\n" +
				"If you have topped it up in the meantime, please disregard this message. If you have any questions, we are happy to help.",
		},
	} {
		in := message.Input{
			Variant: variant, DefaultFrom: "a@b.example",
			Facts: workflow.Facts{
				Customer: &billing.Customer{Email: "c@d.example"},
				Invoice:  &billing.Invoice{}, Subscription: &billing.Subscription{}, Wallet: &billing.Wallet{},
			},
		}
		m, err := r.Render(in)
		if err != nil {
			t.Errorf("%s: %v", variant, err)
			continue
		}
		if text := "Hello,\n\n" + want.body + "\n\nKind regards,\n"; m.Text != text {
			t.Errorf("%s: got %q, want %q", variant, m.Text, text)
		}
		if m.Subject != want.subject {
			t.Errorf("%s: got subject %q, want %q", variant, m.Subject, want.subject)
		}
	}
}

// A person may send a letter before or after its time. What it says is true then,
// too.
func TestLettersOutOfTime(t *testing.T) {
	r := newRenderer(t)
	for name, c := range map[string]struct {
		in            message.Input
		now           string
		subject, says string
	}{
		"overdue":                  {overdueInput(), "2026-12-07T08:00:00Z", "is overdue", "which was due on 23 November 2026.\n\nPlease pay as soon as you can, for"},
		"overdue, on the day":      {overdueInput(), "2026-11-23T08:00:00Z", "is not paid yet", "which is due on 23 November 2026.\n\nPlease pay by then, for"},
		"overdue, before its time": {overdueInput(), "2026-11-01T08:00:00Z", "is not paid yet", "which is due on 23 November 2026.\n\nPlease pay by then, for"},
		"upcoming":                 {upcomingInput(), "2026-11-01T08:00:00Z", "Your upcoming payment", "is due on 23 November 2026.\n\nPlease make sure that €1,000.00 is paid by then."},
		"upcoming, too late":       {upcomingInput(), "2026-12-07T08:00:00Z", "Your payment", "was due on 23 November 2026.\n\nPlease pay €1,000.00 as soon as you can."},
		"trial":                    {trialInput(), "2026-11-01T08:00:00Z", "ends on 15 November 2026", "ends on 15 November 2026.\n\nIf you would like to change or cancel your subscription, please do so before then."},
		"trial, its last moment":   {trialInput(), "2026-11-14T23:29:59Z", "ends on 15 November 2026", "please do so before then."},
		"trial, over":              {trialInput(), "2026-11-14T23:30:00Z", "ended on 15 November 2026", "ended on 15 November 2026.\n\nIf you have any questions"},
	} {
		c.in.Now = at(c.now)
		c.in.Facts.Customer.Locale = "en-GB"
		m, err := r.Render(c.in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(m.Subject, c.subject) || !strings.Contains(m.Text, c.says) {
			t.Errorf("%s: got %q\n%s\nwant %q and %q", name, m.Subject, m.Text, c.subject, c.says)
		}
	}
}

// Of an invoice on which nothing was paid, the announcement has one amount, its
// total; a reminder has what is due.
func TestAmountsOfAnUnpaidInvoice(t *testing.T) {
	r := newRenderer(t)
	for want, input := range map[string]func() message.Input{"Total amount": invoiceInput, "Amount due": overdueInput} {
		in := input()
		in.Facts.Customer.Locale, in.Facts.Invoice.Open = "en", in.Facts.Invoice.Total
		m, err := r.Render(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, label := range []string{"Total amount", "Amount due"} {
			if has := strings.Contains(m.Text, "\n"+label+": €1,234.50\n"); has != (label == want) {
				t.Errorf("%s: got %s: %v in\n%s", in.Variant, label, has, m.Text)
			}
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	r := newRenderer(t)
	tests := map[string]func(*message.Input){
		"TO_FINAL needs an invoice":         func(in *message.Input) { in.Facts.Invoice = nil },
		"OVERDUE needs an invoice":          func(in *message.Input) { in.Variant, in.Facts.Invoice = workflow.Overdue, nil },
		"REMINDER needs an invoice":         func(in *message.Input) { in.Variant, in.Facts.Invoice = workflow.UpcomingPaymentRemind, nil },
		"needs a payment":                   func(in *message.Input) { in.Variant = workflow.FailedPayment },
		"needs a subscription":              func(in *message.Input) { in.Variant = workflow.FreeTrialReminder },
		"needs a wallet":                    func(in *message.Input) { in.Variant = workflow.WalletBalance },
		"no built-in template for BIRTHDAY": func(in *message.Input) { in.Variant = "BIRTHDAY" },
		"the action's subject is not valid": func(in *message.Input) { in.Email.Subject = "Hi {{#if invoice_number}}" },
	}
	for want, change := range tests {
		in := invoiceInput()
		change(&in)
		m, err := r.Render(in)
		if err == nil || !strings.Contains(err.Error(), want) || !cmp.Equal(m, message.Message{}) {
			t.Errorf("got %+v and error %v, want nothing and an error with %q", m, err, want)
		}
	}
}

func TestSubjectOfAction(t *testing.T) {
	r := newRenderer(t)
	tests := []struct{ name, template, want, warning string }{
		{"variables", "{{seller_name}}: {{invoice_number}} ({{invoice_amount}})", "Lumen: 2026-0042 (€ 1.234,50)", ""},
		{"not escaped", "For {{customer_legal_name}}", "For Acme <Tools> & Zn. B.V.", ""},
		{"condition", "{{#if payment_amount}}P{{else if invoice_number}}I{{else}}N{{/if}}", "I", ""},
		{"unless", "{{#unless invoice_number}}none{{/unless}}some", "some", ""},
		{"unknown", "A{{nonsense}}{{nonsense}}B", "AB", "There is no variable nonsense, it was left empty in the subject."},
		{"empty", "{{nonsense}} ", "Factuur 2026-0042 van Lumen", "There is no variable nonsense, it was left empty in the subject.|The action's subject came out empty, the built-in one was used."},
		{"one line", "A\r\nBcc: x@y.example\x00\u202eZ", "A Bcc: x@y.exampleZ", ""},
		{"long", strings.Repeat("ü", 400), strings.Repeat("ü", 254) + "…", ""},
		{"payment link", "{{payment_link}}", "https://pay.example.com/i/42?a=1&b=2", ""},
	}
	for _, tt := range tests {
		in := invoiceInput()
		in.Email.Subject = tt.template
		m, err := r.Render(in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := strings.Join(m.Warnings, "|"); m.Subject != tt.want || got != tt.warning {
			t.Errorf("%s: got %q and warnings %q, want %q and %q", tt.name, m.Subject, got, tt.want, tt.warning)
		}
	}
}

func TestTemplateNameIsWarnedOf(t *testing.T) {
	r := newRenderer(t)
	for name, warnings := range map[string]int{"": 0, "default": 0, "winter\r\n": 1} {
		in := invoiceInput()
		in.Email.TemplateName = name
		m, err := r.Render(in)
		if err != nil || len(m.Warnings) != warnings || m.Template != "built-in:TO_FINAL" {
			t.Errorf("template %q: got %q, warnings %q, error %v", name, m.Template, m.Warnings, err)
		}
	}
}

func TestHTMLIsEscaped(t *testing.T) {
	r := newRenderer(t)
	in := invoiceInput()
	in.Facts.Customer.Organization.LegalName = `<script>alert("1")</script>`
	in.Facts.Invoice.Number = `"><img src=x onerror=a>`
	in.Facts.Entity.Branding.Name = `<b>'x'</b>`
	in.Facts.Entity.Branding.Colors.Primary = `red;background:url(//x)`
	in.Facts.Entity.Branding.Logo.PublicURL = `https://logo.example/a.png?"onerror="x`
	in.Facts.Invoice.PayLink.URL = `https://pay.example/?"><script>`
	in.Facts.Entity.RegisteredAddress.City = "<i>"
	m, err := r.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img src=x", "<b>", "<i>", "url(", `"onerror`} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("the HTML has %s:\n%s", bad, m.HTML)
		}
	}
}

func TestMessageIsBounded(t *testing.T) {
	r := newRenderer(t)
	in := failedInput()
	huge := strings.Repeat("ü<", 1<<20)
	in.Facts.Subscription, in.Facts.WalletType = &billing.Subscription{Name: huge}, &billing.WalletType{Name: huge}
	in.Facts.Customer.Organization.LegalName = huge
	in.Facts.Invoice.Number, in.Facts.Invoice.PayLink.URL = huge, "https://pay.example/"+huge
	in.Facts.Entity.LegalName, in.Facts.Entity.Branding.Name = huge, huge
	in.Facts.Entity.Branding.Logo.PublicURL = "https://pay.example/" + huge
	in.Facts.Entity.RegisteredAddress = billing.Address{Line1: huge, Line2: huge, City: huge, State: huge, Country: huge}
	m, err := r.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.HTML) + len(m.Text) + len(m.Subject) + len(m.From.Name) + len(m.To[0].Name); n > 256<<10 {
		t.Errorf("got %d bytes, want at most 256 KiB", n)
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	a, b := newRenderer(t), newRenderer(t)
	inputs := []func() message.Input{invoiceInput, creditInput, settledInput, failedInput, loneInput, chargedInput, overdueInput, upcomingInput, trialInput, walletInput}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom(inputs).Draw(t, "input")()
		in.Facts.Customer.Locale = rapid.SampledFrom([]string{"nl-BE", "de-CH", "fr-CA", "es-MX", "en", "pl", ""}).Draw(t, "locale")
		in.Facts.Customer.Organization.LegalName = rapid.String().Draw(t, "name")
		in.Email.Subject = rapid.SampledFrom([]string{"", "{{a}}{{b}}{{invoice_number}}"}).Draw(t, "subject")
		in.DeliveryKey = rapid.String().Draw(t, "key")
		one, err1 := a.Render(in)
		two, err2 := b.Render(in)
		if diff := cmp.Diff(one, two); diff != "" || (err1 == nil) != (err2 == nil) {
			t.Fatalf("the same input gave two messages (%v, %v):\n%s", err1, err2, diff)
		}
	})
}

func TestMessageID(t *testing.T) {
	r := newRenderer(t)
	tests := []struct{ key, from, want string }{
		{"dlvr_0001", "billing@Lumen.Example", "dlvr_0001@lumen.example"},
		{"a b\r\n>", "a@b.example", "d260f72e0a00382e54fa6737bcf1017c@b.example"},
		{"k", "a@büro.example", "k@xn--bro-hoa.example"},
		{"k", "a@[192.0.2.1]", "k@dunwell.invalid"},
	}
	for _, tt := range tests {
		in := invoiceInput()
		in.DeliveryKey, in.Facts.Entity.Email = tt.key, tt.from
		m, err := r.Render(in)
		if err != nil || m.MessageID != tt.want {
			t.Errorf("got %q, %v, want %q", m.MessageID, err, tt.want)
		}
		if !m.Date.Equal(at("2026-11-01T08:00:00Z")) {
			t.Errorf("got date %v, want whole seconds of now", m.Date)
		}
	}
}

func TestPanicsBecomeErrors(t *testing.T) {
	for _, boom := range []func() string{func() string { panic("boom") }, func() string { return strings.Fields("")[0] }} {
		p, err := message.ParsePhrase("{{invoice_number}}")
		if err != nil {
			t.Fatal(err)
		}
		if out, err := message.ExecutePhrase(p, map[string]any{"invoice_number": boom}); err == nil {
			t.Errorf("got %q, want an error", out)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	r := newRenderer(b)
	for name, in := range map[string]message.Input{"invoice": invoiceInput(), "failed-payment": failedInput()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Render(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("own-subject", func(b *testing.B) {
		b.ReportAllocs()
		in := invoiceInput()
		in.Email.Subject = "{{seller_name}}: {{#if invoice_number}}{{invoice_number}}{{else}}invoice{{/if}}"
		for b.Loop() {
			if _, err := r.Render(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
