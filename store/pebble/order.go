package pebble

import (
	"strings"

	"github.com/firth-health/firth/store"
)

// best keeps the first few positions of many.
type best struct{ store.Best[store.Position] }

func newBest(order store.Order, limit int) *best { return &best{store.NewBest(limit, order.Compare)} }

// add offers a position, whose texts it copies when it keeps it.
func (b *best) add(p *store.Position) {
	if b.Wants(p) {
		b.Add(clonePosition(p))
	}
}

func clonePosition(p *store.Position) store.Position {
	values := make([]store.SortValue, len(p.Values))
	for i, v := range p.Values {
		values[i] = store.SortValue{Text: strings.Clone(v.Text), Has: v.Has}
	}
	return store.Position{Values: values, Created: p.Created}
}
