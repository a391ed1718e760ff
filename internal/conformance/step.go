package conformance

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// parser reads the lines of one step.
type parser struct {
	step     *Step
	answered bool // the lines are about the answer
	json     []string
	raw      bool // the body is in quoted pieces
}

func (p *parser) line(text string) error {
	mark, rest, found := strings.Cut(text, " ")
	switch {
	case mark == ">" && found && p.step.Verb == "":
		return p.request(rest)
	case p.step.Verb == "":
		return errors.New("want a request first")
	case mark == ">" && found && !p.answered && p.json == nil && !p.raw:
		return header(&p.step.Header, rest)
	case mark == ">>" && found && !p.answered && p.json == nil:
		return p.piece(rest)
	case mark == "<" && found && !p.answered:
		p.endBody()
		p.answered = true
		return p.answer(rest)
	case mark == "<" && found && p.json == nil:
		return header(&p.step.Want.Header, rest)
	case mark == ">" || mark == ">>" || mark == "<" || p.raw && !p.answered:
		return errors.New("this line is not understood here")
	default:
		p.json = append(p.json, text)
		return nil
	}
}

var requestForm = regexp.MustCompile(`^([A-Z]+) (\*|(?:/|\$\{).*)$`)

func (p *parser) request(text string) error {
	m := requestForm.FindStringSubmatch(text)
	if m == nil {
		return errors.New("want: > VERB /path")
	}
	p.step.Verb, p.step.Path = m[1], m[2]
	return nil
}

func header(list *[][2]string, text string) error {
	name, value, found := strings.Cut(text, ":")
	if !found || name == "" || strings.ContainsAny(name, " \t") {
		return errors.New("want: Header: value")
	}
	*list = append(*list, [2]string{name, strings.TrimSpace(value)})
	return nil
}

var pieceForm = regexp.MustCompile("^(\".*\"|`.*`)(?: \\* ([0-9]+))?$")

// piece adds to a body what a Go string says, so many times.
func (p *parser) piece(text string) error {
	m := pieceForm.FindStringSubmatch(text)
	if m == nil {
		return errors.New(`want: >> "text" or >> "text" * times`)
	}
	s, err := repeated(m[1], m[2])
	p.step.Body += s
	p.step.HasBody, p.raw = true, true
	return err
}

// repeated is what a Go string says, so many times; once if nothing says how often.
func repeated(quoted, times string) (string, error) {
	s, err := strconv.Unquote(quoted)
	if err != nil || times == "" {
		return s, err
	}
	n, err := strconv.Atoi(times)
	return strings.Repeat(s, n), err
}

func (p *parser) endBody() {
	if p.json != nil {
		p.step.Body, p.step.HasBody = strings.Join(p.json, "\n"), true
		p.json = nil
	}
}

// answer reads what must come back: a status, of an error also its code and
// field, and what is to be done about the body.
func (p *parser) answer(text string) error {
	words := strings.Fields(text)
	status, err := strconv.Atoi(words[0])
	if err != nil || status < 100 || status > 599 {
		return errors.New("want: < STATUS …")
	}
	w := &p.step.Want
	w.Status, words = status, words[1:]
	if status >= 400 && p.step.Verb != "HEAD" {
		if len(words) < 2 {
			return errors.New("want: < STATUS CODE FIELD, with - for no field")
		}
		w.Code, w.Field, words = words[0], words[1], words[2:]
	}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "exactly":
			w.Exactly = true
		case word == "eventually":
			w.Eventually = true
		case (word == "keep" || word == "same") && len(words) > 0 && isName(words[0]):
			if word == "keep" {
				w.Keep = words[0]
			} else {
				w.Same = words[0]
			}
			words = words[1:]
		default:
			return fmt.Errorf("%q is not understood", word)
		}
	}
	return nil
}

// end reads what was collected when a step is over.
func (p *parser) end() error {
	if !p.answered {
		return errors.New("the step does not say what must come back")
	}
	if p.json == nil {
		if p.step.Want.Exactly {
			return errors.New("exactly wants a body")
		}
		return nil
	}
	want, err := Decode([]byte(strings.Join(p.json, "\n")))
	if err != nil {
		return fmt.Errorf("the body that must come back: %w", err)
	}
	p.step.Want.Body = want
	return nil
}
