package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a JSON document with its numbers as they are written. Of one
// that says a name twice, or is not UTF-8, it says so.
func Decode(raw []byte) (any, error) {
	if _, err := jsontext.AppendFormat(nil, raw); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	return v, d.Decode(&v)
}

// absent is what a member is that is not there.
type absent struct{}

// patternForm is a pattern: a kind and what it takes; keptForm is the name, at
// its end, under which what it finds is kept.
var (
	patternForm = regexp.MustCompile(`^<([a-z]+)(?: (.*))?>$`)
	keptForm    = regexp.MustCompile(` as ([a-z][a-z0-9_]*)>$`)
)

// pattern is a text that stands for many.
type pattern struct{ kind, argument, name string }

// parsePattern reads a pattern; a text that has not its form stands for itself.
func parsePattern(text string) (p pattern, ok bool, err error) {
	if m := keptForm.FindStringSubmatch(text); m != nil {
		p.name, text = m[1], strings.TrimSuffix(text, m[0])+">"
	}
	m := patternForm.FindStringSubmatch(text)
	if m == nil {
		return p, false, nil
	}
	p.kind, p.argument = m[1], m[2]
	takes, known := patterns[p.kind]
	switch {
	case !known:
		return p, false, fmt.Errorf("%s is no pattern: want one of %v", text, slices.Sorted(maps.Keys(patterns)))
	case takes != (p.argument != ""):
		return p, false, fmt.Errorf("the pattern %s has too much or too little in it", text)
	case p.kind == "like":
		_, err = regexp.Compile(p.argument)
	}
	return p, err == nil, err
}

// patterns are the kinds that there are, and whether they take an argument.
var patterns = map[string]bool{
	"absent": false, // the member is not there
	"any":    false, // anything, also null
	"text":   false, // a text with something in it
	"number": false,
	"time":   false, // in UTC, with seconds, without fraction
	"id":     true,  // of that prefix
	"has":    true,  // a text in which that stands
	"like":   true,  // a text that is all of that form (RE2)
}

func (p pattern) holds(got any) bool {
	text, isText := got.(string)
	switch p.kind {
	case "absent":
		return got == any(absent{})
	case "any":
		return got != any(absent{})
	case "text":
		return isText && text != ""
	case "number":
		_, ok := got.(json.Number)
		return ok
	case "time":
		t, err := time.Parse("2006-01-02T15:04:05Z", text)
		return isText && err == nil && t.Format("2006-01-02T15:04:05Z") == text
	case "id":
		return isText && IsID(p.argument, text)
	case "has":
		return isText && strings.Contains(text, p.argument)
	default: // like
		return isText && regexp.MustCompile("^(?:"+p.argument+")$").MatchString(text)
	}
}

var idTail = regexp.MustCompile(`^[0-9A-Za-z]{20}$`)

// IsID reports an id as the server makes them.
func IsID(prefix, text string) bool {
	tail, found := strings.CutPrefix(text, prefix+"_")
	return found && idTail.MatchString(tail)
}

// Match compares what came back with what must, and says where they differ.
// What patterns with a name find goes into kept.
func Match(want, got any, exactly bool, kept map[string]string) []string {
	m := matching{exactly: exactly, kept: kept}
	m.match("", want, got)
	return m.different
}

type matching struct {
	exactly   bool
	kept      map[string]string
	different []string
}

func (m *matching) match(at string, want, got any) {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			m.differs(at, want, got)
			return
		}
		m.object(at, want, got)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			m.differs(at, want, got)
			return
		}
		for i := range want {
			m.match(fmt.Sprintf("%s.%d", at, i), want[i], list[i])
		}
	case string:
		m.text(at, want, got)
	default:
		if got != want {
			m.differs(at, want, got)
		}
	}
}

func (m *matching) object(at string, want, got map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		var v any = absent{}
		if g, ok := got[name]; ok {
			v = g
		}
		m.match(at+"."+name, want[name], v)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && m.exactly {
			m.differs(at+"."+name, absent{}, got[name])
		}
	}
}

func (m *matching) text(at, want string, got any) {
	p, ok, err := parsePattern(want)
	switch {
	case err != nil:
		m.different = append(m.different, err.Error())
	case !ok && got != want, ok && !p.holds(got):
		m.differs(at, want, got)
	case ok && p.name != "":
		m.kept[p.name] = fmt.Sprint(got)
	}
}

func (m *matching) differs(at string, want, got any) {
	m.different = append(m.different, fmt.Sprintf("%s: got %s, want %s", strings.TrimPrefix(at, "."), show(got), show(want)))
}

func show(v any) string {
	if v == any(absent{}) {
		return "nothing"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// walk visits every text of a document.
func walk(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

// captures are the names that the patterns of a document keep something under.
func captures(v any) (names []string, err error) {
	walk(v, func(text string) {
		p, ok, e := parsePattern(text)
		if e != nil && err == nil {
			err = e
		}
		if ok && p.name != "" {
			names = append(names, p.name)
		}
	})
	return names, err
}
