package xml

import (
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// isNarrative reports whether values of the type are XHTML in XML and a string in JSON (R4 narrative.html).
func isNarrative(t *spec.Type) bool { return t.Kind == spec.Primitive && t.Name == "xhtml" }

// jsonKind returns the JSON kind that values of a primitive type have (R4 json.html#primitive).
func jsonKind(t *spec.Type) fhir.Kind {
	switch {
	case t.System == "Boolean":
		return fhir.Bool
	case t.System == "Decimal", t.System == "Integer", t.Is("integer"): // positiveInt is an integer whose System type is String
		return fhir.Number
	}
	return fhir.String
}

// primitive reads an element of a primitive type that does not repeat: its value, and a companion if there is more to it.
func (d *decoder) primitive(e *spec.Element, t *spec.Type) error {
	value, more := d.valueAttribute(t)
	if value != nil {
		d.key("", e.Types[0].JSONName)
		if err := d.value(t, value); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	hasValue, at := value != nil, len(d.out)
	d.key("_", e.Types[0].JSONName)
	opened := len(d.out)
	if err := d.object(t); err != nil {
		return err
	}
	if hasValue && len(d.out) == opened+len("{}") {
		d.out = d.out[:at]
	}
	return nil
}

// item reads a repetition of an element of a primitive type: its value or null, and an item of the companion array.
func (d *decoder) item(r *run, t *spec.Type) error {
	value, more := d.valueAttribute(t)
	d.comma()
	if value == nil {
		d.out = append(d.out, "null"...)
	} else {
		r.values = true
		if err := d.value(t, value); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	hasValue := value != nil
	d.align(r, r.count)
	at := len(r.companions)
	d.out, r.companions = r.companions, d.out
	d.comma()
	opened := len(d.out)
	err := d.object(t)
	d.out, r.companions = r.companions, d.out
	if err != nil {
		return err
	}
	if hasValue && len(r.companions) == opened+len("{}") {
		r.companions = r.companions[:at] // the nulls stay, or a long list would be filled again and again
		return nil
	}
	r.aligned++
	r.companion = true
	return nil
}

// align fills the companion array with null up to the given length.
func (d *decoder) align(r *run, length int) {
	if len(r.companions) == 0 {
		r.companions = append(r.companions, '[')
	}
	for ; r.aligned < length; r.aligned++ {
		if r.aligned > 0 {
			r.companions = append(r.companions, ',')
		}
		r.companions = append(r.companions, "null"...)
	}
}

// valueAttribute returns the attribute of the opening tag that holds the value of a primitive, nil when there is none, and whether there
// may be more to the element than the value.
func (d *decoder) valueAttribute(t *spec.Type) (value *attribute, more bool) {
	attributes := d.scan.tag.attributes
	more = !d.scan.tag.empty
	for i := range attributes {
		if e := t.ChildBytes(attributes[i].raw); e != nil && e.Attribute && e.Type() == nil {
			value = &attributes[i]
		} else {
			more = true
		}
	}
	return value, more
}

// value appends the value of an attribute as JSON.
func (d *decoder) value(t *spec.Type, a *attribute) error {
	text := a.value
	var seen uint8
	for _, c := range text {
		seen |= classes[c]
	}
	if seen&markup != 0 {
		var err error
		if d.text, err = appendAttributeText(d.text[:0], text, a.valueAt); err != nil {
			return err
		}
		text = d.text
	}
	switch jsonKind(t) {
	case fhir.Bool:
		if string(text) != "true" && string(text) != "false" {
			return failAt(a.valueAt, "the value must be true or false")
		}
		d.out = append(d.out, text...)
	case fhir.Number:
		if !isNumber(text) {
			return failAt(a.valueAt, "the value must be a number")
		}
		d.out = append(d.out, text...)
	default:
		if seen&(markup|escaped) != 0 {
			d.out = appendQuoted(d.out, text)
		} else {
			d.out = append(append(append(d.out, '"'), text...), '"')
		}
	}
	return nil
}

// isNumber reports whether text is a JSON number (RFC 8259, 6), which is what the patterns of decimal and integer allow too.
func isNumber(text []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(text) && '0' <= text[i] && text[i] <= '9' {
			i++
		}
		return i > from
	}
	at := func(a, b byte) bool { return i < len(text) && (text[i] == a || text[i] == b) }
	if at('-', '-') {
		i++
	}
	if at('0', '0') {
		i++
	} else if !digits() {
		return false
	}
	if at('.', '.') {
		i++
		if !digits() {
			return false
		}
	}
	if at('e', 'E') {
		i++
		if at('+', '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(text)
}
