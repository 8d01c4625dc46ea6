package terminology

import (
	"maps"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// CodeSystem is the content of a code system of which all codes are known, and its hierarchy: its nesting and what properties of concepts add, as those of HL7
// version 3 do. It does not change.
type CodeSystem struct {
	root              fhir.Node
	url, version      string
	foldsCase         bool     // R4 codesystem-definitions.html#CodeSystem.caseSensitive is false
	meaning           string   // of the hierarchy; empty is is-a
	order             []string // codes, in the order of the definition
	concepts          map[string]fhir.Node
	parents, children map[string][]string
	properties        map[string]property
}

// property is what CodeSystem.property says about one.
type property struct {
	typ      string
	standard string // the property of http://hl7.org/fhir/concept-properties that it is; empty for none
}

// standardProperties begins the URIs of the properties that R4 defines for all code systems (R4 codesystem-concept-properties.html).
const standardProperties = "http://hl7.org/fhir/concept-properties#"

func newCodeSystem(root fhir.Node) *CodeSystem {
	s := &CodeSystem{root: root, url: root.Get("url").Text(), version: root.Get("version").Text(), meaning: root.Get("hierarchyMeaning").Text(), foldsCase: root.Get("caseSensitive").TextIs("false"),
		concepts: map[string]fhir.Node{}, parents: map[string][]string{}, children: map[string][]string{}, properties: map[string]property{}}
	for p := range root.Get("property").Children() {
		standard, _ := strings.CutPrefix(p.Get("uri").Text(), standardProperties)
		if standard == p.Get("uri").Text() {
			standard = ""
		}
		s.properties[p.Get("code").Text()] = property{p.Get("type").Text(), standard}
	}
	s.read(root, "", map[Code]bool{})
	return s
}

// ReadCodeSystem reads a CodeSystem that is at hand. The error is an *[Error]: it has to be complete.
func ReadCodeSystem(root fhir.Node) (*CodeSystem, error) { return wholeSystem(root, "it does") }

// URL is the canonical URL of the code system.
func (s *CodeSystem) URL() string { return s.url }

// Version is its version; empty where it has none.
func (s *CodeSystem) Version() string { return s.version }

// Root is the CodeSystem itself.
func (s *CodeSystem) Root() fhir.Node { return s.root }

// Concept describes a code, also one that is written in another case where case does not matter. It is not known (IsKnown) when there is no such code.
func (s *CodeSystem) Concept(code string) Concept {
	written, ok := s.find(code)
	c := Concept{Code: Code{s.url, code}, IsKnown: ok}
	if ok {
		c.Code.Code, c.defined = written, s.concepts[written]
		c.Display = c.defined.Get("display").Text()
		c.Inactive, c.Abstract = s.isInactive(c.defined), s.isAbstract(c.defined)
	}
	return c
}

// Parents lists the codes right above a code.
func (s *CodeSystem) Parents(code string) []string { return s.parents[code] }

// Children lists the codes right below a code.
func (s *CodeSystem) Children(code string) []string { return s.children[code] }

func (s *CodeSystem) has(code string) bool { return s.concepts[code].Ok() }

// find gives a code as the code system writes it.
func (s *CodeSystem) find(code string) (written string, ok bool) {
	if s.has(code) || !s.foldsCase {
		return code, s.has(code)
	}
	for _, written := range s.order {
		if strings.EqualFold(written, code) {
			return written, true
		}
	}
	return "", false
}

// read takes the concepts below a node, whose code is parent. What is linked already is noted as parent and child.
func (s *CodeSystem) read(n fhir.Node, parent string, linked map[Code]bool) {
	for concept := range n.Get("concept").Children() {
		code := concept.Get("code").Text()
		if !s.has(code) {
			s.concepts[code] = concept
			s.order = append(s.order, code)
		}
		if parent != "" {
			s.link(parent, code, linked)
		}
		for property := range concept.Get("property").Children() {
			value := property.Get("valueCode")
			if !value.Ok() {
				continue
			}
			switch s.standard(property.Get("code").Text()) {
			case "child":
				s.link(code, value.Text(), linked)
			case "parent", "subsumedBy":
				s.link(value.Text(), code, linked)
			}
		}
		s.read(concept, code, linked)
	}
}

func (s *CodeSystem) link(parent, child string, linked map[Code]bool) {
	if edge := (Code{parent, child}); !linked[edge] {
		linked[edge] = true
		s.children[parent] = append(s.children[parent], child)
		s.parents[child] = append(s.parents[child], parent)
	}
}

// standard is the standard property that a property is, by its URI or else by its name: code systems often leave the URI out.
func (s *CodeSystem) standard(code string) string {
	if p := s.properties[code]; p.standard != "" {
		return p.standard
	}
	return code
}

// isInactive reports whether a concept is not for use any more. A deprecated one still is, with regret.
func (s *CodeSystem) isInactive(concept fhir.Node) bool {
	for p := range concept.Get("property").Children() {
		switch s.standard(p.Get("code").Text()) {
		case "inactive":
			if p.Get("valueBoolean").TextIs("true") {
				return true
			}
		case "status":
			if value := p.Get("valueCode").Text(); value == "retired" || value == "inactive" {
				return true
			}
		}
	}
	return false
}

// isAbstract reports whether a concept only groups others.
func (s *CodeSystem) isAbstract(concept fhir.Node) bool {
	for p := range concept.Get("property").Children() {
		switch s.standard(p.Get("code").Text()) {
		case "notSelectable", "abstract":
			if p.Get("valueBoolean").TextIs("true") {
				return true
			}
		}
	}
	return false
}

// isA reports whether the hierarchy is one of subsumption, the only kind that filters and modifiers are about.
func (s *CodeSystem) isA() error {
	if s.meaning != "" && s.meaning != "is-a" {
		return failf(Unsupported, "the hierarchy of the code system %s does not mean is-a", printableURL(s.url))
	}
	return nil
}

// closure is a code and all that the edges lead to from it, sorted.
func closure(code string, edges map[string][]string) []string {
	seen := map[string]bool{code: true}
	open := []string{code}
	for len(open) > 0 {
		next := edges[open[len(open)-1]]
		open = open[:len(open)-1]
		for _, c := range next {
			if !seen[c] {
				seen[c] = true
				open = append(open, c)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// filter reads ValueSet.compose.include.filter: on the place of a code in the hierarchy, or on the value of a property.
func (s *CodeSystem) filter(n fhir.Node) (passes func(code string) bool, err error) {
	property, op, value := n.Get("property").Text(), n.Get("op").Text(), n.Get("value").Text()
	if property != "concept" && property != "code" {
		return s.propertyFilter(property, op, value)
	}
	if !s.has(value) {
		return nil, failf(Malformed, "it filters the code system %s by a code that is not in it", printableURL(s.url))
	}
	if op == "=" {
		return func(code string) bool { return code == value }, nil
	}
	if err := s.isA(); err != nil {
		return nil, err
	}
	below := closure(value, s.children)
	inside := func(code string) bool { _, found := slices.BinarySearch(below, code); return found }
	switch op {
	case "is-a":
		return inside, nil
	case "descendent-of":
		return func(code string) bool { return code != value && inside(code) }, nil
	case "is-not-a":
		return func(code string) bool { return !inside(code) }, nil
	}
	return nil, failf(Unsupported, "it filters the code system %s with %s, which is not supported", printableURL(s.url), printableVersion(op))
}

// propertyFilter is passed by the concepts of which a property has a value. Of parent and child that may be said by nesting.
func (s *CodeSystem) propertyFilter(name, op, value string) (passes func(code string) bool, err error) {
	declared, isDeclared := s.properties[name]
	edges := map[string]map[string][]string{"parent": s.children, "child": s.parents}[s.standard(name)]
	switch {
	case !isDeclared && edges == nil:
		return nil, failf(Malformed, "it filters the code system %s by the property %s, which it does not have", printableURL(s.url), printableVersion(name))
	case op != "=" || declared.typ == "Coding":
		return nil, failf(Unsupported, "it filters the code system %s by the property %s with %s, which is not supported", printableURL(s.url), printableVersion(name), printableVersion(op))
	case edges != nil:
		linked := slices.Sorted(slices.Values(edges[value]))
		return func(code string) bool { _, found := slices.BinarySearch(linked, code); return found }, nil
	}
	return func(code string) bool {
		for p := range s.concepts[code].Get("property").Children() {
			if p.Get("code").TextIs(name) && propertyValue(p).TextIs(value) {
				return true
			}
		}
		return false
	}, nil
}

// propertyValue is value[x] of a property of a concept.
func propertyValue(p fhir.Node) fhir.Node {
	for member := range p.Children() {
		if strings.HasPrefix(member.Key(), "value") {
			return member
		}
	}
	return fhir.Node{}
}
