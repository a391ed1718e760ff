package conformance

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reader reads the steps of a scenario.
type reader struct {
	shared map[string]section // what "use" can name
	using  []string           // those that are being read
	known  []string           // names with a value when a step is sent
	lets   map[string]string  // names with a value here and now
	serve  []string           // settings of the server
	steps  []Step

	block block // the step that is being read
}

// line is a line of a file.
type line struct {
	file   string
	number int
	text   string
}

// block is a step as it is written: its lines up to the next one, and the rows
// for which it is repeated.
type block struct {
	lines   []line
	columns []string // of the table that is being read
	rows    []map[string]string
}

// answered reports whether the block says already what must come back.
func (b *block) answered() bool {
	return slices.ContainsFunc(b.lines, func(l line) bool { return strings.HasPrefix(l.text, "< ") })
}

func (r *reader) read(s section) error {
	for i, text := range s.lines {
		l := line{s.file, s.line + i, text}
		if err := r.line(l); err != nil {
			if _, known := errors.AsType[*placed](err); known {
				return err
			}
			return &placed{fmt.Sprintf("%s:%d", l.file, l.number), err}
		}
	}
	return r.flush()
}

// placed is an error that says already where it is.
type placed struct {
	place string
	err   error
}

func (p *placed) Error() string { return p.place + ": " + p.err.Error() }

func (p *placed) Unwrap() error { return p.err }

func (r *reader) line(l line) error {
	word, rest, _ := strings.Cut(l.text, " ")
	switch {
	case strings.TrimSpace(l.text) == "" || word == "#":
		return nil
	case word == "use":
		return r.use(rest)
	case word == "let":
		return r.let(rest)
	case word == "serve":
		return r.set(rest)
	case word == "|":
		return r.row(l.text)
	case word == "each":
		return r.each(rest)
	}
	if word == ">" && (r.block.answered() || r.block.rows != nil) {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.block.rows != nil {
		return errors.New("nothing of a step stands behind its rows")
	}
	r.block.lines = append(r.block.lines, l)
	return nil
}

// use reads a shared beginning in place.
func (r *reader) use(name string) error {
	if err := r.flush(); err != nil {
		return err
	}
	s, found := r.shared[name]
	switch {
	case !found:
		return fmt.Errorf("setup.txtar has no %q", name)
	case slices.Contains(r.using, name):
		return fmt.Errorf("%q uses itself", name)
	}
	r.using = append(r.using, name)
	defer func() { r.using = r.using[:len(r.using)-1] }()
	return r.read(s)
}

func (r *reader) let(text string) error {
	if err := r.flush(); err != nil {
		return err
	}
	name, value, found := strings.Cut(text, " = ")
	if !found || !isName(name) {
		return errors.New("want: let name = text")
	}
	if m := pieceForm.FindStringSubmatch(value); m != nil && m[2] != "" {
		var err error
		if value, err = repeated(m[1], m[2]); err != nil {
			return err
		}
	}
	r.lets[name] = r.fill(value, nil)
	return nil
}

func (r *reader) set(setting string) error {
	if r.steps != nil || r.block.lines != nil || !strings.Contains(setting, "=") {
		return errors.New("want: serve NAME=VALUE, before any step")
	}
	r.serve = append(r.serve, setting)
	return nil
}

// row reads a row of a table; the first names the columns. A cell may be empty,
// and holds no bar behind a space.
func (r *reader) row(text string) error {
	inner, ok := strings.CutSuffix(strings.TrimSpace(text), " |")
	if !ok {
		return errors.New("want a row: | cell | cell |")
	}
	cells := strings.Split(inner[1:], " |")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if r.block.columns == nil {
		r.block.columns = cells
		return nil
	}
	if len(cells) != len(r.block.columns) {
		return fmt.Errorf("got %d cells, want %d", len(cells), len(r.block.columns))
	}
	row := map[string]string{}
	for i, column := range r.block.columns {
		row[column] = r.fill(cells[i], nil)
	}
	r.block.rows = append(r.block.rows, row)
	return nil
}

func (r *reader) each(text string) error {
	name, values, _ := strings.Cut(text, ": ")
	for v := range strings.FieldsSeq(values) {
		r.block.rows = append(r.block.rows, map[string]string{name: v})
	}
	if r.block.rows == nil {
		return errors.New("want: each name: value value …")
	}
	return nil
}

// flush appends the step of the block, once for each of its rows.
func (r *reader) flush() error {
	b := r.block
	r.block = block{}
	if b.lines == nil {
		return nil
	}
	rows := b.rows
	if rows == nil {
		rows = []map[string]string{nil}
	}
	begin := fmt.Sprintf("%s:%d", b.lines[0].file, b.lines[0].number)
	for name := range rows[0] {
		if !slices.ContainsFunc(b.lines, func(l line) bool { return strings.Contains(l.text, "${"+name+"}") }) {
			return &placed{begin, fmt.Errorf("the step has no place for ${%s}", name)}
		}
	}
	for i, row := range rows {
		place := begin
		if row != nil {
			place += fmt.Sprintf(" row %d", i+1)
			row["row"] = strconv.Itoa(i + 1)
		}
		if err := r.step(place, b.lines, row); err != nil {
			return &placed{place, err}
		}
	}
	return nil
}

// step appends the step that some lines are, with the cells of a row.
func (r *reader) step(place string, lines []line, row map[string]string) error {
	step := Step{Place: place}
	p := parser{step: &step}
	for _, l := range lines {
		text := r.fill(l.text, row)
		if text == "" {
			continue // the cell of a body that is not sent
		}
		if err := p.line(text); err != nil {
			return fmt.Errorf("line %d, %q: %w", l.number, text, err)
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	if err := r.check(&step); err != nil {
		return err
	}
	r.steps = append(r.steps, step)
	return nil
}

var placeholder = regexp.MustCompile(`\$\{([^{}$]*)\}`)

// fill puts in what is known already: the cells of a row, and what "let" names.
func (r *reader) fill(text string, row map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		name := p[2 : len(p)-1]
		if v, ok := row[name]; ok {
			return v
		}
		if v, ok := r.lets[name]; ok {
			return v
		}
		return p
	})
}

// check sees that every name that a step leaves open will have a value by then,
// and takes note of those that its answer gives.
func (r *reader) check(s *Step) error {
	for _, m := range placeholder.FindAllStringSubmatch(strings.Join(s.texts(), "\n"), -1) {
		if !slices.Contains(r.known, m[1]) && !isTime(m[1]) {
			return fmt.Errorf("nothing has given ${%s} a value", m[1])
		}
	}
	if s.Want.Same != "" && !slices.Contains(r.known, "body "+s.Want.Same) {
		return fmt.Errorf("no body was kept as %s", s.Want.Same)
	}
	if s.Want.Keep != "" {
		r.known = append(r.known, "body "+s.Want.Keep)
	}
	patterns := []any{s.Want.Body}
	for _, h := range s.Want.Header {
		patterns = append(patterns, h[1])
	}
	names, err := captures(patterns)
	r.known = append(r.known, names...)
	return err
}

// texts are all texts of a step that may leave a name open.
func (s *Step) texts() []string {
	list := []string{s.Path, s.Body, s.Want.Field}
	for _, h := range slices.Concat(s.Header, s.Want.Header) {
		list = append(list, h[1])
	}
	walk(s.Want.Body, func(text string) { list = append(list, text) })
	return list
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func isName(s string) bool { return nameForm.MatchString(s) }
