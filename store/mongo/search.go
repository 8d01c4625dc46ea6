package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	return s.search(ctx, q, false)
}

// search answers a query, with outlines of resources where those are enough.
func (s *Store) search(ctx context.Context, q *search.Query, outlines bool) (*store.Page, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	var page *store.Page
	err := s.searched(ctx, q, false, func(r *run) (err error) {
		r.outlines = outlines
		page, err = r.page()
		return err
	})
	if err != nil {
		return nil, reading(ctx, err)
	}
	return page, nil
}

// searched prepares a run of a query and does work with it, in a snapshot when it may take several commands that must agree.
func (s *Store) searched(ctx context.Context, q *search.Query, explained bool, work func(*run) error) error {
	var from *store.Position
	total := -1
	if q.Cursor != "" {
		c, err := store.ParseCursor(s.secret[:], q)
		if err != nil {
			return err
		}
		from, total = &c.Position, c.Total
	}
	hot, isHot := hotQueryOf(q.Type, q.Plan)
	simple := len(q.Sort) == 0 || isHot && store.Order(q.Sort).IsOnly(hot.index.Time)
	several := !simple || search.FollowsReferences(q.Plan) || len(q.Include) > 0 || len(q.RevInclude) > 0
	return s.inSnapshot(ctx, several, q.MayLag, func(v *view) error {
		v.explained = explained
		r := &run{v: v, q: q, order: q.Sort, from: from, total: total}
		plan := q.Plan
		if isHot {
			r.hot, plan = &hot, search.And(hot.rest)
		}
		f, err := v.filter(q.Type, plan)
		if err != nil {
			return err
		}
		f.live = f.live || isHot // what is deleted has no patient
		r.filter = f
		return work(r)
	})
}

// run is one search.
type run struct {
	v        *view
	q        *search.Query
	order    store.Order
	filter   filter          // where there is a hot query what that does not decide: each find must be within its part of the compound index
	hot      *hotQuery       // nil: the compound index is of no use
	from     *store.Position // the page begins behind it; nil for the first page
	total    int             // -1: not counted
	strategy string
	outlines bool // see latest.go
}

// match is a resource found, and where it stands.
type match struct {
	version *version
	at      store.Position
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
	page.Matches = slices.Grow(page.Matches, len(found))
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
		page.Next = (&store.Cursor{Position: found[len(found)-1].at, Total: page.Total}).Seal(r.v.s.secret[:], r.q)
	}
	return page, nil
}

// find returns the first matches behind from, at most want, in the way that promises to be the cheapest.
func (r *run) find(want int) ([]match, error) {
	if len(r.order) > 0 {
		c, ok := columnOf(r.order)
		switch {
		case r.hot != nil && r.order.IsOnly(r.hot.index.Time):
			r.strategy = "compound index of patient, code and time"
			return r.findStages(r.hotStages(), want)
		case !ok:
			r.strategy = "all matches, sorted in memory"
			return r.findInMemory(want)
		case len(r.order) > 1 && !c.always:
			r.strategy = "by the first sort key, ties sorted in memory"
			return r.findByFirst(c, want)
		default:
			r.strategy = "one filter, sorted by the server"
			return r.findStages(r.sortedStages(c), want)
		}
	}
	r.strategy = "one filter, in the order of creation"
	l := r.narrowed()
	l.sort = sortBy(nil, false)
	if r.from != nil {
		l.where = conjunction(l.where, createdBehind(r.from, false))
	}
	return r.findStages([][]*leg{{l}}, want)
}

// findStages runs the finds of a search: those of one stage are merged, the stages come one after the other.
func (r *run) findStages(stages [][]*leg, want int) (found []match, err error) {
	for _, legs := range stages {
		var parts []match
		for _, leg := range legs {
			part, err := leg.fetch(r, want-len(found))
			if err != nil {
				return nil, err
			}
			parts = joined(parts, part)
		}
		if len(legs) > 1 {
			slices.SortStableFunc(parts, func(a, b match) int { return r.order.Compare(&a.at, &b.at) })
		}
		if found = joined(found, parts[:min(len(parts), want-len(found))]); len(found) == want {
			break
		}
	}
	return found, nil
}

// joined is append that copies nothing where there is nothing to append to.
func joined(some, more []match) []match {
	if len(some) == 0 {
		return more
	}
	return append(some, more...)
}

// leg is one find whose matches come in the order of the query.
type leg struct {
	where  bson.D // besides the filter of the query
	sort   bson.D
	column *column // where the value of the first sort key is; nil where it is missing, or there is none
	hint   bson.D
	path   []string // the column's field
}

// narrowed is a leg that uses what the compound index can tell.
func (r *run) narrowed() *leg {
	if r.hot == nil {
		return &leg{}
	}
	r.strategy += ", among what the compound index of patient and code has"
	return &leg{where: r.hot.where(hotAll), hint: hotHint()}
}

// sortedStages are two finds: of what has the sort value, and then of what lacks it.
func (r *run) sortedStages(c column) (stages [][]*leg) {
	descending := r.order.Descends()
	if r.from == nil || r.from.Values[0].Has {
		l := r.narrowed()
		l.column, l.sort = &c, sortBy(&c, descending)
		if c.always {
			l.sort = l.sort[:1]
		}
		l.where = conjunction(l.where, c.present(true))
		if r.from != nil {
			l.where = conjunction(l.where, c.behind(r.from))
		}
		stages = append(stages, []*leg{l})
	}
	if !c.always {
		stages = append(stages, []*leg{r.lacking(r.narrowed(), c)})
	}
	return stages
}

// lacking makes a leg the one of matches without the sort value.
func (r *run) lacking(l *leg, c column) *leg {
	descending := r.order.Descends()
	l.sort = sortBy(nil, descending)
	l.where = conjunction(l.where, c.present(false))
	if r.from != nil && !r.from.Values[0].Has {
		l.where = conjunction(l.where, createdBehind(r.from, descending))
	}
	return l
}

// hotStages are those of a search for the newest, or oldest, of a patient's codes: resources with a time, and then those without. The newest first come straight from the
// compound index. Within a period, and oldest first, those with several times, or a long one, are a find of their own, merged.
func (r *run) hotStages() (stages [][]*leg) {
	descending := r.order.Descends()
	if r.from == nil || r.from.Values[0].Has {
		newest := descending && !r.hot.bounded()
		where := r.hot.where(hotDated)
		if !newest {
			where = conjunction(r.hot.where(hotTimed), notLong())
		}
		timed := &leg{where: where, column: &column{field: fieldTime, descending: descending}, hint: hotHint()}
		timed.sort = sortBy(timed.column, descending)[:1]
		if r.from != nil {
			operator := map[bool]string{false: "$gt", true: "$lt"}[descending]
			timed.where = conjunction(timed.where, bson.D{{Key: fieldTime, Value: bson.D{{Key: operator, Value: hotTime(r.from.Values[0].Text, int64(r.from.Created))}}}})
		}
		stages = append(stages, []*leg{timed})
		if !newest {
			stages[0] = append(stages[0], r.hotLong())
		}
	}
	if r.hot.index.MatchesTimes(r.hot.times, nil) {
		timeless := &leg{where: r.hot.where(hotTimeless), hint: hotHint()}
		stages = append(stages, []*leg{r.lacking(timeless, column{always: true})})
	}
	return stages
}

// hotLong is the find of those whose last time is not what every query needs.
func (r *run) hotLong() *leg {
	field, _ := fieldOf([]string{r.hot.index.Time})
	c := column{field: field, descending: r.order.Descends()}
	long := &leg{where: conjunction(r.hot.where(hotLong), c.present(true)), column: &c, sort: sortBy(&c, c.descending), hint: hotHint()}
	if r.from != nil {
		long.where = conjunction(long.where, c.behind(r.from))
	}
	return long
}

// maxBatch is how many documents come in one answer at most.
const maxBatch = 5000

// fetch runs the find and returns the first matches.
func (l *leg) fetch(r *run, want int) (found []match, err error) {
	o := options.Find().SetSort(l.sort).SetProjection(r.projection(l.column)).SetAllowDiskUse(true)
	if r.filter.exact {
		o.SetLimit(int64(want)).SetBatchSize(int32(min(want+1, maxBatch))) // one more than the limit, or the server keeps the cursor open
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
		first, err := l.value(document)
		at := store.Position{Values: make([]store.SortValue, len(r.order)), Created: uint64(v.created)}
		if len(r.order) > 0 {
			at.Values[0] = first
		}
		found = append(found, match{version: v, at: at})
		return len(found) < want, err
	})
	return found, err
}

// projection asks for what a page needs and no more.
func (r *run) projection(c *column) bson.D {
	fields := ascending(fieldVersion, fieldUpdated, fieldSequence, fieldCreated, fieldMethod, fieldRaw, fieldPacked, fieldResource)
	if r.outlines {
		fields = outlined()
	}
	if c != nil && c.field != fieldID {
		fields = append(fields, ascending(c.field)...)
	}
	if !r.filter.exact || len(r.q.Include) > 0 {
		fields = append(fields, ascending(fieldKeys)...)
	}
	return fields
}
