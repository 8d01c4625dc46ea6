package search

import (
	"iter"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// include understands the names _include and _revinclude, with :iterate (R4 search.html#revinclude); nil for any other name.
func (p *parser) include(name string) func(value string) (used bool, err error) {
	code, modifier, hasModifier := strings.Cut(name, ":")
	if !p.registry.references || code != "_include" && code != "_revinclude" {
		return nil
	}
	return func(value string) (bool, error) {
		if hasModifier && modifier != "iterate" {
			return false, fhir.Invalidf(fhir.CodeNotSupported, "http."+name, "the modifier :%s is not supported for %s; it takes :iterate", modifier, code)
		}
		includes, err := p.registry.includesOf(p.types, value, code == "_revinclude", hasModifier)
		if err != nil {
			return false, err
		}
		for i := range includes {
			includes[i].Iterate = hasModifier
		}
		q := p.request.Query
		if code == "_include" {
			q.Include = append(q.Include, includes...)
		} else {
			q.RevInclude = append(q.RevInclude, includes...)
		}
		return true, nil
	}
}

// includesOf reads the value of _include or _revinclude. With :iterate, * stands for all reference parameters there are: what is included is seldom of
// the searched type.
func (r *Registry) includesOf(searched *typeIndexes, value string, reverse, iterate bool) ([]Include, error) {
	if value != "*" || !iterate {
		return r.includes(searched, value, reverse)
	}
	var all []Include
	for _, source := range r.defs.ResourceTypes() {
		for _, p := range r.Params(source) {
			if p.kind == reference {
				all = append(all, p.include(source, "")...)
			}
		}
	}
	return all, nil
}

// includes reads Type:parameter[:Target]; * stands for all reference parameters of the searched type, or with reverse for all
// that lead to it; Type:* for all of that type.
func (r *Registry) includes(searched *typeIndexes, value string, reverse bool) ([]Include, error) {
	whole := segment{raw: value}
	if value == "*" && !reverse {
		value = searched.typ.Name + ":*"
	}
	if value == "*" {
		return r.allRevIncludes(searched.typ.Name), nil
	}
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, whole.failf("write Type:parameter or Type:parameter:Target")
	}
	types, err := r.indexesOf(parts[0])
	if err != nil {
		return nil, whole.failf("%s is not a resource type%s", parts[0], DidYouMean(parts[0], slices.Values(r.defs.ResourceTypes())))
	}
	target := ""
	if len(parts) == 3 {
		if target = parts[2]; !r.defs.IsResource(target) {
			return nil, whole.failf("%s is not a resource type", target)
		}
	}
	var found []Include
	for _, param := range types.params {
		if param.kind != reference || param.Code != parts[1] && parts[1] != "*" {
			continue
		}
		for _, needed := range needed(searched, target, reverse) {
			if param.leadsTo(needed) {
				continue
			}
			if parts[1] != "*" {
				return nil, whole.failf("%s leads to %s, never to %s", param.Code, strings.Join(param.Targets, ", "), needed)
			}
			param = nil
			break
		}
		if param != nil {
			found = append(found, param.include(types.typ.Name, target)...)
		}
	}
	if len(found) == 0 {
		if err := types.refuseUnready(parts[1], includeName(reverse)); err != nil {
			return nil, err
		}
		if param := types.byCode[parts[1]]; param != nil {
			return nil, whole.failf("%s is of type %s, not a reference", param.Code, param.Type)
		}
		return nil, whole.failf("%s has no reference parameter %s%s", parts[0], parts[1], DidYouMean(parts[1], types.references()))
	}
	return found, nil
}

// references are the codes of the reference parameters of a type.
func (x *typeIndexes) references() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range x.params {
			if p.kind == reference && !yield(p.Code) {
				return
			}
		}
	}
}

func includeName(reverse bool) string {
	if reverse {
		return "_revinclude"
	}
	return "_include"
}

// allRevIncludes are the reference parameters of all types that may lead to one.
func (r *Registry) allRevIncludes(typ string) []Include {
	var all []Include
	for _, source := range r.defs.ResourceTypes() {
		for _, p := range r.Params(source) {
			if p.kind == reference && p.leadsTo(typ) {
				all = append(all, p.include(source, "")...)
			}
		}
	}
	return all
}

// needed lists the types that an include must be able to lead to.
func needed(searched *typeIndexes, target string, reverse bool) []string {
	var types []string
	if target != "" {
		types = append(types, target)
	}
	if reverse {
		types = append(types, searched.typ.Name)
	}
	return types
}

// leadsTo reports whether references of the parameter may be to a type.
func (p *Param) leadsTo(typ string) bool {
	return len(p.Targets) == 0 || slices.Contains(p.Targets, typ)
}

// include gives the includes of a reference parameter, one an index.
func (p *Param) include(typ, target string) []Include {
	if target == "" {
		target = p.target
	}
	var all []Include
	for _, ix := range p.indexes {
		all = append(all, Include{Type: typ, Index: ix.name, Target: target})
	}
	return all
}

// Includes returns what _include takes for a type, as "Observation:subject", sorted; nil unless the registry answers references.
func (r *Registry) Includes(resourceType string) []string {
	if !r.references {
		return nil
	}
	var all []string
	for _, p := range r.Params(resourceType) {
		if p.kind == reference {
			all = append(all, resourceType+":"+p.Code)
		}
	}
	return all
}

// RevIncludes returns what _revinclude takes for a type, as "Provenance:target", sorted; nil unless the registry answers references. It compiles all
// types.
func (r *Registry) RevIncludes(resourceType string) []string {
	if !r.references {
		return nil
	}
	var all []string
	for _, source := range r.defs.ResourceTypes() {
		for _, p := range r.Params(source) {
			if p.kind == reference && p.leadsTo(resourceType) {
				all = append(all, source+":"+p.Code)
			}
		}
	}
	return all
}
