package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// Chains, _has, _list, compartments and filters over real resources, each compared with another way to find the same: what is followed is searched for
// first, and then what refers to it by literal reference.

// find answers a query from the store, in order; ok is false when it is refused.
func (r *realData) find(typ string, pairs ...search.Pair) (ids []string, ok bool) {
	r.Helper()
	request, err := r.registry.Parse(typ, pairs, search.ParseOptions{Strict: true})
	if err != nil {
		return nil, false
	}
	request.Query.Count = 1000
	for {
		page := r.search(request.Query)
		for _, m := range page.Matches {
			ids = append(ids, m.Key.ID)
		}
		if request.Query.Cursor = page.Next; page.Next == "" {
			return ids, true
		}
	}
}

// same compares two answers.
func (r *realData) same(what string, want, got []string) bool {
	r.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
		r.Errorf("%s (-step by step +at once):\n%s", what, diff)
	}
	return len(got) > 0
}

// reference picks a reference parameter of a type and a type that it may lead to.
func (r *realData) reference(typ string) (p *search.Param, target string, ok bool) {
	var all []*search.Param
	for _, p := range r.registry.Params(typ) {
		if p.Type == "reference" {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, "", false
	}
	p = pick(r.random, all...)
	var targets []string
	for _, t := range r.types {
		if len(p.Targets) == 0 || slices.Contains(p.Targets, t) {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		return nil, "", false
	}
	return p, pick(r.random, targets...), true
}

// steps compares one chain, _has, _filter or compartment with its steps. It reports whether it could be asked, and whether it found something.
func (r *realData) steps() (asked, found bool) {
	r.Helper()
	// Mostly where there is a reference to follow.
	e := pick(r.random, r.references()...)
	typ, target := e.from.Type, e.to.Type
	i := slices.IndexFunc(r.registry.Params(typ), func(p *search.Param) bool {
		return p.Type == "reference" && slices.Contains(p.Indexes(), e.index) && (len(p.Targets) == 0 || slices.Contains(p.Targets, target))
	})
	ok := i >= 0
	var p *search.Param
	if ok {
		p = r.registry.Params(typ)[i]
	}
	if !ok || r.IntN(5) == 0 {
		typ = pick(r.random, r.types...)
		if p, target, ok = r.reference(typ); !ok {
			return false, false
		}
	}
	switch r.IntN(5) {
	case 4:
		return r.listSteps()
	case 0:
		return r.chainSteps(typ, p, target)
	case 1:
		return r.hasSteps(typ, p, target)
	case 2:
		return r.compartmentSteps(typ)
	}
	return r.filterSteps(typ)
}

// referring finds the resources of a type that refer to any of the others, one by one, and without a search in what was stored.
func (r *realData) referring(typ string, p *search.Param, target string, ids []string) []string {
	var all []string
	for _, e := range r.references() {
		if e.from.Type == typ && e.to.Type == target && !e.version && slices.Contains(p.Indexes(), e.index) && slices.Contains(ids, e.to.ID) && !slices.Contains(all, e.from.ID) {
			all = append(all, e.from.ID)
		}
	}
	return all
}

// chainSteps asks subject:Patient.name=x, as a parameter and as a filter, and name=x of Patients.
func (r *realData) chainSteps(typ string, p *search.Param, target string) (asked, found bool) {
	inner := r.held(target)
	targets, ok := r.find(target, inner)
	if !ok || strings.Trim(inner.Value, ",") == "" { // which is ignored
		return false, false
	}
	chain := search.Pair{Name: p.Code + ":" + target + "." + inner.Name, Value: inner.Value}
	got, ok := r.find(typ, chain)
	if !ok {
		r.Errorf("%s?%s=%s is refused, %s?%s is not", typ, chain.Name, chain.Value, target, inner.Name)
		return false, false
	}
	return true, r.same(fmt.Sprintf("%s?%s=%s", typ, chain.Name, chain.Value), r.referring(typ, p, target, targets), got)
}

// hasSteps asks _has:Observation:subject:code=x of Patients, and code=x of Observations.
func (r *realData) hasSteps(typ string, p *search.Param, target string) (asked, found bool) {
	inner := r.held(typ)
	sources, ok := r.find(typ, inner)
	if !ok || strings.Trim(inner.Value, ",") == "" {
		return false, false
	}
	has := search.Pair{Name: "_has:" + typ + ":" + p.Code + ":" + inner.Name, Value: inner.Value}
	got, ok := r.find(target, has)
	if !ok {
		r.Errorf("%s?%s=%s is refused, %s?%s is not", target, has.Name, has.Value, typ, inner.Name)
		return false, false
	}
	var want []string
	for _, e := range r.references() {
		if e.from.Type == typ && e.to.Type == target && !e.version && slices.Contains(p.Indexes(), e.index) && slices.Contains(sources, e.from.ID) && !slices.Contains(want, e.to.ID) {
			want = append(want, e.to.ID)
		}
	}
	return true, r.same(fmt.Sprintf("%s?%s=%s", target, has.Name, has.Value), want, got)
}

// listSteps compares _list with what the entries of the List refer to.
func (r *realData) listSteps() (asked, found bool) {
	e := pick(r.random, r.references()...)
	if e.from.Type != "List" {
		return false, false
	}
	var want []string
	for _, other := range r.references() {
		if other.from == e.from && other.index == "item" && other.to.Type == e.to.Type && !other.version {
			want = append(want, other.to.ID)
		}
	}
	got, ok := r.find(e.to.Type, search.Pair{Name: "_list", Value: e.from.ID})
	return ok, ok && r.same(e.to.Type+" of "+e.from.String(), want, got)
}

// compartmentSteps compares a compartment with a search by each of its parameters.
func (r *realData) compartmentSteps(typ string) (asked, found bool) {
	of := pick(r.random, r.references()...).to
	if r.defs.Compartment(of.Type) == nil {
		return false, false
	}
	compartment := r.defs.Compartment(of.Type)
	plan, err := r.registry.InCompartment(of, typ)
	if err != nil {
		return false, false
	}
	page := r.search(&search.Query{Type: typ, Plan: plan, Count: 1000})
	var want []string
	if typ == of.Type && r.current[of] != nil {
		want = append(want, of.ID)
	}
	for _, code := range compartment.Parameters[typ] {
		ids, _ := r.find(typ, search.Pair{Name: code, Value: of.Type + "/" + of.ID})
		want = append(want, ids...)
	}
	slices.Sort(want)
	return true, r.same(of.String()+"/"+typ, slices.Compact(want), ids(page.Matches))
}

// filterSteps compares a filter of two tests with the searches for each.
func (r *realData) filterSteps(typ string) (asked, found bool) {
	tests, sets := [2]string{}, [2][]string{}
	for i := range tests {
		pair := r.held(typ)
		if strings.ContainsAny(pair.Name, ":.") || strings.ContainsAny(pair.Value, `,\"`) || pair.Value == "" || r.isString(typ, pair.Name) {
			return false, false // strings are compared in another way
		}
		var ok bool
		operator, value := "eq", pair.Value
		if len(value) > 2 && (value[:2] == "ge" || value[:2] == "lt") && value[2] >= '0' && value[2] <= '9' {
			operator, value = value[:2], value[2:]
		}
		if sets[i], ok = r.find(typ, pair); !ok {
			return false, false
		}
		tests[i] = fmt.Sprintf("%s %s %q", pair.Name, operator, value)
	}
	and := r.IntN(2) == 0
	text, want := tests[0]+" or "+tests[1], append(slices.Clone(sets[0]), sets[1]...)
	if and {
		text = tests[0] + " and not (" + tests[1] + ")"
		want = slices.DeleteFunc(slices.Clone(sets[0]), func(id string) bool { return slices.Contains(sets[1], id) })
	}
	got, ok := r.find(typ, search.Pair{Name: "_filter", Value: text})
	if !ok {
		return false, false
	}
	slices.Sort(want)
	return true, r.same(typ+"?_filter="+text, slices.Compact(want), got)
}

func (r *realData) isString(typ, code string) bool {
	return slices.ContainsFunc(r.registry.Params(typ), func(p *search.Param) bool {
		return p.Code == code && p.Type != "token" && p.Type != "date" && p.Type != "reference"
	})
}

// held is a parameter with a value that a resource of the type has, where the type has one; else any.
func (r *realData) held(typ string) search.Pair {
	for range 20 {
		p := pick(r.random, r.registry.Params(typ)...)
		for _, index := range p.Indexes() {
			if values := r.texts[typ+"\x01"+index]; len(values) > 0 {
				return search.Pair{Name: p.Code, Value: pick(r.random, values...)}
			}
		}
	}
	return r.pair(typ)
}

// keep notes what a resource refers to.
func (r *realData) keep(key fhir.Key, keys []string) {
	r.current[key] = keys
	r.edges = nil
}
