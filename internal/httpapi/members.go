package httpapi

import (
	"strconv"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// A noun lists its members once, in a function such as workflowMembers, and
// that list is run in one of three modes: to fill the noun from a document, to
// patch it with one, or to write it out. So adding a member to a resource is
// one line, and what is read, checked and written cannot drift apart.

// mode says what a list of members is run for.
type mode int

const (
	decode mode = iota // fill an empty value: what is absent is not set
	patch              // RFC 7386: what is absent is kept
	encode             // write the value out
)

// codec is one run over one document.
type codec struct {
	doc   *tree
	out   []byte
	first *fault.Error // the first fault in document order
	at    int32        // where it stands

	deep   bool                                  // a patch merges the objects of an object too; else they are replaced whole
	ahead  func(time.Time) bool                  // whether a time is too far ahead of the clock
	zoneOf func(*billing.Invoice) *time.Location // in which a plain due date begins
}

// members is the object at which a run stands.
type members struct {
	*codec
	mode    mode
	object  int32 // the object's node
	above   *members
	name    string // of this object within the one above
	index   int    // of this object within a list of that name, or -1
	written bool   // a member has been written
}

// need says what a member does without a value.
type need int

const (
	nullable need = iota // absent or null: not set
	required             // absent or null: MISSING_FIELD
	notNull              // may be absent; null: MISSING_FIELD
	noNull               // a configuration block: may be absent; null: INVALID_FIELD
)

// take returns the value that a member is to be set to, or nil: then v has been
// cleared, or is kept because the member is absent from a patch. It reports the
// fault of one that is absent or null and must not be.
func take[T any](m *members, name string, v *T, n need) *node {
	i := m.doc.member(m.object, name)
	if i >= 0 && m.doc.nodes[i].kind != 'n' {
		return &m.doc.nodes[i]
	}
	var zero T
	switch {
	case i < 0 && m.mode == patch:
	case i < 0 && n == required:
		m.report(m.doc.nodes[m.object].end-1, fault.Missing, m.path(name), name+" is required")
	case i < 0, n == nullable:
		*v = zero
	case n == noNull:
		m.report(m.doc.nodes[i].at, fault.Invalid, m.path(name), name+" must be an object or be left out: null is no configuration")
	default:
		m.report(m.doc.nodes[i].at, fault.Missing, m.path(name), name+" must have a value, not null")
	}
	return nil
}

// given returns a member that is present and not null, or nil.
func (m *members) given(name string) *node {
	if i := m.doc.member(m.object, name); i >= 0 && m.doc.nodes[i].kind != 'n' {
		return &m.doc.nodes[i]
	}
	return nil
}

// wrong reports that the value of a member is not what it must be. want
// completes "name must be …".
func (m *members) wrong(v *node, name, want string) {
	m.report(v.at, fault.Invalid, m.path(name), name+" must be "+want)
}

// wrongType reports a value of another JSON type.
func (m *members) wrongType(v *node, name, want string) {
	m.wrong(v, name, want+", not "+typeName(v.kind))
}

// report keeps the fault if it stands before the one that is kept. Of two in
// one place the one found first stays: the other follows from it.
func (c *codec) report(at int32, kind fault.Kind, path, message string) {
	if c.first == nil || at < c.at {
		c.first, c.at = &fault.Error{Kind: kind, Field: path, Message: message}, at
	}
}

// fault reports a fault of a rule about the value as a whole, at a dotted path
// that need not be in the document.
func (c *codec) fault(kind fault.Kind, path, message string) {
	c.report(c.doc.locate(path), kind, path, message)
}

// err returns the first fault in document order, or nil.
func (c *codec) err() error {
	if c.first == nil {
		return nil
	}
	return c.first
}

// path is the dotted path of a member of this object.
func (m *members) path(name string) string {
	if m.above == nil {
		return name
	}
	at := m.above.path(m.name)
	if m.index >= 0 {
		at += "." + strconv.Itoa(m.index)
	}
	if name == "" {
		return at
	}
	return at + "." + name
}

// within returns the run over an object below this one.
func (m *members) within(name string, index int, object int32) *members {
	mode := m.mode
	if mode == patch {
		mode = decode // nested objects are replaced whole
	}
	return &members{codec: m.codec, mode: mode, object: object, above: m, name: name, index: index}
}

// decodeInto fills an empty value from a document. check, if not nil, judges
// the value as a whole; its faults and those of the members compete.
func decodeInto[T any](doc *tree, v *T, list func(*members, *T), check func(*codec, *T)) error {
	return run(&codec{doc: doc}, decode, v, list, check)
}

// patchInto changes a value as a document says.
func patchInto[T any](doc *tree, v *T, list func(*members, *T), check func(*codec, *T)) error {
	return run(&codec{doc: doc}, patch, v, list, check)
}

func run[T any](c *codec, mode mode, v *T, list func(*members, *T), check func(*codec, *T)) error {
	if k := c.doc.nodes[0].kind; k != '{' {
		return fault.New(fault.Invalid, "the body must be a JSON object, not %s", typeName(k))
	}
	list(&members{codec: c, mode: mode, index: -1}, v)
	if check != nil {
		check(c, v)
	}
	return c.err()
}

// encodeTo appends a value as an object.
func encodeTo[T any](out []byte, v *T, list func(*members, *T)) []byte {
	c := &codec{out: out}
	write(c, v, list)
	return c.out
}

// write writes a value as an object.
func write[T any](c *codec, v *T, list func(*members, *T)) {
	c.out = append(c.out, '{')
	list(&members{codec: c, mode: encode, index: -1}, v)
	c.out = append(c.out, '}')
}
