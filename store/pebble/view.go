package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// view is a store as one query sees it: a type at one moment. Its first error sticks and ends every scan; whoever drives a scan asks err at
// its end. It is for one goroutine, and must be closed.
type view struct {
	ctx   context.Context
	r     engine.Reader
	typ   string
	t     typeNo
	n     counts
	tune  *tuning
	cost  int  // work done so far, in index entries read
	limit int  // cost at which all scans end; 0 for none
	spent bool // the limit was reached, and what was found is not all
	err   error
	count store.Counters
	begun time.Time

	steps     []string // what explain prints
	explained bool

	open   []*engine.Iterator // all, to be closed
	free   []*engine.Iterator // to be used again
	points *engine.Iterator   // for point reads
	keys   []string           // of the row last looked at
	buf    []byte
	snap   *engine.Snapshot
}

// What an action costs compared with reading the next index entry, for choosing between strategies.
const (
	costSeek = 20
	costTest = 20
)

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

func (s *Store) viewOf(ctx context.Context, r engine.Reader, typ string) (*view, error) {
	v := &view{ctx: ctx, r: r, typ: typ, begun: time.Now(), tune: &s.tune}
	t, known := s.types.Load().no(typ)
	if !known {
		return v, nil
	}
	v.t = t
	var err error
	v.n, err = readCounts(r, t)
	return v, err
}

func (v *view) close() error {
	var err error
	for _, it := range v.open {
		err = errors.Join(err, it.Close())
	}
	if v.snap != nil {
		err = errors.Join(err, v.snap.Close())
	}
	return err
}

// fail keeps the first error.
func (v *view) fail(err error) {
	if v.err == nil && err != nil {
		v.err = err
	}
}

// spend books work and looks now and then whether the caller still waits. It returns false when the scan must end.
func (v *view) spend(cost int) bool {
	if before := v.cost; before>>12 != (before+cost)>>12 {
		if err := v.ctx.Err(); err != nil {
			v.fail(err)
		}
	}
	v.cost += cost
	if v.limit > 0 && v.cost > v.limit {
		v.spent = true
	}
	return !v.stopped()
}

// stopped reports whether scans must end before they are through.
func (v *view) stopped() bool { return v.err != nil || v.spent }

// note adds a line to what explain prints.
func (v *view) note(format string, args ...any) {
	if v.explained {
		v.steps = append(v.steps, fmt.Sprintf(format, args...))
	}
}

// iterator returns an iterator over [lower, upper); nil after an error.
func (v *view) iterator(lower, upper []byte) *engine.Iterator {
	if v.err != nil {
		return nil
	}
	if n := len(v.free); n > 0 {
		it := v.free[n-1]
		v.free = v.free[:n-1]
		it.SetBounds(lower, upper)
		return it
	}
	it, err := v.r.NewIter(&engine.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		v.fail(err)
		return nil
	}
	v.open = append(v.open, it)
	return it
}

// release gives an iterator back.
func (v *view) release(it *engine.Iterator) {
	if it != nil {
		v.fail(it.Error())
		v.free = append(v.free, it)
	}
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

// id reads the logical id of a row.
func (v *view) id(row uint64) string {
	rec, _ := v.record(row)
	return strings.Clone(rec.id)
}

// passes tests a row against plans by its key list; deleted ones fail.
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
		if !search.Match(p, id, keys, nil) {
			return false
		}
	}
	return true
}
