package pebble

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Changes implements [store.Changes]. The logs of the types are read from after on and merged.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	snap := s.db.NewSnapshot()
	h := &historyRun{s: s, ctx: ctx, table: s.types.Load(), r: snap}
	changes, err := h.changes(after, limit)
	return changes, errors.Join(err, snap.Close())
}

func (h *historyRun) changes(after uint64, limit int) ([]store.Change, error) {
	entries, err := h.merged(after, limit)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	all := make([]store.Change, len(entries))
	for i := range entries {
		e := &entries[i]
		t, _ := h.table.no(e.typ)
		all[i] = store.Change{Sequence: e.sequence, Method: e.method, LastUpdated: instant(e.updated), Key: fhir.Key{Type: e.typ, Version: versionText(e.version)}}
		if err := h.visitAt(rowKey(nil, spaceCurrent, t, e.row), func(rec record) { all[i].Key.ID = strings.Clone(rec.id) }); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// typedEntry is an entry of a type's log.
type typedEntry struct {
	logEntry
	typ     string
	updated int64 // milliseconds
}

// merged reads the first entries behind a sequence from the logs of all types.
func (h *historyRun) merged(after uint64, limit int) ([]typedEntry, error) {
	var all []typedEntry
	for t, name := range h.table.byNo {
		if err := h.ctx.Err(); err != nil {
			return nil, err
		}
		some, err := h.typeEntries(t, name, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b typedEntry) int { return cmp.Compare(a.sequence, b.sequence) })
	return all[:min(limit, len(all))], nil
}

// typeEntries reads the first entries of a type.
func (h *historyRun) typeEntries(t typeNo, name string, after uint64, limit int) (some []typedEntry, err error) {
	it, err := h.r.NewIter(&engine.IterOptions{LowerBound: spaceKey(nil, spaceLog, t), UpperBound: spaceKey(nil, spaceLog, t+1)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	from := logKey(nil, t, after+1)
	ok := it.SeekLT(from)
	if !ok {
		ok = it.First()
	}
	var entries []logEntry
	for ; ok && len(some) < limit; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		var updated int64
		if entries, updated, err = parseLog(entries[:0], it.Key(), value); err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.sequence > after && len(some) < limit {
				some = append(some, typedEntry{e, name, updated})
			}
		}
	}
	return some, it.Error()
}
