package mongo

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// value reads the value that a document of the leg is sorted by.
func (l *leg) value(document bson.Raw) (store.SortValue, error) {
	if l.column == nil {
		return store.SortValue{}, nil
	}
	if l.path == nil {
		l.path = strings.Split(l.column.field, ".")
	}
	found := document.Lookup(l.path...)
	text, ok := found.StringValueOK()
	if !ok {
		several, isArray := readStrings(found)
		if !isArray || len(several) == 0 {
			return store.SortValue{}, errCorrupt
		}
		text = slices.Min(several)
		if l.column.descending {
			text = slices.Max(several)
		}
	}
	if l.column.field == fieldTime {
		text = text[:max(0, strings.LastIndex(text, search.Separator))]
	}
	return store.SortValue{Text: text, Has: true}, nil
}

// best keeps the first matches in the order of a query, behind a position, of those it is shown.
type best struct {
	store.Best[match]
	r *run
}

func newBest(r *run, want int) *best {
	return &best{store.NewBest(want, func(a, b *match) int { return r.order.Compare(&a.at, &b.at) }), r}
}

// add shows it a match of which the keys were read.
func (b *best) add(v *version) {
	m := match{version: v, at: store.Position{Values: b.r.order.AppendValues(nil, v.key.ID, v.keys), Created: uint64(v.created)}}
	if b.r.from != nil && b.r.order.Compare(&m.at, b.r.from) <= 0 || !b.Wants(&m) {
		return
	}
	v.keys = nil
	b.Add(m)
}

// findInMemory reads the keys of all matches, keeps the best, and reads those.
func (r *run) findInMemory(want int) ([]match, error) {
	b := newBest(r, want)
	projection := bson.D{{Key: fieldKeys, Value: 1}, {Key: fieldCreated, Value: 1}}
	if _, err := r.v.each(r.q.Type, r.q.Plan, projection, r.v.s.opts.Candidates, b.add); err != nil {
		return nil, err
	}
	return r.load(b.Sorted())
}

// findByFirst reads the keys of matches in the order of the first sort key, until the last value that the page reaches has ended, and sorts those.
func (r *run) findByFirst(c column, want int) ([]match, error) {
	b := newBest(r, want)
	if r.from == nil || r.from.Values[0].Has {
		l := r.narrowed()
		l.column, l.sort = &c, sortBy(&c, c.descending)[:1]
		l.where = conjunction(l.where, c.present(true))
		if r.from != nil {
			l.where = conjunction(l.where, bson.D{{Key: c.field, Value: c.from(r.from.Values[0].Text)}})
		}
		if err := r.gather(l, b, want); err != nil {
			return nil, err
		}
	}
	if !b.Full() {
		l := r.narrowed()
		l.where = conjunction(l.where, c.present(false))
		if err := r.gather(l, b, want); err != nil {
			return nil, err
		}
	}
	return r.load(b.Sorted())
}

// gather shows the matches of a leg until none that follow can be among the best.
func (r *run) gather(l *leg, b *best, want int) error {
	projection := ascending(fieldKeys, fieldCreated)
	if l.column != nil {
		projection = append(projection, bson.E{Key: l.column.field, Value: int32(1)})
	}
	o := options.Find().SetProjection(projection).SetAllowDiskUse(true).SetBatchSize(int32(min(2*want+100, 2000)))
	if l.sort != nil {
		o.SetSort(l.sort)
	}
	if l.hint != nil {
		o.SetHint(l.hint)
	}
	t := r.v.tester(r.q.Type, r.q.Plan, r.filter)
	last := store.SortValue{}
	return r.v.find(r.q.Type, conjunction(r.filter.onlyLive(), l.where), o, func(document bson.Raw) (bool, error) {
		first, err := l.value(document)
		if err != nil || l.column != nil && first != last && b.Full() {
			return false, err
		}
		last = first
		v, err := r.v.s.readVersion(r.q.Type, document)
		if err != nil {
			return false, err
		}
		ok, err := t.accepts(v)
		if ok {
			b.add(v)
		}
		return err == nil, err
	})
}

// load reads the resources of matches of which only the ids are known. One that was deleted in between is left out.
func (r *run) load(found []match) ([]match, error) {
	read := make(map[string]*version, len(found))
	for chunk := range slices.Chunk(found, 500) {
		ids := make(search.IDs, len(chunk))
		for i := range chunk {
			ids[i] = chunk[i].version.key.ID
		}
		o := options.Find().SetProjection(r.projection(nil))
		err := r.v.find(r.q.Type, conjunction(idsFilter(ids).where, bson.D{{Key: fieldDeleted, Value: nil}}), o, func(document bson.Raw) (bool, error) {
			v, err := r.v.s.readVersion(r.q.Type, document)
			if err == nil {
				read[v.key.ID] = v
			}
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(found, func(m match) bool {
		v := read[m.version.key.ID]
		if v != nil {
			*m.version = *v
		}
		return v == nil
	}), nil
}
