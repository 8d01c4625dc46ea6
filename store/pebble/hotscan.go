package pebble

import (
	"bytes"
	"slices"
	"strings"

	"github.com/firth-health/firth/search"
)

// hotScan answers a conjunction of one subject, maybe tokens, and maybe times from hot keys.
type hotScan struct {
	v       *view
	no      int
	index   search.HotIndex
	subject string
	tokens  []string      // index keys
	times   []search.Plan // conditions on the time
	rest    []search.Plan // what the hot keys do not answer
	plan    search.And    // the whole
	lo, hi  string        // bounds of the time, from times

	values *hotValues // conditions of rest on the value, while a walk tests them by measures; nil for none
}

// hotScan finds the hot index that answers the most of a conjunction; ok is false when there is none.
func (v *view) hotScan(plan search.And) (h *hotScan, ok bool) {
	if v.n.live == 0 || len(plan) == 0 {
		return nil, false
	}
	for no, index := range search.HotIndexes(v.typ) {
		h = &hotScan{v: v, no: no, index: index, plan: plan, hi: noTime}
		if h.take() {
			return h, true
		}
	}
	return nil, false
}

// take sorts out which parts of the plan the index answers. It returns false when there is no subject.
func (h *hotScan) take() bool {
	subject := slices.IndexFunc(h.plan, func(p search.Plan) bool {
		key, ok := search.ExactKey(p)
		return ok && strings.HasPrefix(key, h.index.Subject)
	})
	if subject < 0 {
		return false
	}
	key, _ := search.ExactKey(h.plan[subject])
	h.subject = key[len(h.index.Subject):]
	token, ranges := h.tokenPart()
	if token < 0 {
		ranges = []search.Keys{search.OneKey(everyToken)}
	}
	for i, part := range h.plan {
		if i == subject || i == token {
			continue
		}
		if lo, hi, ok := h.index.Window(part); ok {
			h.times = append(h.times, part)
			h.lo, h.hi = max(h.lo, lo), min(h.hi, hi)
			continue
		}
		h.rest = append(h.rest, part)
	}
	return h.findTokens(ranges)
}

// within reports whether a range lies inside the keys with a prefix, which ends in ASCII.
func within(p search.Keys, prefix string) bool {
	return strings.HasPrefix(p.Lo, prefix) && p.Hi <= string(after(nil, []byte(prefix)))
}

// tokenPart finds the part that asks for the narrowest tokens: those of the code rather than those of the category.
func (h *hotScan) tokenPart() (part int, ranges []search.Keys) {
	for _, prefix := range h.index.Codes {
		for i, p := range h.plan {
			if ranges := tokenRanges(p, prefix); ranges != nil {
				return i, ranges
			}
		}
	}
	return -1, nil
}

// tokenRanges returns the ranges of a plan that asks for nothing but tokens with a prefix.
func tokenRanges(plan search.Plan, prefix string) []search.Keys {
	switch p := plan.(type) {
	case search.Keys:
		if within(p, prefix) && !p.Filtered() {
			return []search.Keys{p}
		}
	case search.Or:
		var all []search.Keys
		for _, part := range p {
			ranges := tokenRanges(part, prefix)
			if ranges == nil {
				return nil
			}
			all = append(all, ranges...)
		}
		return all
	}
	return nil
}

// findTokens lists the tokens in the ranges that the subject has. It returns false when they are too many to merge.
func (h *hotScan) findTokens(ranges []search.Keys) bool {
	for _, p := range ranges {
		if key, ok := p.Exact(); ok {
			h.tokens = append(h.tokens, key)
			continue
		}
		if p.Lo < p.Hi && !h.discover(p) {
			return false
		}
	}
	slices.Sort(h.tokens)
	h.tokens = slices.Compact(h.tokens)
	return len(h.tokens) <= h.v.tune.maxUnion
}

// discover jumps from token to token of the subject.
func (h *hotScan) discover(p search.Keys) bool {
	base := h.subjectPrefix()
	it := h.v.iterator(appendBound(slices.Clone(base), p.Lo), appendBound(slices.Clone(base), p.Hi))
	if it == nil {
		return false
	}
	defer h.v.release(it)
	from := appendBound(slices.Clone(base), p.Lo)
	for len(h.tokens) <= h.v.tune.maxUnion && h.v.seek(it, from) {
		rest := it.Key()[len(base):]
		token := rest[:bytes.IndexByte(rest, 0)]
		h.tokens = append(h.tokens, string(token))
		from = append(append(from[:len(base)], token...), 1)
	}
	h.v.fail(it.Error())
	return true
}

func (h *hotScan) subjectPrefix() []byte {
	return append(append(append(spaceKey(nil, spaceHot, h.v.t), byte(h.no)), h.subject...), 0)
}

// walk opens the entries with a time, or those without, in the order of time.
func (h *hotScan) walk(reverse, timeless bool, from *start) *walk {
	w := &walk{v: h.v, reverse: reverse, timeless: timeless}
	h.enter(w, anyToken, from)
	for _, token := range h.tokens {
		h.enter(w, token, from)
	}
	return w
}

// enter adds the entries under a token to a walk.
func (h *hotScan) enter(w *walk, token string, from *start) {
	lo, hi := h.lo, h.hi
	if token == anyToken {
		lo, hi = "", noTime
	}
	prefix := hotPrefix(nil, h.v.t, h.no, h.subject, token)
	lower, upper := appendBound(slices.Clone(prefix), lo), appendBound(slices.Clone(prefix), hi)
	if w.timeless {
		lower, upper = append(slices.Clone(prefix), noTime...), after(nil, prefix)
	}
	if bytes.Compare(lower, upper) < 0 {
		w.add(&leg{any: token == anyToken}, prefix, lower, upper, from)
	}
}

// accepts reports whether the entry at the walk is a match in its place.
func (h *hotScan) accepts(w *walk) bool {
	l := w.at
	if l.any {
		value, err := l.it.ValueAndErr()
		if err == nil && len(value) != 1 {
			err = errCorrupt
		}
		if h.v.fail(err); err != nil {
			return false
		}
		place := isSmallest
		if w.reverse {
			place = isLargest
		}
		return value[0]&place != 0 && h.v.passes(l.row, h.plan, asksID(h.plan...))
	}
	if !h.inTime(w, l.value) {
		return false
	}
	rest := h.rest
	if h.values != nil {
		match, known := h.values.match(w)
		if known && !match {
			return false
		}
		if known {
			rest = h.values.others
		}
	}
	return len(rest) == 0 || h.v.passes(l.row, rest, asksID(rest...))
}

// inTime tests the conditions on the time of an entry of its own: its resource has just the two keys that the entry's time gives.
func (h *hotScan) inTime(w *walk, value []byte) bool {
	if w.timeless {
		value = nil
	}
	return h.index.MatchesTimes(h.times, value)
}

// timelessMatch reports whether a resource without a time can match.
func (h *hotScan) timelessMatch() bool { return h.index.MatchesTimes(h.times, nil) }

// narrows reports whether the hot keys say more than the postings of the subject.
func (h *hotScan) narrows() bool {
	return len(h.times) > 0 || len(h.tokens) != 1 || h.tokens[0] != everyToken
}

// rows reads the rows that match subject, tokens and dates, when they are few.
func (h *hotScan) rows(limit int) (rowSource, bool) {
	rest := h.rest
	h.rest = nil
	defer func() { h.rest = rest }()
	end := h.v.cost + limit
	var rows []uint64
	for _, timeless := range []bool{false, true} {
		if timeless && !h.timelessMatch() {
			continue
		}
		w := h.walk(false, timeless, nil)
		for w.next() && h.v.cost < end {
			if h.accepts(w) {
				rows = append(rows, w.at.row)
			}
		}
		complete := w.at == nil
		w.close()
		if !complete {
			return nil, false
		}
	}
	return newRowList(rows), true
}
