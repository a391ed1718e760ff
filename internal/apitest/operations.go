package apitest

import (
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/dunwellhq/dunwell/api"
)

// Operation is what the description says of one verb of one path.
type Operation struct {
	Description string
	Example     any      // the first of the JSON body, nil if there is none
	BodyIDs     []string // dotted paths of the body's members that name resources, such as customer_ids
	QueryIDs    []string // the parameters of the query that do
	Query       []string // all parameters of the query
	Done        []string // the statuses of success
}

// Operations returns what the description says, by verb and path as in
// "GET /v1/workflows".
func Operations(t testing.TB) map[string]Operation {
	t.Helper()
	list, err := operations()
	if err != nil {
		t.Fatalf("reading api/openapi.yaml: %v", err)
	}
	return list
}

// model is the description as its own structures.
var model = sync.OnceValues(func() (*v3.Document, error) {
	doc, err := libopenapi.NewDocument(api.Document)
	if err != nil {
		return nil, err
	}
	m, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	return &m.Model, nil
})

var operations = sync.OnceValues(func() (map[string]Operation, error) {
	m, err := model()
	if err != nil {
		return nil, err
	}
	list := map[string]Operation{}
	for path, item := range m.Paths.PathItems.FromOldest() {
		for verb, op := range item.GetOperations().FromOldest() {
			o, err := operation(op)
			if err != nil {
				return nil, err
			}
			list[strings.ToUpper(verb)+" "+path] = o
		}
	}
	return list, nil
})

func operation(op *v3.Operation) (Operation, error) {
	o := Operation{Description: op.Description}
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		o.Query = append(o.Query, p.Name)
		if namesResource(p.Name) {
			o.QueryIDs = append(o.QueryIDs, p.Name)
		}
	}
	for status := range op.Responses.Codes.FromOldest() {
		if strings.HasPrefix(status, "2") {
			o.Done = append(o.Done, status)
		}
	}
	if op.RequestBody == nil || op.RequestBody.Content == nil {
		return o, nil
	}
	body := op.RequestBody.Content.GetOrZero("application/json")
	if body == nil {
		return o, nil
	}
	if body.Schema != nil {
		o.BodyIDs = bodyIDs(body.Schema.Schema(), "")
	}
	example := body.Example
	if first := body.Examples.First(); example == nil && first != nil {
		example = first.Value().Value
	}
	if example == nil {
		return o, nil
	}
	return o, example.Decode(&o.Example)
}

// namesResource reports a member or parameter that names other resources.
func namesResource(name string) bool {
	return strings.HasSuffix(name, "_id") || strings.HasSuffix(strings.TrimSuffix(name, "[]"), "_ids")
}

// bodyIDs lists the members of a schema that name resources.
func bodyIDs(s *base.Schema, above string) []string {
	var list []string
	add := func(parts []*base.SchemaProxy) {
		for _, part := range parts {
			list = append(list, bodyIDs(part.Schema(), above)...)
		}
	}
	add(s.AllOf)
	add(s.AnyOf)
	if s.Items != nil && s.Items.IsA() {
		list = append(list, bodyIDs(s.Items.A.Schema(), above+"0.")...)
	}
	if s.Properties == nil {
		return list
	}
	for name, property := range s.Properties.FromOldest() {
		if namesResource(name) {
			list = append(list, above+name)
			continue
		}
		list = append(list, bodyIDs(property.Schema(), above+name+".")...)
	}
	return list
}
