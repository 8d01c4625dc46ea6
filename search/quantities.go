package search

import (
	"bytes"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/ucum"
)

// Quantities (R4 search.html#quantity): Quantity and its specialisations, Money, Range, SampledData. Keys hold them as sent, with the unit they were sent with, and those
// in UCUM units in base units as well.

const (
	currencySystem = "urn:iso:std:iso:4217"
	unitsSystem    = "http://unitsofmeasure.org"
)

func (x *extractor) unit(n fhir.Node) [3]extent {
	return [3]extent{x.member(n, "system"), x.member(n, "code"), x.member(n, "unit")}
}

// end is one end of a quantity: a number and what makes it a cut, or with open no bound, which mark says alone.
type end struct {
	number []byte // text
	mark   string
	open   bool
}

// readQuantity takes a comparator as an open end: <5 is what may lie anywhere below 5.
func (x *extractor) readQuantity(n fhir.Node) {
	value := numberText(n.Get("value"))
	none, all := end{mark: lowest, open: true}, end{mark: highest, open: true}
	switch n.Get("comparator").Text() {
	case "":
		x.addPoint(n, value)
	case "<":
		x.addQuantity(n, none, end{number: value, mark: "!"}, true)
	case "<=":
		x.addQuantity(n, none, end{number: value, mark: "+"}, true)
	case ">":
		x.addQuantity(n, end{number: value, mark: "+"}, all, true)
	case ">=":
		x.addQuantity(n, end{number: value, mark: "!"}, all, true)
	}
}

// addPoint adds a quantity as sent, and in base units where its unit is UCUM.
func (x *extractor) addPoint(unit fhir.Node, number []byte) { x.addPointIn(x.unit(unit), number) }

func (x *extractor) addPointIn(unit [3]extent, number []byte) {
	p := piece{form: formNumber, unit: unit}
	var ok bool
	if p.a, ok = x.ordered(number, ""); !ok {
		return
	}
	x.add(p)
	u := x.baseUnit(&p)
	if u == nil {
		return
	}
	in := piece{form: formNumber, base: x.raw(u.Base())}
	if in.a, ok = x.canonical(end{number: number}, u); ok {
		x.add(in)
	}
}

// addQuantity adds an interval as sent, and with convert in base units where its unit is UCUM.
func (x *extractor) addQuantity(unit fhir.Node, from, to end, convert bool) {
	p := piece{form: formLow, tail: true}
	var hasFrom, hasTo bool
	p.a, hasFrom = x.sent(from)
	p.b, hasTo = x.sent(to)
	if !hasFrom || !hasTo {
		return
	}
	p.unit = x.unit(unit)
	x.add(p)
	u := x.baseUnit(&p)
	if u == nil || !convert {
		return
	}
	in := piece{form: formLow, tail: true, base: x.raw(u.Base())}
	in.a, hasFrom = x.canonical(from, u)
	in.b, hasTo = x.canonical(to, u)
	if hasFrom && hasTo {
		x.add(in)
	}
}

// sent puts an end as it was sent into scratch.
func (x *extractor) sent(e end) (extent, bool) {
	if e.open {
		return x.raw(e.mark), true
	}
	return x.ordered(e.number, e.mark)
}

// canonical puts an end in base units into scratch.
func (x *extractor) canonical(e end, u *ucum.Unit) (extent, bool) {
	if e.open {
		return x.raw(e.mark), true
	}
	x.converted = append(append(append(x.converted[:0], u.Code()...), ' '), e.number...)
	text, known := x.canonicals[string(x.converted)]
	if !known {
		d, err := fhir.ParseDecimal(string(e.number))
		if err != nil {
			return extent{}, false
		}
		text = canonicalText(d, u)
		x.keepCanonical(text)
	}
	from := len(x.scratch)
	x.scratch = append(append(x.scratch, text...), e.mark...)
	return extent{from, len(x.scratch)}, true
}

// keptCanonicals is how many converted values an extractor remembers. Devices say the same few over and over, and each stands in several indexes.
const keptCanonicals = 2048

// keepCanonical remembers what x.converted is in base units.
func (x *extractor) keepCanonical(text string) {
	if len(x.canonicals) >= keptCanonicals {
		clear(x.canonicals)
	}
	if x.canonicals == nil {
		x.canonicals = map[string]string{}
	}
	x.canonicals[string(x.converted)] = text
}

// canonicalText is a value in base units as it stands in keys. Digits beyond [canonicalDigits] are rounded off, in what is stored and in what is asked alike.
func canonicalText(d fhir.Decimal, u *ucum.Unit) string {
	d = u.Canonical(d)
	if _, digits, _ := d.Digits(); len(digits) > canonicalDigits {
		d = d.Round(d.Scale() - (len(digits) - canonicalDigits))
	}
	return decimalText(d)
}

// canonicalDigits are the significant digits of values in base units: a sixtieth has no end.
const canonicalDigits = 24

// baseUnit is the unit of a quantity when it is UCUM.
func (x *extractor) baseUnit(p *piece) *ucum.Unit {
	if string(x.at(p.unit[0])) != unitsSystem || p.unit[1].empty() {
		return nil
	}
	u, err := x.registry.units.Unit(string(x.at(p.unit[1])))
	if err != nil {
		return nil // a code that is none: the quantity is found as sent
	}
	return u
}

// sameUnit reports whether the two ends of a range are in one unit.
func (x *extractor) sameUnit(low, high fhir.Node) bool {
	a, b := x.unit(low), x.unit(high)
	return bytes.Equal(x.at(a[0]), x.at(b[0])) && bytes.Equal(x.at(a[1]), x.at(b[1]))
}

func (x *extractor) readMoney(n fhir.Node) {
	a, ok := x.number(n.Get("value"), "")
	if !ok {
		return
	}
	p := piece{form: formNumber, a: a}
	if currency := x.member(n, "currency"); !currency.empty() {
		p.unit = [3]extent{x.raw(currencySystem), currency}
	}
	x.add(p)
}

// quantityKeys gives the conditions on keys of an index for number, number|system|code or number||code, relative to its prefix. With a code of UCUM the values of all
// units of the same dimension are compared; the interval is what is converted, not the number (R4 search.html#quantity). Label is the number of the component in a composite.
func (r *Registry) quantityKeys(s segment, label string) ([]Keys, error) {
	parts := s.split('|')
	if len(parts) == 2 || len(parts) > 3 {
		return nil, parts[1].failf("a quantity is number, number|system|code or number||code")
	}
	n, err := readAsked(parts[0])
	if err != nil {
		return nil, err
	}
	as := n.span()
	keys := append(as.points(string(formNumber)), as.over()...)
	if len(parts) == 1 {
		return keys, nil
	}
	system, code := keyText(parts[1].text()), keyText(parts[2].text())
	if system == unitsSystem {
		if u, err := r.units.Unit(code); err == nil && code != "" {
			return n.inBaseUnits(u), nil
		}
	}
	var filter string
	switch {
	case system != "" && code != "":
		filter = unitField(label, 'S', system) + unitField(label, 'u', code)
	case system != "":
		filter = unitField(label, 'S', system)
	case code != "":
		filter = unitField(label, 'u', code)
	default:
		return keys, nil
	}
	filter = strings.ReplaceAll(filter, Separator+Separator, Separator)
	for i := range keys {
		keys[i].Contains = []string{filter}
	}
	return keys, nil
}

// inBaseUnits gives the conditions on keys in base units.
func (n asked) inBaseUnits(u *ucum.Unit) []Keys {
	low, high := canonicalText(n.low, u), canonicalText(n.high, u)
	as := span{n.comparator, below(low), justAbove(high)}
	if n.comparator == equal || n.comparator == notEqual {
		as.b = below(high)
	}
	base := u.Base() + " "
	return append(as.points(string(formBase)+base), as.overAs(string(formBaseLow)+base, string(formBaseHigh)+base)...)
}

// unitField is a whole field with the separators around it; code and unit text have the same letter.
func unitField(label string, letter byte, value string) string {
	return Separator + label + string(letter) + value + Separator
}
