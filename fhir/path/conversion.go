package path

import (
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// conversion turns one system value into another; ok is false when it does not convert.
type conversion func(v Value) (result Value, ok bool)

func conversionFunctions() []function {
	table := []function{{name: "iif", min: 2, max: 3, run: iif}}
	for _, row := range [...]struct {
		name    string
		kind    Kind
		convert conversion
	}{
		{"Boolean", Boolean, toBoolean},
		{"Integer", Integer, toInteger},
		{"Decimal", Decimal, toDecimal},
		{"String", String, toString},
		{"Date", Date, toDate},
		{"DateTime", DateTime, toDateTime},
		{"Time", Time, toTime},
	} {
		table = append(table,
			function{name: "to" + row.name, run: convert(row.convert), result: row.kind},
			function{name: "convertsTo" + row.name, run: converts(row.convert), result: Boolean})
	}
	return append(table,
		function{name: "toQuantity", max: 1, run: convertQuantity, result: QuantityKind},
		function{name: "convertsToQuantity", max: 1, run: convertsToQuantity, result: Boolean})
}

// iif evaluates only the branch it takes. A target, which may be one item, is the focus of all arguments.
func iif(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil {
		return err
	}
	m.truncate(mark)
	outer := m.scope()
	if m.index = 0; ok {
		m.this = v
	}
	t, err := m.test(in.at, in.args[0].code)
	if err != nil {
		return err
	}
	switch {
	case t == yes:
		err = in.args[1].code(m)
	case len(in.args) == 3:
		err = in.args[2].code(m)
	}
	m.leave(outer)
	return err
}

func convert(to conversion) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		v, ok, err := m.one(in.at, mark)
		if err != nil || !ok {
			return err
		}
		result, ok := to(v.asSystem())
		return m.yieldIf(mark, result, ok)
	}
}

func converts(to conversion) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		v, ok, err := m.one(in.at, mark)
		if err != nil || !ok {
			return err
		}
		_, ok = to(v.asSystem())
		return m.yield(mark, newBoolean(ok))
	}
}

func toBoolean(v Value) (Value, bool) {
	switch v.kind {
	case Boolean:
		return v, true
	case Integer, Decimal:
		d := v.number()
		isOne := d.Cmp(fhir.NewDecimal(1, 0)) == 0
		return newBoolean(isOne), isOne || d.Sign() == 0
	case String:
		switch strings.ToLower(v.system.(string)) {
		case "true", "t", "yes", "y", "1", "1.0":
			return newBoolean(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return newBoolean(false), true
		}
	}
	return Value{}, false
}

func toInteger(v Value) (Value, bool) {
	switch v.kind {
	case Integer:
		return v, true
	case Boolean:
		return newInteger(oneIf(v)), true
	case String:
		text := v.system.(string)
		if isNumberText(text, false) {
			i, err := strconv.ParseInt(text, 10, 32)
			return newInteger(i), err == nil
		}
	}
	return Value{}, false
}

func oneIf(v Value) int64 {
	if v.system.(bool) {
		return 1
	}
	return 0
}

func toDecimal(v Value) (Value, bool) {
	switch v.kind {
	case Decimal:
		return v, true
	case Integer:
		return newDecimal(v.number()), true
	case Boolean:
		return newDecimal(fhir.NewDecimal(oneIf(v)*10, -1)), true
	case String:
		d, ok := decimalOf(v.system.(string))
		return newDecimal(d), ok
	}
	return Value{}, false
}

// decimalOf reads [+-]digits[.digits].
func decimalOf(text string) (fhir.Decimal, bool) {
	if !isNumberText(text, true) {
		return fhir.Decimal{}, false
	}
	d, err := fhir.ParseDecimal(strings.TrimPrefix(text, "+"))
	return d, err == nil
}

// isNumberText checks for [+-]digits, and with a fraction for [.digits] behind it.
func isNumberText(text string, fraction bool) bool {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	whole, rest, hasPoint := strings.Cut(text, ".")
	return allDigits(whole) && (!hasPoint || fraction && allDigits(rest))
}

func allDigits(text string) bool {
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return text != ""
}

func toString(v Value) (Value, bool) {
	if v.kind == Element || v.kind == None || v.kind == TypeInfo {
		return Value{}, false
	}
	return newString(v.Text()), true
}

func toDate(v Value) (Value, bool) {
	switch v.kind {
	case Date:
		return v, true
	case DateTime:
		t := v.temporal()
		return newTemporal(temporal{kind: Date, precision: min(t.precision, toDay), wall: t.wall.Truncate(24 * time.Hour)}), true
	case String:
		t, ok := parseTemporal(Date, v.system.(string))
		return newTemporal(t), ok
	}
	return Value{}, false
}

func toDateTime(v Value) (Value, bool) {
	switch v.kind {
	case DateTime:
		return v, true
	case Date:
		t := *v.temporal()
		t.kind = DateTime
		return newTemporal(t), true
	case String:
		t, ok := parseTemporal(DateTime, v.system.(string))
		return newTemporal(t), ok
	}
	return Value{}, false
}

func toTime(v Value) (Value, bool) {
	switch v.kind {
	case Time:
		return v, true
	case String:
		t, ok := parseTemporal(Time, v.system.(string))
		return newTemporal(t), ok
	}
	return Value{}, false
}

func toQuantity(v Value) (Value, bool) {
	switch v.kind {
	case QuantityKind:
		return v, true
	case Integer, Decimal:
		return newQuantity(Quantity{Value: v.number(), Unit: "1"}), true
	case Boolean:
		return newQuantity(Quantity{Value: fhir.NewDecimal(oneIf(v)*10, -1), Unit: "1"}), true
	case String:
		q, ok := quantityText(v.system.(string))
		return newQuantity(q), ok
	}
	return Value{}, false
}

// quantityText reads what a quantity literal may be: 1, 1.5 'mg', 4 days.
func quantityText(text string) (Quantity, bool) {
	end := strings.IndexAny(text, " \t\r\n'")
	if end < 0 {
		end = len(text)
	}
	value, ok := decimalOf(text[:end])
	if !ok {
		return Quantity{}, false
	}
	q := Quantity{Value: value, Unit: "1"}
	unit := strings.TrimLeft(text[end:], " \t\r\n")
	switch {
	case unit == "":
		return q, end == len(text)
	case unit[0] == '\'':
		q.Unit = strings.TrimSuffix(unit[1:], "'")
		return q, len(unit) == len(q.Unit)+2 && q.Unit != "" && !strings.Contains(q.Unit, "'")
	}
	q.Unit, q.Calendar = calendarUnit(unit), true
	return q, q.Unit != ""
}

// quantityIn converts to the unit of the argument, where there is one.
func (m *machine) quantityIn(in *invocation, v Value) (Value, bool, error) {
	result, ok := toQuantity(v.asSystem())
	if !ok || len(in.args) == 0 {
		return result, ok, nil
	}
	unit, given, err := m.argument(in.at, in.args[0].code)
	if err != nil || !given {
		return result, ok, err
	}
	if unit.kind != String {
		return Value{}, false, m.fail(in.at, "%s() needs a String as unit, found %s", in.name, unit.describe())
	}
	q, target := result.quantity(), Quantity{Value: fhir.NewDecimal(1, 0), Unit: unit.system.(string)}
	if word := calendarUnit(target.Unit); word != "" {
		target.Unit, target.Calendar = word, true
	}
	if q.Unit == target.Unit && q.Calendar == target.Calendar {
		return result, true, nil
	}
	x, one, _, ok := m.commensurable(q, &target)
	if !ok {
		return Value{}, false, nil
	}
	target.Value, ok = x.Quo(one)
	return newQuantity(target), ok, nil
}

func convertQuantity(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil || !ok {
		return err
	}
	result, ok, err := m.quantityIn(in, v)
	if err != nil {
		return err
	}
	return m.yieldIf(mark, result, ok)
}

func convertsToQuantity(m *machine, in *invocation, mark int) error {
	v, ok, err := m.one(in.at, mark)
	if err != nil || !ok {
		return err
	}
	_, ok, err = m.quantityIn(in, v)
	if err != nil {
		return err
	}
	return m.yield(mark, newBoolean(ok))
}
