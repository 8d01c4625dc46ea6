package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	var page *store.Page
	err := s.searched(ctx, q, func(r *run) (err error) {
		page, err = r.page()
		return err
	})
	if err != nil {
		return nil, reading(ctx, err)
	}
	return page, nil
}

// searched prepares a run of a query and does work with it, in a snapshot when it may take several commands that must agree.
func (s *Store) searched(ctx context.Context, q *search.Query, work func(*run) error) error {
	var from *position
	total := -1
	if q.Cursor != "" {
		var err error
		if from, total, err = s.decodeCursor(q); err != nil {
			return err
		}
	}
	hot, isHot := hotQueryOf(q.Type, q.Plan)
	simple := len(q.Sort) == 0 || isHot && hot.ordersBy(q.Sort)
	several := !simple || leads(q.Plan) || len(q.Include) > 0 || len(q.RevInclude) > 0
	return s.inSnapshot(ctx, several, func(v *view) error {
		r := &run{v: v, q: q, order: q.Sort, from: from, total: total}
		if isHot {
			r.hot = &hot
		}
		f, err := v.filter(q.Type, q.Plan)
		if err != nil {
			return err
		}
		r.filter = f
		return work(r)
	})
}

// leads reports whether a plan follows references.
func leads(plan search.Plan) bool {
	switch p := plan.(type) {
	case search.Ref, search.RevRef:
		return true
	case search.Not:
		return leads(p.Of)
	case search.And:
		return slices.ContainsFunc(p, leads)
	case search.Or:
		return slices.ContainsFunc(p, leads)
	}
	return false
}

// run is one search.
type run struct {
	v        *view
	q        *search.Query
	order    order
	filter   filter
	hot      *hotQuery // nil: the compound index is of no use
	from     *position // the page begins behind it; nil for the first page
	total    int       // -1: not counted
	strategy string
}

// match is a resource found, and where it stands.
type match struct {
	version *version
	at      position
}

// page finds, reads and counts.
func (r *run) page() (*store.Page, error) {
	page := &store.Page{Total: r.total}
	var found []match
	if r.q.Count > 0 && !r.filter.none {
		var err error
		if found, err = r.find(r.q.Count + 1); err != nil {
			return nil, err
		}
	}
	more := len(found) > r.q.Count
	if more {
		found = found[:r.q.Count]
	}
	for i := range found {
		page.Matches = append(page.Matches, found[i].version.result())
	}
	if len(r.q.Include) > 0 || len(r.q.RevInclude) > 0 {
		if err := store.Include(r.v.ctx, newLinks(r.v, found), r.q, page); err != nil {
			return nil, err
		}
	}
	if err := r.count(page, len(found), more); err != nil {
		return nil, err
	}
	if more {
		page.Next = r.v.s.encodeCursor(r.q, &found[len(found)-1].at, page.Total)
	}
	return page, nil
}

// find returns the first matches behind from, at most want.
func (r *run) find(want int) ([]match, error) {
	stages, ok := r.stages()
	if !ok {
		r.strategy = "all matches, sorted in memory"
		return r.findInMemory(want)
	}
	var found []match
	for _, legs := range stages {
		var parts []match
		for _, leg := range legs {
			part, err := leg.fetch(r, want-len(found))
			if err != nil {
				return nil, err
			}
			parts = append(parts, part...)
		}
		if len(legs) > 1 {
			slices.SortStableFunc(parts, func(a, b match) int { return r.order.compare(&a.at, &b.at) })
		}
		if found = append(found, parts[:min(len(parts), want-len(found))]...); len(found) == want {
			break
		}
	}
	return found, nil
}

// leg is one find whose matches come in the order of the query.
type leg struct {
	where   bson.D // besides the filter of the query
	sort    bson.D
	columns []column // where the values of the sort keys are
	present phase    // which of them are there
	hint    bson.D
}

// stages lists the finds of a search: those of one stage are merged, the stages come one after the other. ok is false when the server cannot sort so.
func (r *run) stages() (stages [][]*leg, ok bool) {
	if r.hot != nil && r.hot.ordersBy(r.order) {
		r.strategy = "compound index of patient, code and time"
		return r.hotStages(), true
	}
	columns, ok := r.order.columns()
	if !ok {
		return nil, false
	}
	r.strategy = "one filter"
	base := leg{columns: columns}
	if r.hot != nil {
		r.strategy = "compound index of patient and code"
		base.where, base.hint = r.hot.where(hotAll), hotHint()
	}
	for _, p := range phases(columns) {
		if l, wanted := r.phase(base, p); wanted {
			stages = append(stages, []*leg{l})
		}
	}
	return stages, true
}

// phase restricts a leg to one phase of the order; wanted is false when the page begins behind it.
func (r *run) phase(base leg, p phase) (l *leg, wanted bool) {
	behind := r.from
	if behind != nil {
		switch p.compare(behind.in()) {
		case -1:
			return nil, false
		case 1:
			behind = nil
		}
	}
	descending := r.order.descends()
	base.present = p
	base.where = conjunction(base.where, p.where(base.columns, behind, descending))
	base.sort = p.sort(base.columns, descending)
	return &base, true
}

// hotStages are those of a search for the newest, or oldest, of a patient's codes: resources with a time straight from the compound index, merged with
// the few whose time is not in it; then those without a time.
func (r *run) hotStages() [][]*leg {
	descending := r.order.descends()
	var stages [][]*leg
	if r.from == nil || r.from.values[0].has {
		timed := &leg{where: r.hot.where(hotTimed), columns: []column{{field: fieldTime, descending: descending}}, present: phase{true}, hint: hotHint(),
			sort: bson.D{{Key: fieldTime, Value: direction(descending)}}}
		if r.from != nil {
			operator := map[bool]string{false: "$gt", true: "$lt"}[descending]
			behind := bson.D{{Key: operator, Value: hotTime(r.from.values[0].text, r.from.created)}}
			timed.where = conjunction(timed.where, bson.D{{Key: fieldTime, Value: behind}})
		}
		field, _ := fieldOf([]string{r.hot.index.Time})
		long := leg{where: r.hot.where(hotLong), columns: []column{{field: field, descending: descending}}, hint: hotHint()}
		l, _ := r.phase(long, phase{true})
		stages = append(stages, []*leg{timed, l})
	}
	timeless := leg{where: r.hot.where(hotTimeless), columns: []column{{field: fieldTime, descending: descending}}, hint: hotHint()}
	behind := r.from
	if behind != nil && behind.values[0].has {
		behind = nil
	}
	timeless.present = phase{false}
	if behind != nil {
		timeless.where = conjunction(timeless.where, timeless.present.behind(timeless.columns, behind, descending))
	}
	timeless.sort = timeless.present.sort(timeless.columns, descending)
	return append(stages, []*leg{&timeless})
}

// fetch runs the find and returns the first matches.
func (l *leg) fetch(r *run, want int) (found []match, err error) {
	o := options.Find().SetSort(l.sort).SetProjection(r.projection(l.columns)).SetAllowDiskUse(true)
	if r.filter.exact {
		o.SetLimit(int64(want))
	} else {
		o.SetBatchSize(int32(min(4*want, 1000)))
	}
	if l.hint != nil {
		o.SetHint(l.hint)
	}
	t := r.v.tester(r.q.Type, r.q.Plan, r.filter)
	where := conjunction(r.filter.onlyLive(), l.where)
	err = r.v.find(r.q.Type, where, o, func(document bson.Raw) (bool, error) {
		v, err := r.v.s.readVersion(r.q.Type, document)
		if err != nil {
			return false, err
		}
		if ok, err := t.accepts(v); err != nil || !ok {
			return err == nil, err
		}
		values, err := l.values(document)
		found = append(found, match{version: v, at: position{values: values, created: v.created}})
		return len(found) < want, err
	})
	return found, err
}

// projection asks for what a page needs and no more.
func (r *run) projection(columns []column) bson.D {
	fields := []string{fieldVersion, fieldSequence, fieldCreated, fieldMethod, fieldRaw, fieldPacked, fieldResource}
	for _, c := range columns {
		if c.field != fieldID && !slices.Contains(fields, c.field) {
			fields = append(fields, c.field)
		}
	}
	if !r.filter.exact || len(r.q.Include) > 0 {
		fields = append(fields, fieldKeys)
	}
	return ascending(fields...)
}

// count finds the total of a first page.
func (r *run) count(page *store.Page, found int, more bool) error {
	wanted := r.q.Total
	switch {
	case wanted == search.NoTotal || r.filter.none:
		page.Total = map[bool]int{true: 0, false: page.Total}[r.filter.none && wanted != search.NoTotal]
		return nil
	case page.Total >= 0 || r.from != nil && (wanted == search.Bounded && r.q.Count > 0):
		return nil
	case r.from == nil && r.q.Count > 0 && !more:
		page.Total = found
		return nil
	}
	bounded := wanted == search.Bounded && r.q.Count > 0
	n, err := r.countAll(bounded)
	if n >= 0 && r.from == nil && more {
		n = max(n, found+1) // what was counted a moment later may be less
	}
	page.Total = n
	return err
}

// A bounded total is left out when it is more than this many, or takes longer.
const (
	countAtMost = 10_000
	countWithin = 300 * time.Millisecond
)

// countAll counts the matches; -1 when that is bounded and too much.
func (r *run) countAll(bounded bool) (int, error) {
	limit := 1 << 40
	if bounded {
		limit = countAtMost
	}
	if !r.filter.exact {
		n := 0
		complete, err := r.v.each(r.q.Type, r.q.Plan, nil, limit, func(*version) { n++ })
		if !complete {
			n = -1
		}
		return n, err
	}
	o := options.Count()
	where := r.filter.onlyLive()
	if r.hot != nil {
		where = conjunction(where, r.hot.where(hotAll))
		o.SetHint(hotHint())
	}
	ctx := r.v.ctx
	if bounded {
		o.SetLimit(int64(limit) + 1)
		limited, cancel := context.WithTimeout(ctx, countWithin)
		defer cancel()
		ctx = limited
	}
	n, err := r.v.from(r.q.Type).CountDocuments(ctx, where, o)
	switch {
	case err != nil && bounded && r.v.ctx.Err() == nil && (ctx.Err() != nil || isTimeLimit(err)):
		return -1, nil
	case err != nil:
		return -1, reading(r.v.ctx, err)
	case bounded && n > int64(limit):
		return -1, nil
	}
	return int(n), nil
}
