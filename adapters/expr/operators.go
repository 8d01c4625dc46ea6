package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/firth-health/firth/fhir"
)

// keptOperators is what remains of CEL's standard library: logic, equality, membership, indexing and text tests. Its numbers, conversions, times and durations
// are replaced or left out, so that no binary floating point and no second kind of number can appear.
func keptOperators() *env.LibrarySubset {
	names := []string{operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotStrictlyFalse,
		operators.Equals, operators.NotEquals, operators.In, operators.OldIn, operators.Index, "contains", "startsWith", "endsWith", "matches"}
	subset := &env.LibrarySubset{}
	for _, name := range names {
		subset.IncludeFunctions = append(subset.IncludeFunctions, &env.Function{Name: name})
	}
	return subset
}

// numeric declares the overloads of a binary operator. The static types of numbers are int and double for literals, which become decimals after the
// check, and dyn for everything else: CEL's equality wants both sides of one static type, and a decimal must be comparable with a literal.
func numeric(id string, result *cel.Type) []cel.FunctionOpt {
	i, f := cel.IntType, cel.DoubleType
	return []cel.FunctionOpt{
		cel.Overload(id+"_ii", []*cel.Type{i, i}, result), cel.Overload(id+"_if", []*cel.Type{i, f}, result),
		cel.Overload(id+"_fi", []*cel.Type{f, i}, result), cel.Overload(id+"_ff", []*cel.Type{f, f}, result),
	}
}

func arithmetic(name, id string, op func(a, b fhir.Decimal) ref.Val, more ...cel.FunctionOpt) cel.EnvOption {
	options := append(numeric(id, cel.DynType), more...)
	return cel.Function(name, append(options, cel.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
		x, okX := asDecimal(a)
		y, okY := asDecimal(b)
		switch {
		case okX && okY:
			return op(x, y)
		case (okX || isAbsent(a)) && (okY || isAbsent(b)):
			return missing
		case id == "add":
			return concatenate(a, b)
		}
		return types.NewErr("%s needs two numbers", name)
	}))...)
}

// concatenate joins two strings or two lists.
func concatenate(a, b ref.Val) ref.Val {
	if x, ok := a.(types.String); ok {
		if y, ok := b.(types.String); ok {
			return x + y
		}
	}
	if x, ok := a.(traits.Lister); ok {
		if y, ok := b.(traits.Lister); ok {
			return x.Add(y)
		}
	}
	if isAbsent(a) || isAbsent(b) {
		return missing
	}
	return types.NewErr("+ needs two numbers, two strings or two lists; text() makes a string of a number")
}

func comparison(name, id string, holds func(cmp int) bool) cel.EnvOption {
	options := append(numeric(id, cel.BoolType), cel.Overload(id+"_ss", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType))
	return cel.Function(name, append(options, cel.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
		x, okX := asDecimal(a)
		y, okY := asDecimal(b)
		if okX && okY {
			return types.Bool(holds(x.Cmp(y)))
		}
		s, okS := a.(types.String)
		t, okT := b.(types.String)
		if okS && okT {
			return types.Bool(holds(compareText(string(s), string(t))))
		}
		if isAbsent(a) || isAbsent(b) {
			return types.NewErr("a missing value cannot be compared")
		}
		return types.NewErr("%s needs two numbers or two strings", name)
	}))...)
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func operatorOptions() []cel.EnvOption {
	list := cel.ListType(cel.TypeParamType("A"))
	return []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(keptOperators())),
		// a ? b : null is common here, and CEL would want b to be null too. The interpreter evaluates ?: itself.
		cel.Function(operators.Conditional, cel.Overload("conditional_any", []*cel.Type{cel.BoolType, cel.DynType, cel.DynType}, cel.DynType, cel.OverloadIsNonStrict())),
		arithmetic(operators.Add, "add", func(a, b fhir.Decimal) ref.Val { return bounded(a.Add(b)) },
			cel.Overload("add_ss", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType),
			cel.Overload("add_ll", []*cel.Type{list, list}, list)),
		arithmetic(operators.Subtract, "subtract", func(a, b fhir.Decimal) ref.Val { return bounded(a.Sub(b)) }),
		arithmetic(operators.Multiply, "multiply", func(a, b fhir.Decimal) ref.Val { return bounded(a.Mul(b)) }),
		arithmetic(operators.Divide, "divide", quotient),
		arithmetic(operators.Modulo, "modulo", remainder),
		cel.Function(operators.Negate, cel.Overload("negate_i", []*cel.Type{cel.IntType}, cel.DynType),
			cel.Overload("negate_f", []*cel.Type{cel.DoubleType}, cel.DynType), cel.SingletonUnaryBinding(negate)),
		comparison(operators.Less, "less", func(cmp int) bool { return cmp < 0 }),
		comparison(operators.LessEquals, "less_equals", func(cmp int) bool { return cmp <= 0 }),
		comparison(operators.Greater, "greater", func(cmp int) bool { return cmp > 0 }),
		comparison(operators.GreaterEquals, "greater_equals", func(cmp int) bool { return cmp >= 0 }),
	}
}

// maxDigits bounds what repeated multiplication can build.
const maxDigits = 400

func bounded(d fhir.Decimal) ref.Val {
	if _, digits, exponent := d.Digits(); len(digits) > maxDigits || exponent < -maxDigits || exponent > maxDigits {
		return types.NewErr("the number is too long")
	}
	return newDecimal(d)
}

func quotient(a, b fhir.Decimal) ref.Val {
	d, ok := a.Quo(b)
	if !ok {
		return types.NewErr("division by zero")
	}
	return bounded(d)
}

// remainder is defined for whole numbers: a - b*trunc(a/b).
func remainder(a, b fhir.Decimal) ref.Val {
	x, okX := wholeNumber(a)
	y, okY := wholeNumber(b)
	if !okX || !okY || y == 0 {
		return types.NewErr("%% needs two whole numbers, the second not 0")
	}
	return newDecimal(fhir.NewDecimal(int64(x%y), 0))
}

func negate(v ref.Val) ref.Val {
	if d, ok := asDecimal(v); ok {
		return newDecimal(d.Neg())
	}
	if isAbsent(v) {
		return missing
	}
	return types.NewErr("- needs a number")
}

// wholeNumber converts a decimal without fraction that fits 15 digits.
func wholeNumber(d fhir.Decimal) (int, bool) {
	rounded := d.Round(0)
	negative, digits, _ := rounded.Digits()
	if rounded.Cmp(d) != 0 || len(digits) > 15 {
		return 0, false
	}
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
