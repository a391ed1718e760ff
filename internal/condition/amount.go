package condition

import (
	"errors"
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/cockroachdb/apd/v3"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// decimal is a number that is compared exactly, as the billing system writes it.
type decimal struct {
	text  billing.Decimal
	value apd.Decimal
}

var decimalType = types.NewOpaqueType("decimal")

// newDecimal parses what a client may write as a decimal.
func newDecimal(text string) (*decimal, error) {
	d, err := billing.ParseDecimal(text)
	if err != nil {
		return nil, errors.New(`decimal() takes digits in a string, without exponent, such as "25.50"`)
	}
	v := &decimal{text: d}
	_, _, err = v.value.SetString(text)
	return v, err
}

// decimalOf is the value of a decimal that is stored; null if it is not set.
func decimalOf(d billing.Decimal) ref.Val {
	if d == "" {
		return types.NullValue
	}
	v, err := newDecimal(string(d))
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

// Compare implements [traits.Comparer].
func (d *decimal) Compare(other ref.Val) ref.Val {
	o, ok := other.(*decimal)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return types.Int(d.value.Cmp(&o.value))
}

// Equal implements [ref.Val]: 1.5 and 1.50 are equal.
func (d *decimal) Equal(other ref.Val) ref.Val {
	o, ok := other.(*decimal)
	return types.Bool(ok && d.value.Cmp(&o.value) == 0)
}

// Type implements [ref.Val].
func (d *decimal) Type() ref.Type { return decimalType }

// Value implements [ref.Val].
func (d *decimal) Value() any { return d }

// ConvertToNative implements [ref.Val].
func (d *decimal) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("a decimal is no %s", to)
}

// ConvertToType implements [ref.Val].
func (d *decimal) ConvertToType(to ref.Type) ref.Val { return converted(d, decimalType, to) }

// amount is an amount of money. Amounts of two currencies cannot be compared:
// neither is more, less or the same.
type amount struct {
	quantity decimal
	currency string
}

var amountShape = newShape("amount",
	member{"quantity", decimalType, func(of any) ref.Val { return &of.(*amount).quantity }},
	member{"currency", textType, func(of any) ref.Val { return types.String(of.(*amount).currency) }},
)

func newAmount(quantity, currency string) (*amount, error) {
	d, err := newDecimal(quantity)
	if err != nil || !billing.KnownCurrency(currency) {
		return nil, errors.New(`amount() takes a decimal without exponent and a currency, each in a string, such as amount("100.00", "EUR")`)
	}
	return &amount{*d, currency}, nil
}

// amountOf is the value of an amount that is stored; null if it is not set.
func amountOf(m billing.Money) ref.Val {
	if !m.IsSet() {
		return types.NullValue
	}
	d, err := newDecimal(string(m.Quantity))
	if err != nil {
		return types.WrapErr(err)
	}
	return &amount{*d, m.Currency}
}

// Compare implements [traits.Comparer]. False is no order: every comparison that
// meets it is false.
func (a *amount) Compare(other ref.Val) ref.Val {
	o, ok := other.(*amount)
	switch {
	case !ok:
		return types.MaybeNoSuchOverloadErr(other)
	case a.currency != o.currency:
		return types.False
	default:
		return a.quantity.Compare(&o.quantity)
	}
}

// Equal implements [ref.Val].
func (a *amount) Equal(other ref.Val) ref.Val {
	o, ok := other.(*amount)
	return types.Bool(ok && a.currency == o.currency && a.quantity.value.Cmp(&o.quantity.value) == 0)
}

// Type implements [ref.Val].
func (a *amount) Type() ref.Type { return amountShape.typ }

// Value implements [ref.Val].
func (a *amount) Value() any { return a }

// ConvertToNative implements [ref.Val].
func (a *amount) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("an amount is no %s", to)
}

// ConvertToType implements [ref.Val].
func (a *amount) ConvertToType(to ref.Type) ref.Val { return converted(a, amountShape.typ, to) }

var (
	_ traits.Comparer = (*amount)(nil)
	_ traits.Comparer = (*decimal)(nil)
	_ traits.Indexer  = (*record)(nil)
)
