package source

import (
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The longest texts that are kept, in characters. What is longer is cut, but
// an id, an address or a link that is cut would be another one: it is dropped.
const (
	maxID    = 256
	maxName  = 256
	maxText  = 1024
	maxEmail = 254 // RFC 5321
	maxURL   = 2048
)

// text makes s one line of at most limit characters without control characters.
func text(s string, limit int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return -1
		default:
			return r
		}
	}, s))
	if utf8.RuneCountInString(s) > limit {
		s = strings.TrimSpace(string([]rune(s)[:limit]))
	}
	return s
}

// identifier returns s if it can be the id of a resource, else "".
func identifier(s string) string {
	if utf8.RuneCountInString(s) > maxID || strings.ContainsFunc(s, unblank) {
		return ""
	}
	return s
}

func unblank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// email returns s if it is the plain address of a mailbox, else "".
func email(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > maxEmail || strings.ContainsFunc(s, unblank) {
		return ""
	}
	return s
}

var wellFormed = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$`)

// locale returns s in the form nl-BE if it is a well-formed BCP 47 tag, else "".
func locale(s string) string {
	s = strings.ReplaceAll(s, "_", "-")
	if !wellFormed.MatchString(s) {
		return ""
	}
	return s
}

// link returns s if it is an absolute http or https URL, else "".
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || len(s) > maxURL || strings.ContainsFunc(s, unblank) {
		return ""
	}
	return s
}

// metadata returns an object of texts, cleaned and with its members in order,
// so that equal metadata is equal to the byte; nil for an empty one and for
// what is no such object.
func metadata(raw jsontext.Value) jsontext.Value {
	var members map[string]string
	if json.Unmarshal(raw, &members) != nil || len(members) == 0 {
		return nil
	}
	clean := make(map[string]string, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) { // in order: names may become equal
		clean[text(name, maxName)] = text(members[name], maxText)
	}
	out, err := json.Marshal(clean, json.Deterministic(true))
	if err != nil {
		return nil
	}
	return out
}
