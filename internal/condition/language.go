package condition

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/stdlib"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// language is CEL as the conditions of one kind of workflow speak it.
type language struct {
	env   func() (*cel.Env, error) // made when it is first needed: it costs a millisecond, and most processes need one
	names []string                 // of its variables
}

var languages = map[billing.Kind]*language{
	billing.KindInvoice:      newLanguage(billing.KindInvoice),
	billing.KindPayment:      newLanguage(billing.KindPayment),
	billing.KindSubscription: newLanguage(billing.KindSubscription),
	billing.KindWallet:       newLanguage(billing.KindWallet),
}

// about is the language of a kind; of another there is none.
func about(kind billing.Kind) *language {
	if l := languages[kind]; l != nil {
		return l
	}
	return newLanguage(kind)
}

func newLanguage(kind billing.Kind) *language {
	l := &language{}
	for _, v := range variables {
		if slices.Contains(v.about, kind) {
			l.names = append(l.names, v.name)
		}
	}
	l.env = sync.OnceValues(l.declare)
	return l
}

// declare makes the environment in which texts are compiled.
func (l *language) declare() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(without())),
		cel.CustomTypeProvider(provider{types.NewEmptyRegistry()}),
		cel.Macros(cel.GlobalMacro(operators.Has, 1, expandHas)),
		cel.ParserRecursionLimit(maxDepth),
	}
	for _, name := range l.names {
		options = append(options, cel.Variable(name, shapeNamed(name).typ))
	}
	return cel.NewCustomEnv(append(options, functionsOfOurs()...)...)
}

// replaced are the functions of the standard that we have with another meaning
// for null: a comparison with what is not set is false, and no error.
var replaced = map[string]functions.BinaryOp{
	operators.Less:          comparison(func(c types.Int) bool { return c < 0 }),
	operators.LessEquals:    comparison(func(c types.Int) bool { return c <= 0 }),
	operators.Greater:       comparison(func(c types.Int) bool { return c > 0 }),
	operators.GreaterEquals: comparison(func(c types.Int) bool { return c >= 0 }),
	overloads.Contains:      search(strings.Contains),
	overloads.StartsWith:    search(strings.HasPrefix),
	overloads.EndsWith:      search(strings.HasSuffix),
	overloads.Matches:       binary(func(s, _ ref.Val) ref.Val { return types.MaybeNoSuchOverloadErr(s) }), // see [literalPatterns]
}

// without is the standard less what we replace.
func without() *env.LibrarySubset {
	subset := env.NewLibrarySubset().AddExcludedMacros(operators.Has)
	for name := range replaced {
		subset.AddExcludedFunctions(env.NewFunction(name))
	}
	return subset
}

const (
	differsFunction = "@differs" // no name that an expression can write
	hasFunction     = "@has"
	amountFunction  = "amount"
	decimalFunction = "decimal"
)

func functionsOfOurs() []cel.EnvOption {
	money := amountShape.typ
	options := []cel.EnvOption{
		cel.Function(amountFunction, cel.Overload("amount_string_string", []*cel.Type{cel.StringType, cel.StringType}, money,
			cel.BinaryBinding(func(q, c ref.Val) ref.Val {
				return orError(newAmount(string(q.(types.String)), string(c.(types.String))))
			}))),
		cel.Function(decimalFunction, cel.Overload("decimal_string", []*cel.Type{cel.StringType}, decimalType,
			cel.UnaryBinding(func(q ref.Val) ref.Val { return orError(newDecimal(string(q.(types.String)))) }))),
		cel.Function(hasFunction, cel.Overload("has_any", []*cel.Type{cel.DynType}, cel.BoolType, cel.UnaryBinding(has))),
		cel.Function(differsFunction, cel.Overload("differs_amount", []*cel.Type{money, money}, cel.BoolType),
			cel.SingletonBinaryBinding(comparison(func(c types.Int) bool { return c != 0 }))),
	}
	for _, f := range stdlib.Functions() {
		op, ours := replaced[f.Name()]
		if !ours {
			continue
		}
		overloads := []cel.FunctionOpt{cel.SingletonBinaryBinding(op)}
		for _, o := range f.OverloadDecls() {
			if o.IsMemberFunction() {
				overloads = append(overloads, cel.MemberOverload(o.ID(), o.ArgTypes(), o.ResultType()))
			} else if f.Name() != "matches" {
				overloads = append(overloads, cel.Overload(o.ID(), o.ArgTypes(), o.ResultType()))
			}
		}
		if strings.HasPrefix(f.Name(), "_") {
			for _, t := range []*cel.Type{money, decimalType} {
				overloads = append(overloads, cel.Overload(f.Name()+strings.TrimPrefix(t.TypeName(), hidden), []*cel.Type{t, t}, cel.BoolType))
			}
		}
		options = append(options, cel.Function(f.Name(), overloads...))
	}
	return options
}

func orError[V ref.Val](v V, err error) ref.Val {
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

// binary is a function of two values of which neither is null, else false.
func binary(op functions.BinaryOp) functions.BinaryOp {
	return func(a, b ref.Val) ref.Val {
		if a == types.NullValue || b == types.NullValue {
			return types.False
		}
		return op(a, b)
	}
}

// comparison is whether the order of two values is as asked. Values without an
// order, such as amounts of two currencies, are in none.
func comparison(asked func(types.Int) bool) functions.BinaryOp {
	return binary(func(a, b ref.Val) ref.Val {
		left, ok := a.(traits.Comparer)
		if !ok {
			return types.MaybeNoSuchOverloadErr(a)
		}
		switch order := left.Compare(b).(type) {
		case types.Int:
			return types.Bool(asked(order))
		default: // false, or an error
			return order
		}
	})
}

// search is a function of a text and what may be in it.
func search(in func(s, what string) bool) functions.BinaryOp {
	return binary(func(a, b ref.Val) ref.Val {
		s, ok := a.(types.String)
		what, too := b.(types.String)
		if !ok || !too {
			return types.MaybeNoSuchOverloadErr(a)
		}
		return types.Bool(in(string(s), string(what)))
	})
}

// has is whether a member is set: not null, and no empty list or object.
func has(v ref.Val) ref.Val {
	if sized, ok := v.(traits.Sizer); ok {
		if _, isText := v.(types.String); !isText {
			return types.Bool(sized.Size() != types.IntZero)
		}
	}
	return types.Bool(v != types.NullValue)
}

func expandHas(h parser.ExprHelper, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	if args[0].Kind() != ast.SelectKind {
		return nil, h.NewError(args[0].ID(), "has() takes a member, such as has(customer.email)")
	}
	return h.NewCall(hasFunction, args[0]), nil
}

// literalPatterns compiles the patterns of matches, which are literals (see
// [literals]), once.
var literalPatterns = &interpreter.RegexOptimization{
	Function: overloads.Matches, OverloadID: overloads.MatchesString, RegexIndex: 1,
	Factory: func(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			return nil, err
		}
		match := search(func(s, _ string) bool { return compiled.MatchString(s) })
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
			return match(args[0], args[1])
		}), nil
	},
}

// provider tells the types of our objects.
type provider struct{ *types.Registry }

// FindStructType implements [types.Provider].
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if s := shapes[name]; s != nil {
		return types.NewTypeTypeWithParam(s.typ), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements [types.Provider].
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if s := shapes[name]; s != nil {
		return s.names(), true
	}
	return p.Registry.FindStructFieldNames(name)
}

// FindStructFieldType implements [types.Provider].
func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if s := shapes[name]; s != nil {
		f, ok := s.fields[field]
		return f, ok
	}
	return p.Registry.FindStructFieldType(name, field)
}

func (s *shape) names() []string {
	names := make([]string, len(s.members))
	for i, m := range s.members {
		names[i] = m.name
	}
	return names
}

// folded replaces what is made of literals alone by its value: an amount is
// parsed once, not at each event.
func folded(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || (call.Function() != amountFunction && call.Function() != decimalFunction) {
		return i, nil
	}
	for _, arg := range call.Args() {
		if _, literal := arg.(interpreter.InterpretableConst); !literal {
			return i, nil
		}
	}
	v := call.Eval(interpreter.EmptyActivation())
	if types.IsError(v) {
		return nil, fmt.Errorf("%v", v)
	}
	return interpreter.NewConstValue(call.ID(), v), nil
}
