package graphql

import (
	"strconv"

	"github.com/firth-health/firth/fhir"
)

// object is an object of the answer as it comes about. @flatten lets several fields of a query write into one.
type object struct {
	fields []*outField
	byKey  map[string]*outField
}

// outField is a field of the answer: a single value or a list.
type outField struct {
	key     string
	isList  bool
	isEmpty bool // without values it is an empty list, not null
	values  []outValue
}

// outValue is an object or JSON.
type outValue struct {
	object *object
	json   []byte
}

// field finds or makes a field.
func (o *object) field(key string) *outField {
	if f := o.byKey[key]; f != nil {
		return f
	}
	if o.byKey == nil {
		o.byKey = map[string]*outField{}
	}
	f := &outField{key: key}
	o.fields = append(o.fields, f)
	o.byKey[key] = f
	return f
}

func (o *object) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, f := range o.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = f.append(append(fhir.AppendQuoted(dst, f.key), ':'))
	}
	return append(dst, '}')
}

// append writes the values. A field without any is null.
func (f *outField) append(dst []byte) []byte {
	switch {
	case len(f.values) == 0 && f.isEmpty:
		return append(dst, "[]"...)
	case len(f.values) == 0:
		return append(dst, "null"...)
	case !f.isList:
		return f.values[0].append(dst)
	}
	dst = append(dst, '[')
	for i, v := range f.values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.append(dst)
	}
	return append(dst, ']')
}

func (v *outValue) append(dst []byte) []byte {
	if v.object != nil {
		return v.object.append(dst)
	}
	return append(dst, v.json...)
}

// text sets a field to a string; empty for null.
func (o *object) text(key, text string) {
	f := o.field(key)
	if text != "" {
		f.values = []outValue{{json: fhir.AppendQuoted(nil, text)}}
	}
}

func (o *object) number(key string, n int) {
	o.field(key).values = []outValue{{json: strconv.AppendInt(nil, int64(n), 10)}}
}
