package xml

import (
	"bytes"
	"errors"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// header is what every document begins with.
const header = `<?xml version="1.0" encoding="UTF-8"?>`

// Encode appends a resource, given as the tree of its JSON, to dst as FHIR XML on one line. An error is a *[fhir.OperationOutcome] of one
// issue whose expression is the element that XML cannot carry; what is appended to dst is then worthless. See the package comment
// for what is refused.
func Encode(dst []byte, root fhir.Node, defs *spec.Definitions) ([]byte, error) {
	e := encoder{defs: defs, out: append(dst, header...)}
	if err := e.resource(root, ` xmlns="`+fhirNamespace+`"`); err != nil {
		return dst, err
	}
	return e.out, nil
}

type encoder struct {
	defs    *spec.Definitions
	out     []byte
	members []member // of the objects being written, innermost last
	path    []step   // to the element being written
	text    []byte   // scratch
	scan    scanner  // for narratives
}

// member is what an object says of one element.
type member struct {
	element   *spec.Element
	value     fhir.Node
	companion fhir.Node // of a primitive: its id and extensions
}

func (e *encoder) refuse(format string, args ...any) error {
	return fhir.Invalidf(fhir.CodeStructure, expression(e.path), "XML cannot carry "+format, args...)
}

// resource writes a resource; attributes go into its tag as they are.
func (e *encoder) resource(node fhir.Node, attributes string) error {
	typeName := node.Get("resourceType")
	if typeName.Kind() != fhir.String || !e.defs.IsResource(typeName.Text()) {
		return e.refuse("anything but a resource of a known type here")
	}
	t := e.defs.Type(typeName.Text())
	if len(e.path) == 0 {
		e.path = append(e.path, step{t.Name, -1})
	}
	e.open(t.Name)
	e.out = append(e.out, attributes...)
	return e.content(t, node, t.Name)
}

func (e *encoder) open(name string) { e.out = append(append(e.out, '<'), name...) }

func (e *encoder) close(name string) {
	e.out = append(append(append(e.out, '<', '/'), name...), '>')
}

// content writes the members of an object: the rest of the open tag, the child elements and the closing tag.
func (e *encoder) content(t *spec.Type, node fhir.Node, name string) error {
	from := len(e.members)
	if err := e.gather(t, node); err != nil {
		return err
	}
	children := 0
	for i := from; i < len(e.members); i++ {
		m := e.members[i]
		if !m.element.Attribute {
			children++
		} else if err := e.attribute(m.element.Types[0].JSONName, m); err != nil {
			return err
		}
	}
	if children == 0 {
		e.out = append(e.out, '/', '>')
		e.members = e.members[:from]
		return nil
	}
	e.out = append(e.out, '>')
	for i := from; i < len(e.members); i++ {
		if m := e.members[i]; !m.element.Attribute {
			if err := e.member(m); err != nil {
				return err
			}
		}
	}
	e.close(name)
	e.members = e.members[:from]
	return nil
}

// gather adds the members of an object to e.members in the order of the definition, primitives joined with their companions.
func (e *encoder) gather(t *spec.Type, node fhir.Node) error {
	from := len(e.members)
	for c := node.First(); c.Ok(); c = c.Next() {
		if t.Kind == spec.Resource && c.KeyIs("resourceType") {
			continue
		}
		m, err := find(t, c)
		if err != nil {
			return e.refuse("the unknown element %s", quote([]byte(c.Key())))
		}
		at := len(e.members)
		for at > from && e.members[at-1].element.Index > m.element.Index {
			at--
		}
		if at > from && e.members[at-1].element.Index == m.element.Index {
			other := &e.members[at-1]
			if other.element != m.element {
				return e.refuse("more than one of the types of %s[x]", m.element.Name)
			}
			if m.value.Ok() {
				other.value = m.value
			} else {
				other.companion = m.companion
			}
			continue
		}
		e.members = append(e.members, member{})
		copy(e.members[at+1:], e.members[at:])
		e.members[at] = m
	}
	return nil
}

var errUnknown = errors.New("unknown element")

// find returns the member that c is, with one of value and companion.
func find(t *spec.Type, c fhir.Node) (member, error) {
	start, end := c.KeyRange()
	key := c.Document()[start+1 : end-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key = []byte(c.Key())
	}
	bare, companion := bytes.CutPrefix(key, []byte{'_'})
	element := t.ChildBytes(bare)
	if element == nil || element.Type() == nil || element.Types[0].JSONName != string(bare) {
		return member{}, errUnknown
	}
	if !companion {
		return member{element: element, value: c}, nil
	}
	if p := element.Type(); p.Kind != spec.Primitive || element.Attribute || isNarrative(p) {
		return member{}, errUnknown
	}
	return member{element: element, companion: c}, nil
}

// member writes one element with all its repetitions.
func (e *encoder) member(m member) error {
	name, t := m.element.Types[0].JSONName, m.element.Type()
	e.path = append(e.path, step{m.element.Name, -1})
	at := len(e.path) - 1
	if !m.element.Repeats() {
		if m.value.Kind() == fhir.Array || m.companion.Kind() == fhir.Array {
			return e.refuse("an array here, the element does not repeat")
		}
		if m.value.Kind() == fhir.Null || m.companion.Kind() == fhir.Null {
			return e.refuse("null")
		}
		if err := e.item(name, t, m.value, m.companion); err != nil {
			return err
		}
		e.path = e.path[:at]
		return nil
	}
	if m.value.Ok() && m.value.Kind() != fhir.Array || m.companion.Ok() && m.companion.Kind() != fhir.Array {
		return e.refuse("anything but an array here, the element repeats")
	}
	value, companion := m.value.First(), m.companion.First()
	if !value.Ok() && !companion.Ok() {
		return e.refuse("an empty array")
	}
	for ; value.Ok() || companion.Ok(); value, companion = value.Next(), companion.Next() {
		e.path[at].index++
		if err := e.item(name, t, value, companion); err != nil {
			return err
		}
	}
	e.path = e.path[:at]
	return nil
}

// item writes one element: a value, a companion or both; null counts as absent.
func (e *encoder) item(name string, t *spec.Type, value, companion fhir.Node) error {
	if isNarrative(t) {
		return e.narrative(name, value)
	}
	e.open(name)
	switch {
	case t.Kind == spec.Primitive:
		return e.primitive(name, t, value, companion)
	case value.Kind() != fhir.Object:
		return e.refuse("anything but an object here")
	case t.Kind == spec.Resource:
		e.out = append(e.out, '>')
		if err := e.resource(value, ""); err != nil {
			return err
		}
		e.close(name)
		return nil
	}
	return e.content(t, value, name)
}

// primitive writes the rest of the element of a primitive type.
func (e *encoder) primitive(name string, t *spec.Type, value, companion fhir.Node) error {
	if companion.Kind() != fhir.Object {
		if companion.Ok() && companion.Kind() != fhir.Null {
			return e.refuse("anything but an object in the member %s", "_"+name)
		}
		if value.Kind() == fhir.Null || !value.Ok() {
			return e.refuse("an element without value, id and extensions")
		}
		if err := e.value(t, value); err != nil {
			return err
		}
		e.out = append(e.out, '/', '>')
		return nil
	}
	if value.Ok() && value.Kind() != fhir.Null {
		if err := e.value(t, value); err != nil {
			return err
		}
	}
	return e.content(t, companion, name)
}

// value writes the attribute that holds a primitive's value.
func (e *encoder) value(t *spec.Type, value fhir.Node) error {
	if kind := jsonKind(t); value.Kind() != kind {
		return e.refuse("this JSON kind of value, %s must be a JSON %s", t.Name, kindNames[kind])
	}
	e.out = append(e.out, ` value="`...)
	if err := e.quoted(value); err != nil {
		return err
	}
	e.out = append(e.out, '"')
	return nil
}

var kindNames = [...]string{fhir.String: "string", fhir.Number: "number", fhir.Bool: "boolean"}

// attribute writes an element that is an attribute in XML.
func (e *encoder) attribute(name string, m member) error {
	if m.value.Kind() != fhir.String {
		return e.refuse("anything but a string in the attribute %s", name)
	}
	e.out = append(append(append(e.out, ' '), name...), '=', '"')
	if err := e.quoted(m.value); err != nil {
		return err
	}
	e.out = append(e.out, '"')
	return nil
}

// quoted writes the text of a scalar as it stands in an attribute.
func (e *encoder) quoted(n fhir.Node) error {
	text := n.Raw()
	if n.Kind() == fhir.String {
		text = text[1 : len(text)-1]
		if bytes.IndexByte(text, '\\') >= 0 {
			e.text = n.AppendText(e.text[:0])
			text = e.text
		}
	}
	out, ok := appendAttributeValue(e.out, text)
	if !ok {
		return e.refuse("a control character")
	}
	e.out = out
	return nil
}

// narrative writes XHTML as it is.
func (e *encoder) narrative(name string, value fhir.Node) error {
	if value.Kind() != fhir.String {
		return e.refuse("anything but a string in a narrative")
	}
	e.text = value.AppendText(e.text[:0])
	text, err := e.scan.checkNarrative(e.text, name)
	var p *problem
	if errors.As(err, &p) {
		return e.refuse("this narrative: byte %d: %s", p.at, p.msg)
	}
	if err != nil {
		return err
	}
	e.out = append(e.out, text...)
	return nil
}
