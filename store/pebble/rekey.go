package pebble

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Bounds on one page of a walk, besides its limit.
const (
	walkBytes = 4 << 20
	walkRows  = 20_000 // deleted ones included
)

// Walk implements [store.Reindexer]. The cursor is the next row and the row to end before.
func (s *Store) Walk(ctx context.Context, q store.WalkQuery) (page *store.WalkPage, err error) {
	if q.Cursor == "" {
		if err := s.fence(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	page = &store.WalkPage{}
	t, known := s.types.Load().no(q.Type)
	if !known {
		return page, nil
	}
	n, err := readCounts(s.db, t)
	if err != nil {
		return nil, err
	}
	row, end := uint64(0), n.rows
	if q.Cursor != "" {
		if row, end, err = parseWalkCursor(q.Cursor, n.rows); err != nil {
			return nil, err
		}
	}
	row, err = s.walk(page, q, t, row, end)
	if err == nil && row < end {
		page.Next = strconv.FormatUint(row, 10) + "-" + strconv.FormatUint(end, 10)
	}
	return page, err
}

// fence returns when what was queued before is committed, also by calls that did not wait for their end.
func (s *Store) fence(ctx context.Context) error {
	if s.admission.Empty() {
		return nil
	}
	return s.perform(ctx, 0, func(*group) error { return nil })
}

func parseWalkCursor(cursor string, rows uint64) (row, end uint64, err error) {
	from, to, _ := strings.Cut(cursor, "-")
	row, err = strconv.ParseUint(from, 10, 8*rowLen)
	if err == nil {
		end, err = strconv.ParseUint(to, 10, 8*rowLen)
	}
	if err != nil || row > end || end > rows {
		return 0, 0, fmt.Errorf("cursor of a walk: %w", store.ErrBadCursor)
	}
	return row, end, nil
}

// walk fills a page and returns the row behind it.
func (s *Store) walk(page *store.WalkPage, q store.WalkQuery, t typeNo, row, end uint64) (_ uint64, err error) {
	it, err := s.db.NewIter(&engine.IterOptions{LowerBound: rowKey(nil, spaceCurrent, t, row), UpperBound: rowKey(nil, spaceCurrent, t, end)})
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, it.Error(), it.Close()) }()
	size := 0
	for first, ok := row, it.First(); ok; ok = it.Next() {
		if len(page.Versions) >= q.Limit || size >= walkBytes || row-first >= walkRows {
			return row, nil
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return row, err
		}
		rec, err := parseRecord(value)
		if err != nil {
			return row, err
		}
		row = tailRow(it.Key()) + 1
		if rec.method != store.Delete {
			page.Versions = append(page.Versions, rec.result(q.Type))
			size += len(rec.json)
		}
	}
	return end, nil
}

// Rekey implements [store.Reindexer]. What has its keys already is found out before the committer is asked.
func (s *Store) Rekey(ctx context.Context, all []store.Rekey) ([]store.RekeyResult, error) {
	if err := store.CheckRekeys(all); err != nil {
		return nil, err
	}
	results := make([]store.RekeyResult, len(all))
	needed, weight, err := s.outdated(ctx, all, results)
	if err != nil || len(needed) == 0 {
		return results, err
	}
	err = s.perform(ctx, weight, func(g *group) error {
		states := make([]*state, len(needed))
		for i, at := range needed {
			st, err := g.rekeyable(all[at].Key) // not the caller's err: it may be gone when the committer comes to this
			if err != nil {
				return err
			}
			states[i] = st
		}
		for i, at := range needed {
			results[at] = g.rekey(states[i], all[at].Keys)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// outdated fills in the results of resources that have the keys they should have, and lists the others.
func (s *Store) outdated(ctx context.Context, all []store.Rekey, results []store.RekeyResult) (needed []int, weight int64, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, 0, err
	}
	defer s.leave()
	g := &group{c: &committer{s: s}, probes: probes{db: s.db}}
	defer func() { err = errors.Join(err, g.probes.close()) }()
	for i := range all {
		st, err := g.rekeyable(all[i].Key)
		switch {
		case err != nil:
			return nil, 0, err
		case st == nil:
			results[i] = store.Superseded
		case slices.Equal(st.keys, stampedKeys(all[i].Keys, st)):
			results[i] = store.Unchanged
		default:
			needed = append(needed, i)
			weight += int64(2 * (keyListSize(st.keys) + keyListSize(all[i].Keys)))
		}
	}
	return needed, weight, nil
}

// rekeyable is the resource when the version named is the current one; else nil.
func (g *group) rekeyable(key fhir.Key) (*state, error) {
	t, known := g.c.s.types.Load().no(key.Type)
	if !known {
		return nil, nil
	}
	st, err := g.current(t, fhir.Key{Type: key.Type, ID: key.ID}, store.Update)
	if err != nil || !st.live() || versionText(st.rec.version) != key.Version {
		return nil, err
	}
	return st, nil
}

// stampedKeys adds the key of lastUpdated, which belongs to the version and stays.
func stampedKeys(keys []string, st *state) []string {
	return search.WithKey(keys, search.LastUpdatedKey(instant(st.rec.updated)))
}

// rekey writes other keys for the version that is current.
func (g *group) rekey(old *state, keys []string) store.RekeyResult {
	if old == nil {
		return store.Superseded
	}
	// An earlier request of the group may have done the same.
	if current, pending := g.pending[old.key]; pending {
		old = current
	}
	next := *old
	next.keys, next.own, next.measure = stampedKeys(keys, old), true, store.MeasureOf(old.key.Type, old.rec.json)
	if slices.Equal(next.keys, old.keys) {
		return store.Unchanged
	}
	w := writer{&g.staged}
	w.keyList(&next)
	w.postings(next.t, next.row, old.keys, next.keys)
	g.hot.encode(w, next.t, &next, old.keys)
	g.staged.endRun()
	g.pending[next.key] = &next
	g.byKey.replace(old, &next)
	g.ops++
	return store.Rekeyed
}
