package pebble

import "github.com/firth-health/firth/search"

// countAll finds the total when the search for the page did not tell it.
func (r *run) countAll() {
	v, wanted := r.v, r.q.Total
	switch {
	case wanted == search.NoTotal || r.total >= 0 || r.tried || v.err != nil:
		return
	case wanted == search.Bounded && r.q.Count > 0:
		if r.from != nil {
			return
		}
		v.limit = v.cost + v.tune.boundedCost
	}
	n := v.matches(r.plan)
	if !v.stopped() {
		r.total = n
	}
	v.limit, v.spent = 0, false
}

// matches counts the rows that match.
func (v *view) matches(plan search.And) int {
	if len(plan) == 0 {
		return int(v.n.live)
	}
	if len(plan) == 1 {
		switch p := plan[0].(type) {
		case search.Not:
			return int(v.n.live) - v.matches(flatten(nil, p.Of))
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
