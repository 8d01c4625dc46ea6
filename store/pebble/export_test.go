package pebble

import (
	"encoding/binary"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
)

// OpenTuned opens a store in memory whose strategies change at tiny numbers, so that small sets of resources reach all of them.
func OpenTuned(t *testing.T) *Store {
	t.Helper()
	s, err := Open("", Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	s.tune = tuning{boundedCost: 10_000, lazyTests: 2, fewMatches: 2, gatherAtOnce: 5, walkPatience: 1, smallRange: 3, smallHot: 3, smallLinks: 30, headLength: 2, maxUnion: 2, firstGather: 8}
	return s
}

// OpenEngine opens a store with other settings of the engine.
func OpenEngine(dir string, opts Options, change func(*engine.Options)) (*Store, error) {
	opts = opts.withDefaults()
	e := opts.engineOptions()
	change(e)
	return open(dir, opts, e)
}

// PretendFormat makes the store look like one of another format.
func (s *Store) PretendFormat(version uint64) error {
	return s.db.Set([]byte(keyFormat), binary.AppendUvarint(nil, version), engine.Sync)
}

// Format is the format that the store says it has.
func (s *Store) Format() (uint64, error) {
	found, err := s.get([]byte(keyFormat))
	version, _ := binary.Uvarint(found)
	return version, err
}
