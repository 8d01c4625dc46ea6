package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Latest implements [store.Latest]. What decides, codes and times, is read of all matches, newest first; the resources only of those that are wanted.
func (s *Store) Latest(ctx context.Context, q store.LatestQuery) ([]store.Version, error) {
	found, err := store.Newest(ctx, outline{s}, q)
	if err != nil || len(found) == 0 {
		return found, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	r := &run{v: &view{s: s, ctx: ctx}, q: &search.Query{Type: q.Type}, filter: everything()}
	matches := make([]match, len(found))
	for i := range found {
		v := version{key: found[i].Key}
		matches[i].version = &v
	}
	if matches, err = r.load(matches); err != nil {
		return nil, err
	}
	found = found[:0]
	for i := range matches {
		found = append(found, matches[i].version.result())
	}
	return found, nil
}

// outline is the store with resources of which there is only what [store.Newest] looks at.
type outline struct{ store.Store }

// Search implements [store.Store].
func (o outline) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	s, ok := o.Store.(*Store)
	if !ok {
		return o.Store.Search(ctx, q)
	}
	return s.search(ctx, q, true)
}

// outlined is the projection of such resources.
func outlined() bson.D {
	return ascending(fieldVersion, fieldUpdated, fieldSequence, fieldCreated, fieldMethod, fieldPacked, fieldResource+".code", fieldResource+".effectiveDateTime",
		fieldResource+".effectiveInstant", fieldResource+".effectivePeriod", fieldResource+".effectiveTiming", fieldResource+".resourceType")
}
