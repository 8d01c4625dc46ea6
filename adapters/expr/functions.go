package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

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

func textOf(args []ref.Val) ref.Val {
	text, ok := ofVal(args[0]).Text()
	if !ok {
		return types.NewErr("needs a string, a number or a boolean")
	}
	return types.String(text)
}

func onText(f func(string) string) func([]ref.Val) ref.Val {
	return func(args []ref.Val) ref.Val {
		text, ok := args[0].(types.String)
		if !ok {
			return types.NewErr("needs a string")
		}
		return types.String(f(string(text)))
	}
}

func replaceText(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	from, okFrom := args[1].(types.String)
	to, okTo := args[2].(types.String)
	if !ok || !okFrom || !okTo || from == "" {
		return types.NewErr("needs three strings, the second not empty")
	}
	if strings.Count(string(text), string(from))*len(to) > maxText {
		return types.NewErr("the result is too long")
	}
	return types.String(strings.ReplaceAll(string(text), string(from), string(to)))
}

func substring(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	from, okFrom := whole(args[1])
	runes := []rune(string(text))
	to, okTo := len(runes), true
	if len(args) == 3 {
		to, okTo = whole(args[2])
	}
	if !ok || !okFrom || !okTo {
		return types.NewErr("needs a string and whole positions")
	}
	from, to = min(max(from, 0), len(runes)), min(max(to, 0), len(runes))
	if from >= to {
		return types.String("")
	}
	return types.String(string(runes[from:to]))
}

func split(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	separator, okSeparator := args[1].(types.String)
	if !ok || !okSeparator || separator == "" {
		return types.NewErr("needs a string and a separator")
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.Split(string(text), string(separator)))
}

// maxText bounds what a function may build, in bytes.
const maxText = 1 << 20

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

func group(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	n, okN := whole(args[1])
	separator, okSeparator := args[2].(types.String)
	if !ok || !okN || !okSeparator || n < 1 || len(separator) > 8 {
		return types.NewErr("needs a string, a length and a separator")
	}
	var b strings.Builder
	for i := 0; i < len(text); i += n {
		if i > 0 {
			b.WriteString(string(separator))
		}
		b.WriteString(string(text[i:min(i+n, len(text))]))
	}
	return types.String(b.String())
}

// hash gives lists one byte string a list: each text is written with its length, so that ["ab", "c"] and ["a", "bc"] differ.
func hash(args []ref.Val) ref.Val {
	var in []byte
	for item := range ofVal(args[0]).Each() {
		text, ok := item.Text()
		if !ok && !item.IsAbsent() {
			return types.NewErr("needs strings and numbers")
		}
		in = append(in, byte(len(text)>>24), byte(len(text)>>16), byte(len(text)>>8), byte(len(text)))
		in = append(in, text...)
	}
	sum := sha256.Sum256(in)
	return types.String(hex.EncodeToString(sum[:]))
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

// tokenSystem and tokenValue read the form system|value that FHIR search uses for identifiers (R4 search.html#token).
func tokenSystem(args []ref.Val) ref.Val {
	text, _ := args[0].(types.String)
	if system, _, found := strings.Cut(string(text), "|"); found {
		return types.String(system)
	}
	return args[1]
}

func tokenValue(args []ref.Val) ref.Val {
	text, _ := ofVal(args[0]).Text()
	if _, value, found := strings.Cut(text, "|"); found {
		return types.String(value)
	}
	return types.String(text)
}

// hl7System gives the system of an HL7 v2 identifier from its assigning authority (data types HD and EI): ISO object identifiers, UUIDs, URIs and EUI-64
// have their own systems; a namespace, which is a name that a site has agreed on, becomes urn:firth:hl7v2:<namespace>; without one the identifier is the
// sender's, urn:firth:hl7v2:<sender>.
func hl7System(args []ref.Val) ref.Val {
	var texts [4]string
	for i := range texts {
		texts[i], _ = ofVal(args[i]).Text()
	}
	namespace, universal, kind, sender := texts[0], texts[1], texts[2], texts[3]
	switch strings.ToUpper(kind) {
	case "ISO":
		if universal != "" {
			return types.String("urn:oid:" + universal)
		}
	case "UUID", "GUID":
		if universal != "" {
			return types.String("urn:uuid:" + strings.ToLower(universal))
		}
	case "URI":
		if universal != "" {
			return types.String(universal)
		}
	case "EUI-64":
		return types.String("urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680")
	}
	if namespace == "" {
		namespace = sender
	}
	if namespace == "" {
		return types.String("urn:firth:hl7v2")
	}
	return types.String("urn:firth:hl7v2:" + url.PathEscape(namespace))
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
