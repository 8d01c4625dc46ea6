package mongo

import (
	"fmt"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/fhir"
)

// appendJSON appends a BSON document as compact JSON: the bytes that were encoded, when the encoder called them exact and they were compact and
// escaped no more than JSON demands.
func appendJSON(dst []byte, doc bsoncore.Document) ([]byte, error) {
	return appendMembers(dst, doc, '{', '}')
}

func appendMembers(dst []byte, doc []byte, open, end byte) ([]byte, error) {
	length, rest, ok := bsoncore.ReadLength(doc)
	if !ok || int(length) != len(doc) || length < 5 {
		return dst, errCorrupt
	}
	dst = append(dst, open)
	rest = rest[:len(rest)-1]
	for first := true; len(rest) > 0; first = false {
		element, more, ok := bsoncore.ReadElement(rest)
		if !ok {
			return dst, errCorrupt
		}
		if !first {
			dst = append(dst, ',')
		}
		if open == '{' {
			dst = append(fhir.AppendQuoted(dst, element.Key()), ':')
		}
		var err error
		if dst, err = appendValue(dst, element.Value()); err != nil {
			return dst, err
		}
		rest = more
	}
	return append(dst, end), nil
}

func appendValue(dst []byte, v bsoncore.Value) ([]byte, error) {
	switch v.Type {
	case bsoncore.TypeEmbeddedDocument:
		return appendMembers(dst, v.Data, '{', '}')
	case bsoncore.TypeArray:
		return appendMembers(dst, v.Data, '[', ']')
	case bsoncore.TypeString:
		if text, ok := v.StringValueOK(); ok {
			return fhir.AppendQuoted(dst, text), nil
		}
	case bsoncore.TypeInt32:
		if n, ok := v.Int32OK(); ok {
			return strconv.AppendInt(dst, int64(n), 10), nil
		}
	case bsoncore.TypeInt64:
		if n, ok := v.Int64OK(); ok {
			return strconv.AppendInt(dst, n, 10), nil
		}
	case bsoncore.TypeDecimal128:
		if high, low, ok := v.Decimal128OK(); ok {
			if dst, ok := appendDecimal(dst, high, low); ok {
				return dst, nil
			}
		}
	case bsoncore.TypeBoolean:
		if b, ok := v.BooleanOK(); ok {
			return strconv.AppendBool(dst, b), nil
		}
	case bsoncore.TypeNull:
		return append(dst, "null"...), nil
	}
	return dst, fmt.Errorf("a %s in a resource: %w", v.Type, errCorrupt)
}
