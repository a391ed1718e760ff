package message_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailgun/raymond/v2"

	"github.com/dunwellhq/dunwell/internal/message"
)

func TestCheckSubject(t *testing.T) {
	good := []string{
		"", "plain", "{{invoice_number}}", "{{{invoice_number}}}", "{{&invoice_number}}", "{{~ invoice_number ~}}", "{{unknown}}",
		"{{! a comment }}", `\{{invoice_number}}`, "{{#if a}}b{{else if c}}d{{else unless e}}f{{else}}g{{/if}}", "{{#if a}}b{{^}}c{{/if}}",
		strings.Repeat("x", message.MaxTemplate),
		strings.Repeat("{{#if a}}", 5) + strings.Repeat("{{/if}}", 5),
		strings.Repeat("{{#if a}}{{/if}}", 20),
	}
	for _, s := range good {
		if err := message.CheckSubject(s); err != nil {
			t.Errorf("%.60q: %v", s, err)
		}
	}
	bad := map[string]string{
		"{{":                               "cannot be read",
		"{{#if a}}":                        "{{#if}} is never closed",
		"{{/if}}":                          "{{/if}} closes nothing",
		"{{else}}":                         "outside of a condition",
		"{{else if a}}":                    "outside of a condition",
		"{{elsewhere}}":                    "outside of a condition",
		"{{#if a}}{{else}}{{else}}{{/if}}": "outside of a condition",
		"{{#if a}}{{/unless}}":             "{{/unless}} closes nothing",
		"{{#if a b}}{{/if}}":               `"b" must not follow a`,
		"{{#if a as |b|}}{{/if}}":          `"as |" must not follow a`,
		"{{#if (log a)}}{{/if}}":           `"(" is no variable`,
		"{{#each a}}{{/each}}":             `"each" is no condition`,
		"{{#a}}{{/a}}":                     `"a" is no condition`,
		"{{^a}}{{/a}}":                     "not allowed here",
		"{{> partial}}":                    "not allowed here",
		"{{{{raw}}}}{{{{/raw}}}}":          "not allowed here",
		"{{log a}}":                        `"log" is no variable`,
		"{{lookup}}":                       `"lookup" is no variable`,
		"{{this}}":                         `"this" is no variable`,
		"{{length}}":                       `"length" is no variable`,
		"{{invoice.number}}":               `"." must not follow invoice`,
		"{{../a}}":                         `".." is no variable`,
		"{{@root}}":                        `"@" is no variable`,
		"{{'a'}}":                          `"a" is no variable`,
		"{{12}}":                           `"12" is no variable`,
		"{{[a b]}}":                        `"[a b]" is no variable`,
		"{{a b=1}}":                        `"b" must not follow a`,
		strings.Repeat("x", message.MaxTemplate+1):                     "1025 bytes",
		strings.Repeat("{{#if a}}", 6) + strings.Repeat("{{/if}}", 6):  "nested more than 5 deep",
		strings.Repeat("{{#if a}}{{/if}}", 21):                         "more than 20 conditions",
		"{{#if a}}" + strings.Repeat("{{else if a}}", 20) + "x{{/if}}": "more than 20 conditions",
	}
	for s, want := range bad {
		if err := message.CheckSubject(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want an error with %q", s, err, want)
		}
	}
}

// A template that is refused must leave nothing behind: Raymond's own parser
// would leave the goroutine of its lexer.
func TestRefusedTemplateLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 200 {
		for _, s := range []string{"{{#if a}}b{{c}}", "{{a b c d}} e {{f}}", "{{/if}} more {{a}}", "{{> p}} more"} {
			if message.CheckSubject(s) == nil {
				t.Fatalf("%q was taken", s)
			}
		}
	}
	for range 100 { // the lexers' goroutines end on their own time
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		<-time.After(time.Millisecond)
	}
	t.Errorf("got %d goroutines, want the %d of before", runtime.NumGoroutine(), before)
}

// FuzzCheckSubject checks that a template that is taken can be parsed: so the
// check is at least as strict as the parser, which is not safe to fail.
func FuzzCheckSubject(f *testing.F) {
	for _, s := range []string{"{{#if a}}b{{else if c}}d{{else}}e{{/if}}", "{{{a}}}", "{{~&a~}}", "{{!-- x --}}", "{{{{a}}}}b{{{{/a}}}}", "{{a.[b]}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if message.CheckSubject(s) != nil {
			return
		}
		if _, err := raymond.Parse(s); err != nil {
			t.Errorf("%q was taken, but: %v", s, err)
		}
	})
}

// Every variable is described where its users look.
func TestVariablesAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range message.Variables {
		if line := "| `" + v.Name + "` | " + v.Meaning + " |\n"; !strings.Contains(string(raw), line) {
			t.Errorf("docs/delivery.md lacks %s", line)
		}
	}
}
