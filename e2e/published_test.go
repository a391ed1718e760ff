package e2e_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/apitest"
)

// published is what the published contract has, as testdata/published.txt
// lists it.
type published struct {
	operations map[string]publishedOperation
	members    []publishedMember
}

type publishedOperation struct {
	status string
	query  []string
}

type publishedMember struct {
	schemas []string // of the description; > before one that is sent, < before one that is answered
	path    string
	types   []string
	values  []string // of an enumeration
}

// resource is what the schemas are about: the last of them is its own.
func (m publishedMember) resource() string { return m.schemas[len(m.schemas)-1][1:] }

var jsonTypes = []string{"string", "boolean", "integer", "number", "object", "array", "null"}

func readPublished(t *testing.T) published {
	t.Helper()
	raw, err := os.ReadFile("testdata/published.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := published{operations: map[string]publishedOperation{}}
	var schemas []string
	for line := range strings.Lines(string(raw)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "operation":
			p.operations[words[1]+" "+words[2]] = publishedOperation{words[3], words[4:]}
		case words[0] == "members":
			schemas = words[1:]
		case len(words) != 2 || schemas == nil:
			t.Fatalf("published.txt: %q is not understood", line)
		default:
			m := publishedMember{schemas: schemas, path: words[0]}
			for v := range strings.SplitSeq(words[1], "|") {
				if slices.Contains(jsonTypes, v) {
					m.types = append(m.types, v)
				} else {
					m.values = append(m.values, v)
				}
			}
			if m.values != nil {
				m.types = append(m.types, "string")
			}
			p.members = append(p.members, m)
		}
	}
	return p
}

// TestNothingPublishedIsMissing: the description has every published operation,
// parameter, member and value. What may be sent may still be sent, and what may
// come back is of the types that a client expects.
func TestNothingPublishedIsMissing(t *testing.T) {
	p, described := readPublished(t), apitest.Operations(t)
	for name, op := range p.operations {
		got, ok := described[name]
		if !ok {
			t.Errorf("api/openapi.yaml has no %s", name)
			continue
		}
		if !slices.Contains(got.Done, op.status) {
			t.Errorf("%s: got the statuses %q, want %s among them", name, got.Done, op.status)
		}
		for _, q := range op.query {
			if !slices.Contains(got.Query, q) {
				t.Errorf("%s has no parameter %s", name, q)
			}
		}
	}
	for _, m := range p.members {
		for _, schema := range m.schemas {
			got, ok := apitest.Members(t, schema[1:])[m.path]
			if !ok {
				t.Errorf("%s has no member %s", schema[1:], m.path)
				continue
			}
			sent := schema[0] == '>'
			for _, v := range m.values {
				if !slices.Contains(got.Values, v) && (sent || got.Values != nil) {
					t.Errorf("%s of %s has no value %s", m.path, schema[1:], v)
				}
			}
			if narrow, wide := order(sent, m.types, got.Types); !within(narrow, wide) {
				t.Errorf("%s of %s: got the types %q, published %q", m.path, schema[1:], got.Types, m.types)
			}
		}
	}
}

// order puts two lists of types so that the first must lie within the second:
// what is sent may be more than was published, what is answered may be less.
func order(sent bool, published, described []string) (narrow, wide []string) {
	if sent {
		return published, described
	}
	return described, published
}

func within(narrow, wide []string) bool {
	return !slices.ContainsFunc(narrow, func(t string) bool { return !slices.Contains(wide, t) })
}

// additions are what the description has beyond the published contract.
func additions(t *testing.T) []string {
	t.Helper()
	p := readPublished(t)
	var list []string
	for name, op := range apitest.Operations(t) {
		known, ok := p.operations[name]
		if !ok {
			list = append(list, name)
			continue
		}
		for _, q := range op.Query {
			if !slices.Contains(known.query, q) {
				list = append(list, name+" "+q)
			}
		}
		for _, status := range op.Done {
			if status != known.status {
				list = append(list, name+" "+status)
			}
		}
	}
	known := map[string][]string{} // the values of each member that was published
	for _, m := range p.members {
		known[m.resource()+"."+m.path] = m.values
	}
	for _, m := range p.members {
		for _, schema := range m.schemas {
			for path, found := range apitest.Members(t, schema[1:]) {
				list = append(list, added(known, m.resource()+"."+path, found.Values)...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// added is a member that was not published, unless it belongs to such a one, or
// the values of a member that were not.
func added(known map[string][]string, path string, values []string) (list []string) {
	published, ok := known[path]
	above := path[:strings.LastIndexAny(path, ".[")]
	if _, aboveIs := known[above]; !ok && (aboveIs || !strings.Contains(above, ".")) {
		return []string{path}
	}
	for _, v := range values {
		if ok && published != nil && !slices.Contains(published, v) {
			list = append(list, path+" "+v)
		}
	}
	return list
}

// TestAdditionsAreListed: docs/api.md lists what the description adds to the
// published contract, all of it and nothing else.
func TestAdditionsAreListed(t *testing.T) {
	raw, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(raw), "## What is added")
	if !found {
		t.Fatal("docs/api.md does not say what is added")
	}
	var listed []string
	for line := range strings.Lines(text) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			listed = append(listed, m[1])
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(additions(t), listed); diff != "" {
		t.Errorf("docs/api.md (-what is added +what it lists):\n%s", diff)
	}
}
