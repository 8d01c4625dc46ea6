package spec

// Kind tells resources, complex data types and primitives apart.
type Kind uint8

// The kinds of types. BackboneElements and other inline types are Complex.
const (
	Resource Kind = iota + 1
	Complex
	Primitive
)

// String returns the kind as StructureDefinition.kind has it.
func (k Kind) String() string {
	switch k {
	case Resource:
		return "resource"
	case Complex:
		return "complex-type"
	case Primitive:
		return "primitive-type"
	}
	return "unknown"
}

// Unbounded is [Element.Max] of an element that may repeat without limit ("*").
const Unbounded = -1

// Type is a resource type, a data type, an abstract type, or the inline type of an element such as Observation.component.
type Type struct {
	Name string // "Observation", "string"; the path ("Observation.component") for an inline type
	URL  string // of the StructureDefinition; empty for an inline type
	Base string // name of the type it specialises; empty for Element and Resource
	Kind Kind

	Abstract bool // Resource, DomainResource, Element, BackboneElement
	Profile  bool // SimpleQuantity and MoneyQuantity: a constraint on Base, which is what instances are

	// System is the System type (FHIRPath) of a primitive's value, such as "String" or "Decimal"; empty for the others.
	System string
	// Pattern is the regular expression (XML Schema syntax) for the whole text of a primitive's value; empty when there is none.
	Pattern string

	base     *Type
	elements []*Element
	children map[string]*Element
}

// Elements returns the elements in the order of the definition, inherited ones first, a choice such as value[x] once.
// The slice is shared: callers must not change it.
func (t *Type) Elements() []*Element { return t.elements }

// Child returns the element with the given JSON name, inherited ones included, nil when there is none. For a choice both
// names work: "value" gives the choice with all its types, "valueQuantity" the same element with that one type. The
// underscore of a primitive's companion ("_birthDate") is not part of the name.
func (t *Type) Child(name string) *Element { return t.children[name] }

// ChildBytes is [Type.Child] for a name that is a byte slice; it does not allocate.
func (t *Type) ChildBytes(name []byte) *Element { return t.children[string(name)] }

// Is reports whether t is the named type or specialises it. Inline types specialise BackboneElement or Element.
func (t *Type) Is(name string) bool {
	for ; t != nil; t = t.base {
		if t.Name == name {
			return true
		}
	}
	return false
}

// Element is one element of a type, or a choice narrowed to one of its types.
type Element struct {
	Name  string // as FHIRPath names it: "status", "value" (without "[x]" and without the type)
	Path  string // in the StructureDefinition: "Observation.value[x]"
	Short string // what it is, in a few words
	Min   int
	Max   int // Unbounded (-1) for "*"
	Index int // place in Type.Elements; a narrowed choice has that of the choice

	// Types are the types a value may have: one, or one or more for a choice that was not narrowed.
	Types []TypeRef

	Choice    bool // the JSON name carries the type: valueQuantity
	Summary   bool // part of _summary=true
	Modifier  bool
	Attribute bool // an attribute in XML: Element.id and Extension.url

	Binding  *Binding // nil when there is none
	Children *Type    // the inline type; nil when the element has a named type
}

// Type returns the one type of the element: its inline type, or the type it names. It is nil for a choice of several types
// that was not narrowed ([Type.Child] with the name that carries the type narrows it) and for the value of a primitive.
func (e *Element) Type() *Type {
	if len(e.Types) != 1 {
		return nil
	}
	return e.Types[0].Type
}

// Repeats reports whether the element is an array in JSON.
func (e *Element) Repeats() bool { return e.Max == Unbounded || e.Max > 1 }

// TypeRef is one type that an element may have.
type TypeRef struct {
	// Code is the name of the type: "Quantity", "BackboneElement", "string". The System types that R4 writes at ids and
	// URLs are given as the FHIR primitives they stand for; only the value of a primitive has one ("System.String").
	Code string
	// JSONName is the name of the member that holds a value of this type: "valueQuantity", "status".
	JSONName string
	// Targets names the resource types that a Reference or canonical may point to; "Resource" allows all.
	Targets []string
	// Profiles are the profiles that a value must meet one of, by URL.
	Profiles []string
	// Type is the definition: the inline type for BackboneElement and Element, nil for a System type.
	Type *Type
}

// Binding says which codes an element takes.
type Binding struct {
	Strength string // required, extensible, preferred or example
	ValueSet string // canonical URL, with |version where the definition has one
}
