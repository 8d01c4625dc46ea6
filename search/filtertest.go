package search

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// filterOperators are the operators of R4 search_filter.html.
var filterOperators = []string{"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re"}

// operatorsOf lists what can be asked of each kind of parameter.
var operatorsOf = map[kind][]string{
	text:      {"eq", "ne", "co", "sw", "ew", "pr"},
	phonetic:  {"eq", "pr"},
	token:     {"eq", "ne", "sw", "ss", "sb", "in", "ni", "pr"},
	date:      {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "po", "pr"},
	number:    {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr"},
	quantity:  {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr"},
	reference: {"eq", "ne", "re", "pr"},
	uri:       {"eq", "ne", "sw", "ss", "sb", "pr"},
	composite: {"eq", "pr"},
	fulltext:  {"eq", "co", "pr"},
	position:  {"eq", "pr"},
}

// modifierOf names the modifier that asks the same as an operator: ss is that the value subsumes, so that what is sought lies below it.
var modifierOf = map[string]string{"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}

// operators lists what can be asked of a parameter.
func (p *Param) operators() []string {
	if p.id {
		return []string{"eq", "ne", "pr"}
	}
	return slices.DeleteFunc(slices.Clone(operatorsOf[p.kind]), func(op string) bool {
		return modifierOf[op] != "" && !p.HasModifier(modifierOf[op])
	})
}

// test compiles a test on one parameter.
func (f filterCompiler) test(param *Param, t filterTest) (Plan, error) {
	known := param.operators()
	switch {
	case !slices.Contains(filterOperators, t.operator):
		return nil, segment{at: t.at}.failf("not an operator; there are %s", strings.Join(filterOperators, " "))
	case len(known) == 0:
		return nil, &valueError{t.at, fhir.CodeNotSupported, param.Code + " cannot stand in a filter"}
	case !slices.Contains(known, t.operator):
		return nil, &valueError{t.at, fhir.CodeNotSupported, fmt.Sprintf("%s cannot be asked of %s, which is of type %s and takes %s", t.operator, param.Code, param.Type, strings.Join(known, " "))}
	case t.operator == "pr":
		return param.present(t.value)
	case param.id:
		plan, err := ids([]segment{t.value})
		if t.operator == "ne" {
			plan = Not{plan}
		}
		return plan, err
	}
	plans, err := f.alternatives(param, t)
	if err != nil {
		return nil, err
	}
	if f.leaves += len(plans); f.leaves > maxConditions {
		return nil, &valueError{t.at, fhir.CodeTooCostly, "the search has too many alternatives"}
	}
	if t.operator == "ni" {
		return Not{anyOf(plans)}, nil
	}
	return anyOf(plans), nil
}

// present answers pr.
func (p *Param) present(v segment) (Plan, error) {
	if v.raw != "true" && v.raw != "false" {
		return nil, v.failf("pr is true or false")
	}
	var has Plan = All{}
	if !p.id {
		has = anyOf(p.presence())
	}
	if v.raw == "false" {
		return Not{has}, nil
	}
	return has, nil
}

// alternatives compiles a test to a plan for each index and each way to match in it.
func (f filterCompiler) alternatives(param *Param, t filterTest) (Or, error) {
	v := t.value
	ordered := param.kind == date || param.kind == number || param.kind == quantity
	switch {
	case ordered && v.hasComparator():
		return nil, v.failf("the operator stands before the value, which has no prefix of its own")
	case t.operator == "po":
		return param.eachIndex(func(ix *index) ([]Keys, error) { return overlapKeys(ix, v) })
	case ordered:
		v.raw = t.operator + v.raw
	case t.operator == "ne", t.operator == "sw", param.kind == text:
		return param.eachIndex(func(ix *index) ([]Keys, error) { return f.registry.operatorKeys(param, ix, t.operator, v) })
	}
	return f.registry.alternatives(param, modifierOf[t.operator], v)
}

// hasComparator reports whether a value begins with a prefix.
func (s segment) hasComparator() bool {
	_, rest := cutComparator(s.raw)
	return rest != s.raw
}

// eachIndex collects the conditions on each index of a parameter.
func (p *Param) eachIndex(keysOf func(ix *index) ([]Keys, error)) (Or, error) {
	var plans Or
	for _, ix := range p.indexes {
		keys, err := keysOf(ix)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			plans = append(plans, k.under(ix.prefix))
		}
	}
	return plans, nil
}

// overlapKeys answers po: a date that has a moment in common with the value.
func overlapKeys(ix *index, v segment) ([]Keys, error) {
	asked, err := dateSpan(v)
	if err != nil {
		return nil, err
	}
	asked.comparator = approximate
	if ix.instant {
		return asked.points(string(formLow)), nil
	}
	return asked.over(), nil
}

// operatorKeys answers what no modifier asks: whole strings, ends of strings, beginnings of codes and URIs, and other values than one.
func (r *Registry) operatorKeys(p *Param, ix *index, operator string, v segment) ([]Keys, error) {
	folded := string(formString) + foldedText(v.text())
	switch {
	case operator == "ne":
		return r.otherKeys(p, ix, v)
	case ix.kind == text && operator == "eq":
		return []Keys{withPrefix(folded + Separator)}, nil
	case ix.kind == text && operator == "ew":
		k := withPrefix(string(formString))
		k.Contains = []string{folded[1:] + Separator}
		return []Keys{k}, nil
	case ix.kind == text && operator == "co":
		k, err := stringKeys("contains", v)
		return []Keys{k}, err
	case ix.kind == text:
		k, err := stringKeys("", v)
		return []Keys{k}, err
	case ix.kind == token:
		return []Keys{withPrefix(string(formToken) + keyText(v.text()))}, nil
	}
	return []Keys{withPrefix(string(formURI) + keyText(v.text()))}, nil
}

// otherKeys answers ne: a value that is not the one asked.
func (r *Registry) otherKeys(p *Param, ix *index, v segment) ([]Keys, error) {
	switch ix.kind {
	case text:
		return complement(string(formString), []Keys{withPrefix(string(formString) + foldedText(v.text()) + Separator)}), nil
	case token:
		t, err := readToken(v)
		if err != nil {
			return nil, err
		}
		if !t.hasCode {
			return nil, v.failf("ne needs a code")
		}
		return complement(string(formToken), t.appendKeys(nil, ix.system)), nil
	case uri:
		keys, err := uriKeys("", v)
		return complement(string(formURI), withVersions(keys)), err
	}
	if strings.Contains(v.raw, "|") || strings.Contains(v.raw, versionPart) {
		return nil, v.failf("ne needs a reference without version")
	}
	keys, err := r.referenceKeys(p, "", v)
	within := string(formReference)
	if p.target != "" {
		within += p.target + "/"
	}
	return complement(within, withVersions(keys)), err
}

// withVersions adds the keys that name a version of the same thing.
func withVersions(keys []Keys) []Keys {
	for _, k := range slices.Clone(keys) {
		keys = append(keys, withPrefix(k.Lo+"|"), withPrefix(k.Lo+versionPart))
	}
	return keys
}

// complement gives the ranges of keys with a prefix that lie outside of some ranges.
func complement(prefix string, without []Keys) []Keys {
	slices.SortFunc(without, func(a, b Keys) int { return cmp.Compare(a.Lo, b.Lo) })
	var rest []Keys
	from, end := prefix, after(prefix)
	for _, k := range without {
		if from < k.Lo && k.Lo < end {
			rest = append(rest, Keys{Lo: from, Hi: k.Lo})
		}
		from = max(from, k.Hi)
	}
	if from < end {
		rest = append(rest, Keys{Lo: from, Hi: end})
	}
	return rest
}
