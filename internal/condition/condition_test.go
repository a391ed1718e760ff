package condition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
)

func eur(quantity billing.Decimal) billing.Money {
	return billing.Money{Quantity: quantity, Currency: "EUR"}
}

// known are states with something in most members.
func known() condition.States {
	customer := &billing.Customer{
		Head: billing.Head{ID: "c1", Metadata: jsontext.Value(`{"tier":"gold","seats":12,"vip":true,"none":null,"tags":["a","b"],"deep":{"x":"y"}}`)},
		Type: billing.Organization, Status: billing.CustomerActive, Email: "ap@acme.example", Locale: "nl-NL",
		Organization:            billing.OrganizationDetails{LegalName: "Acme", RegisteredAddress: billing.Address{Country: "NL"}},
		NotificationPreferences: []billing.Preference{{Type: "INVOICE", Channels: []billing.Channel{{Type: "EMAIL", Enabled: true}}}},
	}
	invoice := &billing.Invoice{
		Head: billing.Head{ID: "i1"}, Number: "2026-7", Status: billing.InvoiceFinal, Type: billing.InvoiceStandard, CustomerID: "c1",
		SubscriptionIDs: []string{"s1", "s2"}, DueDate: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Currency: "EUR",
		Total: eur("120.50"), Open: eur("100.10"),
		Lines: []billing.Line{{Description: "Seats", Quantity: "2.50", Amount: eur("50")}, {Description: "Support", Amount: eur("70.50")}},
	}
	return condition.States{
		Invoice: invoice, Customer: customer,
		Payment: &billing.Payment{
			Head: billing.Head{ID: "p1"}, InvoiceID: "i1", Amount: eur("100.10"), Result: billing.Refused, Method: "card",
			Details: billing.ResultDetails{Code: "51"}, Dunning: billing.Dunning{Attempt: 2, NextAttemptScheduled: true},
		},
		Subscription: &billing.Subscription{
			Head: billing.Head{ID: "s1"}, Name: "Pro", Status: billing.SubscriptionActive,
			Schedules: []billing.ScheduleInfo{{ID: "t1", Type: billing.Trial, EndAt: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)}},
		},
		Wallet: &billing.Wallet{
			Head: billing.Head{ID: "w1"}, WalletTypeID: "wt", Status: billing.WalletActive,
			Balance: billing.Holding{Credits: billing.Credits{Quantity: "9.5", CreditTypeID: "tokens"}},
		},
	}
}

func ask(t *testing.T, about billing.Kind, text string, s condition.States) condition.Answer {
	t.Helper()
	if err := condition.Check(about, text); err != nil {
		t.Errorf("%s: %v", text, err)
		return condition.Answer{}
	}
	return condition.New(about, text).Of(condition.About(s))
}

func TestConditionHolds(t *testing.T) {
	for _, text := range []string{
		`true`,
		`invoice.open_invoice_amount > amount("100.00", "EUR")`,
		`invoice.open_invoice_amount >= amount("100.1", "EUR")`,
		`invoice.open_invoice_amount == amount("100.1000", "EUR")`,
		`invoice.open_invoice_amount < amount("100.11", "EUR") && amount("100.11", "EUR") > invoice.open_invoice_amount`,
		`invoice.open_invoice_amount <= invoice.invoice_amount_including_tax`,
		`invoice.open_invoice_amount != invoice.invoice_amount_including_tax`,
		`invoice.open_invoice_amount != null`,
		`invoice.paid_invoice_amount == null`,
		`invoice.open_invoice_amount.currency == "EUR"`,
		`invoice.open_invoice_amount.quantity > decimal("100.09")`,
		`invoice.billing_currency in ["EUR", "USD"]`,
		`customer.organization.registered_address.country == "NL"`,
		`customer.metadata["tier"] == "gold"`,
		`customer.metadata.tier == "gold"`,
		`customer.metadata.seats > 10 && customer.metadata["seats"] == 12`,
		`customer.metadata.seats > 11.5`,
		`customer.metadata.vip == true`,
		`customer.metadata.missing == null`,
		`customer.metadata["missing"] != "gold"`,
		`"tier" in customer.metadata && !("missing" in customer.metadata)`,
		`has(customer.metadata.tier) && !has(customer.metadata.missing)`,
		`customer.metadata.deep.x == "y" && customer.metadata.deep.z == null`,
		`customer.metadata.tags.exists(t, t == "b")`,
		`"s2" in invoice.pricing_plan_subscription_ids`,
		`invoice.due_date == timestamp("2026-12-01T00:00:00Z")`,
		`invoice.due_date < timestamp("2026-12-02T00:00:00Z")`,
		`invoice.due_date.getMonth() == 11`,
		`invoice.due_date - timestamp("2026-11-30T00:00:00Z") == duration("24h")`,
		`invoice.lines.exists(l, l.amount > amount("70", "EUR"))`,
		`invoice.lines.all(l, l.amount >= amount("50.00", "EUR"))`,
		`invoice.lines.exists(l, l.quantity >= decimal("2.5"))`,
		`size(invoice.lines) == 2 && invoice.lines.size() > 1`,
		`invoice.lines[0].description == "Seats"`,
		`customer.email.endsWith("@acme.example") && customer.locale.startsWith("nl") && customer.email.contains("acme")`,
		`customer.email.matches("^[a-z]+@acme[.]example$")`,
		`has(customer.email) && has(invoice.lines) && !has(invoice.charge_at) && !has(customer.individual)`,
		`invoice.paid == null`,
		`!invoice.on_hold`,
		`customer.notification_preferences.exists(p, p.channels.exists(c, c.enabled))`,
		`size(customer.email) > 3 && customer.email.size() > 3`,
		`customer.organization.legal_name + "!" == "Acme!"`,
	} {
		if got := ask(t, billing.KindInvoice, text, known()); !got.Holds {
			t.Errorf("%s: got %+v, want that it holds", text, got)
		}
	}
	for kind, texts := range map[billing.Kind][]string{
		billing.KindPayment: {
			`payment.result == "REFUSED" && payment.dunning_action_details.attempt >= 2`,
			`payment.result_details.code == "51" && payment.result_details.reason == null`,
			`payment.payment_method_details.type == "card"`,
			`payment.amount == invoice.open_invoice_amount && customer.status == "ACTIVE"`,
		},
		billing.KindSubscription: {
			`subscription.status == "ACTIVE" && subscription.pricing_plan_schedule_infos.exists(s, s.end_at > timestamp("2026-12-01T00:00:00Z"))`,
		},
		billing.KindWallet: {
			`wallet.balance.credits.quantity < decimal("10") && wallet.balance.credits.credit_type_id == "tokens"`,
			`wallet.balance.amount == null && wallet.granted == null && !has(wallet.granted.amount)`,
		},
	} {
		for _, text := range texts {
			if got := ask(t, kind, text, known()); !got.Holds {
				t.Errorf("%s: got %+v, want that it holds", text, got)
			}
		}
	}
}

// What cannot be compared is not more, not less, not the same and not another.
func TestConditionWithNothingToCompare(t *testing.T) {
	for _, text := range []string{
		`invoice.open_invoice_amount > amount("1", "USD")`,
		`invoice.open_invoice_amount < amount("1", "USD")`,
		`invoice.open_invoice_amount >= amount("100.10", "USD")`,
		`invoice.open_invoice_amount <= amount("100.10", "USD")`,
		`invoice.open_invoice_amount == amount("100.10", "USD")`,
		`invoice.open_invoice_amount != amount("100.10", "USD")`,
		`invoice.paid_invoice_amount > amount("0", "EUR")`,
		`invoice.paid_invoice_amount <= amount("0", "EUR")`,
		`amount("0", "EUR") <= invoice.paid_invoice_amount`,
		`invoice.paid_invoice_amount != amount("0", "EUR")`,
		`invoice.paid_invoice_amount == amount("0", "EUR")`,
		`invoice.paid_invoice_amount.quantity < decimal("1")`,
		`invoice.charge_at < timestamp("2030-01-01T00:00:00Z")`,
		`invoice.charge_at > timestamp("2020-01-01T00:00:00Z")`,
		`timestamp("2020-01-01T00:00:00Z") < invoice.charge_at`,
		`customer.timezone < "Z" || customer.timezone.startsWith("Europe")`,
		`customer.timezone.matches(".*") || customer.timezone.contains("") || customer.timezone.endsWith("")`,
		`customer.individual.residential_address.country == "NL"`,
		`customer.metadata.missing > 10`,
	} {
		got := ask(t, billing.KindInvoice, text, known())
		if want := (condition.Answer{}); got != want {
			t.Errorf("%s: got %+v, want false", text, got)
		}
	}
}

func TestConditionOfNothingKnown(t *testing.T) {
	for _, text := range []string{
		`invoice.open_invoice_amount > amount("100.00", "EUR")`,
		`customer.organization.registered_address.country == "NL"`,
		`customer.metadata["tier"] == "gold"`,
		`invoice.lines.exists(l, true)`,
		`invoice.on_hold`,
	} {
		if got := ask(t, billing.KindInvoice, text, condition.States{}); got.Holds {
			t.Errorf("%s: holds of nothing", text)
		}
	}
}

func TestConditionFails(t *testing.T) {
	for text, want := range map[string]string{
		`customer.metadata.tier > 10`:                                "no such overload",
		`amount(customer.metadata.tier, "EUR") > amount("1", "EUR")`: "amount() takes",
		`invoice.lines[7].description == "x"`:                        "index out of bounds",
		`customer.metadata.missing.deeper == "x"`:                    "no such key: deeper",
		`customer.metadata.seats / 0 == 1`:                           "",
		`1 / (size(invoice.lines) - 2) == 1`:                         "division by zero",
		`customer.metadata.tags.all(t, t == 1 || t / 2 == 1)`:        "no such overload",
	} {
		got := ask(t, billing.KindInvoice, text, known())
		if got.Err == nil || !strings.Contains(got.Err.Error(), want) || got.Holds {
			t.Errorf("%s: got %+v, want an error with %q", text, got, want)
		}
	}
}

func TestCheckSaysWhereAndWhat(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "line 1, column 1",
		"true &&":                              "line 1, column 8 something is missing at the end",
		"true == = true":                       "column 9 it cannot be read",
		"invoice.open_invoice_amount >\n  100": `line 1, column 29 > cannot be used with (amount, int): an amount is compared with another, such as amount("100.00", "EUR")`,
		"true\n&& invoice.opn == null":         "line 2, column 11 invoice has no member opn, only id, reference",
		`customer.organization.street == ""`:   "organization has no member street, only legal_name and registered_address",
		`payment.result == "REFUSED"`:          "payment is not known to a workflow of this type, only invoice and customer",
		`x == 1`:                               "there is no x, only invoice and customer",
		`invoice.open_invoice_amount`:          "of type amount",
		`customer.metadata["vip"]`:             "is compared",
		`invoice.due_date < "2026-01-01"`:      `such as timestamp("2026-01-31T00:00:00Z")`,
		`invoice.open_invoice_amount > amount("1e5", "EUR")`: `column 37 amount() takes a decimal`,
		`invoice.open_invoice_amount > amount("100", "XXY")`: `amount() takes a decimal`,
		`decimal("x") > decimal("1")`:                        `decimal() takes digits`,
		`invoice.due_date < timestamp("2026-01-01")`:         `timestamp() takes`,
		`duration("3 days") == duration("72h")`:              `duration() takes`,
		`customer.email.matches("(")`:                        `the pattern is wrong`,
		`customer.email.matches(customer.locale)`:            `must have its pattern as a literal`,
		`invoice{status: "FINAL"} == invoice`:                `an object is made of invoice`,
		`invoice.lines.all(a, invoice.lines.all(b, a == b))`: `fewer steps`,
		`has(true)`:                        `has() takes a member`,
		strings.Repeat("!", 4095) + "true": `at most 4096 bytes`,
		strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200): "",
	} {
		err := condition.Check(billing.KindInvoice, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", text, err, want)
		}
	}
}

func TestReading(t *testing.T) {
	const text = `invoice.open_invoice_amount > amount("500", "EUR") && customer.metadata["tier"] == "x" ||
		invoice.lines.exists(l, l.amount > invoice.invoice_amount_including_tax) || invoice.due_date == invoice.charge_at ||
		customer.organization.registered_address.country == "BE" || invoice.lines[1].description == "x" || invoice.on_hold`
	c := condition.New(billing.KindInvoice, text)
	want := &condition.Reading{Members: []condition.Read{
		{"invoice.open_invoice_amount", "100.10 EUR"},
		{`customer.metadata["tier"]`, "gold"},
		{"invoice.lines", "2 items"},
		{"invoice.invoice_amount_including_tax", "120.50 EUR"},
		{"invoice.due_date", "2026-12-01T00:00:00Z"},
		{"invoice.charge_at", "null"},
		{"customer.organization.registered_address.country", "NL"},
		{"invoice.lines[1].description", "Support"},
		{"invoice.on_hold", "false"},
	}}
	if diff := cmp.Diff(want, c.Read(condition.About(known()))); diff != "" {
		t.Errorf("reading (-want +got):\n%s", diff)
	}
}

func BenchmarkOf(b *testing.B) {
	for _, text := range []string{
		`invoice.open_invoice_amount > amount("100.00", "EUR")`,
		`customer.metadata["tier"] == "silver"`,
		`customer.organization.registered_address.country == "NL" && invoice.open_invoice_amount > amount("1000.00", "EUR")`,
		`customer.locale in ["de", "fr"]`,
		`invoice.lines.exists(l, l.amount > amount("1000.00", "EUR"))`,
	} {
		b.Run(text, func(b *testing.B) {
			c, a := condition.New(billing.KindInvoice, text), condition.About(known())
			c.Of(a)
			b.ReportAllocs()
			for b.Loop() {
				c.Of(a)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if err := condition.Check(billing.KindInvoice, `customer.metadata["tier"] == "silver" && invoice.open_invoice_amount > amount("100.00", "EUR")`); err != nil {
			b.Fatal(err)
		}
	}
}
