package mongo

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
)

// values reads the values that a document of the leg is sorted by.
func (l *leg) values(document bson.Raw) ([]value, error) {
	values := make([]value, len(l.columns))
	for i, c := range l.columns {
		if !l.present[i] {
			continue
		}
		found := document.Lookup(strings.Split(c.field, ".")...)
		text, ok := found.StringValueOK()
		if !ok {
			several, isArray := readStrings(found)
			if !isArray || len(several) == 0 {
				return nil, errCorrupt
			}
			text = slices.Min(several)
			if c.descending {
				text = slices.Max(several)
			}
		}
		if c.field == fieldTime {
			text = text[:max(0, strings.LastIndex(text, search.Separator))]
		}
		values[i] = value{text: text, has: true}
	}
	return values, nil
}

// findInMemory reads the keys of all matches, keeps the best, and reads those.
func (r *run) findInMemory(want int) ([]match, error) {
	var best []match
	trim := func() {
		slices.SortFunc(best, func(a, b match) int { return r.order.compare(&a.at, &b.at) })
		best = best[:min(len(best), want)]
	}
	projection := bson.D{{Key: fieldKeys, Value: 1}, {Key: fieldCreated, Value: 1}}
	_, err := r.v.each(r.q.Type, r.q.Plan, projection, r.v.s.opts.Candidates, func(found *version) {
		m := match{version: found, at: position{values: r.order.values(found.key.ID, found.keys), created: found.created}}
		if r.from != nil && r.order.compare(&m.at, r.from) <= 0 {
			return
		}
		found.keys = nil
		if best = append(best, m); len(best) >= 4*want+1000 {
			trim()
		}
	})
	if err != nil {
		return nil, err
	}
	trim()
	return r.load(best)
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
