package httpapi

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// object is a member that is an object of which nothing needs to be set. It is
// null when nothing is, and replaced whole, unless the patch is a deep one.
func object[T comparable](m *members, name string, v *T, r rule, list func(*members, *T)) {
	var zero T
	if m.mode == encode {
		if *v == zero {
			m.putText(name, "", r)
			return
		}
		m.key(name)
		write(m.codec, v, list)
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		if m.isObject(n, name) {
			within := m.within(name, -1, m.doc.member(m.object, name))
			if m.deep && m.mode == patch && *v != zero {
				within.mode = patch
			} else {
				*v = zero
			}
			list(within, v)
		}
	}
}

func (m *members) isObject(n *node, name string) bool {
	if n.kind != '{' {
		m.wrongType(n, name, "an object")
		return false
	}
	return true
}

// block is a member that is an object or not there: configuration, which is
// left out when it is not used. It is replaced whole, unless the patch is a deep
// one, and never changed in place: the value that is patched may still be compared.
func block[T any](m *members, name string, v **T, r rule, list func(*members, *T)) {
	if m.mode == encode {
		switch {
		case *v != nil:
			m.key(name)
			write(m.codec, *v, list)
		case r.need == nullable:
			m.putText(name, "", r)
		}
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		if m.isObject(n, name) {
			within, next := m.within(name, -1, m.doc.member(m.object, name)), new(T)
			if m.deep && m.mode == patch && *v != nil {
				within.mode, *next = patch, **v
			}
			*v = next
			list(within, next)
		}
	}
}

// config is the rule of a configuration block: null is refused.
var config = rule{need: noNull, omit: true}

// objects is a member that is a list of objects, replaced whole; nil is not set.
func objects[T any](m *members, name string, v *[]T, most int, r rule, list func(*members, *T)) {
	if m.mode == encode {
		m.putList(name, *v == nil, len(*v), r, func(i int) { write(m.codec, &(*v)[i], list) })
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		*v = []T{}
		m.elements(n, name, most, func(i int, e int32) bool {
			var item T // counts even if it is wrong: the list is not empty
			if n := &m.doc.nodes[e]; n.kind == '{' {
				list(m.within(name, i, e), &item)
			} else {
				m.wrongElement(n, name, i, "an object, not "+typeName(n.kind))
			}
			*v = append(*v, item)
			return m.first == nil || m.at > m.doc.nodes[e].end
		})
	}
}

// texts is a member that is a list of strings, replaced whole; nil is not set.
func texts[S ~string](m *members, name string, v *[]S, most int, r rule) {
	if m.mode == encode {
		m.putList(name, *v == nil, len(*v), r, func(i int) { m.out = appendText(m.out, string((*v)[i])) })
		return
	}
	if n := take(m, name, v, r.need); n != nil {
		*v = []S{}
		m.elements(n, name, most, func(i int, e int32) bool {
			n := &m.doc.nodes[e]
			*v = append(*v, S(n.text))
			want := "text, not " + typeName(n.kind)
			if n.kind == '"' {
				want = r.check(n.text)
			}
			if want != "" {
				m.wrongElement(n, name, i, want)
			}
			return want == ""
		})
	}
}

// elements runs do for each element of a list, until it says to stop: later
// elements cannot hold an earlier fault.
func (m *members) elements(n *node, name string, most int, do func(i int, e int32) bool) {
	if n.kind != '[' {
		m.wrongType(n, name, "a list")
		return
	}
	count := 0
	for e := n.first; e != 0; e = m.doc.nodes[e].next {
		if count == most {
			m.wrong(n, name, fmt.Sprintf("a list of at most %d", most))
			return
		}
		count++
	}
	for i, e := 0, n.first; e != 0; i, e = i+1, m.doc.nodes[e].next {
		if !do(i, e) {
			return
		}
	}
}

func (m *members) wrongElement(n *node, name string, i int, want string) {
	at := m.path(name) + "." + strconv.Itoa(i)
	m.report(n.at, fault.Invalid, at, "each of "+name+" must be "+want)
}

// maxMetadata bounds the metadata of one resource, in bytes.
const maxMetadata = 32 << 10

// metadata is a member that is any object, kept as it came but for white space
// and the way its strings are escaped: equal metadata is equal to the byte.
func metadata(m *members, name string, v *jsontext.Value) {
	if m.mode == encode {
		if *v == nil {
			m.putText(name, "", plain)
			return
		}
		m.key(name)
		m.out = append(m.out, *v...)
		return
	}
	if n := take(m, name, v, nullable); n != nil {
		if !m.isObject(n, name) {
			return
		}
		raw, err := jsontext.AppendFormat(nil, m.doc.src[n.at:n.end])
		if err == nil && m.deep && m.mode == patch {
			raw, err = mergePatch(*v, raw)
		}
		if err != nil || len(raw) > maxMetadata {
			m.wrong(n, name, fmt.Sprintf("an object of at most %d bytes", maxMetadata))
			return
		}
		*v = raw
	}
}

// unsupported is a member that the contract has and this version does not do.
// A value is refused: to ignore it would do what the caller forbade.
func unsupported(m *members, names ...string) {
	if m.mode == encode {
		return
	}
	for _, name := range names {
		if n := m.given(name); n != nil {
			m.report(n.at, fault.Invalid, m.path(name), name+" is not supported by this version, leave it out")
		}
	}
}
