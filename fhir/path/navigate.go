package path

import (
	"bytes"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// step is one member of a path.
type step struct {
	at
	name    string
	sibling string // "_" + name
	typed   bool   // the name may be that of a choice with its type: valueQuantity
}

// walk follows the steps from v and pushes what is at their end, without collections between.
func (m *machine) walk(v *Value, steps []step) error {
	if len(steps) == 0 {
		m.push(*v)
		return nil
	}
	s := &steps[0]
	if err := m.spend(s.at, 1); err != nil {
		return err
	}
	if v.kind != Element {
		return m.walkSystem(v, steps)
	}
	object := v.node
	if object.Kind() != fhir.Object {
		if s.name == "value" && v.HasValue() {
			system := v.asSystem()
			return m.walk(&system, steps[1:])
		}
		object = v.Sibling() // of a primitive: its id and extensions
	}
	if !object.Ok() {
		return nil
	}
	if v.typ == nil {
		return m.walkMember(object, s, nil, nil, steps[1:])
	}
	e := v.typ.Child(s.name)
	switch {
	case e == nil || e.Name != s.name && !s.typed: // valueQuantity is no name in FHIRPath: that is value
		return nil
	case e.Choice && e.Name == s.name:
		return m.walkChoice(object, s, v.typ, steps[1:])
	}
	return m.walkMember(object, s, e, e.Type(), steps[1:])
}

// walkSystem follows a step from a computed value.
func (m *machine) walkSystem(v *Value, steps []step) error {
	var part Value
	switch v.kind {
	case TypeInfo:
		info := v.system.(typeInfo)
		switch steps[0].name {
		case "namespace":
			part = newString(info.namespace)
		case "name":
			part = newString(info.name)
		}
	case QuantityKind:
		switch q := v.quantity(); steps[0].name {
		case "value":
			part = newDecimal(q.Value)
		case "unit":
			part = newString(q.Unit)
		}
	}
	if part.kind == None {
		return nil
	}
	return m.walk(&part, steps[1:])
}

// walkMember follows a member that has one type.
func (m *machine) walkMember(object fhir.Node, s *step, e *spec.Element, typ *spec.Type, rest []step) error {
	var value, sibling fhir.Node
	complete := typ != nil && typ.Kind != spec.Primitive
	passed := 0
	for c := object.First(); c.Ok(); c = c.Next() {
		passed++
		if c.KeyIs(s.name) {
			value = c
			if complete {
				break
			}
		} else if !complete && c.KeyIs(s.sibling) {
			sibling = c
		}
	}
	m.steps -= passed / membersPerStep
	return m.walkItems(value, sibling, e, typ, rest)
}

// walkChoice follows value[x]: the member whose name carries a type.
func (m *machine) walkChoice(object fhir.Node, s *step, owner *spec.Type, rest []step) error {
	var value, sibling fhir.Node
	var found *spec.Element
	passed := 0
	for c := object.First(); c.Ok(); c = c.Next() {
		passed++
		key := memberName(c)
		isSibling := len(key) > 0 && key[0] == '_'
		if isSibling {
			key = key[1:]
		}
		if len(key) <= len(s.name) || string(key[:len(s.name)]) != s.name {
			continue
		}
		e := owner.ChildBytes(key)
		if e == nil || !e.Choice || e.Name != s.name || found != nil && e != found {
			continue
		}
		found = e
		if isSibling {
			sibling = c
		} else {
			value = c
		}
	}
	m.steps -= passed / membersPerStep
	if found == nil {
		return nil
	}
	return m.walkItems(value, sibling, found, found.Type(), rest)
}

// walkItems goes on from the items of an array, or from the one value. The items of a primitive and those of its sibling belong together
// by position; null stands for nothing (R4 json.html#primitive).
func (m *machine) walkItems(value, sibling fhir.Node, e *spec.Element, typ *spec.Type, rest []step) error {
	if value.Kind() != fhir.Array && (value.Ok() || sibling.Kind() != fhir.Array) {
		return m.walkItem(value, sibling, e, typ, rest)
	}
	value = value.First()
	if sibling.Kind() == fhir.Array {
		sibling = sibling.First()
	} else {
		sibling = fhir.Node{}
	}
	for value.Ok() || sibling.Ok() {
		if err := m.walkItem(value, sibling, e, typ, rest); err != nil {
			return err
		}
		value, sibling = value.Next(), sibling.Next()
	}
	return nil
}

func (m *machine) walkItem(value, sibling fhir.Node, e *spec.Element, typ *spec.Type, rest []step) error {
	if value.Kind() == fhir.Null {
		value = fhir.Node{}
	}
	if sibling.Kind() != fhir.Object {
		sibling = fhir.Node{}
	}
	if !value.Ok() && !sibling.Ok() {
		return nil
	}
	item := Value{kind: Element, typ: m.typeOf(value, typ), element: e, node: value, sibling: sibling}
	return m.walk(&item, rest)
}

// typeOf is the declared type, or for a resource inside a resource the type it says it is.
func (m *machine) typeOf(node fhir.Node, declared *spec.Type) *spec.Type {
	if declared == nil || declared.Kind != spec.Resource {
		return declared
	}
	if t := m.expression.defs.Type(node.Get("resourceType").Text()); t != nil {
		return t
	}
	return declared
}

// memberName is the member's name without a copy, unless it holds escapes.
func memberName(n fhir.Node) []byte {
	start, end := n.KeyRange()
	if start == end {
		return nil
	}
	name := n.Document()[start+1 : end-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		return []byte(n.Key())
	}
	return name
}

// pushChildren pushes the children of v in the order of the document. Members that the type does not have are left out.
func (m *machine) pushChildren(where at, v *Value) error {
	if v.kind != Element {
		return nil
	}
	object := v.node
	if object.Kind() != fhir.Object {
		object = v.Sibling()
	}
	for c := object.First(); c.Ok(); c = c.Next() {
		if err := m.spend(where, 1); err != nil {
			return err
		}
		key := memberName(c)
		value, sibling := c, fhir.Node{}
		if len(key) > 0 && key[0] == '_' {
			key = key[1:]
			if m.memberNamed(object, "", key).Ok() {
				continue // came with its value
			}
			value, sibling = fhir.Node{}, c
		}
		var e *spec.Element
		var typ *spec.Type
		if v.typ != nil {
			if e = v.typ.ChildBytes(key); e == nil || e.Choice && len(key) == len(e.Name) {
				continue
			}
			typ = e.Type()
		} else if string(key) == "resourceType" {
			continue
		}
		if value.Ok() && (typ == nil || typ.Kind == spec.Primitive) {
			sibling = m.memberNamed(object, "_", key)
		}
		if err := m.walkItems(value, sibling, e, typ, nil); err != nil {
			return err
		}
	}
	return nil
}

// memberNamed finds the member whose name is prefix and key. Members passed over cost steps, so that huge objects do not cost unbounded time.
func (m *machine) memberNamed(object fhir.Node, prefix string, key []byte) fhir.Node {
	passed := 0
	for c := object.First(); c.Ok(); c = c.Next() {
		name := memberName(c)
		if len(name) == len(prefix)+len(key) && string(name[:len(prefix)]) == prefix && bytes.Equal(name[len(prefix):], key) {
			m.steps -= passed / membersPerStep
			return c
		}
		passed++
	}
	m.steps -= passed / membersPerStep
	return fhir.Node{}
}

// membersPerStep is how many members may be passed over for one step of the budget.
const membersPerStep = 16
