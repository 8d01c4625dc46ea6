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

// Walk implements [store.Reindexer], in the order of creation. It ends with what was the last resource when it began, or it might never end beside
// those who create more.
func (s *Store) Walk(ctx context.Context, q store.WalkQuery) (*store.WalkPage, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	page := &store.WalkPage{}
	if !isType(q.Type) {
		return page, nil
	}
	v := view{s: s, ctx: ctx}
	fingerprint := []byte("walk\x00" + q.Type)
	last, end, err := v.walkFrom(q, fingerprint)
	if err != nil || end == 0 {
		return page, err
	}
	where := bson.D{{Key: fieldDeleted, Value: nil}, {Key: fieldCreated, Value: bson.D{{Key: "$gt", Value: last}, {Key: "$lte", Value: end}}}}
	o := options.Find().SetSort(ascending(fieldCreated)).SetLimit(int64(q.Limit)).SetProjection(withoutKeys())
	err = v.find(q.Type, where, o, func(document bson.Raw) (bool, error) {
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
	if len(page.Versions) == q.Limit && last < end {
		page.Next = store.SealCursor(s.secret[:], fingerprint, binary.AppendVarint(binary.AppendVarint(nil, last), end))
	}
	return page, nil
}

// walkFrom finds the creations between which a page of a walk lies: behind last, up to end. End is 0 where there is nothing.
func (v *view) walkFrom(q store.WalkQuery, fingerprint []byte) (last, end int64, err error) {
	if q.Cursor == "" {
		newest := options.Find().SetSort(bson.D{{Key: fieldCreated, Value: -1}}).SetLimit(1).SetProjection(bson.D{{Key: fieldCreated, Value: 1}})
		err = v.find(q.Type, bson.D{{Key: fieldDeleted, Value: nil}}, newest, func(document bson.Raw) (bool, error) {
			end, _ = document.Lookup(fieldCreated).AsInt64OK()
			return true, nil
		})
		return 0, end, err
	}
	payload, err := store.OpenCursor(v.s.secret[:], fingerprint, q.Cursor)
	if err != nil {
		return 0, 0, err
	}
	last, n := binary.Varint(payload)
	if n <= 0 {
		return 0, 0, store.ErrBadCursor
	}
	if end, n = binary.Varint(payload[n:]); n <= 0 {
		return 0, 0, store.ErrBadCursor
	}
	return last, end, nil
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
	byType := map[string][]int{}
	for i := range all {
		byType[all[i].Key.Type] = append(byType[all[i].Key.Type], i)
		results[i] = store.Superseded
	}
	for typ, places := range byType {
		for chunk := range slices.Chunk(places, rekeyBatch) {
			if !isType(typ) {
				continue
			}
			r := &rekeyer{view: view{s: s, ctx: ctx}, typ: typ, all: all, results: results}
			if err := r.run(chunk); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// rekeyBatch is how many resources are rekeyed by one read and one write.
const rekeyBatch = 500

// rekeyer gives resources of a type other keys.
type rekeyer struct {
	view
	typ     string
	all     []store.Rekey
	results []store.RekeyResult
}

// run reads the newest versions, changes those that are named, and where somebody wrote in between looks which.
func (r *rekeyer) run(places []int) error {
	now, err := r.read(places)
	if err != nil {
		return err
	}
	var models []mongo.WriteModel
	var changed []int
	wanted := map[string]bool{} // ids that a model is about
	for _, i := range places {
		v := now[r.all[i].Key.ID]
		if v == nil || !v.live() || strconv.FormatInt(v.number, 10) != r.all[i].Key.Version {
			continue
		}
		keys := search.WithKey(r.all[i].Keys, search.LastUpdatedKey(v.updated))
		if slices.Equal(keys, v.keys) {
			r.results[i] = store.Unchanged
			continue
		}
		if wanted[v.key.ID] { // twice in one call: the second sees what the first did
			if err := r.write(models, changed); err != nil {
				return err
			}
			models, changed, wanted = nil, nil, map[string]bool{}
		}
		v.keys, wanted[v.key.ID] = keys, true
		models = append(models, mongo.NewUpdateOneModel().SetFilter(stillAt(v)).SetUpdate(rekeying(v)))
		changed = append(changed, i)
		r.results[i] = store.Rekeyed
	}
	return r.write(models, changed)
}

// read takes what is needed of the newest versions.
func (r *rekeyer) read(places []int) (map[string]*version, error) {
	ids := make(search.IDs, len(places))
	for k, i := range places {
		ids[k] = r.all[i].Key.ID
	}
	now := make(map[string]*version, len(ids))
	o := options.Find().SetProjection(ascending(fieldVersion, fieldUpdated, fieldSequence, fieldCreated, fieldMethod, fieldKeys))
	err := r.find(r.typ, idsFilter(ids).where, o, func(document bson.Raw) (bool, error) {
		v, err := r.s.readVersion(r.typ, document)
		if err == nil {
			now[v.key.ID] = v
		}
		return true, err
	})
	return now, err
}

// write sends the changes. What no longer was the newest version is not matched.
func (r *rekeyer) write(models []mongo.WriteModel, changed []int) error {
	if len(models) == 0 {
		return nil
	}
	result, err := r.s.db.Collection(r.typ).BulkWrite(r.ctx, models, options.BulkWrite().SetOrdered(false))
	if err != nil {
		return reading(r.ctx, err) // it may be done again
	}
	if int(result.MatchedCount) == len(models) {
		return nil
	}
	now, err := r.read(changed)
	if err != nil {
		return err
	}
	for _, i := range changed {
		if v := now[r.all[i].Key.ID]; v == nil || strconv.FormatInt(v.number, 10) != r.all[i].Key.Version {
			r.results[i] = store.Superseded
		}
	}
	return nil
}

// rekeying sets the fields for searches to what the keys give, and removes those that they do not.
func rekeying(v *version) bson.D {
	set := derived(v)
	var unset bson.D
	for _, name := range []string{fieldPatient, fieldHot, fieldTime, fieldLong} {
		if set.Lookup(name).IsZero() {
			unset = append(unset, bson.E{Key: name, Value: ""})
		}
	}
	if !set.Lookup(fieldLong).IsZero() {
		unset = append(unset, bson.E{Key: fieldMeasure, Value: ""})
	}
	change := bson.D{{Key: "$set", Value: set}}
	if len(unset) > 0 {
		change = append(change, bson.E{Key: "$unset", Value: unset})
	}
	return change
}

// isNone reports whether a find found nothing.
func isNone(err error) bool { return errors.Is(err, mongo.ErrNoDocuments) }
