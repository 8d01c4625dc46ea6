package pebble

import "sync/atomic"

// stats are counted as things happen.
type stats struct {
	groups, changes, refused, searches atomic.Uint64
	largestGroup                       atomic.Uint64
}

// group counts a committed group. Only the committer calls it.
func (s *stats) group(changes int) {
	s.groups.Add(1)
	s.changes.Add(uint64(changes))
	if n := uint64(changes); n > s.largestGroup.Load() {
		s.largestGroup.Store(n)
	}
}
