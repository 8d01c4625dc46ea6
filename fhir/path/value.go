package path

import (
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Kind tells elements of a resource from the system values that expressions compute.
type Kind uint8

// The kinds of values. None is the kind of the zero Value, which no collection holds.
const (
	None Kind = iota
	Element
	Boolean
	String
	Integer
	Decimal
	Date
	DateTime
	Time
	QuantityKind
	TypeInfo
)

// String returns the name of the System type.
func (k Kind) String() string {
	return [...]string{"None", "Element", "Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "TypeInfo"}[k]
}

// Value is one item: an element of a resource, or a computed system value. Values are immutable; they keep the document they
// come from alive.
type Value struct {
	kind    Kind
	typ     *spec.Type
	element *spec.Element
	node    fhir.Node
	sibling fhir.Node // the _name member of a primitive: id and extensions; of a stub the reference
	system  any       // bool, string, int64, *fhir.Decimal, *temporal, *Quantity, typeInfo; of a stub the reference
}

// Collection is what an expression yields, in order.
type Collection []Value

// Quantity is a System.Quantity: a number with a UCUM unit, or a calendar duration such as 1 month.
type Quantity struct {
	Value    fhir.Decimal
	Unit     string // UCUM code, '1' for none; the singular word of a calendar duration: "month"
	Calendar bool   // Unit is a word
}

// String is the literal that gives the quantity.
func (q Quantity) String() string {
	switch {
	case !q.Calendar:
		return q.Value.String() + " '" + q.Unit + "'"
	case q.Value.Cmp(fhir.NewDecimal(1, 0)) == 0:
		return q.Value.String() + " " + q.Unit
	}
	return q.Value.String() + " " + q.Unit + "s"
}

// typeInfo is what type() gives.
type typeInfo struct{ namespace, name string }

// Root is the value of a whole resource, to evaluate expressions on.
func Root(r *fhir.Resource, defs *spec.Definitions) Value {
	return Value{kind: Element, typ: defs.Type(r.Type()), node: r.Root()}
}

// ElementOf is the value of a place inside a resource, whose type the caller knows; typ is nil for a node without definition.
func ElementOf(node fhir.Node, typ *spec.Type) Value {
	return Value{kind: Element, typ: typ, node: node}
}

// StringValue is a System.String, for variables.
func StringValue(s string) Value { return newString(s) }

// BooleanValue is a System.Boolean, for variables.
func BooleanValue(b bool) Value { return newBoolean(b) }

// IntegerValue is a System.Integer, for variables.
func IntegerValue(i int64) Value { return newInteger(i) }

// DecimalValue is a System.Decimal, for variables.
func DecimalValue(d fhir.Decimal) Value { return newDecimal(d) }

// QuantityValue is a System.Quantity, for variables.
func QuantityValue(q Quantity) Value { return newQuantity(q) }

func newBoolean(b bool) Value         { return Value{kind: Boolean, system: b} }
func newString(s string) Value        { return Value{kind: String, system: s} }
func newInteger(i int64) Value        { return Value{kind: Integer, system: i} }
func newDecimal(d fhir.Decimal) Value { return Value{kind: Decimal, system: &d} }
func newQuantity(q Quantity) Value    { return Value{kind: QuantityKind, system: &q} }
func newTemporal(t temporal) Value    { return Value{kind: t.kind, system: &t} }
func newTypeInfo(namespace, name string) Value {
	return Value{kind: TypeInfo, system: typeInfo{namespace, name}}
}

// Kind is [Element] for what stands in a resource, a FHIR primitive included, and the System type for what was computed.
func (v Value) Kind() Kind { return v.kind }

// Node is the place in the document; absent for system values, for references that were not fetched, and for a primitive that has
// only extensions.
func (v Value) Node() fhir.Node { return v.node }

// Sibling is the _name member of a primitive, which holds its id and extensions; absent when there is none.
func (v Value) Sibling() fhir.Node {
	if v.sibling.Kind() != fhir.Object {
		return fhir.Node{}
	}
	return v.sibling
}

// Type is the definition of an element's type, an inline type for a backbone element; nil for system values and unknown types.
func (v Value) Type() *spec.Type { return v.typ }

// Definition is the definition of the element the value stands in; nil for resources and system values.
func (v Value) Definition() *spec.Element { return v.element }

// TypeName is the name that type() gives: "Quantity", "dateTime", "BackboneElement"; "Integer" for a system value; empty for
// an element without definition.
func (v Value) TypeName() string {
	switch v.kind {
	case None:
		return ""
	case Element:
		return elementTypeName(v.typ)
	case TypeInfo:
		return "SimpleTypeInfo"
	}
	return v.kind.String()
}

// elementTypeName gives an inline type the name of what it specialises.
func elementTypeName(t *spec.Type) string {
	switch {
	case t == nil:
		return ""
	case t.URL == "" && t.Base != "":
		return t.Base
	}
	return t.Name
}

// Namespace is "FHIR" for elements and "System" for system values.
func (v Value) Namespace() string {
	if v.kind == Element {
		return "FHIR"
	}
	return "System"
}

// HasValue reports whether there is more than a primitive's extensions.
func (v Value) HasValue() bool {
	return v.kind != None && v.kind != Element || v.node.Ok() && v.node.Kind() != fhir.Null
}

// Text is the value as a string: a primitive's text as it stands, what toString() gives for a system value, the reference of a
// target that was not fetched; empty for complex elements.
func (v Value) Text() string {
	switch v.kind {
	case Element:
		if v.node.Ok() {
			return v.node.Text()
		}
		if reference, ok := v.system.(string); ok {
			return reference
		}
		return v.sibling.Text()
	case Boolean:
		return strconv.FormatBool(v.system.(bool))
	case String:
		return v.system.(string)
	case Integer:
		return strconv.FormatInt(v.system.(int64), 10)
	case Decimal:
		return v.decimal().String()
	case Date, DateTime, Time:
		return v.temporal().String()
	case QuantityKind:
		return v.quantity().String()
	case TypeInfo:
		info := v.system.(typeInfo)
		return info.namespace + "." + info.name
	}
	return ""
}

// String is [Value.Text], and the JSON of complex elements; for people, not for logs.
func (v Value) String() string {
	if v.kind == Element && (v.node.Kind() == fhir.Object || v.node.Kind() == fhir.Array) {
		return string(v.node.Raw())
	}
	return v.Text()
}

// Boolean returns the truth value of a Boolean or boolean.
func (v Value) Boolean() (value, ok bool) {
	s := v.asSystem()
	if s.kind != Boolean {
		return false, false
	}
	return s.system.(bool), true
}

// Integer returns the number of an Integer or a FHIR integer type.
func (v Value) Integer() (value int64, ok bool) {
	s := v.asSystem()
	if s.kind != Integer {
		return 0, false
	}
	return s.system.(int64), true
}

// Decimal returns the number of a Decimal or Integer, or of a FHIR number.
func (v Value) Decimal() (value fhir.Decimal, ok bool) {
	s := v.asSystem()
	if s.kind != Decimal && s.kind != Integer {
		return fhir.Decimal{}, false
	}
	return s.number(), true
}

// Quantity returns a Quantity, or a FHIR Quantity that has a value and no comparator.
func (v Value) Quantity() (value Quantity, ok bool) {
	s := v.asSystem()
	if s.kind != QuantityKind {
		return Quantity{}, false
	}
	return *s.quantity(), true
}

// DateTime returns a Date or DateTime, or a FHIR date, dateTime or instant; not one with the precision of an hour.
func (v Value) DateTime() (value fhir.DateTime, ok bool) {
	s := v.asSystem()
	if s.kind != Date && s.kind != DateTime {
		return fhir.DateTime{}, false
	}
	value, err := fhir.ParseDateTime(strings.TrimSuffix(s.temporal().String(), "T"))
	return value, err == nil
}

func (v Value) decimal() *fhir.Decimal { return v.system.(*fhir.Decimal) }
func (v Value) temporal() *temporal    { return v.system.(*temporal) }
func (v Value) quantity() *Quantity    { return v.system.(*Quantity) }

// number is the value of an Integer or Decimal.
func (v Value) number() fhir.Decimal {
	if v.kind == Integer {
		return fhir.NewDecimal(v.system.(int64), 0)
	}
	return *v.decimal()
}

func (v Value) isNumber() bool { return v.kind == Integer || v.kind == Decimal }
