// Package condition is the question that a workflow may ask of the states that
// an event is about, before it fires: a CEL expression over them, with the
// members and the names of the wire. docs/conditions.md is for those who write
// them.
//
// It promises that an expression which [Check] accepts says true, says false or
// gives an error, within a bounded time, whatever the states are; and that it
// says the same of the same states. Who asks, and what follows, is up to others.
package condition

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// MaxLength bounds an expression, in bytes.
const MaxLength = 4096

// Condition is an expression about resources of one kind. It is compiled when it
// is asked first: of ten thousand that are loaded, only those of the variant that
// an event is about need to be.
type Condition struct {
	about billing.Kind
	text  string

	once sync.Once
	compiled
	err error
}

// compiled is what a text is made into.
type compiled struct {
	program  cel.Program
	paths    []path // that it reads
	requires []Requirement
}

// New returns the condition of a text. What is wrong with it is said by [Check]
// when it is saved; one that is wrong all the same is an error to whoever asks it.
func New(about billing.Kind, text string) *Condition {
	return &Condition{about: about, text: text}
}

// Check says what is wrong with a text, where, and what would be right, or nil.
// The message completes "conditions must be …".
func Check(about billing.Kind, text string) error {
	return New(about, text).compile()
}

func (c *Condition) compile() error {
	c.once.Do(func() { c.compiled, c.err = compile(about(c.about), c.text) })
	return c.err
}

// Answer is what a condition says of states.
type Answer struct {
	Holds bool
	Err   error // it cannot say: the message names what went wrong, and no states
}

// Of asks the condition.
func (c *Condition) Of(a *Asking) Answer {
	if err := c.compile(); err != nil {
		return Answer{Err: fmt.Errorf("it must be %w", err)}
	}
	out, _, err := c.program.Eval(a)
	switch {
	case err == nil:
		return Answer{Holds: out == types.True}
	case isTooCostly(err):
		return Answer{Err: errTooCostly}
	default:
		return Answer{Err: errors.New(firstLine(err.Error()))}
	}
}

var errTooCostly = errors.New("it takes too many steps on these states")

func isTooCostly(err error) bool {
	cancelled, ok := errors.AsType[interpreter.EvalCancelledError](err)
	return ok && cancelled.Cause == interpreter.CostLimitExceeded
}

// firstLine bounds what a library says.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return cut(s, 200)
}

// cut shortens a text to at most n bytes, at a rune.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
