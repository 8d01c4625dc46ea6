package search

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// checkModifier refuses modifiers that the parameter does not take (R4 search.html#modifiers: servers shall reject them).
func (p *parser) checkModifier(param *Param, modifier, whole string) error {
	if param.HasModifier(modifier) {
		return nil
	}
	if param.kind == reference && param.limits.typed() && p.registry.defs.IsResource(modifier) {
		if param.leadsTo(modifier) {
			return nil
		}
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+whole, "%s leads to %s, never to %s",
			param.Code, strings.Join(param.Targets, ", "), modifier)
	}
	known, meant := "no modifier", ""
	if len(param.Modifiers) > 0 {
		known = ":" + strings.Join(param.Modifiers, ", :")
	}
	if param.kind == reference {
		known += " and the names of its target types"
	}
	if best := nearest(modifier, slices.Values(append(slices.Clone(param.Modifiers), param.Targets...))); best != "" {
		meant = "; did you mean :" + best + "?"
	}
	why := ""
	if param.kind == reference && (modifier == "above" || modifier == "below") {
		// R4 search.html#modifiers: servers may follow references that form a hierarchy, such as Location.partOf.
		why = ", because hierarchies of references are not followed (a chain follows one step)"
	}
	return fhir.Invalidf(fhir.CodeNotSupported, "http."+whole, "the modifier :%s is not supported for %s%s; it takes %s%s", modifier, param.Code, why, known, meant)
}

// condition compiles the values of one parameter: any of them matches, or with :not none.
func (p *parser) condition(param *Param, modifier, value string) (Plan, error) {
	if modifier == "missing" {
		return missing(param, value)
	}
	if param.kind == filtering {
		return p.filter(param.types, value)
	}
	values := segment{raw: value}.split(',')
	if len(values) > maxValues {
		return nil, &valueError{0, fhir.CodeTooCostly, fmt.Sprintf("%d values; %d are allowed", len(values), maxValues)}
	}
	if err := p.checkLimits(param, values); err != nil {
		return nil, err
	}
	if param.id {
		plan, err := ids(values)
		if modifier == "not" {
			plan = Not{plan}
		}
		return plan, err
	}
	if param.kind == listing {
		return p.registry.lists(values)
	}
	var alternatives Or
	for _, v := range values {
		if v.raw == "" {
			continue
		}
		plans, err := p.registry.alternatives(param, modifier, v)
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, plans...)
		if p.leaves += len(plans); p.leaves > maxConditions {
			return nil, &valueError{v.at, fhir.CodeTooCostly, "the search has too many alternatives"}
		}
	}
	if modifier == "not" || modifier == "not-in" {
		return Not{anyOf(alternatives)}, nil
	}
	return anyOf(alternatives), nil
}

// alternatives compiles one value: a plan for each index and each way to match in it.
func (r *Registry) alternatives(param *Param, modifier string, v segment) ([]Plan, error) {
	var plans []Plan
	for _, ix := range param.indexes {
		if whole := wholePlans[ix.kind]; whole != nil {
			plan, err := whole(ix, v)
			if err != nil {
				return nil, err
			}
			plans = append(plans, plan)
			continue
		}
		keys, err := r.keysFor(param, ix, modifier, v)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			plans = append(plans, k.under(ix.prefix))
		}
	}
	return plans, nil
}

// wholePlans compile values that ask for more than one key.
var wholePlans = map[kind]func(ix *index, v segment) (Plan, error){phonetic: phoneticPlan, fulltext: wordPlan}

// keysFor gives the conditions on keys of one index for one value, relative to its prefix.
func (r *Registry) keysFor(param *Param, ix *index, modifier string, v segment) ([]Keys, error) {
	switch ix.kind {
	case token:
		return r.tokenKeys(ix, modifier, v)
	case text:
		k, err := stringKeys(modifier, v)
		return []Keys{k}, err
	case reference:
		return r.referenceKeys(param, modifier, v)
	case date:
		return dateKeys(v, ix.instant)
	case number:
		return numberKeys(v)
	case quantity:
		return r.quantityKeys(v, "")
	case uri:
		return uriKeys(modifier, v)
	case position:
		return nearKeys(v)
	}
	return r.compositeKeys(ix, v)
}

// missing answers :missing=true and :missing=false.
func missing(param *Param, value string) (Plan, error) {
	has := anyOf(param.presence())
	if param.id {
		has = All{} // everything that is stored has an id
	}
	switch value {
	case "true":
		return Not{has}, nil
	case "false":
		return has, nil
	}
	return nil, &valueError{0, fhir.CodeValue, ":missing is true or false"}
}

// anyOf is an Or, or its only alternative.
func anyOf(alternatives Or) Plan {
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return alternatives
}

// ids answers _id. What cannot be an id matches nothing.
func ids(values []segment) (Plan, error) {
	var list IDs
	for _, v := range values {
		if id := v.text(); fhir.IsID(id) && !slices.Contains(list, id) {
			list = append(list, id)
		} else if !fhir.IsID(id) && id != "" {
			return nil, v.failf("not an id; an id has 1 to 64 of A-Z a-z 0-9 - .")
		}
	}
	return list, nil
}
