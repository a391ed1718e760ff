package message

import (
	"cmp"
	"strings"

	"github.com/bojanz/currency"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// minorUnits are the digits of the published currencies that the currency
// tables lack, having been replaced since (ISO 4217, list three). The others
// that they lack, such as XAU and XXX, have no minor unit.
var minorUnits = map[string]int{
	"ANG": 2, "BGN": 2, "CUC": 2, "HRK": 2, "MRO": 2, "SLL": 2, "STD": 2, "VEF": 2, "ZWL": 2,
}

// maxDigits is how long a number may be to be grouped and signed as the locale
// does; longer ones exceed the formatter's precision.
const maxDigits = 30

// formatAmount writes an amount with its currency as the locale does: with the
// currency's digits, and with more where they are not zero. An amount is never
// rounded. Where it names no currency, the given one is meant.
func formatAmount(locale string, m billing.Money, code string) string {
	if !m.IsSet() {
		return ""
	}
	code = cmp.Or(m.Currency, code)
	digits, listed := digitsOf(code, m.Quantity)
	number, scale := trimZeros(string(m.Quantity), digits)
	f := currency.NewFormatter(currency.NewLocale(locale))
	if looksLikeTheirs(f.Locale(), code) {
		f.CurrencyDisplay = currency.DisplayCode
	}
	f.MinDigits, f.MaxDigits = uint8(digits), uint8(max(digits, scale)) //nolint:gosec // a decimal has at most 40 digits
	standIn := code
	if !listed {
		standIn = "EUR"
		f.SymbolMap[standIn] = code // "" shows none
	}
	a, err := currency.NewAmount(number, standIn)
	if err != nil || len(number) > maxDigits || strings.Contains(a.Number(), "E") {
		return strings.TrimSuffix(number+"\u00a0"+code, "\u00a0")
	}
	return f.Format(a)
}

// looksLikeTheirs reports a currency that has, in a locale, the symbol of the
// currency of the readers' own country: in Mexico $ is both.
func looksLikeTheirs(l currency.Locale, code string) bool {
	own, known := currency.ForCountryCode(l.Territory)
	if !known || own == code {
		return false
	}
	symbol, _ := currency.GetSymbol(code, l)
	theirs, _ := currency.GetSymbol(own, l)
	return symbol == theirs
}

// formatNumber writes a number as the locale does, without zeros at its end. It
// is never rounded.
func formatNumber(locale string, d billing.Decimal) string {
	number, _ := trimZeros(string(d), 0)
	return formatAmount(locale, billing.Money{Quantity: billing.Decimal(number)}, "")
}

// digitsOf says how many digits after the point an amount of a currency shows
// at least, and whether the formatter knows the currency. Of one that nobody
// knows, an amount is shown as it was written.
func digitsOf(code string, quantity billing.Decimal) (digits int, listed bool) {
	if d, ok := currency.GetDigits(code); ok {
		return int(d), true
	}
	if d, ok := minorUnits[code]; ok {
		return d, false
	}
	_, fraction, _ := strings.Cut(string(quantity), ".")
	return len(fraction), false
}

// trimZeros drops zeros at the end that a currency of that many digits does
// not show, and the sign of a zero. It returns how many digits after the point
// are left.
func trimZeros(number string, digits int) (trimmed string, scale int) {
	whole, fraction, _ := strings.Cut(number, ".")
	for len(fraction) > digits && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	if billing.Decimal(number).Sign() == 0 {
		whole = strings.TrimPrefix(whole, "-")
	}
	if fraction == "" {
		return whole, 0
	}
	return whole + "." + fraction, len(fraction)
}
