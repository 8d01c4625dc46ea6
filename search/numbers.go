package search

import (
	"bytes"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Numbers (R4 search.html#number): decimal, integer, Range. Stored numbers are points, whatever precision they were written with.

const (
	lowest  = "!" // the cut below all numbers
	highest = "~" // the cut above all numbers
)

func (x *extractor) readNumber(n fhir.Node) {
	if a, ok := x.number(n, ""); ok {
		x.add(piece{form: formNumber, a: a})
	}
}

// number puts the ordered decimal of a number into scratch, with what makes it a cut behind it.
func (x *extractor) number(n fhir.Node, suffix string) (extent, bool) {
	if n.Kind() != fhir.Number {
		return extent{}, false
	}
	from := len(x.scratch)
	var ok bool
	if x.scratch, ok = appendNumber(x.scratch, n.Raw()); !ok {
		return extent{}, false
	}
	x.scratch = append(x.scratch, suffix...)
	return extent{from, len(x.scratch)}, true
}

// readRange takes both ends as inclusive and a missing one as open.
func (x *extractor) readRange(n fhir.Node) {
	low, high := n.Get("low"), n.Get("high")
	p := piece{form: formLow, tail: true}
	a, hasLow := x.number(low.Get("value"), "!")
	b, hasHigh := x.number(high.Get("value"), "+")
	if low.Ok() != hasLow || high.Ok() != hasHigh || !hasLow && !hasHigh || hasLow && hasHigh && bytes.Compare(x.at(a), x.at(b)) > 0 {
		return
	}
	if !hasLow {
		a = x.raw(lowest)
		low = high
	}
	if !hasHigh {
		b = x.raw(highest)
	}
	p.a, p.b = a, b
	if x.kind() == quantity {
		p.unit = x.unit(low)
	}
	x.add(p)
}

// numberSpan reads a number of a query. Without a prefix, and with eq and ne, it stands for all numbers that round to it; with the others for itself;
// ap widens it by a tenth (R4 search.html#number, #prefix).
func numberSpan(s segment) (span, error) {
	c, value := cutComparator(s.text())
	d, err := fhir.ParseDecimal(value)
	if err != nil {
		return span{}, s.failf("not a number; write digits with . and e if needed, after one of the prefixes %s if any", strings.Join(comparators, " "))
	}
	half := precision(d, value)
	switch c {
	case equal, notEqual:
		return span{c, below(decimalText(d.Sub(half))), below(decimalText(d.Add(half)))}, nil
	case approximate:
		tenth := d.Scale10(-1)
		if tenth.Sign() < 0 {
			tenth = tenth.Neg()
		}
		if tenth.Cmp(half) < 0 {
			tenth = half
		}
		return span{c, below(decimalText(d.Sub(tenth))), justAbove(decimalText(d.Add(tenth)))}, nil
	}
	text := decimalText(d)
	return span{c, below(text), justAbove(text)}, nil
}

// precision is half a unit of the last digit written: 0.05 for 5.4, 0.5 for 100. R4's table has 1e2 mean [95, 105), so one digit with an
// exponent counts as two.
func precision(d fhir.Decimal, written string) fhir.Decimal {
	mantissa := strings.TrimPrefix(written, "-")
	exponent := -d.Scale()
	if i := strings.IndexAny(mantissa, "eE"); i == 1 && exponent > 0 {
		exponent--
	}
	return fhir.NewDecimal(5, int32(exponent-1))
}

// numberKeys gives the conditions on keys of an index, relative to its prefix: on points and on ranges.
func numberKeys(s segment) ([]Keys, error) {
	asked, err := numberSpan(s)
	if err != nil {
		return nil, err
	}
	return append(asked.points(formNumber), asked.over()...), nil
}
