package path

import (
	"github.com/firth-health/firth/fhir/spec"
)

// typeMatcher is a type specifier, resolved.
type typeMatcher struct {
	fhir *spec.Type // nil when no FHIR type is meant
	kind Kind       // None when no System type is meant
	// exact makes a primitive match only its own type: ofType(string) does not yield codes, as the official tests want it, and
	// a search expression tells uri from canonical.
	exact bool
}

func (t *typeMatcher) matches(v *Value) bool {
	if v.kind != Element {
		return t.kind != None && v.kind == t.kind
	}
	switch {
	case t.fhir == nil || v.typ == nil:
		return false
	case v.typ == t.fhir:
		return true
	case t.exact && v.typ.Kind == spec.Primitive:
		return false
	}
	return v.typ.Is(t.fhir.Name)
}

// systemKindNamed is the kind of a System type.
func systemKindNamed(name string) Kind {
	for kind := Boolean; kind < TypeInfo; kind++ {
		if kind.String() == name {
			return kind
		}
	}
	return None
}

// matcher resolves a type specifier. Without a namespace a name means the FHIR type and the System type of that name.
func (c *compiler) matcher(name typeName) (*typeMatcher, error) {
	t := &typeMatcher{}
	switch name.namespace {
	case "":
		t.fhir, t.kind = c.defs.Type(name.name), systemKindNamed(name.name)
		if t.fhir == nil && t.kind == None {
			return nil, c.fail(name.at, "expected the name of a type, %q is none", name.name)
		}
		if c.options.lenientAs && (t.kind == DateTime || t.kind == Date || t.kind == Time) {
			t.fhir = c.defs.Type(fhirNameOf(t.kind))
		}
	case "FHIR":
		if t.fhir = c.defs.Type(name.name); t.fhir == nil {
			return nil, c.fail(name.at, "expected the name of a FHIR type, %q is none", name.name)
		}
	case "System":
		t.kind = systemKindNamed(name.name)
	default:
		return nil, c.fail(name.at, "expected a type of FHIR or System, found the namespace %q", name.namespace)
	}
	return t, nil
}

// fhirNameOf is the FHIR primitive that has the name of a System type but for its capitals.
func fhirNameOf(kind Kind) string {
	switch kind {
	case Date:
		return "date"
	case DateTime:
		return "dateTime"
	}
	return "time"
}

// typeArgument reads an argument that names a type: Patient or FHIR.Patient.
func typeArgument(e expr) (typeName, bool) {
	m, ok := e.(*member)
	if !ok {
		return typeName{}, false
	}
	name := typeName{at: m.at, name: m.name}
	if m.target != nil {
		namespace, ok := m.target.(*member)
		if !ok || namespace.target != nil {
			return typeName{}, false
		}
		name.namespace = namespace.name
	}
	return name, true
}
