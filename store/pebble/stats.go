package pebble

import (
	"context"
	"sync/atomic"
)

// stats are counted as things happen.
type stats struct {
	groups, changes, searches atomic.Uint64
	largestGroup              atomic.Uint64
}

// group counts a committed group. Only the committer calls it.
func (s *stats) group(changes int) {
	s.groups.Add(1)
	s.changes.Add(uint64(changes))
	if n := uint64(changes); n > s.largestGroup.Load() {
		s.largestGroup.Store(n)
	}
}

// Metrics are figures of an open store for operators. Counters begin at zero when the store is opened.
type Metrics struct {
	Types     int
	Resources uint64 // live ones of all types
	Versions  uint64 // of all types, deletions included

	Groups       uint64 // committed, each with one sync
	Changes      uint64 // versions written by them
	LargestGroup uint64 // in versions
	Refused      uint64 // calls of Apply answered with store.ErrBusy
	Searches     uint64

	DiskBytes      uint64
	CacheBytes     int64 // in use
	MemTableBytes  uint64
	CacheHits      int64
	CacheMisses    int64
	Files          int64 // tables of all levels
	Level0Files    int64
	Compactions    int64 // finished
	Compacting     int64 // under way
	CompactionDebt uint64
	Flushes        int64
	WALBytes       uint64
	ReadAmplifying int // tables a point read may have to look at
}

// Metrics reads the figures; it costs some tens of microseconds.
func (s *Store) Metrics() (Metrics, error) {
	if err := s.enter(context.Background()); err != nil {
		return Metrics{}, err
	}
	defer s.leave()
	e := s.db.Metrics()
	total := e.Total()
	m := Metrics{Groups: s.stats.groups.Load(), Changes: s.stats.changes.Load(), LargestGroup: s.stats.largestGroup.Load(),
		Refused: uint64(s.admission.Refused()), Searches: s.stats.searches.Load(),
		DiskBytes: e.DiskSpaceUsage(), CacheBytes: e.BlockCache.Size, CacheHits: e.BlockCache.Hits, CacheMisses: e.BlockCache.Misses,
		MemTableBytes: e.MemTable.Size, Files: total.TablesCount, Level0Files: e.Levels[0].TablesCount,
		Compactions: e.Compact.Count, Compacting: e.Compact.NumInProgress, CompactionDebt: e.Compact.EstimatedDebt,
		Flushes: e.Flush.Count, WALBytes: e.WAL.Size, ReadAmplifying: e.ReadAmp()}
	table := s.types.Load()
	for _, t := range table.byName {
		n, err := readCounts(s.db, t)
		if err != nil {
			return m, err
		}
		m.Resources, m.Versions = m.Resources+n.live, m.Versions+n.versions
	}
	m.Types = len(table.byName)
	return m, nil
}
