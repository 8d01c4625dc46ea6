package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// view answers the commands of one search, all for one moment where its context carries a snapshot.
type view struct {
	s          *Store
	ctx        context.Context
	candidates int      // looked at so far
	commands   []bson.D // the finds of an explained search
	explained  bool
	lags       bool // answered by the members that answer searches, which may be behind the primary
}

// inSnapshot runs commands that must see one moment. Where the deployment has no transactions, or what may lag goes to other members, which have no snapshots, they
// see several.
func (s *Store) inSnapshot(ctx context.Context, needed, mayLag bool, work func(*view) error) error {
	if lags := mayLag && s.searchFrom.Mode() != readpref.PrimaryMode; lags || !needed || !s.transactions {
		return work(&view{s: s, ctx: ctx, lags: lags})
	}
	for try := 0; ; try++ {
		err := s.onSnapshot(ctx, work)
		if err == nil || !hasLabel(err, labelTransient) || try == 5 || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

func (s *Store) onSnapshot(ctx context.Context, work func(*view) error) error {
	session, err := s.client.StartSession()
	if err != nil {
		return translate(ctx, err)
	}
	// Nothing was written, so nobody waits for the end of the transaction, which costs a round trip.
	defer func() {
		s.background.Go(func() {
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.SelectWithin)
			defer cancel()
			session.EndSession(end)
		})
	}()
	if err := session.StartTransaction(options.Transaction().SetReadConcern(readconcern.Snapshot())); err != nil {
		return translate(ctx, err)
	}
	return work(&view{s: s, ctx: mongo.NewSessionContext(ctx, session)})
}

// find runs one find and visits the documents until visit returns false.
func (v *view) find(collection string, where bson.D, o *options.FindOptionsBuilder, visit func(bson.Raw) (bool, error)) (err error) {
	cursor, err := v.open(collection, where, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reading(v.ctx, cursor.Close(v.ctx))) }()
	for cursor.Next(v.ctx) {
		more, err := visit(cursor.Current)
		if err != nil || !more {
			return err
		}
	}
	return reading(v.ctx, cursor.Err())
}

// open begins a find.
func (v *view) open(collection string, where bson.D, o *options.FindOptionsBuilder) (*mongo.Cursor, error) {
	if where == nil {
		where = bson.D{}
	}
	if err := v.note(collection, where, o); err != nil {
		return nil, err
	}
	cursor, err := v.from(collection).Find(v.ctx, where, o)
	return cursor, reading(v.ctx, err)
}

// from is the collection to search.
func (v *view) from(collection string) *mongo.Collection {
	o := options.Collection()
	if v.lags {
		o.SetReadPreference(v.s.searchFrom)
	}
	return v.s.db.Collection(collection, o)
}

// each visits the matches of a plan, in no order, at most limit. It returns false when there are more. Fields beside the id are those of the projection.
func (v *view) each(typ string, plan search.Plan, projection bson.D, limit int, visit func(*version)) (complete bool, err error) {
	f, err := v.filter(typ, plan)
	if err != nil || f.none {
		return true, err
	}
	projection = append(bson.D{{Key: fieldID, Value: 1}}, projection...)
	o := options.Find()
	if f.exact {
		o.SetLimit(int64(limit) + 1)
	} else if len(projection) == 1 {
		projection = append(projection, bson.E{Key: fieldKeys, Value: 1})
	}
	n := 0
	t := v.tester(typ, plan, f)
	err = v.find(typ, f.onlyLive(), o.SetProjection(projection), func(document bson.Raw) (bool, error) {
		found, err := v.s.readVersion(typ, document)
		if err != nil {
			return false, err
		}
		if ok, err := t.accepts(found); err != nil || !ok {
			return err == nil, err
		}
		if n++; n <= limit {
			visit(found)
		}
		return n <= limit, nil
	})
	return n <= limit, err
}

// filter compiles a plan about a type.
func (v *view) filter(typ string, plan search.Plan) (filter, error) {
	if !isType(typ) {
		return nothing(), nil
	}
	c := &compiler{v: v, typ: typ}
	return c.plan(plan)
}

// tester tests candidates where the filter alone is not enough.
type tester struct {
	v       *view
	plan    search.Plan // nil: nothing to test
	links   resolver
	failure error
}

func (v *view) tester(typ string, plan search.Plan, f filter) *tester {
	t := &tester{v: v}
	if !f.exact {
		t.plan = plan
		t.links = resolver{v: v, typ: typ, err: &t.failure}
	}
	return t
}

// accepts reports whether a candidate matches. It needs the keys of the candidate when there is something to test.
func (t *tester) accepts(candidate *version) (bool, error) {
	if err := t.v.charge(); err != nil {
		return false, err
	}
	if t.plan == nil {
		return true, nil
	}
	ok := search.Match(t.plan, candidate.key.ID, candidate.keys, t.links)
	return ok, t.failure
}

// charge counts a candidate and refuses what costs too much.
func (v *view) charge() error {
	if v.candidates++; v.candidates > v.s.opts.Candidates {
		return fmt.Errorf("more than %d candidates: %w", v.s.opts.Candidates, store.ErrTooCostly)
	}
	return nil
}
