package billing

import (
	"fmt"

	"github.com/cockroachdb/apd/v3"
)

// Decimal is a decimal number as it was written, e.g. 25.50; "" means not set.
// It is kept and echoed to the letter, and compared by value.
type Decimal string

// maxDecimal bounds the length of a decimal: digits enough for any amount of
// money, few enough that arithmetic stays cheap whatever is sent.
const maxDecimal = 40

// ParseDecimal checks that s is an optional minus, digits, and optionally a
// point with digits: no exponent, no sign but minus, no spaces.
func ParseDecimal(s string) (Decimal, error) {
	digits, points := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '-' && i == 0:
		case c == '.' && points == 0 && digits > 0 && i < len(s)-1:
			points++
		default:
			return "", fmt.Errorf("%.60q is no decimal, write it as \"25.50\"", s)
		}
	}
	if digits == 0 || len(s) > maxDecimal {
		return "", fmt.Errorf("%.60q is no decimal of at most %d characters, write it as \"25.50\"", s, maxDecimal)
	}
	return Decimal(s), nil
}

// FromMinor makes a decimal of an amount in minor units: FromMinor(1050, 2) is 10.50.
func FromMinor(units int64, exponent int) Decimal {
	return Decimal(apd.New(units, int32(-exponent)).Text('f')) //nolint:gosec // an exponent of a currency is 0 to 4
}

func (d Decimal) apd() *apd.Decimal {
	v, _, err := apd.NewFromString(string(d))
	if err != nil { // not set
		return new(apd.Decimal)
	}
	return v
}

// Sign is -1, 0 or 1; a decimal that is not set counts as zero.
func (d Decimal) Sign() int { return d.apd().Sign() }

// Cmp compares by value, so 1.5 and 1.50 are equal.
func (d Decimal) Cmp(e Decimal) int { return d.apd().Cmp(e.apd()) }

// Sub is d − e, exactly.
func (d Decimal) Sub(e Decimal) Decimal {
	var out apd.Decimal
	if _, err := apd.BaseContext.WithPrecision(2*maxDecimal).Sub(&out, d.apd(), e.apd()); err != nil {
		return d
	}
	return Decimal(out.Text('f'))
}

// Mul is d × e, exactly.
func (d Decimal) Mul(e Decimal) Decimal {
	var out apd.Decimal
	if _, err := apd.BaseContext.WithPrecision(2*maxDecimal).Mul(&out, d.apd(), e.apd()); err != nil {
		return d
	}
	return Decimal(out.Text('f'))
}

// Money is an amount of a currency. The zero Money means not set.
type Money struct {
	Quantity Decimal `json:"quantity"`
	Currency string  `json:"currency"`
}

// IsSet reports whether there is an amount at all.
func (m Money) IsSet() bool { return m.Quantity != "" }

// Credits is a number of credits of one type. The zero Credits means not set.
type Credits struct {
	Quantity     Decimal `json:"quantity"`
	CreditTypeID string  `json:"credit_type_id"` // opaque, the billing system's
}

// IsSet reports whether there are credits at all.
func (c Credits) IsSet() bool { return c.Quantity != "" }
