package expr

import (
	"bytes"
	"errors"
	"fmt"
	"iter"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/firth-health/firth/fhir"
)

// Value is what an expression gives: nothing, a place in the payload, or a computed scalar or list. The zero Value is absent.
type Value struct {
	node fhir.Node // a place in the payload, when computed is nil
	val  ref.Val   // computed
}

// OfNode is the value at a place of a payload.
func OfNode(n fhir.Node) Value { return Value{node: n} }

// OfText is a computed string.
func OfText(text string) Value { return Value{val: types.String(text)} }

func ofVal(v ref.Val) Value {
	if n, ok := v.(*node); ok {
		return Value{node: n.n}
	}
	if isAbsent(v) {
		return Value{}
	}
	return Value{val: v}
}

func (v Value) celValue() ref.Val {
	if v.val != nil {
		return v.val
	}
	return fromNode(v.node)
}

// IsAbsent reports whether there is nothing: a missing member, a JSON null, or text without a visible character.
func (v Value) IsAbsent() bool {
	if s, ok := v.val.(types.String); ok {
		return blank(string(s))
	}
	if v.val != nil {
		return false
	}
	switch v.node.Kind() {
	case fhir.Invalid, fhir.Null:
		return true
	case fhir.String:
		raw := v.node.Raw()
		return blank(string(raw[1 : len(raw)-1]))
	}
	return false
}

func blank(s string) bool {
	for i := range len(s) {
		if s[i] > ' ' {
			return false
		}
	}
	return true
}

// Node is the place in the payload, absent for computed values.
func (v Value) Node() fhir.Node {
	if v.val != nil {
		return fhir.Node{}
	}
	return v.node
}

// Kind is the JSON kind the value has or would have.
func (v Value) Kind() fhir.Kind {
	switch val := v.val.(type) {
	case nil:
		return v.node.Kind()
	case types.String:
		return fhir.String
	case types.Bool:
		return fhir.Bool
	case *decimal, types.Int:
		return fhir.Number
	case traits.Lister:
		return fhir.Array
	default:
		_ = val
		return fhir.Invalid
	}
}

// AppendText appends a scalar's text: a string decoded, a number as it stands, true or false. It is false for lists and objects.
func (v Value) AppendText(dst []byte) ([]byte, bool) {
	switch val := v.val.(type) {
	case nil:
		switch v.node.Kind() {
		case fhir.String, fhir.Number, fhir.Bool:
			return v.node.AppendText(dst), true
		}
		return dst, false
	case types.String:
		return append(dst, val...), true
	case *decimal:
		return append(dst, val.d.String()...), true
	case types.Int:
		return fmt.Appendf(dst, "%d", int64(val)), true
	case types.Bool:
		return fmt.Appendf(dst, "%t", bool(val)), true
	}
	return dst, false
}

// Text is [Value.AppendText] as a string.
func (v Value) Text() (string, bool) {
	if s, ok := v.val.(types.String); ok {
		return string(s), true
	}
	if v.val == nil && v.node.Kind() == fhir.String {
		return v.node.Text(), true
	}
	text, ok := v.AppendText(nil)
	return string(text), ok
}

var errNotNumber = errors.New("the value is not a decimal number")

// AppendDecimal appends a number digit for digit, without exponent, from a number or from a string that holds one.
func (v Value) AppendDecimal(dst []byte) ([]byte, error) {
	if v.val == nil && v.node.Kind() == fhir.Number {
		if raw := v.node.Raw(); bytes.IndexByte(raw, 'e') < 0 && bytes.IndexByte(raw, 'E') < 0 {
			return append(dst, raw...), nil
		}
	}
	d, err := v.Decimal()
	if err != nil {
		return dst, err
	}
	return append(dst, d.String()...), nil
}

// Decimal reads a number, or a string that holds one.
func (v Value) Decimal() (fhir.Decimal, error) {
	if d, ok := asDecimal(v.val); ok {
		return d, nil
	}
	if k := v.Kind(); k == fhir.Number || k == fhir.String {
		text, _ := v.Text()
		return parseNumber(text)
	}
	return fhir.Decimal{}, errNotNumber
}

// Bool reads a boolean; ok is false for everything else.
func (v Value) Bool() (value, ok bool) {
	if b, ok := v.val.(types.Bool); ok {
		return bool(b), true
	}
	if v.val == nil && v.node.Kind() == fhir.Bool {
		return v.node.TextIs("true"), true
	}
	return false, false
}

// Each ranges over the items of a list; a single value is a list of itself, an absent one is empty.
func (v Value) Each() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		list, isList := v.val.(traits.Lister)
		switch {
		case isList:
			for it := list.Iterator(); it.HasNext() == types.True; {
				if !yield(ofVal(it.Next())) {
					return
				}
			}
		case v.Kind() == fhir.Array:
			for c := range v.node.Children() {
				if !yield(OfNode(c)) {
					return
				}
			}
		case !v.IsAbsent():
			yield(v)
		}
	}
}
