package expr

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/firth-health/firth/fhir"
)

// function is one row of the language: how it is called, what it gives, what it does. Arguments are checked by the function, not by the type checker,
// because payload values have no static type.
type function struct {
	name   string
	args   int // least number of arguments
	more   int // optional arguments behind them
	result *cel.Type
	call   func(args []ref.Val) ref.Val
	nulls  bool // called even when the first argument is null
}

// functions is the table of the language's functions.
func functions(tables map[string]map[string]string) []function {
	text := cel.NullableType(cel.StringType)
	return []function{
		{name: "dec", args: 1, result: cel.DynType, call: decOf},                // dec("5.40") = 5.40
		{name: "scale10", args: 2, result: cel.DynType, call: scale10},          // scale10(74126, -3) = 74.126
		{name: "round", args: 2, result: cel.DynType, call: round},              // round(2.345, 2) = 2.35, half away from zero
		{name: "size", args: 1, result: cel.DynType, call: sizeOf, nulls: true}, // members, items or characters; size(null) = 0
		{name: "text", args: 1, result: text, call: textOf},                     // a number or boolean as it stands
		{name: "upper", args: 1, result: text, call: onText(strings.ToUpper)},
		{name: "lower", args: 1, result: text, call: onText(strings.ToLower)},
		{name: "trim", args: 1, result: text, call: onText(strings.TrimSpace)},
		{name: "replace", args: 3, result: text, call: replaceText},                  // replace(text, old, new)
		{name: "substring", args: 2, more: 1, result: text, call: substring},         // substring(text, from[, to]), in characters
		{name: "split", args: 2, result: cel.DynType, call: split},                   // split("a-b", "-") = ["a", "b"]
		{name: "join", args: 2, result: text, call: join},                            // join(["a", null, "b"], "-") = "a-b"
		{name: "group", args: 3, result: text, call: group},                          // group("0123AB", 2, "-") = "01-23-AB"
		{name: "hash", args: 1, result: text, call: hash},                            // SHA-256 of a text or a list of texts, in hex
		{name: "pick", args: 3, result: cel.DynType, call: pick},                     // pick(list, "type", 10): the first item whose member is that
		{name: "lookup", args: 2, result: text, call: lookup(tables)},                // lookup("table", key); null when the table has no such row
		{name: "tokenSystem", args: 2, result: text, call: tokenSystem, nulls: true}, // tokenSystem("urn:x|7", default) = "urn:x"; the default without a |
		{name: "tokenValue", args: 1, result: text, call: tokenValue},                // tokenValue("urn:x|7") = "7"
		{name: "epoch", args: 1, more: 1, result: text, call: epoch},                 // epoch(1433052383[, "s"|"ms"|"us"|"ns"]) = "2015-05-31T06:06:23Z"
		{name: "offsetEpoch", args: 2, result: text, call: offsetEpoch},              // true UTC seconds shown at an offset in seconds
		{name: "fakeUtc", args: 2, result: text, call: fakeUTC},                      // local wall time counted as if it were UTC, with its "-0800"
		{name: "localTime", args: 2, result: text, call: localTime},                  // localTime("2024-01-05 07:15:02", "Europe/Oslo")
		{name: "hl7Time", args: 1, more: 1, result: text, call: hl7Time},             // hl7Time("20120530112340"[, "UTC"])
		{name: "millis", args: 2, result: cel.DynType, call: millis},                 // milliseconds from one time to another
		{name: "hl7System", args: 4, result: text, call: hl7System, nulls: true},     // hl7System(namespace, universal id, its type, sender): the system of an identifier
		{name: "first", args: 1, result: cel.DynType, call: first},                   // the first item of a list, null when it is empty
		{name: "rest", args: 1, result: cel.DynType, call: rest},                     // all items but the first
		{name: "flatten", args: 1, more: 1, result: cel.DynType, call: flatten},      // flatten([[1,2],[3]][, 2]) = [1,2,3,null]: rows of a given width
	}
}

func functionOptions(tables map[string]map[string]string) []cel.EnvOption {
	var options []cel.EnvOption
	for _, f := range functions(tables) {
		var overloads []cel.FunctionOpt
		for n := f.args; n <= f.args+f.more; n++ {
			args := make([]*cel.Type, n)
			for i := range args {
				args[i] = cel.DynType
			}
			overloads = append(overloads, cel.Overload(f.name+"_"+string(rune('0'+n)), args, f.result))
		}
		overloads = append(overloads, cel.SingletonFunctionBinding(f.checked))
		options = append(options, cel.Function(f.name, overloads...))
	}
	return options
}

// checked applies the rule "null in, null out" and passes errors on.
func (f function) checked(args ...ref.Val) ref.Val {
	if len(args) < f.args || len(args) > f.args+f.more {
		return types.NewErr("%s: wrong number of arguments", f.name)
	}
	if isAbsent(args[0]) && !f.nulls {
		return missing
	}
	result := f.call(args)
	if err, ok := result.(*types.Err); ok {
		return types.NewErr("%s: %v", f.name, err)
	}
	return result
}

func decOf(args []ref.Val) ref.Val {
	if d, ok := asDecimal(args[0]); ok {
		return newDecimal(d)
	}
	text, ok := args[0].(types.String)
	if !ok {
		return types.NewErr("needs a number or a string")
	}
	if blank(string(text)) {
		return missing
	}
	d, err := parseNumber(string(text))
	if err != nil {
		return types.WrapErr(err)
	}
	return newDecimal(d)
}

// parseNumber reads the number of a text, with the leading plus that HL7 v2 and CSV allow, and blanks around it. The digits stay as they are.
func parseNumber(text string) (fhir.Decimal, error) {
	text = strings.TrimSpace(text)
	if rest, plus := strings.CutPrefix(text, "+"); plus && !strings.HasPrefix(rest, "-") {
		text = rest
	}
	d, err := fhir.ParseDecimal(text)
	if err != nil {
		return d, errNotNumber
	}
	return d, nil
}

func whole(v ref.Val) (int, bool) {
	d, ok := asDecimal(v)
	if !ok {
		return 0, false
	}
	return wholeNumber(d)
}

func scale10(args []ref.Val) ref.Val {
	d, ok := asDecimal(args[0])
	if isAbsent(args[1]) {
		return missing
	}
	n, okN := whole(args[1])
	if !ok || !okN || n < -maxDigits || n > maxDigits {
		return types.NewErr("needs a number and a whole exponent")
	}
	return bounded(d.Scale10(n))
}

func round(args []ref.Val) ref.Val {
	d, ok := asDecimal(args[0])
	n, okN := whole(args[1])
	if !ok || !okN || n < 0 || n > 30 {
		return types.NewErr("needs a number and 0 to 30 digits")
	}
	return newDecimal(d.Round(n))
}

func lookup(tables map[string]map[string]string) func([]ref.Val) ref.Val {
	return func(args []ref.Val) ref.Val {
		name, ok := args[0].(types.String)
		table, found := tables[string(name)]
		if !ok || !found {
			return types.NewErr("there is no table %q", string(name))
		}
		if isAbsent(args[1]) {
			return missing
		}
		key, ok := ofVal(args[1]).Text()
		if !ok {
			return types.NewErr("the key must be a string or a number")
		}
		if value, found := table[key]; found {
			return types.String(value)
		}
		return missing
	}
}
