// Command gen writes a description of OpenAPI 3.1 in the form of which
// oapi-codegen makes good Go: `make generate` runs it on api/openapi.yaml.
//
// It keeps what the description says and changes how it is said. Members that
// several schemas share through allOf are put into each of them; objects and
// enums that are written in place get names; enums get their type; what may be
// null is told apart by what a Go program has to tell apart (see
// [converter.member]); of the responses only the one of success is kept, because
// all others are one type, [client.Error]. Headers that the client sends by
// itself (x-platform-id, Idempotency-Key) are no parameters any more.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: gen OPENAPI.yaml")
	}
	text, err := os.ReadFile(args[0]) //nolint:gosec // the caller names the file
	if err != nil {
		return err
	}
	doc, err := read(text)
	if err != nil {
		return fmt.Errorf("reading %s: %w", args[0], err)
	}
	plain, err := convert(doc)
	if err != nil {
		return fmt.Errorf("converting %s: %w", args[0], err)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(plain)
}

// object is a mapping of the document.
type object = map[string]any

// order is where a schema notes which member of its object it is: a mapping
// that has been decoded does not know any more in which order it was written.
const order = "x-order"

// read decodes a document, with the order of its members.
func read(text []byte) (object, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	noteOrder(&root)
	var doc object
	err := root.Decode(&doc)
	return doc, err
}

func noteOrder(n *yaml.Node) {
	for i, child := range n.Content {
		named := n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "properties"
		if named && child.Kind == yaml.MappingNode {
			for j := 1; j < len(child.Content); j += 2 {
				if member := child.Content[j]; member.Kind == yaml.MappingNode {
					key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: order}
					place := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(j / 2)}
					member.Content = append(member.Content, key, place)
				}
			}
		}
		noteOrder(child)
	}
}
