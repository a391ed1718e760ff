package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	rules    = "../../api/lint.yaml"
	document = "../../api/openapi.yaml"
)

// TestRulesCatch: each of these slips is found in the real description.
func TestRulesCatch(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ from, to, rule string }{
		"a tag that is none":            {"tags: [Workflows]", "tags: [Workflow]", "style-operation-tag-defined"},
		"an operation without an id":    {"      operationId: listWorkflows\n", "", "semantic-operation-operation-id"},
		"an operation without a word":   {"      summary: List workflows\n      description: Needs WORKFLOW.VIEW.\n", "", "style-operation-description"},
		"a path parameter not declared": {"  /livez:\n", "  /livez/{what}:\n", "semantic-path-params"},
		"a path in camel case":          {"  /v1/workflow-actions:\n", "  /v1/workflowActions:\n", "style-paths-kebab-case"},
		"a component that nobody uses":  {"  schemas:\n", "  schemas:\n    Unused: {type: string, description: x}\n", "semantic-unused-component"},
		"a value given twice":           {"enum: [ACTIVE, INACTIVE,", "enum: [ACTIVE, ACTIVE,", "semantic-duplicated-enum"},
		"a parameter without a word":    {"description: none stores history without events, ", "", "style-oas3-parameter-description"},
		"a reference to nothing":        {`"#/components/schemas/WorkflowPage"`, `"#/components/schemas/WorkflowPages"`, "WorkflowPages"},
		"nullable as in OpenAPI 3.0":    {`legal_name: {type: [string, "null"]`, `legal_name: {type: string, nullable: true`, "oas3-no-nullable"},
		"no answer of success":          {`        "200": {description: It does,`, `        "400": {description: It does,`, "style-operation-success-response"},
	} {
		t.Run(name, func(t *testing.T) {
			slipped := strings.Replace(string(text), tt.from, tt.to, 1)
			if slipped == string(text) {
				t.Fatalf("the description does not have %q", tt.from)
			}
			file := filepath.Join(t.TempDir(), "openapi.yaml")
			if err := os.WriteFile(file, []byte(slipped), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := lint(t.Context(), rules, file); err != nil || !strings.Contains(got, tt.rule) {
				t.Errorf("got %v and\n%s\nwant %s", err, got, tt.rule)
			}
		})
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	if _, err := lint(t.Context(), "nothing.yaml", document); err == nil {
		t.Error("no rules are needed")
	}
	if _, err := lint(t.Context(), rules, "nothing.yaml"); err == nil {
		t.Error("no document is needed")
	}
}
