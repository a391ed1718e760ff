package message

import (
	"errors"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what facts may bring into a message. Templates are bounded as
// well, so a message is: far below 256 KiB, whatever the facts are.
const (
	maxValue   = 500  // runes of a variable's value
	maxName    = 200  // runes of the name beside an address
	maxSubject = 255  // runes
	maxEmail   = 254  // bytes, RFC 5321
	maxURL     = 2048 // runes
)

// invisible are the characters that show nothing, or that turn the text beside
// them around: with them one name can be made to look like another.
var invisible = []*unicode.RangeTable{
	unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
	unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
}

// clean makes one line of at most limit runes of what came from outside:
// without control characters, bidi overrides and zero-width characters, with
// single spaces, and with U+FFFD for what is not UTF-8. Spaces that do not
// break stay: amounts are written with them.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0', r == '\u202f':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, invisible...):
			return -1
		default:
			return r
		}
	}, s)
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
	s = strings.TrimSpace(strings.Join(words, " "))
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:limit-1])) + "…"
}

// errBadAddress does not show the address: errors and warnings outlive the
// erasure of a customer, and logs have no addresses.
var errBadAddress = errors.New("the address is not valid")

// address makes a mailbox that can stand in a header whatever the name is, or
// says why the email cannot. Only a bare address will do: no name, no angle
// brackets, no comment, no quoted local part.
func address(name, email string) (Address, error) {
	bad := len(email) > maxEmail ||
		strings.ContainsFunc(email, func(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, invisible...) })
	if !bad {
		parsed, err := mail.ParseAddress(email)
		bad = err != nil || parsed.Address != email || parsed.Name != ""
	}
	if bad {
		return Address{}, errBadAddress
	}
	return Address{Name: clean(name, maxName), Email: email}, nil
}

// same reports whether two addresses are one mailbox as far as people care.
func (a Address) same(b Address) bool { return strings.EqualFold(a.Email, b.Email) }

// with appends an address unless one of the lists has it.
func with(list []Address, a Address, others ...[]Address) []Address {
	for _, l := range append(others, list) {
		if slices.ContainsFunc(l, a.same) {
			return list
		}
	}
	return append(list, a)
}

// domain is the part of an address after the @, in lower case.
func (a Address) domain() string {
	return strings.ToLower(a.Email[strings.LastIndexByte(a.Email, '@')+1:])
}
