package store

import (
	"regexp"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
)

// Every statement of this package is written once, in the words that both
// databases share and in those of PostgreSQL where they differ. This file
// holds all that SQLite says differently.

var (
	anyOf    = regexp.MustCompile(`= ANY\((\$\d+)\)`)
	rowLocks = regexp.MustCompile(`\s+FOR (?:UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED)?`)
	texts    sync.Map // PostgreSQL's text → SQLite's
)

// sqliteText translates a statement: a list parameter is a JSON array there,
// and rows need no locks because there is one writer.
func sqliteText(text string) string {
	if s, ok := texts.Load(text); ok {
		return s.(string)
	}
	s := anyOf.ReplaceAllStringFunc(text, func(m string) string {
		return "IN (SELECT value FROM json_each(" + anyOf.FindStringSubmatch(m)[1] + "))"
	})
	s = rowLocks.ReplaceAllString(s, "")
	texts.Store(text, s)
	return s
}

// sqliteArgs turns list arguments into JSON arrays. It copies: the caller may
// use the arguments again.
func sqliteArgs(args []any) ([]any, error) {
	out := slices.Clone(args)
	for i, a := range out {
		if list, ok := a.([]string); ok {
			raw, err := json.Marshal(list)
			if err != nil {
				return nil, err
			}
			out[i] = string(raw)
		}
	}
	return out, nil
}
