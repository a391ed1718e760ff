package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pascal writes the name of a member, a parameter, an operation or a value of
// an enum as a part of a Go name: email_provider, idOrReference, LESS_THAN.
func pascal(name string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune("_-./[] ", r) }) {
		if word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		first, size := utf8.DecodeRuneInString(word)
		b.WriteString(strings.ToUpper(string(first)) + word[size:])
	}
	return b.String()
}

// singular is the name of one of several: lines, entries, addresses.
func singular(name string) string {
	for plural, one := range map[string]string{"ies": "y", "sses": "ss", "xes": "x"} {
		if stem, ok := strings.CutSuffix(name, plural); ok {
			return stem + one
		}
	}
	if stem, ok := strings.CutSuffix(name, "s"); ok && !strings.HasSuffix(stem, "s") {
		return stem
	}
	return name + "_item"
}

// join names what is written in place in another schema: the owner's name and
// its own, without saying a word twice that ends the one and begins the other.
func join(owner, name string) string {
	name = pascal(name)
	if start := strings.LastIndexFunc(owner, unicode.IsUpper); start >= 0 && strings.HasPrefix(name, owner[start:]) && name != owner[start:] {
		return owner[:start] + name
	}
	return owner + name
}

// noun is what a schema is about, whatever it is for: of WorkflowCreate and
// WorkflowMembers that is Workflow. What is written in place in them is named
// after it, so that all of them share one type.
func noun(schema string) string {
	for _, use := range []string{"PutResult", "Members", "Create", "Update", "Put"} {
		if stem, ok := strings.CutSuffix(schema, use); ok && stem != "" {
			return stem
		}
	}
	return schema
}

// constants are the Go names of the values of an enum. Codes of three letters,
// as currencies have, stay as they are.
func constants(values []any) []any {
	codes := len(values) > 4
	for _, v := range values {
		codes = codes && len(v.(string)) == 3
	}
	names := make([]any, len(values))
	for i, v := range values {
		if names[i] = v; !codes {
			names[i] = pascal(v.(string))
		}
	}
	return names
}
