package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Bounds of a transaction's retries. Those for want of a primary end with Options.SelectWithin.
const (
	transactionTries  = 30
	transactionWithin = 20 * time.Second
)

// abortLost bounds the wait for an abort where the server was just lost; who comes back meanwhile hears of the end of the transaction from the next one.
const abortLost = 100 * time.Millisecond

// transact commits operations in one transaction. Conflicts with others begin it anew, with growing pauses; in the end they are store.ErrConflict.
func (s *Store) transact(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	session, err := s.client.StartSession()
	if err != nil {
		return nil, translate(ctx, err)
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	began, lost := time.Now(), time.Time{}
	for try := 0; ; try++ {
		tried := time.Now()
		results, err := s.attemptUntil(ctx, lost, session, ops)
		s.meter.attempted(try, err)
		switch {
		case err == nil:
			return results, nil
		case errors.Is(err, store.ErrUnknown): // also when the caller waits no longer: that says nothing of the commit
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !isLost(err):
			lost = time.Time{}
		case lost.IsZero():
			lost = tried
		}
		switch {
		case !lost.IsZero() && time.Since(lost) >= s.opts.SelectWithin:
			return nil, exhausted(err)
		case !retriable(err):
			return nil, final(ctx, err)
		case try == transactionTries || time.Since(began) > transactionWithin:
			return nil, exhausted(err)
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// attemptUntil runs the transaction once. When the server has been lost before, it gives up SelectWithin later.
func (s *Store) attemptUntil(ctx context.Context, lost time.Time, session *mongo.Session, ops []store.Op) ([]store.Result, error) {
	if lost.IsZero() {
		return s.attempt(ctx, session, ops)
	}
	ctx, cancel := context.WithDeadline(ctx, lost.Add(s.opts.SelectWithin))
	defer cancel()
	return s.attempt(ctx, session, ops)
}

// final is what a transaction's error is to the caller.
func final(ctx context.Context, err error) error {
	for _, sentinel := range []error{store.ErrConflict, store.ErrPrecondition, store.ErrMultiple, store.ErrBusy, store.ErrUnsupported, store.ErrUnknown} {
		if errors.Is(err, sentinel) {
			return err
		}
	}
	if ctx.Err() == nil && isLost(err) {
		return exhausted(err)
	}
	return translate(ctx, err)
}

// exhausted is what a transaction that was begun anew too often ends with. The driver labels the lack of a primary like a conflict; nothing was done in either case.
func exhausted(err error) error {
	if isLost(err) {
		return &busyError{text: "no MongoDB server sees the transaction to its end", cause: err}
	}
	return store.Refused(0, fmt.Errorf("others write the same resources all the time: %w", store.ErrConflict))
}

// retriable reports whether a transaction that failed may succeed when it is begun anew. The server says so by a label; and a resource or claim that appeared since
// the snapshot comes as a duplicate key.
func retriable(err error) bool {
	if errors.Is(err, store.ErrUnknown) {
		return false
	}
	return hasLabel(err, labelTransient) || mongo.IsDuplicateKeyError(err) || errors.Is(err, errMoved)
}

// errMoved says that a document was not where the transaction's own snapshot had shown it.
var errMoved = errors.New("mongo store: a resource moved within a snapshot")

// attempt runs the transaction once.
func (s *Store) attempt(ctx context.Context, session *mongo.Session, ops []store.Op) ([]store.Result, error) {
	o := options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(writeconcern.Majority()).SetReadPreference(readpref.Primary())
	if err := session.StartTransaction(o); err != nil {
		return nil, err
	}
	t := &transaction{view: view{s: s, ctx: mongo.NewSessionContext(ctx, session)}, ops: ops, now: map[fhir.Key]*version{}, documents: map[fhir.Key]bson.Raw{}}
	if err := t.run(); err != nil {
		within := s.opts.SelectWithin
		if isLost(err) {
			within = min(within, abortLost)
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		defer cancel()
		if abortErr := session.AbortTransaction(end); abortErr != nil {
			s.opts.Logger.Debug("abort of a transaction", "error", abortErr)
		}
		return nil, err
	}
	return t.results, s.commit(ctx, session)
}

// commit commits, and asks again as long as the answer leaves it open. Committing twice is committing once. It goes on when the caller's context ends: nothing may
// come to light after the call has returned.
func (s *Store) commit(caller context.Context, session *mongo.Session) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), s.opts.Timeout)
	defer cancel()
	began := time.Now()
	for try := 0; ; try++ {
		err := session.CommitTransaction(ctx)
		if err == nil || !hasLabel(err, labelUnknownCommit) && !uncertain(err) || hasLabel(err, labelTransient) {
			return err
		}
		if ctx.Err() != nil || time.Since(began) > s.opts.SelectWithin {
			return &unknownError{err}
		}
		if err := pause(ctx, try); err != nil {
			return &unknownError{err}
		}
	}
}

// transaction is one run of some operations in one snapshot.
type transaction struct {
	view
	ops       []store.Op
	now       map[fhir.Key]*version // the newest versions as the operations so far leave them; nil for none
	documents map[fhir.Key]bson.Raw // of what is stored, where it is written over
	writes    []write
	results   []store.Result
}

// write is a change of one resource.
type write struct{ old, next *version }

// run claims, reads, decides operation by operation, and then writes, in the order of keys.
func (t *transaction) run() error {
	if err := t.s.claim(t.ctx, claims(t.ops)); err != nil {
		return err
	}
	after, err := t.read()
	if err != nil {
		return err
	}
	first := t.s.clock.take(len(t.ops), after)
	for i := range t.ops {
		result, err := t.decide(&t.ops[i], t.s.clock.add(first, i))
		if err != nil {
			return store.Refused(i, err)
		}
		t.results = append(t.results, *result)
	}
	slices.SortFunc(t.writes, func(a, b write) int {
		return cmp.Or(cmp.Compare(a.next.key.Type, b.next.key.Type), cmp.Compare(a.next.key.ID, b.next.key.ID))
	})
	return t.write()
}

// read takes the newest versions of all resources to write, and returns the greatest sequence number among them.
func (t *transaction) read() (greatest int64, err error) {
	ids := map[string]bson.A{}
	for i := range t.ops {
		key := t.ops[i].Key
		t.now[key] = nil
		ids[key.Type] = append(ids[key.Type], key.ID)
	}
	for typ, list := range ids {
		err := t.find(typ, bson.D{{Key: fieldID, Value: bson.D{{Key: "$in", Value: list}}}}, options.Find(), func(document bson.Raw) (bool, error) {
			v, err := t.s.readHead(typ, document)
			if err != nil {
				return false, err
			}
			t.now[v.key], t.documents[v.key] = v, slices.Clone(document)
			greatest = max(greatest, v.sequence)
			return true, nil
		})
		if err != nil {
			return 0, err
		}
	}
	return greatest, nil
}

// decide finds out what an operation does to what those before it left.
func (t *transaction) decide(op *store.Op, sequence int64) (*store.Result, error) {
	if op.IfNoneExist != nil {
		found, err := t.condition(op)
		if err != nil || found != nil {
			return found, err
		}
	}
	old := t.now[op.Key]
	if err := permit(op, old); err != nil {
		return nil, err
	}
	if idle(op, old) {
		return unchanged(op), nil
	}
	next := successor(op, old, sequence)
	t.now[op.Key] = next
	t.writes = append(t.writes, write{old: old, next: next})
	return outcome(old, next), nil
}

// write sends the changes: the copies for the history, then the new versions type by type.
func (t *transaction) write() error {
	var copies []mongo.WriteModel
	byType := map[string][]mongo.WriteModel{}
	replaced := map[string]int64{}
	var types []string
	for _, w := range t.writes {
		typ := w.next.key.Type
		fresh, err := t.s.current(w.next)
		if err != nil {
			return err
		}
		if len(byType[typ]) == 0 {
			types = append(types, typ)
		}
		if w.old == nil {
			byType[typ] = append(byType[typ], mongo.NewInsertOneModel().SetDocument(fresh))
			continue
		}
		model, err := keeping(w.next.key, t.documents[w.next.key])
		if err != nil {
			return err
		}
		copies = append(copies, model)
		byType[typ] = append(byType[typ], mongo.NewReplaceOneModel().SetFilter(stillAt(w.old)).SetReplacement(fresh))
		replaced[typ]++
	}
	if len(copies) > 0 {
		if _, err := t.s.history().BulkWrite(t.ctx, copies); err != nil {
			return err
		}
	}
	for _, typ := range types {
		result, err := t.s.db.Collection(typ).BulkWrite(t.ctx, byType[typ])
		if err != nil {
			return err
		}
		if result.MatchedCount != replaced[typ] {
			return errMoved
		}
	}
	return nil
}

// keeping copies a version into the history unless it is there: a duplicate key would end the transaction.
func keeping(key fhir.Key, document bson.Raw) (mongo.WriteModel, error) {
	id, copied, err := archive(key, document)
	if err != nil {
		return nil, err
	}
	return mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: fieldID, Value: id}}).SetUpdate(bson.D{{Key: "$setOnInsert", Value: copied}}).SetUpsert(true), nil
}
