package main

import (
	"strings"
	"testing"
)

func TestJSONOf(t *testing.T) {
	for name, tt := range map[string]struct{ yaml, want string }{
		"order and kinds": {"b: 1\na: [x, true, null, ~, 25.50, 1e3]\n", `{"b":1,"a":["x",true,null,null,25.50,1e3]}`},
		"dates are texts": {"due_date: 2026-02-28\nat: 2026-01-31T09:00:00Z\n", `{"due_date":"2026-02-28","at":"2026-01-31T09:00:00Z"}`},
		"quoted":          {"a: \"25\"\nb: 'true'\n\"on\": off\n", `{"a":"25","b":"true","on":"off"}`},
		"large numbers":   {"n: 9007199254740993\n", `{"n":9007199254740993}`},
		"aliases":         {"a: &x {b: 1}\nc: *x\n", `{"a":{"b":1},"c":{"b":1}}`},
		"texts":           {"a: |\n  one\n  two \"three\"\n", `{"a":"one\ntwo \"three\"\n"}`},
		"JSON":            {`{"a": [1, {"b": null}]}`, `{"a":[1,{"b":null}]}`},
	} {
		got, err := jsonOf([]byte(tt.yaml))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s and %v, want %s", name, got, err, tt.want)
		}
	}
	for name, bad := range map[string]string{
		"a key twice":     "a: 1\na: 2\n",
		"no number":       "a: .nan\n",
		"hexadecimal":     "a: 0x10\n",
		"a key of keys":   "? {a: 1}\n: 2\n",
		"a merge":         "a: &x {b: 1}\nc: {<<: *x}\n",
		"an endless tree": "a: &a [*a]\n",
		"nothing":         "",
	} {
		if got, err := jsonOf([]byte(bad)); err == nil {
			t.Errorf("%s: got %s, want an error", name, got)
		}
	}
}

func TestYAMLOf(t *testing.T) {
	const text = `{"z":"true","a":["2026-01-01","1e3","","null","~","yes",null,true,25.50,9007199254740993],"o":{},"l":[],"m":"one\ntwo","u":"\ud83d\ude00"}`
	got, err := yamlOf([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	back, err := jsonOf(got)
	if err != nil {
		t.Fatalf("%v:\n%s", err, got)
	}
	if want := strings.Replace(text, `\ud83d\ude00`, "😀", 1); string(back) != want {
		t.Errorf("there and back: got %s, want %s", back, want)
	}
	for _, bad := range []string{"", "{", `{"a":`, "[1"} {
		if got, err := yamlOf([]byte(bad)); err == nil {
			t.Errorf("%q: got %s, want an error", bad, got)
		}
	}
}

func TestPatch(t *testing.T) {
	got, err := change{Set: []string{"a=text", "b=null", "c.d=3", "c.e=[1]", `f="3"`, "g=", "h=x=y"}}.patch(nil)
	if want := `{"a":"text","b":null,"c":{"d":3,"e":[1]},"f":"3","g":"","h":"x=y"}`; err != nil || string(got) != want {
		t.Errorf("got %s and %v, want %s", got, err, want)
	}
}
