package mongo

import (
	"context"
	"fmt"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/store"
)

// Records of [store.State] are documents {_id, kind, id, revision, value} of one collection. A revision is a sequence number, so that one made again has a greater
// one than the one deleted.

const collectionState = "state"

func stateIndexes() []Index {
	return []Index{{Collection: collectionState, Name: "kind_1", Keys: ascending("kind", "id")}}
}

func (s *Store) states() *mongo.Collection { return s.db.Collection(collectionState) }

// stateID is the _id of a record.
func stateID(kind, id string) bson.E {
	return bson.E{Key: fieldID, Value: strconv.Itoa(len(kind)) + ":" + kind + id}
}

func (s *Store) enterState(ctx context.Context, method, kind, id string, value []byte) error {
	if err := store.CheckState(method, kind, id, value); err != nil {
		return err
	}
	return s.enter(ctx)
}

// record is a record as stored.
type record struct {
	Kind     string `bson:"kind"`
	ID       string `bson:"id"`
	Revision int64  `bson:"revision"`
	Value    []byte `bson:"value"`
}

func (r *record) result() *store.Record {
	return &store.Record{Kind: r.Kind, ID: r.ID, Revision: uint64(r.Revision), Value: append([]byte{}, r.Value...)}
}

// GetState implements [store.State].
func (s *Store) GetState(ctx context.Context, kind, id string) (*store.Record, error) {
	if err := s.enterState(ctx, "GetState", kind, id, nil); err != nil {
		return nil, err
	}
	defer s.leave()
	return s.state(ctx, kind, id)
}

func (s *Store) state(ctx context.Context, kind, id string) (*store.Record, error) {
	var r record
	err := s.states().FindOne(ctx, bson.D{stateID(kind, id)}).Decode(&r)
	switch {
	case isNone(err):
		return nil, store.NoRecord(kind, id)
	case err != nil:
		return nil, reading(ctx, err)
	}
	return r.result(), nil
}

// PutState implements [store.State].
func (s *Store) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (revision uint64, err error) {
	if err := s.enterState(ctx, "PutState", kind, id, value); err != nil {
		return 0, err
	}
	defer s.leave()
	if value == nil {
		value = []byte{}
	}
	next := s.records.take(1, int64(ifRevision))
	content := bson.D{{Key: "revision", Value: next}, {Key: "value", Value: value}}
	done := true
	if ifRevision == 0 {
		_, err = s.states().InsertOne(ctx, append(bson.D{stateID(kind, id), {Key: "kind", Value: kind}, {Key: "id", Value: id}}, content...))
		if mongo.IsDuplicateKeyError(err) {
			done, err = false, nil
		}
	} else {
		var result *mongo.UpdateResult
		where := bson.D{stateID(kind, id), {Key: "revision", Value: int64(ifRevision)}}
		if result, err = s.states().UpdateOne(ctx, where, bson.D{{Key: "$set", Value: content}}); err == nil {
			done = result.MatchedCount > 0
		}
	}
	if err != nil && !uncertain(err) {
		return 0, translate(ctx, err)
	}
	if err != nil || !done {
		now, lookErr := s.state(ctx, kind, id)
		switch {
		case lookErr == nil && now.Revision == uint64(next):
			return now.Revision, nil
		case err != nil:
			return 0, writing(ctx, err)
		}
		return 0, fmt.Errorf("record %s/%s has another revision: %w", kind, id, store.ErrConflict)
	}
	return uint64(next), nil
}

// DeleteState implements [store.State].
func (s *Store) DeleteState(ctx context.Context, kind, id string, ifRevision uint64) error {
	if err := s.enterState(ctx, "DeleteState", kind, id, nil); err != nil {
		return err
	}
	defer s.leave()
	result, err := s.states().DeleteOne(ctx, bson.D{stateID(kind, id), {Key: "revision", Value: int64(ifRevision)}})
	if err != nil {
		return writing(ctx, err)
	}
	if result.DeletedCount > 0 {
		return nil
	}
	if _, err := s.state(ctx, kind, id); err != nil {
		return err
	}
	return fmt.Errorf("record %s/%s has another revision: %w", kind, id, store.ErrConflict)
}

// ListState implements [store.State].
func (s *Store) ListState(ctx context.Context, kind, after string, limit int) ([]store.Record, error) {
	if err := s.enterState(ctx, "ListState", kind, "any", nil); err != nil {
		return nil, err
	}
	defer s.leave()
	where := bson.D{{Key: "kind", Value: kind}, {Key: "id", Value: bson.D{{Key: "$gt", Value: after}}}}
	cursor, err := s.states().Find(ctx, where, options.Find().SetSort(ascending("id")).SetLimit(int64(limit)))
	if err != nil {
		return nil, reading(ctx, err)
	}
	var found []record
	if err := cursor.All(ctx, &found); err != nil {
		return nil, reading(ctx, err)
	}
	records := make([]store.Record, len(found))
	for i := range found {
		records[i] = *found[i].result()
	}
	return records, nil
}
