package path

import (
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// comparison is <, <=, > or >=.
func comparison(operator string) operation {
	holds := func(order int) bool { return order < 0 }
	switch operator {
	case "<=":
		holds = func(order int) bool { return order <= 0 }
	case ">":
		holds = func(order int) bool { return order > 0 }
	case ">=":
		holds = func(order int) bool { return order >= 0 }
	}
	return func(m *machine, where at, mark, middle int) error {
		a, b, ok, err := m.operands(where, mark, middle)
		if err != nil {
			return err
		}
		if !ok {
			m.truncate(mark)
			return nil
		}
		order, known, problem := m.compare(&a, &b)
		if problem != "" {
			return m.fail(where, "%s", problem)
		}
		return m.yieldIf(mark, newBoolean(holds(order)), known)
	}
}

// compare orders two system values. known is false where precision or units leave the order open; problem says why values of these
// types have none.
func (m *machine) compare(a, b *Value) (order int, known bool, problem string) {
	switch {
	case a.kind == String && b.kind == String:
		return strings.Compare(a.system.(string), b.system.(string)), true, ""
	case a.isNumber() && b.isNumber():
		return a.number().Cmp(b.number()), true, ""
	case a.isTemporal() && b.isTemporal() && (a.kind == Time) == (b.kind == Time):
		order, known = compareTemporal(a.temporal(), b.temporal())
		return order, known, ""
	case a.kind == QuantityKind && (b.kind == QuantityKind || b.isNumber()), b.kind == QuantityKind && a.isNumber():
		order, known = m.compareQuantities(a.toQuantity(), b.toQuantity())
		return order, known, ""
	}
	return 0, false, fmt.Sprintf("cannot compare %s with %s", a.describe(), b.describe())
}

// toQuantity is the implicit conversion of a number.
func (v *Value) toQuantity() *Quantity {
	if v.kind == QuantityKind {
		return v.quantity()
	}
	return &Quantity{Value: v.number(), Unit: "1"}
}

// commensurable expresses two quantities in one unit.
func (m *machine) commensurable(a, b *Quantity) (x, y fhir.Decimal, unit Quantity, ok bool) {
	if a.Unit == b.Unit && a.Calendar == b.Calendar {
		return a.Value, b.Value, *a, true
	}
	wordA, definiteA := durationUnit(a)
	wordB, definiteB := durationUnit(b)
	switch {
	case definiteA && definiteB:
		finer, word := min(milliseconds(wordA), milliseconds(wordB)), wordA
		if milliseconds(wordB) == finer {
			word = wordB
		}
		unit = Quantity{Unit: word, Calendar: true}
		return scaled(a.Value, milliseconds(wordA)/finer), scaled(b.Value, milliseconds(wordB)/finer), unit, true
	case wordA != "" && wordB != "" && !definiteA && !definiteB && a.Calendar == b.Calendar:
		return monthsOf(a.Value, wordA), monthsOf(b.Value, wordB), Quantity{Unit: "month", Calendar: a.Calendar}, true
	case a.Calendar && !definiteA || b.Calendar && !definiteB || m.env.Units == nil:
		return x, y, unit, false // a calendar year has no length in days
	}
	x, baseA, okA := m.env.Units.Canonical(a.Value, unitCode(a))
	y, baseB, okB := m.env.Units.Canonical(b.Value, unitCode(b))
	return x, y, Quantity{Unit: baseA}, okA && okB && baseA == baseB
}

func scaled(d fhir.Decimal, factor int64) fhir.Decimal { return d.Mul(fhir.NewDecimal(factor, 0)) }

func monthsOf(d fhir.Decimal, word string) fhir.Decimal {
	if word == "year" {
		return scaled(d, 12)
	}
	return d
}

// unitCode is the UCUM code of a quantity's unit.
func unitCode(q *Quantity) string {
	if !q.Calendar {
		return q.Unit
	}
	for _, code := range [...]string{"a", "mo", "wk", "d", "h", "min", "s", "ms"} {
		if calendarOfUCUM(code) == q.Unit {
			return code
		}
	}
	return q.Unit
}

func (m *machine) compareQuantities(a, b *Quantity) (order int, known bool) {
	x, y, _, ok := m.commensurable(a, b)
	if !ok {
		return 0, false
	}
	return x.Cmp(y), true
}

// equivalentQuantities compares to the lesser precision; a calendar year is equivalent to 1 'a', a month to 1 'mo'.
func (m *machine) equivalentQuantities(a, b *Quantity) bool {
	p, q := *a, *b
	for _, side := range [...]*Quantity{&p, &q} {
		if word := calendarOfUCUM(side.Unit); word != "" && !side.Calendar {
			side.Unit, side.Calendar = word, true
		}
	}
	x, y, _, ok := m.commensurable(&p, &q)
	if !ok {
		return false
	}
	scale := max(0, min(x.Scale(), y.Scale()))
	return x.Round(scale).Cmp(y.Round(scale)) == 0
}
