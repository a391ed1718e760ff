package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// The rules of the texts that the API takes.
var (
	shortLine  = line(256)
	longLine   = line(1024)
	prose      = lines(1024)
	identifier = word(256)
	address    = rule{check: checkAddress}
	link       = rule{check: checkLink}
	zone       = rule{check: checkZone}
	locale     = rule{check: checkLocale}
	currency   = rule{check: checkCurrency}
	color      = rule{check: checkColor}
	picture    = rule{check: checkPicture}
)

// line is a text on one line.
func line(most int) rule {
	want := fmt.Sprintf("text of 1 to %d characters on one line, without control characters", most)
	return rule{check: func(s string) string {
		if s == "" || tooLong(s, most) || strings.ContainsFunc(s, breaks) {
			return want
		}
		return ""
	}}
}

// lines is a text that may have several lines.
func lines(most int) rule {
	want := fmt.Sprintf("text of 1 to %d characters, without control characters but line ends and tabs", most)
	return rule{check: func(s string) string {
		if s == "" || tooLong(s, most) || strings.ContainsFunc(s, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
		}) {
			return want
		}
		return ""
	}}
}

// word is a text without white space, such as an id or a reference.
func word(most int) rule {
	want := fmt.Sprintf("text of 1 to %d characters without white space", most)
	return rule{check: func(s string) string {
		if s == "" || tooLong(s, most) || strings.ContainsFunc(s, blank) {
			return want
		}
		return ""
	}}
}

func tooLong(s string, most int) bool {
	return len(s) > most && utf8.RuneCountInString(s) > most
}

// breaks reports a character that ends a line or controls a device.
func breaks(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func blank(r rune) bool { return unicode.IsSpace(r) || breaks(r) }

const wantAddress = "an email address such as ada@example.com: a plain mailbox (RFC 5321) of at most 254 characters"

// checkAddress takes a plain mailbox: no name, no quoted local part, no
// address literal, nothing that shows nothing or turns text around.
func checkAddress(s string) string {
	if len(s) > 254 || strings.ContainsAny(s, "\"[]<>()") || strings.ContainsFunc(s, func(r rune) bool {
		return blank(r) || !unicode.IsPrint(r)
	}) {
		return wantAddress
	}
	local, domain, found := cutLast(s, '@')
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || !found || len(local) > 64 || !isDomain(domain) {
		return wantAddress
	}
	return ""
}

// isDomain reports whether a domain can be that of a mailbox (RFC 5321, 2.3.5):
// labels of letters, digits and inner hyphens. Letters of all scripts count,
// each label in the form in which it is looked up.
func isDomain(s string) bool {
	ascii := s
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(s); err != nil {
			return false
		}
	}
	if len(ascii) > 253 {
		return false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if !domainLabel.MatchString(label) {
			return false
		}
	}
	return true
}

var domainLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func checkLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > 2048 || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" ||
		strings.ContainsFunc(s, blank) {
		return "an http or https address of at most 2048 characters, such as https://example.com/pay"
	}
	return ""
}

// zones remembers the names that were found: finding one parses its rules.
// There are about 600 names, so it stays small.
var zones sync.Map

func checkZone(s string) string {
	if _, known := zones.Load(s); known {
		return ""
	}
	if _, err := calendar.Zone(s); err != nil {
		return "an IANA time zone such as Europe/Amsterdam"
	}
	zones.Store(s, nil)
	return ""
}

var wellFormed = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$`)

func checkLocale(s string) string {
	if !wellFormed.MatchString(s) {
		return "a language tag (BCP 47) such as nl-BE"
	}
	return ""
}

func checkCurrency(s string) string {
	if !billing.KnownCurrency(s) {
		return "a currency code (ISO 4217) such as EUR"
	}
	return ""
}

var hexColor = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

func checkColor(s string) string {
	if !hexColor.MatchString(s) {
		return "a colour such as #0b5fff"
	}
	return ""
}

func checkPicture(s string) string {
	if _, err := base64.StdEncoding.DecodeString(s); err != nil || len(s) > 512<<10 {
		return "a picture in base64 of at most 512 KiB"
	}
	return ""
}
