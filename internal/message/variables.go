package message

import (
	"slices"
	"strconv"
	"time"

	"github.com/mailgun/raymond/v2"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// Variable is a name that templates may use. All are flat, mean the same in
// subject, body and payment link, and are empty where the fact is not known.
type Variable struct {
	Name    string
	Meaning string // one sentence for the documentation
	value   func(*sheet) string
}

// paymentLinkName is the variable that is filled in last, because it may be
// made of the others.
const paymentLinkName = "payment_link"

// Variables lists the variables. Amounts are written with their currency and
// dates in words, both as the customer's locale does.
var Variables = []Variable{
	{"customer_legal_name", "Name of the customer: of the company, or of the person.", func(s *sheet) string { return s.customer.Name() }},
	{"customer_id", "Id of the customer.", func(s *sheet) string { return s.customer.ID }},
	{"customer_reference", "The seller's own reference of the customer.", func(s *sheet) string { return s.customer.Reference }},
	{"seller_name", "Name of the seller: its brand, else its legal name, else the platform's name.", func(s *sheet) string { return s.seller }},
	{"invoice_id", "Id of the invoice or credit note.", func(s *sheet) string { return s.invoice.ID }},
	{"invoice_reference", "The seller's own reference of the invoice.", func(s *sheet) string { return s.invoice.Reference }},
	{"invoice_number", "Number of the invoice or credit note.", func(s *sheet) string { return s.invoice.Number }},
	{"invoice_date", "Date of the invoice, in the seller's time zone.", func(s *sheet) string { return s.date(s.invoice.InvoiceDate) }},
	{"invoice_due_date", "Date by which the invoice is to be paid.", (*sheet).dueDate},
	{"days_overdue", "How many days ago the invoice was to be paid, in the seller's time zone; empty until the day after.", (*sheet).daysOverdue},
	{"invoice_charge_date", "Date on which the open amount will be collected automatically, while that is ahead.", (*sheet).chargeDate},
	{"invoice_currency", "Currency of the invoice, such as EUR.", func(s *sheet) string { return s.invoice.Currency }},
	{"invoice_amount", "Total of the invoice including tax, with its currency.", func(s *sheet) string { return s.amount(s.invoice.Total) }},
	{"invoice_open_amount", "What is still to be paid of the invoice, with its currency.", func(s *sheet) string { return s.amount(s.invoice.OpenAmount()) }},
	{paymentLinkName, "Address at which the customer can pay; empty when none is wanted or nothing is to be paid.", func(*sheet) string { return "" }},
	{"payment_amount", "Amount of the payment, with its currency.", func(s *sheet) string { return s.amount(s.payment.Amount) }},
	{"payment_date", "Date of the payment, in the seller's time zone.", func(s *sheet) string { return s.date(s.payment.Timestamp) }},
	{"payment_failure_reason", "Why the payment failed, in general terms; empty while it has not failed.", (*sheet).failure},
	{"payment_next_attempt_date", "Date on which the payment will be tried again, while that is ahead.", func(s *sheet) string { return s.ahead(s.payment.Dunning.NextAttemptAt) }},
	{"subscription_name", "Name of the subscription.", func(s *sheet) string { return s.subscription.Name }},
	{"subscription_reference", "The seller's own reference of the subscription.", func(s *sheet) string { return s.subscription.Reference }},
	{"trial_end_date", "Date on which the free trial ends, in the seller's time zone.", func(s *sheet) string { return s.date(s.trial.EndAt) }},
	{"trial_days_left", "How many days the free trial goes on, in the seller's time zone: 0 on its last day, empty once it is over.", (*sheet).trialDaysLeft},
	{"wallet_name", "Name of the wallet: of its type.", func(s *sheet) string { return s.walletType.Name }},
	{"wallet_reference", "The seller's own reference of the wallet.", func(s *sheet) string { return s.wallet.Reference }},
	{"wallet_balance", "What is left in the wallet: a number of credits, else an amount with its currency.", (*sheet).walletBalance},
}

func known(name string) bool {
	return slices.ContainsFunc(Variables, func(v Variable) bool { return v.Name == name })
}

// sheet is the facts as templates see them: nothing is nil, and the locale and
// the seller's zone are settled.
type sheet struct {
	customer *billing.Customer
	entity   *billing.BillingEntity
	invoice  *billing.Invoice
	payment  *billing.Payment

	subscription *billing.Subscription
	trial        *billing.ScheduleInfo
	wallet       *billing.Wallet
	walletType   *billing.WalletType

	seller string
	locale locale
	zone   *time.Location
	now    time.Time
}

func newSheet(in *Input, l locale) *sheet {
	f := in.Facts
	s := &sheet{
		customer: orEmpty(f.Customer), entity: orEmpty(f.Entity), invoice: orEmpty(f.Invoice), payment: orEmpty(f.Payment),
		subscription: orEmpty(f.Subscription), trial: orEmpty(f.Trial), wallet: orEmpty(f.Wallet), walletType: orEmpty(f.WalletType),
		seller: clean(seller(in).Name, maxValue), locale: l, now: in.Now,
	}
	s.zone = calendar.FirstZone(s.invoice.Timezone, s.entity.Timezone, in.Platform.Timezone)
	return s
}

func orEmpty[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

// values gives every variable its value.
func (s *sheet) values() values {
	v := make(values, len(Variables))
	for _, variable := range Variables {
		v[variable.Name] = raymond.SafeString(clean(variable.value(s), maxValue))
	}
	return v
}

// amount writes an amount of the invoice or of the payment.
func (s *sheet) amount(m billing.Money) string {
	return formatAmount(s.locale.name, m, s.invoice.Currency)
}

// date writes the civil date of an instant in the seller's zone.
func (s *sheet) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return s.locale.date(t.In(s.zone))
}

// ahead is like date, but empty for days that are over: nobody announces them.
func (s *sheet) ahead(t time.Time) string {
	if s.now.In(s.zone).Format(time.DateOnly) > t.In(s.zone).Format(time.DateOnly) {
		return ""
	}
	return s.date(t)
}

// dueDay is the civil date by which the invoice is to be paid, as its midnight
// in UTC; zero if there is none. A plain date is taken as it is, whatever the zone.
func (s *sheet) dueDay() time.Time {
	if day, err := time.Parse(time.DateOnly, s.invoice.DueOn); err == nil {
		return day
	}
	if s.invoice.DueDate.IsZero() {
		return time.Time{}
	}
	return civilDay(s.invoice.DueDate.In(s.zone))
}

// civilDay is midnight in UTC of the date that t has in its zone.
func civilDay(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (s *sheet) dueDate() string {
	day := s.dueDay()
	if day.IsZero() {
		return ""
	}
	return s.locale.date(day)
}

func (s *sheet) daysOverdue() string {
	day := s.dueDay()
	late := (civilDay(s.now.In(s.zone)).Unix() - day.Unix()) / (24 * 60 * 60)
	if day.IsZero() || late <= 0 {
		return ""
	}
	return strconv.FormatInt(late, 10)
}

// trialDaysLeft is empty from the moment at which the trial is over: that day
// may still go on.
func (s *sheet) trialDaysLeft() string {
	if s.trial.EndAt.IsZero() || !s.now.Before(s.trial.EndAt) {
		return ""
	}
	left := civilDay(s.trial.EndAt.In(s.zone)).Unix() - civilDay(s.now.In(s.zone)).Unix()
	return strconv.FormatInt(left/(24*60*60), 10)
}

func (s *sheet) chargeDate() string {
	if !s.invoice.Collectible() {
		return ""
	}
	return s.ahead(s.invoice.ChargeAt)
}

func (s *sheet) failure() string {
	if !s.payment.Result.Failed() {
		return ""
	}
	return s.locale.Reasons[failureReason(s.payment)]
}

func (s *sheet) walletBalance() string {
	left := s.wallet.Balance
	if left.Credits.IsSet() {
		return formatNumber(s.locale.name, left.Credits.Quantity)
	}
	return formatAmount(s.locale.name, left.Amount, "")
}
