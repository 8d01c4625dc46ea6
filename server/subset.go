package server

import (
	"iter"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

// subset is the part of its resources that an answer carries (R4 search.html#summary, search.html#elements). A nil subset is all.
type subset struct {
	definitions *spec.Definitions
	summary     string // true, text or data; empty for none
	searched    string // the type that elements without a type belong to; empty for any
	elements    []elementName
}

// elementName is an element at the root of a resource. Without a type it is of the type that was asked for.
type elementName struct{ typ, name string }

// subsetTag says in meta.tag that a resource is not whole (R4 search.html#summary).
const subsetTag = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`

// aboutContent reports whether a parameter is about the content of the resources in an answer and not about which there are.
func aboutContent(pair search.Pair) bool {
	return pair.Name == "_elements" || pair.Name == "_summary" && pair.Value != "count"
}

// subset reads _summary and _elements. Nil means that resources are sent whole.
func (s *Server) subset(x *exchange) (*subset, error) {
	if summary, _ := lookup(x.query, "_summary"); summary != "" && x.interaction.level == instanceLevel && x.interaction.name != "history-instance" {
		return nil, fhir.Invalidf(fhir.CodeValue, "http._summary", "_summary=count is about a list; a single resource has true, text, data and false")
	}
	if len(x.format) == 0 {
		return nil, nil
	}
	all := subset{definitions: s.definitions, searched: x.key.Type}
	for _, pair := range x.format {
		switch pair.Name {
		case "_summary":
			switch pair.Value {
			case "true", "text", "data":
				all.summary = pair.Value
			case "false":
				all.summary = ""
			default:
				return nil, fhir.Invalidf(fhir.CodeValue, "http._summary", "_summary is true, text, data, count or false")
			}
		case "_elements":
			if err := all.addElements(pair.Value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case all.summary == "" && len(all.elements) == 0:
		return nil, nil
	case all.summary != "" && len(all.elements) > 0:
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http._elements", "_elements and _summary=%s exclude each other", all.summary)
	}
	return &all, nil
}

// addElements reads names with commas between them: "status", "Observation.status", "value", "value[x]", "valueQuantity". Of a path below the root
// the first name counts.
func (s *subset) addElements(list string) error {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name := elementName{typ: s.searched}
		rest := item
		if typ, inside, ok := strings.Cut(item, "."); ok && s.definitions.IsResource(typ) {
			name.typ, rest = typ, inside
		}
		rest, _, _ = strings.Cut(rest, ".")
		name.name = strings.TrimSuffix(rest, "[x]")
		if !s.exists(name) {
			return fhir.Invalidf(fhir.CodeValue, "http._elements", "%q is not an element at the root of %s%s", printable(item), nameOr(name.typ, "any resource"), search.DidYouMean(printable(name.name), s.rootElements(name.typ)))
		}
		s.elements = append(s.elements, name)
	}
	return nil
}

func nameOr(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

func (s *subset) exists(name elementName) bool {
	if name.typ != "" {
		t := s.definitions.Type(name.typ)
		return t == nil || t.Child(name.name) != nil
	}
	return slices.ContainsFunc(s.definitions.ResourceTypes(), func(typ string) bool { return s.definitions.Type(typ).Child(name.name) != nil })
}

// rootElements ranges over the names of the elements at the root of a type, or of all when it is empty.
func (s *subset) rootElements(typ string) iter.Seq[string] {
	types := []string{typ}
	if typ == "" {
		types = s.definitions.ResourceTypes()
	}
	return func(yield func(string) bool) {
		for _, typ := range types {
			t := s.definitions.Type(typ)
			if t == nil {
				continue
			}
			for _, child := range t.Elements() {
				if !yield(child.Name) {
					return
				}
			}
		}
	}
}

// of returns the part of a stored resource that is wanted. What stays keeps its bytes.
func (s *subset) of(data []byte) []byte {
	if s == nil {
		return data
	}
	resource, err := fhir.ParseResource(data)
	if err != nil {
		return data // it was accepted once; there is no better answer than all of it
	}
	typ := s.definitions.Type(resource.Type())
	if typ == nil {
		return data
	}
	keeps := s.rule(typ)
	if keeps == nil {
		return data
	}
	c := cutter{dst: make([]byte, 0, len(data)+len(subsetTag)+16)}
	c.resource(resource.Root(), typ, keeps)
	return c.dst
}

// rule says which elements of the root stay; nil for all.
func (s *subset) rule(typ *spec.Type) func(*spec.Element) selection {
	switch s.summary {
	case "true":
		return inSummary
	case "data":
		return func(e *spec.Element) selection { return whole.when(e.Name != "text" || !typ.Is("DomainResource")) }
	case "text":
		return func(e *spec.Element) selection { return whole.when(e.Name == "text" || isIndispensable(e)) }
	}
	var names []string
	for _, wanted := range s.elements {
		if wanted.typ == "" || wanted.typ == typ.Name {
			names = append(names, wanted.name)
		}
	}
	if names == nil {
		return nil // _elements names other types only
	}
	return func(e *spec.Element) selection {
		named := slices.Contains(names, e.Name) || e.Choice && len(e.Types) == 1 && slices.Contains(names, e.Types[0].JSONName)
		return whole.when(named || isIndispensable(e))
	}
}

// isIndispensable holds for what belongs to every subset: identity, what is mandatory, and what changes the meaning of the rest.
func isIndispensable(e *spec.Element) bool {
	switch e.Name {
	case "id", "meta", "implicitRules", "modifierExtension":
		return true
	}
	return e.Min > 0
}

// inSummary keeps what the definitions mark at the root of a resource, and what is mandatory.
func inSummary(e *spec.Element) selection {
	return part.when(e.Summary || e.Modifier || isIndispensable(e))
}

// insideSummary keeps the same inside of elements, with whatever extends them: a large attachment stays out, the reason for an absent value does not.
func insideSummary(e *spec.Element) selection {
	if e.Name == "id" || e.Name == "extension" {
		return whole
	}
	return part.when(e.Summary || e.Modifier || e.Min > 0)
}
