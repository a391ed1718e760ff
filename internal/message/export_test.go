package message

import "time"

// What the tests of the guards need to see.
var (
	FormatAmount  = formatAmount
	NewAddress    = address
	Clean         = clean
	PrimaryColor  = primaryColor
	ParsePhrase   = parsePhrase
	ExecutePhrase = func(p phrase, context any) (string, error) { return execute(p.template, context) }
)

// MaxTemplate is the bound of a template in bytes.
const MaxTemplate = maxTemplate

// FormatDate writes a date as a locale does.
func (r *Renderer) FormatDate(locale string, t time.Time) string {
	return r.locale(invoiceLetter, locale).date(t)
}

// CheckCatalogue lays JSON over the English texts and reports what is wrong
// with the result as the texts of a language.
func CheckCatalogue(language, overlay string) error {
	c := catalogue{language: language}
	if err := c.read("en"); err != nil {
		return err
	}
	if err := c.overlay([]byte(overlay)); err != nil {
		return err
	}
	return c.parse()
}
