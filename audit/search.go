package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// maxWork is what a search may cost: a page that is not full by then ends there, with a cursor. A record that is looked at counts 1, one that is rendered renderWork, a block that is read blockWork.
const (
	maxWork    = 400_000
	renderWork = 20
	blockWork  = 20
)

// place is between two AuditEvents in the order of searches: newest first, then by chain, then greater numbers first, then the patients of a record in order.
type place struct {
	At     int64  `json:"t"`
	Chain  string `json:"c"`
	Number uint64 `json:"n"`
	Nth    int    `json:"k"`
	Total  int    `json:"s"`
}

// cursorSecret binds cursors to this purpose. What they say is a place in time, no secret: Plan and Grant decide what is behind it.
const cursorSecret = "firth audit trail"

// searcher finds one page.
type searcher struct {
	r       *Reader
	q       *search.Query
	lines   []*line
	work    int
	page    store.Page
	found   int
	last    place
	hasMore bool
	isWhole bool // the end was reached
	links   *links
}

// line is a chain with the record that comes next from it.
type line struct {
	*walker
	record *record
	nth    int // AuditEvents of the record that were given
	read   int // blocks counted as work
}

// search answers a query on AuditEvents.
func (r *Reader) search(ctx context.Context, q *search.Query) (*store.Page, error) {
	if err := newestFirst(q.Sort); err != nil {
		return nil, err
	}
	if err := r.flush(ctx); err != nil {
		return nil, err
	}
	s := &searcher{r: r, q: q, page: store.Page{Total: -1}, links: &links{ctx: ctx, r: r, keys: map[string][]string{}}}
	from, err := s.from()
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx, from); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	s.total(from)
	if s.page.Total < 0 && (q.Total == search.Accurate || q.Count == 0) {
		return nil, fmt.Errorf("to count the events of the audit trail: %w", store.ErrTooCostly)
	}
	if err := s.links.err; err != nil {
		return nil, err
	}
	if s.hasMore {
		if s.page.Next, err = s.next(); err != nil {
			return nil, err
		}
	}
	if len(q.Include)+len(q.RevInclude) > 0 {
		err = store.Include(ctx, s.links, q, &s.page)
	}
	return &s.page, err
}

// total says how many matches there are, where that is known.
func (s *searcher) total(from *place) {
	switch {
	case from != nil:
		s.page.Total = from.Total
	case s.isWhole && s.q.Total != search.NoTotal:
		s.page.Total = s.found
	}
}

// newestFirst refuses other orders than the one of the trail.
func newestFirst(sort []search.SortKey) error {
	for _, key := range sort {
		if key.Param != "date" && key.Param != "_lastUpdated" || !key.Descending {
			return fhir.Invalidf(fhir.CodeNotSupported, "http._sort", "AuditEvents come newest first; _sort can only be -date or -_lastUpdated")
		}
	}
	return nil
}

func (s *searcher) from() (*place, error) {
	if s.q.Cursor == "" {
		return nil, nil
	}
	payload, err := store.OpenCursor([]byte(cursorSecret), store.Fingerprint(s.q), s.q.Cursor)
	if err != nil {
		return nil, err
	}
	p := &place{}
	if json.Unmarshal(payload, p) != nil {
		return nil, store.ErrBadCursor
	}
	return p, nil
}

// open begins to walk each chain that can have something.
func (s *searcher) open(ctx context.Context, from *place) error {
	chains, err := s.r.chains(ctx)
	if err != nil {
		return err
	}
	for _, c := range chains {
		latest := until(s.q.Plan)
		if from != nil {
			latest = time.UnixMilli(from.At)
		}
		var first uint64
		if latest.IsZero() {
			first, err = s.r.lastID(ctx, kindEvents+c.Chain)
		} else {
			first, err = s.r.seek(ctx, c.Chain, latest)
		}
		if err != nil {
			return err
		}
		l := &line{walker: s.r.walk(c.Chain, first, func(h *header) bool { return ofBlock(h).may(s.q.Plan) })}
		for l.record == nil || from != nil && !from.isBefore(l) {
			if more, err := s.advance(ctx, l); err != nil {
				return err
			} else if !more {
				break
			}
		}
		if l.record != nil {
			s.lines = append(s.lines, l)
		}
	}
	return nil
}

// isBefore reports whether what the line gives next comes behind the place.
func (p *place) isBefore(l *line) bool {
	at := l.record.at.UnixMilli()
	switch {
	case at != p.At:
		return at < p.At
	case l.chain != p.Chain:
		return l.chain > p.Chain
	case l.record.number != p.Number:
		return l.record.number < p.Number
	}
	return l.nth > p.Nth
}

// advance goes to the next AuditEvent of a line; more is false at its end.
func (s *searcher) advance(ctx context.Context, l *line) (more bool, err error) {
	if l.record != nil && l.nth+1 < l.record.events() {
		l.nth++
		return true, nil
	}
	l.nth = 0
	l.record, err = l.older(ctx)
	s.work += 1 + blockWork*(l.walker.read-l.read)
	l.read = l.walker.read
	return l.record != nil, err
}

// run gathers the page, and where all matches are to be counted goes on to the end.
func (s *searcher) run(ctx context.Context) error {
	counts := s.q.Count == 0 || s.q.Total == search.Accurate && s.q.Cursor == ""
	for l := s.newest(); l != nil; l = s.newest() {
		isFull := len(s.page.Matches) == s.q.Count
		if isFull && !counts || s.work > maxWork {
			s.hasMore = s.q.Count > 0
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := s.match(l)
		if err != nil {
			return err
		}
		if !isFull {
			s.last = place{At: l.record.at.UnixMilli(), Chain: l.chain, Number: l.record.number, Nth: l.nth}
		}
		switch {
		case v == nil:
		case isFull:
			s.found++
			s.hasMore = s.q.Count > 0
		default:
			s.found++
			s.page.Matches = append(s.page.Matches, *v)
		}
		if _, err := s.advance(ctx, l); err != nil {
			return err
		}
	}
	s.isWhole = true
	return nil
}

// newest is the line whose next AuditEvent comes first; nil when all are at their end.
func (s *searcher) newest() *line {
	var first *line
	for _, l := range s.lines {
		if l.record != nil && (first == nil || l.record.at.After(first.record.at)) { // chains are in the order of their names
			first = l
		}
	}
	return first
}

// match renders what a line has next and decides whether it matches; nil when not.
func (s *searcher) match(l *line) (*store.Version, error) {
	if !ofRecord(l.record).may(s.q.Plan) {
		return nil, nil
	}
	s.work += renderWork
	v, keys, err := s.r.version(l.chain, l.record, l.nth)
	if err != nil || !search.Match(s.q.Plan, v.Key.ID, keys, s.links) {
		return nil, err
	}
	if len(s.q.Include) > 0 {
		s.links.keys[v.Key.ID] = keys
	}
	return v, nil
}

// next is the cursor behind the page.
func (s *searcher) next() (string, error) {
	s.last.Total = s.page.Total
	payload, err := json.Marshal(s.last)
	return store.SealCursor([]byte(cursorSecret), store.Fingerprint(s.q), payload), err
}
