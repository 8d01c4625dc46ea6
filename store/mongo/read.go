package mongo

import (
	"context"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// withoutKeys is the projection for versions that are not searched any more.
func withoutKeys() bson.D {
	return bson.D{{Key: fieldKeys, Value: 0}, {Key: fieldOrder, Value: 0}, {Key: fieldHot, Value: 0}, {Key: fieldMeasure, Value: 0}}
}

// Read implements [store.Store]: a look-up by _id, or two for an older version.
func (s *Store) Read(ctx context.Context, key fhir.Key) (*store.Version, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	number, err := strconv.ParseInt(key.Version, 10, 64)
	if key.Version != "" && (err != nil || strconv.FormatInt(number, 10) != key.Version) || !isType(key.Type) || key.ID == "" {
		return nil, store.NotFound(key)
	}
	v, err := s.readOne(ctx, s.db.Collection(key.Type), key, key.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case v == nil, number > v.number, key.Version != "" && number < 1:
		return nil, store.NotFound(key)
	case key.Version != "" && number != v.number:
		if v, err = s.readOne(ctx, s.history(), key, historyID(key, number)); err != nil {
			return nil, err
		}
		if v == nil {
			return nil, store.NotFound(key)
		}
	}
	if !v.live() {
		return nil, store.Gone(key)
	}
	result := v.result()
	return &result, nil
}

// readOne reads a document; nil when there is none.
func (s *Store) readOne(ctx context.Context, from *mongo.Collection, key fhir.Key, id string) (*version, error) {
	document, err := from.FindOne(ctx, bson.D{{Key: fieldID, Value: id}}, options.FindOne().SetProjection(withoutKeys())).Raw()
	if isNone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, reading(ctx, err)
	}
	return s.readVersion(key.Type, document)
}
