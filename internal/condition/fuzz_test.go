package condition_test

import (
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
)

// FuzzCondition asks that no text makes us panic or run on, that what is wrong
// is said in one line, and that the same states get the same answer.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{
		``, `true`, `!true`, `invoice.open_invoice_amount > amount("100.00", "EUR")`, `invoice.open_invoice_amount != amount("1", "USD")`,
		`customer.organization.registered_address.country == "NL"`, `customer.metadata["tier"] == "gold"`, `customer.metadata.tags[0] == "a"`,
		`has(customer.email) && customer.email.matches("^a+$")`, `invoice.lines.exists(l, l.quantity > decimal("1"))`,
		`invoice.lines.map(l, l.amount).size() > 1`, `invoice.lines.filter(l, l == invoice.lines[0]).size() == 1`,
		`[1, 2, 3].all(x, x > 0) ? {"a": 1}["a"] == 1 : false`, `type(invoice) == type(customer)`, `dyn(invoice).status == "FINAL"`,
		`string(invoice.due_date) == "x"`, `size(string(dyn(invoice.lines))) > 1`, `timestamp(0) < invoice.due_date`, `invoice == invoice && customer in [customer]`,
		`{invoice: 1}[invoice] == 1`, `1 / 0 == 1`, `"\u0000".contains("")`, `invoice.lines.all(a, invoice.lines.all(b, invoice.lines.all(c, true)))`,
		`int(dyn(invoice.open_invoice_amount)) == 1`, `customer.metadata == {}`, `dyn(invoice.open_invoice_amount) < dyn(1)`, `b"a" < b"b"`,
		`invoice.open_invoice_amount in [amount("100.10", "EUR")]`, `has(dyn(customer).x.y)`, `amount("1", "EUR") == null`, "\xff", `google.protobuf.Struct{}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []billing.Kind{billing.KindInvoice, billing.KindPayment, billing.KindSubscription, billing.KindWallet} {
			if err := condition.Check(kind, text); err != nil {
				if said := err.Error(); said == "" || strings.Contains(said, "\n") || len(said) > 2000 {
					t.Errorf("%q: says %q", text, said)
				}
				continue
			}
			c := condition.New(kind, text)
			for _, states := range []condition.States{known(), {}} {
				first, second := c.Of(condition.About(states)), c.Of(condition.About(states))
				if first.Holds != second.Holds || (first.Err == nil) != (second.Err == nil) {
					t.Errorf("%q: says %v, then %v", text, first, second)
				}
				if first.Err != nil && strings.Contains(first.Err.Error(), "internal error") {
					t.Errorf("%q: panics: %v", text, first.Err)
				}
				c.Read(condition.About(states))
			}
		}
	})
}
