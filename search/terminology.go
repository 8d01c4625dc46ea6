package search

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// terminology answers from the definitions which codes a value set has and what lies above and below a code. It answers exactly or not at all: a value
// set that draws from a code system the definitions do not carry whole is refused, by the name of that system. What was asked for is kept, which
// the number of definitions bounds. Safe for concurrent use.
type terminology struct {
	defs *spec.Definitions

	mu      sync.Mutex
	systems map[string]*codeSystem
	sets    map[string]codeSet
}

// codeSystem is the content of a code system and its hierarchy, where subsumption is the only meaning of one (v3 systems add parents by the property child).
type codeSystem struct {
	url, version    string
	codes           map[string]bool
	parents, childs map[string][]string
}

// systemCode is a code with its system.
type systemCode struct{ system, code string }

type codeSet map[systemCode]bool

func newTerminology(defs *spec.Definitions) *terminology {
	return &terminology{defs: defs, systems: map[string]*codeSystem{}, sets: map[string]codeSet{}}
}

// system reads a code system. Errors say why it cannot be used.
func (t *terminology) system(url string) (*codeSystem, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loadSystem(url)
}

func (t *terminology) loadSystem(url string) (*codeSystem, error) {
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
	if meaning := root.Get("hierarchyMeaning"); meaning.Ok() && meaning.Text() != "is-a" {
		return nil, fmt.Errorf("the hierarchy of the code system %s does not mean is-a", printableURL(url))
	}
	s := &codeSystem{url: root.Get("url").Text(), version: root.Get("version").Text(), codes: map[string]bool{}, parents: map[string][]string{}, childs: map[string][]string{}}
	s.read(root, "")
	t.systems[url] = s
	return s, nil
}

// read takes the concepts below a node, whose code is parent.
func (s *codeSystem) read(n fhir.Node, parent string) {
	for concept := n.Get("concept").First(); concept.Ok(); concept = concept.Next() {
		code := concept.Get("code").Text()
		s.codes[code] = true
		if parent != "" {
			s.link(parent, code)
		}
		for property := concept.Get("property").First(); property.Ok(); property = property.Next() {
			if property.Get("code").TextIs("child") {
				s.link(code, property.Get("valueCode").Text())
			}
		}
		s.read(concept, code)
	}
}

func (s *codeSystem) link(parent, child string) {
	if !slices.Contains(s.childs[parent], child) {
		s.childs[parent] = append(s.childs[parent], child)
		s.parents[child] = append(s.parents[child], parent)
	}
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

// related lists a code and what is below or above it (R4 search.html#modifiers: subsumption, which holds of a code and itself).
func (t *terminology) related(url, code, modifier string) ([]string, error) {
	s, err := t.system(url)
	if err != nil {
		return nil, err
	}
	if !s.codes[code] {
		return nil, fmt.Errorf("the code system %s has no such code", s.url)
	}
	if modifier == "above" {
		return closure(code, s.parents), nil
	}
	return closure(code, s.childs), nil
}

// valueSet lists the codes of a value set, which may have a |version.
func (t *terminology) valueSet(canonical string) (codeSet, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.expand(canonical, nil)
}

// expand computes a value set; within are those that import it.
func (t *terminology) expand(canonical string, within []string) (codeSet, error) {
	url, version, versioned := strings.Cut(canonical, "|")
	if known := t.sets[canonical]; known != nil {
		return known, nil
	}
	if slices.Contains(within, url) {
		return nil, fmt.Errorf("the value set %s includes itself", printableURL(url))
	}
	root, err := definition(t.defs.ValueSet(url))
	if errors.Is(err, spec.ErrUnknown) {
		return nil, fmt.Errorf("the definitions do not carry the value set %s", printableURL(url))
	}
	if err != nil {
		return nil, err
	}
	if versioned && !root.Get("version").TextIs(version) {
		return nil, fmt.Errorf("the definitions carry another version of the value set %s", printableURL(url))
	}
	compose := root.Get("compose")
	if !compose.Get("include").Ok() {
		return nil, fmt.Errorf("the value set %s does not say what it is made of", printableURL(url))
	}
	if compose.Get("inactive").TextIs("false") {
		return nil, fmt.Errorf("the value set %s leaves out inactive codes, which the definitions do not tell", printableURL(url))
	}
	all := codeSet{}
	within = append(within, url)
	for include := compose.Get("include").First(); include.Ok(); include = include.Next() {
		part, err := t.part(include, within)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, part)
	}
	for exclude := compose.Get("exclude").First(); exclude.Ok(); exclude = exclude.Next() {
		part, err := t.part(exclude, within)
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(all, func(c systemCode, _ bool) bool { return part[c] })
	}
	t.sets[canonical] = all
	return all, nil
}

// part computes an include or exclude: what the system gives and all value sets have (R4 valueset.html#compositions).
func (t *terminology) part(n fhir.Node, within []string) (codeSet, error) {
	var found codeSet
	if n.Get("system").Ok() {
		var err error
		if found, err = t.ofSystem(n); err != nil {
			return nil, err
		}
	}
	for imported := n.Get("valueSet").First(); imported.Ok(); imported = imported.Next() {
		set, err := t.expand(imported.Text(), within)
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = maps.Clone(set)
			continue
		}
		maps.DeleteFunc(found, func(c systemCode, _ bool) bool { return !set[c] })
	}
	return found, nil
}

// ofSystem computes the codes that an include takes from a code system: those it lists, those that pass its filters, or all.
func (t *terminology) ofSystem(n fhir.Node) (codeSet, error) {
	url := n.Get("system").Text()
	found := codeSet{}
	if listed := n.Get("concept"); listed.Ok() {
		for concept := listed.First(); concept.Ok(); concept = concept.Next() {
			found[systemCode{url, concept.Get("code").Text()}] = true
		}
		return found, nil
	}
	system, err := t.loadSystem(url)
	if err != nil {
		return nil, err
	}
	if version := n.Get("version"); version.Ok() && !version.TextIs(system.version) {
		return nil, fmt.Errorf("the definitions carry another version of the code system %s", printableURL(url))
	}
	for code := range system.codes {
		found[systemCode{url, code}] = true
	}
	for filter := n.Get("filter").First(); filter.Ok(); filter = filter.Next() {
		passes, err := system.filter(filter)
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(found, func(c systemCode, _ bool) bool { return !passes(c.code) })
	}
	return found, nil
}

// filter reads a filter on the place of a code in the hierarchy; there are no others in use over the code systems that the definitions carry.
func (s *codeSystem) filter(n fhir.Node) (passes func(code string) bool, err error) {
	property, op, value := n.Get("property").Text(), n.Get("op").Text(), n.Get("value").Text()
	if property != "concept" && property != "code" {
		return nil, fmt.Errorf("it filters the code system %s by the property %s, which is not supported", s.url, property)
	}
	below := closure(value, s.childs)
	inside := func(code string) bool { _, found := slices.BinarySearch(below, code); return found }
	switch op {
	case "is-a":
		return inside, nil
	case "descendent-of":
		return func(code string) bool { return code != value && inside(code) }, nil
	case "is-not-a":
		return func(code string) bool { return !inside(code) }, nil
	case "=":
		return func(code string) bool { return code == value }, nil
	}
	return nil, fmt.Errorf("it filters the code system %s with %s, which is not supported", s.url, op)
}

// definition parses what [spec.Definitions] gives.
func definition(data []byte, err error) (fhir.Node, error) {
	if err != nil {
		return fhir.Node{}, err
	}
	res, err := fhir.ParseResource(data)
	if err != nil {
		return fhir.Node{}, fmt.Errorf("search: %w", err)
	}
	return res.Root(), nil
}

// printableURL is a URL as an error may show it: what cannot be one is not repeated, because it may be a patient's name.
func printableURL(url string) string {
	if len(url) > 200 || !strings.Contains(url, ":") || strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "asked for"
	}
	return url
}
