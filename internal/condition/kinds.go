package condition

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// The types of members. Each but a list, a map and a bool may be null: not set.
var (
	textType    = types.NewNullableType(types.StringType)
	numberType  = types.NewNullableType(types.IntType)
	maybeType   = types.NewNullableType(types.BoolType)
	instantType = types.TimestampType
	objectType  = types.NewMapType(types.StringType, types.DynType)
)

// text is a member that is a string; "" is not set.
func text[T any, S ~string](name string, of func(*T) S) member {
	return member{name, textType, func(v any) ref.Val {
		if s := of(v.(*T)); s != "" {
			return types.String(s)
		}
		return types.NullValue
	}}
}

// texts is a member that is a list of strings, empty where it is not set.
func texts[T any](name string, of func(*T) []string) member {
	return member{name, types.NewListType(types.StringType), func(v any) ref.Val {
		return types.NewStringList(types.DefaultTypeAdapter, of(v.(*T)))
	}}
}

// flag is a member that is true or false.
func flag[T any](name string, of func(*T) bool) member {
	return member{name, types.BoolType, func(v any) ref.Val { return types.Bool(of(v.(*T))) }}
}

// maybe is a member that is true, false or not set.
func maybe[T any](name string, of func(*T) *bool) member {
	return member{name, maybeType, func(v any) ref.Val {
		if b := of(v.(*T)); b != nil {
			return types.Bool(*b)
		}
		return types.NullValue
	}}
}

// number is a member that is a whole number; 0 is not set.
func number[T any](name string, of func(*T) int) member {
	return member{name, numberType, func(v any) ref.Val {
		if n := of(v.(*T)); n != 0 {
			return types.Int(n)
		}
		return types.NullValue
	}}
}

// instant is a member that is a point in time; the zero time is not set.
func instant[T any](name string, of func(*T) time.Time) member {
	return member{name, instantType, func(v any) ref.Val {
		if t := of(v.(*T)); !t.IsZero() {
			return types.Timestamp{Time: t.UTC()}
		}
		return types.NullValue
	}}
}

// quantity is a member that is a decimal.
func quantity[T any](name string, of func(*T) billing.Decimal) member {
	return member{name, decimalType, func(v any) ref.Val { return decimalOf(of(v.(*T))) }}
}

// money is a member that is an amount.
func money[T any](name string, of func(*T) billing.Money) member {
	return member{name, amountShape.typ, func(v any) ref.Val { return amountOf(of(v.(*T))) }}
}

// object is a member that is an object, null where nothing in it is set.
func object[T any, U comparable](name string, s *shape, of func(*T) *U) member {
	return member{name, s.typ, func(v any) ref.Val {
		var unset U
		if o := of(v.(*T)); *o != unset {
			return &record{shape: s, of: o}
		}
		return types.NullValue
	}}
}

// objects is a member that is a list of objects, empty where it is not set.
func objects[T, U any](name string, s *shape, of func(*T) []U) member {
	return member{name, types.NewListType(s.typ), func(v any) ref.Val {
		list := of(v.(*T))
		values := make([]ref.Val, len(list))
		for i := range list {
			values[i] = &record{shape: s, of: &list[i]}
		}
		return types.NewRefValList(types.DefaultTypeAdapter, values)
	}}
}

// metadata is the member of that name: what the billing system likes to keep.
func metadata[T any](of func(*T) jsontext.Value) member {
	return member{"metadata", objectType, func(v any) ref.Val { return metadataOf(of(v.(*T))) }}
}
