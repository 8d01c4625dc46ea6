package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// merge walks the versions below a sequence number, newest first.
func (h *historyRun) merge(types []string, below int64, batch int, projection bson.D) *merge {
	m := &merge{h: h}
	older := bson.D{}
	if h.q.Type != "" {
		older = bson.D{{Key: fieldType, Value: h.q.Type}}
	}
	if h.q.ID != "" {
		older = append(older, bson.E{Key: fieldLogical, Value: h.q.ID})
	}
	legs := []historyLeg{{collection: collectionHistory, where: older}}
	for _, typ := range types {
		leg := historyLeg{collection: typ, typ: typ}
		if h.q.ID != "" {
			leg.where = bson.D{{Key: fieldID, Value: h.q.ID}}
		}
		legs = append(legs, leg)
	}
	for i := range legs {
		legs[i].h, legs[i].below, legs[i].batch, legs[i].projection = h, below, batch, projection
	}
	m.legs = legs
	return m
}

// historyLeg reads the versions in one collection in batches, newest first.
type historyLeg struct {
	h          *historyRun
	collection string
	typ        string // empty: older versions
	where      bson.D
	projection bson.D
	batch      int
	below      int64 // what is left is below it, or above it where the oldest come first; 0 at the beginning
	read       []*version
	done       bool
}

// first is the newest version that was not taken; nil at the end.
func (l *historyLeg) first() (*version, error) {
	if len(l.read) > 0 || l.done {
		return l.peek(), nil
	}
	bounds := l.h.bounds
	order := int32(-1)
	if l.h.oldestFirst {
		order = 1
	}
	switch {
	case l.below == 0:
	case l.h.oldestFirst:
		bounds = append(bson.D{{Key: "$gt", Value: l.below}}, l.h.bound("$lt")...)
	default:
		bounds = append(bson.D{{Key: "$lt", Value: l.below}}, l.h.bound("$gte")...)
	}
	where := l.where
	if len(bounds) > 0 {
		where = append(where[:len(where):len(where)], bson.E{Key: fieldSequence, Value: bounds})
	}
	if where == nil {
		where = bson.D{}
	}
	o := options.Find().SetSort(bson.D{{Key: fieldSequence, Value: order}}).SetLimit(int64(l.batch)).SetProjection(l.projection)
	n := 0
	err := l.h.v.find(l.collection, where, o, func(document bson.Raw) (bool, error) {
		v, err := l.h.s.readVersion(l.typ, document)
		if err != nil {
			return false, err
		}
		n, l.below = n+1, v.sequence
		l.read = append(l.read, v)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	l.done = n < l.batch
	l.batch = min(2*l.batch, 1000)
	if l.typ == "" && !l.h.q.At.IsZero() {
		if err := l.dropPast(); err != nil {
			return nil, err
		}
		return l.first()
	}
	return l.peek(), nil
}

func (l *historyLeg) peek() *version {
	if len(l.read) == 0 {
		return nil
	}
	return l.read[0]
}

// bound is the lower ($gte) or upper ($lt) bound of the sequence number, if there is one.
func (h *historyRun) bound(operator string) (bounds bson.D) {
	for _, b := range h.bounds {
		if b.Key == operator {
			bounds = append(bounds, b)
		}
	}
	return bounds
}

// dropPast removes older versions that were no longer current at the instant that is asked for: those whose successor was made by then.
func (l *historyLeg) dropPast() error {
	at := l.h.q.At
	byCollection := map[string]bson.A{}
	for _, v := range l.read {
		if v.updated.Before(at) {
			byCollection[collectionHistory] = append(byCollection[collectionHistory], historyID(v.key, v.number+1))
			byCollection[v.key.Type] = append(byCollection[v.key.Type], v.key.ID)
		}
	}
	ended := map[string]bool{} // history ids of versions that had a successor at that instant
	for collection, ids := range byCollection {
		o := options.Find().SetProjection(ascending(fieldUpdated, fieldVersion, fieldType, fieldLogical))
		typ := collection
		if collection == collectionHistory {
			typ = ""
		}
		err := l.h.v.find(collection, bson.D{{Key: fieldID, Value: bson.D{{Key: "$in", Value: ids}}}}, o, func(document bson.Raw) (bool, error) {
			v, err := l.h.s.readVersion(typ, document)
			if err == nil && !v.updated.After(at) {
				ended[historyID(v.key, v.number-1)] = true
			}
			return true, err
		})
		if err != nil {
			return err
		}
	}
	kept := l.read[:0]
	for _, v := range l.read {
		if !ended[historyID(v.key, v.number)] {
			kept = append(kept, v)
		}
	}
	l.read = kept
	return nil
}

// merge joins legs in order.
type merge struct {
	h    *historyRun
	legs []historyLeg
	last int64
}

// next takes the newest version that is left; nil at the end.
func (m *merge) next() (*version, error) {
	for {
		var best *historyLeg
		for i := range m.legs {
			v, err := m.legs[i].first()
			if err != nil {
				return nil, err
			}
			if v != nil && (best == nil || (v.sequence > best.read[0].sequence) != m.h.oldestFirst && v.sequence != best.read[0].sequence) {
				best = &m.legs[i]
			}
		}
		if best == nil {
			return nil, nil
		}
		v := best.read[0]
		best.read = best.read[1:]
		if v.sequence != m.last {
			m.last = v.sequence
			return v, nil
		}
	}
}
