package store

import (
	"database/sql/driver"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"modernc.org/sqlite"
)

// Every statement of this package is written once, in the words that both
// databases share and in those of PostgreSQL where they differ. This file
// holds all that SQLite says differently.

var (
	anyOf     = regexp.MustCompile(`= ANY\((\$\d+)\)`)
	lockOrder = regexp.MustCompile(`\s+ORDER BY id(\s+FOR UPDATE)`)
	rowLocks  = regexp.MustCompile(`\s+FOR (?:UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED)?`)
	texts     sync.Map // PostgreSQL's text → SQLite's
)

// sqliteText translates a statement: a list parameter is a JSON array there,
// rows need no locks because there is one writer, nor an order in which they are
// locked, for which it would walk through the primary key of the whole table, and
// SQLite's own LOWER knows no letters but those of ASCII.
func sqliteText(text string) string {
	if s, ok := texts.Load(text); ok {
		return s.(string)
	}
	s := anyOf.ReplaceAllStringFunc(text, func(m string) string {
		return "IN (SELECT value FROM json_each(" + anyOf.FindStringSubmatch(m)[1] + "))"
	})
	s = lockOrder.ReplaceAllString(s, "$1")
	s = rowLocks.ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "LOWER(", sqliteLower+"(")
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

// sqliteLower is LOWER for letters of all scripts.
const sqliteLower = "unicode_lower"

// withFunctions gives every connection to SQLite, of the whole process, the
// functions that it lacks.
var withFunctions = sync.OnceValue(func() error {
	return sqlite.RegisterDeterministicScalarFunction(sqliteLower, 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, _ := args[0].(string)
		return strings.ToLower(text), nil
	})
})
