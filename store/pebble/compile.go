package pebble

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/firth-health/firth/search"
)

// testWorth is what a test of one candidate may cost in scanned entries before scanning is the better way.
const testWorth = 15

// compile turns a conjunction into a source of rows. Lazily, wide ranges are left to a test of each candidate, which is best when few rows are
// asked for and most candidates pass. Otherwise they become bitmaps, unless few candidates are left to test.
func (v *view) compile(plan search.And, eager bool) rowSource {
	c := &compiler{v: v}
	plan = search.Conjuncts(nil, plan)
	if h, ok := v.hotScan(plan); ok && h.narrows() {
		if rows, ok := h.rows(v.tune.smallHot); ok {
			c.parts, plan = append(c.parts, rows), h.rest
		}
	}
	for _, part := range plan {
		if or, ok := part.(search.Or); ok && len(or) == 0 {
			return &rowList{}
		}
		c.add(part)
	}
	if eager {
		c.gather()
	}
	return c.finish()
}

// compiler collects the parts of one conjunction.
type compiler struct {
	v      *view
	parts  []rowSource
	except []rowSource
	wide   []search.Plan // not yet decided: a bitmap or a check
}

func (c *compiler) add(part search.Plan) {
	if not, ok := part.(search.Not); ok {
		if source, ok := c.v.narrow(not.Of); ok {
			c.except = append(c.except, source)
			return
		}
	} else if source, ok := c.v.narrow(part); ok {
		c.parts = append(c.parts, source)
		return
	}
	c.wide = append(c.wide, part)
}

// narrow opens a plan whose rows can be read in order at once: ids, single keys, small ranges, and a few of them.
func (v *view) narrow(plan search.Plan) (rowSource, bool) {
	switch p := plan.(type) {
	case search.IDs:
		return v.idRows(p), true
	case search.Keys:
		if key, ok := p.Exact(); ok {
			return v.postings(key), true
		}
		return v.smallRange(p)
	case search.Or:
		if len(p) > v.tune.maxUnion {
			return nil, false
		}
		u := make(union, len(p))
		for i, part := range p {
			source, ok := v.narrow(part)
			if !ok {
				return nil, false
			}
			u[i] = source
		}
		return u, true
	case search.Ref, search.RevRef:
		rows, ok := v.within(v.tune.smallLinks).set(p)
		if ok {
			return newBitmapRows(rows), true
		}
	case search.And:
		parts := search.Conjuncts(nil, p)
		if len(parts) == 1 {
			return v.narrow(parts[0])
		}
	}
	return nil, false
}

// smallRange reads a range when it is small.
func (v *view) smallRange(p search.Keys) (rowSource, bool) {
	if leastCost(p) > v.tune.smallRange {
		return nil, false
	}
	rows := make([]uint64, 0, 16)
	start, complete := v.cost, true
	v.scan(p, func(row uint64) bool {
		rows = append(rows, row)
		complete = v.cost-start < v.tune.smallRange
		return complete
	})
	if !complete {
		return nil, false
	}
	return newRowList(rows), true
}

// idRows finds the live rows of ids.
func (v *view) idRows(ids search.IDs) rowSource {
	rows := make([]uint64, 0, len(ids))
	for _, id := range ids {
		if row, ok := v.rowOf(id); ok {
			rows = append(rows, row)
		}
	}
	return newRowList(rows)
}

func (v *view) alive(row uint64) bool {
	if row >= v.n.rows {
		return false
	}
	if v.n.live == v.n.rows {
		return true
	}
	key := rowKey(nil, spaceDead, v.t, row)
	it := v.iterator(key, after(nil, key))
	if it == nil {
		return false
	}
	dead := v.seek(it, key) && bytes.Equal(it.Key(), key)
	v.release(it)
	return !dead
}

// gather decides about the wide parts: scan those that cost less than testing the candidates of the smallest part.
func (c *compiler) gather() {
	tried := c.v.tune.firstGather / 8
	for c.smallest() == unknownSize && len(c.wide) > 0 && !c.v.stopped() {
		tried *= 8
		c.gatherWithin(tried)
	}
	if limit := max(c.smallest()*testWorth, c.v.tune.smallRange); len(c.wide) > 0 && limit > tried {
		c.gatherWithin(limit)
	}
}

// gatherWithin scans the wide parts that end within a limit.
func (c *compiler) gatherWithin(limit int) {
	c.wide = slices.DeleteFunc(c.wide, func(part search.Plan) bool {
		not, negated := part.(search.Not)
		if negated {
			part = not.Of
		}
		rows, ok := c.v.within(limit).set(part)
		switch {
		case !ok:
			return false
		case negated:
			c.except = append(c.except, newBitmapRows(rows))
		default:
			c.parts = append(c.parts, newBitmapRows(rows))
		}
		return true
	})
}

func (c *compiler) smallest() int {
	least := unknownSize
	for _, part := range c.parts {
		least = min(least, part.size())
	}
	return least
}

// finish puts the parts together.
func (c *compiler) finish() rowSource {
	v := c.v
	if len(c.parts) == 0 {
		c.parts = append(c.parts, v.liveRows())
	}
	slices.SortFunc(c.parts, func(a, b rowSource) int { return cmp.Compare(a.size(), b.size()) })
	if len(c.parts) == 1 && len(c.except) == 0 && len(c.wide) == 0 {
		return c.parts[0]
	}
	return &join{v: v, parts: c.parts, except: c.except, checks: c.wide, needsID: asksID(c.wide...)}
}

// asksID reports whether testing the plans takes more than the key list.
func asksID(plans ...search.Plan) bool {
	for _, plan := range plans {
		switch p := plan.(type) {
		case search.IDs, search.RevRef:
			return true
		case search.Not:
			if asksID(p.Of) {
				return true
			}
		case search.And:
			if asksID(p...) {
				return true
			}
		case search.Or:
			if asksID(p...) {
				return true
			}
		}
	}
	return false
}
