package pebble

import (
	"context"
	"errors"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// condition evaluates IfNoneExist on what is stored and what is pending. It returns the one match, or nil when there is none.
func (g *group) condition(op *store.Op) (*state, error) {
	found, err := g.matches(op.IfNoneExist.Type, op.IfNoneExist.Plan)
	if err != nil {
		return nil, err
	}
	return store.Decide(op, found, func(st *state) string { return st.key.ID })
}

// matches finds up to two live resources that match.
func (g *group) matches(typ string, plan search.Plan) (found []*state, err error) {
	t, known := g.c.s.types.Load().no(typ)
	if !known {
		return nil, nil
	}
	var links search.Resolver
	if search.FollowsReferences(plan) {
		v, openErr := g.c.s.viewOf(context.Background(), g.c.s.db, typ)
		if openErr != nil {
			return nil, openErr
		}
		defer func() { err = errors.Join(err, v.close()) }()
		links = resolver{v}
	}
	found = g.pendingMatches(nil, typ, plan, links)
	if len(found) > 1 {
		return found, nil
	}
	var failure error
	err = g.storedRows(t, typ, plan, func(row uint64) bool {
		st, err := g.storedAt(t, typ, row)
		if failure = err; err != nil {
			return false
		}
		if _, overridden := g.pending[st.key]; !overridden {
			found = append(found, st)
		}
		return len(found) < 2
	})
	if failure != nil {
		return nil, failure
	}
	return found, err
}

// pendingMatches appends up to two pending matches. References lead to what is stored.
func (g *group) pendingMatches(found []*state, typ string, plan search.Plan, links search.Resolver) []*state {
	if key, ok := exactKey(plan); ok && key != g.nowKey {
		g.byKey.build(g.nowKey, g.pending)
		for _, st := range g.byKey.states[key] {
			if st.key.Type == typ && len(found) < 2 && search.Match(plan, st.key.ID, st.keys, links) {
				found = append(found, st)
			}
		}
		return found
	}
	for _, st := range g.pending {
		if st.key.Type == typ && st.live() && len(found) < 2 && search.Match(plan, st.key.ID, st.keys, links) {
			found = append(found, st)
		}
	}
	return found
}

// exactKey returns a key that every match of the plan has.
func exactKey(plan search.Plan) (string, bool) {
	switch p := plan.(type) {
	case search.Keys:
		return p.Exact()
	case search.And:
		for _, part := range p {
			if key, ok := exactKey(part); ok {
				return key, true
			}
		}
	}
	return "", false
}

// needsOwnGroup reports whether a condition of r follows references, which only stored resources answer: the group at hand must be committed first.
func (g *group) needsOwnGroup(r *request) bool {
	for i := range r.ops {
		if q := r.ops[i].IfNoneExist; q != nil && search.FollowsReferences(q.Plan) {
			return true
		}
	}
	return false
}

// storedRows visits the stored matches, pending changes not considered.
func (g *group) storedRows(t typeNo, typ string, plan search.Plan, visit func(row uint64) bool) error {
	if p, ok := plan.(search.Keys); ok {
		if key, ok := p.Exact(); ok {
			return g.probes.rows(t, key, visit)
		}
	}
	return g.c.s.visitMatches(typ, plan, visit)
}

// storedAt reads the resource in a row, without its keys.
func (g *group) storedAt(t typeNo, typ string, row uint64) (*state, error) {
	st := &state{t: t, row: row}
	value, err := g.c.s.get(rowKey(nil, spaceCurrent, t, row))
	if err != nil {
		return nil, err
	}
	if st.rec, err = parseRecord(value); err != nil {
		return nil, err
	}
	st.key.Type, st.key.ID = typ, st.rec.id
	return st, nil
}

// keyIndex finds pending resources by index key, except by the key that all of a group share. It is built when a group first needs it.
type keyIndex struct {
	states map[string][]*state
	shared string
	built  bool
}

func (x *keyIndex) clear() {
	if x.built {
		clear(x.states)
		x.built = false
	}
}

func (x *keyIndex) build(shared string, pending map[fhir.Key]*state) {
	if x.built {
		return
	}
	x.built, x.shared = true, shared
	if x.states == nil {
		x.states = map[string][]*state{}
	}
	for _, st := range pending {
		x.add(st)
	}
}

func (x *keyIndex) add(st *state) {
	if !x.built {
		return
	}
	for _, key := range st.keys {
		if key != x.shared {
			x.states[key] = append(x.states[key], st)
		}
	}
}

func (x *keyIndex) remove(st *state) {
	if !x.built {
		return
	}
	for _, key := range st.keys {
		if key == x.shared {
			continue
		}
		x.states[key] = slices.DeleteFunc(x.states[key], func(other *state) bool { return other == st })
	}
}

// replace puts next in the place of what was pending.
func (x *keyIndex) replace(old, next *state) {
	if old != nil && old.own {
		x.remove(old)
	}
	x.add(next)
}

// visitMatches runs a plan on what is stored now.
func (s *Store) visitMatches(typ string, plan search.Plan, visit func(row uint64) bool) error {
	v, err := s.viewOf(context.Background(), s.db, typ)
	if err != nil {
		return err
	}
	stream := v.stream(search.Conjuncts(nil, plan))
	for row, ok := stream.seek(0); ok && visit(row); {
		row, ok = stream.seek(row + 1)
	}
	return errors.Join(v.err, v.close())
}
