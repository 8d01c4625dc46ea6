package path

import (
	"math"
	"strconv"

	"github.com/firth-health/firth/fhir"
)

func mathFunctions() []function {
	return []function{
		{name: "abs", run: abs, follows: theInput, input: numberInput},
		{name: "ceiling", run: whole(1), result: Integer, input: numberInput},
		{name: "floor", run: whole(-1), result: Integer, input: numberInput},
		{name: "truncate", run: whole(0), result: Integer, input: numberInput},
		{name: "round", max: 1, run: round, result: Decimal, input: numberInput},
		{name: "exp", run: onFloat(math.Exp), result: Decimal, input: numberInput},
		{name: "ln", run: onFloat(math.Log), result: Decimal, input: numberInput},
		{name: "sqrt", run: onFloat(math.Sqrt), result: Decimal, input: numberInput},
		{name: "log", min: 1, max: 1, run: logarithm, result: Decimal, input: numberInput},
		{name: "power", min: 1, max: 1, run: power, input: numberInput},
	}
}

// numeric is the input of a mathematical function: one number, or nothing.
func (m *machine) numeric(in *invocation, mark int) (v Value, ok bool, err error) {
	v, ok, err = m.one(in.at, mark)
	if err != nil || !ok {
		return v, false, err
	}
	return m.numericOf(in, v.asSystem())
}

func (m *machine) numericOf(in *invocation, v Value) (Value, bool, error) {
	if v.kind != None && !v.isNumber() {
		return v, false, m.fail(in.at, "%s() needs a number, found %s", in.name, v.describe())
	}
	return v, v.kind != None, nil
}

func abs(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil || !ok {
		return err
	}
	if v = v.asSystem(); v.kind == QuantityKind {
		if v.quantity().Value.Sign() < 0 {
			v = negate(v)
		}
		return m.yield(mark, v)
	}
	if v, ok, err = m.numericOf(in, v); err != nil {
		return err
	}
	if ok && v.number().Sign() < 0 {
		v = negate(v)
	}
	return m.yieldIf(mark, v, ok)
}

// whole rounds up (1), down (-1) or towards zero (0).
func whole(direction int) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		v, ok, err := m.numeric(in, mark)
		if err != nil {
			return err
		}
		if !ok || v.kind == Integer {
			return m.yieldIf(mark, v, ok)
		}
		d := *v.decimal()
		r := truncate(d)
		if direction != 0 && d.Cmp(r) == direction {
			r = r.Add(fhir.NewDecimal(int64(direction), 0))
		}
		v, ok = wholeNumber(r)
		return m.yieldIf(mark, v, ok)
	}
}

func round(m *machine, in *invocation, mark int) error {
	v, ok, err := m.numeric(in, mark)
	if err != nil {
		return err
	}
	digits := int64(0)
	if len(in.args) == 1 {
		if digits, _, err = m.number(in, 0); err != nil {
			return err
		}
		if digits < 0 {
			return m.fail(in.at, "round() needs a precision of 0 or more")
		}
	}
	if !ok {
		m.truncate(mark)
		return nil
	}
	d := v.number()
	if int64(d.Scale()) > digits {
		d = d.Round(int(digits))
	}
	return m.yield(mark, newDecimal(d))
}

// onFloat makes a function of one on binary floating point: exp, ln and sqrt have no exact decimals, so the result carries 15 to 17 digits.
func onFloat(f func(float64) float64) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		v, ok, err := m.numeric(in, mark)
		if err != nil {
			return err
		}
		if ok {
			v, ok = ofFloat(f(toFloat(v)))
		}
		return m.yieldIf(mark, v, ok)
	}
}

func toFloat(v Value) float64 {
	f, err := strconv.ParseFloat(v.number().String(), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// ofFloat is false for what is no number, or too large for one.
func ofFloat(f float64) (Value, bool) {
	d, err := fhir.ParseDecimal(strconv.FormatFloat(f, 'f', -1, 64))
	return newDecimal(d), err == nil
}

func logarithm(m *machine, in *invocation, mark int) error {
	v, ok, err := m.numeric(in, mark)
	if err != nil {
		return err
	}
	base, given, err := m.argument(in.at, in.args[0].code)
	if err != nil {
		return err
	}
	if base, _, err = m.numericOf(in, base); err != nil || !ok || !given {
		m.truncate(mark)
		return err
	}
	v, ok = ofFloat(math.Log(toFloat(v)) / math.Log(toFloat(base)))
	return m.yieldIf(mark, v, ok)
}

// power is exact for whole exponents and uses floating point for others.
func power(m *machine, in *invocation, mark int) error {
	v, ok, err := m.numeric(in, mark)
	if err != nil {
		return err
	}
	exponent, given, err := m.argument(in.at, in.args[0].code)
	if err != nil {
		return err
	}
	if exponent, _, err = m.numericOf(in, exponent); err != nil || !ok || !given {
		m.truncate(mark)
		return err
	}
	n, err := strconv.ParseInt(exponent.number().String(), 10, 64)
	if err != nil {
		v, ok = ofFloat(math.Pow(toFloat(v), toFloat(exponent)))
		return m.yieldIf(mark, v, ok)
	}
	d, ok := wholePower(v.number(), n)
	if ok && v.kind == Integer && n >= 0 {
		v, ok = wholeNumber(d)
		return m.yieldIf(mark, v, ok)
	}
	return m.yieldIf(mark, newDecimal(d), ok)
}

// wholePower squares and multiplies; ok is false on overflow.
func wholePower(base fhir.Decimal, n int64) (fhir.Decimal, bool) {
	result := fhir.NewDecimal(1, 0)
	for e := magnitude(n); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = result.Mul(base)
		}
		if e > 1 {
			base = base.Mul(base)
		}
		if !bounded(result) || !bounded(base) {
			return result, false
		}
	}
	if n < 0 {
		return fhir.NewDecimal(1, 0).Quo(result)
	}
	return result, true
}
