package pebble

import (
	"context"
	"errors"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Read implements [store.Store]: two point reads, or three for an older version.
func (s *Store) Read(ctx context.Context, key fhir.Key) (*store.Version, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	t, ok := s.types.Load().no(key.Type)
	if !ok || key.ID == "" {
		return nil, store.NotFound(key)
	}
	var buf [96]byte
	row, found, err := lookupRow(s.db, buf[:0], t, key.ID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, store.NotFound(key)
	}
	version, ok := uint64(0), true
	if key.Version != "" {
		version, ok = parseVersion(key.Version)
	}
	if !ok {
		return nil, store.NotFound(key)
	}
	v, err := s.readRecord(rowKey(buf[:0], spaceCurrent, t, row), key, version)
	if err == nil && v == nil {
		// A version is moved to the history in the commit that writes its successor, and never changes there.
		v, err = s.readRecord(historyKey(buf[:0], t, row, version), key, version)
	}
	return v, err
}

// lookupRow finds the row of an id.
func lookupRow(r engine.Reader, buf []byte, t typeNo, id string) (row uint64, found bool, err error) {
	value, closer, err := r.Get(idKey(buf, t, id))
	if errors.Is(err, engine.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if len(value) != rowLen {
		return 0, false, errors.Join(errCorrupt, closer.Close())
	}
	row = rowOf(value)
	return row, true, closer.Close()
}

// readRecord reads the record under k and copies it out. It returns nil when the record is a later version than the one asked; version 0 asks for
// any.
func (s *Store) readRecord(k []byte, key fhir.Key, version uint64) (*store.Version, error) {
	value, closer, err := s.db.Get(k)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, store.NotFound(key)
	}
	if err != nil {
		return nil, err
	}
	rec, err := parseRecord(value)
	if err != nil {
		return nil, errors.Join(err, closer.Close())
	}
	if version != 0 && rec.version > version {
		return nil, closer.Close()
	}
	if version != 0 && rec.version != version {
		return nil, errors.Join(store.NotFound(key), closer.Close())
	}
	if rec.method == store.Delete {
		return nil, errors.Join(store.Gone(key), closer.Close())
	}
	v := rec.result(key.Type)
	return &v, closer.Close()
}
