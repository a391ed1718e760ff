package message

import (
	"fmt"
	"strings"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// letter is a kind of message. One variant may need several: a credit note is
// announced in other words than an invoice.
type letter string

const (
	invoiceLetter         letter = "invoice"
	settledInvoiceLetter  letter = "settled_invoice" // nothing is to be paid
	creditNoteLetter      letter = "credit_note"
	failedPaymentLetter   letter = "failed_payment"
	overdueLetter         letter = "overdue"
	upcomingPaymentLetter letter = "upcoming_payment"
	freeTrialLetter       letter = "free_trial"
	walletBalanceLetter   letter = "wallet_balance"
)

var letters = []letter{
	invoiceLetter, settledInvoiceLetter, creditNoteLetter, failedPaymentLetter,
	overdueLetter, upcomingPaymentLetter, freeTrialLetter, walletBalanceLetter,
}

// untranslated are the letters that need not exist in any language but English.
var untranslated = []letter{overdueLetter, upcomingPaymentLetter, freeTrialLetter, walletBalanceLetter}

// chooseLetter says which letter a variant sends about the facts.
func chooseLetter(in *Input) (letter, error) {
	f := in.Facts
	switch in.Variant {
	case workflow.ToFinal:
		return chooseInvoiceLetter(in)
	case workflow.Overdue:
		return overdueLetter, in.needs("an invoice", f.Invoice != nil)
	case workflow.UpcomingPaymentRemind:
		return upcomingPaymentLetter, in.needs("an invoice", f.Invoice != nil)
	case workflow.FailedPayment:
		return failedPaymentLetter, in.needs("a payment", f.Payment != nil)
	case workflow.FreeTrialReminder:
		return freeTrialLetter, in.needs("a subscription", f.Subscription != nil)
	case workflow.WalletBalance:
		return walletBalanceLetter, in.needs("a wallet", f.Wallet != nil)
	default:
		return "", fmt.Errorf("there is no built-in template for %s", in.Variant)
	}
}

func chooseInvoiceLetter(in *Input) (letter, error) {
	invoice := in.Facts.Invoice
	switch err := in.needs("an invoice", invoice != nil); {
	case err != nil:
		return "", err
	case invoice.IsCredit():
		return creditNoteLetter, nil
	case settled(invoice):
		return settledInvoiceLetter, nil
	default:
		return invoiceLetter, nil
	}
}

// needs reports that a message cannot be about what is not there.
func (in *Input) needs(what string, there bool) error {
	if !there {
		return fmt.Errorf("a message of %s needs %s", in.Variant, what)
	}
	return nil
}

// settled reports whether nothing is to be paid. An invoice of which no amount
// is known is not: that would be promised to the customer.
func settled(i *billing.Invoice) bool {
	open := i.OpenAmount()
	return i.IsPaid() || (open.IsSet() && open.Quantity.Sign() <= 0)
}

// tables are the lines of the table in each letter, by the names of their
// labels. Most are those of the variables that they show.
var tables = map[letter][]string{
	invoiceLetter:         {"invoice_number", "invoice_date", "invoice_due_date", "invoice_amount", "invoice_open_amount"},
	settledInvoiceLetter:  {"invoice_number", "invoice_date", "invoice_amount"},
	creditNoteLetter:      {"credit_note_number", "credit_note_date", "credit_amount"},
	failedPaymentLetter:   {"payment_amount", "invoice_number", "payment_failure_reason", "payment_next_attempt_date"},
	overdueLetter:         {"invoice_number", "invoice_date", "invoice_due_date", "days_overdue", "invoice_open_amount"},
	upcomingPaymentLetter: {"invoice_number", "invoice_due_date", "invoice_charge_date", "invoice_open_amount"},
	freeTrialLetter:       {"subscription_name", "trial_end_date"},
	walletBalanceLetter:   {"wallet_name", "wallet_balance"},
}

// fact is one line of the table in a message.
type fact struct{ Label, Value string }

// facts are the lines of the table, those that are known.
func (s *sheet) facts(l letter, v values) []fact {
	var out []fact
	for _, label := range tables[l] {
		if l == invoiceLetter && label == "invoice_open_amount" && v[label] == v["invoice_amount"] {
			continue // the total says it
		}
		if value := s.fact(label, v); value != "" {
			out = append(out, fact{s.locale.Labels[label], value})
		}
	}
	return out
}

// fact is what stands beside a label.
func (s *sheet) fact(label string, v values) string {
	switch label {
	case "credit_note_number":
		return string(v["invoice_number"])
	case "credit_note_date":
		return string(v["invoice_date"])
	case "credit_amount":
		return clean(s.amount(abs(s.invoice.Total)), maxValue)
	default:
		return string(v[label])
	}
}

// abs is the amount without its sign: some billing systems write credit notes
// with a minus, others without.
func abs(m billing.Money) billing.Money {
	m.Quantity = billing.Decimal(strings.TrimPrefix(string(m.Quantity), "-"))
	return m
}
