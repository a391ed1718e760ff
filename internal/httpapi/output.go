package httpapi

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// key begins a member of the output. Names are ours and need no escape.
func (m *members) key(name string) {
	if m.written {
		m.out = append(m.out, ',')
	}
	m.written = true
	m.out = append(m.out, '"')
	m.out = append(m.out, name...)
	m.out = append(m.out, '"', ':')
}

// putText writes a string; an empty one as null, or not at all.
func (m *members) putText(name, s string, r rule) {
	switch {
	case s != "":
		m.key(name)
		m.out = appendText(m.out, s)
	case !r.omit:
		m.key(name)
		m.out = append(m.out, "null"...)
	}
}

func appendText(out []byte, s string) []byte {
	out, _ = jsontext.AppendQuote(out, s) // what is not UTF-8 becomes the replacement character
	return out
}

// layout is how times are written: UTC, with seconds, without fraction.
const layout = "2006-01-02T15:04:05Z"

func (m *members) putTime(name string, t time.Time, r rule) {
	if t.IsZero() {
		m.putText(name, "", r)
		return
	}
	m.key(name)
	m.out = append(m.out, '"')
	m.out = t.UTC().AppendFormat(m.out, layout)
	m.out = append(m.out, '"')
}

func (m *members) putList(name string, unset bool, n int, r rule, put func(i int)) {
	if unset {
		m.putText(name, "", r)
		return
	}
	m.key(name)
	m.out = append(m.out, '[')
	for i := range n {
		if i > 0 {
			m.out = append(m.out, ',')
		}
		put(i)
	}
	m.out = append(m.out, ']')
}

// served writes the members that are the server's own and are never read.
func (m *members) served(objectType, id string) {
	if m.mode != encode {
		return
	}
	m.putText("object_type", objectType, plain)
	m.putText("id", id, plain)
}

// times writes when a resource was made and last changed.
func (m *members) times(created, updated time.Time) {
	if m.mode != encode {
		return
	}
	m.putTime("created_at", created, plain)
	m.putTime("updated_at", updated, plain)
}
