package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMoreThanAPage: who sees a table that is not all is told so, and how to see the
// rest; who reads JSON has the link.
func TestMoreThanAPage(t *testing.T) {
	s := newShell(t)
	for _, reference := range []string{"a", "b", "c"} {
		s.run("workflow", "create", "--name", "n", "--reference", reference, "--variant", "TO_FINAL")
		s.run("action", "create", "--workflow", reference, "--integration", "mail")
	}
	for _, tt := range []struct{ args, want string }{
		{"workflow list", ""},
		{"workflow list --limit 2", "there are more: --page 2 shows the next 2, --all shows them too\n"},
		{"workflow list --limit 1 --page 2", "there are more: --page 3 shows the next 1, --all shows them too\n"},
		{"workflow list --limit 1 --page 3", ""},
		{"workflow list --limit 3", ""},
		{"workflow list --limit 2 --all", ""},
		{"workflow list --limit 2 -o json", ""},
		{"workflow list --limit 2 -o yaml", ""},
		{"workflow search n --limit 2", "there are more: --page 2 shows the next 2, --all shows them too\n"},
		{"action list --limit 2", "there may be more: --page 2 shows the next 2, --all shows them too\n"},
		{"action list --limit 2 --page 2", ""},
		{"action list --limit 3 --all", ""},
	} {
		out, beside, err := s.both(strings.Fields(tt.args)...)
		if err != nil || beside != tt.want || strings.Contains(out, "more") {
			t.Errorf("%s: got %q beside the table, and %v, want %q:\n%s", tt.args, beside, err, tt.want, out)
		}
	}
}

// TestTablesFit: into the width of a terminal, and the ids stay whole.
func TestTablesFit(t *testing.T) {
	s := newShell(t)
	long := strings.Repeat("long ", 40)
	reference := "the-reference-of-" + strings.Repeat("x", 100)
	s.run("workflow", "create", "--name", strings.TrimSpace(long), "--reference", reference, "--variant", "UPCOMING_PAYMENT_REMINDER", "--period", "DAY:3")
	got := s.run("workflow", "list")
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > tableWidth {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if !regexp.MustCompile(`(?m)^wkfl_[0-9A-Za-z]{20}  the-reference-of-x*…  long .*…  UPCOMING_PAYMENT_REMINDER  DRAFT$`).MatchString(got) {
		t.Errorf("got\n%s", got)
	}
}

// TestNothingMovesTheCursor: what others have written stays on its line, in errors
// too, whatever part of them a server wrote.
func TestNothingMovesTheCursor(t *testing.T) {
	const evil = "\x1b[31m\nred"
	for name, hostile := range map[string]http.HandlerFunc{
		"a refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": "no" + evil + "\u009b31m", "code": "CODE" + evil, "field": "name" + evil})
		},
		"the name of a request": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-REQUEST-ID", "reqr_\u009b[31m") // lower ones the client's transport refuses
			_, _ = w.Write([]byte("?"))
		},
	} {
		server := httptest.NewServer(hostile)
		defer server.Close()
		var out, errs bytes.Buffer
		if succeeds(t.Context(), []string{"workflow", "get", "x", "--url", server.URL}, &out, &errs) || out.Len() > 0 {
			t.Errorf("%s was taken for a workflow: %s", name, &out)
		}
		if got := errs.String(); !strings.HasPrefix(got, "dunwell: ") || strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\u009b") || !strings.Contains(got, "[31m") {
			t.Errorf("%s: got %q, want it on one line and without controls", name, got)
		}
	}
	for text, want := range map[string]string{
		"a\x1b[2Jb\r\nc\u0085d\x7f\te":   "a [2Jb  c d  e",
		"a\u2028b\u2029c":                "a b c",
		"\u202eevil\u202c \u2067x\u2069": " evil   x ",
		"\u061ca\u200eb\u200f":           " a b ",
		"\xff\x9b":                       "\ufffd\ufffd", // no UTF-8
		"Zoë שלום 👩\u200d💻\u00a0":        "Zoë שלום 👩\u200d💻\u00a0",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestNothingTurnsTheLine: a name that reads from the right does not take the rest
// of its row with it. For programs it is what it is.
func TestNothingTurnsTheLine(t *testing.T) {
	s := newShell(t)
	const name = "\u202eevil\u2066"
	s.run("workflow", "create", "--name", name, "--reference", "r", "--variant", "TO_FINAL")
	for _, args := range [][]string{{"workflow", "list"}, {"workflow", "get", "r"}} {
		if got := s.run(args...); strings.ContainsAny(got, "\u202e\u2066") || !strings.Contains(got, " evil ") {
			t.Errorf("%s: got %q", strings.Join(args, " "), got)
		}
		if got := s.run(append(args, "-o", "json")...); !strings.Contains(got, name) {
			t.Errorf("%s as JSON: got %q, want the name as it is", strings.Join(args, " "), got)
		}
	}
}
