package httpapi

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// maxDepth is how deep a body may be nested.
const maxDepth = 32

// maxValues bounds the values of one document, so that a small body of many
// tiny values cannot take a hundred times its size in memory.
const maxValues = 65_536

// tree is a parsed JSON document in which every value knows where it stands,
// so that of several faults the first in the document can be told.
type tree struct {
	src   string
	nodes []node // the root is the first
}

// node is one value. Its children follow one another through next; 0 is none,
// because the root is nobody's child.
type node struct {
	kind        jsontext.Kind
	at, end     int32
	first, next int32
	name        string // within an object
	text        string // the value of a string; of another scalar what is written
}

// parse reads one document and nothing after it. What cannot be read at all is
// a fault of kind Unreadable: malformed or trailing data, duplicate names,
// invalid UTF-8, nesting that is too deep, too many values.
func parse(body []byte) (*tree, error) {
	d := newReader(body)
	defer d.release()
	t, err := d.document()
	if err != nil {
		return nil, err
	}
	return t, d.end()
}

// reader reads documents off a body.
type reader struct {
	src string
	dec *jsontext.Decoder
}

// decoders keep the memory in which they remember names, half of what reading
// a body allocates.
var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// newReader returns a reader that must be released.
func newReader(body []byte) *reader {
	dec, _ := decoders.Get().(*jsontext.Decoder)
	dec.Reset(bytes.NewBuffer(body))
	return &reader{string(body), dec}
}

func (d *reader) release() {
	d.dec.Reset(new(bytes.Buffer)) // lets go of the body
	decoders.Put(d.dec)
}

// document reads the next value as a tree.
func (d *reader) document() (*tree, error) {
	t := &tree{src: d.src, nodes: make([]node, 0, 32)}
	floor := d.dec.StackDepth()
	var open [maxDepth + 2]struct{ node, last int32 } // the containers around what comes next
	depth := 0
	for {
		name, err := d.name(depth > 0 && t.nodes[open[depth].node].kind == '{')
		if err != nil {
			return nil, err
		}
		n, err := d.value()
		if err != nil {
			return nil, err
		}
		if n.kind == '}' || n.kind == ']' {
			t.nodes[open[depth].node].end = n.end
			depth--
		} else {
			n.name = name
			me := int32(len(t.nodes)) //nolint:gosec // bounded by maxValues
			if t.nodes = append(t.nodes, n); len(t.nodes) > maxValues {
				return nil, fault.New(fault.Unreadable, "the body holds more than %d values, split it", maxValues)
			}
			if depth > 0 {
				if last := open[depth].last; last == 0 {
					t.nodes[open[depth].node].first = me
				} else {
					t.nodes[last].next = me
				}
				open[depth].last = me
			}
			if n.kind == '{' || n.kind == '[' {
				if depth++; floor+depth > maxDepth {
					return nil, fault.New(fault.Unreadable, "the body is nested deeper than %d levels", maxDepth)
				}
				open[depth].node, open[depth].last = me, 0
			}
		}
		if depth == 0 {
			return t, nil
		}
	}
}

// name reads the name of the next member, if one is due and comes.
func (d *reader) name(inObject bool) (string, error) {
	if !inObject || d.dec.PeekKind() != '"' {
		return "", nil
	}
	raw, err := d.dec.ReadValue()
	if err != nil {
		return "", unreadable(err)
	}
	return d.text(raw), nil
}

// value reads a scalar, or the begin or end of a container.
func (d *reader) value() (node, error) {
	switch kind := d.dec.PeekKind(); kind {
	case '{', '[', '}', ']':
		if _, err := d.dec.ReadToken(); err != nil {
			return node{}, unreadable(err)
		}
		end := d.offset()
		return node{kind: kind, at: end - 1, end: end}, nil
	default:
		raw, err := d.dec.ReadValue()
		if err != nil {
			return node{}, unreadable(err)
		}
		n := node{kind: raw.Kind(), end: d.offset()}
		n.at = n.end - int32(len(raw)) //nolint:gosec // bodies are far below 2 GiB
		if n.kind == '"' {
			n.text = d.text(raw)
		} else {
			n.text = d.src[n.at:n.end]
		}
		return n, nil
	}
}

func (d *reader) offset() int32 {
	return int32(d.dec.InputOffset()) //nolint:gosec // bodies are far below 2 GiB
}

// text returns the value of the string that was just read. Without an escape
// it is a piece of the source and costs nothing.
func (d *reader) text(raw jsontext.Value) string {
	if bytes.IndexByte(raw, '\\') >= 0 {
		s, _ := jsontext.AppendUnquote(nil, raw) // the decoder has checked it
		return string(s)
	}
	end := d.offset()
	return d.src[int(end)-len(raw)+1 : end-1]
}

// end checks that nothing follows.
func (d *reader) end() error {
	if d.dec.PeekKind() != 0 || strings.Trim(d.src[d.offset():], " \t\r\n") != "" {
		return fault.New(fault.Unreadable, "the body must be one JSON value, and something follows it at byte %d", d.offset())
	}
	return nil
}

// unreadable says in our own words why a body is no JSON, without quoting it.
func unreadable(err error) error {
	why := "it is malformed"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		why = "an object has two members of one name"
	case strings.Contains(err.Error(), "UTF-8"):
		why = "it is not valid UTF-8"
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		why += " at byte " + strconv.FormatInt(syntactic.ByteOffset, 10)
	}
	return fault.New(fault.Unreadable, "the body must be one JSON document (RFC 8259): %s", why)
}

// member returns the index of a member of an object, or -1.
func (t *tree) member(object int32, name string) int32 {
	for i := t.nodes[object].first; i != 0; i = t.nodes[i].next {
		if t.nodes[i].name == name {
			return i
		}
	}
	return -1
}

// locate returns where a dotted path stands: at its value or, where a part of
// it is absent, at the end of the container that lacks it.
func (t *tree) locate(path string) int32 {
	at := int32(0)
	for part := range strings.SplitSeq(path, ".") {
		var below int32
		switch n := &t.nodes[at]; n.kind {
		case '{':
			below = t.member(at, part)
		case '[':
			below = t.element(at, part)
		default:
			return n.at
		}
		if below < 0 {
			return t.nodes[at].end - 1
		}
		at = below
	}
	return t.nodes[at].at
}

// find returns the index of the value at a dotted path of objects, or -1.
func (t *tree) find(path string) int32 {
	at := int32(0)
	for part := range strings.SplitSeq(path, ".") {
		if t.nodes[at].kind != '{' {
			return -1
		}
		if at = t.member(at, part); at < 0 {
			return -1
		}
	}
	return at
}

func (t *tree) element(list int32, index string) int32 {
	n, err := strconv.Atoi(index)
	if err != nil {
		return -1
	}
	for i := t.nodes[list].first; i != 0; i = t.nodes[i].next {
		if n == 0 {
			return i
		}
		n--
	}
	return -1
}

// first returns of several faults, joined in an error, the one whose field stands
// first in the document; any other error as it is.
func (t *tree) first(err error) error {
	joined, several := err.(interface{ Unwrap() []error })
	if !several {
		return err
	}
	var first *fault.Error
	for _, e := range joined.Unwrap() {
		if f := fault.As(e); f != nil && (first == nil || t.locate(f.Field) < t.locate(first.Field)) {
			first = f
		}
	}
	if first == nil {
		return err
	}
	return first
}

// typeName says what a value is, for messages.
func typeName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "text"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	default:
		return "null"
	}
}

// isNull reports whether a member of the root is there and null.
func (t *tree) isNull(name string) bool {
	i := t.member(0, name)
	return i >= 0 && t.nodes[i].kind == 'n'
}

// rootText returns the text of a member of the root, or "".
func (t *tree) rootText(name string) string {
	if t.nodes[0].kind != '{' {
		return ""
	}
	if i := t.member(0, name); i >= 0 && t.nodes[i].kind == '"' {
		return t.nodes[i].text
	}
	return ""
}
