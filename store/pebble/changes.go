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
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	snap := s.db.NewSnapshot()
	h := &historyRun{s: s, ctx: ctx, table: s.types.Load(), r: snap}
	changes, err := h.changes(after, limit)
	return changes, errors.Join(err, snap.Close())
}

func (h *historyRun) changes(after uint64, limit int) ([]store.Change, error) {
	var all []store.Change
	for t, name := range h.table.byNo {
		if err := h.ctx.Err(); err != nil {
			return nil, err
		}
		some, err := h.typeChanges(t, name, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b store.Change) int { return cmp.Compare(a.Sequence, b.Sequence) })
	all = all[:min(limit, len(all))]
	for i := range all {
		if err := h.identify(&all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// typeChanges reads the first changes of a type; the id of each still stands for its row.
func (h *historyRun) typeChanges(t typeNo, name string, after uint64, limit int) (some []store.Change, err error) {
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
				some = append(some, store.Change{Sequence: e.sequence, Method: e.method, LastUpdated: instant(updated),
					Key: fhir.Key{Type: name, ID: string(appendRow(nil, e.row)), Version: versionText(e.version)}})
			}
		}
	}
	return some, it.Error()
}

// identify puts the logical id in the place of the row.
func (h *historyRun) identify(ch *store.Change) error {
	t, _ := h.table.no(ch.Key.Type)
	return h.visitAt(rowKey(nil, spaceCurrent, t, rowOf([]byte(ch.Key.ID))), func(rec record) { ch.Key.ID = strings.Clone(rec.id) })
}
