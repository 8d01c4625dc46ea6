package mongo

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Walk implements [store.Reindexer], in the order of creation.
func (s *Store) Walk(ctx context.Context, q store.WalkQuery) (*store.WalkPage, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	fingerprint := []byte("walk\x00" + q.Type)
	where := bson.D{{Key: fieldDeleted, Value: nil}}
	if q.Cursor != "" {
		payload, err := store.OpenCursor(s.secret[:], fingerprint, q.Cursor)
		if err != nil {
			return nil, err
		}
		last, n := binary.Varint(payload)
		if n <= 0 {
			return nil, store.ErrBadCursor
		}
		where = append(where, bson.E{Key: fieldCreated, Value: bson.D{{Key: "$gt", Value: last}}})
	}
	page := &store.WalkPage{}
	if !isType(q.Type) {
		return page, nil
	}
	var last int64
	o := options.Find().SetSort(ascending(fieldCreated)).SetLimit(int64(q.Limit)).SetProjection(withoutKeys())
	v := view{s: s, ctx: ctx}
	err := v.find(q.Type, where, o, func(document bson.Raw) (bool, error) {
		found, err := s.readVersion(q.Type, document)
		if err != nil {
			return false, err
		}
		last = found.created
		page.Versions = append(page.Versions, found.result())
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if len(page.Versions) == q.Limit {
		page.Next = store.SealCursor(s.secret[:], fingerprint, binary.AppendVarint(nil, last))
	}
	return page, nil
}

// Rekey implements [store.Reindexer]: it changes the fields for searches where a version is still the newest. A replacement by a writer who read before names
// version and sequence number, which stay, so neither loses what the other writes.
func (s *Store) Rekey(ctx context.Context, all []store.Rekey) ([]store.RekeyResult, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := store.CheckRekeys(all); err != nil {
		return nil, err
	}
	results := make([]store.RekeyResult, len(all))
	for i := range all {
		var err error
		if results[i], err = s.rekey(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// rekey gives one resource other keys.
func (s *Store) rekey(ctx context.Context, r *store.Rekey) (store.RekeyResult, error) {
	if !isType(r.Key.Type) {
		return store.Superseded, nil
	}
	resources := s.db.Collection(r.Key.Type)
	o := options.FindOne().SetProjection(ascending(fieldVersion, fieldUpdated, fieldSequence, fieldCreated, fieldMethod, fieldKeys))
	document, err := resources.FindOne(ctx, bson.D{{Key: fieldID, Value: r.Key.ID}}, o).Raw()
	if err != nil {
		if isNone(err) {
			return store.Superseded, nil
		}
		return 0, reading(ctx, err)
	}
	v, err := s.readVersion(r.Key.Type, document)
	if err != nil {
		return 0, err
	}
	if !v.live() || strconv.FormatInt(v.number, 10) != r.Key.Version {
		return store.Superseded, nil
	}
	keys := withKey(r.Keys, search.LastUpdatedKey(v.updated))
	if slices.Equal(keys, v.keys) {
		return store.Unchanged, nil
	}
	v.keys = keys
	result, err := resources.UpdateOne(ctx, stillAt(v), rekeying(v))
	switch {
	case err != nil && uncertain(err) && ctx.Err() == nil:
		return 0, reading(ctx, err) // it may be done again
	case err != nil:
		return 0, translate(ctx, err)
	case result.MatchedCount == 0:
		return store.Superseded, nil
	}
	return store.Rekeyed, nil
}

// rekeying sets the fields for searches to what the keys give, and removes those that they do not.
func rekeying(v *version) bson.D {
	set := derived(v)
	var unset bson.D
	for _, name := range []string{fieldPatient, fieldHot, fieldTime} {
		if set.Lookup(name).IsZero() {
			unset = append(unset, bson.E{Key: name, Value: ""})
		}
	}
	change := bson.D{{Key: "$set", Value: set}}
	if len(unset) > 0 {
		change = append(change, bson.E{Key: "$unset", Value: unset})
	}
	return change
}

// isNone reports whether a find found nothing.
func isNone(err error) bool { return errors.Is(err, mongo.ErrNoDocuments) }
