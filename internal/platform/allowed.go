package platform

import (
	"strings"

	"golang.org/x/net/idna"
)

// Delivers reports whether a message to these addresses may leave: a TEST
// platform writes only to those that it allows.
func (p *Platform) Delivers(to []string) bool {
	if p.Environment != Test {
		return true
	}
	allowed := make(map[string]bool, len(p.AllowedRecipients))
	for _, a := range p.AllowedRecipients {
		allowed[Mailbox(a)] = true
	}
	for _, a := range to {
		if !allowed[Mailbox(a)] {
			return false
		}
	}
	return true
}

// Mailbox is the form in which addresses are compared: the domain as it is
// looked up, and ASCII letters in lower case. Other letters are left as they
// are: folding them would take one mailbox for another.
func Mailbox(address string) string {
	at := strings.LastIndexByte(address, '@')
	if domain, err := idna.Lookup.ToASCII(address[at+1:]); err == nil {
		address = address[:at+1] + domain
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, address)
}
