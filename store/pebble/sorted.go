package pebble

import (
	"bytes"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// findByWalk goes through the index of the first sort key in order and takes the entries whose resources match, then the matches without a value.
func (r *run) findByWalk(m *membership) {
	r.strategy = "walk of the sort index"
	if r.from == nil || r.from.Values[0].Has {
		if !r.walkValues(m) {
			r.strategy = "all matches sorted in memory"
			r.found = r.found[:0]
			r.sortAll(m.all())
			return
		}
	}
	if len(r.found) < r.want && !r.v.stopped() && !r.allHaveValues() {
		r.findMissing(m)
	}
}

// membership tells whether a row matches: by its key list at first, by a bitmap of all matches when many were asked.
type membership struct {
	r     *run
	set   *roaring64.Bitmap
	asked int
}

func (m *membership) has(row uint64) bool {
	if m.set == nil && m.asked < m.r.v.tune.lazyTests {
		m.asked++
		return m.r.v.passes(row, m.r.plan, asksID(m.r.plan...))
	}
	return m.all().Contains(row)
}

func (m *membership) all() *roaring64.Bitmap {
	if m.set == nil {
		m.set, _ = m.r.v.within(0).set(m.r.plan)
		m.r.v.note("%d matches gathered", m.set.GetCardinality())
		m.r.setTotalOnce(int(m.set.GetCardinality()))
	}
	return m.set
}

// setTotalOnce notes the total unless an earlier page did.
func (r *run) setTotalOnce(n int) {
	if r.total < 0 && !r.v.stopped() {
		r.setTotal(n)
	}
}

// walkValues takes matches in the order of the first sort key. It returns false when they are too rare along the way.
func (r *run) walkValues(m *membership) bool {
	w := r.sortWalk()
	defer w.close()
	room := r.want - len(r.found)
	group := newBest(r.order, room)
	var value []byte
	last, begun := store.Position{}, false
	for entries := 0; w.next(); entries++ {
		if m.set != nil && entries > 4*r.v.tune.fewMatches+r.v.tune.walkPatience*int(m.set.GetCardinality()) {
			return false
		}
		if begun && w.at.row == last.Created && bytes.Equal(w.at.value, value) {
			continue
		}
		if !begun || !bytes.Equal(w.at.value, value) {
			r.found = append(r.found, group.Sorted()...)
			room = r.want - len(r.found)
			group.Limit(room)
			value = append(value[:0], w.at.value...)
		}
		begun, last.Created = true, w.at.row
		if room == 0 || len(r.order) == 1 && group.Full() {
			break
		}
		if m.has(w.at.row) {
			r.considerAt(group, w.at.row, value)
		}
	}
	if room > 0 {
		r.found = append(r.found, group.Sorted()...)
	}
	return true
}

// considerAt is consider for a row met at a value; that is the place of the row only if the value is its sort value.
func (r *run) considerAt(b *best, row uint64, value []byte) {
	p := store.Position{Created: row}
	p.Values = r.values(row)
	if r.v.stopped() || !p.Values[0].Has || p.Values[0].Text != string(value) {
		return
	}
	if r.from == nil || r.order.Compare(r.from, &p) < 0 {
		b.add(&p)
	}
}

// sortWalk opens the index of the first sort key.
func (r *run) sortWalk() *walk {
	v, key := r.v, r.order[0]
	w := &walk{v: v, reverse: key.Descending}
	var from *start
	if r.from != nil {
		from = &start{value: []byte(r.from.Values[0].Text), row: r.from.Created, exact: len(r.order) == 1}
	}
	for _, prefix := range key.Prefixes {
		if prefix == search.IDPrefix {
			p := spaceKey(nil, spaceIDs, v.t)
			w.add(&leg{ids: true}, p, p, spaceKey(nil, spaceIDs, v.t+1), from)
			continue
		}
		p := append(spaceKey(nil, spacePosting, v.t), prefix...)
		w.add(&leg{}, p, p, after(nil, p), from)
	}
	return w
}

// allHaveValues reports whether no resource can lack the first sort value.
func (r *run) allHaveValues() bool {
	return store.SortsByID(r.order[0])
}

// findMissing appends the matches that lack the first sort value.
func (r *run) findMissing(m *membership) {
	v := r.v
	lacking := m.all().Clone()
	if lacking.GetCardinality()*costTest > v.n.live {
		for _, prefix := range r.order[0].Prefixes {
			with, _ := v.within(0).collect(search.Keys{Lo: prefix, Hi: string(after(nil, []byte(prefix)))})
			lacking.AndNot(with)
		}
	}
	b := newBest(r.order, r.want-len(r.found))
	for it := lacking.Iterator(); it.HasNext() && !v.stopped(); {
		p := store.Position{Created: it.Next()}
		p.Values = r.values(p.Created)
		if !p.Values[0].Has && (r.from == nil || r.order.Compare(r.from, &p) < 0) {
			b.add(&p)
		}
	}
	r.found = append(r.found, b.Sorted()...)
}

// sortAll sorts all matches in memory.
func (r *run) sortAll(rows *roaring64.Bitmap) {
	b := newBest(r.order, r.want)
	for it := rows.Iterator(); it.HasNext() && !r.v.stopped(); {
		r.consider(b, it.Next())
	}
	r.found = b.Sorted()
}
