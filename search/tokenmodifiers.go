package search

import (
	"cmp"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/terminology"
)

// Modifiers of tokens (R4 search.html#modifiers).

// tokenModifiers lists what the elements of a token parameter can be asked for: only what has a text has :text, only what has a type has :of-type, only
// codes lie in value sets and hierarchies.
func tokenModifiers(indexes []*index) []string {
	has := map[reading]bool{}
	for _, ix := range indexes {
		for _, way := range ix.paths {
			for _, l := range way.leaves() {
				has[l.reading] = true
			}
		}
	}
	concepts := has[readCoding] || has[readConcept]
	all := []string{"missing"}
	if concepts || has[readIdentifier] {
		all = append(all, "text")
	}
	all = append(all, "not")
	if concepts || has[readCode] {
		all = append(all, "above", "below", "in", "not-in")
	}
	if has[readIdentifier] {
		all = append(all, "of-type")
	}
	return all
}

// leaves lists how the elements at the end of a path are read; none for expressions, whose values have no type before they are computed.
func (w *route) leaves() []leaf {
	if len(w.steps) == 0 {
		return nil
	}
	members := w.steps[len(w.steps)-1].members
	all := make([]leaf, len(members))
	for i, m := range members {
		all[i] = m.leaf
	}
	return all
}

// tokenKeys gives the conditions on keys of a token index for one value, relative to its prefix.
func (r *Registry) tokenKeys(ix *index, modifier string, v segment) ([]Keys, error) {
	switch modifier {
	case "text":
		k, err := textKeys(v)
		return []Keys{k}, err
	case "of-type":
		return ofTypeKeys(v)
	case "in", "not-in":
		return r.memberKeys(ix, v)
	case "above", "below":
		return r.relatedKeys(ix, modifier, v)
	}
	t, err := readToken(v)
	if err != nil {
		return nil, err
	}
	return t.appendKeys(nil, ix.system), nil
}

// appendKeys appends what [tokenAsked.keys] gives, if it can match.
func (t tokenAsked) appendKeys(keys []Keys, implied string) []Keys {
	if k, ok := t.keys(implied); ok {
		return append(keys, k)
	}
	return keys
}

// ofTypeKeys answers identifier:of-type=system|code|value, all three parts present.
func ofTypeKeys(s segment) ([]Keys, error) {
	parts := s.split('|')
	if len(parts) != 3 || parts[0].raw == "" || parts[1].raw == "" || parts[2].raw == "" {
		return nil, s.failf(":of-type is written system|code|value: system and code of the identifier's type, and its value")
	}
	text := func(i int) string { return keyText(parts[i].text()) }
	return []Keys{exactly(string(formOfType) + text(2) + Separator + text(1) + Separator + text(0))}, nil
}

// memberKeys answers :in and :not-in: the codes of a value set of the definitions.
func (r *Registry) memberKeys(ix *index, s segment) ([]Keys, error) {
	set, err := r.codes.ValueSet(s.text())
	if err != nil {
		return nil, &valueError{s.at, fhir.CodeNotSupported, "not a value set whose codes are known: " + err.Error()}
	}
	members := slices.SortedFunc(slices.Values(set.All()), func(a, b terminology.Code) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.System, b.System))
	})
	var keys []Keys
	for _, m := range members {
		keys = tokenAsked{keyText(m.System), keyText(m.Code), true, true}.appendKeys(keys, ix.system)
	}
	return keys, nil
}

// relatedKeys answers :above and :below by the hierarchy of the code system.
func (r *Registry) relatedKeys(ix *index, modifier string, s segment) ([]Keys, error) {
	t, err := readToken(s)
	if err != nil {
		return nil, err
	}
	if t.system == "" {
		t.system, t.hasSystem = ix.system, true
	}
	if t.system == "" || t.code == "" {
		return nil, s.failf(":%s is written system|code", modifier)
	}
	related := r.codes.Below
	if modifier == "above" {
		related = r.codes.Above
	}
	codes, err := related(t.system, t.code)
	if err != nil {
		return nil, &valueError{s.at, fhir.CodeNotSupported, "no hierarchy to answer :" + modifier + " from: " + err.Error()}
	}
	var keys []Keys
	for _, code := range codes {
		keys = tokenAsked{t.system, keyText(code), true, true}.appendKeys(keys, ix.system)
	}
	return keys, nil
}
