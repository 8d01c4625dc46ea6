package patch

import (
	stdxml "encoding/xml"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// selector is a simple location path (RFC 5261, 4.1): child elements by name, with predicates, and an attribute at the end if one is meant.
type selector struct {
	steps     []selectorStep
	attribute string
}

type selectorStep struct {
	any        bool // *
	name       stdxml.Name
	predicates []predicate
}

// predicate is a position from 1, or an attribute, of the element or of one at the end of the path, that has a value.
type predicate struct {
	position  int
	path      []selectorStep
	attribute string
	value     string
}

// selectorReader reads a selector from its text.
type selectorReader struct {
	rest  string
	scope map[string]string
}

func readSelector(text string, scope map[string]string) (selector, error) {
	r := selectorReader{strings.TrimPrefix(text, "/"), scope}
	var s selector
	steps, attribute, err := r.path(true)
	if err != nil {
		return s, err
	}
	if r.rest != "" || len(steps) == 0 {
		return s, errSelector()
	}
	return selector{steps, attribute}, nil
}

func errSelector() error {
	return problemf(fhir.CodeInvalid, "sel is a path of element names from the resource, as in /Patient/name[1]/family/@value; "+
		"predicates are [2], [@id='x'] and [use/@value='x']; axes, functions and // are not supported")
}

// path reads names with slashes between, up to an attribute, if there is one, or to what cannot belong to it.
func (r *selectorReader) path(predicates bool) (steps []selectorStep, attribute string, err error) {
	for {
		if strings.HasPrefix(r.rest, "@") {
			r.rest = r.rest[1:]
			if attribute = r.word(); attribute == "" {
				err = errSelector()
			}
			return steps, attribute, err
		}
		step, err := r.step()
		if err != nil {
			return nil, "", err
		}
		for predicates && strings.HasPrefix(r.rest, "[") {
			p, err := r.predicate()
			if err != nil {
				return nil, "", err
			}
			step.predicates = append(step.predicates, p)
		}
		steps = append(steps, step)
		if len(steps) > maxXMLDepth {
			return nil, "", errSelector()
		}
		if !strings.HasPrefix(r.rest, "/") {
			return steps, "", nil
		}
		r.rest = r.rest[1:]
	}
}

func (r *selectorReader) step() (selectorStep, error) {
	if strings.HasPrefix(r.rest, "*") {
		r.rest = r.rest[1:]
		return selectorStep{any: true}, nil
	}
	prefix, local := "", r.word()
	if strings.HasPrefix(r.rest, ":") {
		r.rest = r.rest[1:]
		prefix, local = local, r.word()
	}
	uri, known := r.scope[prefix]
	switch {
	case local == "" || strings.HasPrefix(r.rest, ":"):
		return selectorStep{}, errSelector()
	case prefix == "" && uri == "":
		uri = fhirNamespace
	case !known:
		return selectorStep{}, problemf(fhir.CodeInvalid, "the prefix %q in sel is not declared", prefix)
	}
	return selectorStep{name: stdxml.Name{Space: uri, Local: local}}, nil
}

// word reads a name without a prefix; empty when there is none.
func (r *selectorReader) word() string {
	n := 0
	for n < len(r.rest) {
		c := r.rest[n]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80
		if !letter && (n == 0 || !('0' <= c && c <= '9' || c == '-' || c == '.')) {
			break
		}
		n++
	}
	word := r.rest[:n]
	r.rest = r.rest[n:]
	return word
}

func (r *selectorReader) predicate() (p predicate, err error) {
	r.rest = strings.TrimLeft(r.rest[1:], " ")
	end := strings.IndexByte(r.rest, ']')
	if end < 0 {
		return p, errSelector()
	}
	if i, ok := arrayIndex(strings.TrimRight(r.rest[:end], " ")); ok && i > 0 {
		p.position, r.rest = i, r.rest[end+1:]
		return p, nil
	}
	if p.path, p.attribute, err = r.path(false); err != nil || p.attribute == "" || !r.skip("=") || r.rest == "" {
		return p, errSelector()
	}
	quote := r.rest[:1]
	value, rest, closed := strings.Cut(r.rest[1:], quote)
	p.value, r.rest = value, rest
	if quote != "'" && quote != `"` || !closed || !r.skip("]") {
		return p, errSelector()
	}
	return p, nil
}

// skip passes a sign with spaces around it; behind a closing bracket nothing is passed.
func (r *selectorReader) skip(sign string) bool {
	rest, found := strings.CutPrefix(strings.TrimLeft(r.rest, " "), sign)
	if sign != "]" {
		rest = strings.TrimLeft(rest, " ")
	}
	r.rest = rest
	return found
}

// find returns the one element that the selector leads to.
func (s selector) find(root *element) (*element, error) {
	found := []*element{root}
	for i, step := range s.steps {
		var next []*element
		if i == 0 {
			next = step.filter(found)
		} else {
			for _, e := range found {
				next = append(next, step.filter(e.children)...)
			}
		}
		if found = next; len(found) == 0 {
			return nil, problemf(fhir.CodeProcessing, "nothing matches sel from its step %s on", strconv.Itoa(i+1))
		}
	}
	if len(found) > 1 {
		return nil, problemf(fhir.CodeProcessing, "sel matches %d elements and must match one", len(found))
	}
	return found[0], nil
}

// filter returns those among siblings that the step means. Predicates count from what the one before them left.
func (s selectorStep) filter(siblings []*element) []*element {
	var found []*element
	for _, e := range siblings {
		if s.any || e.name == s.name {
			found = append(found, e)
		}
	}
	for _, p := range s.predicates {
		found = p.filter(found)
	}
	return found
}

func (p predicate) filter(siblings []*element) []*element {
	var found []*element
	for i, e := range siblings {
		if p.position == i+1 || p.position == 0 && p.holds(e, p.path) {
			found = append(found, e)
		}
	}
	return found
}

func (p predicate) holds(e *element, path []selectorStep) bool {
	if len(path) == 0 {
		value, ok := e.attribute(p.attribute)
		return ok && value == p.value
	}
	for _, child := range path[0].filter(e.children) {
		if p.holds(child, path[1:]) {
			return true
		}
	}
	return false
}
