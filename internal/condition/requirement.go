package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Requirement is a member that must be equal to a text, else a condition does not
// hold, whatever else it says: `customer.locale == "nl-NL"`, alone or before or
// after an `&&`. Who has thousands of conditions to ask can leave out at a glance
// those of which one is not met.
type Requirement struct {
	path   path
	Equals string
}

// Member names the member, in the words of the condition.
func (r Requirement) Member() string { return r.path.name }

// Text is what the member is in some states; false if it is no text.
func (r Requirement) Text(a *Asking) (string, bool) {
	s, ok := r.path.follow(a).(types.String)
	return string(s), ok
}

// Requires are the requirements of a condition.
func (c *Condition) Requires() []Requirement {
	_ = c.compile() // of one that is wrong there are none
	return c.requires
}

func requirementsOf(e ast.Expr) []Requirement {
	if e.Kind() != ast.CallKind {
		return nil
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd:
		var list []Requirement
		for _, arg := range args {
			list = append(list, requirementsOf(arg)...)
		}
		return list
	case operators.Equals:
		for i, arg := range args {
			p, ok := pathTo(arg)
			if text, literal := textOf(args[1-i]); ok && literal && p.certain() {
				return []Requirement{{p, text}}
			}
		}
	}
	return nil
}

func textOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// certain reports whether following the way is never an error: it goes through
// declared members, and takes at most one name in metadata. An error would have to
// be told.
func (p path) certain() bool {
	s := shapeNamed(p.root)
	for i, step := range p.steps {
		f := s.fields[step]
		if f == nil {
			return false
		}
		if f.Type.IsExactType(objectType) {
			return i == len(p.steps)-2
		}
		if s = shapes[f.Type.TypeName()]; s == nil {
			return i == len(p.steps)-1
		}
	}
	return false
}
