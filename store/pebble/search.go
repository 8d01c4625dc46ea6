package pebble

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	r, err := s.newRun(ctx, q)
	if err != nil {
		return nil, err
	}
	page, err := r.page()
	if err = errors.Join(err, r.v.close()); err != nil {
		return nil, err
	}
	s.stats.searches.Add(1)
	return page, nil
}

// Explain implements [store.Explainer].
func (s *Store) Explain(ctx context.Context, q *search.Query) (*store.Explanation, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	r, err := s.newRun(ctx, q)
	if err != nil {
		return nil, err
	}
	r.v.explained = true
	page, err := r.page()
	if err = errors.Join(err, r.v.close()); err != nil {
		return nil, err
	}
	r.v.count.Duration = time.Since(r.v.begun)
	return &store.Explanation{Strategy: r.strategy, Steps: r.v.steps, Counters: r.v.count, Page: page}, nil
}

// run is the search for one page.
type run struct {
	s     *Store
	v     *view
	q     *search.Query
	plan  search.And
	order store.Order

	from  *store.Position // where the last page ended; nil for the first
	total int             // of all pages: -1 when it is not known (yet)
	tried bool            // the total has been counted as far as it may be
	want  int             // matches to find: one more than the page holds

	strategy string
	found    []store.Position
}

func (s *Store) newRun(ctx context.Context, q *search.Query) (*run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &run{s: s, q: q, plan: search.Conjuncts(nil, q.Plan), order: q.Sort, total: -1, want: q.Count + 1}
	if q.Cursor != "" {
		c, err := store.ParseCursor(s.secret[:], q)
		if err != nil {
			return nil, err
		}
		r.from, r.total = &c.Position, c.Total
	}
	v, err := s.newView(ctx, q.Type)
	r.v = v
	return r, err
}

// page finds, reads and counts.
func (r *run) page() (*store.Page, error) {
	r.plan = r.v.named(r.plan)
	if r.q.Count > 0 {
		r.find()
	}
	r.countAll()
	if r.v.err != nil {
		return nil, r.v.err
	}
	page := &store.Page{Total: r.total}
	if len(r.found) > r.q.Count {
		r.found = r.found[:r.q.Count]
		page.Next = (&store.Cursor{Position: r.found[r.q.Count-1], Total: r.total}).Seal(r.s.secret[:], r.q)
	}
	if page.Matches = r.v.bodies(r.found); r.v.err != nil {
		return nil, r.v.err
	}
	if len(r.q.Include) == 0 && len(r.q.RevInclude) == 0 {
		return page, nil
	}
	return page, store.Include(r.v.ctx, &links{r.v, map[string]*view{}}, r.q, page)
}

// find fills found in the way that promises to be the cheapest.
func (r *run) find() {
	if len(r.order) == 0 {
		r.findByRow()
		return
	}
	if h, ok := r.v.hotScan(r.plan); ok && r.order.IsOnly(h.index.Time) {
		r.findHot(h)
		return
	}
	s := r.v.stream(r.plan)
	if s.source.size() <= r.v.tune.fewMatches && r.findFew(s) {
		return
	}
	m := &membership{r: r}
	if j, tests := s.source.(*join); (!tests || len(j.checks) == 0) && s.source.size() <= r.v.tune.gatherAtOnce {
		m.all()
	}
	s.source.close()
	r.findByWalk(m)
}

// findByRow takes the matches in the order of creation.
func (r *run) findByRow() {
	r.strategy = "rows in order of creation"
	row := uint64(0)
	if r.from != nil {
		row = r.from.Created + 1
	}
	s := r.v.stream(r.plan)
	at, ok := s.seek(row)
	for ; ok; at, ok = s.seek(at + 1) {
		if r.found = append(r.found, store.Position{Created: at}); len(r.found) == r.want {
			break
		}
	}
	if r.from == nil {
		r.countOn(len(r.found), func() bool {
			if ok {
				at, ok = s.seek(at + 1)
			}
			return ok
		})
	}
}

// findFew takes all matches, reads their sort values, and keeps the best. It returns false when there are more than it should take on.
func (r *run) findFew(s *stream) bool {
	r.strategy = "few matches, sorted in memory"
	b := newBest(r.order, r.want)
	count := 0
	for row, ok := s.seek(0); ok; row, ok = s.seek(row + 1) {
		if count++; count > 4*r.v.tune.fewMatches {
			return false
		}
		r.consider(b, row)
	}
	r.found = b.Sorted()
	if r.from == nil || r.total < 0 {
		r.setTotal(count)
	}
	return true
}

// consider offers a match to the best, unless an earlier page had it.
func (r *run) consider(b *best, row uint64) {
	p := store.Position{Created: row}
	p.Values = r.values(row)
	if !r.v.stopped() && (r.from == nil || r.order.Compare(r.from, &p) < 0) {
		b.add(&p)
	}
}

// values reads the sort values of a row; they are good until the next row is looked at.
func (r *run) values(row uint64) []store.SortValue {
	id := ""
	if slices.ContainsFunc(r.order, store.SortsByID) {
		id = r.v.id(row)
	}
	keys, _ := r.v.keyList(row)
	return r.order.AppendValues(make([]store.SortValue, 0, len(r.order)), id, keys)
}

// setTotal notes a total that was found on the way.
func (r *run) setTotal(n int) {
	if r.q.Total != search.NoTotal {
		r.total = n
	}
}

// countOn goes on counting matches of a first page behind the n already found: to the end for an accurate total, within bounds otherwise.
func (r *run) countOn(n int, next func() bool) {
	if r.q.Total == search.NoTotal || r.v.stopped() {
		return
	}
	r.tried = true
	r.count(func() int {
		for next() {
			n++
		}
		return n
	})
}

// count runs a count for the total. A bounded one ends, without a total, when it costs too much, or when it lately did.
func (r *run) count(all func() int) {
	bounded := r.q.Total == search.Bounded && r.q.Count > 0
	digest := uint64(0)
	if bounded {
		if digest = costlyDigest(r.q); r.s.costly.has(digest) {
			return
		}
		r.v.limit = r.v.cost + r.v.tune.boundedCost
	}
	if n := all(); !r.v.stopped() {
		r.total = n
	}
	if r.v.spent {
		r.s.costly.add(digest)
	}
	r.v.limit, r.v.spent = 0, false
}
