package search

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir/spec"
)

// step is one name of a compiled path.
type step struct {
	members []member // one, or one a type of a choice
	first   bool     // [0]
	where   string   // member that must have the text value; empty for no condition
	value   string
}

// member is a JSON member that a step leads to.
type member struct {
	name string
	typ  *spec.Type
	leaf leaf // of the last step: how its values are read
}

// paths compiles plain paths against the definitions.
type paths struct{ defs *spec.Definitions }

// compile follows steps from a type. For each type of the last element, kind says how it is read; types that a parameter of the kind cannot hold are
// left out, and a path that is left with none is an error. A composite's base has any type.
func (p paths) compile(context *spec.Type, raw []rawStep, kind kind) ([]step, error) {
	steps := make([]step, len(raw))
	for i, r := range raw {
		last := i == len(raw)-1
		element := context.Child(r.name)
		if element == nil {
			return nil, fmt.Errorf("%s has no element %s", context.Name, r.name)
		}
		s := step{first: r.item != "", where: r.member, value: r.value}
		for _, ref := range element.Types {
			if ref.Type == nil || r.cast != "" && !p.isCast(ref.Type, r.cast) {
				continue
			}
			m := member{name: ref.JSONName, typ: ref.Type}
			if last && kind != composite {
				var ok bool
				if m.leaf, ok = p.leaf(kind, element, ref.Type); !ok {
					continue
				}
				m.leaf.anywhere = slices.Contains(ref.Targets, "Resource")
			}
			s.members = append(s.members, m)
		}
		if len(s.members) == 0 {
			return nil, &wrongKindError{element.Path, kind}
		}
		if !last {
			if len(s.members) > 1 {
				return nil, fmt.Errorf("%s is a choice in the middle of a path", element.Path)
			}
			context = s.members[0].typ
		}
		steps[i] = s
	}
	return steps, nil
}

// wrongKindError says that an element is there, but not for a kind of parameter.
type wrongKindError struct {
	path string
	kind kind
}

func (e *wrongKindError) Error() string {
	return fmt.Sprintf("%s is of no type that a %s parameter can hold", e.path, e.kind)
}

// isCast compares without the case of the first letter, because some definitions write as(DateTime). A primitive is only itself: ConceptMap
// tells source as uri from source as canonical.
func (p paths) isCast(t *spec.Type, cast string) bool {
	if p.defs.Type(cast) == nil {
		cast = strings.ToLower(cast[:1]) + cast[1:]
	}
	return t.Name == cast || t.Kind != spec.Primitive && t.Is(cast)
}

// reading says how the value of an element becomes pieces of keys.
type reading uint8

const (
	readText reading = iota + 1 // any primitive as a token
	readCode
	readBoolean
	readCoding
	readConcept
	readIdentifier
	readContact
	readString
	readStrings // each string of a complex element: HumanName, Address
	readReference
	readCanonical
	readURI
	readVersionedURI
	readResource // an embedded resource, as a reference to it
	readDate
	readPeriod
	readTiming
	readNumber
	readRange
	readQuantity
	readMoney
	readSamples
	readPosition // latitude and longitude
)

// leaf is how an element is read.
type leaf struct {
	reading  reading
	system   string   // code, boolean: what the binding implies
	strings  []string // readStrings: the members
	instant  bool     // readDate: never less exact
	anywhere bool     // readReference: to any type
}

// leaf chooses the reading of a type for a kind of parameter (R4 search.html#ptypes).
func (p paths) leaf(k kind, element *spec.Element, t *spec.Type) (leaf, bool) {
	switch k {
	case token:
		return p.tokenLeaf(element, t)
	case text, phonetic:
		return stringLeaf(t)
	case position:
		return leaf{reading: readPosition}, t.Child("latitude") != nil && t.Child("longitude") != nil
	}
	table := readings[k]
	for name := range table {
		if t.Name == name {
			return leaf{reading: table[name], instant: name == "instant"}, true
		}
	}
	for name := range table {
		if t.Is(name) {
			return leaf{reading: table[name]}, true
		}
	}
	return leaf{}, false
}

// readings lists the data types of each kind of parameter as R4 search.html has them.
var readings = map[kind]map[string]reading{
	reference: {"Reference": readReference, "canonical": readCanonical, "uri": readCanonical, "Resource": readResource},
	date:      {"date": readDate, "dateTime": readDate, "instant": readDate, "Period": readPeriod, "Timing": readTiming},
	number:    {"decimal": readNumber, "integer": readNumber, "Range": readRange},
	quantity:  {"Quantity": readQuantity, "Money": readMoney, "Range": readRange, "SampledData": readSamples},
	uri:       {"uri": readURI, "canonical": readVersionedURI},
}

const booleanSystem = "http://hl7.org/fhir/special-values" // R4 search.html#token: implicit for booleans

func (p paths) tokenLeaf(element *spec.Element, t *spec.Type) (leaf, bool) {
	switch t.Name {
	case "Coding":
		return leaf{reading: readCoding}, true
	case "CodeableConcept":
		return leaf{reading: readConcept}, true
	case "Identifier":
		return leaf{reading: readIdentifier}, true
	case "ContactPoint":
		return leaf{reading: readContact}, true
	case "boolean":
		return leaf{reading: readBoolean, system: booleanSystem}, true
	case "code":
		l := leaf{reading: readCode}
		if element != nil && element.Binding != nil && element.Binding.Strength == "required" {
			if system, ok := p.defs.CodeSystemOf(element.Binding.ValueSet); ok {
				l.system = system
			}
		}
		return l, true
	}
	return leaf{reading: readText}, t.Kind == spec.Primitive
}

func stringLeaf(t *spec.Type) (leaf, bool) {
	if t.Is("string") {
		return leaf{reading: readString}, true
	}
	l := leaf{reading: readStrings}
	for _, e := range t.Elements() {
		part := e.Type()
		if part != nil && (part.Name == "string" || part.Name == "markdown") && !e.Attribute && t.Kind == spec.Complex {
			l.strings = append(l.strings, e.Name)
		}
	}
	return l, len(l.strings) > 0
}
