package pebble

import (
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/firth-health/firth/search"
)

// bound translates a bound of index keys into one of postings: a key k is below b if and only if all its postings are below bound(b).
func bound(dst []byte, t typeNo, b string) []byte {
	return appendBound(spaceKey(dst, spacePosting, t), b)
}

// appendBound appends a bound of something that ends in NUL.
func appendBound(dst []byte, b string) []byte {
	if i := strings.IndexByte(b, 0); i >= 0 {
		return append(append(dst, b[:i]...), 1)
	}
	return append(dst, b...)
}

// scan visits the rows of all index keys that p accepts, in the order of keys, until visit returns false. A row comes once for each key.
func (v *view) scan(p search.Keys, visit func(row uint64) bool) {
	if p.Lo >= p.Hi {
		return
	}
	if p.Among != nil {
		v.scanAmong(p, visit)
		return
	}
	it := v.iterator(bound(nil, v.t, p.Lo), bound(nil, v.t, p.Hi))
	if it == nil {
		return
	}
	filtered := p.Filtered()
	v.count.Seeks++
	for ok := v.spend(costSeek) && it.First() && v.read(); ok; ok = v.next(it) {
		key := it.Key()
		if filtered && !p.Passes(text(key[typeLen:len(key)-rowLen-1])) {
			continue
		}
		if !visit(tailRow(key)) {
			break
		}
	}
	v.release(it)
}

// leastCost is what a scan costs at least. A test of a candidate looks into a set of keys, whatever its size, so a scan of many is seldom worth it.
func leastCost(p search.Keys) int {
	if p.Among == nil {
		return costSeek
	}
	return costSeek * len(p.Among.Keys)
}

// scanAmong visits key by key.
func (v *view) scanAmong(p search.Keys, visit func(row uint64) bool) {
	for _, key := range p.Among.Keys {
		more := true
		if p.Accepts(key) {
			v.scan(search.OneKey(key), func(row uint64) bool {
				more = visit(row)
				return more
			})
		}
		if !more || v.stopped() {
			return
		}
	}
}

// budget bounds a materialisation; it is spent in index entries.
type budget struct {
	v   *view
	end int // cost at which to give up; 0 for never
}

func (v *view) within(cost int) *budget {
	if cost == 0 {
		return &budget{v, 0}
	}
	return &budget{v, v.cost + cost}
}

func (b *budget) left() bool { return !b.v.stopped() && (b.end == 0 || b.v.cost < b.end) }

// collect gathers the rows of a range; ok is false when the budget ended first.
func (b *budget) collect(p search.Keys) (rows *roaring64.Bitmap, ok bool) {
	rows = roaring64.New()
	if b.end != 0 && b.v.cost+leastCost(p) > b.end {
		return rows, false
	}
	buf := make([]uint64, 0, 1024)
	ok = true
	b.v.scan(p, func(row uint64) bool {
		if len(buf) == cap(buf) {
			rows.AddMany(buf)
			buf = buf[:0]
			ok = b.left()
		}
		buf = append(buf, row)
		return ok
	})
	rows.AddMany(buf)
	return rows, ok && !b.v.stopped()
}

// set computes the rows that match a plan; ok is false when the budget ended first.
func (b *budget) set(plan search.Plan) (rows *roaring64.Bitmap, ok bool) {
	switch p := plan.(type) {
	case search.Keys:
		return b.collect(p)
	case search.Or:
		rows = roaring64.New()
		for _, part := range p {
			more, ok := b.set(part)
			if !ok {
				return nil, false
			}
			rows.Or(more)
		}
		return rows, true
	case search.Not:
		without, ok := b.set(p.Of)
		if !ok {
			return nil, false
		}
		rows, ok = b.read(b.v.liveRows())
		rows.AndNot(without)
		return rows, ok
	case search.And:
		return b.read(b.v.compile(p, true))
	case search.Ref:
		return b.referring(p)
	case search.RevRef:
		return b.referred(p)
	}
	return b.read(b.v.compile(search.And{plan}, true))
}

// read gathers the rows of a source and closes it.
func (b *budget) read(source rowSource) (rows *roaring64.Bitmap, ok bool) {
	defer source.close()
	rows = roaring64.New()
	for row, more := source.seek(0); more; row, more = source.seek(row + 1) {
		rows.Add(row)
		if !b.left() {
			return rows, false
		}
	}
	return rows, !b.v.stopped()
}
