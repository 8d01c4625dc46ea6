package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// DistinctKeys implements [store.KeyLister]. It reads the keys of all resources that have one in the range, because no index of MongoDB gives the keys of arrays
// alone.
func (s *Store) DistinctKeys(ctx context.Context, resourceType string, within search.Keys, limit int) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	seen := map[string]bool{}
	v := view{s: s, ctx: ctx}
	_, err := v.each(resourceType, within, bson.D{{Key: fieldKeys, Value: 1}}, s.opts.Candidates, func(found *version) {
		for _, key := range found.keys {
			if within.Accepts(key) {
				seen[key] = true
			}
		}
	})
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(seen))
	for key := range seen {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys[:min(limit, len(keys))], nil
}
