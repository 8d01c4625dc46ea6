package terminology

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// codeSystem is the content of a code system and its hierarchy: its nesting and what properties of concepts add, as those of HL7 version 3 do.
type codeSystem struct {
	url, version      string
	foldsCase         bool     // R4 codesystem-definitions.html#CodeSystem.caseSensitive is false
	meaning           string   // of the hierarchy; empty is is-a
	order             []string // codes, in the order of the definition
	has               map[string]bool
	parents, children map[string][]string
}

func (t *Terminology) system(url string) (*codeSystem, error) {
	if known := t.systems[url]; known != nil {
		return known, nil
	}
	root, err := definition(t.defs.CodeSystem(url))
	if errors.Is(err, spec.ErrUnknown) {
		return nil, fmt.Errorf("the definitions do not carry the code system %s", printableURL(url))
	}
	if err != nil {
		return nil, err
	}
	if content := root.Get("content").Text(); content != "complete" {
		return nil, fmt.Errorf("the definitions do not carry all of the code system %s (its content is %s)", printableURL(url), content)
	}
	s := newCodeSystem(root)
	t.systems[url] = s
	return s, nil
}

func newCodeSystem(root fhir.Node) *codeSystem {
	s := &codeSystem{url: root.Get("url").Text(), version: root.Get("version").Text(), meaning: root.Get("hierarchyMeaning").Text(), foldsCase: root.Get("caseSensitive").TextIs("false"),
		has: map[string]bool{}, parents: map[string][]string{}, children: map[string][]string{}}
	s.read(root, "")
	return s
}

// read takes the concepts below a node, whose code is parent.
func (s *codeSystem) read(n fhir.Node, parent string) {
	for concept := range n.Get("concept").Children() {
		code := concept.Get("code").Text()
		if !s.has[code] {
			s.has[code] = true
			s.order = append(s.order, code)
		}
		if parent != "" {
			s.link(parent, code)
		}
		for property := range concept.Get("property").Children() {
			switch value := property.Get("valueCode").Text(); property.Get("code").Text() {
			case "child":
				s.link(code, value)
			case "parent", "subsumedBy":
				s.link(value, code)
			}
		}
		s.read(concept, code)
	}
}

func (s *codeSystem) link(parent, child string) {
	if !slices.Contains(s.children[parent], child) {
		s.children[parent] = append(s.children[parent], child)
		s.parents[child] = append(s.parents[child], parent)
	}
}

// isA reports whether the hierarchy is one of subsumption, the only kind that filters and modifiers are about.
func (s *codeSystem) isA() error {
	if s.meaning != "" && s.meaning != "is-a" {
		return fmt.Errorf("the hierarchy of the code system %s does not mean is-a", printableURL(s.url))
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

// filter reads a filter on the place of a code in the hierarchy; there are no others in use over the code systems that the definitions carry.
func (s *codeSystem) filter(n fhir.Node) (passes func(code string) bool, err error) {
	property, op, value := n.Get("property").Text(), n.Get("op").Text(), n.Get("value").Text()
	if property != "concept" && property != "code" {
		return nil, fmt.Errorf("it filters the code system %s by the property %s, which is not supported", s.url, property)
	}
	if !s.has[value] {
		return nil, fmt.Errorf("it filters the code system %s by a code that is not in it", s.url)
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
	return nil, fmt.Errorf("it filters the code system %s with %s, which is not supported", s.url, op)
}
