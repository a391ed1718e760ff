package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/oapi-codegen/nullable"
)

// Nullable is a member of a merge patch that may be null: its zero value leaves
// the member as it is.
type Nullable[T any] = nullable.Nullable[T]

// Set sets a member of a merge patch.
func Set[T any](v T) Nullable[T] { return nullable.NewNullableWithValue(v) }

// Null clears a member of a merge patch.
func Null[T any]() Nullable[T] { return nullable.NewNullNullable[T]() }

// ItemOf makes an item of [Client.IngestResources] of a resource: of an
// [InvoicePut], a [CustomerPut], or whatever else encodes as the members of one.
func ItemOf(objectType IngestItemObjectType, id string, resource any) (IngestItem, error) {
	item := IngestItem{ObjectType: objectType, ID: id}
	text, err := encode(resource)
	if err != nil {
		return item, fmt.Errorf("encoding the %s %s: %w", objectType, id, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a source_version may have more digits than a float
	if err := d.Decode(&item.AdditionalProperties); err != nil {
		return item, fmt.Errorf("the %s %s is no object: %w", objectType, id, err)
	}
	delete(item.AdditionalProperties, "object_type")
	delete(item.AdditionalProperties, "id")
	return item, nil
}

// wholeSeconds is a copy of v in which every time is cut to whole seconds: the
// API refuses fractions, which [time.Now] has.
func wholeSeconds(v reflect.Value) reflect.Value {
	if t, ok := reflect.TypeAssert[time.Time](v); ok {
		return reflect.ValueOf(t.UTC().Truncate(time.Second))
	}
	switch v.Kind() { //nolint:exhaustive // in the others there can be no time
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		inner := wholeSeconds(v.Elem())
		if v.Kind() == reflect.Interface {
			return inner
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(inner)
		return p
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for field, value := range v.Fields() {
			if field.IsExported() {
				out.FieldByIndex(field.Index).Set(wholeSeconds(value))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(wholeSeconds(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			out.SetMapIndex(key, wholeSeconds(value))
		}
		return out
	}
	return v
}
