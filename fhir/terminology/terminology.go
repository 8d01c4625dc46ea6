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
	defs   *spec.Definitions
	carry  *Terminology // what the definitions carry; nil when that is all this one knows
	source Source
	left   int // how many more codes may be looked at; only with a source

	mu      sync.Mutex
	systems map[string]*CodeSystem // by url|version, as asked for
	missing map[string]error       // of a source
	sets    map[string]*Codes
}

// Source has ValueSets and CodeSystems beside the definitions, such as those that are stored on a server.
type Source interface {
	// Find gives the resource of a type with a canonical URL: of the version when that is not empty, or else the one to use now. It is absent (not [fhir.Node.Ok]) where
	// there is none. Errors are handed on as they are.
	Find(resourceType, url, version string) (fhir.Node, error)
}

// mostWork is how many codes a Terminology with a source looks at before it gives up: what is stored may be made to cost much.
const mostWork = 5_000_000

// New makes a Terminology over definitions.
func New(defs *spec.Definitions) *Terminology {
	return &Terminology{defs: defs, systems: map[string]*CodeSystem{}, missing: map[string]error{}, sets: map[string]*Codes{}}
}

// With gives a Terminology that asks a source for what the definitions do not carry, or carry in another version, or not whole. It is for one request, because it keeps
// what it was told, and it computes no more than a request may cost.
func (t *Terminology) With(source Source) *Terminology {
	layer := New(t.defs)
	layer.carry, layer.source, layer.left = t, source, mostWork
	return layer
}

// ValueSet gives the codes of a value set, whose canonical may have a |version. Errors are of type *[Error], or of the source.
func (t *Terminology) ValueSet(canonical string) (*Codes, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.valueSet(canonical, nil)
}

// Compose gives the codes of a ValueSet that is at hand.
func (t *Terminology) Compose(root fhir.Node) (*Codes, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.compose(root, root.Get("url").Text(), nil)
}

// Definition gives the ValueSet or CodeSystem with a URL, of a version when that is not empty. What the definitions carry comes before what the source has.
func (t *Terminology) Definition(resourceType, url, version string) (fhir.Node, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.definition(resourceType, url, version)
}

// CodeSystem gives a code system of which all codes are known, of a version when that is not empty. Errors are of type *[Error], or of the source.
func (t *Terminology) CodeSystem(url, version string) (*CodeSystem, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.system(canonical{url, version})
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
func (t *Terminology) hierarchy(url, code string) (*CodeSystem, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.system(canonical{url: url})
	if err == nil {
		err = s.isA()
	}
	if err != nil {
		return nil, err
	}
	if !s.has(code) {
		return nil, failf(Unknown, "the code system %s has no such code", s.url)
	}
	return s, nil
}

// names are what errors call the types of definitions.
var names = map[string]string{"ValueSet": "value set", "CodeSystem": "code system"}

// definition finds a definition among those that the definitions carry, or else at the source.
func (t *Terminology) definition(resourceType, url, version string) (fhir.Node, error) {
	artifact := t.defs.ValueSet
	if resourceType == "CodeSystem" {
		artifact = t.defs.CodeSystem
	}
	root, err := parsed(artifact(url))
	isCarried := err == nil
	switch {
	case isCarried && (version == "" || root.Get("version").TextIs(version)):
		return root, nil
	case err != nil && !errors.Is(err, spec.ErrUnknown):
		return fhir.Node{}, err
	}
	if t.source == nil {
		if isCarried {
			return fhir.Node{}, failf(Unknown, "the definitions carry another version of the %s %s", names[resourceType], printableURL(url))
		}
		return fhir.Node{}, failf(Unknown, "the definitions do not carry the %s %s", names[resourceType], printableURL(url))
	}
	root, err = t.source.Find(resourceType, url, version)
	if err == nil && !root.Ok() {
		err = nowhere(resourceType, url, version)
	}
	return root, err
}

// nowhere is the error about what neither the definitions nor a source have.
func nowhere(resourceType, url, version string) error {
	what := "the " + names[resourceType] + " " + printableURL(url)
	if version != "" {
		what = "version " + printableVersion(version) + " of " + what
	}
	return failf(Unknown, "%s is neither of R4 nor stored here", what)
}

// system finds a code system of which all codes are known.
func (t *Terminology) system(name canonical) (*CodeSystem, error) {
	key := name.url + "|" + name.version
	if known := t.systems[key]; known != nil {
		return known, nil
	}
	if err := t.missing[key]; err != nil {
		return nil, err
	}
	s, err := t.findSystem(name)
	switch {
	case err == nil:
		t.systems[key] = s
	case t.source != nil: // what clients ask for must not fill a Terminology that stays
		t.missing[key] = err
	}
	return s, err
}

func (t *Terminology) findSystem(name canonical) (*CodeSystem, error) {
	if t.carry == nil {
		root, err := t.definition("CodeSystem", name.url, name.version)
		if err != nil {
			return nil, err
		}
		return wholeSystem(root, "the definitions do")
	}
	t.carry.mu.Lock()
	s, err := t.carry.system(name)
	t.carry.mu.Unlock()
	problem := (*Error)(nil)
	if !errors.As(err, &problem) {
		return s, err
	}
	root, failure := t.source.Find("CodeSystem", name.url, name.version)
	switch {
	case failure != nil:
		return nil, failure
	case root.Ok():
		return wholeSystem(root, "what is stored here does")
	case problem.Reason == Unknown:
		return nil, nowhere("CodeSystem", name.url, name.version)
	}
	return nil, err
}

// wholeSystem reads a code system that has all its codes; who is the subject of the error about another one.
func wholeSystem(root fhir.Node, who string) (*CodeSystem, error) {
	if content := root.Get("content").Text(); content != "complete" {
		return nil, failf(NotWhole, "%s not carry all of the code system %s (its content is %s)", who, printableURL(root.Get("url").Text()), content)
	}
	return newCodeSystem(root), nil
}

// valueSet computes a value set; within are those that import it.
func (t *Terminology) valueSet(name string, within []string) (*Codes, error) {
	if known := t.sets[name]; known != nil {
		return known, nil
	}
	all, err := t.findSet(name, within)
	if err != nil {
		return nil, err
	}
	t.sets[name] = all
	return all, nil
}

func (t *Terminology) findSet(name string, within []string) (*Codes, error) {
	url, version, _ := strings.Cut(name, "|")
	if slices.Contains(within, url) {
		return nil, failf(Malformed, "the value set %s includes itself", printableURL(url))
	}
	if t.carry != nil {
		all, err := t.carry.ValueSet(name)
		if problem := (*Error)(nil); !errors.As(err, &problem) {
			return all, err
		}
	}
	root, err := t.definition("ValueSet", url, version)
	if err != nil {
		return nil, err
	}
	return t.compose(root, url, within)
}

// spend counts work, and refuses what a request may not cost.
func (t *Terminology) spend(codes int) error {
	if t.source == nil {
		return nil
	}
	if t.left -= codes + 1; t.left < 0 {
		return failf(NotWhole, "more codes would have to be looked at than a request may cost (%d)", mostWork)
	}
	return nil
}

// parsed parses what [spec.Definitions] gives.
func parsed(data []byte, err error) (fhir.Node, error) {
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

// printableVersion is a version as an error may show it.
func printableVersion(version string) string {
	if len(version) > 40 || strings.ContainsFunc(version, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "asked for"
	}
	return version
}
