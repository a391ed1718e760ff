package e2e_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/conformance"
)

// These tests read the scenarios and run none of them: they see to it that what
// the API promises is shown.

// TestEveryScenarioIsInItsTable: the README says which rule each scenario shows,
// and names nothing that is not there.
func TestEveryScenarioIsInItsTable(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(scenarios, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	named, group, rule := map[string]bool{}, "", ""
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimRight(line, " ")
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			group, _, _ = strings.Cut(heading, ":")
			rule = ""
		} else if text, ok := strings.CutPrefix(line, "- "); ok && group != "" {
			rule = text
		} else if name, ok := strings.CutPrefix(line, "  - "); ok && rule != "" {
			if named[group+"/"+name] && !isGoTest(name) {
				t.Errorf("README.md:%d: %q stands in %s twice", i+1, name, group)
			}
			named[group+"/"+name] = true
			if isGoTest(name) && !hasGoTest(t, name) {
				t.Errorf("README.md:%d: there is no test %s", i+1, name)
			}
		}
	}
	for _, s := range readScenarios(t) {
		if !named[s.Group+"/"+s.Name] {
			t.Errorf("%s: %q is in no table of README.md", s.File, s.Name)
		}
		delete(named, s.Group+"/"+s.Name)
	}
	for name := range named {
		if _, name, _ := strings.Cut(name, "/"); !isGoTest(name) {
			t.Errorf("README.md names the scenario %q, which is nowhere", name)
		}
	}
}

// isGoTest reports a line of the table such as "internal/httpapi TestX".
func isGoTest(name string) bool {
	dir, test, _ := strings.Cut(name, " ")
	return (strings.HasPrefix(dir, "internal/") || dir == "e2e") && (strings.HasPrefix(test, "Test") || strings.HasPrefix(test, "Fuzz"))
}

// hasGoTest reports whether the repository has a test that the table names.
func hasGoTest(t *testing.T, name string) bool {
	t.Helper()
	dir, test, _ := strings.Cut(name, " ")
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(parsed.Decls, func(d ast.Decl) bool {
			f, ok := d.(*ast.FuncDecl)
			return ok && f.Recv == nil && f.Name.Name == test
		}) {
			return true
		}
	}
	return false
}

// steps calls do with every step of every scenario.
func steps(t *testing.T, do func(conformance.Step)) {
	t.Helper()
	count := 0
	for _, s := range readScenarios(t) {
		for _, step := range s.Steps {
			count++
			do(step)
		}
	}
	t.Logf("%d steps of %d scenarios", count, len(readScenarios(t)))
}

// operationOf is the operation of the description that a step asks for, or "".
func operationOf(described map[string]apitest.Operation, step conformance.Step) string {
	path, _, _ := strings.Cut(step.Path, "?")
	parts := strings.Split(path, "/")
	best, literal := "", -1
	for name := range described {
		verb, pattern, _ := strings.Cut(name, " ")
		like := strings.Split(pattern, "/")
		if verb != step.Verb || len(like) != len(parts) {
			continue
		}
		same := 0
		for i := range like {
			switch {
			case like[i] == parts[i]:
				same++
			case !strings.HasPrefix(like[i], "{") || parts[i] == "":
				same = -len(like)
			}
		}
		if same > literal {
			best, literal = name, same
		}
	}
	return best
}

// neverDone are operations that no caller is answered with success, and why.
var neverDone = map[string]string{
	"GET /v1/api-keys/{id}/decrypt": "only a hash of a secret is kept",
	"POST /v1/ingest/sources/{id}":  "a signature is of its time: TestStripe… sign theirs",
}

// TestEveryRouteIsShown: each operation of the description, with each status of
// success that it has, is in a scenario.
func TestEveryRouteIsShown(t *testing.T) {
	described := apitest.Operations(t)
	shown := map[string]bool{}
	steps(t, func(s conformance.Step) {
		shown[fmt.Sprint(operationOf(described, s), " ", s.Want.Status)] = true
	})
	for name, op := range described {
		if len(op.Done) == 0 && neverDone[name] == "" {
			t.Errorf("%s has no status of success: say in neverDone why", name)
		}
		for _, status := range op.Done {
			if !shown[name+" "+status] && neverDone[name] == "" {
				t.Errorf("no scenario shows %s answered %s", name, status)
			}
		}
	}
	for name := range neverDone {
		if _, ok := described[name]; !ok {
			t.Errorf("neverDone has %s, which the description has not", name)
		}
	}
}

// notGiven are published codes that this server gives for nothing.
var notGiven = []string{
	"CUSTOM_FIELD_VALUE_ALREADY_EXISTS", "COULD_NOT_CREATE_RESOURCE", "COULD_NOT_UPDATE_RESOURCE", "COULD_NOT_DELETE_RESOURCE",
	"CUSTOMER_NOT_FOUND", "PLATFORM_NOT_FOUND", "PRICING_PLAN_NOT_FOUND", "PRODUCT_NOT_FOUND", "PRODUCT_ITEM_NOT_FOUND", "PRICING_NOT_FOUND",
	"PRICING_ITEM_NOT_FOUND", "USER_NOT_FOUND", "METER_NOT_FOUND", "METER_VALUE_NOT_FOUND", "METER_PROPERTY_NOT_FOUND",
	"PRICING_ITEM_SUMMARIES_NOT_FOUND", "MISSING_ID", "INVALID_ID", "MISSING_REFERENCE",
	"INTERNAL_ERROR", // of a 500 and a 503, which no request brings about: internal/httpapi TestFailures, TestDatabaseGone
}

// TestEveryCodeIsShown: each published code that we can give is in a scenario.
func TestEveryCodeIsShown(t *testing.T) {
	shown := map[string]bool{}
	steps(t, func(s conformance.Step) { shown[s.Want.Code] = true })
	codes := apitest.Members(t, "Error")["code"].Values
	for _, code := range codes {
		if given := !slices.Contains(notGiven, code); given != shown[code] {
			t.Errorf("%s: shown %v, want %v", code, shown[code], given)
		}
	}
	for _, code := range notGiven {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is not in api/openapi.yaml", code)
		}
	}
}

// refusedValues are values of published enumerations that are parsed and refused.
var refusedValues = map[string]string{
	"EVENT": "the system alone makes such triggers",
}

// TestEveryValueIsShown: each value of each published enumeration is accepted in
// a scenario; of the comparators, which a wallet takes one of, the others are
// refused.
func TestEveryValueIsShown(t *testing.T) {
	accepted, refused := map[string]bool{}, map[string]bool{}
	described := apitest.Operations(t)
	steps(t, func(s conformance.Step) {
		_, path, _ := strings.Cut(operationOf(described, s), " ")
		resource := strings.TrimSuffix(strings.Split(strings.TrimPrefix(path, "/v1/"), "/")[0], "s")
		var body any
		if json.Unmarshal([]byte(s.Body), &body) != nil || strings.HasSuffix(path, "/search") {
			return
		}
		seen := accepted
		if s.Want.Status >= 300 {
			seen = refused
		}
		eachText(body, "", func(at, value string) { seen[resource+" "+at+" "+value] = true })
	})
	for _, p := range readPublished(t).members {
		resource, ok := map[string]string{"WorkflowCreate": "workflow", "WorkflowActionCreate": "workflow-action", "WorkflowTriggerCreate": "workflow-trigger"}[p.schemas[0][1:]]
		if !ok || strings.Contains(p.path, ".event.") {
			continue
		}
		for _, value := range p.values {
			at := resource + " " + p.path + " " + value
			if strings.HasSuffix(p.path, ".type") && strings.Contains(p.path, "period") {
				at = anyPeriod(accepted, value) // a unit is a unit, wherever it stands
			}
			if (strings.HasSuffix(p.path, ".comparator") && value != "LESS_THAN") || refusedValues[value] != "" {
				if !refused[at] {
					t.Errorf("no scenario refuses %s", at)
				}
			} else if !accepted[at] {
				t.Errorf("no scenario is accepted with %s", at)
			}
		}
	}
}

// anyPeriod is where the unit of a period is accepted, or "".
func anyPeriod(accepted map[string]bool, unit string) string {
	for at := range maps.Keys(accepted) {
		if strings.Contains(at, "periods[].type "+unit) {
			return at
		}
	}
	return "a period of unit " + unit
}

// eachText visits every text of a document with its path.
func eachText(v any, at string, visit func(at, value string)) {
	switch v := v.(type) {
	case string:
		visit(at, v)
	case []any:
		for _, e := range v {
			eachText(e, at+"[]", visit)
		}
	case map[string]any:
		for name, e := range v {
			eachText(e, strings.TrimPrefix(at+"."+name, "."), visit)
		}
	}
}
