package billing

import "time"

// PaymentResult is how an attempt to pay ended, as on the wire.
type PaymentResult string

// The results of a payment.
const (
	Authorized  PaymentResult = "AUTHORIZED"
	Cancelled   PaymentResult = "CANCELLED"
	ChargedBack PaymentResult = "CHARGED_BACK"
	Errored     PaymentResult = "ERROR"
	Pending     PaymentResult = "PENDING"
	Refused     PaymentResult = "REFUSED"
	Refunded    PaymentResult = "REFUNDED"
)

// PaymentResults lists the results.
var PaymentResults = []PaymentResult{Authorized, Cancelled, ChargedBack, Errored, Pending, Refused, Refunded}

// Failed reports whether the attempt did not bring the money.
func (r PaymentResult) Failed() bool { return r == Refused || r == Errored }

// Payment is one attempt, or a chain of attempts, to pay an invoice.
type Payment struct {
	Head
	ExternalReference string        `json:"external_reference"`
	InvoiceID         InvoiceID     `json:"invoice_id"`
	CustomerID        CustomerID    `json:"customer_id"`
	Amount            Money         `json:"amount"`
	Result            PaymentResult `json:"result"`
	Details           ResultDetails `json:"result_details"`
	Method            string        `json:"payment_method_type"`
	Timestamp         time.Time     `json:"timestamp"`
	Dunning           Dunning       `json:"dunning_action_details"`
}

// ResultDetails says why a payment ended as it did.
type ResultDetails struct {
	Code           string `json:"code"`
	Reason         string `json:"reason"`
	ExternalCode   string `json:"external_code"`
	ExternalReason string `json:"external_reason"`
}

// Dunning is where a payment stands in the billing system's own retries.
type Dunning struct {
	Attempt              int       `json:"attempt"` // from 1; 0 is not set
	ExternalReference    string    `json:"external_reference"`
	NextAttemptScheduled bool      `json:"next_attempt_scheduled"`
	NextAttemptAt        time.Time `json:"next_attempt_at"`
}

// underWay is how long money is believed to be on its way (contract B1).
const underWay = 14 * 24 * time.Hour

// Covers reports whether the payment is about to pay all that is open on its
// invoice: then nobody is reminded of it.
func (p *Payment) Covers(i *Invoice, now time.Time) bool {
	open, since := i.OpenAmount(), firstTime(p.Timestamp, p.CreatedAt)
	return (p.Result == Pending || p.Result == Authorized) && now.Sub(since) < underWay &&
		p.Amount.IsSet() && p.Amount.Currency == open.Currency && p.Amount.Quantity.Cmp(open.Quantity) >= 0
}

// Kind implements [Resource].
func (*Payment) Kind() Kind { return KindPayment }

// rank: money that came back is over everything, any result over PENDING.
func (p *Payment) rank() int {
	switch p.Result {
	case Refunded, ChargedBack:
		return 3
	case Pending, "":
		return 1
	default:
		return 2
	}
}
