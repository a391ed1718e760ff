package condition

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
)

// explain says where a text is wrong first, and what would be right there. tree
// is nil if it could not even be read.
func (l *language) explain(tree *ast.AST, issues *cel.Issues) error {
	first := issues.Errors()[0]
	for _, e := range issues.Errors()[1:] {
		if before(e.Location, first.Location) {
			first = e
		}
	}
	problem := firstLine(first.Message)
	switch {
	case strings.HasPrefix(problem, "Syntax error"):
		problem = unreadable(problem)
	case strings.HasPrefix(problem, "undeclared reference"):
		problem = l.undeclared(problem)
	case strings.HasPrefix(problem, "undefined field"):
		problem = l.undefined(tree, first.ExprID, problem)
	case strings.HasPrefix(problem, "found no matching overload"):
		problem = mismatch(problem)
	default:
		problem = readable(problem)
	}
	return at(first.Location, problem)
}

// at says what is wrong at a place in the text.
func at(place common.Location, problem string) error {
	return fmt.Errorf("%s: at line %d, column %d %s", anExpression, max(place.Line(), 1), max(place.Column(), 0)+1, problem)
}

func before(a, b common.Location) bool {
	return a.Line() < b.Line() || (a.Line() == b.Line() && a.Column() < b.Column())
}

var quoted = regexp.MustCompile(`'([^']*)'`)

// named is the first name in single quotes.
func named(problem string) string {
	if m := quoted.FindStringSubmatch(problem); m != nil {
		return m[1]
	}
	return ""
}

// unreadable says what of the text is out of place.
func unreadable(problem string) string {
	if strings.Contains(problem, "'<EOF>'") {
		return "something is missing at the end"
	}
	problem, _, _ = strings.Cut(strings.TrimPrefix(problem, "Syntax error: "), " expecting")
	return "it cannot be read: " + problem
}

func (l *language) undeclared(problem string) string {
	name := named(problem)
	for _, v := range variables {
		switch {
		case v.name == name && slices.Contains(l.names, name):
			return "an object is made of " + name + ", which is one already"
		case v.name == name:
			return fmt.Sprintf("%s is not known to a workflow of this type, only %s", name, list(l.names))
		}
	}
	return fmt.Sprintf("there is no %s, only %s and the functions of CEL, amount() and decimal()", name, list(l.names))
}

// undefined names the members of the object that has not got the one asked for.
func (l *language) undefined(tree *ast.AST, id int64, problem string) string {
	found := ""
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() != id || e.Kind() != ast.SelectKind {
			return
		}
		if s := shapeOf(e.AsSelect().Operand()); s != nil {
			found = fmt.Sprintf("%s has no member %s, only %s", s.name, named(problem), list(s.names()))
		}
	}))
	if found == "" {
		return fmt.Sprintf("there is no member %s; docs/conditions.md lists them", named(problem))
	}
	return found
}

// shapeOf is the shape of the object that a way through members leads to, or nil.
func shapeOf(e ast.Expr) *shape {
	if e.Kind() == ast.IdentKind {
		return shapeNamed(e.AsIdent())
	}
	if e.Kind() != ast.SelectKind {
		return nil
	}
	s := shapeOf(e.AsSelect().Operand())
	if s == nil || s.fields[e.AsSelect().FieldName()] == nil {
		return nil
	}
	return shapes[s.fields[e.AsSelect().FieldName()].Type.TypeName()]
}

// shapeNamed is the shape of a variable, or nil if there is none of that name.
func shapeNamed(name string) *shape {
	for _, v := range variables {
		if v.name == name {
			return v.shape
		}
	}
	return nil
}

// mismatch says what an operator or a function cannot be used with.
func mismatch(problem string) string {
	name, with := named(problem), ""
	if all := quoted.FindAllStringSubmatch(problem, 2); len(all) == 2 {
		with = all[1][1]
	}
	said := fmt.Sprintf("%s cannot be used with %s", strings.Trim(name, "_"), readable(with))
	switch {
	case name == amountFunction:
		return said + `: it takes a quantity and a currency, each in a string, such as amount("100.00", "EUR")`
	case name == decimalFunction:
		return said + `: it takes a string, such as decimal("25.50")`
	case strings.Contains(with, "amount"):
		return said + `: an amount is compared with another, such as amount("100.00", "EUR")`
	case strings.Contains(with, "decimal"):
		return said + `: a decimal is compared with another, such as decimal("25.50")`
	case strings.Contains(with, "timestamp"):
		return said + `: a time is compared with another, such as timestamp("2026-01-31T00:00:00Z")`
	default:
		return said
	}
}

var wrapper = regexp.MustCompile(`wrapper\((\w+)\)`)

// readable is a type as docs/conditions.md calls it.
func readable(t string) string {
	return strings.ReplaceAll(wrapper.ReplaceAllString(t, "$1"), hidden, "")
}

// list joins names for a sentence.
func list(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
