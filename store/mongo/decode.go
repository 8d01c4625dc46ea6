package mongo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/fhir"
)

// element is one element of a BSON document. It shares the bytes of the document: pages are made of thousands of elements, so none is copied on its way.
type element struct {
	kind        bsoncore.Type
	name, value []byte
}

// elementsOf is what is between the length and the end of a document or array.
func elementsOf(doc []byte) (elements []byte, ok bool) {
	if len(doc) < 5 || int(int32(binary.LittleEndian.Uint32(doc))) != len(doc) || doc[len(doc)-1] != 0 {
		return nil, false
	}
	return doc[4 : len(doc)-1], true
}

// nextElement takes the first element off what is left of a document, which is not empty.
func nextElement(rest []byte) (e element, _ []byte, ok bool) {
	end := bytes.IndexByte(rest, 0)
	if end < 1 {
		return e, nil, false
	}
	e.kind, e.name, rest = bsoncore.Type(rest[0]), rest[1:end], rest[end+1:]
	n := valueSize(e.kind, rest)
	if n < 0 || n > len(rest) {
		return e, nil, false
	}
	e.value = rest[:n]
	return e, rest[n:], true
}

// valueSize is how long a value at the beginning of rest is; -1 for none.
func valueSize(kind bsoncore.Type, rest []byte) int {
	length := func(atLeast int) int {
		if len(rest) < 4 {
			return -1
		}
		if n := int(int32(binary.LittleEndian.Uint32(rest))); n >= atLeast {
			return n
		}
		return -1
	}
	switch kind {
	case bsoncore.TypeString:
		n := length(1)
		if n < 0 || 4+n > len(rest) || rest[3+n] != 0 {
			return -1
		}
		return 4 + n
	case bsoncore.TypeEmbeddedDocument, bsoncore.TypeArray:
		return length(5)
	case bsoncore.TypeInt32:
		return 4
	case bsoncore.TypeInt64, bsoncore.TypeDateTime:
		return 8
	case bsoncore.TypeDecimal128:
		return 16
	case bsoncore.TypeBoolean:
		return 1
	case bsoncore.TypeNull:
		return 0
	}
	_, after, ok := bsoncore.ReadValue(rest, kind)
	if !ok {
		return -1
	}
	return len(rest) - len(after)
}

// raw is the value for the functions of the driver.
func (e *element) raw() bson.RawValue { return bson.RawValue{Type: bson.Type(e.kind), Value: e.value} }

// text is the value of a string; nil is no string.
func (e *element) text() []byte {
	if e.kind != bsoncore.TypeString {
		return nil
	}
	return e.value[4 : len(e.value)-1]
}

// appendJSON appends a BSON document as compact JSON: the bytes that were encoded, when the encoder called them exact and they were compact and
// escaped no more than JSON demands.
func appendJSON(dst []byte, doc []byte) ([]byte, error) {
	return appendMembers(dst, doc, '{', '}')
}

func appendMembers(dst []byte, doc []byte, open, end byte) ([]byte, error) {
	rest, ok := elementsOf(doc)
	if !ok {
		return dst, errCorrupt
	}
	dst = append(dst, open)
	for first := true; len(rest) > 0; first = false {
		var e element
		if e, rest, ok = nextElement(rest); !ok {
			return dst, errCorrupt
		}
		if !first {
			dst = append(dst, ',')
		}
		if open == '{' {
			dst = append(appendText(dst, e.name), ':')
		}
		var err error
		if dst, err = e.appendJSON(dst); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

// appendText appends a JSON string. Most texts need no escape and are copied as they are.
func appendText(dst, text []byte) []byte {
	for _, c := range text {
		if c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			return fhir.AppendQuoted(dst, string(text))
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

func (e *element) appendJSON(dst []byte) ([]byte, error) {
	switch e.kind {
	case bsoncore.TypeEmbeddedDocument:
		return appendMembers(dst, e.value, '{', '}')
	case bsoncore.TypeArray:
		return appendMembers(dst, e.value, '[', ']')
	case bsoncore.TypeString:
		return appendText(dst, e.text()), nil
	case bsoncore.TypeInt32:
		return strconv.AppendInt(dst, int64(int32(binary.LittleEndian.Uint32(e.value))), 10), nil
	case bsoncore.TypeInt64:
		return strconv.AppendInt(dst, int64(binary.LittleEndian.Uint64(e.value)), 10), nil
	case bsoncore.TypeDecimal128:
		if dst, ok := appendDecimal(dst, binary.LittleEndian.Uint64(e.value[8:]), binary.LittleEndian.Uint64(e.value)); ok {
			return dst, nil
		}
	case bsoncore.TypeBoolean:
		return strconv.AppendBool(dst, e.value[0] == 1), nil
	case bsoncore.TypeNull:
		return append(dst, "null"...), nil
	}
	return dst, fmt.Errorf("a %s in a resource: %w", e.kind, errCorrupt)
}
