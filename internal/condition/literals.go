package condition

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// literals refuses what is known to fail whatever the states are: a literal that
// does not parse. A pattern must be a literal, so that it is compiled once.
func literals(tree *ast.AST) error {
	var found error
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if found == nil {
			if problem := literal(e); problem != "" {
				found = at(tree.SourceInfo().GetStartLocation(e.ID()), problem)
			}
		}
	}))
	return found
}

func literal(e ast.Expr) string {
	if e.Kind() == ast.StructKind {
		return "an object is made, which no state has; write amount(\"100.00\", \"EUR\") for an amount"
	}
	if e.Kind() != ast.CallKind {
		return ""
	}
	call := e.AsCall()
	args, all := constants(call.Args())
	switch f := call.FunctionName(); {
	case f == "matches" && len(args) == 0:
		return "matches() must have its pattern as a literal"
	case f == "matches":
		if _, err := regexp.Compile(fmt.Sprint(args[0].Value())); err != nil {
			return "the pattern is wrong: " + firstLine(err.Error())
		}
	case !all:
	case f == amountFunction:
		return problemOf(orError(newAmount(fmt.Sprint(args[0].Value()), fmt.Sprint(args[1].Value()))))
	case f == decimalFunction:
		return problemOf(orError(newDecimal(fmt.Sprint(args[0].Value()))))
	case f == "timestamp":
		if problemOf(types.String(fmt.Sprint(args[0].Value())).ConvertToType(types.TimestampType)) != "" && args[0].Type() == types.StringType {
			return `timestamp() takes a time with seconds and Z or an offset, such as timestamp("2026-01-31T00:00:00Z")`
		}
	case f == "duration":
		if args[0].Type() == types.StringType && problemOf(args[0].ConvertToType(types.DurationType)) != "" {
			return `duration() takes hours, minutes and seconds, such as duration("72h")`
		}
	}
	return ""
}

// constants are the arguments that are literals; all says whether every one is.
func constants(args []ast.Expr) (list []ref.Val, all bool) {
	for _, a := range args {
		if a.Kind() == ast.LiteralKind {
			list = append(list, a.AsLiteral())
		}
	}
	return list, len(list) == len(args)
}

func problemOf(v ref.Val) string {
	if err, ok := v.(*types.Err); ok {
		return strings.TrimSpace(err.Error())
	}
	return ""
}
