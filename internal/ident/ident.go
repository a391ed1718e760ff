// Package ident makes the identifiers of the API: a prefix that names the
// kind of thing, an underscore and twenty base-62 characters from a
// cryptographic source. They carry about 119 bits, so they may be made on any
// node without asking another.
package ident

import (
	"crypto/rand"
	"strings"
)

// Length is the number of random characters behind the prefix.
const Length = 20

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// New returns a fresh identifier such as wkfl_7Hq0….
func New(prefix string) string {
	var b strings.Builder
	b.Grow(len(prefix) + 1 + Length)
	b.WriteString(prefix)
	b.WriteByte('_')
	var pool [2 * Length]byte
	for n := 0; n < Length; {
		_, _ = rand.Read(pool[:]) // never fails: crypto/rand ends the program instead
		for _, c := range pool {
			// 248 is the largest multiple of 62 below 256: what lies above
			// it would favour the first characters.
			if c < 248 && n < Length {
				b.WriteByte(alphabet[c%62])
				n++
			}
		}
	}
	return b.String()
}

// Has reports whether s has the shape of an identifier with that prefix.
func Has(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || len(rest) != Length {
		return false
	}
	for i := range len(rest) {
		if strings.IndexByte(alphabet, rest[i]) < 0 {
			return false
		}
	}
	return true
}
