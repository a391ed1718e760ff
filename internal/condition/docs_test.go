package condition_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
)

// TestMembersAreDocumented: docs/conditions.md lists every member with its type.
func TestMembersAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	missing := false
	for _, row := range condition.Rows() {
		missing = missing || !strings.Contains(string(raw), row+"\n")
	}
	if missing {
		t.Errorf("docs/conditions.md lacks a member; the table should be:\n%s", strings.Join(condition.Rows(), "\n"))
	}
}

// TestExamplesAreRight: every example in docs/conditions.md is one that is taken
// by a workflow of the type that stands before it.
func TestExamplesAreRight(t *testing.T) {
	raw, err := os.ReadFile("../../docs/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^// (INVOICE|PAYMENT|PRICING_PLAN_SUBSCRIPTION|WALLET)\n(.+)$").FindAllStringSubmatch(string(raw), -1)
	for _, example := range found {
		if err := condition.Check(billing.Kind(example[1]), example[2]); err != nil {
			t.Errorf("%s: %v", example[2], err)
		}
	}
	if len(found) < 8 {
		t.Errorf("got %d examples, want more", len(found))
	}
}
