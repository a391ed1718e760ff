package billing_test

import (
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
)

func TestOpenAmount(t *testing.T) {
	yes := true
	euros := func(q billing.Decimal) billing.Money { return billing.Money{Quantity: q, Currency: "EUR"} }
	for name, c := range map[string]struct {
		invoice billing.Invoice
		want    billing.Money
	}{
		"as it is told":                 {billing.Invoice{Total: euros("10"), Open: euros("4"), PaidAmount: euros("1")}, euros("4")},
		"total less paid":               {billing.Invoice{Total: euros("10.00"), PaidAmount: euros("2.50")}, euros("7.50")},
		"nothing is paid":               {billing.Invoice{Total: euros("10")}, euros("10")},
		"paid":                          {billing.Invoice{Total: euros("10"), PaidFlag: &yes}, euros("0")},
		"another currency pays nothing": {billing.Invoice{Total: euros("10"), PaidAmount: billing.Money{Quantity: "10", Currency: "USD"}}, euros("10")},
		"paid of an unknown total":      {billing.Invoice{PaidAmount: euros("1")}, billing.Money{}},
	} {
		if got := c.invoice.OpenAmount(); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
