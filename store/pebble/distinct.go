package pebble

import (
	"context"
	"errors"

	"github.com/firth-health/firth/search"
)

// DistinctKeys implements [store.KeyLister]: it jumps from each key over its postings to the next.
func (s *Store) DistinctKeys(ctx context.Context, resourceType string, within search.Keys, limit int) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	v, err := s.newView(ctx, resourceType)
	if err != nil {
		return nil, err
	}
	keys := v.distinct(within, limit)
	if err := errors.Join(v.err, v.close()); err != nil {
		return nil, err
	}
	return keys, nil
}

func (v *view) distinct(within search.Keys, limit int) []string {
	if within.Lo >= within.Hi || v.n.live == 0 {
		return nil
	}
	it := v.iterator(bound(nil, v.t, within.Lo), bound(nil, v.t, within.Hi))
	if it == nil {
		return nil
	}
	defer v.release(it)
	var keys []string
	from := bound(nil, v.t, within.Lo)
	for len(keys) < limit && v.seek(it, from) {
		key := it.Key()
		found := string(key[typeLen : len(key)-rowLen-1])
		if within.Passes(found) {
			keys = append(keys, found)
		}
		from = bound(from[:0], v.t, found+"\x00")
	}
	return keys
}
