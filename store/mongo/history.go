package mongo

import (
	"context"
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// History implements [store.Store]. The order of sequence numbers is the order of history: newest versions from the collections of their types and older
// ones from the history are merged by it. A version that is in both, because its replacement was cut off or is under way, has one number and comes once.
func (s *Store) History(ctx context.Context, q store.HistoryQuery) (*store.HistoryPage, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	h := &historyRun{s: s, q: q, bounds: historyBounds(&q), oldestFirst: q.OldestFirst}
	if q.Cursor != "" {
		payload, err := store.OpenCursor(s.secret[:], store.FingerprintHistory(&h.q), q.Cursor)
		if err != nil {
			return nil, err
		}
		var n int
		if h.from, n = binary.Varint(payload); n <= 0 || h.from == 0 {
			return nil, store.ErrBadCursor
		}
	}
	types, err := h.types(ctx)
	if err != nil {
		return nil, err
	}
	var page *store.HistoryPage
	err = s.inSnapshot(ctx, true, false, func(v *view) (err error) {
		h.v = v
		page, err = h.page(types)
		return err
	})
	if err != nil {
		return nil, reading(ctx, err)
	}
	return page, nil
}

// historyRun is one call of History.
type historyRun struct {
	s      *Store
	v      *view
	q      store.HistoryQuery
	bounds bson.D // of the sequence number
	from   int64  // the page begins behind it; 0 for the beginning
	newest *version

	oldestFirst bool // below is then where it begins above
}

// historyBounds restricts sequence numbers to what Since and Before allow.
func historyBounds(q *store.HistoryQuery) (bounds bson.D) {
	if !q.Since.IsZero() {
		bounds = append(bounds, bson.E{Key: "$gte", Value: sequenceAt(q.Since)})
	}
	if !q.Before.IsZero() {
		bounds = append(bounds, bson.E{Key: "$lt", Value: sequenceAt(q.Before)})
	}
	return bounds
}

// types lists the types to look at.
func (h *historyRun) types(ctx context.Context) ([]string, error) {
	switch {
	case h.q.Type == "":
		return h.s.types(ctx)
	case !isType(h.q.Type):
		return nil, nil
	}
	return []string{h.q.Type}, nil
}

// historyCount bounds how many versions are looked at to count a history that a time restricts.
const historyCount = 10_000

// page reads one page, and goes on counting on a first page as long as that is cheap.
func (h *historyRun) page(types []string) (*store.HistoryPage, error) {
	page := &store.HistoryPage{Total: -1}
	if h.q.ID != "" {
		if err := h.findNewest(types); err != nil {
			return nil, err
		}
	}
	restricted := len(h.bounds) > 0 || !h.q.At.IsZero()
	if !restricted {
		var err error
		if page.Total, err = h.total(types); err != nil {
			return nil, err
		}
	}
	m := h.merge(types, h.from, min(h.q.Count+1, 1000), withoutKeys())
	last, more := int64(0), false
	for h.q.Count > 0 && !more {
		v, err := m.next()
		if err != nil {
			return nil, err
		}
		if v == nil {
			break
		}
		if more = len(page.Versions) == h.q.Count; !more {
			page.Versions = append(page.Versions, v.result())
			last = v.sequence
		}
	}
	if more {
		page.Next = store.SealCursor(h.s.secret[:], store.FingerprintHistory(&h.q), binary.AppendVarint(nil, last))
	}
	if !restricted || h.from != 0 {
		if page.Total >= 0 { // without a snapshot there may be more by now
			page.Total = max(page.Total, len(page.Versions))
		}
		return page, nil
	}
	if page.Total = len(page.Versions); !more && h.q.Count > 0 {
		return page, nil
	}
	rest := h.merge(types, last, 1000, ascending(fieldSequence, fieldUpdated, fieldVersion, fieldMethod, fieldType, fieldLogical))
	for {
		v, err := rest.next()
		if err != nil || v == nil {
			return page, err
		}
		if page.Total++; page.Total > h.q.Count+historyCount {
			page.Total = -1
			return page, nil
		}
	}
}

// findNewest reads the newest version of the instance that is asked for.
func (h *historyRun) findNewest(types []string) error {
	key := fhir.Key{Type: h.q.Type, ID: h.q.ID}
	if len(types) == 0 {
		return store.NotFound(key)
	}
	v, _, err := h.s.newest(h.v.ctx, h.s.db.Collection(h.q.Type), key)
	if err == nil && v == nil {
		err = store.NotFound(key)
	}
	h.newest = v
	return err
}

// historyTotal bounds how many resources a type may have for its versions to be counted.
const historyTotal = 200_000

// total counts all versions: the version numbers of a resource have no gaps. It is -1 where that would read too much.
func (h *historyRun) total(types []string) (int, error) {
	if h.newest != nil {
		return int(h.newest.number), nil
	}
	total := 0
	for _, typ := range types {
		sum := mongo.Pipeline{
			{{Key: "$limit", Value: int64(historyTotal) + 1}},
			{{Key: "$group", Value: bson.D{{Key: fieldID, Value: nil}, {Key: "versions", Value: bson.D{{Key: "$sum", Value: "$" + fieldVersion}}},
				{Key: "resources", Value: bson.D{{Key: "$sum", Value: int32(1)}}}}}},
		}
		cursor, err := h.s.db.Collection(typ).Aggregate(h.v.ctx, sum)
		if err != nil {
			return 0, reading(h.v.ctx, err)
		}
		var found []struct {
			Versions  int `bson:"versions"`
			Resources int `bson:"resources"`
		}
		if err := cursor.All(h.v.ctx, &found); err != nil {
			return 0, reading(h.v.ctx, err)
		}
		for _, f := range found {
			if f.Resources > historyTotal {
				return -1, nil
			}
			total += f.Versions
		}
	}
	return total, nil
}
