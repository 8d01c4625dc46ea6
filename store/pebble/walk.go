package pebble

import (
	"bytes"

	engine "github.com/cockroachdb/pebble/v2"
)

// leg walks the entries under one prefix in the order of their values, forwards or backwards. An entry's key is the prefix, the value, and behind a
// NUL the row; or, for ids, the prefix and the value alone with the row as the engine's value.
type leg struct {
	it     *engine.Iterator
	prefix int  // length
	ids    bool // entries of the id space
	any    bool // hot entries under anyToken
	value  []byte
	row    uint64
	ok     bool
}

// load decodes the entry where the iterator stands.
func (l *leg) load(v *view) {
	key := l.it.Key()
	if !l.ids {
		l.value, l.row = key[l.prefix:len(key)-rowLen-1], tailRow(key)
		return
	}
	l.value = key[l.prefix:]
	value, err := l.it.ValueAndErr()
	if err == nil && len(value) != rowLen {
		err = errCorrupt
	}
	if v.fail(err); err != nil {
		l.ok = false
		return
	}
	l.row = rowOf(value)
}

// walk merges legs in the order of value and row.
type walk struct {
	v        *view
	legs     []*leg
	reverse  bool
	timeless bool // of hot entries: those without a time
	at       *leg // whose entry is the current one; nil before the first
}

// start is where a walk begins: at a value, and behind a row of that value. Without a value it begins at the beginning.
type start struct {
	value []byte
	row   uint64
	exact bool // the row counts; otherwise all rows of the value come
}

// add puts a leg over the keys from lower to upper, which have the prefix in common, at its start.
func (w *walk) add(l *leg, prefix, lower, upper []byte, from *start) {
	l.prefix = len(prefix)
	l.it = w.v.iterator(lower, upper)
	if l.it == nil {
		return
	}
	w.v.count.Seeks++
	if !w.v.spend(costSeek) {
		return
	}
	switch {
	case from == nil && w.reverse:
		l.ok = l.it.Last()
	case from == nil:
		l.ok = l.it.First()
	default:
		key := append(append(make([]byte, 0, len(prefix)+len(from.value)+1+rowLen), prefix...), from.value...)
		switch {
		case l.ids && !w.reverse:
			l.ok = l.it.SeekGE(key)
		case l.ids:
			l.ok = l.it.SeekLT(append(key, 0))
		case from.exact && w.reverse:
			l.ok = l.it.SeekLT(appendRow(append(key, 0), from.row))
		case from.exact:
			l.ok = l.it.SeekGE(appendRow(append(key, 0), from.row+1))
		case w.reverse:
			l.ok = l.it.SeekLT(append(key, 1))
		default:
			l.ok = l.it.SeekGE(append(key, 0))
		}
	}
	if !l.ok {
		w.v.release(l.it)
		return
	}
	w.v.read()
	l.load(w.v)
	w.legs = append(w.legs, l)
}

// next moves to the next entry. It returns false at the end.
func (w *walk) next() bool {
	if l := w.at; l != nil {
		if w.reverse {
			l.ok = l.it.Prev()
		} else {
			l.ok = l.it.Next()
		}
		if l.ok = l.ok && w.v.read(); l.ok {
			l.load(w.v)
		} else {
			w.v.fail(l.it.Error())
		}
	}
	w.at = nil
	for _, l := range w.legs {
		if l.ok && (w.at == nil || w.precedes(l, w.at)) {
			w.at = l
		}
	}
	return w.at != nil && !w.v.stopped()
}

func (w *walk) precedes(a, b *leg) bool {
	c := bytes.Compare(a.value, b.value)
	if c == 0 {
		return a.row != b.row && (a.row < b.row) != w.reverse
	}
	return (c < 0) != w.reverse
}

// close gives the iterators back.
func (w *walk) close() {
	for _, l := range w.legs {
		w.v.release(l.it)
	}
	w.legs, w.at = nil, nil
}
