package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Measures implements [store.Measurer] for plans that name one subject. Of resources with a measure, and with one short time or none, the server reads index entries
// alone, unless the plan asks for more than subject and time: then it reads their documents and sends measures. The others, which are few, are finds of their own, merged.
func (s *Store) Measures(ctx context.Context, q store.MeasuresQuery, visit func(m search.Measure, v *store.Version) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	hot, isHot := hotQueryOf(q.Type, q.Plan)
	if !isHot || search.FollowsReferences(q.Plan) || search.FollowsReferences(q.Content) {
		return fmt.Errorf("measures of chains or of several subjects: %w", store.ErrUnsupported)
	}
	m := &measuring{q: q, hot: &hot, visit: visit}
	m.parts, _ = hot.index.Divide(search.Conjuncts(nil, q.Plan))
	err := s.inSnapshot(ctx, true, true, func(v *view) error {
		m.v = v
		err := m.run()
		if m.visited && hasLabel(err, labelTransient) {
			return &busyError{text: "MongoDB ended the snapshot", cause: errInterrupted} // it must not begin anew
		}
		return err
	})
	if m.stopped != nil {
		return m.stopped
	}
	return reading(ctx, err)
}

// errInterrupted says that measures were delivered, but not all.
var errInterrupted = errors.New("mongo store: a stream of measures was interrupted")

// measuring is one call of Measures.
type measuring struct {
	v       *view
	q       store.MeasuresQuery
	hot     *hotQuery
	parts   search.HotPlan
	visit   func(m search.Measure, v *store.Version) error
	visited bool
	lacking bool  // something without a measure was met where it could have one
	stopped error // of visit
}

// run delivers resources with a time, and then those without.
func (m *measuring) run() error {
	rest, err := m.v.filter(m.q.Type, search.And(m.parts.Rest))
	if err != nil {
		return err
	}
	whole, err := m.v.filter(m.q.Type, search.And{m.q.Plan, m.q.Content})
	if err != nil || rest.none {
		return err
	}
	for _, part := range []hotPart{hotTimed, hotTimeless} {
		if part == hotTimeless && !m.hot.index.MatchesTimes(m.parts.Times, nil) {
			continue
		}
		m.lacking = false
		streams := []*measureStream{m.measures(rest, part)}
		var later *measureStream
		if !whole.none {
			later = m.unmeasured(whole, part)
		}
		if !whole.none && part == hotTimed {
			streams = append(streams, m.long(whole))
		}
		if err := m.merge(streams, later); err != nil {
			return err
		}
	}
	return nil
}

// merge delivers what the streams have, in order; later from when something without a measure was met: what it finds cannot come before that.
func (m *measuring) merge(streams []*measureStream, later *measureStream) (err error) {
	var opened []*measureStream
	defer func() {
		for _, x := range opened {
			err = errors.Join(err, x.close(m.v.ctx))
		}
	}()
	for {
		for ; len(streams) > 0; streams = streams[1:] {
			if err := streams[0].open(m.v); err != nil {
				return err
			}
			opened = append(opened, streams[0])
			if err := streams[0].advance(m.v.ctx); err != nil {
				return err
			}
		}
		if m.lacking && later != nil {
			streams, later = []*measureStream{later}, nil
			continue
		}
		var first *measureStream
		for _, x := range opened {
			if x.more && (first == nil || x.at < first.at) {
				first = x
			}
		}
		if first == nil {
			return nil
		}
		m.visited = true
		if m.stopped = m.visit(first.measure, first.version); m.stopped != nil {
			return m.stopped
		}
		if err := first.advance(m.v.ctx); err != nil {
			return err
		}
	}
}

// measureStream is a find whose answers come in the order of at.
type measureStream struct {
	typ   string
	where bson.D
	find  *options.FindOptionsBuilder
	take  func(document bson.Raw) (ok bool, err error) // sets at, and measure or version; false for what is no match

	cursor  *mongo.Cursor
	more    bool
	at      string // time and place in the order of creation, as in the field of the time
	measure search.Measure
	version *store.Version
}

func (x *measureStream) open(v *view) (err error) {
	x.cursor, err = v.open(x.typ, x.where, x.find)
	return err
}

// advance goes to the next match.
func (x *measureStream) advance(ctx context.Context) error {
	for x.cursor.Next(ctx) {
		ok, err := x.take(x.cursor.Current)
		if err != nil {
			return err
		}
		if ok {
			x.more = true
			return nil
		}
	}
	x.more = false
	return reading(ctx, x.cursor.Err())
}

func (x *measureStream) close(ctx context.Context) error { return reading(ctx, x.cursor.Close(ctx)) }

// stream makes a find about the patient alone, in the order of time or, where there is none, of creation.
func (m *measuring) stream(part hotPart, where bson.D, projection bson.D, hint bson.D) *measureStream {
	own := m.hot.where(part)
	if hint[1].Key != fieldHot {
		own = append(own[:1:1], own[2:]...) // tokens are not in the index
	}
	sort := ascending(fieldTime)
	if part == hotTimeless {
		sort = ascending(fieldCreated)
	}
	o := options.Find().SetSort(sort).SetHint(hint).SetProjection(projection).SetAllowDiskUse(true).SetBatchSize(maxBatch)
	return &measureStream{typ: m.q.Type, where: conjunction(own, where), find: o}
}

// measures finds what has a measure.
func (m *measuring) measures(rest filter, part hotPart) *measureStream {
	hint := measuresHint()
	if m.hot.tokens.rank() > 0 {
		hint = hotHint()
	}
	projection := append(bson.D{{Key: fieldID, Value: int32(0)}}, ascending(fieldTime, fieldMeasure)...)
	if part == hotTimeless {
		projection = append(projection, ascending(fieldCreated)...)
	}
	if !rest.exact {
		projection = append(projection[1:], ascending(fieldKeys)...)
	}
	x := m.stream(part, rest.where, projection, hint)
	t := m.v.tester(m.q.Type, search.And(m.parts.Rest), rest)
	x.take = func(document bson.Raw) (ok bool, err error) {
		_, measure, has := document.Lookup(fieldMeasure).BinaryOK()
		if !has {
			m.lacking = true
			return false, nil
		}
		x.at, x.measure = m.place(document, part), measure
		if part == hotTimed && !m.hot.index.MatchesTimes(m.parts.Times, []byte(x.at[:max(0, len(x.at)-placeLength)])) {
			return false, nil
		}
		candidate := &version{}
		if !rest.exact {
			if candidate, err = m.v.s.readVersion(m.q.Type, document); err != nil {
				return false, err
			}
		}
		return t.accepts(candidate)
	}
	return x
}

// place is where a document of the index stands.
func (m *measuring) place(document bson.Raw, part hotPart) string {
	if part == hotTimed {
		at, _ := document.Lookup(fieldTime).StringValueOK()
		return at
	}
	created, _ := document.Lookup(fieldCreated).AsInt64OK()
	return hotTime("", created)
}

// unmeasured finds what could have a measure in the index and has none.
func (m *measuring) unmeasured(whole filter, part hotPart) *measureStream {
	x := m.stream(part, conjunction(append(notLong(), bson.E{Key: fieldMeasure}), whole.where), m.resources(whole, fieldTime), measuresHint())
	m.takeResources(x, whole, func(document bson.Raw) (string, error) { return m.place(document, part), nil })
	return x
}

// long finds what has several times, or a long one.
func (m *measuring) long(whole filter) *measureStream {
	field, _ := fieldOf([]string{m.hot.index.Time})
	l := &leg{column: &column{field: field}}
	where := conjunction(m.hot.where(hotLong), whole.where)
	x := &measureStream{typ: m.q.Type, where: conjunction(where, l.column.present(true))}
	x.find = options.Find().SetSort(sortBy(l.column, false)).SetHint(hotHint()).SetProjection(m.resources(whole, field)).SetAllowDiskUse(true)
	m.takeResources(x, whole, func(document bson.Raw) (string, error) {
		value, err := l.value(document)
		created, _ := document.Lookup(fieldCreated).AsInt64OK()
		return hotTime(value.Text, created), err
	})
	return x
}

// resources is the projection of whole resources and a field.
func (m *measuring) resources(f filter, field string) bson.D {
	r := &run{q: &search.Query{Type: m.q.Type}, filter: f}
	return r.projection(&column{field: field})
}

// takeResources lets a stream deliver resources.
func (m *measuring) takeResources(x *measureStream, whole filter, place func(bson.Raw) (string, error)) {
	t := m.v.tester(m.q.Type, search.And{m.q.Plan, m.q.Content}, whole)
	x.take = func(document bson.Raw) (bool, error) {
		found, err := m.v.s.readVersion(m.q.Type, document)
		if err != nil {
			return false, err
		}
		if ok, err := t.accepts(found); err != nil || !ok {
			return false, err
		}
		v := found.result()
		x.version = &v
		x.at, err = place(document)
		return err == nil, err
	}
}

// measuresHint names the index of measures.
func measuresHint() bson.D { return ascending(fieldPatient, fieldTime, fieldMeasure) }
