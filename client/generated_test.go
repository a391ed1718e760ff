package client_test

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/dunwellhq/dunwell/api"
	"github.com/dunwellhq/dunwell/client"
)

// notByMethod are the operations that have no method: nobody signs a billing
// system's webhooks but itself, and a page is for a browser.
var notByMethod = []string{"POST /v1/ingest/sources/{id}", "GET /docs", "GET /docs/{file}"}

var place = regexp.MustCompile(`\{[^}]*\}`)

// TestEveryOperationHasAMethod calls every method and looks what it asks for.
func TestEveryOperationHasAMethod(t *testing.T) {
	var asked []string
	methods := reflect.TypeFor[*client.Client]()
	for m := range methods.Methods() {
		if m.Name == "Do" {
			continue
		}
		f := giving(good)
		call(t, m, of(t, f))
		if len(f.requests) != 1 {
			t.Errorf("%s sent %d requests, want 1", m.Name, len(f.requests))
			continue
		}
		path := strings.TrimPrefix(f.requests[0].URL.EscapedPath(), "/behind/a/proxy")
		asked = append(asked, f.requests[0].Method+" "+path)
	}
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(api.Document, &doc); err != nil {
		t.Fatal(err)
	}
	var want []string
	for path, item := range doc.Paths {
		for verb := range item {
			op := strings.ToUpper(verb) + " " + path
			if verb != "parameters" && !slices.Contains(notByMethod, op) {
				want = append(want, place.ReplaceAllString(op, "x"))
			}
		}
	}
	slices.Sort(asked)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(asked)); diff != "" {
		t.Errorf("operations (-description +methods):\n%s", diff)
	}
}

// call calls a method with "x" for every text and nothing for the rest. What it
// makes of the answer is not looked at.
func call(t *testing.T, m reflect.Method, c *client.Client) {
	t.Helper()
	in := []reflect.Value{reflect.ValueOf(c), reflect.ValueOf(t.Context())}
	for i := 2; i < m.Type.NumIn()-1; i++ { // the last are the options
		v := reflect.New(m.Type.In(i)).Elem()
		if v.Kind() == reflect.String {
			v.SetString("x")
		}
		in = append(in, v)
	}
	if m.Type.In(1) != reflect.TypeFor[context.Context]() {
		t.Fatalf("the first argument of %s is no context", m.Name)
	}
	out := m.Func.Call(in)
	if seq := out[0]; seq.Kind() == reflect.Func {
		for range seq.Seq2() {
			break
		}
	}
}
