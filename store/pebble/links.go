package pebble

import (
	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/firth-health/firth/search"
)

// toward is a view of a type that references lead to or come from. Each view has its own, because key lists of both are read at once.
func (v *view) toward(typ string) *view {
	other := v.linked[typ]
	if other == nil {
		other = v.view(typ)
		if v.linked == nil {
			v.linked = map[string]*view{}
		}
		v.linked[typ] = other
	}
	return other
}

// resolver follows references from and to resources of a view, at the moment of the view.
type resolver struct{ v *view }

// Ref implements [search.Resolver].
func (r resolver) Ref(p search.Ref, keys []string) bool {
	target := r.v.toward(p.Type)
	of := []search.Plan{p.Of}
	for _, id := range search.ReferencedIDs(keys, p.Index, p.Type) {
		if row, ok := target.rowOf(id); ok && target.passes(row, of, asksID(p.Of)) {
			return true
		}
	}
	return false
}

// RevRef implements [search.Resolver].
func (r resolver) RevRef(p search.RevRef, id string) bool {
	source := r.v.toward(p.Type)
	rows := source.compile(search.And{search.OneKey(search.ReferencePrefix(p.Index, r.v.typ) + id), p.Of}, false)
	defer rows.close()
	_, ok := rows.seek(0)
	return ok && !r.v.stopped()
}

// rowOf finds the live resource with an id.
func (v *view) rowOf(id string) (row uint64, ok bool) {
	v.count.Seeks++
	if v.n.live == 0 || !v.spend(costSeek) {
		return 0, false
	}
	row, found, err := lookupRow(v.r, v.buf[:0], v.t, id)
	v.fail(err)
	return row, found && err == nil && v.alive(row)
}

// referring gathers the resources with a reference to what matches.
func (b *budget) referring(p search.Ref) (rows *roaring64.Bitmap, ok bool) {
	target := b.v.toward(p.Type)
	targets, ok := (&budget{target, b.end}).set(p.Of)
	rows = roaring64.New()
	prefix := search.ReferencePrefix(p.Index, p.Type)
	for it := targetRows(targets, ok); ok && it.HasNext(); ok = b.left() {
		some, _ := b.collect(search.OneKey(prefix + target.id(it.Next())))
		rows.Or(some)
		b.v.spend(costTest)
	}
	return rows, ok
}

// referred gathers the resources that something that matches refers to.
func (b *budget) referred(p search.RevRef) (rows *roaring64.Bitmap, ok bool) {
	source := b.v.toward(p.Type)
	sources, ok := (&budget{source, b.end}).set(p.Of)
	rows = roaring64.New()
	for it := targetRows(sources, ok); ok && it.HasNext(); ok = b.left() {
		keys, _ := source.keyList(it.Next())
		for _, id := range search.ReferencedIDs(keys, p.Index, b.v.typ) {
			if row, found := b.v.rowOf(id); found {
				rows.Add(row)
			}
		}
	}
	return rows, ok
}

// targetRows iterates over a set that may not have been computed.
func targetRows(rows *roaring64.Bitmap, ok bool) roaring64.IntPeekable64 {
	if !ok {
		rows = roaring64.New()
	}
	return rows.Iterator()
}
