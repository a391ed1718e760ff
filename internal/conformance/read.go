package conformance

import (
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
}

// line is a line of a section, with the number that it has in its file.
type line struct {
	number int
	text   string
}

// block is a step as it is written: its lines up to the next one, and the rows
// for which it is repeated.
type block struct {
	lines []line
	rows  []map[string]string
}

func (r *reader) read(s section) error {
	var b block
	flush := func() error {
		if len(b.lines) == 0 {
			return nil
		}
		err := r.add(s, b)
		b = block{}
		return err
	}
	var columns []string
	for i, text := range s.lines {
		l := line{s.line + i, text}
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %s", s.file, l.number, fmt.Sprintf(format, args...))
		}
		switch word, rest, _ := strings.Cut(text, " "); {
		case strings.TrimSpace(text) == "" || word == "#":
		case word == "use":
			if err := flush(); err != nil {
				return err
			}
			if err := r.use(rest); err != nil {
				return fail("%v", err)
			}
		case word == "serve":
			if len(r.steps) > 0 || len(b.lines) > 0 || !strings.Contains(rest, "=") {
				return fail("want: serve NAME=VALUE, before any step")
			}
			r.serve = append(r.serve, rest)
		case word == "let":
			if err := flush(); err != nil {
				return err
			}
			name, value, found := strings.Cut(rest, " = ")
			if !found || !isName(name) {
				return fail("want: let name = text")
			}
			if m := pieceForm.FindStringSubmatch(value); m != nil && m[2] != "" {
				var err error
				if value, err = repeated(m[1], m[2]); err != nil {
					return fail("%v", err)
				}
			}
			r.lets[name] = r.fill(value, nil)
		case word == "|":
			cells, ok := cellsOf(text)
			if !ok {
				return fail("want a row: | cell | cell |")
			}
			if columns == nil {
				columns = cells
				continue
			}
			if len(cells) != len(columns) {
				return fail("got %d cells, want %d", len(cells), len(columns))
			}
			row := map[string]string{}
			for i, c := range columns {
				row[c] = r.fill(cells[i], nil)
			}
			b.rows = append(b.rows, row)
		case word == "each":
			name, values, _ := strings.Cut(rest, ": ")
			for _, v := range strings.Fields(values) {
				b.rows = append(b.rows, map[string]string{name: v})
			}
			if len(b.rows) == 0 {
				return fail("want: each name: value value …")
			}
		default:
			if word == ">" && (b.answered() || len(b.rows) > 0) {
				if err := flush(); err != nil {
					return err
				}
				columns = nil
			}
			if len(b.rows) > 0 {
				return fail("nothing of a step stands behind its rows: %q", text)
			}
			b.lines = append(b.lines, l)
		}
	}
	return flush()
}

// cellsOf parts a row. A cell may be empty, and holds no bar behind a space.
func cellsOf(row string) ([]string, bool) {
	inner, ok := strings.CutSuffix(strings.TrimSpace(row), " |")
	if !ok {
		return nil, false
	}
	cells := strings.Split(inner[1:], " |")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells, true
}

// answered reports whether the block says already what must come back.
func (b *block) answered() bool {
	return slices.ContainsFunc(b.lines, func(l line) bool { return strings.HasPrefix(l.text, "< ") })
}

// use reads a shared beginning in place.
func (r *reader) use(name string) error {
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

// add appends the step of a block, once for each of its rows.
func (r *reader) add(s section, b block) error {
	rows := b.rows
	if rows == nil {
		rows = []map[string]string{nil}
	}
	for name := range rows[0] {
		if !slices.ContainsFunc(b.lines, func(l line) bool { return strings.Contains(l.text, "${"+name+"}") }) {
			return fmt.Errorf("%s:%d: the step has no place for ${%s}", s.file, b.lines[0].number, name)
		}
	}
	for i, row := range rows {
		step := Step{Place: fmt.Sprintf("%s:%d", s.file, b.lines[0].number)}
		if b.rows != nil {
			step.Place += fmt.Sprintf(" row %d", i+1)
			row["row"] = strconv.Itoa(i + 1)
		}
		p := parser{step: &step}
		for _, l := range b.lines {
			if l.text = r.fill(l.text, row); l.text == "" {
				continue // the cell of a body that is not sent
			}
			if err := p.line(l.text); err != nil {
				return fmt.Errorf("%s:%d: %w: %q", s.file, l.number, err, l.text)
			}
		}
		err := p.end()
		if err == nil {
			err = r.check(&step)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.Place, err)
		}
		r.steps = append(r.steps, step)
	}
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
	open := placeholder.FindAllStringSubmatch(strings.Join(s.texts(), "\n"), -1)
	for _, m := range open {
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
	names, err := captures(s.Want.Body)
	if err != nil {
		return err
	}
	for _, h := range s.Want.Header {
		more, err := captures(h[1])
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
	r.known = append(r.known, names...)
	return nil
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
