package pebble

// Figures are the [Metrics] by name, for whoever watches the store; none when it is closed. Names that end in _total count from the opening of the store.
func (s *Store) Figures() map[string]float64 {
	m, err := s.Metrics()
	if err != nil {
		return nil
	}
	return map[string]float64{
		"types": float64(m.Types), "resources": float64(m.Resources), "versions": float64(m.Versions),
		"commits_total": float64(m.Groups), "changes_total": float64(m.Changes), "largest_commit": float64(m.LargestGroup),
		"refused_total": float64(m.Refused), "searches_total": float64(m.Searches),
		"disk_bytes": float64(m.DiskBytes), "cache_bytes": float64(m.CacheBytes), "memtable_bytes": float64(m.MemTableBytes), "wal_bytes": float64(m.WALBytes),
		"cache_hits_total": float64(m.CacheHits), "cache_misses_total": float64(m.CacheMisses),
		"files": float64(m.Files), "level0_files": float64(m.Level0Files), "read_amplification": float64(m.ReadAmplifying),
		"compactions_total": float64(m.Compactions), "compactions_running": float64(m.Compacting), "compaction_debt_bytes": float64(m.CompactionDebt), "flushes_total": float64(m.Flushes),
	}
}
