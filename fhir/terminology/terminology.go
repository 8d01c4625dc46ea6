package terminology

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Terminology keeps what was asked for, which the number of definitions bounds. Safe for concurrent use.
type Terminology struct {
	defs *spec.Definitions

	mu      sync.Mutex
	systems map[string]*codeSystem
	sets    map[string]*Codes
}

// New makes a Terminology over definitions.
func New(defs *spec.Definitions) *Terminology {
	return &Terminology{defs: defs, systems: map[string]*codeSystem{}, sets: map[string]*Codes{}}
}

// ValueSet gives the codes of a value set, whose canonical may have a |version. Errors say in plain words why they are not known, and are for clients.
func (t *Terminology) ValueSet(canonical string) (*Codes, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.valueSet(canonical, nil)
}

// Below lists a code and what it subsumes, sorted (R4 search.html#modifiers: subsumption holds of a code and itself).
func (t *Terminology) Below(system, code string) ([]string, error) {
	s, err := t.hierarchy(system, code)
	if err != nil {
		return nil, err
	}
	return closure(code, s.children), nil
}

// Above lists a code and what subsumes it, sorted.
func (t *Terminology) Above(system, code string) ([]string, error) {
	s, err := t.hierarchy(system, code)
	if err != nil {
		return nil, err
	}
	return closure(code, s.parents), nil
}

// hierarchy gives the system of a code that is in it.
func (t *Terminology) hierarchy(url, code string) (*codeSystem, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.system(url)
	if err == nil {
		err = s.isA()
	}
	if err != nil {
		return nil, err
	}
	if !s.has[code] {
		return nil, fmt.Errorf("the code system %s has no such code", s.url)
	}
	return s, nil
}

// valueSet computes a value set; within are those that import it.
func (t *Terminology) valueSet(canonical string, within []string) (*Codes, error) {
	if known := t.sets[canonical]; known != nil {
		return known, nil
	}
	url, version, versioned := strings.Cut(canonical, "|")
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
	all, err := t.compose(root.Get("compose"), url, within)
	if err != nil {
		return nil, err
	}
	t.sets[canonical] = all
	return all, nil
}

// compose unites the includes of a value set and takes the excludes away.
func (t *Terminology) compose(n fhir.Node, url string, within []string) (*Codes, error) {
	if !n.Get("include").First().Ok() {
		return nil, fmt.Errorf("the value set %s does not say what it is made of", printableURL(url))
	}
	if n.Get("inactive").TextIs("false") {
		return nil, fmt.Errorf("the value set %s leaves out inactive codes, which the definitions do not tell", printableURL(url))
	}
	all := newCodes()
	within = append(slices.Clip(within), url)
	for include := range n.Get("include").Children() {
		part, err := t.part(include, within)
		if err != nil {
			return nil, err
		}
		all.FoldsCase = all.FoldsCase || part.FoldsCase
		for _, code := range part.order {
			all.add(code)
		}
	}
	for exclude := range n.Get("exclude").Children() {
		part, err := t.part(exclude, within)
		if err != nil {
			return nil, err
		}
		all.FoldsCase = all.FoldsCase || part.FoldsCase
		all.keep(func(code Code) bool { return !part.Has(code) })
	}
	return all, nil
}

// part computes an include or exclude: what the system gives and all value sets have (R4 valueset.html#compositions).
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
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = set.clone()
			continue
		}
		found.FoldsCase = found.FoldsCase || set.FoldsCase
		found.keep(set.Has)
	}
	if found == nil {
		return nil, errors.New("it has a part without a code system and without a value set")
	}
	return found, nil
}

// ofSystem computes the codes that an include takes from a code system: those it lists, those that pass its filters, or all.
func (t *Terminology) ofSystem(n fhir.Node) (*Codes, error) {
	url := n.Get("system").Text()
	found := newCodes()
	if listed := n.Get("concept"); listed.First().Ok() {
		for concept := range listed.Children() {
			found.add(Code{url, concept.Get("code").Text()})
		}
		return found, nil
	}
	system, err := t.system(url)
	if err != nil {
		return nil, err
	}
	if version := n.Get("version"); version.Ok() && !version.TextIs(system.version) {
		return nil, fmt.Errorf("the definitions carry another version of the code system %s", printableURL(url))
	}
	found.FoldsCase = system.foldsCase
	for _, code := range system.order {
		found.add(Code{url, code})
	}
	for filter := range n.Get("filter").Children() {
		passes, err := system.filter(filter)
		if err != nil {
			return nil, err
		}
		found.keep(func(code Code) bool { return passes(code.Code) })
	}
	return found, nil
}

// definition parses what [spec.Definitions] gives.
func definition(data []byte, err error) (fhir.Node, error) {
	if err != nil {
		return fhir.Node{}, err
	}
	root, err := fhir.Parse(data)
	if err != nil {
		return fhir.Node{}, fmt.Errorf("terminology: %w", err)
	}
	return root, nil
}

// printableURL is a URL as an error may show it: what cannot be one is not repeated, because it may be a patient's name.
func printableURL(url string) string {
	if len(url) > 200 || !strings.Contains(url, ":") || strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "asked for"
	}
	return url
}
