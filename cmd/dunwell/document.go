package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/dunwellhq/dunwell/client"
)

// given is the flag of every command that sends a body of the caller's making.
type given struct {
	File string `short:"f" placeholder:"FILE" help:"The body, as JSON or YAML; - reads standard input."`
}

// errFileAlone keeps a flag from being ignored in silence.
var errFileAlone = errors.New("a --file is the whole body: give no other part of it by flags")

// body reads the file. JSON is sent as it is; what is wrong with it, the API says.
func (g given) body(in io.Reader) (json.RawMessage, error) {
	text, err := os.ReadFile(g.File)
	if g.File == "-" {
		text, err = io.ReadAll(in)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		return trimmed, nil
	}
	body, err := jsonOf(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s as YAML: %w", g.File, err)
	}
	return body, nil
}

// jsonOf writes a YAML document as JSON, its members in their order and its
// scalars as they are written: a date stays a date, 25.50 keeps its zero.
func jsonOf(text []byte) (json.RawMessage, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there must be one document")
	}
	var checked any // finds keys given twice, and aliases that multiply without end
	if err := doc.Decode(&checked); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := writeJSON(&b, &doc); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return writeJSON(b, n.Content[0])
	case yaml.AliasNode:
		return writeJSON(b, n.Alias)
	case yaml.MappingNode:
		return writeItems(b, n.Content, 2, "{", "}")
	case yaml.SequenceNode:
		return writeItems(b, n.Content, 1, "[", "]")
	default:
		return writeScalar(b, n)
	}
}

// writeItems writes the items of a list, or, two at a time, the members of an object.
func writeItems(b *bytes.Buffer, nodes []*yaml.Node, step int, begin, end string) error {
	b.WriteString(begin)
	for i, n := range nodes {
		if i > 0 && i%step == 0 {
			b.WriteByte(',')
		}
		if step == 2 && i%2 == 0 {
			if n.Kind != yaml.ScalarNode || n.Tag == "!!merge" {
				return fmt.Errorf("line %d: the name of a member must be a text", n.Line)
			}
			b.Write(quoted(n.Value))
			b.WriteByte(':')
			continue
		}
		if err := writeJSON(b, n); err != nil {
			return err
		}
	}
	b.WriteString(end)
	return nil
}

func writeScalar(b *bytes.Buffer, n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!null":
		b.WriteString("null")
	case "!!bool", "!!int", "!!float":
		literal := strings.ToLower(n.Value)
		if !json.Valid([]byte(literal)) {
			return fmt.Errorf("line %d: write %s as JSON does, or in quotes if it is a text", n.Line, n.Value)
		}
		b.WriteString(literal)
	default: // a timestamp, too, is a text
		b.Write(quoted(n.Value))
	}
	return nil
}

func quoted(s string) []byte {
	text, _ := json.Marshal(s) // of a text it cannot fail
	return text
}

// yamlOf writes JSON as YAML, its members in their order.
func yamlOf(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	node, err := nodeOf(decoder)
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err = errors.Join(encoder.Encode(node), encoder.Close())
	return b.Bytes(), err
}

func nodeOf(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if v == '{' {
			n.Kind = yaml.MappingNode
		}
		for decoder.More() {
			item, err := nodeOf(decoder)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		_, err := decoder.Token()
		return n, err
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}, nil
	default:
		n := new(yaml.Node)
		return n, n.Encode(v)
	}
}

// change is the flags of commands that change a thing: a patch of the caller's
// making, or members one by one.
type change struct {
	given
	Set []string `placeholder:"NAME=VALUE" sep:"none" help:"A member to change; repeat it for more. A value is JSON (null, true, 3, \"3\", [\"a\"]) or else a text."`
}

// patch is the body of a change: the file, or what is set.
func (c change) patch(in io.Reader) (json.RawMessage, error) {
	switch {
	case c.File != "" && len(c.Set) > 0:
		return nil, errors.New("--file and --set exclude each other")
	case c.File != "":
		return c.body(in)
	case len(c.Set) == 0:
		return nil, errors.New("nothing is to be changed: use --set or --file")
	}
	members := map[string]any{}
	for _, set := range c.Set {
		name, value, ok := strings.Cut(set, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--set %s: write it as NAME=VALUE", set)
		}
		if err := put(members, strings.Split(name, "."), value); err != nil {
			return nil, fmt.Errorf("--set %s: %w", set, err)
		}
	}
	return json.Marshal(members)
}

// put puts a value at a path of names.
func put(members map[string]any, path []string, value string) error {
	name := path[0]
	if len(path) == 1 {
		if _, twice := members[name]; twice {
			return fmt.Errorf("%s is set twice", name)
		}
		if json.Valid([]byte(value)) {
			members[name] = json.RawMessage(value)
		} else {
			members[name] = value
		}
		return nil
	}
	inner, ok := members[name].(map[string]any)
	if _, taken := members[name]; taken && !ok {
		return fmt.Errorf("%s is set twice", name)
	}
	if inner == nil {
		inner = map[string]any{}
		members[name] = inner
	}
	return put(inner, path[1:], value)
}

// joined is one list of what several pages list: an object like a page where
// they are pages, a bare list where they are that.
func joined(answers []client.Response) ([]byte, error) {
	all := []json.RawMessage{}
	bare := false
	for _, a := range answers {
		var page struct {
			Data []json.RawMessage `json:"data"`
		}
		if bare = bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("[")); bare {
			if err := json.Unmarshal(a.Body, &page.Data); err != nil {
				return nil, err
			}
		} else if err := json.Unmarshal(a.Body, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
	}
	if bare {
		return json.Marshal(all)
	}
	return json.Marshal(map[string]any{"data": all})
}
