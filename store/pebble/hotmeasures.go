package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Measures implements [store.Measurer] for plans that name one subject: it walks what stands under everyToken.
func (s *Store) Measures(ctx context.Context, q store.MeasuresQuery, visit func(m search.Measure, v *store.Version) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if search.FollowsReferences(q.Plan) || search.FollowsReferences(q.Content) {
		return fmt.Errorf("chains: %w", store.ErrUnsupported)
	}
	v, err := s.newView(ctx, q.Type)
	if err != nil {
		return err
	}
	err = v.measures(q, visit)
	if err = errors.Join(err, v.err, v.close()); err == nil {
		s.stats.searches.Add(1)
	}
	return err
}

func (v *view) measures(q store.MeasuresQuery, visit func(m search.Measure, v *store.Version) error) error {
	plan := search.Conjuncts(nil, q.Plan)
	for no, index := range search.HotIndexes(v.typ) {
		h := &hotScan{v: v, no: no, index: index, plan: search.Conjuncts(plan[:len(plan):len(plan)], q.Content), hi: noTime, tokens: []string{everyToken}}
		if h.takeEvery(plan) {
			m := measuring{hotScan: h, content: append(h.rest[:len(h.rest):len(h.rest)], q.Content), visit: visit}
			m.takeTokens()
			return m.walkAll()
		}
	}
	return fmt.Errorf("measures of several subjects: %w", store.ErrUnsupported)
}

// takeEvery sorts out which parts of a plan are about the subject, which the time of an entry decides, and which only the key list. It returns false when there is
// not one subject.
func (h *hotScan) takeEvery(plan search.And) bool {
	parts, ok := h.index.Divide(plan)
	h.subject, h.times, h.rest, h.lo, h.hi = parts.Subject, parts.Times, parts.Rest, parts.Lo, min(h.hi, parts.Hi)
	return ok
}

// measuring delivers the matches of a scan.
type measuring struct {
	*hotScan
	content []search.Plan // what resources without a measure have to meet besides
	visit   func(m search.Measure, v *store.Version) error

	tokened *hotScan // one condition on tokens, decided by the entries of those tokens; nil for none
	beside  *walk    // over them, as far as the walk over all
	more    bool     // beside stands at an entry
}

// takeTokens takes a condition on tokens out of the rest.
func (m *measuring) takeTokens() {
	for i, part := range m.rest {
		for _, prefix := range m.index.Codes {
			h := &hotScan{v: m.v, no: m.no, index: m.index, subject: m.subject, lo: m.lo, hi: m.hi}
			if ranges := tokenRanges(part, prefix); ranges != nil && h.findTokens(ranges) {
				m.tokened, m.rest = h, slices.Delete(slices.Clone(m.rest), i, i+1)
				return
			}
		}
	}
}

// besides opens the walk over the tokens that are asked.
func (m *measuring) besides(timeless bool) *walk {
	w := &walk{v: m.v, timeless: timeless}
	if m.tokened != nil {
		for _, token := range m.tokened.tokens {
			m.tokened.enter(w, token, nil)
		}
		m.beside, m.more = w, w.next()
	}
	return w
}

// hasToken reports whether the resource of an entry under everyToken, later than the one before, stands under a token that is asked as well.
func (m *measuring) hasToken(l *leg) bool {
	if m.tokened == nil {
		return true
	}
	for m.more && m.beside.precedes(m.beside.at, l) {
		m.more = m.beside.next()
	}
	return m.more && m.beside.at.row == l.row && bytes.Equal(m.beside.at.value, l.value)
}

func (m *measuring) walkAll() error {
	if m.v.n.live == 0 {
		return nil
	}
	for _, timeless := range []bool{false, true} {
		if timeless && !m.timelessMatch() {
			continue
		}
		w, tokens := m.walk(false, timeless, nil), m.besides(timeless)
		err := m.through(w)
		w.close()
		tokens.close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *measuring) through(w *walk) error {
	for w.next() {
		row := w.at.row
		if !w.at.any {
			if !m.hasToken(w.at) {
				continue
			}
			value, err := w.at.it.ValueAndErr()
			if err != nil {
				return err
			}
			if len(value) > 0 {
				if !m.accepts(w) {
					continue
				}
				if err := m.visit(value, nil); err != nil {
					return err
				}
				continue
			}
			if !m.inTime(w, w.at.value) || !m.v.passes(row, m.content, asksID(m.content...)) {
				continue
			}
		} else if !m.accepts(w) {
			continue
		}
		version, ok := m.v.body(row)
		if !ok {
			return m.v.err
		}
		if err := m.visit(nil, &version); err != nil {
			return err
		}
	}
	return nil
}
