package validate

import (
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// primitive is how the values of a primitive type stand in JSON and what they must look like.
type primitive struct {
	kind  fhir.Kind
	valid func([]byte) bool // nil when the JSON kind says all
	rule  string            // what valid asks for, after "must be"
	form  primitiveForm
}

type primitiveForm uint8

const (
	ordinary  primitiveForm = iota
	text                    // any characters: valid needs to look at escaped and very long values only
	xhtml                   // checked as narrative
	canonical               // may be #id
)

// primitiveOf returns what is known of a primitive type. A test holds the table against the definitions; a type that is not in it
// is a JSON string of any text.
func primitiveOf(t *spec.Type) *primitive {
	for i := range primitives {
		if primitives[i].name == t.Name {
			return &primitives[i].primitive
		}
	}
	return &primitive{kind: fhir.String}
}

// accepts checks the decoded text of a value that stands in JSON as raw, with its quotes.
func (p *primitive) accepts(decoded, raw []byte) bool {
	if p.valid == nil {
		return true
	}
	if p.form == text && len(decoded) <= longestString && len(decoded)+len(`""`) == len(raw) {
		return true // without escapes JSON lets no control character into a string
	}
	return p.valid(decoded)
}

type namedPrimitive struct {
	name string
	primitive
}

// primitives are the formats of R4 datatypes.html#primitive; they never change.
var primitives = [...]namedPrimitive{
	{"boolean", primitive{kind: fhir.Bool}},
	{"decimal", primitive{kind: fhir.Number}},
	{"integer", primitive{fhir.Number, isInteger, "an integer from -2147483648 to 2147483647, without fraction and exponent", ordinary}},
	{"unsignedInt", primitive{fhir.Number, isUnsignedInt, "an integer from 0 to 2147483647, without fraction and exponent", ordinary}},
	{"positiveInt", primitive{fhir.Number, isPositiveInt, "an integer from 1 to 2147483647, without fraction and exponent", ordinary}},
	{"string", primitive{fhir.String, isString, stringRule, text}},
	{"markdown", primitive{fhir.String, isString, stringRule, text}},
	{"code", primitive{fhir.String, isCode, "without white space, but for single spaces between words", ordinary}},
	{"id", primitive{fhir.String, isID, "1 to 64 of the characters A-Z a-z 0-9 - .", ordinary}},
	{"uri", primitive{fhir.String, isURI, uriRule, ordinary}},
	{"url", primitive{fhir.String, isURI, uriRule, ordinary}},
	{"canonical", primitive{fhir.String, isURI, uriRule, canonical}},
	{"oid", primitive{fhir.String, isOID, "urn:oid: and an OID in dotted decimals", ordinary}},
	{"uuid", primitive{fhir.String, isUUID, "urn:uuid: and a UUID in lower case", ordinary}},
	{"base64Binary", primitive{fhir.String, isBase64, "base64: groups of four characters, padded with = at the end", ordinary}},
	{"date", primitive{fhir.String, isDate, "a date that exists: YYYY, YYYY-MM or YYYY-MM-DD", ordinary}},
	{"dateTime", primitive{fhir.String, isDateTime, dateTimeRule, ordinary}},
	{"instant", primitive{fhir.String, isInstant, instantRule, ordinary}},
	{"time", primitive{fhir.String, isTime, "a time of day without a zone: hh:mm:ss[.f]", ordinary}},
	{"xhtml", primitive{fhir.String, nil, "", xhtml}},
}

const (
	stringRule = "text without control characters other than tab and line ends, and at most 1 MiB of characters"
	uriRule    = "a URI: no white space and no control characters"

	dateTimeRule = "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss[.f] with a zone (Z, +hh:mm or -hh:mm), on a day that exists"
	instantRule  = "YYYY-MM-DDThh:mm:ss[.f] with a zone (Z, +hh:mm or -hh:mm), on a day that exists"
)

// primitive checks one value of a primitive type.
func (w *walk) primitive(c fhir.Node, m *member) {
	p := m.primitive
	if c.Kind() != p.kind {
		w.report(c, fhir.CodeStructure, "%s (%s) must be %s, found %s", m.element.Path, m.code, describe(p.kind), describe(c.Kind()))
		return
	}
	if p.kind != fhir.String {
		if p.valid != nil && !p.valid(c.Raw()) {
			w.report(c, fhir.CodeValue, "%s (%s) must be %s", m.element.Path, m.code, p.rule)
		}
		return
	}
	b := w.string(c)
	switch {
	case len(b) == 0:
		w.report(c, fhir.CodeStructure, "a string must not be empty: leave the element out")
	case p.form == xhtml:
		w.div(c, b)
	case !p.accepts(b, c.Raw()):
		w.report(c, fhir.CodeValue, "%s (%s) must be %s", m.element.Path, m.code, p.rule)
	case m.codes != nil:
		w.code(c, b, m)
	case p.form == canonical && b[0] == '#':
		w.fragment(c, b[1:], m)
	}
}
