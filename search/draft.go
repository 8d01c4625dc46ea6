package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir/spec"
)

// draft is a parameter while its indexes are being found.
type draft struct {
	param    *Param
	kind     kind
	branches []branch

	others     *customSet       // where components may be defined besides the specification
	components []draftComponent // of a composite
	identity   string           // what they select
}

var (
	errNoExpression = errors.New("has no expression")
	errSpecial      = errors.New("is special in a way that is not known")
	errNoContent    = errors.New("is not indexed; it is an option of the server")
	errNamedQuery   = errors.New("names a query, and no named queries are defined")
)

// draft reads a definition and checks that it can be answered.
func (r *Registry) draft(t *spec.Type, definition *spec.SearchParameter) (*draft, error) {
	d := &draft{kind: kind(definition.Type)}
	switch {
	case definition.Type == "special" && definition.XPathUsage == "nearby":
		d.kind = position
	case definition.Type == "special":
		return nil, errSpecial
	case definition.Code == "_query":
		return nil, errNamedQuery
	case definition.Code == contentIndex && !r.content:
		return nil, errNoContent
	case definition.Code == narrativeIndex || definition.Code == contentIndex:
		d.param = newParam(t, definition, fulltext)
		d.kind = fulltext
		d.param.indexes = []*index{{name: definition.Code, prefix: definition.Code + Separator, kind: fulltext}}
		return d, nil
	case definition.Expression == "":
		return nil, errNoExpression
	case definition.XPathUsage == "phonetic":
		d.kind = phonetic
	}
	d.param = newParam(t, definition, d.kind)
	if definition.Code == "_id" {
		d.param.id = true
		return d, nil
	}
	if err := d.readBranches(t, definition); err != nil {
		return nil, err
	}
	if d.kind == composite {
		if err := r.draftComposite(d, definition); err != nil {
			return nil, err
		}
	}
	for _, b := range d.branches {
		way, _, err := r.route(t, b, d)
		if err != nil {
			return nil, err
		}
		if d.param.target == "" && way.leadsAnywhere() {
			d.param.Targets = nil // the definition spells out every type there was
		}
	}
	return d, nil
}

// readBranches reads the expression: its alternatives for the type, and the one type that references may be restricted to.
func (d *draft) readBranches(t *spec.Type, definition *spec.SearchParameter) error {
	targets := map[string]bool{}
	for _, alternative := range splitUnion(definition.Expression) {
		b := readBranch(alternative)
		if b.root != "" && !t.Is(b.root) {
			continue
		}
		targets[b.target] = true
		if !slices.ContainsFunc(d.branches, func(other branch) bool { return other.text == b.text }) {
			d.branches = append(d.branches, b)
		}
	}
	if len(d.branches) == 0 {
		return fmt.Errorf("has no expression for %s", t.Name)
	}
	if len(targets) == 1 {
		d.param.target = d.branches[0].target
	} else if delete(targets, ""); len(targets) > 0 {
		return errors.New("restricts its targets in different ways")
	}
	if d.param.target != "" {
		d.param.Targets = []string{d.param.target}
	}
	return nil
}

// newParam copies what a definition says about a parameter and adds what the server can do with its kind.
func newParam(t *spec.Type, definition *spec.SearchParameter, k kind) *Param {
	p := &Param{
		Code: definition.Code, Type: definition.Type, URL: definition.URL, Documentation: documentation(definition.Description, t.Name),
		Targets: slices.Clone(definition.Target), kind: k, Sortable: k != composite && k != phonetic && k != fulltext && k != position,
	}
	slices.Sort(p.Targets)
	if slices.Contains(p.Targets, "Resource") {
		p.Targets = nil
	}
	p.Modifiers = modifiers(k)
	switch k {
	case number, date, quantity:
		p.Comparators = comparators
	}
	if definition.Code == "_id" {
		p.Modifiers = nil
	}
	return p
}

// modifiers lists what each kind of parameter takes (R4 search.html#modifiers). A reference also takes its target types; of a token the elements decide
// (see tokenModifiers).
func modifiers(k kind) []string {
	switch k {
	case text:
		return []string{"missing", "exact", "contains"}
	case reference:
		return []string{"missing", "identifier"}
	case uri:
		return []string{"missing", "above", "below"}
	}
	return []string{"missing"}
}

// documentation picks the lines about one type from the description of a parameter that several types share.
func documentation(description, resourceType string) string {
	var lines []string
	for _, line := range strings.Split(description, "\n") {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(strings.TrimPrefix(line, "* "), "["+resourceType+"]"); ok {
			if _, rest, ok = strings.Cut(rest, ": "); ok {
				lines = append(lines, rest)
			}
		}
	}
	if len(lines) > 0 {
		return strings.Join(lines, " ")
	}
	return description
}
