package main

import (
	"maps"
	"slices"
	"strings"
)

var verbs = []string{"get", "post", "put", "patch", "delete"}

// path converts the operations of a path.
func (c *converter) path(path string, item object) object {
	out := object{}
	shared, _ := item["parameters"].([]any)
	for _, verb := range verbs {
		if op, ok := item[verb].(object); ok {
			own, _ := op["parameters"].([]any)
			converted := c.operation(op, slices.Concat(shared, own))
			if out[verb] = converted; verb == "post" && repeatable(path) {
				converted[hints].(object)["safe"] = true
			}
		}
	}
	return out
}

// repeatable reports a path whose POST has no second effect: to search changes
// nothing, and of what is ingested states are compared.
func repeatable(path string) bool {
	return strings.HasSuffix(path, "/search") || strings.HasPrefix(path, "/v1/ingest/")
}

// hints is where an operation has what client.tmpl cannot find out:
//
//	keyed   it takes an Idempotency-Key
//	safe    it may be sent again, although it is a POST
//	result  the name of the type that it answers with
//	raw     the content type that it answers with, if not JSON
//	paged   how it lists: linked (a page with links) or counted (a bare list)
//	item    the name of the type that it lists
const hints = "x-client"

// operation converts one operation.
func (c *converter) operation(op object, parameters []any) object {
	id, _ := op["operationId"].(string)
	hint := object{}
	out := with(object{"operationId": id, hints: hint}, op, "summary", "description", "deprecated", "tags")
	kept := []any{}
	for _, p := range parameters {
		component, p := c.follow(p)
		switch {
		case p["in"] != "header":
			kept = append(kept, c.parameter(id, component, p))
		case p["name"] == "Idempotency-Key":
			hint["keyed"] = true
		}
	}
	out["parameters"] = kept
	if body, ok := op["requestBody"]; ok {
		out["requestBody"] = c.body(id, body)
	}
	out["responses"] = c.responses(id, op, hint)
	return out
}

// parameter converts a parameter of the path or the query. In a query, empty
// and zero mean that it is not asked for; only a truth needs a third value.
func (c *converter) parameter(id, component string, p object) object {
	name, _ := p["name"].(string)
	out := with(object{"required": p["in"] == "path"}, p, "name", "in", "description")
	owner := pascal(id)
	if component != "" { // one type, wherever the parameter is used
		owner = ""
	}
	s, _ := c.named(owner, name, p["schema"])
	if kind, _ := typeOf(c.target(p["schema"])); p["in"] == "query" && kind != "boolean" {
		out["x-go-type-skip-optional-pointer"] = true
	}
	out["schema"] = s
	return out
}

func (c *converter) target(v any) object {
	_, target := c.follow(v)
	return target
}

const jsonType = "application/json"

// media is the form of a body that the client speaks: JSON where there is it.
func media(content any) (contentType string, form object) {
	forms, _ := content.(object)
	for _, contentType := range append([]string{jsonType}, slices.Sorted(maps.Keys(forms))...) {
		if form, ok := forms[contentType].(object); ok {
			return contentType, form
		}
	}
	return "", nil
}

func (c *converter) body(id string, v any) object {
	_, body := c.follow(v)
	contentType, form := media(body["content"])
	s := object{"type": "string", "format": "binary", "x-go-type": "[]byte"}
	if contentType == jsonType {
		s, _ = c.named(pascal(id), "body", form["schema"])
	}
	return object{"required": body["required"] == true, "content": object{contentType: object{"schema": s}}}
}

// responses keeps the first response of success.
func (c *converter) responses(id string, op, hint object) object {
	for status, response := range ordered(op["responses"]) {
		if status[0] != '2' {
			continue
		}
		out := object{"description": ""}
		contentType, form := media(c.target(response)["content"])
		switch {
		case form == nil:
		case contentType == jsonType:
			s := c.result(id, form["schema"], hint)
			out["content"] = object{jsonType: object{"schema": s}}
		default:
			hint["raw"] = contentType
		}
		return object{status: out}
	}
	return object{"default": object{"description": ""}} // it always refuses
}

// result converts the schema of a response of success and notes what it holds.
func (c *converter) result(id string, v any, hint object) object {
	s, _ := c.named(pascal(id), "result", v)
	target := s
	if name := refName(s); name != "" {
		hint["result"] = name
		target, _ = c.made[name].(object)
	}
	members, _ := target["properties"].(object)
	data, _ := members["data"].(object)
	switch {
	case target["type"] == "array":
		hint["paged"], hint["item"] = "counted", c.item(id, target)
	case data != nil && members["links"] != nil:
		hint["paged"], hint["item"] = "linked", c.item(id, data)
	case refName(s) == "":
		c.fail("%s answers with something that has no name: give it one in components/schemas", id)
	}
	return s
}

func (c *converter) item(id string, list object) string {
	items, _ := list["items"].(object)
	name := refName(items)
	if name == "" {
		c.fail("%s lists something that has no name: give it one in components/schemas", id)
	}
	return name
}
