package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
)

// customLimits are what the definition of a custom parameter allows of what its type could do (R4 searchparameter.html).
type customLimits struct {
	modifiers   []string // empty for all
	comparators []string // likewise
	chains      []string // likewise: what may follow behind a dot
	single      bool     // not multipleOr: no commas
	once        bool     // not multipleAnd: not twice
}

// limit takes the limits of a definition over. Modifiers and comparators that the server does not have are no limit and are not added.
func (p *Param) limit(c *Custom) {
	d := c.definition
	p.limits = &customLimits{modifiers: d.Modifiers, comparators: d.Comparators, chains: c.chains, single: !d.MultipleOr, once: !d.MultipleAnd}
	p.Modifiers = p.limits.among(p.Modifiers)
	if len(d.Comparators) > 0 {
		p.Comparators = slices.DeleteFunc(slices.Clone(p.Comparators), func(name string) bool { return !slices.Contains(d.Comparators, name) })
	}
}

// among leaves of modifiers those that are allowed.
func (l *customLimits) among(modifiers []string) []string {
	if l == nil || len(l.modifiers) == 0 {
		return modifiers
	}
	return slices.DeleteFunc(slices.Clone(modifiers), func(name string) bool { return !slices.Contains(l.modifiers, name) })
}

// typed reports whether a reference takes target types as modifiers.
func (l *customLimits) typed() bool {
	return l == nil || len(l.modifiers) == 0 || slices.Contains(l.modifiers, "type")
}

// checkLimits refuses values that the definition of a custom parameter does not allow.
func (p *parser) checkLimits(param *Param, values []segment) error {
	l := param.limits
	if l == nil {
		return nil
	}
	if l.single && len(values) > 1 {
		return &valueError{values[1].at, fhir.CodeNotSupported, param.Code + " takes one value: its definition says multipleOr=false"}
	}
	if p.used == nil {
		p.used = map[*Param]bool{}
	}
	if l.once && p.used[param] {
		return &valueError{0, fhir.CodeNotSupported, param.Code + " may be there once: its definition says multipleAnd=false"}
	}
	p.used[param] = true
	if len(l.comparators) == 0 {
		return nil
	}
	for _, v := range values {
		prefix := "eq"
		if len(v.raw) > 2 && slices.Contains(comparators, v.raw[:2]) {
			prefix = v.raw[:2]
		}
		if prefix != "eq" && !slices.Contains(l.comparators, prefix) {
			return v.failf("the prefix %s is not among those that the definition of %s allows: %s", prefix, param.Code, strings.Join(l.comparators, ", "))
		}
	}
	return nil
}

// checkChain refuses what may not follow a custom reference parameter.
func (l *customLimits) checkChain(code, rest, whole string) error {
	if l == nil || len(l.chains) == 0 {
		return nil
	}
	name, _, _ := strings.Cut(rest, ".")
	name, _, _ = strings.Cut(name, ":")
	if slices.Contains(l.chains, name) {
		return nil
	}
	return fhir.Invalidf(fhir.CodeNotSupported, "http."+whole, "%s may be followed by %s only: its definition lists chains", code, strings.Join(l.chains, ", "))
}

// refuseUnready is an error where a custom parameter that is not ready is asked for in a way that cannot be ignored: inside of a chain, in _sort, _include or
// _filter.
func (x *typeIndexes) refuseUnready(code, whole string) error {
	if why := x.unready[code]; why != nil {
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+whole, "%s", unreadyText(x.typ.Name, code, why()))
	}
	return nil
}

func unreadyText(typ, code, why string) string {
	return fmt.Sprintf("the search parameter %s of %s %s", code, typ, why)
}

// ExtractFailure is a custom parameter that gave no keys for a resource because its expression failed on the content.
type ExtractFailure struct {
	Custom *Custom
	Err    error // names no value
}

const (
	customBudget    = 20_000 // steps of one evaluation: a custom expression costs every write of its types
	maxCustomValues = 1000   // of one resource
)

// checkCustomValues refuses results that cannot be indexed as they are.
func checkCustomValues(values path.Collection) error {
	if len(values) > maxCustomValues {
		return fmt.Errorf("the expression gives more than %d values", maxCustomValues)
	}
	for _, v := range values {
		if !v.Node().Ok() && v.Kind() != path.Boolean {
			return errors.New("the expression computes a value; only elements and true or false are indexed")
		}
	}
	return nil
}
