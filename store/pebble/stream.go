package pebble

import "github.com/firth-health/firth/search"

// stream gives the rows that match, in order. It begins lazily, and gathers wide ranges once many candidates have been tested in vain.
type stream struct {
	v      *view
	plan   search.And
	source rowSource
}

func (v *view) stream(plan search.And) *stream {
	s := &stream{v: v, plan: plan, source: v.compile(plan, false)}
	v.noteSource(s.source)
	if j, ok := s.source.(*join); ok && len(j.checks) > 0 {
		j.patience = v.count.Tested + v.tune.lazyTests
	}
	return s
}

// seek returns the first match not below row.
func (s *stream) seek(row uint64) (uint64, bool) {
	at, ok := s.source.seek(row)
	if j, lazy := s.source.(*join); lazy && !ok && j.gaveUp && !s.v.stopped() {
		s.v.note("%d candidates tested: gathering ranges", s.v.count.Tested)
		s.source = s.v.compile(s.plan, true)
		s.v.noteSource(s.source)
		return s.source.seek(j.resume)
	}
	return at, ok
}
