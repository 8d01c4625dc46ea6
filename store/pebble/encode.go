package pebble

import (
	"encoding/binary"

	engine "github.com/cockroachdb/pebble/v2"
)

// writer knows which keys a change writes.
type writer struct{ keySink }

// keySink takes keys in place: what its methods return has room for what must be appended before the next call.
type keySink interface {
	set(keyLen, valueLen int) (key, value []byte)
	unset(keyLen int) (key []byte)
}

// direct puts keys into a batch as they come. Writing to memory cannot fail: the batch reports errors only when it keeps an index, which this one does
// not, so Finish need not be called.
type direct struct{ batch *engine.Batch }

func (d direct) set(keyLen, valueLen int) (key, value []byte) {
	op := d.batch.SetDeferred(keyLen, valueLen)
	return op.Key[:0], op.Value[:0]
}

func (d direct) unset(keyLen int) (key []byte) { return d.batch.DeleteDeferred(keyLen).Key[:0] }

// encode writes an accepted change.
func (g *group) encode(ch *change) {
	old, next := ch.old, ch.next
	t, row, w := next.t, next.row, writer{&g.staged}
	var before []string
	if old == nil {
		w.create(next)
	} else {
		key, value := w.set(typeLen+rowLen+versionLen, old.rec.size())
		historyKey(key, t, row, old.rec.version)
		old.rec.append(value)
		w.current(next)
		w.revise(old, next)
		before = old.keys
	}
	g.count(old, next)
	w.postings(t, row, before, next.keys)
	g.hot.encode(w, t, next, before)
	g.staged.endRun()
	g.encodeLog(next)
}

// create writes a resource that never was, except for its index keys.
func (w writer) create(st *state) {
	key, value := w.set(typeLen+len(st.key.ID), rowLen)
	idKey(key, st.t, st.key.ID)
	appendRow(value, st.row)
	w.current(st)
	w.keyList(st)
}

func (w writer) current(st *state) {
	key, value := w.set(typeLen+rowLen, st.rec.size())
	rowKey(key, spaceCurrent, st.t, st.row)
	st.rec.append(value)
}

func (w writer) keyList(st *state) {
	key, value := w.set(typeLen+rowLen, keyListSize(st.keys))
	rowKey(key, spaceKeys, st.t, st.row)
	appendKeyList(value, st.keys)
}

// revise keeps the key list and the mark of the dead when a version follows another.
func (w writer) revise(old, next *state) {
	switch {
	case next.live():
		w.keyList(next)
	case old.live():
		rowKey(w.unset(typeLen+rowLen), spaceKeys, next.t, next.row)
	}
	switch {
	case next.live() && !old.live():
		rowKey(w.unset(typeLen+rowLen), spaceDead, next.t, next.row)
	case old.live() && !next.live():
		key, _ := w.set(typeLen+rowLen, 0)
		rowKey(key, spaceDead, next.t, next.row)
	}
}

// count keeps the number of the living.
func (g *group) count(old, next *state) {
	n := g.c.counts[next.t]
	switch {
	case next.live() && !old.live():
		n.live++
	case old.live() && !next.live():
		n.live--
	}
}

// postings writes the difference of two sorted key lists.
func (w writer) postings(t typeNo, row uint64, before, now []string) {
	for len(before) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(before) > 0 && before[0] < now[0]:
			posting(w.unset(typeLen+len(before[0])+1+rowLen), t, before[0], row)
			before = before[1:]
		case len(before) == 0 || now[0] < before[0]:
			key, _ := w.set(typeLen+len(now[0])+1+rowLen, 0)
			posting(key, t, now[0], row)
			now = now[1:]
		default:
			before, now = before[1:], now[1:]
		}
	}
}

func posting(dst []byte, t typeNo, key string, row uint64) []byte {
	return appendRow(postingPrefix(dst, t, key), row)
}

// encodeLog adds a version to the change log.
func (g *group) encodeLog(next *state) {
	g.c.sequence++
	g.c.counts[next.t].versions++
	entries, ok := g.log[next.t]
	if !ok {
		g.touched[next.t] = struct{}{}
		g.logAt[next.t] = g.c.sequence
		entries = binary.BigEndian.AppendUint64(nil, uint64(g.now))
	}
	g.log[next.t] = logEntry{sequence: g.c.sequence - g.logAt[next.t], method: next.rec.method, row: next.row,
		version: next.rec.version}.append(entries)
}
