package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// History implements [store.Store]: the versions of an instance from its own records, those of a type or of all from the change log.
func (s *Store) History(ctx context.Context, q store.HistoryQuery) (*store.HistoryPage, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	h := &historyRun{s: s, ctx: ctx, q: q, table: s.types.Load(), page: &store.HistoryPage{Total: -1}}
	if q.Cursor != "" {
		payload, err := store.OpenCursor(s.secret[:], store.FingerprintHistory(&q), q.Cursor)
		if err != nil {
			return nil, err
		}
		at, n := binary.Uvarint(payload)
		if n <= 0 {
			return nil, store.ErrBadCursor
		}
		h.from = at
	}
	snap := s.db.NewSnapshot()
	h.r = snap
	err := h.run()
	if err = errors.Join(err, snap.Close()); err != nil {
		return nil, err
	}
	return h.page, nil
}

// historyRun is one call of History.
type historyRun struct {
	s     *Store
	ctx   context.Context
	q     store.HistoryQuery
	table *typeTable
	r     engine.Reader
	from  uint64 // version or sequence behind which the page begins, from the cursor; 0 for the beginning
	page  *store.HistoryPage
}

func (h *historyRun) run() error {
	if h.q.ID == "" {
		return h.log()
	}
	key := fhir.Key{Type: h.q.Type, ID: h.q.ID}
	t, known := h.table.no(h.q.Type)
	if !known {
		return store.NotFound(key)
	}
	row, found, err := lookupRow(h.r, nil, t, h.q.ID)
	if err == nil && !found {
		err = store.NotFound(key)
	}
	if err != nil {
		return err
	}
	return h.instance(t, row)
}

// instance lists the versions of one resource. Their instants do not decrease, so the oldest one wanted is found by bisection.
func (h *historyRun) instance(t typeNo, row uint64) error {
	newest, err := h.record(t, row, 0)
	if err != nil {
		return err
	}
	updated := func(version uint64) time.Time {
		if version >= newest.version {
			return instant(newest.updated)
		}
		rec, e := h.record(t, row, version)
		err = errors.Join(err, e)
		return instant(rec.updated)
	}
	oldest := uint64(1)
	if !h.q.Since.IsZero() {
		oldest += uint64(sort.Search(int(newest.version), func(i int) bool { return !updated(uint64(i) + 1).Before(h.q.Since) }))
	}
	if !h.q.At.IsZero() {
		later := uint64(sort.Search(int(newest.version), func(i int) bool { return updated(uint64(i) + 1).After(h.q.At) }))
		oldest = max(oldest, later) // the last version not after At, or the first of all
	}
	version := newest.version
	if !h.q.Before.IsZero() {
		version = uint64(sort.Search(int(newest.version), func(i int) bool { return !updated(uint64(i) + 1).Before(h.q.Before) }))
	}
	if err != nil {
		return err
	}
	h.page.Total = int(version + 1 - min(oldest, version+1))
	if h.q.OldestFirst {
		return h.ascend(t, row, max(oldest, h.from+1), version)
	}
	if h.from > 0 {
		version = min(version, h.from-1)
	}
	for ; version >= oldest && version > 0 && len(h.page.Versions) < h.q.Count; version-- {
		if err := h.take(t, row, version, h.q.Type); err != nil {
			return err
		}
	}
	if version >= oldest && version > 0 && h.q.Count > 0 {
		h.next(version + 1)
	}
	return nil
}

// ascend lists the versions of one resource from one to another.
func (h *historyRun) ascend(t typeNo, row, version, newest uint64) error {
	for ; version <= newest && len(h.page.Versions) < h.q.Count; version++ {
		if err := h.take(t, row, version, h.q.Type); err != nil {
			return err
		}
	}
	if version <= newest && h.q.Count > 0 {
		h.next(version - 1)
	}
	return nil
}

// record reads a version, the newest one for 0, without its content.
func (h *historyRun) record(t typeNo, row, version uint64) (record, error) {
	rec := record{}
	err := h.visit(t, row, version, func(found record) {
		rec = found
		rec.id, rec.json = strings.Clone(found.id), nil
	})
	return rec, err
}

// take appends a version to the page.
func (h *historyRun) take(t typeNo, row, version uint64, typ string) error {
	if err := h.ctx.Err(); err != nil {
		return err
	}
	return h.visit(t, row, version, func(rec record) { h.page.Versions = append(h.page.Versions, rec.result(typ)) })
}

// visit reads a version where it is: among the older ones, or the current one.
func (h *historyRun) visit(t typeNo, row, version uint64, use func(record)) error {
	if version > 0 {
		err := h.visitAt(historyKey(nil, t, row, version), use)
		if !errors.Is(err, engine.ErrNotFound) {
			return err
		}
	}
	err := h.visitAt(rowKey(nil, spaceCurrent, t, row), use)
	if errors.Is(err, engine.ErrNotFound) {
		return fmt.Errorf("version %d in row %d is missing: %w", version, row, errCorrupt)
	}
	return err
}

func (h *historyRun) visitAt(key []byte, use func(record)) error {
	value, closer, err := h.r.Get(key)
	if err != nil {
		return err
	}
	rec, err := parseRecord(value)
	if err == nil {
		use(rec)
	}
	return errors.Join(err, closer.Close())
}

// next sets the cursor behind a version or sequence.
func (h *historyRun) next(at uint64) {
	h.page.Next = store.SealCursor(h.s.secret[:], store.FingerprintHistory(&h.q), binary.AppendUvarint(nil, at))
}
