package patch

import (
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// content is a value made from the part of an operation: the member it goes to, the value, and the id and extensions of a primitive.
type content struct {
	name           string
	value, sibling *value // at least one
}

// builder makes content by the definitions.
type builder struct {
	defs *spec.Definitions
	part *spec.Type // Parameters.parameter
}

// build makes the value of element e, an element as its type lists it, from a part: its value[x], its resource, or its parts
// (R4 fhirpatch.html#anonymous).
func (b *builder) build(part fhir.Node, e *spec.Element) (content, error) {
	var primary, sibling, parts, resource fhir.Node
	var typ *spec.TypeRef
	for c := range part.Children() {
		name := c.Key()
		switch value := b.part.Child(strings.TrimPrefix(name, "_")); {
		case name == "name" || name == "id":
		case name == "part":
			parts = c
		case name == "resource":
			resource = c
		case value == nil || !value.Choice || len(value.Types) != 1 || typ != nil && typ.Code != value.Types[0].Code:
			return content{}, problemf(fhir.CodeStructure, "the part of a value has one of value[x], resource and part, and nothing else")
		case name[0] == '_':
			sibling, typ = c, &value.Types[0]
		default:
			primary, typ = c, &value.Types[0]
		}
	}
	switch {
	case typ != nil && !parts.Ok() && !resource.Ok():
		return plain(e, typ, primary, sibling)
	case typ == nil && parts.Ok() && !resource.Ok():
		return b.anonymous(e, parts)
	case typ == nil && !parts.Ok() && resource.Ok():
		return b.resource(e, resource)
	}
	return content{}, problemf(fhir.CodeStructure, "the part of a value has one of value[x], resource and part")
}

// plain makes content of a value[x].
func plain(e *spec.Element, given *spec.TypeRef, primary, sibling fhir.Node) (content, error) {
	ref := typeFor(e, given.Code)
	if ref == nil {
		return content{}, problemf(fhir.CodeValue, "%s is %s, not %s", e.Path, typeNames(e), given.Code)
	}
	primitive := ref.Type.Kind == spec.Primitive
	kind := primary.Kind()
	switch {
	case !primitive && (kind != fhir.Object || sibling.Ok()), primitive && (kind == fhir.Object || kind == fhir.Array || kind == fhir.Null),
		sibling.Ok() && sibling.Kind() != fhir.Object, kind == fhir.Object && !primary.First().Ok(), sibling.Ok() && !sibling.First().Ok():
		return content{}, problemf(fhir.CodeStructure, "the part of a value does not hold JSON of the type %s", given.Code)
	}
	c := content{name: ref.JSONName}
	if primary.Ok() {
		c.value = valueOf(primary)
	}
	if sibling.Ok() {
		c.sibling = valueOf(sibling)
	}
	return c, nil
}

// typeFor returns the type of e that has the name; nil when there is none. Narratives have no value[x]: a string stands for them.
func typeFor(e *spec.Element, code string) *spec.TypeRef {
	for i := range e.Types {
		ref := &e.Types[i]
		if ref.Type != nil && (ref.Code == code || ref.Code == "xhtml" && code == "string") {
			return ref
		}
	}
	return nil
}

func typeNames(e *spec.Element) string {
	if e.Children != nil {
		return "an anonymous type, given as parts"
	}
	names := make([]string, len(e.Types))
	for i := range e.Types {
		names[i] = e.Types[i].Code
	}
	return strings.Join(names, " or ")
}

// anonymous makes an object of parts, one for each element, or for each item of one that repeats.
func (b *builder) anonymous(e *spec.Element, parts fhir.Node) (content, error) {
	typ := e.Type()
	switch {
	case typ == nil || typ.Kind != spec.Complex:
		return content{}, problemf(fhir.CodeValue, "%s is %s and cannot be given as parts", e.Path, typeNames(e))
	case parts.Kind() != fhir.Array || !parts.First().Ok():
		return content{}, problemf(fhir.CodeStructure, "part is an array that is not empty")
	}
	object := newContainer(fhir.Object)
	for part := range parts.Children() {
		name := part.Get("name").Text()
		if err := b.add(object, typ, name, part); err != nil {
			return content{}, err
		}
	}
	return content{name: e.Types[0].JSONName, value: object}, nil
}

func (b *builder) resource(e *spec.Element, resource fhir.Node) (content, error) {
	typ := e.Type()
	if typ == nil || typ.Kind != spec.Resource {
		return content{}, problemf(fhir.CodeValue, "%s is %s, not a resource", e.Path, typeNames(e))
	}
	if name := resource.Get("resourceType").Text(); !b.defs.IsResource(name) || !b.defs.IsSubtype(name, typ.Name) {
		return content{}, problemf(fhir.CodeValue, "the resource is not one that %s takes", e.Path)
	}
	return content{name: e.Types[0].JSONName, value: valueOf(resource)}, nil
}

// add puts the value that a part gives into an object of the type, under the name of an element: FHIRPath's, or that of a choice with its type.
func (b *builder) add(object *value, typ *spec.Type, name string, part fhir.Node) error {
	e := typ.Child(name)
	if e == nil || len(e.Types) == 1 && e.Types[0].Type == nil {
		return problemf(fhir.CodeValue, "%s has no element %.80q", typ.Name, name)
	}
	c, err := b.build(part, e)
	if err != nil {
		return err
	}
	if e.Repeats() {
		l, err := listOf(object, c.name, e)
		if err != nil {
			return err
		}
		l.insert(l.length(), c)
		return nil
	}
	for _, ref := range typ.Child(e.Name).Types {
		if object.find(ref.JSONName) >= 0 || object.find("_"+ref.JSONName) >= 0 {
			return problemf(fhir.CodeProcessing, "%s has a value already; replace changes it", e.Path)
		}
	}
	object.set(c.name, "", c.value)
	object.set("_"+c.name, c.name, c.sibling)
	return nil
}
