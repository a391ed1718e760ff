package delivery

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/dunwellhq/dunwell/internal/message"
)

var errAddress = errors.New("not a usable email address")

// maxAddress is the longest address that fits a path (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// mailbox checks an address and makes it fit for headers and envelope. The
// domain becomes ASCII, which also removes characters that look like others'
// dots and letters in width variants; the local part may keep characters
// outside ASCII. Quoted local parts and address literals are not taken.
func mailbox(a message.Address) (*mail.Address, error) {
	at := strings.LastIndexByte(a.Email, '@')
	if at < 0 {
		return nil, errAddress
	}
	local, domain := a.Email[:at], a.Email[at+1:]
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return nil, errAddress // idna's own text quotes the domain
		}
		domain = ascii
	}
	email := local + "@" + domain
	parsed, err := mail.ParseAddress(email)
	switch {
	case err != nil, parsed.Name != "", parsed.Address != email, len(email) > maxAddress:
		return nil, errAddress
	case strings.ContainsAny(email, "\"[]<>"), strings.ContainsFunc(local, isUnseen):
		return nil, errAddress
	}
	return &mail.Address{Name: headerText(a.Name), Address: email}, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}

// isUnseen reports a character that has no place in an address: white space,
// controls, and what reorders or hides text.
func isUnseen(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// headerText makes a header value of any text: one line, without control
// characters and without those that reorder what the reader sees. An encoded
// word that arrives as text stays text.
func headerText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == '\uFEFF':
			return -1
		}
		return r
	}, s)
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "=?", "= ?")
}
