package workflow_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/workflow"
)

// TestEveryReasonHasItsSentence: in the code, for whoever asks why, and in
// docs/reasons.md.
func TestEveryReasonHasItsSentence(t *testing.T) {
	docs, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`Reason(?: +Reason)? += "([A-Z_]+)"`)
	var found int
	for _, name := range []string{"reason.go", "meaning.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllStringSubmatch(string(source), -1) {
			found++
			r := workflow.Reason(m[1])
			if s := r.Meaning(); !strings.HasSuffix(s, ".") {
				t.Errorf("%s: got the sentence %q", r, s)
			}
			if !strings.Contains(string(docs), "\n| `"+m[1]+"` |") {
				t.Errorf("%s has no row in docs/reasons.md", r)
			}
		}
	}
	if found < 30 {
		t.Errorf("found %d reasons in the sources, want all", found)
	}
	if got := workflow.Sent.Meaning(); got != "" {
		t.Errorf("nothing: got %q", got)
	}
}
