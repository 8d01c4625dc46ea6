package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/firth-health/firth/fhir"
)

// decimalType is the only number type of the language.
var decimalType = types.NewObjectType("decimal")

// decimal is an exact number as a CEL value. It is handled by pointer, because CEL compares some values with Go's == and the digits are a slice.
type decimal struct{ d fhir.Decimal }

func newDecimal(d fhir.Decimal) *decimal { return &decimal{d} }

// asDecimal reads a number of any kind the interpreter may produce.
func asDecimal(v ref.Val) (fhir.Decimal, bool) {
	switch v := v.(type) {
	case *decimal:
		return v.d, true
	case types.Int:
		return fhir.NewDecimal(int64(v), 0), true
	}
	return fhir.Decimal{}, false
}

func (d *decimal) Equal(other ref.Val) ref.Val {
	o, ok := asDecimal(other)
	return types.Bool(ok && d.d.Cmp(o) == 0)
}

func (d *decimal) Type() ref.Type { return decimalType }
func (d *decimal) Value() any     { return d.d }

func (d *decimal) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("decimal does not convert to %v", t)
}

func (d *decimal) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.StringType:
		return types.String(d.d.String())
	case types.TypeType:
		return decimalType
	}
	return types.NewErr("decimal does not convert to %s", t.TypeName())
}
