package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// singleTries is how often a write that lost a race is done again on what the winner left.
const singleTries = 200

// single commits one operation without a transaction. A creation is one insert. Any other write first copies the newest version into the history and then
// replaces it where it is still that version.
func (s *Store) single(caller context.Context, op *store.Op) (*store.Result, error) {
	ctx, cancel := context.WithTimeout(caller, s.opts.Timeout)
	defer cancel()
	result, err := s.singleWithin(ctx, op)
	return result, unfinished(caller, err)
}

func (s *Store) singleWithin(ctx context.Context, op *store.Op) (*store.Result, error) {
	resources := s.db.Collection(op.Key.Type)
	var old *version
	var document bson.Raw
	for try := 0; ; try++ {
		var err error
		if op.Method != store.Create || try > 0 {
			if old, document, err = s.newest(ctx, resources, op.Key); err != nil {
				return nil, err
			}
		}
		if err := permit(op, old); err != nil {
			return nil, err
		}
		if idle(op, old) {
			return unchanged(op), nil
		}
		next := successor(op, old, s.following(old))
		won, err := s.write(ctx, resources, old, document, next)
		switch {
		case err != nil:
			return nil, err
		case won:
			return outcome(old, next), nil
		case try == singleTries:
			return nil, fmt.Errorf("%s is written by too many at once: %w", op.Key, store.ErrConflict)
		}
		if try > 0 {
			if err := pause(ctx, try/4); err != nil {
				return nil, err
			}
		}
	}
}

// following is a sequence number for the version behind old.
func (s *Store) following(old *version) int64 {
	if old == nil {
		return s.clock.take(1, 0)
	}
	return s.clock.take(1, old.sequence)
}

// newest reads the newest version, also a deletion, and its document; nil when there is none. The driver repeats a read once and at once, which at the beginning of an outage may be
// before it knows of it; newest waits for a primary as long as any call does.
func (s *Store) newest(ctx context.Context, resources *mongo.Collection, key fhir.Key) (*version, bson.Raw, error) {
	for began, try := time.Now(), 0; ; try++ {
		document, err := resources.FindOne(ctx, bson.D{{Key: fieldID, Value: key.ID}}).Raw()
		switch {
		case err == nil:
			v, err := s.readHead(key.Type, document)
			return v, document, err
		case isNone(err):
			return nil, nil, nil
		case !isCut(err) || time.Since(began) > s.opts.SelectWithin || pause(ctx, try) != nil:
			return nil, nil, reading(ctx, err)
		}
	}
}

// readHead reads what a document says of its version, without the content.
func (s *Store) readHead(typ string, document bson.Raw) (*version, error) {
	number, ok1 := document.Lookup(fieldVersion).AsInt64OK()
	sequence, ok2 := document.Lookup(fieldSequence).AsInt64OK()
	created, ok3 := document.Lookup(fieldCreated).AsInt64OK()
	method, ok4 := document.Lookup(fieldMethod).AsInt64OK()
	id, ok5 := document.Lookup(fieldID).StringValueOK()
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, errCorrupt
	}
	return &version{key: fhir.Key{Type: typ, ID: id}, number: number, sequence: sequence, created: created, method: store.Method(method)}, nil
}

// write puts a version into the place of old, nil for none. It returns false when somebody else was there first. It may be given up before the version is sent; what has
// been sent is waited for, also when the caller's context ends: so no write comes to light after its call has returned.
func (s *Store) write(caller context.Context, resources *mongo.Collection, old *version, document bson.Raw, next *version) (won bool, err error) {
	fresh, err := s.current(next)
	if err != nil {
		return false, err
	}
	if old != nil {
		err = s.keep(caller, next.key, document)
	} else {
		err = s.reachable(caller)
	}
	if err == nil {
		err = caller.Err()
	}
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), s.opts.Timeout)
	defer cancel()
	if old == nil {
		_, err = resources.InsertOne(ctx, fresh)
		if mongo.IsDuplicateKeyError(err) {
			return s.taken(ctx, resources, next)
		}
		return s.settled(ctx, resources, next, true, err)
	}
	result, err := resources.ReplaceOne(ctx, stillAt(old), fresh)
	if err == nil && result.MatchedCount == 0 {
		return s.taken(ctx, resources, next)
	}
	return s.settled(ctx, resources, next, true, err)
}

// reachable waits until there is a server that takes writes. As long as the driver knows one it costs nothing.
func (s *Store) reachable(ctx context.Context) error {
	if s.meter.writable.Load() > 0 {
		return nil
	}
	return reading(ctx, s.client.Ping(ctx, readpref.Primary()))
}

// stillAt matches the resource as long as a version is its newest.
func stillAt(old *version) bson.D {
	return bson.D{{Key: fieldID, Value: old.key.ID}, {Key: fieldVersion, Value: old.number}, {Key: fieldSequence, Value: old.sequence}}
}

// keep copies a version into the history. It may be there already: from a writer who was cut off between copy and replacement, or who is about to lose.
func (s *Store) keep(ctx context.Context, key fhir.Key, document bson.Raw) error {
	id, copied, err := archive(key, document)
	if err != nil {
		return err
	}
	filter, insert := bson.D{{Key: fieldID, Value: id}}, bson.D{{Key: "$setOnInsert", Value: copied}}
	for try := 0; ; try++ {
		_, err = s.history().UpdateOne(ctx, filter, insert, options.UpdateOne().SetUpsert(true))
		if err == nil || mongo.IsDuplicateKeyError(err) {
			return nil
		}
		if !uncertain(err) || try == 2 || ctx.Err() != nil {
			return reading(ctx, err) // a copy alone changes nothing that anyone sees
		}
	}
}

var errTaken = errors.New("its place was taken, and then another's")

// taken looks whether the place that a write found taken was taken by the write itself: by a try whose answer was lost.
func (s *Store) taken(ctx context.Context, resources *mongo.Collection, next *version) (bool, error) {
	now, _, err := s.newest(ctx, resources, next.key)
	switch {
	case err != nil:
		return false, &unknownError{err}
	case now == nil:
		return false, nil
	case now.number > next.number:
		return s.overtaken(ctx, next, errTaken)
	}
	return now.sequence == next.sequence, nil
}

// settled decides whether a write was done. Where the answer was lost it looks, also for a caller who waits no longer, as long as a new primary may take.
func (s *Store) settled(ctx context.Context, resources *mongo.Collection, next *version, won bool, err error) (bool, error) {
	if err == nil {
		return won, nil
	}
	if !uncertain(err) {
		return false, translate(ctx, err)
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.SelectWithin) // also when it is the time limit that the answer did not keep
	defer cancel()
	now, _, lookErr := s.newest(look, resources, next.key)
	switch {
	case lookErr != nil:
		return false, &unknownError{err}
	case now != nil && now.sequence == next.sequence:
		return true, nil
	case now != nil && now.number == next.number:
		return false, nil // another took the place, so that this write is not done and will not be
	case now != nil && now.number > next.number:
		return s.overtaken(look, next, err)
	}
	return false, &unknownError{err}
}

// overtaken looks into the history for a version whose answer was lost and which is no longer the newest.
func (s *Store) overtaken(ctx context.Context, next *version, cause error) (bool, error) {
	filter := bson.D{{Key: fieldID, Value: historyID(next.key, next.number)}}
	document, err := s.history().FindOne(ctx, filter, options.FindOne().SetProjection(bson.D{{Key: fieldSequence, Value: 1}})).Raw()
	if err != nil {
		return false, &unknownError{cause}
	}
	sequence, _ := document.Lookup(fieldSequence).AsInt64OK()
	return sequence == next.sequence, nil
}
