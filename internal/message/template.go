package message

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/mailgun/raymond/v2"
	"github.com/mailgun/raymond/v2/lexer"
)

// The bounds of a template that somebody else wrote. Raymond has none.
const (
	maxTemplate = 1024 // bytes
	maxBlocks   = 20
	maxDepth    = 5
)

// words that Raymond gives a meaning of its own wherever a variable may stand.
var words = []string{
	"this", "length", "if", "unless", "each", "with", "log", "lookup", "equal",
	"ifGt", "ifLt", "ifEq", "ifMatchesRegexStr", "pluralize",
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// phrase is a parsed one-line template over the variables.
type phrase struct {
	template *raymond.Template
	unknown  []string // the variables it uses that are none, in order, once each
}

// parsePhrase parses a template after checking it against the part of
// Handlebars that is allowed: text, {{variable}}, {{#if variable}},
// {{#unless variable}}, {{else}}, {{else if variable}} and comments.
//
// The check comes first because Raymond's lexer runs in a goroutine of its own
// that stays behind for ever when parsing fails, and because a template could
// otherwise reach helpers that write logs or match regular expressions.
func parsePhrase(source string) (phrase, error) {
	c := checker{tokens: lexer.Collect(source)}
	if err := c.check(); err != nil {
		return phrase{}, err
	}
	t, err := guard(func() (*raymond.Template, error) { return raymond.Parse(source) })
	return phrase{t, c.unknown}, err
}

// CheckSubject reports what is wrong with the template of a subject. A
// variable that does not exist is not: it is left empty, with a warning on the
// message.
func CheckSubject(template string) error {
	_, err := parseForeign(template)
	return err
}

// parseForeign parses a template that somebody else wrote.
func parseForeign(source string) (phrase, error) {
	if len(source) > maxTemplate {
		return phrase{}, fmt.Errorf("the template has %d bytes, at most %d are allowed", len(source), maxTemplate)
	}
	return parsePhrase(source)
}

// values are the variables of one message. They are safe strings, so nothing
// is escaped when a phrase is executed: what it gives is plain text.
type values map[string]raymond.SafeString

func (p phrase) execute(v values) (string, error) { return execute(p.template, v) }

func execute(t *raymond.Template, context any) (string, error) {
	return guard(func() (string, error) { return t.Exec(context) })
}

// guard turns the panics that Raymond lets through into errors.
func guard[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the template could not be executed: %v", p)
		}
	}()
	return f()
}

// checker walks over the tokens of a template.
type checker struct {
	tokens  []lexer.Token
	blocks  int
	open    []block
	unknown []string
}

// block is one that is open: if or unless, and whether its else came.
type block struct {
	helper string
	last   bool
}

func (c *checker) check() error {
	if last := c.tokens[len(c.tokens)-1]; last.Kind == lexer.TokenError {
		return fmt.Errorf("the template cannot be read: %s", last.Val)
	}
	for {
		var err error
		switch t := c.take(); t.Kind {
		case lexer.TokenEOF:
			if len(c.open) > 0 {
				return fmt.Errorf("{{#%s}} is never closed", c.open[len(c.open)-1].helper)
			}
			return nil
		case lexer.TokenContent, lexer.TokenComment:
		case lexer.TokenOpen:
			err = c.variable(lexer.TokenClose)
		case lexer.TokenOpenUnescaped:
			err = c.variable(lexer.TokenCloseUnescaped)
		case lexer.TokenOpenBlock:
			err = c.enter()
		case lexer.TokenOpenInverseChain, lexer.TokenInverse:
			err = c.otherwise(t.Kind)
		case lexer.TokenOpenEndBlock:
			err = c.leave()
		default:
			err = fmt.Errorf("%q is not allowed here, only variables, if, unless and else are", t.Val)
		}
		if err != nil {
			return err
		}
	}
}

// take returns the next token; after the last one, that one again.
func (c *checker) take() lexer.Token {
	t := c.tokens[0]
	if len(c.tokens) > 1 {
		c.tokens = c.tokens[1:]
	}
	return t
}

// variable reads a name up to the end of its braces.
func (c *checker) variable(end lexer.TokenKind) error {
	t := c.take()
	if t.Kind != lexer.TokenID || !variableName.MatchString(t.Val) || slices.Contains(words, t.Val) {
		return fmt.Errorf("%q is no variable, write one such as {{invoice_number}}", t.Val)
	}
	if next := c.take(); next.Kind != end {
		return fmt.Errorf("%q must not follow %s, a variable is a single name such as {{invoice_number}}", next.Val, t.Val)
	}
	if !known(t.Val) && !slices.Contains(c.unknown, t.Val) {
		c.unknown = append(c.unknown, t.Val)
	}
	return nil
}

// condition reads "if variable" or "unless variable".
func (c *checker) condition() (helper string, err error) {
	if c.blocks++; c.blocks > maxBlocks {
		return "", fmt.Errorf("the template has more than %d conditions", maxBlocks)
	}
	helper = c.take().Val
	if helper != "if" && helper != "unless" {
		return "", fmt.Errorf("%q is no condition, only if and unless are", helper)
	}
	return helper, c.variable(lexer.TokenClose)
}

func (c *checker) enter() error {
	helper, err := c.condition()
	if c.open = append(c.open, block{helper: helper}); len(c.open) > maxDepth {
		return fmt.Errorf("conditions are nested more than %d deep", maxDepth)
	}
	return err
}

func (c *checker) otherwise(kind lexer.TokenKind) error {
	if len(c.open) == 0 || c.open[len(c.open)-1].last {
		return errors.New("{{else}} stands outside of a condition")
	}
	if kind == lexer.TokenInverse {
		c.open[len(c.open)-1].last = true
		return nil
	}
	_, err := c.condition()
	return err
}

func (c *checker) leave() error {
	name, end := c.take(), c.take()
	if len(c.open) == 0 || name.Val != c.open[len(c.open)-1].helper || name.Kind != lexer.TokenID || end.Kind != lexer.TokenClose {
		return fmt.Errorf("{{/%s}} closes nothing that is open", name.Val)
	}
	c.open = c.open[:len(c.open)-1]
	return nil
}
