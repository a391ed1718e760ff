package httpapi

import (
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"

	"github.com/dunwellhq/dunwell/api"
	"github.com/dunwellhq/dunwell/internal/apitest"
)

// TestDocumentIsValid: the description keeps the rules of OpenAPI itself.
func TestDocumentIsValid(t *testing.T) {
	ok, problems := apitest.Validator(t).ValidateDocument()
	if ok {
		return
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Message, p.Reason)
		for _, s := range p.SchemaValidationErrors {
			t.Errorf("  at %s: %s", s.FieldPath, s.Reason)
		}
	}
}

// TestDocumentNamesEveryRoute: routes and description agree both ways.
func TestDocumentNamesEveryRoute(t *testing.T) {
	doc, err := libopenapi.NewDocument(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for verb, op := range item.GetOperations().FromOldest() {
			described[verb+" "+path] = true
			if op.OperationId == "" || ids[op.OperationId] {
				t.Errorf("%s %s has no operationId of its own: %q", verb, path, op.OperationId)
			}
			ids[op.OperationId] = true
		}
	}
	for _, r := range (&server{}).routes() {
		name := strings.ToLower(r.verb) + " " + r.path
		if !described[name] {
			t.Errorf("api/openapi.yaml does not have %s", name)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("api/openapi.yaml has %s, which is no route", name)
	}
}
