package condition

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// bag is an object whose members nobody declares. A name that is not in it is
// null, as a member of any other object is that is not set: a customer without
// metadata.tier is not of tier "gold", and that is no error.
type bag struct{ traits.Mapper }

// metadataOf is the value of metadata, empty where there is none.
func metadataOf(v jsontext.Value) ref.Val {
	var of map[string]any
	if v != nil {
		if err := json.Unmarshal(v, &of); err != nil {
			return types.NewErr("metadata is no object")
		}
	}
	return bagOf(of)
}

func bagOf(of map[string]any) bag {
	members := make(map[ref.Val]ref.Val, len(of))
	for name, v := range of {
		members[types.String(name)] = anyOf(v)
	}
	return bag{types.NewRefValMap(types.DefaultTypeAdapter, members)}
}

// anyOf is a value of JSON.
func anyOf(v any) ref.Val {
	switch v := v.(type) {
	case map[string]any:
		return bagOf(v)
	case []any:
		list := make([]ref.Val, len(v))
		for i := range v {
			list[i] = anyOf(v[i])
		}
		return types.NewRefValList(types.DefaultTypeAdapter, list)
	default:
		return types.DefaultTypeAdapter.NativeToValue(v)
	}
}

// Find implements [traits.Mapper].
func (b bag) Find(key ref.Val) (ref.Val, bool) {
	v, found := b.Mapper.Find(key)
	if !found && v == nil {
		return types.NullValue, true
	}
	return v, found
}

// Get implements [traits.Mapper].
func (b bag) Get(key ref.Val) ref.Val {
	v, _ := b.Find(key)
	return v
}

// Contains implements [traits.Mapper].
func (b bag) Contains(key ref.Val) ref.Val {
	_, found := b.Mapper.Find(key)
	return types.Bool(found)
}
