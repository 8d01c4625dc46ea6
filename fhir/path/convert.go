package path

import (
	"strconv"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// systemKind is the System type that values of a FHIR primitive convert to; None for other types.
func systemKind(t *spec.Type) Kind {
	if t == nil || t.Kind != spec.Primitive {
		return None
	}
	switch t.System {
	case "Boolean":
		return Boolean
	case "Integer":
		return Integer
	case "Decimal":
		return Decimal
	case "Date":
		return Date
	case "DateTime":
		return DateTime
	case "Time":
		return Time
	}
	return String
}

// asSystem is the implicit conversion of R4 fhirpath.html: FHIR primitives and quantities become system values where operators
// and functions need them. What does not convert comes back as it is; a primitive without a value becomes the zero Value.
func (v Value) asSystem() Value {
	if v.kind != Element {
		return v
	}
	switch v.node.Kind() {
	case fhir.String, fhir.Number, fhir.Bool:
		return systemValue(v.node, systemKind(v.typ))
	case fhir.Object:
		if v.typ != nil && v.typ.Kind == spec.Complex && v.typ.Is("Quantity") {
			if q, ok := quantityOf(v.node); ok {
				return newQuantity(q)
			}
		}
		return v
	}
	if v.typ != nil && v.typ.Kind == spec.Primitive {
		return Value{}
	}
	return v
}

// systemValue reads a JSON scalar as the kind its type says; text that is not of the kind stays a string.
func systemValue(node fhir.Node, kind Kind) Value {
	text := node.Text()
	switch node.Kind() {
	case fhir.Bool:
		return newBoolean(text == "true")
	case fhir.Number:
		if kind != Decimal {
			if i, err := strconv.ParseInt(text, 10, 64); err == nil {
				return newInteger(i)
			}
		}
		if d, err := fhir.ParseDecimal(text); err == nil {
			return newDecimal(d)
		}
	case fhir.String:
		if kind == Date || kind == DateTime || kind == Time {
			if t, ok := parseTemporal(kind, text); ok {
				return newTemporal(t)
			}
		}
	}
	return newString(text)
}

// ucum is the code system of units.
const ucum = "http://unitsofmeasure.org"

// quantityOf reads a FHIR Quantity. One with a comparator is not a value, so it does not convert.
func quantityOf(node fhir.Node) (Quantity, bool) {
	value, err := fhir.ParseDecimal(node.Get("value").Text())
	if err != nil || node.Get("comparator").Ok() {
		return Quantity{}, false
	}
	q := Quantity{Value: value, Unit: "1"}
	if code := node.Get("code"); code.Ok() && node.Get("system").TextIs(ucum) {
		q.Unit = code.Text()
		if word := calendarOfUCUM(q.Unit); word != "" {
			q.Unit, q.Calendar = word, true
		}
		return q, true
	}
	for _, name := range [...]string{"unit", "code"} {
		if unit := node.Get(name); unit.Ok() {
			q.Unit = unit.Text()
			break
		}
	}
	return q, true
}
