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
	return x.ordered(numberText(n), suffix)
}

// numberText is the text of a number; empty, which is none, for anything else.
func numberText(n fhir.Node) []byte {
	if n.Kind() != fhir.Number {
		return nil
	}
	return n.Raw()
}

func (x *extractor) ordered(number []byte, suffix string) (extent, bool) {
	from := len(x.scratch)
	var ok bool
	if x.scratch, ok = appendNumber(x.scratch, number); !ok {
		return extent{}, false
	}
	x.scratch = append(x.scratch, suffix...)
	return extent{from, len(x.scratch)}, true
}

// readRange takes both ends as inclusive and a missing one as open.
func (x *extractor) readRange(n fhir.Node) {
	low, high := n.Get("low"), n.Get("high")
	a, hasLow := x.number(low.Get("value"), "!")
	b, hasHigh := x.number(high.Get("value"), "+")
	if low.Ok() != hasLow || high.Ok() != hasHigh || !hasLow && !hasHigh || hasLow && hasHigh && bytes.Compare(x.at(a), x.at(b)) > 0 {
		return
	}
	from, to := end{number: numberText(low.Get("value")), mark: "!"}, end{number: numberText(high.Get("value")), mark: "+"}
	if !hasLow {
		a, from = x.raw(lowest), end{mark: lowest, open: true}
	}
	if !hasHigh {
		b, to = x.raw(highest), end{mark: highest, open: true}
	}
	switch {
	case x.kind() != quantity:
		x.add(piece{form: formLow, tail: true, a: a, b: b})
	case hasLow && hasHigh && !x.sameUnit(low, high):
		x.addQuantity(low, from, to, false)
	case hasLow:
		x.addQuantity(low, from, to, true)
	default:
		x.addQuantity(high, from, to, true)
	}
}

// asked is a number of a query: with eq, ne and ap an interval of numbers, with the others low alone.
type asked struct {
	comparator comparator
	low, high  fhir.Decimal
}

// readAsked reads a number of a query. Without a prefix, and with eq and ne, it stands for all numbers that round to it; with the others for itself;
// ap widens it by a tenth (R4 search.html#number, #prefix).
func readAsked(s segment) (asked, error) {
	c, value := cutComparator(s.text())
	d, err := fhir.ParseDecimal(value)
	if err != nil {
		return asked{}, s.failf("not a number; write digits with . and e if needed, after one of the prefixes %s if any", strings.Join(comparators, " "))
	}
	half := precision(d, value)
	switch c {
	case equal, notEqual:
		return asked{c, d.Sub(half), d.Add(half)}, nil
	case approximate:
		tenth := d.Scale10(-1)
		if tenth.Sign() < 0 {
			tenth = tenth.Neg()
		}
		if tenth.Cmp(half) < 0 {
			tenth = half
		}
		return asked{c, d.Sub(tenth), d.Add(tenth)}, nil
	}
	return asked{c, d, d}, nil
}

// span is the range of keys: half-open for eq and ne, both ends inside for the others.
func (n asked) span() span {
	low, high := decimalText(n.low), decimalText(n.high)
	if n.comparator == equal || n.comparator == notEqual {
		return span{n.comparator, below(low), below(high)}
	}
	return span{n.comparator, below(low), justAbove(high)}
}

func numberSpan(s segment) (span, error) {
	n, err := readAsked(s)
	if err != nil {
		return span{}, err
	}
	return n.span(), nil
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
	return append(asked.points(string(formNumber)), asked.over()...), nil
}
