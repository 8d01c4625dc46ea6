package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/store"
)

// Records of [store.State]: S kind 00 id -> revision (8 bytes), value.

func stateKey(kind, id string) []byte {
	key := make([]byte, 0, 2+len(kind)+len(id))
	return append(append(append(append(key, spaceState), kind...), 0), id...)
}

func parseState(kind, id string, stored []byte) (*store.Record, error) {
	if len(stored) < 8 {
		return nil, errCorrupt
	}
	return &store.Record{Kind: kind, ID: id, Revision: binary.BigEndian.Uint64(stored), Value: stored[8:]}, nil
}

// GetState implements [store.State].
func (s *Store) GetState(ctx context.Context, kind, id string) (*store.Record, error) {
	if err := store.CheckState("GetState", kind, id, nil); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	stored, err := s.get(stateKey(kind, id))
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, store.NoRecord(kind, id)
	}
	return parseState(kind, id, stored)
}

// PutState implements [store.State].
func (s *Store) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (revision uint64, err error) {
	if err := store.CheckState("PutState", kind, id, value); err != nil {
		return 0, err
	}
	key := stateKey(kind, id)
	var made uint64 // not the result: the committer may come to this when the call is gone
	err = s.perform(ctx, int64(2*(len(key)+len(value))), func(g *group) error {
		current, err := g.revision(key)
		if err != nil {
			return err
		}
		if current != ifRevision {
			return fmt.Errorf("%s %s is at revision %d: %w", kind, id, current, store.ErrConflict)
		}
		made = g.nextRevision()
		stored := append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(value)), made), value...)
		g.records[string(key)] = stored
		return g.batch.Set(key, stored, nil)
	})
	if err != nil {
		return 0, err
	}
	return made, nil
}

// DeleteState implements [store.State].
func (s *Store) DeleteState(ctx context.Context, kind, id string, ifRevision uint64) error {
	if err := store.CheckState("DeleteState", kind, id, nil); err != nil {
		return err
	}
	key := stateKey(kind, id)
	return s.perform(ctx, int64(2*len(key)), func(g *group) error {
		current, err := g.revision(key)
		switch {
		case err != nil:
			return err
		case current == 0:
			return store.NoRecord(kind, id)
		case current != ifRevision:
			return fmt.Errorf("%s %s is at revision %d: %w", kind, id, current, store.ErrConflict)
		}
		g.records[string(key)] = nil
		return g.batch.Delete(key, nil)
	})
}

// nextRevision is that of a record to be written. One that is made again must not repeat a revision it had before, so the change sequence counts, which only grows.
func (g *group) nextRevision() uint64 {
	g.c.sequence++
	return g.c.sequence
}

// revision is that of a record, pending or stored; 0 for none.
func (g *group) revision(key []byte) (uint64, error) {
	stored, pending := g.records[string(key)]
	if !pending {
		var err error
		if stored, err = g.c.s.get(key); err != nil {
			return 0, err
		}
	}
	switch {
	case stored == nil:
		return 0, nil
	case len(stored) < 8:
		return 0, errCorrupt
	}
	return binary.BigEndian.Uint64(stored), nil
}

// ListState implements [store.State].
func (s *Store) ListState(ctx context.Context, kind, after string, limit int) (records []store.Record, err error) {
	if err := store.CheckState("ListState", kind, "-"+after, nil); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	prefix := stateKey(kind, "")
	lower := prefix
	if after != "" {
		lower = append(stateKey(kind, after), 0)
	}
	upper := append(bytes.Clone(prefix[:len(prefix)-1]), 1)
	it, err := s.db.NewIter(&engine.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Error(), it.Close()) }()
	for ok := it.First(); ok && len(records) < limit; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		record, err := parseState(kind, string(it.Key()[len(prefix):]), bytes.Clone(value))
		if err != nil {
			return nil, err
		}
		records = append(records, *record)
	}
	return records, nil
}

// perform lets the committer do what is no operation on resources, in its place among the calls of Apply, and waits until that is durable. An act that
// returns an error must not have written.
func (s *Store) perform(ctx context.Context, weight int64, act func(*group) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	r := &request{ctx: ctx, act: act, weight: weight, duplicate: -1, done: make(chan struct{})}
	if err := s.admit(ctx, r); err != nil {
		return err
	}
	s.queue <- r
	return r.await()
}
