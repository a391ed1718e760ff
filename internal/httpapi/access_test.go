package httpapi_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/httpapi"
)

// TestPermissionsAreDocumented: docs/access.md says what each permission opens,
// and api/openapi.yaml what each route needs.
func TestPermissionsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	row, quoted := regexp.MustCompile("^\\| `([A-Z_.]+)` \\| (.*) \\|$"), regexp.MustCompile("`((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`")
	got := map[auth.Permission][]string{}
	for line := range strings.Lines(string(raw)) {
		if cells := row.FindStringSubmatch(strings.TrimSuffix(line, "\n")); cells != nil && slices.Contains(auth.Permissions, auth.Permission(cells[1])) {
			opens := []string{}
			for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
				opens = append(opens, m[1])
			}
			got[auth.Permission(cells[1])] = opens
		}
	}
	want, described := map[auth.Permission][]string{}, apitest.Operations(t)
	for _, p := range auth.Permissions {
		want[p] = []string{}
	}
	for _, r := range httpapi.Routes() {
		name := r.Verb + " " + r.Path
		var needs []string
		for _, p := range r.May {
			want[p] = append(want[p], name)
			needs = append(needs, string(p))
		}
		if text := described[name].Description; len(needs) > 0 && !strings.HasPrefix(text, "Needs "+strings.Join(needs, " and ")) {
			t.Errorf("%s in api/openapi.yaml: got %.60q…, want it to begin with Needs %s", name, text, strings.Join(needs, " and "))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		var rows strings.Builder
		for _, p := range auth.Permissions {
			fmt.Fprintf(&rows, "| `%s` | `%s` |\n", p, strings.Join(want[p], "`, `"))
		}
		t.Errorf("docs/access.md (-want +got):\n%s\nthe table should be:\n%s", diff, rows.String())
	}
}
