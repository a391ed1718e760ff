package trigger

import (
	"slices"

	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Against lists all that stands against a message and not only what is named
// first: it asks the code that decides again and again, each time supposing that
// what it named had ended. It returns what is left of the workflow and the facts
// when nothing stands against it, or nothing that can be supposed away.
func Against(
	w *workflow.Armed, f workflow.Facts, decide func(*workflow.Armed, workflow.Facts) workflow.Reason,
) ([]workflow.Reason, *workflow.Armed, workflow.Facts) {
	var all []workflow.Reason
	for ok := true; ok; {
		reason := decide(w, f)
		if reason == workflow.Sent || slices.Contains(all, reason) {
			break
		}
		all = append(all, reason)
		w, f, ok = workflow.Suppose(w, f, reason)
	}
	return all, w, f
}
