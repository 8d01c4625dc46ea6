package pebble

import (
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// countAll finds the total when the search for the page did not tell it.
func (r *run) countAll() {
	if r.tried || r.v.err != nil || !store.CountsTotal(r.q, r.total, r.from == nil) {
		return
	}
	r.count(func() int { return r.v.matches(r.plan) })
}

// matches counts the rows that match.
func (v *view) matches(plan search.And) int {
	if len(plan) == 0 {
		return int(v.n.live)
	}
	if len(plan) == 1 {
		switch p := plan[0].(type) {
		case search.Not:
			return int(v.n.live) - v.matches(search.Conjuncts(nil, p.Of))
		case search.Keys:
			if _, exact := p.Exact(); exact {
				n := 0
				v.scan(p, func(uint64) bool { n++; return true })
				return n
			}
		}
	}
	n := 0
	s := v.compile(plan, true)
	for row, ok := s.seek(0); ok; row, ok = s.seek(row + 1) {
		n++
	}
	return n
}
