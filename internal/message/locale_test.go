package message_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func TestLocaleFallback(t *testing.T) {
	r := newRenderer(t)
	tests := []struct{ customer, platform, want, greeting string }{
		{"nl-BE", "en-GB", "nl-BE", "Beste"},
		{"nl_be", "en-GB", "nl-BE", "Beste"},
		{"nl", "en-GB", "nl", "Beste"},
		{"de-Latn-CH", "", "de-CH", "Guten Tag"},
		{"de-u-nu-thai", "", "de", "Guten Tag"},
		{"es-419", "", "es-419", "Hola"},
		{"", "fr-CA", "fr-CA", "Bonjour"},
		{"pl-PL", "fr-CA", "fr-CA", "Bonjour"},
		{"pl-PL", "cs", "en", "Dear"},
		{"af", "de-AT", "de-AT", "Guten Tag"},     // Afrikaans is not Dutch
		{"und-NL", "de-AT", "de-AT", "Guten Tag"}, // nor is everybody in the Netherlands
		{"nl-ZZ", "", "nl", "Beste"},
		{"nonsense\r\n", "", "en", "Dear"},
		{strings.Repeat("nl-", 50), "", "en", "Dear"},
	}
	for _, tt := range tests {
		in := invoiceInput()
		in.Facts.Customer.Locale, in.Platform.Locale = tt.customer, tt.platform
		m, err := r.Render(in)
		if err != nil || m.Locale != tt.want || !strings.HasPrefix(m.Text, tt.greeting) {
			t.Errorf("%q, %q: got %q and %.20q, %v, want %q and %q", tt.customer, tt.platform, m.Locale, m.Text, err, tt.want, tt.greeting)
		}
		if !strings.Contains(m.HTML, `<html lang="`+tt.want+`">`) {
			t.Errorf("%q: the HTML is not marked as %s", tt.customer, tt.want)
		}
	}
}

func TestRegionalTexts(t *testing.T) {
	r := newRenderer(t)
	for locale, want := range map[string]string{"de-DE": "Mit freundlichen Grüßen", "de-CH": "Freundliche Grüsse"} {
		in := invoiceInput()
		in.Facts.Customer.Locale = locale
		if m, err := r.Render(in); err != nil || !strings.Contains(m.Text, want) {
			t.Errorf("%s: want %q in %q, %v", locale, want, m.Text, err)
		}
	}
}

func TestFormatAmount(t *testing.T) {
	tests := []struct{ locale, quantity, currency, want string }{
		{"nl-NL", "25.50", "EUR", "€ 25,50"},
		{"nl-NL", "-1234.5", "EUR", "€ -1.234,50"},
		{"nl-BE", "1234567.89", "EUR", "€ 1.234.567,89"},
		{"de-DE", "1234.5", "EUR", "1.234,50 €"},
		{"de-AT", "1234.5", "EUR", "€ 1.234,50"},
		{"de-CH", "1234.50", "CHF", "CHF 1'234.50"},
		{"fr-FR", "1234.50", "EUR", "1 234,50 €"},
		{"es-ES", "1234.50", "EUR", "1234,50 €"},
		{"es-MX", "1234.50", "MXN", "$1,234.50"},
		{"es-MX", "1234.50", "USD", "USD 1,234.50"},
		{"en-BZ", "1234.50", "USD", "US$1,234.50"},
		{"es-BZ", "1234.50", "USD", "USD 1,234.50"},
		{"es-EC", "1234.50", "USD", "$1.234,50"},
		{"en-US", "-1234.50", "USD", "-$1,234.50"},
		{"en-GB", "1234.50", "USD", "US$1,234.50"},
		{"en", "1234.50", "GBP", "£1,234.50"},
		{"en-US", "1500", "JPY", "¥1,500"},
		{"en-US", "1500.00", "JPY", "¥1,500"},
		{"en-US", "1500.25", "JPY", "¥1,500.25"}, // never dropped
		{"en-US", "1.2", "KWD", "KWD 1.200"},
		{"en-US", "0.123456789", "USD", "$0.123456789"},
		{"en-US", "10.500000", "USD", "$10.50"},
		{"en-US", "-0.00", "USD", "$0.00"},
		{"nl", "25.5", "BGN", "BGN 25,50"},
		{"de", "25.5", "HRK", "25,50 HRK"},
		{"en", "25.5", "VEF", "VEF 25.50"},
		{"en", "1.5", "XAU", "XAU 1.5"},
		{"en", "100.500", "XXX", "XXX 100.500"},
		{"nl", "1234.5", "", "1.234,5"},
		{"en", "0.00000001", "USD", "0.00000001 USD"},
		{"en", "1234567890123456789012345678901234567", "EUR", "1234567890123456789012345678901234567 EUR"},
		{"en", "", "EUR", ""},
		{"de-CH", "1234.5", "", "1'234.5"},
	}
	for _, tt := range tests {
		m := billing.Money{Quantity: billing.Decimal(tt.quantity), Currency: tt.currency}
		got := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(message.FormatAmount(tt.locale, m, ""))
		if got != tt.want {
			t.Errorf("%s %s in %s: got %q, want %q", tt.quantity, tt.currency, tt.locale, got, tt.want)
		}
	}
	if got := message.FormatAmount("en", billing.Money{Quantity: "5"}, "EUR"); got != "€5.00" {
		t.Errorf("without a currency of its own: got %q, want the invoice's", got)
	}
}

// An amount keeps its value: the digits that are shown are those given, but
// for zeros at the end.
func TestFormatAmountKeepsDigits(t *testing.T) {
	digits := func(s string) string {
		return strings.TrimRight(strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s), "0")
	}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?`).Draw(t, "number")
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "CLF", "BGN", "XAU", "XYZ", ""}).Draw(t, "currency")
		locale := rapid.SampledFrom([]string{"en-US", "nl-NL", "de-CH", "fr-CA", "es-419", "en-150"}).Draw(t, "locale")
		got := message.FormatAmount(locale, billing.Money{Quantity: billing.Decimal(number), Currency: currency}, "")
		if digits(got) != digits(number) {
			t.Fatalf("%s %s in %s: got %q", number, currency, locale, got)
		}
	})
}

// Every published currency can be written.
func TestFormatAmountOfPublishedCurrencies(t *testing.T) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				code := string([]rune{a, b, c})
				if !billing.KnownCurrency(code) {
					continue
				}
				got := message.FormatAmount("en", billing.Money{Quantity: "12.34", Currency: code}, "")
				if !strings.Contains(got, "12.34") || got == "12.34" {
					t.Errorf("%s: got %q", code, got)
				}
			}
		}
	}
}

func TestDates(t *testing.T) {
	r := newRenderer(t)
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		locale string
		date   time.Time
		want   string
	}{
		{"en-US", day, "November 23, 2026"},
		{"en", day, "November 23, 2026"},
		{"en-GB", day, "23 November 2026"},
		{"en-IE", day, "23 November 2026"},
		{"nl-NL", day, "23 november 2026"},
		{"de-DE", day, "23. November 2026"},
		{"fr-FR", day, "23 novembre 2026"},
		{"es-ES", day, "23 de noviembre de 2026"},
		{"fr-FR", first, "1er janvier 2026"},
		{"de-DE", first, "1. Januar 2026"},
		{"de-AT", first, "1. Jänner 2026"},
	}
	for _, tt := range tests {
		if got := r.FormatDate(tt.locale, tt.date); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.locale, got, tt.want)
		}
	}
}

// The zone of a date is the first that is set of invoice, entity and platform;
// the fact lies 30 minutes before midnight in UTC.
func TestZoneOfDates(t *testing.T) {
	r := newRenderer(t)
	tests := []struct{ invoice, entity, platform, want string }{
		{"America/New_York", "Europe/Amsterdam", "Asia/Tokyo", "31 oktober 2026"},
		{"", "Europe/Amsterdam", "UTC", "1 november 2026"},
		{"", "", "Asia/Tokyo", "1 november 2026"},
		{"nowhere", "", "", "31 oktober 2026"},
	}
	for _, tt := range tests {
		in := invoiceInput()
		in.Facts.Invoice.Timezone, in.Facts.Entity.Timezone, in.Platform.Timezone = tt.invoice, tt.entity, tt.platform
		in.Email.Subject = "{{invoice_date}}|{{invoice_due_date}}"
		m, err := r.Render(in)
		if want := tt.want + "|23 november 2026"; err != nil || m.Subject != want { // a plain due date stays as it is
			t.Errorf("%+v: got %q, %v, want %q", tt, m.Subject, err, want)
		}
	}
}

// A date that is over is not announced as one to come.
func TestDatesAhead(t *testing.T) {
	r := newRenderer(t)
	for now, want := range map[string]string{
		"2026-11-05T22:59:00Z": "5 november 2026|5 november 2026",
		"2026-11-05T23:00:00Z": "|",
	} {
		in := failedInput()
		in.Now = at(now)
		in.Facts.Invoice.ChargeAt = in.Facts.Payment.Dunning.NextAttemptAt
		in.Email.Subject = "{{payment_next_attempt_date}}|{{invoice_charge_date}}"
		if m, err := r.Render(in); err != nil || m.Subject != want {
			t.Errorf("at %s: got %q, %v, want %q", now, m.Subject, err, want)
		}
	}
	in := settledInput() // what is paid is not collected any more
	in.Facts.Invoice.ChargeAt = in.Now.AddDate(0, 0, 3)
	in.Email.Subject = "{{#if invoice_charge_date}}charged{{else}}not charged{{/if}}"
	if m, err := r.Render(in); err != nil || m.Subject != "not charged" {
		t.Errorf("paid: got %q, %v", m.Subject, err)
	}
}

// A catalogue with something missing or misspelt is found at the start, not
// when a message is due.
func TestCatalogueIsChecked(t *testing.T) {
	tests := []struct{ overlay, want string }{
		{`{}`, ""},
		{`{"letters": {"overdue": {"subject": "x", "title": "x", "body": []}}}`, "the letter overdue is missing"},
		{`{"labels": {"wallet_name": ""}}`, "the label wallet_name is missing"},
		{`{"greeting": ""}`, "a text is missing"},
		{`{"greeting": "{{#if invoice_number}}"}`, "never closed"},
		{`{"greeting": "{{customer}}"}`, "there is no variable customer"},
		{`{"greetings": "x"}`, "greetings"},
		{`{"colon": ""}`, "colon"},
		{`{"months": ["January"]}`, "months"},
		{`{"letters": {"credit_note": {"subject": "x", "title": "x", "body": []}}}`, "the letter credit_note is missing"},
		{`{"reasons": {"expired": ""}}`, "the reason expired is missing"},
		{`{"labels": {"credit_amount": ""}}`, "the label credit_amount is missing"},
	}
	for _, tt := range tests {
		err := message.CheckCatalogue("en", tt.overlay)
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want an error with %q", tt.overlay, err, tt.want)
		}
	}
}

// Another language may lack the letters that English stands in for, with their
// labels, but neither one of the others nor a label of a letter that it has.
func TestUntranslatedLetters(t *testing.T) {
	const without = `{"subject": "x", "title": "x", "body": []}`
	tests := []struct{ overlay, want string }{
		{`{"letters": {"overdue": ` + without + `, "free_trial": ` + without + `}, "labels": {"days_overdue": "", "trial_end_date": ""}}`, ""},
		{`{"letters": {"overdue": ` + without + `}, "labels": {"wallet_name": ""}}`, "the label wallet_name is missing"},
		{`{"letters": {"failed_payment": ` + without + `}}`, "the letter failed_payment is missing"},
	}
	for _, tt := range tests {
		err := message.CheckCatalogue("nl", tt.overlay)
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want an error with %q", tt.overlay, err, tt.want)
		}
	}
}

// A letter that the reader's language does not have is written in English as a
// whole: its words, dates and amounts.
func TestLetterFallsBackToEnglish(t *testing.T) {
	r := newRenderer(t)
	tests := []struct{ customer, platform, want, due, amount string }{
		{"nl-NL", "", "en", "November 23, 2026", "€1,000.00"},
		{"de-CH", "fr-FR", "en", "November 23, 2026", "€1,000.00"},
		{"nl-NL", "en-GB", "en-GB", "23 November 2026", "€1,000.00"},
		{"en-IE", "nl-NL", "en-IE", "23 November 2026", "€1,000.00"},
	}
	for _, tt := range tests {
		in := overdueInput()
		in.Facts.Customer.Locale, in.Platform.Locale = tt.customer, tt.platform
		in.Email.Subject = "{{invoice_due_date}}|{{invoice_open_amount}}"
		m, err := r.Render(in)
		if err != nil || m.Locale != tt.want || m.Subject != tt.due+"|"+tt.amount || !strings.HasPrefix(m.Text, "Dear ") {
			t.Errorf("%s, %s: got %q, %q and %.20q, %v, want %q and %q", tt.customer, tt.platform, m.Locale, m.Subject, m.Text, err, tt.want, tt.due+"|"+tt.amount)
		}
		if !strings.Contains(m.HTML, `<html lang="`+tt.want+`">`) {
			t.Errorf("%s: the HTML is not marked as %s", tt.customer, tt.want)
		}
		in.Variant = workflow.ToFinal // which every language has
		if m, err := r.Render(in); err != nil || m.Locale != tt.customer {
			t.Errorf("%s: TO_FINAL: got %q, %v", tt.customer, m.Locale, err)
		}
	}
}

// The days since the due date are counted in the seller's zone, from the day after.
func TestDaysOverdue(t *testing.T) {
	r := newRenderer(t)
	due := at("2026-11-22T23:30:00Z") // the 23rd in Amsterdam
	tests := []struct {
		on   string
		due  time.Time
		now  string
		want string
	}{
		{"2026-11-23", time.Time{}, "2026-11-23T22:59:59Z", ""},
		{"2026-11-23", time.Time{}, "2026-11-23T23:00:00Z", "1"},
		{"2026-11-23", time.Time{}, "2026-12-07T12:00:00Z", "14"},
		{"2024-02-28", time.Time{}, "2024-03-01T12:00:00Z", "2"},
		{"2026-03-28", time.Time{}, "2026-03-29T22:30:00Z", "2"}, // across the change of clocks
		{"", due, "2026-11-23T12:00:00Z", ""},
		{"", due, "2026-11-24T12:00:00Z", "1"},
		{"", time.Time{}, "2026-11-24T12:00:00Z", ""},
		{"2026-12-31", time.Time{}, "2026-11-24T12:00:00Z", ""},
	}
	for _, tt := range tests {
		in := overdueInput()
		in.Facts.Invoice.DueOn, in.Facts.Invoice.DueDate, in.Now = tt.on, tt.due, at(tt.now)
		in.Email.Subject = "<{{days_overdue}}>"
		if m, err := r.Render(in); err != nil || m.Subject != "<"+tt.want+">" {
			t.Errorf("due %s%s at %s: got %q, %v, want %q", tt.on, tt.due.Format(time.RFC3339), tt.now, m.Subject, err, tt.want)
		}
	}
}

func TestWalletBalanceIsWritten(t *testing.T) {
	r := newRenderer(t)
	credits := func(q billing.Decimal) billing.Holding {
		return billing.Holding{Credits: billing.Credits{Quantity: q, CreditTypeID: "crty_1"}}
	}
	both := credits("120")
	both.Amount = eur("12.00")
	tests := []struct {
		balance      billing.Holding
		locale, want string
	}{
		{credits("1234.50"), "en-US", "1,234.5"},
		{credits("120.00"), "en-US", "120"},
		{credits("0"), "en-US", "0"},
		{credits("-0.00"), "en-US", "0"},
		{credits("0.123456789"), "en-US", "0.123456789"},
		{credits("-1234567"), "en-GB", "-1,234,567"},
		{billing.Holding{Amount: eur("1234.5")}, "en-US", "€1,234.50"},
		{billing.Holding{Amount: billing.Money{Quantity: "5", Currency: "USD"}}, "en-GB", "US$5.00"},
		{both, "en-US", "120"},
		{billing.Holding{}, "en-US", ""},
	}
	for _, tt := range tests {
		in := walletInput()
		in.Facts.Customer.Locale, in.Facts.Wallet.Balance = tt.locale, tt.balance
		in.Email.Subject = "<{{wallet_balance}}>"
		if m, err := r.Render(in); err != nil || m.Subject != "<"+tt.want+">" {
			t.Errorf("%+v in %s: got %q, %v, want %q", tt.balance, tt.locale, m.Subject, err, tt.want)
		}
	}
}
