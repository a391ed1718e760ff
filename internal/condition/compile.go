package condition

import (
	"fmt"
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

const (
	// maxDepth bounds how deep an expression is nested.
	maxDepth = 50
	// maxWorst bounds what an expression may cost at worst, by the estimate of
	// what its text and the largest states allow. A unit is about a step.
	maxWorst = 1_000_000
	// maxCost bounds what it may cost on the states that it meets: some
	// milliseconds. One whose worst is below is not counted while it runs.
	maxCost = 100_000
)

// compile makes a program of a text, or says where it is wrong.
func compile(l *language, text string) (compiled, error) {
	if len(text) > MaxLength {
		return compiled{}, fmt.Errorf("at most %d bytes long", MaxLength)
	}
	env, err := l.env()
	if err != nil {
		return compiled{}, fmt.Errorf("declaring the members: %w", err)
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return compiled{}, l.explain(nil, issues)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return compiled{}, l.explain(parsed.NativeRep(), issues)
	}
	tree := checked.NativeRep()
	if err := literals(tree); err != nil {
		return compiled{}, err
	}
	if t := checked.OutputType(); !t.IsExactType(types.BoolType) && !t.IsExactType(maybeType) {
		return compiled{}, notBool(t)
	}
	distinguish(tree)
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return compiled{}, fmt.Errorf("estimating the cost: %w", err)
	}
	if estimate.Max > maxWorst {
		return compiled{}, fmt.Errorf("%s that takes fewer steps: this one may take %s, and %d are allowed",
			anExpression, steps(estimate.Max), maxWorst)
	}
	options := []cel.ProgramOption{cel.CustomDecoratorV2(folded), cel.OptimizeRegex(literalPatterns), cel.EvalOptions(cel.OptOptimize)}
	if estimate.Max > maxCost {
		options = append(options, cel.CostLimit(maxCost))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		return compiled{}, fmt.Errorf("%s: %s", anExpression, firstLine(err.Error()))
	}
	return compiled{program, pathsOf(tree), requirementsOf(tree.Expr())}, nil
}

const anExpression = "an expression that is true or false"

func notBool(t *types.Type) error {
	if t.IsExactType(types.DynType) {
		return fmt.Errorf(`%s: what metadata holds is compared, as in customer.metadata["tier"] == "gold"`, anExpression)
	}
	return fmt.Errorf("%s: this one is of type %s, compare it with something", anExpression, readable(t.String()))
}

func steps(n uint64) string {
	if n == math.MaxUint64 {
		return "more than can be counted"
	}
	return fmt.Sprint(n)
}

// distinguish makes != of amounts false where they cannot be compared, as < is;
// for the language's own, amounts of two currencies differ.
func distinguish(tree *ast.AST) {
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.NotEquals {
			return
		}
		args := e.AsCall().Args()
		if !tree.GetType(args[0].ID()).IsExactType(amountShape.typ) || !tree.GetType(args[1].ID()).IsExactType(amountShape.typ) {
			return // it asks whether an amount is set
		}
		e.SetKindCase(factory.NewCall(e.ID(), differsFunction, args...))
		tree.SetReference(e.ID(), ast.NewFunctionReference("differs_amount"))
	}))
}

// sizes are the largest that the states can hold, as the API takes them: with
// them the estimate of the cost is one of the worst.
type sizes struct{}

const (
	maxDeclared = 4 << 10  // of a text that is a member
	maxAnything = 32 << 10 // of metadata, and all that is in it
)

// maxItems are the most items of the lists that are members.
var maxItems = map[string]uint64{
	"pricing_plan_subscription_ids": 100,
	"lines":                         1000,
	"notification_preferences":      20,
	"channels":                      20,
	"pricing_plan_schedule_infos":   100,
}

// EstimateSize implements [cost.Estimator].
func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if size := node.ComputedSize(); size != nil {
		return size
	}
	most := uint64(maxAnything)
	switch path := node.Path(); {
	case node.Type().IsExactType(textType):
		most = maxDeclared
	case node.Type().Kind() == types.ListKind && len(path) > 0 && maxItems[path[len(path)-1]] > 0:
		most = maxItems[path[len(path)-1]]
	}
	return &cost.SizeEstimate{Max: most}
}

// EstimateCallCost implements [cost.Estimator]: the standard's.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
