package condition

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// shape is what an expression can name in an object of the wire.
type shape struct {
	name    string // as messages call it
	typ     *types.Type
	members []member
	fields  map[string]*types.FieldType
}

// member is one of the members of an object.
type member struct {
	name string
	typ  *types.Type
	get  func(of any) ref.Val
}

// hidden begins the names of types: no expression can write one, so that no type
// is mistaken for the variable of its name.
const hidden = "@"

// shapes are all of them, by the names of their types.
var shapes = map[string]*shape{}

// newShape makes a shape whose objects are records; the names are unique.
func newShape(name string, members ...member) *shape {
	s := &shape{name: name, typ: types.NewObjectType(hidden + name), members: members, fields: map[string]*types.FieldType{}}
	for i, m := range members {
		get := func(of any) (any, error) { return s.read(of, i) }
		s.fields[m.name] = &types.FieldType{
			Type:    m.typ,
			GetFrom: get,
			IsSet: func(of any) bool {
				v, err := get(of)
				return err == nil && v != types.NullValue
			},
		}
	}
	shapes[s.typ.TypeName()] = s
	return s
}

// read is the value of a member of an object. Nothing is known of an object that
// is not there: all of its members are null, so that a long way through objects
// that may be absent is no error.
func (s *shape) read(of any, i int) (ref.Val, error) {
	switch of := of.(type) {
	case *record:
		if of.shape == s {
			return of.member(i), nil
		}
		return nil, fmt.Errorf("no such member: %s of %s", s.members[i].name, of.shape.name)
	case *amount:
		return s.members[i].get(of), nil
	default: // null
		return types.NullValue, nil
	}
}

// record is an object of which each member is made a value when it is first read.
type record struct {
	shape *shape
	of    any // a pointer to the noun
	read  []ref.Val
}

func (r *record) member(i int) ref.Val {
	if r.read == nil {
		r.read = make([]ref.Val, len(r.shape.members))
	}
	if r.read[i] == nil {
		r.read[i] = r.shape.members[i].get(r.of)
	}
	return r.read[i]
}

// Type implements [ref.Val].
func (r *record) Type() ref.Type { return r.shape.typ }

// Value implements [ref.Val].
func (r *record) Value() any { return r }

// ConvertToNative implements [ref.Val].
func (r *record) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s is no %s", r.shape.name, to)
}

// ConvertToType implements [ref.Val].
func (r *record) ConvertToType(to ref.Type) ref.Val { return converted(r, r.shape.typ, to) }

// Equal implements [ref.Val]: two objects are equal if all of their members are.
func (r *record) Equal(other ref.Val) ref.Val {
	o, ok := other.(*record)
	if !ok || o.shape != r.shape {
		return types.False
	}
	for i := range r.shape.members {
		if types.Equal(r.member(i), o.member(i)) != types.True {
			return types.False
		}
	}
	return types.True
}

// Get implements traits.Indexer, for an expression that has lost the type.
func (r *record) Get(index ref.Val) ref.Val {
	name, _ := index.Value().(string)
	for i, m := range r.shape.members {
		if m.name == name {
			return r.member(i)
		}
	}
	return types.NewErr("no such member: %s of %s", name, r.shape.name)
}

// converted is a value as another type: every value can tell its own.
func converted(v ref.Val, own *types.Type, to ref.Type) ref.Val {
	switch to {
	case types.TypeType:
		return own
	case own:
		return v
	default:
		return types.NewErr("%s cannot be made a %s", own.TypeName(), to.TypeName())
	}
}
