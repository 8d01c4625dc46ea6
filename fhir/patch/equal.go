package patch

import (
	"bytes"
	"strconv"

	"github.com/firth-health/firth/fhir"
)

// equal compares as the test operation does (RFC 6902, 4.6): members in any order, strings by their characters, numbers by their values.
func equal(a, b *value, work *budget, depth int) (bool, error) {
	if depth < 0 {
		return false, errDepth
	}
	if a.kind != b.kind {
		return false, nil
	}
	if !a.opened && !b.opened {
		if err := work.spend(len(a.node.Raw()) + len(b.node.Raw())); err != nil {
			return false, err
		}
		return sameNodes(a.node, b.node), nil
	}
	if len(a.open()) != len(b.open()) {
		return false, nil
	}
	for i, p := range a.parts {
		other := b.parts[i].value
		if a.kind == fhir.Object && b.parts[i].name != p.name {
			if err := work.spend(len(b.parts)); err != nil {
				return false, err
			}
			if other = b.member(p.name); other == nil {
				return false, nil
			}
		}
		if same, err := equal(p.value, other, work, depth-1); err != nil || !same {
			return false, err
		}
	}
	return true, work.spend(len(a.parts))
}

// sameNodes is [equal] for what is as it was parsed.
func sameNodes(a, b fhir.Node) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case fhir.String:
		return bytes.Equal(a.Raw(), b.Raw()) || a.Text() == b.Text()
	case fhir.Number:
		return sameNumbers(a.Raw(), b.Raw())
	case fhir.Bool:
		return bytes.Equal(a.Raw(), b.Raw())
	case fhir.Array:
		a, b = a.First(), b.First()
		for ; a.Ok() && b.Ok(); a, b = a.Next(), b.Next() {
			if !sameNodes(a, b) {
				return false
			}
		}
		return !a.Ok() && !b.Ok()
	case fhir.Object:
		return sameMembers(a, b)
	}
	return true
}

// sameMembers compares objects. Members mostly stand in the same order; for those that do not, names are collected once.
func sameMembers(a, b fhir.Node) bool {
	var byName map[string]fhir.Node
	other := b.First()
	count := 0
	for c := a.First(); c.Ok(); c = c.Next() {
		count++
		found := other
		if name := c.Key(); !found.Ok() || !found.KeyIs(name) {
			if byName == nil {
				byName = make(map[string]fhir.Node)
				for m := range b.Children() {
					byName[m.Key()] = m
				}
			}
			found = byName[name]
		}
		if !found.Ok() || !sameNodes(c, found) {
			return false
		}
		other = other.Next()
	}
	return count == b.Len()
}

// sameNumbers compares the values of JSON numbers of any size and precision: 1, 1.0 and 10e-1 are the same.
func sameNumbers(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, ok := normal(a)
	y, alsoOk := normal(b)
	return ok && alsoOk && x == y
}

// number is digits × 10^exponent; the digits neither begin nor end with 0.
type number struct {
	negative bool
	digits   string
	exponent int64
}

// normal fails for exponents that no number of a sane document has; such numbers are the same only when their texts are.
func normal(text []byte) (number, bool) {
	var n number
	mantissa := bytes.TrimPrefix(text, []byte("-"))
	n.negative = len(mantissa) < len(text)
	if i := bytes.IndexAny(mantissa, "eE"); i >= 0 {
		e, err := strconv.ParseInt(string(mantissa[i+1:]), 10, 32)
		if err != nil {
			return n, false
		}
		n.exponent, mantissa = e, mantissa[:i]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	n.exponent -= int64(len(fraction))
	digits := bytes.TrimLeft(append(bytes.Clone(whole), fraction...), "0")
	trimmed := bytes.TrimRight(digits, "0")
	if len(trimmed) == 0 {
		return number{}, true
	}
	n.exponent += int64(len(digits) - len(trimmed))
	n.digits = string(trimmed)
	return n, true
}
