package terminology

import (
	"slices"

	"github.com/firth-health/firth/fhir"
)

// compose unites the includes of a value set and takes the excludes away (R4 valueset.html#compositions).
func (t *Terminology) compose(root fhir.Node, url string, within []string) (*Codes, error) {
	n := root.Get("compose")
	if !n.Get("include").First().Ok() {
		return nil, failf(Malformed, "the value set %s does not say what it is made of", printableURL(url))
	}
	all := newCodes()
	within = append(slices.Clip(within), url)
	for include := range n.Get("include").Children() {
		part, err := t.part(include, within)
		if err != nil {
			return nil, neverWhole(err)
		}
		all.adopt(part)
		for _, code := range part.order {
			all.add(code)
		}
	}
	for exclude := range n.Get("exclude").Children() {
		part, err := t.part(exclude, within)
		if err == nil {
			err = t.spend(len(all.order))
		}
		if err != nil {
			return nil, neverWhole(err)
		}
		all.FoldsCase = all.FoldsCase || part.FoldsCase
		all.keep(func(code Code) bool { return !part.Has(code) })
	}
	if n.Get("inactive").TextIs("false") {
		return t.active(all)
	}
	return all, nil
}

// part computes an include or exclude: what the system gives and all value sets have.
func (t *Terminology) part(n fhir.Node, within []string) (*Codes, error) {
	var found *Codes
	if n.Get("system").Ok() {
		var err error
		if found, err = t.ofSystem(n); err != nil {
			return nil, err
		}
	}
	for imported := range n.Get("valueSet").Children() {
		set, err := t.valueSet(imported.Text(), within)
		if err == nil {
			err = t.spend(len(set.order))
		}
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = set.clone()
			continue
		}
		found.adopt(set)
		found.keep(set.Has)
	}
	if found == nil {
		return nil, failf(Malformed, "it has a part without a code system and without a value set")
	}
	return found, nil
}

// ofSystem computes the codes that an include takes from a code system: those it lists, those that pass its filters, or all.
func (t *Terminology) ofSystem(n fhir.Node) (*Codes, error) {
	name := canonical{n.Get("system").Text(), n.Get("version").Text()}
	found := newCodes()
	found.from(name)
	if listed := n.Get("concept"); listed.First().Ok() {
		for concept := range listed.Children() {
			found.list(Code{name.url, concept.Get("code").Text()}, concept)
		}
		return found, t.spend(len(found.order))
	}
	system, err := t.system(name)
	if err == nil {
		err = t.spend(len(system.order))
	}
	if err != nil {
		return nil, err
	}
	found.FoldsCase = system.foldsCase
	for _, code := range system.order {
		found.add(Code{name.url, code})
	}
	for filter := range n.Get("filter").Children() {
		passes, err := system.filter(filter)
		if err == nil {
			err = t.spend(len(system.order))
		}
		if err != nil {
			return nil, err
		}
		found.keep(func(code Code) bool { return passes(code.Code) })
	}
	return found, nil
}
