package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir/spec"
)

// CustomState is a custom parameter and where it is ready.
type CustomState struct {
	*Custom

	// Ready lists the types of which all resources have its keys. Elsewhere keys are made, but queries are refused.
	Ready []string

	// Why tells what keeps it from being ready for a type, as "is being indexed: 1,200 of 20,000 Observations". It is called for each query that asks, from any
	// goroutine.
	Why func(resourceType string) string
}

// customSet is what a registry knows of custom parameters at one time. Immutable.
type customSet struct {
	generation uint64
	all        []CustomState // sorted by code and id
	byURL      map[string]*Custom
}

func newCustomSet(all []*Custom) *customSet {
	set := &customSet{byURL: map[string]*Custom{}}
	for _, c := range all {
		set.byURL[c.URL] = c
	}
	return set
}

// definition finds a search parameter by its URL.
func (s *customSet) definition(defs *spec.Definitions, url string) *spec.SearchParameter {
	if d := defs.SearchParameter(url); d != nil || s == nil {
		return d
	}
	if c := s.byURL[unversioned(url)]; c != nil {
		return c.definition
	}
	return nil
}

// unversioned is a canonical URL without its version.
func unversioned(url string) string {
	plain, _, _ := strings.Cut(url, "|")
	return plain
}

// Generation counts the calls of [Registry.SetCustom]. Keys extracted in an earlier generation may lack those of a custom parameter.
func (r *Registry) Generation() uint64 { return r.custom.Load().generation }

// SetCustom replaces the custom parameters. From its return on, resources get keys for all of them, and queries see those that are ready for their type.
// Of parameters of one type with one code the first by id counts.
func (r *Registry) SetCustom(all []CustomState) {
	customs := make([]*Custom, len(all))
	for i := range all {
		customs[i] = all[i].Custom
	}
	set := newCustomSet(customs)
	set.all = slices.Clone(all)
	slices.SortFunc(set.all, func(a, b CustomState) int { return strings.Compare(a.Code+" "+a.ID, b.Code+" "+b.ID) })
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.custom.Load()
	set.generation = before.generation + 1
	r.custom.Store(set)
	for name, x := range r.types {
		isAbout := func(c CustomState) bool { return c.isAbout(x.typ) }
		if slices.ContainsFunc(before.all, isAbout) || slices.ContainsFunc(set.all, isAbout) {
			delete(r.types, name)
		}
	}
}

// addCustom puts the custom parameters of a type beside those of the specification.
func (r *Registry) addCustom(x *typeIndexes, set *customSet) {
	for i := range set.all {
		c := &set.all[i]
		if !c.isAbout(x.typ) || x.byCode[c.Code] != nil || x.unready[c.Code] != nil {
			continue
		}
		param, ix, err := r.compileCustom(x.typ, c.Custom, set)
		if err == nil {
			x.indexes = append(x.indexes, ix)
		}
		if err == nil && slices.Contains(c.Ready, x.typ.Name) {
			x.params = append(x.params, param)
			x.byCode[param.Code] = param
			continue
		}
		if x.unready == nil {
			x.unready = map[string]func() string{}
		}
		x.unready[c.Code] = func() string { return c.whyNot(x.typ.Name, err) }
	}
}

// whyNot tells why a parameter cannot be asked for.
func (c *CustomState) whyNot(typ string, err error) string {
	switch {
	case err != nil:
		return "cannot be compiled: it " + err.Error()
	case c.Why != nil:
		return c.Why(typ)
	}
	return "is not indexed yet"
}

// compileCustom makes the parameter and its index for one of its types.
func (r *Registry) compileCustom(t *spec.Type, c *Custom, set *customSet) (*Param, *index, error) {
	definition := c.definition
	d := &draft{kind: kinds[definition.Type], others: set}
	if definition.XPathUsage == "phonetic" {
		d.kind = phonetic
	}
	d.param = newParam(t, definition, d.kind)
	if d.kind == composite {
		if err := r.draftComposite(d, definition); err != nil {
			return nil, nil, err
		}
	}
	if err := r.customBranches(d, t, definition.Expression); err != nil {
		return nil, nil, err
	}
	ix, err := r.compileIndex(t, &indexGroup{users: []*draft{d}, branches: d.branches, name: customPrefix + c.Code})
	if err != nil {
		return nil, nil, err
	}
	ix.custom = c
	d.param.indexes = []*index{ix}
	d.param.limit(c)
	if slices.ContainsFunc(ix.paths, func(w route) bool { return w.leadsAnywhere() }) && len(d.param.Targets) > len(r.defs.ResourceTypes())/2 {
		d.param.Targets = nil // the definition spells out every type there was
	}
	return d.param, ix, nil
}

// customBranches reads the alternatives of an expression for a type: as plain paths where they are some, else for fhir/path.
func (r *Registry) customBranches(d *draft, t *spec.Type, expression string) error {
	alternatives := splitAlternatives(expression)
	targets := map[string]bool{}
	for _, alternative := range alternatives {
		b := readBranch(alternative)
		if b.root != "" && b.root != "%resource" && r.defs.Type(b.root) != nil && !t.Is(b.root) && len(alternatives) > 1 {
			continue
		}
		if err := r.settle(&b, d, t, alternative); err != nil {
			return err
		}
		targets[b.target] = true
		if !slices.ContainsFunc(d.branches, func(other branch) bool { return other.text == b.text }) {
			d.branches = append(d.branches, b)
		}
	}
	switch {
	case len(d.branches) == 0:
		return fmt.Errorf("has no expression for %s", t.Name)
	case len(targets) > 1:
		return errors.New("restricts its targets in different ways")
	case d.branches[0].target != "":
		d.param.target = d.branches[0].target
		d.param.Targets = []string{d.param.target}
	}
	return nil
}

// splitAlternatives is splitUnion for expressions that anybody may have written: with escapes, all quotes, brackets and comments.
func splitAlternatives(expression string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; c {
		case '\'', '"', '`':
			for i++; i < len(expression) && expression[i] != c; i++ {
				if expression[i] == '\\' {
					i++
				}
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '/':
			if strings.HasPrefix(expression[i:], "//") || strings.HasPrefix(expression[i:], "/*") {
				return []string{expression}
			}
		case '|':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(expression[start:i]))
				start = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(expression[start:]))
}

// settle chooses how a branch is followed.
func (r *Registry) settle(b *branch, d *draft, t *spec.Type, alternative string) error {
	if b.root != "" && r.defs.Type(b.root) != nil && !t.Is(b.root) {
		return fmt.Errorf("begins at %s", b.root)
	}
	if b.plain && b.root != "" && b.root != "%resource" && r.defs.Type(b.root) == nil {
		*b = otherBranch(alternative) // FHIRPath takes it for an element, and says that there is none
	}
	_, _, err := r.route(t, *b, d)
	var wrong *wrongKindError
	if err != nil && b.plain && d.kind != composite && !errors.As(err, &wrong) {
		*b = otherBranch(alternative)
		_, _, err = r.route(t, *b, d)
	}
	if err != nil {
		return fmt.Errorf("has an error in %q: %w", clip(alternative), err)
	}
	return nil
}
