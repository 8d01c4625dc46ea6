package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// object is a JSON object that keeps the order of its members and the bytes of their values.
type object struct{ members []member }

type member struct {
	name  string
	value json.RawMessage // compact
}

func parseObject(data []byte) (*object, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, err
	}
	d := json.NewDecoder(&compact)
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("object expected"), err)
	}
	o := new(object)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		o.members = append(o.members, member{name: name.(string), value: value})
	}
	return o, nil
}

// parseObjects reads an array of objects; nothing is an empty array.
func parseObjects(data []byte) ([]*object, error) {
	if data == nil {
		return nil, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	objects := make([]*object, len(raw))
	for i, r := range raw {
		o, err := parseObject(r)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		objects[i] = o
	}
	return objects, nil
}

func (o *object) index(name string) int {
	return slices.IndexFunc(o.members, func(m member) bool { return m.name == name })
}

// get returns the value of a member, nil when it is absent.
func (o *object) get(name string) json.RawMessage {
	if i := o.index(name); i >= 0 {
		return o.members[i].value
	}
	return nil
}

// text returns the value of a string member, empty when it is absent or no string.
func (o *object) text(name string) string {
	var s string
	if json.Unmarshal(o.get(name), &s) != nil {
		return ""
	}
	return s
}

// set replaces the value of a member, or appends one. A nil value removes it.
func (o *object) set(name string, value json.RawMessage) {
	i := o.index(name)
	switch {
	case i >= 0 && value == nil:
		o.members = slices.Delete(o.members, i, i+1)
	case i >= 0:
		o.members[i].value = value
	case value != nil:
		o.members = append(o.members, member{name, value})
	}
}

// bytes returns the object as compact JSON.
func (o *object) bytes() json.RawMessage {
	b := []byte{'{'}
	for i, m := range o.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, m.name...) // the names in definitions need no escapes
		b = append(b, '"', ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

func joinObjects(objects []*object) json.RawMessage {
	b := []byte{'['}
	for i, o := range objects {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, o.bytes()...)
	}
	return append(b, ']')
}

// elementsOf returns the elements of "snapshot" or "differential" of a StructureDefinition.
func elementsOf(r *object, part string) ([]*object, error) {
	value := r.get(part)
	if value == nil {
		return nil, nil
	}
	p, err := parseObject(value)
	if err != nil {
		return nil, err
	}
	return parseObjects(p.get("element"))
}

func snapshotOf(r *object) ([]*object, error) { return elementsOf(r, "snapshot") }

func setSnapshot(r *object, elements []*object) {
	snapshot := &object{members: []member{{"element", joinObjects(elements)}}}
	r.set("snapshot", snapshot.bytes())
}
