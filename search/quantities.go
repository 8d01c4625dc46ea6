package search

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Quantities (R4 search.html#quantity): Quantity and its specialisations, Money, Range, SampledData. Values are compared as sent, in the
// unit they were sent with.

const currencySystem = "urn:iso:std:iso:4217"

func (x *extractor) unit(n fhir.Node) [3]extent {
	return [3]extent{x.member(n, "system"), x.member(n, "code"), x.member(n, "unit")}
}

// readQuantity takes a comparator as an open end: <5 is what may lie anywhere below 5.
func (x *extractor) readQuantity(n fhir.Node) {
	value := n.Get("value")
	p := piece{form: formLow, tail: true}
	var ok bool
	switch n.Get("comparator").Text() {
	case "":
		p = piece{form: formNumber}
		p.a, ok = x.number(value, "")
	case "<":
		p.a = x.raw(lowest)
		p.b, ok = x.number(value, "!")
	case "<=":
		p.a = x.raw(lowest)
		p.b, ok = x.number(value, "+")
	case ">":
		p.a, ok = x.number(value, "+")
		p.b = x.raw(highest)
	case ">=":
		p.a, ok = x.number(value, "!")
		p.b = x.raw(highest)
	}
	if ok {
		p.unit = x.unit(n)
		x.add(p)
	}
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

// quantityKeys gives the conditions on keys of an index for number, number|system|code or number||code, relative to its prefix.
// Label is the number of the component in a composite.
func quantityKeys(s segment, label string) ([]Keys, error) {
	parts := s.split('|')
	if len(parts) == 2 || len(parts) > 3 {
		return nil, parts[1].failf("a quantity is number, number|system|code or number||code")
	}
	keys, err := numberKeys(parts[0])
	if err != nil || len(parts) == 1 {
		return keys, err
	}
	system, code := keyText(parts[1].text()), keyText(parts[2].text())
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

// unitField is a whole field with the separators around it; code and unit text have the same letter.
func unitField(label string, letter byte, value string) string {
	return Separator + label + string(letter) + value + Separator
}
