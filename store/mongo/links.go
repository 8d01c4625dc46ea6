package mongo

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

var _ store.Prefetcher = (*links)(nil)

// links answers what includes ask, at the moment of a search. It implements [store.Links]. What a page's includes lead to is read with one find a type, and
// kept.
type links struct {
	v     *view
	known map[fhir.Key]*version // nil: there is none, or it is deleted
}

func newLinks(v *view, found []match) *links {
	l := &links{v: v, known: map[fhir.Key]*version{}}
	for i := range found {
		if found[i].version.keys != nil {
			l.known[found[i].version.key] = found[i].version
		}
	}
	return l
}

// Prefetch implements [store.Prefetcher].
func (l *links) Prefetch(keys []fhir.Key) error {
	byType := map[string]search.IDs{}
	for _, key := range keys {
		if _, known := l.known[key]; !known && isType(key.Type) {
			byType[key.Type] = append(byType[key.Type], key.ID)
			l.known[key] = nil
		}
	}
	for typ, ids := range byType {
		for chunk := range slices.Chunk(ids, 500) {
			if err := l.read(typ, idsFilter(chunk).where); err != nil {
				return err
			}
		}
	}
	return nil
}

// read takes the live resources of a type that match.
func (l *links) read(typ string, where bson.D) error {
	o := options.Find().SetProjection(bson.D{{Key: fieldOrder, Value: 0}, {Key: fieldHot, Value: 0}})
	return l.v.find(typ, conjunction(where, bson.D{{Key: fieldDeleted, Value: nil}}), o, func(document bson.Raw) (bool, error) {
		v, err := l.v.s.readVersion(typ, document)
		if err == nil {
			l.known[v.key] = v
		}
		return true, err
	})
}

// one returns a current version; nil when there is none.
func (l *links) one(key fhir.Key) (*version, error) {
	if _, known := l.known[key]; !known {
		if err := l.Prefetch([]fhir.Key{key}); err != nil {
			return nil, err
		}
	}
	return l.known[key], nil
}

// IndexKeys implements [store.Links].
func (l *links) IndexKeys(key fhir.Key) ([]string, error) {
	v, err := l.one(key)
	if v == nil {
		return nil, err
	}
	return v.keys, nil
}

// Current implements [store.Links].
func (l *links) Current(key fhir.Key) (*store.Version, error) {
	v, err := l.one(key)
	if v == nil {
		return nil, err
	}
	result := v.result()
	return &result, nil
}

// Matching implements [store.Links].
func (l *links) Matching(resourceType string, plan search.Plan, limit int) ([]store.Version, error) {
	r := &run{v: l.v, q: &search.Query{Type: resourceType, Plan: plan, Count: limit, Include: []search.Include{{}}}, total: -1}
	var err error
	if r.filter, err = l.v.filter(resourceType, plan); err != nil || r.filter.none {
		return nil, err
	}
	found, err := r.find(limit)
	versions := make([]store.Version, len(found))
	for i := range found {
		versions[i] = found[i].version.result()
		l.known[found[i].version.key] = found[i].version
	}
	return versions, err
}
