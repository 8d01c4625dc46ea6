package pebble

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// view is a type at one moment as one query sees it. It is for one goroutine, and its work must be closed.
type view struct {
	*work
	typ    string
	t      typeNo
	n      counts
	points *engine.Iterator // for point reads
	keys   []string         // of the row last looked at
	buf    []byte

	linked map[string]*view // types that references lead to from here
}

// newView opens a view on a snapshot. A type that nothing was stored of gives a view of nothing.
func (s *Store) newView(ctx context.Context, typ string) (*view, error) {
	snap := s.db.NewSnapshot()
	v, err := s.viewOf(ctx, snap, typ)
	if err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	v.snap = snap
	return v, nil
}

// viewOf opens a view on a reader that does not change.
func (s *Store) viewOf(ctx context.Context, r engine.Reader, typ string) (*view, error) {
	w := &work{s: s, ctx: ctx, r: r, begun: time.Now(), tune: &s.tune}
	v := w.view(typ)
	return v, w.err
}

func (w *work) view(typ string) *view {
	v := &view{work: w, typ: typ}
	t, known := w.s.types.Load().no(typ)
	if known {
		var err error
		v.t = t
		v.n, err = readCounts(w.r, t)
		w.fail(err)
	}
	return v
}

// seek moves to the first key from key on.
func (v *view) seek(it *engine.Iterator, key []byte) bool {
	v.count.Seeks++
	return v.spend(costSeek) && it.SeekGE(key) && v.read()
}

func (v *view) next(it *engine.Iterator) bool { return it.Next() && v.read() }

func (v *view) read() bool {
	v.count.Keys++
	return v.spend(1)
}

// point reads the value of a key, valid until the next call; ok is false when there is none. One iterator serves all point reads of a view, which
// is cheaper than the engine's Get from the second on.
func (v *view) point(space byte, row uint64) (value []byte, ok bool) {
	if v.points == nil {
		if v.points = v.iterator(spaceKey(nil, spaceCurrent, v.t), spaceKey(nil, spaceKeys, v.t+1)); v.points == nil {
			return nil, false
		}
	}
	v.buf = rowKey(v.buf[:0], space, v.t, row)
	if !v.points.SeekPrefixGE(v.buf) || !bytes.Equal(v.points.Key(), v.buf) {
		v.fail(v.points.Error())
		return nil, false
	}
	value, err := v.points.ValueAndErr()
	v.fail(err)
	return value, err == nil
}

// keyList returns the index keys of a row, valid until the next point read; ok is false for a deleted one.
func (v *view) keyList(row uint64) (keys []string, ok bool) {
	v.count.Tested++
	if !v.spend(costTest) {
		return nil, false
	}
	value, ok := v.point(spaceKeys, row)
	if !ok {
		return nil, false
	}
	var err error
	v.keys, err = parseKeyList(v.keys[:0], value)
	v.fail(err)
	return v.keys, err == nil
}

// record reads the newest version in a row; it is valid until the next point read.
func (v *view) record(row uint64) (rec record, ok bool) {
	value, ok := v.point(spaceCurrent, row)
	if !ok {
		v.fail(fmt.Errorf("%s in row %d is missing: %w", v.typ, row, errCorrupt))
		return record{}, false
	}
	rec, err := parseRecord(value)
	v.fail(err)
	return rec, err == nil
}

// body reads the current version in a row.
func (v *view) body(row uint64) (version store.Version, ok bool) {
	v.count.Bodies++
	rec, ok := v.record(row)
	if !ok {
		return version, false
	}
	return rec.result(v.typ), true
}

// bodies reads the current versions at positions. It goes through the rows in order, which leads through the engine's files and blocks in order.
func (v *view) bodies(at []store.Position) []store.Version {
	if len(at) == 0 {
		return nil
	}
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(at[a].Created, at[b].Created) })
	versions := make([]store.Version, len(at))
	for _, i := range order {
		version, ok := v.body(at[i].Created)
		if !ok {
			return nil
		}
		versions[i] = version
	}
	return versions
}

// id reads the logical id of a row.
func (v *view) id(row uint64) string {
	rec, _ := v.record(row)
	return strings.Clone(rec.id)
}

// passes tests a row against plans by its key list and, where references are followed, those of others; deleted ones fail.
func (v *view) passes(row uint64, plans []search.Plan, needsID bool) bool {
	id := ""
	if needsID {
		id = v.id(row)
	}
	keys, live := v.keyList(row)
	if !live {
		return false
	}
	for _, p := range plans {
		if !search.Match(p, id, keys, resolver{v}) {
			return false
		}
	}
	return true
}
