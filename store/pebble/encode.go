package pebble

import (
	"encoding/binary"

	engine "github.com/cockroachdb/pebble/v2"
)

// writer puts keys into a batch in place. Writing to memory cannot fail: the batch reports errors only when it keeps an index, which this one does
// not, so Finish need not be called.
type writer struct{ batch *engine.Batch }

func (w writer) set(keyLen, valueLen int) (key, value []byte) {
	op := w.batch.SetDeferred(keyLen, valueLen)
	return op.Key[:0], op.Value[:0]
}

func (w writer) unset(keyLen int) (key []byte) { return w.batch.DeleteDeferred(keyLen).Key[:0] }

// encode writes an accepted change into the batch.
func (g *group) encode(ch *change) {
	old, next := ch.old, ch.next
	t, row, w := next.t, next.row, writer{g.batch}
	if old == nil {
		key, value := w.set(typeLen+len(next.key.ID), rowLen)
		idKey(key, t, next.key.ID)
		appendRow(value, row)
	} else {
		key, value := w.set(typeLen+rowLen+versionLen, old.rec.size())
		historyKey(key, t, row, old.rec.version)
		old.rec.append(value)
	}
	key, value := w.set(typeLen+rowLen, next.rec.size())
	rowKey(key, spaceCurrent, t, row)
	next.rec.append(value)
	g.encodeLife(old, next)
	var before []string
	if old != nil {
		before = old.keys
	}
	g.encodePostings(t, row, before, next.keys)
	g.hot.encode(w, t, next, before)
	g.encodeLog(next)
}

// encodeLife keeps the key list, the marks of the dead and the number of the living.
func (g *group) encodeLife(old, next *state) {
	t, row, w, n := next.t, next.row, writer{g.batch}, g.c.counts[next.t]
	switch {
	case next.live():
		key, value := w.set(typeLen+rowLen, keyListSize(next.keys))
		rowKey(key, spaceKeys, t, row)
		appendKeyList(value, next.keys)
	case old.live():
		rowKey(w.unset(typeLen+rowLen), spaceKeys, t, row)
	}
	switch {
	case next.live() && !old.live():
		n.live++
		if old != nil {
			rowKey(w.unset(typeLen+rowLen), spaceDead, t, row)
		}
	case old.live() && !next.live():
		n.live--
		key, _ := w.set(typeLen+rowLen, 0)
		rowKey(key, spaceDead, t, row)
	}
}

// encodePostings writes the difference of two sorted key lists.
func (g *group) encodePostings(t typeNo, row uint64, before, now []string) {
	w := writer{g.batch}
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
