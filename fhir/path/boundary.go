package path

import (
	"time"

	"github.com/firth-health/firth/fhir"
)

// boundaryFunctions are those of FHIRPath 2.1 and later about how precise a value is.
func boundaryFunctions() []function {
	return []function{
		{name: "lowBoundary", max: 1, run: boundary(-1), follows: theInput},
		{name: "highBoundary", max: 1, run: boundary(1), follows: theInput},
		{name: "precision", run: precisionOf, result: Integer},
		{name: "comparable", min: 1, max: 1, run: comparableUnits, result: Boolean},
	}
}

// The precisions that boundary functions count in: digits behind the point, or digits of a date or time.
const (
	decimalPrecision  = 8
	maxPrecision      = 31
	datePrecision     = 8
	dateTimePrecision = 17
	timePrecision     = 9
)

// boundary is the least (-1) or greatest (1) value that the input may stand for, to the precision asked for.
func boundary(direction int) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		v, ok, err := m.one(in.at, mark)
		if err != nil || !ok {
			return err
		}
		digits, given := int64(0), false
		if len(in.args) == 1 {
			if digits, given, err = m.number(in, 0); err != nil {
				return err
			}
		}
		v = v.asSystem()
		if !given {
			digits = defaultPrecision(v.kind)
		}
		if digits < 0 || digits > maxPrecision {
			m.truncate(mark)
			return nil
		}
		switch v.kind {
		case Integer, Decimal:
			return m.yield(mark, newDecimal(decimalBoundary(v.number(), direction, int(digits))))
		case QuantityKind:
			q := *v.quantity()
			q.Value = decimalBoundary(q.Value, direction, int(digits))
			return m.yield(mark, newQuantity(q))
		case Date, DateTime, Time:
			t, ok := temporalBoundary(*v.temporal(), direction, int(digits))
			return m.yieldIf(mark, newTemporal(t), ok)
		}
		return m.fail(in.at, "%s() needs a number, Quantity, date or time, found %s", in.name, v.describe())
	}
}

func defaultPrecision(kind Kind) int64 {
	switch kind {
	case Date:
		return datePrecision
	case DateTime:
		return dateTimePrecision
	case Time:
		return timePrecision
	}
	return decimalPrecision
}

// decimalBoundary adds or takes away half a unit of the last digit. With fewer digits than that needs, the official tests round away from
// zero where the boundary lies farther from it, and cut where it lies nearer.
func decimalBoundary(d fhir.Decimal, direction, digits int) fhir.Decimal {
	half := fhir.NewDecimal(5, int32(-max(d.Scale(), 0)-1))
	sign := d.Sign()
	if sign == 0 {
		sign = direction
	}
	r := d.Add(half)
	if direction < 0 {
		r = d.Sub(half)
	}
	if sign == direction || r.Scale() <= digits {
		return withoutNegativeZero(r.Round(digits))
	}
	return withoutNegativeZero(truncate(r.Scale10(digits)).Scale10(-digits))
}

func withoutNegativeZero(d fhir.Decimal) fhir.Decimal {
	if d.Sign() == 0 {
		return fhir.NewDecimal(0, int32(-d.Scale()))
	}
	return d
}

// temporalBoundary fills what was not written with the smallest or largest there is, and cuts to the precision. A zone that was not written is
// the easternmost or westernmost. The minutes of a DateTime of an hour stay 00, as the official tests want it.
func temporalBoundary(t temporal, direction, digits int) (temporal, bool) {
	asked, ok := precisionOfDigits(t.kind, digits)
	if !ok {
		return t, false
	}
	if direction > 0 {
		end := t
		if t.kind == DateTime && t.precision == toHour {
			end.precision = toMinute
		}
		switch end.precision {
		case toYear:
			end.wall = end.wall.AddDate(1, 0, 0).Add(-time.Millisecond)
		case toMonth:
			end.wall = end.wall.AddDate(0, 1, 0).Add(-time.Millisecond)
		case toDay:
			end.wall = end.wall.AddDate(0, 0, 1).Add(-time.Millisecond)
		case toHour:
			end.wall = end.wall.Add(time.Hour - time.Millisecond)
		case toMinute:
			end.wall = end.wall.Add(time.Minute - time.Millisecond)
		case toSecond:
			end.wall = end.wall.Add(time.Second - time.Millisecond)
		}
		t.wall = end.wall
	}
	if t.kind == DateTime && !t.hasZone && asked > toDay {
		t.hasZone, t.offset = true, eastmost
		if direction > 0 {
			t.offset = -westmost
		}
	}
	t.precision = asked
	if t.digits = 0; asked == toFraction {
		t.digits = 3
	}
	if asked <= toDay {
		t.hasZone, t.offset = false, 0
	}
	return t, true
}

// precisionOfDigits is the precision that has that many digits: 8 for a day, 17 for a millisecond, 9 for that of a Time.
func precisionOfDigits(kind Kind, digits int) (precision, bool) {
	if kind == Time {
		digits += datePrecision
	}
	var p precision
	switch digits {
	case 4:
		p = toYear
	case 6:
		p = toMonth
	case 8:
		p = toDay
	case 10:
		p = toHour
	case 12:
		p = toMinute
	case 14:
		p = toSecond
	case 17:
		p = toFraction
	}
	return p, p != 0 && (kind != Date || p <= toDay) && (kind != Time || p > toDay)
}

func precisionOf(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil || !ok {
		return err
	}
	v = v.asSystem()
	digits := 0
	switch v.kind {
	case Integer, Decimal:
		digits = max(0, v.number().Scale())
	case Date, DateTime, Time:
		t := v.temporal()
		digits = [...]int{4, 6, 8, 10, 12, 14, 14 + t.digits}[t.precision-1]
		if v.kind == Time {
			digits -= datePrecision
		}
	case None:
		m.truncate(mark)
		return nil
	default:
		return m.fail(in.at, "precision() needs a number, date or time, found %s", v.describe())
	}
	return m.yield(mark, newInteger(int64(digits)))
}

// comparableUnits tells whether two quantities have units of one dimension; empty where a unit is not known.
func comparableUnits(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil {
		return err
	}
	other, given, err := m.argument(in.at, in.args[0].code)
	if err != nil || !ok || !given {
		m.truncate(mark)
		return err
	}
	v = v.asSystem()
	if v.kind != QuantityKind || other.kind != QuantityKind {
		return m.fail(in.at, "comparable() needs two Quantities")
	}
	a, b := v.quantity(), other.quantity()
	if _, _, _, same := m.commensurable(a, b); same {
		return m.yield(mark, newBoolean(true))
	}
	if m.env.Units == nil {
		m.truncate(mark)
		return nil
	}
	return m.yield(mark, newBoolean(false))
}
