package message

// What the tests of the guards need to see.
var (
	FormatAmount  = formatAmount
	NewAddress    = address
	Clean         = clean
	ExecutePhrase = func(p phrase, context any) (string, error) { return execute(p.template, context) }
	WebAddress    = webAddress
	FailureReason = failureReason
	PrimaryColor  = primaryColor
	ParsePhrase   = parsePhrase
	Languages     = languages
)

// Date writes a date as the renderer does for a locale.
func (r *Renderer) LocaleOf(wanted ...string) (name string, l locale) {
	l = r.locale(wanted...)
	return l.name, l
}

// The layouts' bounds.
const (
	MaxSubject  = maxSubject
	MaxTemplate = maxTemplate
)
