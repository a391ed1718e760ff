package condition

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// States are what a condition is asked about. A nil is not known, and all of its
// members are null.
type States struct {
	Invoice      *billing.Invoice
	Customer     *billing.Customer
	Payment      *billing.Payment
	Subscription *billing.Subscription
	Wallet       *billing.Wallet
	Zone         *time.Location // in which the plain due date of the invoice begins; nil: UTC
}

// Asking is states about which conditions are asked: a member is looked up once,
// however many conditions read it. It is for one goroutine.
type Asking struct {
	variables [len(variables)]ref.Val
	answers   map[*Condition]Answer
}

// About begins to ask about states, which must not change meanwhile.
func About(s States) *Asking {
	var invoice *dated
	if s.Invoice != nil {
		invoice = &dated{s.Invoice, s.Zone}
	}
	return &Asking{variables: [...]ref.Val{
		recordOf(invoiceShape, invoice),
		recordOf(customerShape, s.Customer),
		recordOf(paymentShape, s.Payment),
		recordOf(subscriptionShape, s.Subscription),
		recordOf(walletShape, s.Wallet),
	}}
}

// variable is one of the names that an expression may use.
type variable struct {
	name  string
	shape *shape
	// about are the kinds of workflow whose conditions have it.
	about []billing.Kind
}

// variables are in the order of [Asking.variables].
var variables = [...]variable{
	{"invoice", invoiceShape, []billing.Kind{billing.KindInvoice, billing.KindPayment}},
	{"customer", customerShape, []billing.Kind{billing.KindInvoice, billing.KindPayment, billing.KindSubscription, billing.KindWallet}},
	{"payment", paymentShape, []billing.Kind{billing.KindPayment}},
	{"subscription", subscriptionShape, []billing.Kind{billing.KindSubscription}},
	{"wallet", walletShape, []billing.Kind{billing.KindWallet}},
}

var _ interpreter.Activation = (*Asking)(nil)

// ResolveName implements [interpreter.Activation].
func (a *Asking) ResolveName(name string) (any, bool) {
	for i := range variables {
		if variables[i].name == name {
			return a.variables[i], true
		}
	}
	return nil, false
}

// Parent implements [interpreter.Activation].
func (a *Asking) Parent() interpreter.Activation { return nil }

// Once asks a condition and keeps the answer, for others that ask the same one.
func (a *Asking) Once(c *Condition) Answer {
	if known, ok := a.answers[c]; ok {
		return known
	}
	if a.answers == nil {
		a.answers = map[*Condition]Answer{}
	}
	answer := c.Of(a)
	a.answers[c] = answer
	return answer
}

func recordOf[T any](s *shape, of *T) ref.Val {
	if of == nil {
		return types.NullValue
	}
	return &record{shape: s, of: of}
}
