package pebble

import (
	"strings"

	"github.com/firth-health/firth/store"
)

// best keeps the first few positions of many, as a heap whose top is the last of them.
type best struct {
	order store.Order
	limit int
	heap  []store.Position
}

// add offers a position, whose texts it copies when it keeps it.
func (b *best) add(p *store.Position) {
	if len(b.heap) == b.limit {
		if b.limit == 0 || b.order.Compare(p, &b.heap[0]) >= 0 {
			return
		}
		b.heap[0] = clonePosition(p)
		b.down()
		return
	}
	b.heap = append(b.heap, clonePosition(p))
	for i := len(b.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if b.order.Compare(&b.heap[parent], &b.heap[i]) >= 0 {
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
		if child+1 < len(b.heap) && b.order.Compare(&b.heap[child], &b.heap[child+1]) < 0 {
			child++
		}
		if b.order.Compare(&b.heap[i], &b.heap[child]) >= 0 {
			return
		}
		b.heap[i], b.heap[child] = b.heap[child], b.heap[i]
		i = child
	}
}

// sorted empties the heap in order.
func (b *best) sorted() []store.Position {
	out := make([]store.Position, len(b.heap))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = b.heap[0]
		last := len(b.heap) - 1
		b.heap[0] = b.heap[last]
		b.heap = b.heap[:last]
		b.down()
	}
	return out
}

func clonePosition(p *store.Position) store.Position {
	values := make([]store.SortValue, len(p.Values))
	for i, v := range p.Values {
		values[i] = store.SortValue{Text: strings.Clone(v.Text), Has: v.Has}
	}
	return store.Position{Values: values, Created: p.Created}
}
