package mongo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Ceiling inserts the documents of resources into a database, set up as a store sets it up, and returns resources a second. No store on this deployment can be faster:
// nothing is parsed, checked, locked or answered, and no transaction is needed.
func Ceiling(ctx context.Context, uri string, opts Options, load store.CeilingLoad) (perSecond float64, err error) {
	if err := load.Check(); err != nil {
		return 0, err
	}
	s, err := Open(ctx, uri, opts)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	typ := load.Ops[0].Key.Type
	if err := s.ensure(ctx, typ); err != nil {
		return 0, err
	}
	tails, err := s.ceilingDocuments(load.Ops)
	if err != nil {
		return 0, err
	}
	c := &ceiling{into: s.db.Collection(typ), batch: load.Batch, run: rand.Uint64(), tails: tails}
	perSecond, err = store.Timed(ctx, load.Clients, load.Duration, func(int) (int, error) { return c.write(ctx) })
	return perSecond, translate(ctx, err)
}

// ceilingDocuments renders the resources once, without their ids.
func (s *Store) ceilingDocuments(ops []store.Op) ([][]byte, error) {
	tails := make([][]byte, len(ops))
	for i := range ops {
		document, err := s.current(successor(&ops[i], nil, s.clock.take(1, 0)))
		if err != nil {
			return nil, err
		}
		_, elements, _ := bsoncore.ReadLength(document)
		id, rest, ok := bsoncore.ReadElement(elements)
		if !ok || id.Key() != fieldID {
			return nil, errCorrupt
		}
		tails[i] = rest
	}
	return tails, nil
}

// ceiling inserts documents.
type ceiling struct {
	into  *mongo.Collection
	batch int
	run   uint64   // begins the ids, so that another call on the same database has others
	tails [][]byte // documents behind their ids
	rows  atomic.Uint64
}

// document is the next one, under an id of its own.
func (c *ceiling) document() bson.Raw {
	row := c.rows.Add(1)
	tail := c.tails[row%uint64(len(c.tails))]
	at, dst := bsoncore.AppendDocumentStart(make([]byte, 0, len(tail)+64))
	dst = bsoncore.AppendStringElement(dst, fieldID, fmt.Sprintf("%016x-%016x", c.run, row))
	dst = append(dst, tail[:len(tail)-1]...) // without the end of the document it is from
	return bson.Raw(closeDocument(dst, at))
}

// write inserts once and returns how many documents.
func (c *ceiling) write(ctx context.Context) (int, error) {
	if c.batch == 1 {
		_, err := c.into.InsertOne(ctx, c.document())
		return 1, err
	}
	batch := make([]any, c.batch)
	for i := range batch {
		batch[i] = c.document()
	}
	_, err := c.into.InsertMany(ctx, batch, options.InsertMany().SetOrdered(false))
	return c.batch, err
}

// FindLoad is what [FindCeiling] finds. Each query is about one id, or about codes of one patient, newest first, as the compound index answers it; Count is the limit. Where a
// query wants a total, and the limit is reached, the entries of the index are counted.
type FindLoad struct {
	Queries  []search.Query
	Clients  int
	Duration time.Duration
}

// FindCeiling sends the finds that the queries come down to, reads the documents that the server answers, and returns finds a second. No store on this deployment can be
// faster: no resource is made of a document.
func FindCeiling(ctx context.Context, uri string, opts Options, load FindLoad) (perSecond float64, err error) {
	if len(load.Queries) == 0 || load.Clients < 1 {
		return 0, errors.New("nothing to find")
	}
	finds := make([]rawFind, len(load.Queries))
	for i := range load.Queries {
		if finds[i], err = rawFindOf(&load.Queries[i]); err != nil {
			return 0, err
		}
	}
	s, err := Open(ctx, uri, opts)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var next atomic.Uint64
	perSecond, err = store.Timed(ctx, load.Clients, load.Duration, func(int) (int, error) {
		f := &finds[next.Add(1)*7919%uint64(len(finds))]
		return 1, f.run(ctx, s.db.Collection(f.typ))
	})
	return perSecond, translate(ctx, err)
}

// rawFind is a query in MongoDB's words.
type rawFind struct {
	typ   string
	where bson.D
	sort  bson.D // nil: one document, by its id
	limit int
	total bool
}

func rawFindOf(q *search.Query) (rawFind, error) {
	if ids, ok := q.Plan.(search.IDs); ok && len(ids) == 1 {
		return rawFind{typ: q.Type, where: bson.D{{Key: fieldID, Value: ids[0]}}, limit: 1}, nil
	}
	h, ok := hotQueryOf(q.Type, q.Plan)
	if !ok || !store.Order(q.Sort).IsOnly(h.index.Time) {
		return rawFind{}, fmt.Errorf("a find of %s: %w", strings.TrimSpace(search.Explain(q.Plan)), store.ErrUnsupported)
	}
	where := bson.D{{Key: fieldPatient, Value: h.patient}, {Key: fieldHot, Value: h.tokens.on("")}}
	return rawFind{typ: q.Type, where: where, sort: bson.D{{Key: fieldTime, Value: direction(q.Sort[0].Descending)}}, limit: q.Count, total: q.Total != search.NoTotal}, nil
}

// run reads what is found to its end.
func (f *rawFind) run(ctx context.Context, from *mongo.Collection) error {
	if f.sort == nil {
		return from.FindOne(ctx, f.where).Err()
	}
	o := options.Find().SetSort(f.sort).SetLimit(int64(f.limit)).SetBatchSize(int32(f.limit) + 1).SetHint(hotHint())
	cursor, err := from.Find(ctx, f.where, o)
	if err != nil {
		return err
	}
	n := 0
	for cursor.Next(ctx) {
		n++
	}
	if n == 0 {
		return errors.Join(cursor.Err(), fmt.Errorf("nothing is found by %v", f.where))
	}
	if f.total && n == f.limit && cursor.Err() == nil {
		return f.count(ctx, from)
	}
	return cursor.Err()
}

// count counts as far as a bounded total does.
func (f *rawFind) count(ctx context.Context, from *mongo.Collection) error {
	command := bson.D{{Key: "count", Value: from.Name()}, {Key: "query", Value: f.where}, {Key: "hint", Value: hotHint()}, {Key: "limit", Value: int64(countAtMost) + 1}, majority()}
	return from.Database().RunCommand(ctx, command).Err()
}

// majority is the read concern of a command that the driver does not give it.
func majority() bson.E {
	return bson.E{Key: "readConcern", Value: bson.D{{Key: "level", Value: "majority"}}}
}
