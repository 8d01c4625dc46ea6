package validate

import (
	"sync/atomic"

	"github.com/firth-health/firth/fhir/spec"
)

// table is a type prepared for checking, when it is first needed.
type table struct {
	v     *Validator
	typ   *spec.Type
	ready atomic.Pointer[shape]
}

// shape is what a table says about the objects of a type.
type shape struct {
	typ      *spec.Type
	members  map[string]*member // by JSON name, "_birthDate" included
	required []*spec.Element    // those that must be present; a choice once
	words    int                // of a set of elements, see [walk.seen]
	role     role
	// value and extension are the places of an Extension's elements.
	value, extension int
}

// role tells apart the types that have rules beyond their elements.
type role uint8

const (
	plain role = iota
	reference
	extension
	codeableConcept
)

// member is what may stand under one JSON name in the objects of a type.
type member struct {
	element   *spec.Element // narrowed, where it is a choice
	code      string        // name of the type
	name      string        // JSON name, without the underscore
	step      string        // as FHIRPath says it: "status", "value.ofType(Quantity)"
	sibling   string        // of a primitive: the name of the member with its id and extensions
	isSibling bool          // this is that member

	primitive *primitive // of a primitive's value
	table     *table     // of objects
	resource  bool       // any resource of the type code
	contained bool       // a resource within its container
	targets   []string   // of a reference: the types allowed; none for all
	codes     *codeSet   // of a required binding
}

// shape prepares the table at the first call. Callers that come at the same time may each do so; the results are the same.
func (t *table) shape() *shape {
	if s := t.ready.Load(); s != nil {
		return s
	}
	s := t.build()
	t.ready.Store(s)
	return s
}

func (t *table) build() *shape {
	elements := t.typ.Elements()
	s := &shape{
		typ: t.typ, members: make(map[string]*member, 2*len(elements)), words: (len(elements) + 63) / 64,
		role: roleOf(t.typ), value: -1, extension: -1,
	}
	for _, e := range elements {
		if isSystemValue(e) {
			continue
		}
		if e.Min > 0 {
			s.required = append(s.required, e)
		}
		for i := range e.Types {
			t.add(s, e, &e.Types[i])
		}
	}
	if s.role == extension {
		s.value, s.extension = t.typ.Child("value").Index, t.typ.Child("extension").Index
	}
	return s
}

// isSystemValue tells the value of a primitive, which is no member of its own in JSON.
func isSystemValue(e *spec.Element) bool { return len(e.Types) == 1 && e.Types[0].Type == nil }

func (t *table) add(s *shape, e *spec.Element, ref *spec.TypeRef) {
	typ := t.v.narrowed(ref)
	if typ == nil {
		return
	}
	m := &member{element: e, code: ref.Code, name: ref.JSONName, step: e.Name, targets: targets(ref)}
	if e.Choice {
		m.step = e.Name + ".ofType(" + ref.Code + ")"
	}
	if e.Binding != nil && e.Binding.Strength == "required" {
		m.codes = t.v.codeSet(e.Binding.ValueSet)
	}
	s.members[m.name] = m
	switch typ.Kind {
	case spec.Resource:
		m.resource, m.contained = true, e.Name == "contained"
	case spec.Complex:
		m.table = t.v.table(typ)
	case spec.Primitive:
		m.primitive = primitiveOf(typ)
		m.sibling = "_" + m.name
		s.members[m.sibling] = &member{
			element: e, code: ref.Code, name: m.name, step: m.step, sibling: m.sibling, isSibling: true, table: t.v.table(typ),
		}
	}
}

// narrowed returns the type of a value: the constraint that the element names where it is one of the data types, such as
// SimpleQuantity, the type otherwise.
func (v *Validator) narrowed(ref *spec.TypeRef) *spec.Type {
	if len(ref.Profiles) == 1 {
		if t := v.profiled[ref.Profiles[0]]; t.Is(ref.Code) {
			return t
		}
	}
	return ref.Type
}

// targets returns the resource types that a reference may point to; none when it may point to all.
func targets(ref *spec.TypeRef) []string {
	for _, target := range ref.Targets {
		if target == "Resource" {
			return nil
		}
	}
	return ref.Targets
}

func roleOf(t *spec.Type) role {
	switch {
	case t.Is("Reference"):
		return reference
	case t.Is("Extension") && t.Child("value") != nil && t.Child("extension") != nil:
		return extension
	case t.Is("CodeableConcept"):
		return codeableConcept
	}
	return plain
}
