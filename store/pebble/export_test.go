package pebble

import "testing"

// OpenTuned opens a store in memory whose strategies change at tiny numbers, so that small sets of resources reach all of them.
func OpenTuned(t *testing.T) *Store {
	t.Helper()
	s, err := Open("", Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	s.tune = tuning{boundedCost: 10_000, lazyTests: 2, fewMatches: 2, walkPatience: 1, smallRange: 3, smallHot: 3, headLength: 2, maxUnion: 2, firstGather: 8}
	return s
}
