package main

import (
	"maps"
	"slices"
	"strings"
)

// comment is what a type is for, in words of ours: it stands where the description
// has none, at the type but not at the members that have it.
const comment = "x-comment"

// schema converts a schema that has a name.
func (c *converter) schema(name string, s object) object {
	out, _ := c.value(name, s)
	switch u := c.use(name); {
	case len(u.sent) > 0:
		out[comment] = "is the body of " + strings.Join(u.sent, ", ")
	case len(u.received) > 0:
		out[comment] = "is the answer of " + strings.Join(u.received, ", ")
	default:
		out[comment] = "is as api/openapi.yaml says"
	}
	return out
}

// value converts a schema and reports whether null is one of its values. name
// is what it is about: what is written in place in it is named after that.
func (c *converter) value(name string, s object) (out object, null bool) {
	if _, ok := s["$ref"]; ok {
		target, ts := c.follow(s)
		if transparent(ts) {
			out, null = c.named("", target, ts)
			return with(out, s, "description"), null
		}
		_, null = typeOf(ts)
		return with(refTo(typeName(target)), s, "description"), null
	}
	if s["allOf"] != nil {
		s = c.flatten(s)
	}
	kind, null := typeOf(s)
	out = with(object{}, s, "description", "format", "deprecated", "anyOf", "oneOf")
	if kind != "" {
		out["type"] = kind
	}
	if values, ok := s["enum"].([]any); ok && kind == "string" {
		out["enum"] = slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
		out["x-enum-varnames"] = constants(out["enum"].([]any))
	}
	switch kind {
	case "object":
		c.members(name, s, out)
	case "array":
		item, _ := c.named(noun(name), "", s["items"])
		delete(item, "description") // of what nobody would see it
		out["items"] = item
	}
	return out, null
}

// typeOf returns the type of a schema other than null, and whether it has null.
// An enum or a constant of texts says by its values what it is.
func typeOf(s object) (kind string, null bool) {
	switch t := s["type"].(type) {
	case string:
		kind = t
	case []any:
		for _, one := range t {
			if one == "null" {
				null = true
			} else {
				kind = one.(string)
			}
		}
	}
	values, _ := s["enum"].([]any)
	if v, ok := s["const"]; ok {
		values = []any{v}
	}
	for _, v := range values {
		switch v.(type) {
		case nil:
			null = true
		case string:
			kind = "string"
		}
	}
	if _, one := orNull(s); one {
		null = true
	}
	return kind, null
}

// orNull returns the schema of a choice between it and null.
func orNull(s object) (object, bool) {
	for _, key := range []string{"anyOf", "oneOf"} {
		choice, _ := s[key].([]any)
		if len(choice) != 2 {
			continue
		}
		first, _ := choice[0].(object)
		second, _ := choice[1].(object)
		return first, second["type"] == "null"
	}
	return nil, false
}

// transparent reports a schema whose name a Go program does not need: a point
// in time, a list, and something else or null.
func transparent(s object) bool {
	_, choice := orNull(s)
	kind, _ := typeOf(s)
	return choice || s["format"] == "date-time" || kind == "array"
}

func with(out, from object, keys ...string) object {
	for _, key := range keys {
		if v, ok := from[key]; ok {
			out[key] = v
		}
	}
	return out
}

// flatten returns an object with the members of all that it consists of, in
// their order.
func (c *converter) flatten(s object) object {
	parts := []object{}
	for _, part := range s["allOf"].([]any) {
		_, part := c.follow(part)
		if part["allOf"] != nil {
			part = c.flatten(part)
		}
		parts = append(parts, part)
	}
	out := with(object{"type": "object"}, s, "description")
	members, required := object{}, []any{}
	for _, part := range append(parts, s) {
		base := len(members)
		for name, member := range ordered(part["properties"]) {
			member = maps.Clone(member)
			place, _ := member[order].(int)
			member[order] = base + place
			members[name] = member
		}
		some, _ := part["required"].([]any)
		required = append(required, some...)
		if v, ok := part["additionalProperties"]; ok {
			out["additionalProperties"] = v
		}
	}
	out["properties"], out["required"] = members, required
	return out
}

// members converts the members of an object.
func (c *converter) members(name string, s, out object) {
	if more, ok := s["additionalProperties"]; ok {
		out["additionalProperties"] = more
	}
	required, _ := s["required"].([]any)
	kept, properties := []any{}, object{}
	u := c.use(name)
	for member, ms := range ordered(s["properties"]) {
		if ms["type"] == "null" || serversOwn(member, ms) && len(u.sent) > 0 && len(u.received) == 0 {
			continue // nothing can be in it, or nobody would read it
		}
		m, must := c.member(name, member, ms, slices.Contains(required, any(member)))
		if properties[member] = m; must {
			kept = append(kept, member)
		}
	}
	if len(properties) > 0 {
		out["properties"], out["required"] = properties, kept
	} else if out["additionalProperties"] == nil {
		out["additionalProperties"] = true // metadata, a foreign body
	}
}

// serversOwn reports a member that the server ignores in a request.
func serversOwn(name string, s object) bool {
	return s["readOnly"] == true || slices.Contains([]string{"object_type", "id", "created_at", "updated_at"}, name)
}

// member converts a member of an object, and reports whether it is one that is
// always there and never null. Go has one nil, JSON has null and absent:
//
//   - in a merge patch both mean something: the member is a Nullable;
//   - a required member that may be null is a pointer and always written;
//   - any other that may be null or absent is a pointer, and absent when nil.
//
// What is the server's own is there in every answer, whatever is allowed in a
// request that repeats it.
func (c *converter) member(of, name string, s object, required bool) (out object, must bool) {
	out, null := c.shared(of, name, s)
	if place, ok := s[order]; ok {
		out[order] = place
	}
	null = null && (!required || !serversOwn(name, s))
	switch {
	case null && c.use(of).patch:
		place := out[order]
		delete(out, order)
		out = object{"anyOf": []any{out, object{"type": "null"}}, order: place}
		if d, ok := s["description"]; ok {
			out["description"] = d
		}
	case null && required:
		out["x-omitempty"] = false
	}
	return out, required && !null
}

// shared converts a member's schema. What is written in place in it is named after
// the noun, and so is one type for all that say the same; where another says
// something else, after the schema itself.
func (c *converter) shared(of, name string, s object) (out object, null bool) {
	made, errs := maps.Clone(c.made), len(c.errs)
	out, null = c.named(noun(of), name, s)
	if len(c.errs) > errs && noun(of) != of {
		c.made, c.errs = made, c.errs[:errs]
		return c.named(of, name, s)
	}
	return out, null
}

// named converts a schema where one stands. An object or an enum that is written
// in place gets a name: that of its owner and of itself.
func (c *converter) named(owner, name string, v any) (out object, null bool) {
	s, _ := v.(object)
	if one, ok := orNull(s); ok {
		out, _ = c.named(owner, name, one)
		return with(out, s, "description"), true
	}
	kind, _ := typeOf(s)
	full := join(owner, name)
	switch {
	case s["$ref"] != nil:
		return c.value(full, s)
	case kind == "array":
		return c.value(join(owner, singular(name)), s)
	case s["properties"] != nil || s["allOf"] != nil || s["enum"] != nil && kind == "string":
		inner, null := c.value(full, s)
		switch {
		case name == "":
			inner[comment] = "is an item of a list"
		case owner == "":
			inner[comment] = "is " + name
		default:
			inner[comment] = "is " + name + " of " + owner
		}
		c.put(full, inner)
		return with(refTo(full), s, "description"), null
	}
	return c.value(full, s)
}
