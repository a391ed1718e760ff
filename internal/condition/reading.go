package condition

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Reading is what a condition that did not hold asked for: each member that its
// text names, with the value that it had. It is kept with the decision.
type Reading struct {
	Members []Read `json:"members"`
	Error   string `json:"error,omitempty"` // why it could not say
}

// Read is the value of one member.
type Read struct {
	Member string `json:"member"` // as the text names it
	Value  string `json:"value"`  // in words: "50.00 EUR", "gold", "3 items", "null"
}

const (
	maxReads = 20
	maxValue = 200
)

// Read is what the condition asks of these states.
func (c *Condition) Read(a *Asking) *Reading {
	r := &Reading{Members: []Read{}} // of a text that names none there are none
	if answer := c.Of(a); answer.Err != nil {
		r.Error = answer.Err.Error()
	}
	for _, p := range c.paths {
		r.Members = append(r.Members, Read{p.name, p.value(a)})
	}
	return r
}

// path is a way through members from a variable.
type path struct {
	name  string
	root  string
	steps []string
}

// pathsOf are the ways that an expression names, each once, the longest of each.
func pathsOf(tree *ast.AST) []path {
	var paths []path
	seen := map[string]bool{}
	var visit func(e ast.NavigableExpr)
	visit = func(e ast.NavigableExpr) {
		p, ok := pathTo(e)
		if !ok {
			for _, child := range e.Children() {
				visit(child)
			}
		} else if !seen[p.name] && len(paths) < maxReads {
			seen[p.name] = true
			paths = append(paths, p)
		}
	}
	visit(ast.NavigateAST(tree))
	return paths
}

// pathTo is the way that an expression is, if it is one.
func pathTo(e ast.Expr) (path, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return path{e.AsIdent(), e.AsIdent(), nil}, shapeNamed(e.AsIdent()) != nil
	case ast.SelectKind:
		p, ok := pathTo(e.AsSelect().Operand())
		return p.to("."+e.AsSelect().FieldName(), e.AsSelect().FieldName()), ok
	case ast.CallKind:
		return pathInto(e.AsCall())
	default:
		return path{}, false
	}
}

// pathInto is the way through an index that is a literal.
func pathInto(call ast.CallExpr) (path, bool) {
	args := call.Args()
	if call.FunctionName() != operators.Index || args[1].Kind() != ast.LiteralKind {
		return path{}, false
	}
	p, ok := pathTo(args[0])
	switch index := args[1].AsLiteral().(type) {
	case types.String:
		return p.to("["+strconv.Quote(string(index))+"]", string(index)), ok
	case types.Int:
		return p.to(fmt.Sprintf("[%d]", index), fmt.Sprint(index)), ok
	default:
		return path{}, false
	}
}

func (p path) to(name, step string) path {
	return path{p.name + name, p.root, append(p.steps, step)}
}

// value says what is at the end of the way.
func (p path) value(a *Asking) string { return cut(words(p.follow(a)), maxValue) }

// follow goes the way; where nothing is, there is null.
func (p path) follow(a *Asking) ref.Val {
	at, _ := a.ResolveName(p.root)
	v, _ := at.(ref.Val)
	for _, step := range p.steps {
		v = next(v, step)
	}
	return v
}

func next(v ref.Val, step string) ref.Val {
	switch v := v.(type) {
	case *record:
		return v.Get(types.String(step))
	case *amount:
		if step == "currency" {
			return types.String(v.currency)
		}
		return &v.quantity
	case traits.Mapper:
		member, _ := v.Find(types.String(step))
		return member
	case traits.Lister:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && types.Int(i) < v.Size().(types.Int) {
			return v.Get(types.Int(i))
		}
	}
	return types.NullValue
}

// words is a value as people read it.
func words(v ref.Val) string {
	switch v := v.(type) {
	case nil, types.Null:
		return "null"
	case *amount:
		return string(v.quantity.text) + " " + v.currency
	case *decimal:
		return string(v.text)
	case types.Timestamp:
		return v.Format(time.RFC3339)
	case traits.Lister:
		return fmt.Sprintf("%d items", v.Size())
	case traits.Mapper, *record:
		return "an object"
	case types.String:
		return strings.ToValidUTF8(string(v), "")
	default:
		return fmt.Sprint(v.Value())
	}
}
