package path

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// maxDigits bounds the digits of a computed decimal; beyond is overflow, whose result is empty (FHIRPath N1, Math).
const maxDigits = 400

// arithmetic is + - * / div or mod.
func arithmetic(operator string) operation {
	return func(m *machine, where at, mark, middle int) error {
		a, b, ok, err := m.operands(where, mark, middle)
		if err != nil {
			return err
		}
		if !ok {
			m.truncate(mark)
			return nil
		}
		var v Value
		switch {
		case a.kind == String && b.kind == String && operator == "+":
			v, ok = newString(a.system.(string)+b.system.(string)), true
			if err := m.spendText(where, len(v.system.(string))); err != nil {
				return err
			}
		case a.kind == Integer && b.kind == Integer && operator != "/":
			v, ok = integerArithmetic(operator, a.system.(int64), b.system.(int64))
		case a.isNumber() && b.isNumber():
			v, ok = decimalArithmetic(operator, a.number(), b.number())
		case a.isTemporal() && b.kind == QuantityKind && (operator == "+" || operator == "-"):
			v, ok, err = m.temporalArithmetic(where, operator, a.temporal(), b.quantity())
		case (a.kind == QuantityKind || b.kind == QuantityKind) && (a.kind == QuantityKind || a.isNumber()) && (b.kind == QuantityKind || b.isNumber()) &&
			operator != "div" && operator != "mod":
			v, ok = m.quantityArithmetic(operator, a.toQuantity(), b.toQuantity())
		default:
			return m.fail(where, "cannot compute %s %s %s", a.describe(), operator, b.describe())
		}
		if err != nil {
			return err
		}
		return m.yieldIf(mark, v, ok)
	}
}

func integerArithmetic(operator string, a, b int64) (Value, bool) {
	r, ok := int64(0), true
	switch operator {
	case "+":
		r = a + b
		ok = (r > a) == (b > 0)
	case "-":
		r = a - b
		ok = (r < a) == (b > 0)
	case "*":
		r, ok = multiply(a, b)
	case "div", "mod":
		if b == 0 || a == math.MinInt64 && b == -1 {
			return Value{}, false
		}
		if r = a / b; operator == "mod" {
			r = a % b
		}
	}
	return newInteger(r), ok
}

// multiply is false on overflow.
func multiply(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	return a * b, high == 0 && low <= math.MaxInt64
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

func decimalArithmetic(operator string, a, b fhir.Decimal) (Value, bool) {
	r, ok := a, true
	switch operator {
	case "+":
		r = a.Add(b)
	case "-":
		r = a.Sub(b)
	case "*":
		r = a.Mul(b)
	case "/":
		r, ok = a.Quo(b)
	case "div":
		if r, ok = quotient(a, b); ok {
			return wholeNumber(r)
		}
	case "mod":
		if r, ok = quotient(a, b); ok {
			r = a.Sub(b.Mul(r))
		}
	}
	return newDecimal(r), ok && bounded(r)
}

// quotient is the whole part of a / b.
func quotient(a, b fhir.Decimal) (fhir.Decimal, bool) {
	r, ok := a.Quo(b)
	if !ok || !bounded(r) {
		return r, false
	}
	r = truncate(r)
	// Quo rounds, so 0.99… may have become 1: step back towards zero.
	if rest := a.Sub(b.Mul(r)); rest.Sign() != 0 && rest.Sign() != a.Sign() {
		r = r.Sub(fhir.NewDecimal(int64(r.Sign()), 0))
	}
	return r, true
}

// wholeNumber is an Integer where the number fits one.
func wholeNumber(d fhir.Decimal) (Value, bool) {
	if i, err := strconv.ParseInt(d.String(), 10, 64); err == nil {
		return newInteger(i), true
	}
	return newDecimal(d), bounded(d)
}

// bounded reports whether a number is of a size to go on with.
func bounded(d fhir.Decimal) bool {
	if scale := d.Scale(); scale > maxDigits || scale < -maxDigits {
		return false
	}
	_, digits, _ := d.Digits()
	return len(digits) <= maxDigits
}

// negate avoids a zero with a sign.
func negate(v Value) Value {
	switch v.kind {
	case Integer:
		if i := v.system.(int64); i != math.MinInt64 {
			return newInteger(-i)
		}
		return newDecimal(negateDecimal(v.number()))
	case Decimal:
		return newDecimal(negateDecimal(*v.decimal()))
	}
	q := *v.quantity()
	q.Value = negateDecimal(q.Value)
	return newQuantity(q)
}

func negateDecimal(d fhir.Decimal) fhir.Decimal {
	if d.Sign() == 0 {
		return d
	}
	return d.Neg()
}

func (m *machine) temporalArithmetic(where at, operator string, t *temporal, q *Quantity) (Value, bool, error) {
	sign := int64(1)
	if operator == "-" {
		sign = -1
	}
	sum, ok, problem := addDuration(*t, q, sign)
	if problem != "" {
		return Value{}, false, m.fail(where, "%s", problem)
	}
	return newTemporal(sum), ok, nil
}

func (m *machine) quantityArithmetic(operator string, a, b *Quantity) (Value, bool) {
	switch operator {
	case "+", "-":
		x, y, unit, ok := m.commensurable(a, b)
		if !ok {
			return Value{}, false
		}
		if unit.Value = x.Add(y); operator == "-" {
			unit.Value = x.Sub(y)
		}
		return newQuantity(unit), bounded(unit.Value)
	case "*":
		r := Quantity{Value: a.Value.Mul(b.Value), Unit: productUnit(unitCode(a), unitCode(b))}
		keepCalendar(&r, a, b)
		return newQuantity(r), bounded(r.Value) && len(r.Unit) <= maxDigits
	}
	value, ok := a.Value.Quo(b.Value)
	r := Quantity{Value: value, Unit: quotientUnit(unitCode(a), unitCode(b))}
	if b.Unit == "1" {
		keepCalendar(&r, a, b)
	}
	return newQuantity(r), ok && bounded(value) && len(r.Unit) <= maxDigits
}

// keepCalendar leaves the word of a calendar duration that is multiplied or divided by a plain number.
func keepCalendar(r, a, b *Quantity) {
	if a.Calendar && b.Unit == "1" {
		r.Unit, r.Calendar = a.Unit, true
	} else if b.Calendar && a.Unit == "1" {
		r.Unit, r.Calendar = b.Unit, true
	}
}

func productUnit(a, b string) string {
	switch {
	case a == "1":
		return b
	case b == "1":
		return a
	}
	return grouped(a) + "." + grouped(b)
}

func quotientUnit(a, b string) string {
	switch {
	case a == b:
		return "1"
	case b == "1":
		return a
	}
	return grouped(a) + "/" + grouped(b)
}

// grouped puts a compound unit in parentheses.
func grouped(unit string) string {
	if strings.ContainsAny(unit, "./") {
		return "(" + unit + ")"
	}
	return unit
}
