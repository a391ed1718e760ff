package condition

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
)

// Rows are the table of members in docs/conditions.md: the variables first, then
// the objects in them.
func Rows() []string {
	var rows, below []string
	var seen []*shape
	var row func(s *shape) string
	row = func(s *shape) string {
		seen = append(seen, s)
		var list []string
		for _, m := range s.members {
			list = append(list, fmt.Sprintf("`%s` %s", m.name, kindOf(m.typ)))
		}
		for _, m := range s.members {
			of := m.typ
			if of.Kind() == types.ListKind {
				of = of.Parameters()[0]
			}
			if o := shapes[of.TypeName()]; o != nil && !slices.Contains(seen, o) {
				below = append(below, row(o))
			}
		}
		return fmt.Sprintf("| %s | %s |", s.name, strings.Join(list, ", "))
	}
	for _, v := range variables {
		rows = append(rows, row(v.shape))
	}
	return append(rows, below...)
}

func kindOf(t *types.Type) string {
	switch {
	case t.IsExactType(textType), t.IsExactType(types.StringType):
		return "text"
	case t.IsExactType(numberType):
		return "number"
	case t.IsExactType(maybeType), t.IsExactType(types.BoolType):
		return "yes or no"
	case t.IsExactType(instantType):
		return "time"
	case t.IsExactType(objectType):
		return "anything"
	case t.Kind() == types.ListKind:
		return "list of " + kindOf(t.Parameters()[0])
	default:
		return strings.TrimPrefix(t.TypeName(), hidden)
	}
}
