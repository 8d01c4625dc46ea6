package pebble

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Export implements [store.Archive]: the change log, with contents. The cursor is the sequence of the last version.
func (s *Store) Export(ctx context.Context, q store.ExportQuery) (page *store.ExportPage, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	after := uint64(0)
	if q.Cursor != "" {
		if after, err = strconv.ParseUint(q.Cursor, 10, 63); err != nil {
			return nil, fmt.Errorf("cursor of an export: %w", store.ErrBadCursor)
		}
	}
	snap := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	h := &historyRun{s: s, ctx: ctx, table: s.types.Load(), r: snap}
	entries, err := h.merged(after, q.Limit)
	if err != nil {
		return nil, err
	}
	page = &store.ExportPage{Next: q.Cursor}
	size := 0
	for i := range entries {
		e := &entries[i]
		t, _ := h.table.no(e.typ)
		err := h.visit(t, e.row, e.version, func(rec record) {
			page.Versions = append(page.Versions, rec.result(e.typ))
			size += len(rec.json)
		})
		if err != nil {
			return nil, err
		}
		page.Next = strconv.FormatUint(e.sequence, 10)
		if size >= store.ExportBytes {
			break
		}
	}
	return page, nil
}

// Restore implements [store.Archive]. Versions of one instant are committed together, those of different instants in groups of their own, since a group has one.
func (s *Store) Restore(ctx context.Context, all []store.Restored) error {
	if err := store.CheckRestored(all); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	type part struct {
		from int
		r    *request
	}
	var parts []part
	var failed error
	for from := 0; from < len(all) && failed == nil; {
		r := newRestore(ctx, all[from:])
		if failed = s.admit(ctx, r); failed == nil {
			s.queue <- r
			parts = append(parts, part{from, r})
			from += len(r.ops)
		}
	}
	for _, p := range parts {
		err := p.r.await()
		if op := (*store.OpError)(nil); errors.As(err, &op) {
			return &store.OpError{Index: p.from + op.Index, Err: op.Err}
		}
		if err != nil {
			return err
		}
	}
	return failed
}

// restoredOps is how many versions one request restores at most.
const restoredOps = 500

// newRestore makes a request of the first versions: those of one instant, each of another resource.
func newRestore(ctx context.Context, all []store.Restored) *request {
	at, n := all[0].LastUpdated, 0
	seen := map[fhir.Key]struct{}{}
	var ops []store.Op
	var versions []string
	for ; n < len(all) && n < restoredOps && all[n].LastUpdated.Equal(at); n++ {
		if _, twice := seen[all[n].Key]; twice {
			break
		}
		seen[all[n].Key] = struct{}{}
		ops, versions = append(ops, all[n].Op), append(versions, all[n].Version)
	}
	r := newRequest(ctx, ops)
	r.at, r.versions = at.UnixMilli(), versions
	return r
}

// restore does operation i of r in memory, as the version it was. It does nothing where that version is there.
func (g *group) restore(r *request, i int) error {
	op := &r.ops[i]
	version, ok := parseVersion(r.versions[i])
	if !ok {
		return fmt.Errorf("%s has the version id %q, and this store counts: %w", op.Key, r.versions[i], store.ErrConflict)
	}
	t := g.c.typeNumber(op.Key.Type)
	old, err := g.current(t, op.Key, store.Update)
	if err != nil {
		return err
	}
	newest := uint64(0)
	if old != nil {
		newest = old.rec.version
	}
	switch {
	case newest >= version:
		return nil
	case newest+1 != version:
		return fmt.Errorf("%s: version %d does not follow %d: %w", op.Key, version, newest, store.ErrConflict)
	case g.now != r.at:
		return fmt.Errorf("%s is older than what is in the store: %w", op.Key, store.ErrConflict)
	}
	next, err := g.next(r, op, t, old)
	if err != nil {
		return err
	}
	g.accept(old, next)
	return nil
}
