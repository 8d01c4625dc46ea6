package validate

import (
	"maps"
	"slices"
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// codeSet is the content of a value set, expanded when the first code is checked against it.
type codeSet struct {
	defs *spec.Definitions
	url  string // canonical, perhaps with |version
	once sync.Once
	all  *expansion
}

// expansion is all codes of a value set.
type expansion struct {
	any      map[string]bool            // codes of all systems
	bySystem map[string]map[string]bool // system -> codes
	codes    []string                   // of all systems, in the order of the definition
}

// codeSet returns the set of a value set; all callers get the same one.
func (v *Validator) codeSet(url string) *codeSet {
	if known, ok := v.codeSets.Load(url); ok {
		return asCodeSet(known)
	}
	known, _ := v.codeSets.LoadOrStore(url, &codeSet{defs: v.defs, url: url})
	return asCodeSet(known)
}

// asCodeSet is what the map of code sets holds.
func asCodeSet(value any) *codeSet {
	s, _ := value.(*codeSet)
	return s
}

// known returns all codes of the set, nil when the definitions do not say exactly which they are.
func (s *codeSet) known() *expansion {
	s.once.Do(func() {
		x := expander{defs: s.defs}
		if codes, ok := x.valueSet(s.url, 0); ok {
			s.all = codes.expansion()
		}
	})
	return s.all
}

// concept is one code of a system.
type concept struct{ system, code string }

// concepts is a set of concepts and their order.
type concepts struct {
	has   map[concept]bool
	order []concept
}

func (c *concepts) add(one concept) {
	if c.has == nil {
		c.has = map[concept]bool{}
	}
	if !c.has[one] {
		c.has[one] = true
		c.order = append(c.order, one)
	}
}

// keep drops all concepts that do not pass.
func (c *concepts) keep(pass func(concept) bool) {
	c.order = slices.DeleteFunc(c.order, func(one concept) bool { return !pass(one) })
	maps.DeleteFunc(c.has, func(one concept, _ bool) bool { return !pass(one) })
}

func (c *concepts) expansion() *expansion {
	x := &expansion{any: make(map[string]bool, len(c.order)), bySystem: map[string]map[string]bool{}}
	for _, one := range c.order {
		if !x.any[one.code] {
			x.any[one.code] = true
			x.codes = append(x.codes, one.code)
		}
		if x.bySystem[one.system] == nil {
			x.bySystem[one.system] = map[string]bool{}
		}
		x.bySystem[one.system][one.code] = true
	}
	return x
}

// expander computes ValueSet.compose from the definitions alone (R4 valueset.html#expansion). ok is false wherever the answer
// would not be exact: an unknown or incomplete code system, a filter it does not know.
type expander struct{ defs *spec.Definitions }

// deepestImport bounds value sets that import others.
const deepestImport = 8

func (x expander) valueSet(url string, depth int) (all concepts, ok bool) {
	root, ok := x.artifact(x.defs.ValueSet, url)
	if !ok || depth > deepestImport {
		return all, false
	}
	include := root.Path("compose", "include")
	if !include.First().Ok() {
		return all, false
	}
	for one := range include.Children() {
		part, ok := x.include(one, depth)
		if !ok {
			return all, false
		}
		for _, c := range part.order {
			all.add(c)
		}
	}
	for one := range root.Path("compose", "exclude").Children() {
		part, ok := x.include(one, depth)
		if !ok {
			return all, false
		}
		all.keep(func(c concept) bool { return !part.has[c] })
	}
	return all, true
}

func (x expander) artifact(get func(string) ([]byte, error), url string) (fhir.Node, bool) {
	data, err := get(url)
	if err != nil {
		return fhir.Node{}, false
	}
	root, err := fhir.Parse(data)
	return root, err == nil
}

// include computes one include or exclude: what its system, concepts and filters select and all its value sets hold.
func (x expander) include(n fhir.Node, depth int) (all concepts, ok bool) {
	started := false
	if system := n.Get("system").Text(); system != "" {
		if all, ok = x.system(n, system); !ok {
			return all, false
		}
		started = true
	}
	for one := range n.Get("valueSet").Children() {
		part, ok := x.valueSet(one.Text(), depth+1)
		if !ok {
			return all, false
		}
		if started {
			all.keep(func(c concept) bool { return part.has[c] })
		} else {
			all, started = part, true
		}
	}
	return all, started
}

// system computes the concepts of one system: those listed, those that pass the filters, or all.
func (x expander) system(n fhir.Node, system string) (all concepts, ok bool) {
	if listed := n.Get("concept"); listed.First().Ok() {
		for one := range listed.Children() {
			all.add(concept{system, one.Get("code").Text()})
		}
		return all, true
	}
	root, ok := x.artifact(x.defs.CodeSystem, system)
	if !ok || !root.Get("content").TextIs("complete") || root.Get("caseSensitive").TextIs("false") {
		return all, false
	}
	addConcepts(&all, root, system)
	for filter := range n.Get("filter").Children() {
		if !applyFilter(&all, root, system, filter) {
			return all, false
		}
	}
	return all, true
}

// addConcepts adds the concepts below n and below those.
func addConcepts(all *concepts, n fhir.Node, system string) {
	for one := range n.Get("concept").Children() {
		all.add(concept{system, one.Get("code").Text()})
		addConcepts(all, one, system)
	}
}

// applyFilter keeps what a filter selects: is-a and descendent-of in a system whose hierarchy is its nesting alone.
func applyFilter(all *concepts, root fhir.Node, system string, filter fhir.Node) bool {
	op := filter.Get("op")
	if !filter.Get("property").TextIs("concept") || !op.TextIs("is-a") && !op.TextIs("descendent-of") || hasParents(root) {
		return false
	}
	value := filter.Get("value").Text()
	ancestor := findConcept(root, value)
	if !ancestor.Ok() {
		return false
	}
	var selected concepts
	if op.TextIs("is-a") {
		selected.add(concept{system, value})
	}
	addConcepts(&selected, ancestor, system)
	all.keep(func(c concept) bool { return selected.has[c] })
	return true
}

func findConcept(n fhir.Node, code string) fhir.Node {
	for one := range n.Get("concept").Children() {
		if one.Get("code").TextIs(code) {
			return one
		}
		if below := findConcept(one, code); below.Ok() {
			return below
		}
	}
	return fhir.Node{}
}

// hasParents reports whether concepts have further parents by a property, as those of HL7 v3 have.
func hasParents(n fhir.Node) bool {
	for one := range n.Get("concept").Children() {
		for property := range one.Get("property").Children() {
			if code := property.Get("code"); code.TextIs("subsumedBy") || code.TextIs("parent") || code.TextIs("child") {
				return true
			}
		}
		if hasParents(one) {
			return true
		}
	}
	return false
}
