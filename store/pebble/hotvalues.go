package pebble

import (
	"bytes"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/search"
)

// hotValues tests the values of the entries that a walk meets by their measures, which stand together under everyToken, instead of by key lists, each of which is
// somewhere else.
type hotValues struct {
	h      *hotScan
	tests  []*search.ValueTest
	others []search.Plan // conditions that measures do not decide

	it     *engine.Iterator // over the entries under everyToken
	placed bool             // it stands at one
	prefix []byte           // of those entries
	wanted []byte
}

// measureSteps is how many entries are passed one by one to the next measure before it is sought.
const measureSteps = 12

// takeValues finds the conditions that measures decide. It returns false when there are none.
func (h *hotScan) takeValues() bool {
	t := &hotValues{h: h}
	for _, part := range h.rest {
		if test, ok := search.NewValueTest(part); ok {
			t.tests = append(t.tests, test)
		} else {
			t.others = append(t.others, part)
		}
	}
	if len(t.tests) == 0 {
		return false
	}
	h.values = t
	return true
}

func (t *hotValues) close() {
	t.h.v.release(t.it)
	t.h.values = nil
}

// match tests the entry at a walk, which is not under anyToken; known is false when only the key list tells.
func (t *hotValues) match(w *walk) (match, known bool) {
	m, ok := t.measure(w)
	if !ok || len(m) == 0 {
		return false, false
	}
	match = true
	for _, test := range t.tests {
		one, known := test.Match(m)
		if !known {
			return false, false
		}
		match = match && one
	}
	return match, true
}

// measure finds the measure of the resource at a walk: the value of the entry that has the same time and row under everyToken.
func (t *hotValues) measure(w *walk) (search.Measure, bool) {
	if t.prefix == nil {
		t.prefix = hotPrefix(nil, t.h.v.t, t.h.no, t.h.subject, everyToken)
		t.it = t.h.v.iterator(t.prefix, after(nil, t.prefix))
	}
	if t.it == nil {
		return nil, false
	}
	t.wanted = appendRow(append(append(append(t.wanted[:0], t.prefix...), w.at.value...), 0), w.at.row)
	if !t.reach(w.reverse) {
		return nil, false
	}
	value, err := t.it.ValueAndErr()
	t.h.v.fail(err)
	return value, err == nil
}

// reach moves to the entry that is wanted. Those of a walk come in order, and entries of other codes lie between.
func (t *hotValues) reach(reverse bool) bool {
	v := t.h.v
	for range measureSteps {
		if !t.placed {
			break
		}
		order := bytes.Compare(t.it.Key(), t.wanted)
		if order == 0 {
			return true
		}
		if order < 0 == reverse {
			break // it was passed
		}
		if reverse {
			t.placed = t.it.Prev()
		} else {
			t.placed = t.it.Next()
		}
		if !v.read() {
			return false
		}
	}
	t.placed = v.seek(t.it, t.wanted)
	v.fail(t.it.Error())
	return t.placed && bytes.Equal(t.it.Key(), t.wanted)
}
