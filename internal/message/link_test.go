package message_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func TestPaymentLink(t *testing.T) {
	r := newRenderer(t)
	tests := []struct {
		name    string
		change  func(*message.Input)
		want    string
		warning string
	}{
		{name: "the invoice's own", change: func(*message.Input) {}, want: "https://pay.example.com/i/42?a=1&b=2"},
		{name: "not wanted", change: func(in *message.Input) { in.Email.Invoice.IncludePaymentLink = false }},
		{name: "not collectible", change: func(in *message.Input) { in.Facts.Invoice.Open = eur("0.00") }},
		{name: "overdue", change: func(in *message.Input) { in.Variant = workflow.Overdue }, want: "https://pay.example.com/i/42?a=1&b=2"},
		{name: "upcoming, though the action wants one", change: func(in *message.Input) { in.Variant = workflow.UpcomingPaymentRemind }},
		{name: "upcoming, of an action without a block", change: func(in *message.Input) {
			in.Variant, in.Email.Invoice = workflow.UpcomingPaymentRemind, nil
		}},
		{name: "credit note", change: func(in *message.Input) { in.Facts.Invoice.Type = billing.InvoiceCredit }},
		{
			name:   "the platform's, values escaped",
			change: template("https://pay.example.com/{{customer_id}}/{{invoice_number}}?c={{customer_legal_name}}"),
			want:   "https://pay.example.com/cust_1/2026-0042?c=Acme%20%3CTools%3E%20%26%20Zn.%20B.V.",
		},
		{
			name:    "unknown variable",
			change:  template("https://pay.example.com/{{nonsense}}"),
			want:    "https://pay.example.com/",
			warning: "There is no variable nonsense, it was left empty in the payment link.",
		},
		{name: "broken template", change: template("https://pay.example.com/{{"), warning: "The payment link was left out: the template cannot be read"},
		{name: "script", change: link("javascript:alert(1)"), warning: "The payment link was left out"},
		{name: "no scheme", change: link("//pay.example.com"), warning: "The payment link was left out"},
		{name: "no host", change: link("https:///x"), warning: "The payment link was left out"},
		{name: "user", change: link("https://bank.example@evil.example/"), warning: "The payment link was left out"},
		{name: "line break", change: link("https://pay.example.com/?a\r\nb"), warning: "The payment link was left out"},
		{name: "space", change: link("https://pay.example.com/?a b"), warning: "The payment link was left out"},
		{name: "bidi", change: link("https://pay.example.com/?\u202e"), warning: "The payment link was left out"},
		{name: "long", change: link("https://pay.example.com/?" + strings.Repeat("a", 2048)), warning: "The payment link was left out"},
	}
	for _, tt := range tests {
		in := invoiceInput()
		tt.change(&in)
		m, err := r.Render(in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		html := strings.ReplaceAll(m.HTML, "&amp;", "&")
		if has := strings.Contains(html, "<a "); has != (tt.want != "") || !strings.Contains(html, tt.want) || !strings.Contains(m.Text, tt.want) {
			t.Errorf("%s: want the link %q in\n%s", tt.name, tt.want, m.Text)
		}
		if got := strings.Join(m.Warnings, "|"); !strings.HasPrefix(got, tt.warning) || (tt.warning == "") != (got == "") {
			t.Errorf("%s: got warnings %q, want %q", tt.name, got, tt.warning)
		}
	}
}

func template(s string) func(*message.Input) {
	return func(in *message.Input) {
		in.Facts.Invoice.PayLink.URL, in.Platform.PaymentLinkTemplate = "", s
	}
}

func link(s string) func(*message.Input) {
	return func(in *message.Input) { in.Facts.Invoice.PayLink.URL = s }
}

func TestCheckPaymentLink(t *testing.T) {
	if err := message.CheckPaymentLink("https://pay.example.com/{{invoice_number}}?c={{customer_id}}"); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"", "{{invoice_number}}", "ftp://x.example/", "https://{{customer_reference}}.example/", "https://x.example/{{nope}}", "https://x.example/{{"} {
		if err := message.CheckPaymentLink(s); err == nil {
			t.Errorf("%q: want an error", s)
		}
	}
}

func TestBranding(t *testing.T) {
	colors := []struct{ primary, color, on string }{
		{"#0F766E", "#0f766e", "#ffffff"},
		{"#fe0", "#ffee00", "#1a1d23"},
		{"", "#1d4ed8", "#ffffff"},
		{"red", "#1d4ed8", "#ffffff"},
		{"#12345", "#1d4ed8", "#ffffff"},
		{"#123456;x:y", "#1d4ed8", "#ffffff"},
		{"#123456\n", "#1d4ed8", "#ffffff"},
	}
	for _, tt := range colors {
		if color, on := message.PrimaryColor(billing.Branding{Colors: billing.Colors{Primary: tt.primary}}); color != tt.color || on != tt.on {
			t.Errorf("%q: got %s and %s, want %s and %s", tt.primary, color, on, tt.color, tt.on)
		}
	}
	r := newRenderer(t)
	for logo, shown := range map[string]bool{
		"https://logo.example/a.png": true, "http://logo.example/a.png": false, "data:image/png;base64,AAAA": false, "": false,
	} {
		in := invoiceInput()
		in.Facts.Entity.Branding.Logo.PublicURL = logo
		if m, err := r.Render(in); err != nil || strings.Contains(m.HTML, "<img") != shown {
			t.Errorf("logo %q: want it shown %t, %v", logo, shown, err)
		}
	}
}

// No code of a provider is shown, and none that says more than the customer
// should read.
func TestFailureReason(t *testing.T) {
	r := newRenderer(t)
	tests := []struct {
		result         billing.PaymentResult
		code, external string
		want           string
	}{
		{billing.Refused, "", "", "Declined by the bank or card issuer"},
		{billing.Errored, "", "", "A technical problem while processing the payment"},
		{billing.Refused, "INSUFFICIENT-FUNDS", "", "Insufficient funds"},
		{billing.Refused, "REFUSED", "expired_card", "The payment method has expired"},
		{billing.Refused, "", "authentication_required", "The payment was not confirmed with the bank"},
		{billing.Refused, "", "AC04", "The payment details are no longer valid"},
		{billing.Errored, "", "AM04", "Insufficient funds"},
		{billing.Refused, "", "stolen_card", "Declined by the bank or card issuer"},
		{billing.Refused, "", "fraudulent", "Declined by the bank or card issuer"},
		{billing.Pending, "", "AM04", ""},
	}
	for _, tt := range tests {
		in := failedInput()
		in.Facts.Customer.Locale = "en-US"
		in.Facts.Payment.Result = tt.result
		in.Facts.Payment.Details = billing.ResultDetails{Code: tt.code, ExternalCode: tt.external, Reason: "raw-reason", ExternalReason: "raw-reason"}
		m, err := r.Render(in)
		if err != nil || !strings.Contains(m.Text, "Reason: "+tt.want) != (tt.want == "") {
			t.Errorf("%+v: %v in\n%s", tt, err, m.Text)
		}
		if strings.Contains(m.Text+m.HTML, "raw-reason") || (tt.external != "" && strings.Contains(m.Text+m.HTML, tt.external)) {
			t.Errorf("%+v: the code is shown", tt)
		}
	}
}

func TestVariablesAreDescribed(t *testing.T) {
	var names []string
	for _, v := range message.Variables {
		if !strings.HasSuffix(v.Meaning, ".") || slices.Contains(names, v.Name) {
			t.Errorf("%s: no sentence, or twice", v.Name)
		}
		names = append(names, v.Name)
	}
	for _, want := range []string{
		"customer_legal_name", "invoice_number", "invoice_date", "invoice_due_date", "invoice_currency", "invoice_amount",
		"invoice_open_amount", "payment_link", "payment_amount", "payment_failure_reason", "payment_next_attempt_date", "seller_name",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s", want)
		}
	}
}
