package apitest

import (
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel/high/base"
)

// Member is what the description says of one member.
type Member struct {
	Types  []string // of JSON: string, null, …
	Values []string // of an enumeration, without null
}

// Members returns the members of a schema of the description by their paths,
// such as invoice.overdue.periods[].type. Another resource, which a member
// inlines, is not looked into.
func Members(t testing.TB, schema string) map[string]Member {
	t.Helper()
	m, err := model()
	if err != nil {
		t.Fatalf("reading api/openapi.yaml: %v", err)
	}
	root := m.Components.Schemas.GetOrZero(schema)
	if root == nil {
		t.Fatalf("api/openapi.yaml has no schema %s", schema)
	}
	found := map[string]Member{}
	collect(root, "", found)
	delete(found, "")
	for path, member := range found {
		slices.Sort(member.Types)
		found[path] = Member{slices.Compact(member.Types), member.Values}
	}
	return found
}

// collect adds what a schema says of the member at a path, and those below it.
func collect(proxy *base.SchemaProxy, path string, found map[string]Member) {
	s := proxy.Schema()
	if path != "" && proxy.IsReference() && isResource(s) {
		found[path] = Member{Types: []string{"object"}}
		return
	}
	m := found[path]
	m.Types = append(m.Types, s.Type...)
	for _, v := range s.Enum {
		if v.Tag == "!!null" {
			m.Types = append(m.Types, "null")
			continue
		}
		m.Types, m.Values = append(m.Types, "string"), append(m.Values, v.Value)
	}
	if s.Const != nil {
		m.Types, m.Values = append(m.Types, "string"), append(m.Values, s.Const.Value)
	}
	found[path] = m
	for _, part := range slices.Concat(s.AllOf, s.AnyOf) {
		collect(part, path, found)
	}
	if s.Items != nil && s.Items.IsA() {
		collect(s.Items.A, path+"[]", found)
	}
	if s.Properties == nil {
		return
	}
	for name, property := range s.Properties.FromOldest() {
		collect(property, strings.TrimPrefix(path+"."+name, "."), found)
	}
}

// isResource reports a schema of a resource of its own.
func isResource(s *base.Schema) bool {
	return slices.Contains(s.Required, "object_type")
}
