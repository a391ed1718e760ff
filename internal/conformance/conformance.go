// Package conformance reads scenarios: what is asked of the API, step by step,
// and what must come back, written so that a person can read them as
// documentation. e2e/testdata/conformance/README.md shows how.
//
// It knows what a scenario says and whether an answer is what one wants; who
// sends the requests is left to its caller. What it does not understand is an
// error, never passed over. Only tests may import this package.
package conformance

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

// Scenario shows one rule.
type Scenario struct {
	Name  string
	Group string // the section of the contract, such as A4
	File  string
	Serve []string // settings of the server, which then is one of its own
	Steps []Step
}

// Leaves reports whether a step leaves a name open.
func (s *Scenario) Leaves(name string) bool {
	return slices.ContainsFunc(s.Steps, func(s Step) bool {
		return slices.ContainsFunc(s.texts(), func(text string) bool { return strings.Contains(text, "${"+name+"}") })
	})
}

// Step is one request and what must come back.
type Step struct {
	Place   string // file:line, and the row of a table
	Verb    string
	Path    string      // with its query
	Header  [][2]string // a value that is empty: do not send what is otherwise sent; "": send it empty
	Body    string
	HasBody bool
	Want    Answer
}

// Answer is what must come back. Texts in it are patterns.
type Answer struct {
	Status      int
	Code, Field string // of an error; the field "-" is null
	Header      [][2]string
	Body        any    // nil: not looked at
	Exactly     bool   // objects have no other members than those of Body
	Eventually  bool   // ask until it is so
	Keep, Same  string // the name under which the body is kept, or that of the one it must equal to the byte
}

// Read reads every *.txtar of a folder. Files are told apart by the beginnings
// of their names, as in A4-workflow.txtar; setup.txtar holds beginnings that
// scenarios share.
func Read(folder fs.FS) ([]Scenario, error) {
	setup, err := sections(folder, "setup.txtar")
	if err != nil {
		return nil, err
	}
	shared := map[string]section{}
	for _, s := range setup {
		shared[s.name] = s
	}
	names, err := fs.Glob(folder, "*.txtar")
	if err != nil {
		return nil, err
	}
	var list []Scenario
	for _, name := range names {
		if name == "setup.txtar" {
			continue
		}
		found, err := sections(folder, name)
		if err != nil {
			return nil, err
		}
		group, _, _ := strings.Cut(strings.TrimSuffix(name, path.Ext(name)), "-")
		for _, s := range found {
			r := reader{shared: shared, known: slices.Clone(Given), lets: map[string]string{}}
			if err := r.read(s); err != nil {
				return nil, err
			}
			if len(r.steps) == 0 {
				return nil, fmt.Errorf("%s:%d: scenario %q has no step", s.file, s.line, s.name)
			}
			list = append(list, Scenario{Name: s.name, Group: group, File: name, Serve: r.serve, Steps: r.steps})
		}
	}
	return list, nil
}

// section is a named piece of a file.
type section struct {
	file, name string
	line       int // of its first
	lines      []string
}

func sections(folder fs.FS, name string) ([]section, error) {
	raw, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	archive := txtar.Parse(raw)
	line := strings.Count(string(archive.Comment), "\n") + 1
	var list []section
	for _, f := range archive.Files {
		if slices.ContainsFunc(list, func(s section) bool { return s.name == f.Name }) {
			return nil, fmt.Errorf("%s:%d: there are two scenarios %q", name, line, f.Name)
		}
		lines := strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
		list = append(list, section{name, f.Name, line + 1, lines})
		line += 1 + strings.Count(string(f.Data), "\n")
	}
	return list, nil
}
