package pebble

import (
	"strings"

	"github.com/firth-health/firth/search"
)

// order compares positions as search.SortKey says.
type order []search.SortKey

func (o order) reversed() bool { return len(o) > 0 && o[0].Descending }

// before reports whether a stands before b.
func (o order) before(a, b *position) bool {
	for i := range o {
		x, y := &a.values[i], &b.values[i]
		if x.has != y.has {
			return x.has
		}
		if c := strings.Compare(x.text, y.text); c != 0 {
			return (c < 0) != o[i].Descending
		}
	}
	if o.reversed() {
		return a.row > b.row
	}
	return a.row < b.row
}

// needsID reports whether a sort value is the logical id.
func (o order) needsID() bool {
	for i := range o {
		for _, prefix := range o[i].Prefixes {
			if prefix == search.IDPrefix {
				return true
			}
		}
	}
	return false
}

// values fills in the sort values of a resource; the texts share keys.
func (o order) values(dst []sortValue, id string, keys []string) []sortValue {
	for i := range o {
		text, has := o[i].Value(id, keys)
		dst = append(dst, sortValue{text, has})
	}
	return dst
}

// best keeps the first few positions of many, as a heap whose top is the last of them.
type best struct {
	order order
	limit int
	heap  []position
}

// add offers a position, whose texts it copies when it keeps it.
func (b *best) add(p *position) {
	if len(b.heap) == b.limit {
		if b.limit == 0 || !b.order.before(p, &b.heap[0]) {
			return
		}
		b.heap[0] = clonePosition(p)
		b.down()
		return
	}
	b.heap = append(b.heap, clonePosition(p))
	for i := len(b.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !b.order.before(&b.heap[parent], &b.heap[i]) {
			break
		}
		b.heap[parent], b.heap[i] = b.heap[i], b.heap[parent]
		i = parent
	}
}

func (b *best) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(b.heap) {
			return
		}
		if child+1 < len(b.heap) && b.order.before(&b.heap[child], &b.heap[child+1]) {
			child++
		}
		if !b.order.before(&b.heap[i], &b.heap[child]) {
			return
		}
		b.heap[i], b.heap[child] = b.heap[child], b.heap[i]
		i = child
	}
}

// sorted empties the heap in order.
func (b *best) sorted() []position {
	out := make([]position, len(b.heap))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = b.heap[0]
		last := len(b.heap) - 1
		b.heap[0] = b.heap[last]
		b.heap = b.heap[:last]
		b.down()
	}
	return out
}

func clonePosition(p *position) position {
	values := make([]sortValue, len(p.values))
	for i, v := range p.values {
		values[i] = sortValue{strings.Clone(v.text), v.has}
	}
	return position{values, p.row}
}
