package httpapi

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// The table of RFC 7386, appendix A, and what it does not say: places are kept.
func TestMergePatch(t *testing.T) {
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{``, `{"a":null,"b":1.50}`, `{"b":1.50}`},
		{`{"z":1,"a":1.50,"ü\"":{"q":1}}`, `{"z":2,"ü\"":{"r":2}}`, `{"z":2,"a":1.50,"ü\"":{"q":1,"r":2}}`},
	} {
		got, err := mergePatch(jsontext.Value(c[0]), jsontext.Value(c[1]))
		if err != nil || string(got) != c[2] {
			t.Errorf("%s patched by %s: got %s %v, want %s", c[0], c[1], got, err, c[2])
		}
	}
}
