package httpapi

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// mergePatch applies a merge patch (RFC 7386) to a value; a nil one is not there.
// Members keep their places, new ones follow, so that a patch that changes nothing
// leaves every byte as it was. Both values are compact and valid.
func mergePatch(target, patch jsontext.Value) (jsontext.Value, error) {
	if patch.Kind() != '{' {
		return patch, nil
	}
	into, err := pairsOf(target)
	if err != nil {
		return nil, err
	}
	changes, err := pairsOf(patch)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if into, err = into.merge(c); err != nil {
			return nil, err
		}
	}
	return into.object(), nil
}

// pair is a member of an object.
type pair struct {
	name  string
	value jsontext.Value
}

type pairs []pair

// pairsOf lists the members of an object; what is no object has none.
func pairsOf(v jsontext.Value) (pairs, error) {
	if v.Kind() != '{' {
		return nil, nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var list pairs
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		p := pair{name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		p.value = value.Clone()
		list = append(list, p)
	}
	return list, nil
}

// merge applies one member of a patch: null takes the member of that name away.
func (p pairs) merge(c pair) (pairs, error) {
	i := slices.IndexFunc(p, func(old pair) bool { return old.name == c.name })
	if c.value.Kind() == 'n' {
		if i >= 0 {
			p = slices.Delete(p, i, i+1)
		}
		return p, nil
	}
	var old jsontext.Value
	if i >= 0 {
		old = p[i].value
	}
	merged, err := mergePatch(old, c.value)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		return append(p, pair{c.name, merged}), nil
	}
	p[i].value = merged
	return p, nil
}

func (p pairs) object() jsontext.Value {
	out := []byte{'{'}
	for i, m := range p {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, m.name), ':')
		out = append(out, m.value...)
	}
	return append(out, '}')
}
