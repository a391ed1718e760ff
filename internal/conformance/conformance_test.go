package conformance_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/conformance"
)

// folder is a folder with one file of scenarios and, if there is one, a setup.
func folder(scenarios, setup string) fstest.MapFS {
	return fstest.MapFS{"A9-tests.txtar": {Data: []byte(scenarios)}, "setup.txtar": {Data: []byte(setup)}}
}

func TestRead(t *testing.T) {
	const setup = `
-- a customer --
> PUT /v1/customers/c1
{"status": "ACTIVE"}
< 201
{"id": "<text as customer>"}
`
	const text = `About this file.

-- a rule --
# Why.
use a customer
let name = "ab" * 2
> POST /v1/x?of=${customer}
> Idempotency-Key: k
> X-API-KEY:
{"name": "${name}",
 "id": "${platform}"}
< 201 exactly keep made
< Allow: <absent>
{"id": "<id wkfl as id>", "n": 1.50}

> GET /v1/x/${id}
< 200 same made eventually
-- another --
> POST /v1/x?n=${row}
>> "a\x00" * 2
>> "b"
< 400 ${code} ${field}
| code | field |
| BAD_REQUEST | - |
| INVALID_FIELD | a |
> HEAD /v1/x
< 404
> GET ${path}
< 200
each path: /a /b
`
	got, err := conformance.Read(folder(text, setup))
	if err != nil {
		t.Fatal(err)
	}
	want := []conformance.Scenario{
		{Name: "a rule", Group: "A9", File: "A9-tests.txtar", Steps: []conformance.Step{
			{Place: "setup.txtar:3", Verb: "PUT", Path: "/v1/customers/c1", Body: `{"status": "ACTIVE"}`, HasBody: true, Want: conformance.Answer{Status: 201, Body: map[string]any{"id": "<text as customer>"}}},
			{
				Place: "A9-tests.txtar:7", Verb: "POST", Path: "/v1/x?of=${customer}", Body: "{\"name\": \"abab\",\n \"id\": \"${platform}\"}", HasBody: true,
				Header: [][2]string{{"Idempotency-Key", "k"}, {"X-API-KEY", ""}},
				Want: conformance.Answer{
					Status: 201, Exactly: true, Keep: "made", Header: [][2]string{{"Allow", "<absent>"}},
					Body: decode(t, `{"id": "<id wkfl as id>", "n": 1.50}`),
				},
			},
			{Place: "A9-tests.txtar:16", Verb: "GET", Path: "/v1/x/${id}", Want: conformance.Answer{Status: 200, Same: "made", Eventually: true}},
		}},
		{Name: "another", Group: "A9", File: "A9-tests.txtar", Steps: []conformance.Step{
			{Place: "A9-tests.txtar:19 row 1", Verb: "POST", Path: "/v1/x?n=1", Body: "a\x00a\x00b", HasBody: true, Want: conformance.Answer{Status: 400, Code: "BAD_REQUEST", Field: "-"}},
			{Place: "A9-tests.txtar:19 row 2", Verb: "POST", Path: "/v1/x?n=2", Body: "a\x00a\x00b", HasBody: true, Want: conformance.Answer{Status: 400, Code: "INVALID_FIELD", Field: "a"}},
			{Place: "A9-tests.txtar:26", Verb: "HEAD", Path: "/v1/x", Want: conformance.Answer{Status: 404}},
			{Place: "A9-tests.txtar:28 row 1", Verb: "GET", Path: "/a", Want: conformance.Answer{Status: 200}},
			{Place: "A9-tests.txtar:28 row 2", Verb: "GET", Path: "/b", Want: conformance.Answer{Status: 200}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scenarios (-want +got):\n%s", diff)
	}
	if !got[0].Leaves("platform") || got[0].Leaves("token") {
		t.Error("names left open: want platform and not token")
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	v, err := conformance.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestReadRefuses: what is not understood is an error that says where.
func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no step":                    "",
		"no answer":                  "> GET /x\n",
		"no request":                 "< 200\n",
		"a body alone":               "{}\n",
		"a request without a path":   "> GET\n",
		"a relative path":            "> GET x\n< 200\n",
		"a header without a colon":   "> GET /x\n> X-A\n< 200\n",
		"a header behind the body":   "> GET /x\n{}\n> X-A: b\n{}\n< 200\n",
		"no status":                  "> GET /x\n< OK\n",
		"a status that is none":      "> GET /x\n< 99\n",
		"an error without a code":    "> GET /x\n< 400\n",
		"an error without a field":   "> GET /x\n< 400 BAD_REQUEST\n",
		"an unknown word":            "> GET /x\n< 200 maybe\n",
		"keep without a name":        "> GET /x\n< 200 keep\n",
		"exactly nothing":            "> GET /x\n< 200 exactly\n",
		"an unknown name":            "> GET /x/${nobody}\n< 200\n",
		"a name of later":            "> GET /x/${id}\n< 200\n{\"id\": \"<text as id>\"}\n",
		"an unknown body":            "> GET /x\n< 200 same made\n",
		"an unknown pattern":         "> GET /x\n< 200\n{\"a\": \"<thing>\"}\n",
		"a pattern without argument": "> GET /x\n< 200\n{\"a\": \"<id>\"}\n",
		"a pattern with too much":    "> GET /x\n< 200\n{\"a\": \"<time now>\"}\n",
		"a bad expression":           "> GET /x\n< 200\n{\"a\": \"<like (>\"}\n",
		"no JSON":                    "> GET /x\n< 200\n{\"a\": }\n",
		"a member twice":             "> GET /x\n< 200\n{\"a\": 1, \"a\": 2}\n",
		"an unknown setup":           "use nothing\n> GET /x\n< 200\n",
		"a row too short":            "> GET /x/${a}\n< 200\n{\"b\": \"${b}\"}\n| a | b |\n| 1 |\n",
		"a row without an end":       "> GET /x/${a}\n< 200\n| a |\n| 1\n",
		"a column for nothing":       "> GET /x\n< 200\n| a |\n| 1 |\n",
		"something behind rows":      "> GET /x/${a}\n< 200\n| a |\n| 1 |\n{}\n",
		"each of nothing":            "> GET /x/${a}\n< 200\neach a: \n",
		"let without a value":        "let a\n> GET /x\n< 200\n",
		"a piece that is no string":  "> GET /x\n>> abc\n< 200\n",
		"a piece and JSON":           "> GET /x\n>> \"a\"\n{}\n< 200\n",
		"a setting too late":         "> GET /x\n< 200\nserve A=b\n",
		"two answers":                "> GET /x\n< 200\n< 201\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := conformance.Read(folder("-- one --\n"+text, ""))
			if err == nil {
				t.Fatalf("got %+v, want an error", got)
			}
			if !strings.HasPrefix(err.Error(), "A9-tests.txtar:") {
				t.Errorf("got %q, want it to begin with the place", err)
			}
		})
	}
	if _, err := conformance.Read(folder("-- one --\n> GET /x\n< 200\n-- one --\n> GET /x\n< 200\n", "")); err == nil {
		t.Error("two scenarios of one name: got no error")
	}
	if _, err := conformance.Read(folder("-- one --\nuse a\n", "-- a --\nuse b\n-- b --\nuse a\n")); err == nil {
		t.Error("a setup that uses itself: got no error")
	}
}

func TestMatch(t *testing.T) {
	for name, c := range map[string]struct {
		want, got string
		exactly   bool
		differ    []string
	}{
		"equal":                  {`{"a": [1, {"b": null}], "c": "d"}`, `{"c": "d", "a": [1, {"b": null}]}`, true, nil},
		"more than named":        {`{"a": {"b": 1}}`, `{"a": {"b": 1, "x": 2}, "y": 3}`, false, nil},
		"more than exactly":      {`{"a": {"b": 1}}`, `{"a": {"b": 1, "x": 2}, "y": 3}`, true, []string{"a.x: got 2, want nothing", "y: got 3, want nothing"}},
		"another value":          {`{"a": "b"}`, `{"a": "c"}`, false, []string{`a: got "c", want "b"`}},
		"another type":           {`{"a": "1"}`, `{"a": 1}`, false, []string{`a: got 1, want "1"`}},
		"a number as written":    {`{"a": 1.50}`, `{"a": 1.5}`, false, []string{`a: got 1.5, want 1.50`}},
		"null is not absent":     {`{"a": null}`, `{}`, false, []string{`a: got nothing, want null`}},
		"absent is not null":     {`{"a": "<absent>"}`, `{"a": null}`, false, []string{`a: got null, want "<absent>"`}},
		"absent":                 {`{"a": "<absent>"}`, `{}`, true, nil},
		"a list in its order":    {`[1, 2]`, `[2, 1]`, false, []string{"0: got 2, want 1", "1: got 1, want 2"}},
		"a list in full":         {`{"a": []}`, `{"a": [1]}`, false, []string{"a: got [1], want []"}},
		"an object for a list":   {`[]`, `{}`, false, []string{": got {}, want []"}},
		"any":                    {`{"a": "<any>", "b": "<any>"}`, `{"a": null}`, false, []string{`b: got nothing, want "<any>"`}},
		"text":                   {`["<text>", "<text>", "<text>"]`, `["a", "", 1]`, false, []string{`1: got "", want "<text>"`, `2: got 1, want "<text>"`}},
		"number":                 {`["<number>", "<number>"]`, `[1.5, "1"]`, false, []string{`1: got "1", want "<number>"`}},
		"time":                   {`["<time>", "<time>", "<time>"]`, `["2026-01-31T09:00:00Z", "2026-01-31T09:00:00.0Z", "2026-01-31T09:00:00+00:00"]`, false, []string{`1: got "2026-01-31T09:00:00.0Z", want "<time>"`, `2: got "2026-01-31T09:00:00+00:00", want "<time>"`}},
		"id":                     {`["<id wkfl>", "<id wkfl>", "<id wkfl>"]`, `["wkfl_0123456789abcdefGHIJ", "wkac_0123456789abcdefGHIJ", "wkfl_0"]`, false, []string{`1: got "wkac_0123456789abcdefGHIJ", want "<id wkfl>"`, `2: got "wkfl_0", want "<id wkfl>"`}},
		"has":                    {`["<has b>", "<has b>"]`, `["abc", "ac"]`, false, []string{`1: got "ac", want "<has b>"`}},
		"like is the whole":      {`["<like a+>", "<like a+>"]`, `["aa", "aab"]`, false, []string{`1: got "aab", want "<like a+>"`}},
		"a text that only seems": {`"<b>"`, `"<b>"`, false, []string{"<b> is no pattern: want one of [absent any has id like number text time]"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := conformance.Match(decode(t, c.want), decode(t, c.got), c.exactly, map[string]string{})
			if diff := cmp.Diff(c.differ, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMatchKeeps(t *testing.T) {
	kept := map[string]string{}
	conformance.Match(decode(t, `{"a": "<id wkfl as id>", "b": ["<has x as part>"], "c": "<number as n>"}`),
		decode(t, `{"a": "wkfl_0123456789abcdefGHIJ", "b": ["axb"], "c": 7}`), false, kept)
	if diff := cmp.Diff(map[string]string{"id": "wkfl_0123456789abcdefGHIJ", "part": "axb", "n": "7"}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func TestFill(t *testing.T) {
	step := conformance.Step{
		Place: "p", Verb: "POST", Path: "/${a}", Header: [][2]string{{"X-A", "${a}"}}, Body: `{"at": "${now-1h}", "b": "${b}"}`,
		Want: conformance.Answer{Status: 200, Header: [][2]string{{"X-B", "${b}"}}, Field: "${a}", Body: map[string]any{"${a}": []any{"${b}", nil}}},
	}
	now := time.Date(2026, 1, 31, 9, 0, 0, 5, time.UTC)
	got, err := step.Fill(map[string]string{"a": "1", "b": "2"}, now)
	want := conformance.Step{
		Place: "p", Verb: "POST", Path: "/1", Header: [][2]string{{"X-A", "1"}}, Body: `{"at": "2026-01-31T08:00:00Z", "b": "2"}`,
		Want: conformance.Answer{Status: 200, Header: [][2]string{{"X-B", "2"}}, Field: "1", Body: map[string]any{"1": []any{"2", nil}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, step (-want +got):\n%s", err, diff)
	}
	if _, err := step.Fill(map[string]string{"a": "1"}, now); err == nil {
		t.Error("a name without a value: got no error")
	}
}
