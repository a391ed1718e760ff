package source

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// stripeExponents are the currencies in which Stripe does not count in
// hundredths (docs.stripe.com/currencies: zero-decimal and three-decimal
// currencies). Two differ from ISO 4217 on purpose: ISK and UGX have no minor
// unit any more, but the API keeps writing 5 ISK as 500 (special cases on the
// same page, which outranks UGX's place in its zero-decimal list).
var stripeExponents = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "JPY": 0, "KMF": 0, "KRW": 0, "MGA": 0,
	"PYG": 0, "RWF": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3,
}

func stripeExponent(currency string) int {
	if e, ok := stripeExponents[currency]; ok {
		return e
	}
	return 2
}

// stripeCurrency returns Stripe's lower-case code as ours, or "" for one that
// the contract does not have.
func stripeCurrency(code string) string {
	code = strings.ToUpper(code)
	if !billing.KnownCurrency(code) {
		return ""
	}
	return code
}

// stripeMoney makes money of an amount in Stripe's minor units; unset for nil
// and for no currency.
func stripeMoney(units *int64, currency string) billing.Money {
	if units == nil || currency == "" {
		return billing.Money{}
	}
	return billing.Money{Quantity: billing.FromMinor(*units, stripeExponent(currency)), Currency: currency}
}

// stripeUnitPrice makes money of a decimal number of minor units, which a
// price may have a fraction of: "0.5" cents is 0.005.
func stripeUnitPrice(units, currency string) billing.Money {
	d, err := billing.ParseDecimal(units)
	if err != nil || currency == "" {
		return billing.Money{}
	}
	v, _, err := apd.NewFromString(string(d))
	if err != nil {
		return billing.Money{}
	}
	v.Exponent -= int32(stripeExponent(currency)) //nolint:gosec // 0, 2 or 3
	quantity, err := billing.ParseDecimal(v.Text('f'))
	if err != nil {
		return billing.Money{}
	}
	return billing.Money{Quantity: quantity, Currency: currency}
}
