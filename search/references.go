package search

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// References (R4 search.html#reference): Reference, canonical, uri, and an embedded resource.

func (x *extractor) readReference(n fhir.Node) {
	if literal := n.Get("reference"); literal.Kind() == fhir.String {
		x.addReference(literal.Text())
	}
	if identifier := n.Get("identifier"); identifier.Kind() == fhir.Object {
		p := piece{form: formIdentifier, a: x.member(identifier, "value"), b: x.member(identifier, "system"), tail: true}
		if !p.a.empty() || !p.b.empty() {
			x.add(p)
		}
	}
}

// addReference adds a literal reference; one into the same resource has no key.
func (x *extractor) addReference(literal string) {
	if strings.HasPrefix(literal, "#") {
		return
	}
	for _, key := range x.registry.referenceTexts(literal) {
		if key != "" {
			x.add(piece{form: formReference, a: x.text(key)})
		}
	}
}

// referenceTexts gives how a literal reference stands in keys: without version, and if it has one also with it.
func (r *Registry) referenceTexts(literal string) [2]string {
	ref := fhir.ParseReference(literal)
	if ref.Key.Type == "" || !r.defs.IsResource(ref.Key.Type) {
		return [2]string{literal}
	}
	prefix := ""
	if ref.Base != "" && ref.Base != r.base {
		prefix = ref.Base + "/"
	}
	key := ref.Key
	key.Version = ""
	texts := [2]string{prefix + key.String()}
	if ref.Key.Version != "" {
		texts[1] = prefix + ref.Key.String()
	}
	return texts
}

// readCanonical reads a URL that may carry |version: a key without, and if it has one a key with it.
func (x *extractor) readCanonical(n fhir.Node, form byte) {
	if n.Kind() != fhir.String {
		return
	}
	whole := n.Text()
	url, version, versioned := strings.Cut(whole, "|")
	if form == formReference {
		url = x.registry.referenceTexts(url)[0]
	}
	if url == "" || strings.HasPrefix(url, "#") {
		return
	}
	x.add(piece{form: form, a: x.text(url)})
	if versioned && version != "" {
		x.add(piece{form: form, a: x.text(url + "|" + version)})
	}
}

func (x *extractor) readResource(n fhir.Node) {
	resource, err := fhir.NewResource(n)
	if err != nil || resource.ID() == "" {
		return
	}
	x.add(piece{form: formReference, a: x.text(fhir.Key{Type: resource.Type(), ID: resource.ID()}.String())})
}

// referenceKeys gives the conditions on keys of an index for one value, relative to its prefix: a bare id is looked for under each target
// type. Empty where nothing can match.
func (r *Registry) referenceKeys(p *Param, modifier string, s segment) ([]Keys, error) {
	if modifier == "identifier" {
		return identifierKeys(s)
	}
	value := s.text()
	if modifier != "" {
		return r.typedReference(p, modifier, value, s)
	}
	if fhir.IsID(value) {
		var keys []Keys
		for _, target := range r.targets(p) {
			keys = append(keys, exactly(string(formReference)+target+"/"+value))
		}
		return keys, nil
	}
	url, version, versioned := strings.Cut(value, "|")
	texts := r.referenceTexts(url)
	key := texts[0]
	if texts[1] != "" {
		key = texts[1]
	}
	if versioned && version != "" {
		key += "|" + version
	}
	ref := fhir.ParseReference(url)
	switch {
	case ref.Base == "" && !r.defs.IsResource(ref.Key.Type) && !strings.Contains(url, ":"):
		return nil, s.failf("not a reference; write an id, Type/id, or a URL")
	case p.target != "" && ref.Key.Type != p.target:
		return nil, nil
	}
	return []Keys{exactly(string(formReference) + keyText(key))}, nil
}

// typedReference answers subject:Patient=1 and subject:Patient=Patient/1.
func (r *Registry) typedReference(p *Param, typ, value string, s segment) ([]Keys, error) {
	if fhir.IsID(value) {
		return []Keys{exactly(string(formReference) + typ + "/" + value)}, nil
	}
	ref := fhir.ParseReference(value)
	if ref.Key.Type != typ {
		return nil, s.failf("not the id of %s", fhir.Indefinite(typ))
	}
	return r.referenceKeys(p, "", s)
}

// targets are the types that a bare id may mean.
func (r *Registry) targets(p *Param) []string {
	if len(p.Targets) == 0 {
		return r.defs.ResourceTypes()
	}
	return p.Targets
}

// identifierKeys answers subject:identifier=system|value. The system is the tail of the key.
func identifierKeys(s segment) ([]Keys, error) {
	t, err := readToken(s)
	if err != nil {
		return nil, err
	}
	field := string(formIdentifier) + t.code + Separator
	switch {
	case !t.hasSystem:
		return []Keys{withPrefix(field)}, nil
	case t.hasCode:
		return []Keys{exactly(field + t.system)}, nil
	}
	k := withPrefix(string(formIdentifier))
	k.TailLo, k.TailHi = t.system, t.system+"\x00"
	return []Keys{k}, nil
}

// presence gives the conditions for having any value at all. A reference on another server tells its type in the URL.
func (p *Param) presence() Or {
	var ranges Or
	for _, ix := range p.indexes {
		if p.target == "" {
			ranges = append(ranges, withPrefix(ix.prefix))
			continue
		}
		foreign := withPrefix(ix.prefix + string(formReference) + "http")
		foreign.Contains = []string{"/" + p.target + "/"}
		ranges = append(ranges, withPrefix(ReferencePrefix(ix.name, p.target)), foreign)
	}
	return ranges
}
