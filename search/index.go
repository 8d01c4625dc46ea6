package search

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/firth-health/firth/fhir/spec"
)

// index is one set of keys of a resource type. Parameters that read the same elements share it: the branches of all expressions of the type are grouped
// by the parameters that use them, so that value-quantity is one index and combo-value-quantity is that index and component-value-quantity's. A final
// where(resolve() is X) restricts the parameter, not the index: patient is answered from subject.
//
// An index is named by the parameter whose branches are exactly its own: the alphabetically first of those without restriction, else of
// those with. Where there is none, it is the alphabetically first parameter that uses it, a dot and a number that counts from 1 in
// the order of that parameter's expression. Names are part of the stored format.
type index struct {
	name   string
	prefix string // name and separator
	kind   kind
	paths  []route
	parts  []part // of a composite

	system  string // token: every value is a code of this system, which keys leave out
	instant bool   // date: every value is an instant

	custom *Custom // whose index it is; nil for the specification's
}

// route is how an index finds its values: a plain path, or else an expression.
type route struct {
	steps      []step
	expression *expression
	components [][]route // of a composite: the paths of each component, from the item
}

// typeIndexes is everything known about the search parameters of a type.
type typeIndexes struct {
	typ         *spec.Type
	params      []*Param
	byCode      map[string]*Param
	unsupported []Unsupported
	unready     map[string]func() string // custom parameters that cannot be asked for yet, and why
	indexes     []*index                 // by name
	subject     string                   // prefix of the keys of which a resource has one at most ([HotIndex]); empty for none
}

// compileType finds parameters and indexes of a resource type.
func (r *Registry) compileType(t *spec.Type, customs *customSet) (*typeIndexes, error) {
	x := &typeIndexes{typ: t, byCode: map[string]*Param{}}
	if hot := HotIndexes(t.Name); len(hot) > 0 {
		x.subject = hot[0].Subject
	}
	var drafts []*draft
	for _, definition := range r.defs.SearchParameters(t.Name) {
		d, err := r.draft(t, definition)
		if err != nil {
			x.unsupported = append(x.unsupported, Unsupported{Code: definition.Code, Reason: err.Error()})
			continue
		}
		x.params = append(x.params, d.param)
		x.byCode[d.param.Code] = d.param
		drafts = append(drafts, d)
	}
	for _, p := range r.proseParams(x) {
		x.params = append(x.params, p)
		x.byCode[p.Code] = p
	}
	groups := group(drafts)
	for _, g := range groups {
		ix, err := r.compileIndex(t, g)
		if err != nil {
			return nil, fmt.Errorf("search parameter %s of %s: %w", g.users[0].param.Code, t.Name, err)
		}
		x.indexes = append(x.indexes, ix)
		for _, d := range g.users {
			d.param.indexes = append(d.param.indexes, ix)
		}
	}
	for _, p := range x.params {
		if p.kind == fulltext {
			x.indexes = append(x.indexes, p.indexes...)
		}
	}
	r.addCustom(x, customs)
	slices.SortFunc(x.params, func(a, b *Param) int { return cmp.Compare(a.Code, b.Code) })
	slices.SortFunc(x.indexes, func(a, b *index) int { return cmp.Compare(a.name, b.name) })
	for _, p := range x.params {
		slices.SortFunc(p.indexes, func(a, b *index) int { return cmp.Compare(a.name, b.name) })
		if p.id {
			p.Modifiers = []string{"missing", "not"}
		} else if p.kind == token {
			p.Modifiers = p.limits.among(tokenModifiers(p.indexes))
		}
	}
	return x, nil
}

// route compiles a branch for a kind of parameter.
func (r *Registry) route(t *spec.Type, b branch, d *draft) (way route, parts []part, err error) {
	if !b.plain {
		if d.kind == composite {
			return way, nil, errors.New("has items that are not at a plain path")
		}
		way.expression, err = compileExpression(b.text, t, r.defs)
		return way, nil, err
	}
	if way.steps, err = (paths{r.defs}).compile(t, b.steps, d.kind); err != nil || d.kind != composite {
		return way, nil, err
	}
	item := t
	if len(way.steps) > 0 {
		item = way.steps[len(way.steps)-1].members[0].typ
	}
	parts, way.components, err = r.compileParts(t, item, d.components)
	return way, parts, err
}

// leadsAnywhere reports whether the path ends in a reference to any type.
func (w *route) leadsAnywhere() bool {
	if len(w.steps) == 0 {
		return false
	}
	for _, m := range w.steps[len(w.steps)-1].members {
		if m.leaf.anywhere {
			return true
		}
	}
	return false
}

// indexGroup is an index while it has no name: branches that the same parameters use.
type indexGroup struct {
	users    []*draft
	branches []branch
	key      string
	name     string
}

// group partitions all branches by the parameters that use them.
func group(drafts []*draft) []*indexGroup {
	type use struct {
		branch branch
		users  []*draft
	}
	uses := map[string]*use{}
	var order []string
	for _, d := range drafts {
		for _, b := range d.branches {
			id := string(d.kind) + "\x00" + d.identity + "\x00" + b.text
			if uses[id] == nil {
				uses[id] = &use{branch: b}
				order = append(order, id)
			}
			if !slices.Contains(uses[id].users, d) {
				uses[id].users = append(uses[id].users, d)
			}
		}
	}
	groups := map[string]*indexGroup{}
	var all []*indexGroup
	for _, id := range order {
		key := ""
		for _, d := range uses[id].users {
			key += d.param.Code + " "
		}
		g := groups[key]
		if g == nil {
			g = &indexGroup{users: uses[id].users, key: key}
			groups[key] = g
			all = append(all, g)
		}
		g.branches = append(g.branches, uses[id].branch)
	}
	nameGroups(all)
	return all
}

// nameGroups applies the rule that [index] states. Parameters arrive sorted by code, and so do the users of a group.
func nameGroups(groups []*indexGroup) {
	counts := map[string]int{}
	for _, g := range groups {
		for _, restricted := range []bool{false, true} {
			for _, d := range g.users {
				if g.name == "" && len(d.branches) == len(g.branches) && (d.param.target != "") == restricted {
					g.name = d.param.Code
				}
			}
		}
		if g.name == "" {
			code := g.users[0].param.Code
			counts[code]++
			g.name = code + "." + strconv.Itoa(counts[code])
		}
	}
}

func (r *Registry) compileIndex(t *spec.Type, g *indexGroup) (*index, error) {
	ix := &index{name: g.name, prefix: g.name + Separator, kind: g.users[0].kind}
	for i, b := range g.branches {
		way, parts, err := r.route(t, b, g.users[0])
		if err != nil {
			return nil, err
		}
		ix.paths = append(ix.paths, way)
		if i == 0 {
			ix.parts = parts
		}
		for j := range parts {
			if ix.parts[j].system != parts[j].system {
				ix.parts[j].system = ""
			}
			ix.parts[j].instant = ix.parts[j].instant && parts[j].instant
		}
	}
	ix.system, ix.instant = traits(ix.paths)
	return ix, nil
}

// traits tells what all values of some paths have in common: the implied code system, and being instants.
func traits(ways []route) (system string, instant bool) {
	instant = true
	first := true
	for _, way := range ways {
		if len(way.steps) == 0 {
			return "", false
		}
		for _, m := range way.steps[len(way.steps)-1].members {
			if first {
				system, first = m.leaf.system, false
			}
			if m.leaf.system != system {
				system = ""
			}
			instant = instant && m.leaf.instant
		}
	}
	return system, instant
}
