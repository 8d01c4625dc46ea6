package pebble

import (
	"bytes"

	"github.com/firth-health/firth/store"
)

// findHot takes the matches of a hot scan in the order of time, those without a time last.
func (r *run) findHot(h *hotScan) {
	r.strategy = "hot index walk"
	r.v.note("subject %s, %d tokens, %d conditions on the time, %d tests", h.subject, len(h.tokens), len(h.times), len(h.rest))
	if h.takeValues() {
		r.v.note("%d of the tests by measures", len(h.values.tests))
		defer h.values.close()
	}
	f := &hotFinder{r: r, h: h}
	defer f.close()
	for len(r.found) < r.want && f.next() {
		p := store.Position{Values: []store.SortValue{{Has: !f.timeless}}, Created: f.w.at.row}
		if !f.timeless {
			p.Values[0].Text = string(f.w.at.value)
		}
		r.found = append(r.found, p)
	}
	if r.from == nil {
		r.countOn(len(r.found), func() bool { return len(r.found) == r.want && f.next() })
	}
}

// hotFinder goes through the matches of a hot scan.
type hotFinder struct {
	r        *run
	h        *hotScan
	w        *walk
	timeless bool
	value    []byte // of the last match
	row      uint64
	begun    bool
}

// next moves to the next match.
func (f *hotFinder) next() bool {
	if f.w == nil {
		f.open(f.r.from != nil && !f.r.from.Values[0].Has)
	}
	for {
		for f.w.next() {
			at := f.w.at
			if f.begun && at.row == f.row && bytes.Equal(at.value, f.value) || !f.h.accepts(f.w) {
				continue
			}
			f.begun, f.row, f.value = true, at.row, append(f.value[:0], at.value...)
			return !f.r.v.stopped()
		}
		if f.timeless || !f.h.timelessMatch() || f.r.v.stopped() {
			return false
		}
		f.close()
		f.open(true)
	}
}

// open begins with the entries that have a time, or with those that have none.
func (f *hotFinder) open(timeless bool) {
	var from *start
	if p := f.r.from; p != nil && p.Values[0].Has == !timeless {
		from = &start{value: []byte(p.Values[0].Text), row: p.Created, exact: true}
		if timeless {
			from.value = []byte(noTime)
		}
	}
	f.timeless = timeless
	f.w = f.h.walk(f.r.order.Descends(), timeless, from)
}

func (f *hotFinder) close() {
	if f.w != nil {
		f.w.close()
	}
}
