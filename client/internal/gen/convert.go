package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// converter is a document on its way. old are the schemas as they were written,
// made are those that were made of them and of what was written in place.
type converter struct {
	doc  object
	old  object
	made object
	uses map[string]*use
	errs []error
}

// use is what the bodies are for that a schema describes.
type use struct {
	sent     []string // the operations whose requests it is
	received []string // the operations whose answers it is
	patch    bool     // it is a merge patch: absent and null differ
}

// convert returns the document as the generator shall read it.
func convert(doc object) (object, error) {
	components, _ := doc["components"].(object)
	old, _ := components["schemas"].(object)
	c := &converter{doc: doc, old: old, made: object{}, uses: map[string]*use{}}
	c.findUses()
	for _, itself := range []bool{true, false} { // what answers look like has the first choice of names
		for name, s := range ordered(old) {
			if !transparent(s) && itself == (noun(name) == name) {
				c.put(typeName(name), c.schema(name, s))
			}
		}
	}
	paths := object{}
	for path, item := range ordered(doc["paths"]) {
		paths[path] = c.path(path, item)
	}
	return object{
		"openapi":    "3.1.0",
		"info":       object{"title": "Dunwell", "version": "1"},
		"paths":      paths,
		"components": object{"schemas": c.made},
	}, errors.Join(c.errs...)
}

func (c *converter) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// typeName is the name of the Go type of a schema. What the API calls Error is
// the body of an error; the error that a method returns knows more.
func typeName(schema string) string {
	if schema == "Error" {
		return "Problem"
	}
	return schema
}

// put makes a schema one with a name. Equal ones may be put twice.
func (c *converter) put(name string, s object) {
	if already, ok := c.made[name]; ok && !reflect.DeepEqual(already, s) {
		c.fail("two different schemas would be called %s: give one of them a name in components/schemas", name)
	}
	c.made[name] = s
}

// ordered are the entries of a mapping that are mappings themselves.
func ordered(v any) func(func(string, object) bool) {
	m, _ := v.(object)
	return func(yield func(string, object) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if o, ok := m[key].(object); ok && !yield(key, o) {
				return
			}
		}
	}
}

// follow returns what a reference names, and its name; of what is none, the
// thing itself.
func (c *converter) follow(v any) (name string, target object) {
	target, _ = v.(object)
	for {
		ref, ok := target["$ref"].(string)
		if !ok {
			return name, target
		}
		name = refName(target)
		next := c.doc
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			next, _ = next[part].(object)
		}
		if next == nil {
			c.fail("%s names nothing", ref)
			return name, object{}
		}
		target = next
	}
}

func refName(s object) string {
	ref, _ := s["$ref"].(string)
	return ref[strings.LastIndex(ref, "/")+1:]
}

func refTo(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// use returns what a schema is for; the name of none is for nothing.
func (c *converter) use(name string) *use {
	if c.uses[name] == nil {
		c.uses[name] = &use{}
	}
	return c.uses[name]
}

// findUses notes what the schemas of bodies are for.
func (c *converter) findUses() {
	for _, item := range ordered(c.doc["paths"]) {
		for _, verb := range verbs {
			op, _ := item[verb].(object)
			id, _ := op["operationId"].(string)
			_, body := c.follow(op["requestBody"])
			for _, form := range ordered(body["content"]) {
				name, _ := c.follow(form["schema"])
				u := c.use(name)
				u.sent, u.patch = append(u.sent, id), u.patch || verb == "patch"
			}
			for status, response := range ordered(op["responses"]) {
				_, response = c.follow(response)
				for _, form := range ordered(response["content"]) {
					if name, _ := c.follow(form["schema"]); status[0] == '2' {
						u := c.use(name)
						u.received = append(u.received, id)
					}
				}
			}
		}
	}
}
