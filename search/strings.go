package search

import (
	"slices"

	"github.com/firth-health/firth/fhir"
)

// Strings (R4 search.html#string): string and markdown, and each string of HumanName, Address and other complex types.

func (x *extractor) readString(n fhir.Node) {
	if n.Kind() != fhir.String {
		return
	}
	from := len(x.scratch)
	x.scratch = n.AppendText(x.scratch)
	raw := x.scratch[from:]
	if x.kind() == phonetic {
		for _, sound := range sounds(string(raw)) {
			x.add(piece{form: formPhonetic, a: x.text(sound)})
		}
		return
	}
	p := piece{form: formString, a: x.folded(raw), tail: true}
	if isText(raw) {
		p.b = extent{from, from + len(raw)}
	} else {
		raw = slices.Clone(raw)
		start := len(x.scratch)
		x.scratch = appendText(x.scratch, raw)
		p.b = extent{start, len(x.scratch)}
	}
	x.add(p)
}

// folded puts fold(raw) into scratch, behind raw, cut to the length of a text.
func (x *extractor) folded(raw []byte) extent {
	from := len(x.scratch)
	x.scratch = appendFolded(x.scratch, raw)
	if len(x.scratch)-from > maxText {
		x.scratch = x.scratch[:from+cutLength(x.scratch[from:])]
	}
	return extent{from, len(x.scratch)}
}

func (x *extractor) readStrings(n fhir.Node, members []string) {
	for _, name := range members {
		value := n.Get(name)
		if value.Kind() != fhir.Array {
			x.readString(value)
			continue
		}
		for item := value.First(); item.Ok(); item = item.Next() {
			x.readString(item)
		}
	}
}

// foldedText is the folded field of a query.
func foldedText(s string) string {
	folded := appendFolded(nil, []byte(s))
	if len(folded) > maxText {
		folded = folded[:cutLength(folded)]
	}
	return string(folded)
}

// stringKeys gives the condition on keys of a string index, relative to its prefix.
func stringKeys(modifier string, s segment) (Keys, error) {
	value := s.text()
	folded := foldedText(value)
	if modifier == "exact" {
		return exactly(string(formString) + folded + Separator + keyText(value)), nil
	}
	if folded == "" {
		return Keys{}, s.failf("nothing to look for: only white space or accents")
	}
	if modifier == "contains" {
		k := withPrefix(string(formString))
		k.Contains = []string{folded}
		return k, nil
	}
	return withPrefix(string(formString) + folded), nil
}
