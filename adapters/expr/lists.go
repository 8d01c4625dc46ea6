package expr

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/firth-health/firth/fhir"
)

func sizeOf(args []ref.Val) ref.Val {
	n := 0
	switch v := args[0].(type) {
	case types.String:
		n = len([]rune(string(v)))
	case *node:
		n = v.n.Len()
	case absent:
	case traits.Sizer:
		if count, ok := v.Size().(types.Int); ok {
			n = int(count)
		}
	default:
		return types.NewErr("needs a list, an object or a string")
	}
	return newDecimal(fhir.NewDecimal(int64(n), 0))
}

func split(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	separator, okSeparator := args[1].(types.String)
	if !ok || !okSeparator || separator == "" {
		return types.NewErr("needs a string and a separator")
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.Split(string(text), string(separator)))
}

func join(args []ref.Val) ref.Val {
	separator, ok := args[1].(types.String)
	if !ok {
		return types.NewErr("needs a list and a separator")
	}
	var out []byte
	first := true
	for item := range ofVal(args[0]).Each() {
		if item.IsAbsent() {
			continue
		}
		if !first {
			out = append(out, separator...)
		}
		first = false
		if out, ok = item.AppendText(out); !ok {
			return types.NewErr("needs a list of strings and numbers")
		}
		if len(out) > maxText {
			return types.NewErr("the result is too long")
		}
	}
	return types.String(out)
}

func pick(args []ref.Val) ref.Val {
	member, ok := args[1].(types.String)
	list, isNode := args[0].(*node)
	if !ok || !isNode || list.n.Kind() != fhir.Array {
		return types.NewErr("needs a list of the payload, a member name and a value")
	}
	for c := range list.n.Children() {
		if m := c.Get(string(member)); m.Ok() && fromNode(m).Equal(args[2]) == types.True {
			return fromNode(c)
		}
	}
	return missing
}

func first(args []ref.Val) ref.Val {
	for item := range ofVal(args[0]).Each() {
		return item.celValue()
	}
	return missing
}

func rest(args []ref.Val) ref.Val {
	var items []ref.Val
	n := 0
	for item := range ofVal(args[0]).Each() {
		if n++; n > 1 {
			items = append(items, item.celValue())
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, items)
}

// maxFlat bounds the items of a flattened list; a waveform of ten minutes at 1,000 Hz fits.
const maxFlat = 1_000_000

func flatten(args []ref.Val) ref.Val {
	width := 0
	if len(args) == 2 {
		n, ok := whole(args[1])
		if !ok || n < 1 || n > 1000 {
			return types.NewErr("the width must be 1 to 1000")
		}
		width = n
	}
	var flat []ref.Val
	for row := range ofVal(args[0]).Each() {
		n := 0
		for item := range row.Each() {
			flat = append(flat, item.celValue())
			n++
		}
		if width > 0 && n > width {
			return types.NewErr("a row has more than %d items", width)
		}
		for ; n < width; n++ {
			flat = append(flat, missing)
		}
		if len(flat) > maxFlat {
			return types.NewErr("the list is too long")
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, flat)
}
