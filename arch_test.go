// Package dunwell_test keeps the rules that hold for the repository as a whole.
package dunwell_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// internalMayImport says for each package under internal/ which others of them
// it may import; its tests may import more. A package that is missing here is
// not allowed to exist: a new one, or a new edge, is a decision about the
// design, and this is where it is taken.
var internalMayImport = map[string][]string{
	// what everything stands on
	"failpoint": {},
	"ident":     {},
	"fault":     {},
	"calendar":  {"fault"},
	// the nouns, each knowing only those it mentions
	"platform":  {"calendar", "fault", "ident"},
	"billing":   {"platform", "calendar", "fault", "ident"},
	"hold":      {"billing"},
	"condition": {"billing", "calendar"},
	"workflow":  {"platform", "billing", "condition", "hold", "calendar", "fault", "ident"}, // hold: what is held is a fact beside the states
	"trigger":   {"platform", "workflow", "billing", "calendar", "fault", "ident"},
	"execution": {"platform", "trigger", "workflow", "billing", "fault", "ident"},
	// what goes in and out
	"message":  {"platform", "billing", "workflow", "calendar", "fault"},
	"delivery": {"execution", "message", "platform", "fault"},
	"source":   {"billing", "calendar", "fault"},
	"auth":     {"platform", "fault", "ident"},
	"config":   {"fault"},
	// what brings them together
	"store":   {"config", "platform", "billing", "hold", "workflow", "trigger", "execution", "calendar", "auth", "message", "fault", "ident"},
	"engine":  {"auth", "failpoint", "store", "platform", "billing", "hold", "workflow", "trigger", "execution", "message", "delivery", "calendar", "fault", "ident"},
	"httpapi": {"engine", "store", "source", "message", "auth", "platform", "billing", "condition", "hold", "workflow", "trigger", "execution", "calendar", "fault", "ident"},
	// what only tests may use
	"apitest":     {},
	"conformance": {},
	"oidctest":    {},
	"pgtest":      {},
	"smtptest":    {},
	"storetest":   {"store"},
}

// forTests are the packages under internal/ that no program may contain.
var forTests = []string{"apitest", "conformance", "oidctest", "pgtest", "smtptest", "storetest"}

// seesInternal says for each top folder with Go code whether it may import from
// internal/. cmd wires everything together; client is for other people's code.
var seesInternal = map[string]bool{
	"api":    false,
	"client": false,
	"cmd":    true,
	"e2e":    true,
}

// emptyNames say nothing about what is in a package.
var emptyNames = []string{"util", "utils", "common", "model", "models", "types", "service", "services", "handler", "handlers"}

const (
	internalPath = "github.com/dunwellhq/dunwell/internal/"
	maxLines     = 600
)

func TestRepositoryKeepsItsRules(t *testing.T) {
	packages, violations, err := check(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
	// Proves that the walk has seen the repository and not an empty folder.
	if !slices.Contains(packages, "internal/pgtest") {
		t.Errorf("packages seen: got %q, want internal/pgtest among them", packages)
	}
}

func TestRulesCatch(t *testing.T) {
	long := strings.Repeat("\n", maxLines)
	importing := func(pkg string) string { return "package x\n\nimport _ \"" + internalPath + pkg + "\"\n" }
	for _, tt := range []struct {
		name, file, source string
		want               []string
	}{
		{"allowed", "internal/engine/a.go", importing("store"), nil},
		{"forbidden edge", "internal/store/a.go", importing("engine"), []string{"internal/store/a.go: internal/store may not import internal/engine"}},
		{"forbidden edge to a folder below", "internal/fault/a.go", importing("store/migrations"), []string{"internal/fault/a.go: internal/fault may not import internal/store/migrations"}},
		{"forbidden edge behind a build tag", "internal/fault/a_plan9.go", "//go:build failpoints\n\n" + importing("store"), []string{"internal/fault/a_plan9.go: internal/fault may not import internal/store"}},
		{"any edge in a test", "internal/store/a_test.go", importing("engine"), nil},
		{"unknown package", "internal/console/a.go", "package console\n", []string{"internal/console: not in internalMayImport; add it there with what it may import"}},
		{"unknown package of tests alone", "internal/console/a_test.go", "package console\n", []string{"internal/console: not in internalMayImport; add it there with what it may import"}},
		{"unknown folder", "pkg/a.go", "package pkg\n", []string{"pkg: not in seesInternal; add it there"}},
		{"test support in cmd", "cmd/dunwell/a.go", importing("pgtest"), []string{"cmd/dunwell/a.go: internal/pgtest is for tests only"}},
		{"test support in a test", "cmd/dunwell/a_test.go", importing("pgtest"), nil},
		{"wiring", "cmd/dunwell/a.go", importing("httpapi"), nil},
		{"client looking inside", "client/a.go", importing("billing"), []string{"client/a.go: client may not import internal/billing"}},
		{"name that says nothing", "cmd/util/a.go", "package util\n", []string{"cmd/util/a.go: a package named util says nothing about what is in it"}},
		{"test package with such a name", "cmd/util/a_test.go", "package util_test\n", []string{"cmd/util/a_test.go: a package named util says nothing about what is in it"}},
		{"600 lines", "cmd/a/a.go", "package a" + long[:maxLines-1] + "\n", nil},
		{"601 lines", "cmd/a/a.go", "package a\n" + long, []string{"cmd/a/a.go: 601 lines, more than 600: it holds more than one thing"}},
		{"601 lines without a last newline", "cmd/a/a.go", "package a" + long + "//", []string{"cmd/a/a.go: 601 lines, more than 600: it holds more than one thing"}},
		{"long test", "cmd/a/a_test.go", "package a\n" + long, nil},
		{"long generated file", "cmd/a/a.go", "// Code generated by x. DO NOT EDIT.\n\npackage a\n" + long, nil},
		{"another module", "tools/util/a.go", "package util\n", nil},
		{"test data", "internal/store/testdata/util/a.go", "package util\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repository := fstest.MapFS{
				tt.file:        {Data: []byte(tt.source)},
				"go.mod":       {},
				"tools/go.mod": {},
			}
			_, got, err := check(repository)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTestSupportIsKnown(t *testing.T) {
	for _, name := range forTests {
		if _, ok := internalMayImport[name]; !ok {
			t.Errorf("%s is in forTests but not in internalMayImport", name)
		}
	}
}

// check reads every Go file of the module, whatever its build tags, and returns
// the folders that hold some and the rules that are broken. It reads the files
// itself, because `go test` then knows that its cached result depends on them.
func check(repository fs.FS) (packages, violations []string, err error) {
	err = fs.WalkDir(repository, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipDir(repository, name)
		case path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(repository, name)
		if err != nil {
			return err
		}
		found, err := checkFile(name, source)
		if err != nil {
			return err
		}
		violations = append(violations, found...)
		if dir := path.Dir(name); !slices.Contains(packages, dir) {
			packages = append(packages, dir)
			violations = append(violations, checkFolder(dir)...)
		}
		return nil
	})
	return packages, violations, err
}

// skipDir returns fs.SkipDir for a folder whose Go files, as for the go command,
// are not part of this module.
func skipDir(repository fs.FS, dir string) error {
	base := path.Base(dir)
	if dir == "." {
		return nil
	}
	if base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(repository, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func checkFolder(dir string) []string {
	if name, ok := strings.CutPrefix(dir, "internal/"); ok {
		if _, known := internalMayImport[name]; !known {
			return []string{dir + ": not in internalMayImport; add it there with what it may import"}
		}
		return nil
	}
	top, _, _ := strings.Cut(dir, "/")
	if _, known := seesInternal[top]; !known && top != "." {
		return []string{top + ": not in seesInternal; add it there"}
	}
	return nil
}

func checkFile(name string, source []byte) (violations []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if pkg := strings.TrimSuffix(file.Name.Name, "_test"); slices.Contains(emptyNames, pkg) {
		violations = append(violations, fmt.Sprintf("%s: a package named %s says nothing about what is in it", name, pkg))
	}
	if strings.HasSuffix(name, "_test.go") {
		return violations, nil
	}
	if lines := countLines(source); lines > maxLines && !ast.IsGenerated(file) {
		violations = append(violations, fmt.Sprintf("%s: %d lines, more than %d: it holds more than one thing", name, lines, maxLines))
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if v := checkImport(path.Dir(name), imported); v != "" {
			violations = append(violations, name+": "+v)
		}
	}
	return violations, nil
}

// checkImport returns what is wrong with code in dir importing a package, or "".
func checkImport(dir, imported string) string {
	target, ours := strings.CutPrefix(imported, internalPath)
	if !ours {
		return ""
	}
	if importer, ok := strings.CutPrefix(dir, "internal/"); ok {
		// An importer without an entry is reported once, as an unknown package.
		if allowed, known := internalMayImport[importer]; known && !slices.Contains(allowed, target) {
			return dir + " may not import internal/" + target
		}
		return ""
	}
	top, _, _ := strings.Cut(dir, "/")
	if !seesInternal[top] {
		return top + " may not import internal/" + target
	}
	if slices.Contains(forTests, target) {
		return "internal/" + target + " is for tests only"
	}
	return ""
}

func countLines(source []byte) int {
	lines := bytes.Count(source, []byte("\n"))
	if len(source) > 0 && source[len(source)-1] != '\n' {
		lines++
	}
	return lines
}
