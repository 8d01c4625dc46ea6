package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/firth-health/firth/fhir"
)

var nodeType = types.NewObjectType("payload", traits.IndexerType, traits.FieldTesterType, traits.ContainerType, traits.IterableType, traits.SizerType)

// node is an object or array of the payload as a CEL value. It is lazy: nothing below it is converted before it is asked for. It is an indexer and neither a
// CEL map nor a CEL list, because those make a missing key an error, where a payload's missing member is null.
type node struct{ n fhir.Node }

// fromNode gives scalars as CEL scalars, containers as *node, and what is missing or null as absent.
func fromNode(n fhir.Node) ref.Val {
	switch n.Kind() {
	case fhir.Object, fhir.Array:
		return &node{n}
	case fhir.String:
		return types.String(n.Text())
	case fhir.Number:
		d, err := fhir.ParseDecimal(n.Text())
		if err != nil {
			return types.NewErr("%v", err)
		}
		return newDecimal(d)
	case fhir.Bool:
		return types.Bool(n.TextIs("true"))
	}
	return missing
}

func (v *node) child(index ref.Val) fhir.Node {
	switch index := index.(type) {
	case types.String:
		return v.n.Get(string(index))
	case types.Int:
		return itemAt(v.n, int(index))
	case *decimal:
		if i, ok := wholeNumber(index.d); ok {
			return itemAt(v.n, i)
		}
	}
	return fhir.Node{}
}

// itemAt counts from the end when index is negative.
func itemAt(n fhir.Node, index int) fhir.Node {
	if n.Kind() != fhir.Array {
		return fhir.Node{}
	}
	if index < 0 {
		index += n.Len()
	}
	if index < 0 {
		return fhir.Node{}
	}
	return n.Index(index)
}

func (v *node) Get(index ref.Val) ref.Val   { return fromNode(v.child(index)) }
func (v *node) IsSet(field ref.Val) ref.Val { return types.Bool(v.child(field).Ok()) }

// Size is an int and not a decimal because the interpreter's cost counter asks for it; the language's size() answers a decimal.
func (v *node) Size() ref.Val  { return types.Int(v.n.Len()) }
func (v *node) Type() ref.Type { return nodeType }
func (v *node) Value() any     { return v.n }

// Contains is the in operator: a member name of an object, an item of an array.
func (v *node) Contains(what ref.Val) ref.Val {
	if v.n.Kind() == fhir.Object {
		name, ok := what.(types.String)
		return types.Bool(ok && v.n.Get(string(name)).Ok())
	}
	for c := range v.n.Children() {
		if what.Equal(fromNode(c)) == types.True {
			return types.True
		}
	}
	return types.False
}

// Equal compares the text of two containers; payload members that differ only in spacing are different.
func (v *node) Equal(other ref.Val) ref.Val {
	o, ok := other.(*node)
	return types.Bool(ok && (v.n == o.n || string(v.n.Raw()) == string(o.n.Raw())))
}

// Iterator gives the items of an array, the member names of an object.
func (v *node) Iterator() traits.Iterator {
	return &iterator{at: v.n.First(), names: v.n.Kind() == fhir.Object}
}

func (v *node) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("payload does not convert to %v", t)
}

func (v *node) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return nodeType
	}
	return types.NewErr("payload does not convert to %s", t.TypeName())
}

type iterator struct {
	valueless
	at    fhir.Node
	names bool
}

func (i *iterator) HasNext() ref.Val { return types.Bool(i.at.Ok()) }

func (i *iterator) Next() ref.Val {
	current := i.at
	i.at = i.at.Next()
	if i.names {
		return types.String(current.Key())
	}
	return fromNode(current)
}

// absent is null: what the payload does not have. Every member of it is absent too.
type absent struct{}

var missing ref.Val = absent{}

func (absent) Get(ref.Val) ref.Val            { return missing }
func (absent) IsSet(ref.Val) ref.Val          { return types.False }
func (absent) Contains(ref.Val) ref.Val       { return types.False }
func (absent) Size() ref.Val                  { return types.IntZero }
func (absent) Iterator() traits.Iterator      { return &iterator{} }
func (absent) Type() ref.Type                 { return absentType }
func (absent) Value() any                     { return nil }
func (absent) Equal(other ref.Val) ref.Val    { return types.Bool(isAbsent(other)) }
func (absent) ConvertToType(ref.Type) ref.Val { return missing }

func (absent) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("null does not convert to %v", t)
}

var absentType = types.NewObjectType("null", traits.IndexerType, traits.FieldTesterType, traits.ContainerType, traits.IterableType, traits.SizerType)

func isAbsent(v ref.Val) bool {
	_, ok := v.(absent)
	return ok || v == types.NullValue
}

// valueless satisfies ref.Val for values that never leave the interpreter.
type valueless struct{}

func (valueless) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("no native value")
}
func (valueless) ConvertToType(ref.Type) ref.Val { return types.NewErr("no such conversion") }
func (valueless) Equal(ref.Val) ref.Val          { return types.False }
func (valueless) Type() ref.Type                 { return nodeType }
func (valueless) Value() any                     { return nil }
