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
	invoiceLetter        letter = "invoice"
	settledInvoiceLetter letter = "settled_invoice" // nothing is to be paid
	creditNoteLetter     letter = "credit_note"
	failedPaymentLetter  letter = "failed_payment"
)

var letters = []letter{invoiceLetter, settledInvoiceLetter, creditNoteLetter, failedPaymentLetter}

// chooseLetter says which letter a variant sends about the facts.
func chooseLetter(in *Input) (letter, error) {
	f := in.Facts
	switch in.Variant {
	case workflow.ToFinal:
		switch {
		case f.Invoice == nil:
			return "", fmt.Errorf("a message of %s needs an invoice", in.Variant)
		case f.Invoice.IsCredit():
			return creditNoteLetter, nil
		case settled(f.Invoice):
			return settledInvoiceLetter, nil
		default:
			return invoiceLetter, nil
		}
	case workflow.FailedPayment:
		if f.Payment == nil {
			return "", fmt.Errorf("a message of %s needs a payment", in.Variant)
		}
		return failedPaymentLetter, nil
	default:
		return "", fmt.Errorf("there is no built-in template for %s", in.Variant)
	}
}

// settled reports whether nothing is to be paid. An invoice of which no amount
// is known is not: that would be promised to the customer.
func settled(i *billing.Invoice) bool {
	open := i.OpenAmount()
	return i.IsPaid() || (open.IsSet() && open.Quantity.Sign() <= 0)
}

// labels are the lines that a table may have, by the names of their texts.
var labels = []string{
	"invoice_number", "invoice_date", "invoice_due_date", "invoice_amount", "invoice_open_amount",
	"credit_note_number", "credit_note_date", "credit_amount",
	"payment_amount", "payment_failure_reason", "payment_next_attempt_date",
}

// fact is one line of the table in a message.
type fact struct{ Label, Value string }

// facts are the lines of the table, those that are known.
func (s *sheet) facts(l letter, v values) []fact {
	var out []fact
	add := func(label, value string) {
		if value != "" {
			out = append(out, fact{s.locale.Labels[label], value})
		}
	}
	of := func(names ...string) {
		for _, name := range names {
			add(name, string(v[name]))
		}
	}
	switch l {
	case creditNoteLetter:
		add("credit_note_number", string(v["invoice_number"]))
		add("credit_note_date", string(v["invoice_date"]))
		add("credit_amount", clean(s.amount(abs(s.invoice.Total)), maxValue))
	case failedPaymentLetter:
		of("payment_amount", "invoice_number", "payment_failure_reason", "payment_next_attempt_date")
	case settledInvoiceLetter:
		of("invoice_number", "invoice_date", "invoice_amount")
	default:
		of("invoice_number", "invoice_date", "invoice_due_date", "invoice_amount")
		if v["invoice_open_amount"] != v["invoice_amount"] {
			of("invoice_open_amount")
		}
	}
	return out
}

// abs is the amount without its sign: some billing systems write credit notes
// with a minus, others without.
func abs(m billing.Money) billing.Money {
	m.Quantity = billing.Decimal(strings.TrimPrefix(string(m.Quantity), "-"))
	return m
}
