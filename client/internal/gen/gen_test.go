package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// converted returns what is made of a document with these paths and schemas, as
// one map: schemas by name, operations by their id.
func converted(t *testing.T, paths, schemas string) (map[string]any, error) {
	t.Helper()
	doc, err := read([]byte("paths: {" + paths + "}\ncomponents:\n  schemas:\n" + schemas))
	if err != nil {
		t.Fatal(err)
	}
	out, err := convert(doc)
	if err != nil {
		return nil, err
	}
	found := map[string]any{}
	for name, s := range ordered(out["components"].(object)["schemas"]) {
		found[name] = s
	}
	for _, item := range ordered(out["paths"]) {
		for _, op := range ordered(item) {
			found[op["operationId"].(string)] = op
		}
	}
	return found, nil
}

// plain is JSON as the types that it decodes to.
func plain(t *testing.T, v any) any {
	t.Helper()
	text, ok := v.(string)
	if !ok {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

const said = `"x-comment": "is as api/openapi.yaml says"`

func TestSchemas(t *testing.T) {
	for name, tt := range map[string]struct {
		paths, schemas string
		want           map[string]string // by name
	}{
		"what may be null": {
			schemas: `
    A:
      type: object
      required: [b, c]
      properties:
        a: {type: [string, "null"]}
        b: {type: [integer, "null"]}
        c: {type: string}
        d: {type: [array, "null"], items: {type: string}}
        e: {type: "null"}
        f: {enum: [X, null]}
        g: {$ref: "#/components/schemas/TimeOrNull", description: When}
        h: {$ref: "#/components/schemas/BOrNull"}
        i: {anyOf: [{enum: [Y]}, {type: "null"}]}
    TimeOrNull: {type: [string, "null"], format: date-time}
    B: {type: object, properties: {x: {type: string}}}
    BOrNull: {anyOf: [{$ref: "#/components/schemas/B"}, {type: "null"}]}
`,
			want: map[string]string{
				"A": `{` + said + `, "type": "object", "required": ["c"], "properties": {
					"a": {"type": "string", "x-order": 0},
					"b": {"type": "integer", "x-order": 1, "x-omitempty": false},
					"c": {"type": "string", "x-order": 2},
					"d": {"type": "array", "items": {"type": "string"}, "x-order": 3},
					"f": {"$ref": "#/components/schemas/AF", "x-order": 5},
					"g": {"type": "string", "format": "date-time", "description": "When", "x-order": 6},
					"h": {"$ref": "#/components/schemas/B", "x-order": 7},
					"i": {"$ref": "#/components/schemas/AI", "x-order": 8}}}`,
				"AI": `{"x-comment": "is i of A", "type": "string", "enum": ["Y"], "x-enum-varnames": ["Y"]}`,
				"AF": `{"x-comment": "is f of A", "type": "string", "enum": ["X"], "x-enum-varnames": ["X"]}`,
				"B":  `{` + said + `, "type": "object", "required": [], "properties": {"x": {"type": "string", "x-order": 0}}}`,
			},
		},
		"a merge patch": {
			paths: `/a: {patch: {operationId: changeA, requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/AMembers"}}}}, responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/A"}}}}}}}`,
			schemas: `
    AMembers:
      type: object
      properties:
        id: {type: [string, "null"]}
        name: {type: string}
        note: {type: [string, "null"], description: Why}
        version: {type: integer, readOnly: true}
        block: {type: object, properties: {x: {type: [string, "null"]}}}
    A: {allOf: [{$ref: "#/components/schemas/AMembers"}], required: [id, name, note, version]}
`,
			want: map[string]string{
				"AMembers": `{"x-comment": "is the body of changeA", "type": "object", "required": [], "properties": {
					"name": {"type": "string", "x-order": 1},
					"note": {"anyOf": [{"type": "string", "description": "Why"}, {"type": "null"}], "description": "Why", "x-order": 2},
					"block": {"$ref": "#/components/schemas/ABlock", "x-order": 4}}}`,
				"A": `{"x-comment": "is the answer of changeA", "type": "object", "required": ["id", "name", "version"], "properties": {
					"id": {"type": "string", "x-order": 0},
					"name": {"type": "string", "x-order": 1},
					"note": {"type": "string", "description": "Why", "x-order": 2, "x-omitempty": false},
					"version": {"type": "integer", "x-order": 3},
					"block": {"$ref": "#/components/schemas/ABlock", "x-order": 4}}}`,
				"ABlock": `{"x-comment": "is block of A", "type": "object", "required": [], "properties": {"x": {"type": "string", "x-order": 0}}}`,
			},
		},
		"what several consist of": {
			schemas: `
    Z: {type: object, required: [z], properties: {z: {type: string}, y: {type: string}}}
    Y: {allOf: [{$ref: "#/components/schemas/Z"}], description: Both, required: [y], properties: {a: {type: boolean}}}
    X: {allOf: [{$ref: "#/components/schemas/Y"}, {type: object, properties: {b: {type: boolean}}}]}
`,
			want: map[string]string{
				"Z": `{` + said + `, "type": "object", "required": ["z"], "properties": {"z": {"type": "string", "x-order": 0}, "y": {"type": "string", "x-order": 1}}}`,
				"Y": `{` + said + `, "description": "Both", "type": "object", "required": ["y", "z"], "properties": {"z": {"type": "string", "x-order": 0}, "y": {"type": "string", "x-order": 1}, "a": {"type": "boolean", "x-order": 2}}}`,
				"X": `{` + said + `, "type": "object", "required": ["y", "z"], "properties": {"z": {"type": "string", "x-order": 0}, "y": {"type": "string", "x-order": 1}, "a": {"type": "boolean", "x-order": 2}, "b": {"type": "boolean", "x-order": 3}}}`,
			},
		},
		"the same noun, other members": {
			schemas: `
    ACreate: {type: object, properties: {b: {type: object, properties: {x: {type: object, properties: {y: {enum: [Y]}}}}}}}
    APut: {type: object, properties: {b: {type: object, properties: {x: {type: object, properties: {y: {enum: [Z]}}}}}}}
    A: {type: object, properties: {b: {type: object, properties: {x: {type: object, properties: {y: {enum: [Z]}}}}}}}
`,
			want: map[string]string{
				"A":          `{` + said + `, "type": "object", "required": [], "properties": {"b": {"$ref": "#/components/schemas/AB", "x-order": 0}}}`,
				"APut":       `{` + said + `, "type": "object", "required": [], "properties": {"b": {"$ref": "#/components/schemas/AB", "x-order": 0}}}`,
				"ACreate":    `{` + said + `, "type": "object", "required": [], "properties": {"b": {"$ref": "#/components/schemas/ACreateB", "x-order": 0}}}`,
				"AB":         `{"x-comment": "is b of A", "type": "object", "required": [], "properties": {"x": {"$ref": "#/components/schemas/ABX", "x-order": 0}}}`,
				"ABX":        `{"x-comment": "is x of AB", "type": "object", "required": [], "properties": {"y": {"$ref": "#/components/schemas/ABXY", "x-order": 0}}}`,
				"ABXY":       `{"x-comment": "is y of ABX", "type": "string", "enum": ["Z"], "x-enum-varnames": ["Z"]}`,
				"ACreateB":   `{"x-comment": "is b of ACreate", "type": "object", "required": [], "properties": {"x": {"$ref": "#/components/schemas/ACreateBX", "x-order": 0}}}`,
				"ACreateBX":  `{"x-comment": "is x of ACreateB", "type": "object", "required": [], "properties": {"y": {"$ref": "#/components/schemas/ACreateBXY", "x-order": 0}}}`,
				"ACreateBXY": `{"x-comment": "is y of ACreateBX", "type": "string", "enum": ["Y"], "x-enum-varnames": ["Y"]}`,
			},
		},
		"lists and names": {
			schemas: `
    Entry:
      type: object
      properties:
        lines: {type: array, items: {type: object, properties: {kind: {enum: [ON_TIME, LATE]}}}}
        free: {type: object, additionalProperties: true}
        foreign: {type: object}
        fixed: {const: ENTRY}
    Lines: {type: array, items: {type: string}}
    Code: {enum: [EUR, USD, GBP, CHF, ALL]}
    Error: {type: object, properties: {code: {enum: [X]}}}
`,
			want: map[string]string{
				"Entry": `{` + said + `, "type": "object", "required": [], "properties": {
					"lines": {"type": "array", "items": {"$ref": "#/components/schemas/EntryLine"}, "x-order": 0},
					"free": {"type": "object", "additionalProperties": true, "x-order": 1},
					"foreign": {"type": "object", "additionalProperties": true, "x-order": 2},
					"fixed": {"type": "string", "x-order": 3}}}`,
				"EntryLine":     `{"x-comment": "is an item of a list", "type": "object", "required": [], "properties": {"kind": {"$ref": "#/components/schemas/EntryLineKind", "x-order": 0}}}`,
				"EntryLineKind": `{"x-comment": "is kind of EntryLine", "type": "string", "enum": ["ON_TIME", "LATE"], "x-enum-varnames": ["OnTime", "Late"]}`,
				"Code":          `{` + said + `, "type": "string", "enum": ["EUR", "USD", "GBP", "CHF", "ALL"], "x-enum-varnames": ["EUR", "USD", "GBP", "CHF", "ALL"]}`,
				"Problem":       `{` + said + `, "type": "object", "required": [], "properties": {"code": {"$ref": "#/components/schemas/ErrorCode", "x-order": 0}}}`,
				"ErrorCode":     `{"x-comment": "is code of Error", "type": "string", "enum": ["X"], "x-enum-varnames": ["X"]}`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := converted(t, tt.paths, tt.schemas)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				if diff := cmp.Diff(plain(t, want), plain(t, got[name])); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			for name := range got {
				if _, known := tt.want[name]; !known && name != "changeA" {
					t.Errorf("there is a %s", name)
				}
			}
		})
	}
}

func TestOperations(t *testing.T) {
	const page = `
    A: {type: object, properties: {x: {type: string}}}
    APage: {type: object, properties: {data: {type: array, items: {$ref: "#/components/schemas/A"}}, links: {type: object, properties: {next: {type: [string, "null"]}}}}}
`
	respond := func(schema string) string {
		return `responses: {"401": {}, "200": {content: {application/json: {schema: ` + schema + `}}}}`
	}
	for name, tt := range map[string]struct {
		path, op string
		want     string // its hints
	}{
		"one":    {"/a", "get: {operationId: op, " + respond(`{$ref: "#/components/schemas/A"}`) + "}", `{"result": "A"}`},
		"a page": {"/a", "get: {operationId: op, " + respond(`{$ref: "#/components/schemas/APage"}`) + "}", `{"result": "APage", "paged": "linked", "item": "A"}`},
		"a list": {"/a", "get: {operationId: op, " + respond(`{type: array, items: {$ref: "#/components/schemas/A"}}`) + "}", `{"paged": "counted", "item": "A"}`},
		"a POST that is known again": {
			"/a", `post: {operationId: op, parameters: [{name: Idempotency-Key, in: header}, {name: x-platform-id, in: header}], ` + respond(`{$ref: "#/components/schemas/A"}`) + "}",
			`{"result": "A", "keyed": true}`,
		},
		"a search":  {"/a/search", "post: {operationId: op, " + respond(`{$ref: "#/components/schemas/A"}`) + "}", `{"result": "A", "safe": true}`},
		"ingestion": {"/v1/ingest/x", "post: {operationId: op, " + respond(`{$ref: "#/components/schemas/A"}`) + "}", `{"result": "A", "safe": true}`},
		"a file":    {"/a", `get: {operationId: op, responses: {"200": {content: {application/pdf: {}}}}}`, `{"raw": "application/pdf"}`},
		"a refusal": {"/a", `get: {operationId: op, responses: {"400": {content: {application/json: {schema: {$ref: "#/components/schemas/A"}}}}}}`, `{}`},
		"nothing":   {"/a", `delete: {operationId: op, responses: {"204": {}}}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := converted(t, tt.path+": {"+tt.op+"}", page)
			if err != nil {
				t.Fatal(err)
			}
			op := got["op"].(object)
			if diff := cmp.Diff(plain(t, tt.want), plain(t, op[hints])); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]any{}, op["parameters"]); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

// TestParameters: one that is described for all has one type, and only of a
// truth nil is another thing than false.
func TestParameters(t *testing.T) {
	got, err := converted(t, `/a: {parameters: [{name: id, in: path, required: true, schema: {type: string}}], get: {operationId: listThings, parameters: [
		{name: order_by, in: query, schema: {enum: [name]}}, {name: paid, in: query, schema: {type: boolean}}], responses: {"204": {}}}}`, "    A: {type: string}")
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
		{"name": "order_by", "in": "query", "required": false, "x-go-type-skip-optional-pointer": true, "schema": {"$ref": "#/components/schemas/ListThingsOrderBy"}},
		{"name": "paid", "in": "query", "required": false, "schema": {"type": "boolean"}}]`
	if diff := cmp.Diff(plain(t, want), plain(t, got["listThings"].(object)["parameters"])); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}

// TestWhatCannotBeMade: the message says what to do.
func TestWhatCannotBeMade(t *testing.T) {
	for name, tt := range map[string]struct{ paths, schemas, want string }{
		"two of one name": {
			"", `
    A: {type: object, properties: {b: {type: object, properties: {x: {type: string}}}}}
    AB: {type: object, properties: {y: {type: string}}}
`, "two different schemas would be called AB",
		},
		"a reference to nothing": {"", `
    A: {type: object, properties: {b: {$ref: "#/components/schemas/B"}}}
`, "#/components/schemas/B names nothing"},
		"a list of anything": {`/a: {get: {operationId: op, responses: {"200": {content: {application/json: {schema: {type: array, items: {type: string}}}}}}}}`, "    A: {type: string}", "op lists something that has no name"},
		"a bare text":        {`/a: {get: {operationId: op, responses: {"200": {content: {application/json: {schema: {type: string}}}}}}}`, "    A: {type: string}", "op answers with something that has no name"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := converted(t, tt.paths, tt.schemas); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"email_provider": "EmailProvider", "idOrReference": "IdOrReference", "LESS_THAN": "LessThan", "statuses[]": "Statuses", "x": "X", "": ""} {
		if got := pascal(name); got != want {
			t.Errorf("pascal(%q): got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"lines": "line", "entries": "entry", "addresses": "address", "boxes": "box", "data": "data_item", "cc": "cc_item"} {
		if got := singular(name); got != want {
			t.Errorf("singular(%q): got %q, want %q", name, got, want)
		}
	}
	for _, tt := range [][3]string{
		{"Workflow", "type", "WorkflowType"},
		{"WorkflowWallet", "wallet_balance", "WorkflowWalletBalance"},
		{"Payment", "payment_method", "PaymentMethod"},
		{"Payment", "payment", "PaymentPayment"},
		{"", "order_direction", "OrderDirection"},
	} {
		if got := join(tt[0], tt[1]); got != tt[2] {
			t.Errorf("join(%q, %q): got %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
	for name, want := range map[string]string{"WorkflowCreate": "Workflow", "InvoicePutResult": "Invoice", "Put": "Put", "Invoice": "Invoice"} {
		if got := noun(name); got != want {
			t.Errorf("noun(%q): got %q, want %q", name, got, want)
		}
	}
}

// TestRun: the real description can be converted, and always to the same.
func TestRun(t *testing.T) {
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := run([]string{"../../../api/openapi.yaml"}, out); err != nil {
			t.Fatal(err)
		}
	}
	if !json.Valid(first.Bytes()) || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs do not make the same JSON")
	}
	if err := run(nil, &first); err == nil {
		t.Error("no file is needed")
	}
}
