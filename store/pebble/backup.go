package pebble

import (
	"context"

	engine "github.com/cockroachdb/pebble/v2"
)

// Backup implements [store.Backuper]. Files are linked where the file system can, so it takes little time and room.
func (s *Store) Backup(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return s.db.Checkpoint(dir, engine.WithFlushedWAL())
}
