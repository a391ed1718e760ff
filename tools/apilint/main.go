// Command apilint checks api/openapi.yaml against api/lint.yaml: `make lint` runs
// it. Whatever it finds is an error. It asks nobody outside.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/speakeasy-api/openapi/linter"
	"github.com/speakeasy-api/openapi/openapi"
	openapilinter "github.com/speakeasy-api/openapi/openapi/linter"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: apilint RULES.yaml OPENAPI.yaml")
		os.Exit(2)
	}
	ctx := context.Background() //nolint:forbidigo // main is where contexts come from
	found, err := lint(ctx, os.Args[1], os.Args[2])
	if err != nil {
		found = "apilint: " + err.Error()
	}
	if found != "" {
		fmt.Fprintln(os.Stderr, found)
		os.Exit(1)
	}
}

// lint returns what is wrong with a document, "" if nothing is.
func lint(ctx context.Context, rules, document string) (string, error) {
	config, err := linter.LoadConfigFromFile(rules)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", rules, err)
	}
	text, err := os.ReadFile(document) //nolint:gosec // the caller names the file
	if err != nil {
		return "", err
	}
	doc, invalid, err := openapi.Unmarshal(ctx, bytes.NewReader(text))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", document, err)
	}
	l, err := openapilinter.NewLinter(config)
	if err != nil {
		return "", err
	}
	out, err := l.Lint(ctx, linter.NewDocumentInfo(doc, document), invalid, nil)
	if err != nil {
		return "", err
	}
	if len(out.Results) == 0 {
		return "", nil
	}
	return out.FormatText(), nil
}
