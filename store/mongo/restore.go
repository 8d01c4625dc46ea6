package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// A call of Restore writes in rounds: in each, every resource gets its next version, as an update does it, the copy for the history before the replacement. So readers find a
// beginning of each resource's versions at any time. Cut off, it leaves such beginnings, in no order between resources: what is missing may be older than what is there. A
// record, written before anything else and removed after everything, says which sequence numbers it is about; a later call gives missing versions numbers among those.

// Restore implements [store.Archive].
func (s *Store) Restore(ctx context.Context, all []store.Restored) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := store.CheckRestored(all); err != nil {
		return err
	}
	for i := range all {
		if err := s.ensure(ctx, all[i].Key.Type); err != nil {
			return err
		}
	}
	s.restoring.Lock()
	defer s.restoring.Unlock()
	r := &restore{view: view{s: s, ctx: ctx}, chains: map[fhir.Key]*chain{}, there: map[int64]bool{}, numbers: map[fhir.Key]int64{}}
	if err := r.read(all); err != nil {
		return err
	}
	refused := r.plan(all)
	return errors.Join(r.write(), refused)
}

// restore is one call of Restore.
type restore struct {
	view
	chains map[fhir.Key]*chain
	order  []*chain
	newest int64 // greatest sequence number in the store

	begun   span
	there   map[int64]bool     // sequence numbers of the span that was begun that are there
	numbers map[fhir.Key]int64 // the same by version
	last    int64              // greatest sequence number given out
}

// span is what a call writes or wrote: sequence numbers behind From, up to To. The zero value is none.
type span struct {
	From int64 `bson:"from"`
	To   int64 `bson:"to"`
}

// spanID is the _id of the record of the span that was begun and, as far as anybody knows, not completed.
const spanID = "restore"

// chain is what a call adds to one resource.
type chain struct {
	key      fhir.Key
	old      *version // newest stored one; nil for none
	document bson.Raw // of old
	added    []*version
}

func (c *chain) newest() *version {
	if len(c.added) > 0 {
		return c.added[len(c.added)-1]
	}
	return c.old
}

// read takes the newest versions of the resources, the newest instant in the store, and what an earlier call left.
func (r *restore) read(all []store.Restored) error {
	ids := map[string]bson.A{}
	for i := range all {
		key := all[i].Key
		if r.chains[key] == nil {
			r.chains[key] = &chain{key: key}
			r.order = append(r.order, r.chains[key])
			ids[key.Type] = append(ids[key.Type], key.ID)
		}
	}
	for typ, list := range ids {
		err := r.find(typ, bson.D{{Key: fieldID, Value: bson.D{{Key: "$in", Value: list}}}}, options.Find(), func(document bson.Raw) (bool, error) {
			v, err := r.s.readHead(typ, document)
			if err == nil {
				c := r.chains[v.key]
				c.old, c.document = v, slices.Clone(document)
			}
			return true, err
		})
		if err != nil {
			return err
		}
	}
	err := r.s.meta().FindOne(r.ctx, bson.D{{Key: fieldID, Value: spanID}}).Decode(&r.begun)
	if err != nil && !isNone(err) {
		return reading(r.ctx, err)
	}
	types, err := r.s.types(r.ctx)
	if err != nil {
		return err
	}
	for _, typ := range types {
		o := options.Find().SetSort(bson.D{{Key: fieldSequence, Value: int32(-1)}}).SetLimit(1).SetProjection(ascending(fieldSequence))
		err := r.find(typ, bson.D{}, o, func(document bson.Raw) (bool, error) {
			sequence, ok := document.Lookup(fieldSequence).AsInt64OK()
			r.newest = max(r.newest, sequence)
			return ok, nil
		})
		if err != nil {
			return err
		}
	}
	if r.begun == (span{}) {
		return nil
	}
	for _, typ := range types {
		if err := r.readBegun(typ, typ); err != nil {
			return err
		}
	}
	return r.readBegun(collectionHistory, "")
}

// readBegun reads what a collection has of the span that was begun.
func (r *restore) readBegun(collection, typ string) error {
	within := bson.D{{Key: fieldSequence, Value: bson.D{{Key: "$gt", Value: r.begun.From}, {Key: "$lte", Value: r.begun.To}}}}
	o := options.Find().SetProjection(ascending(fieldSequence, fieldVersion, fieldType, fieldLogical))
	return r.find(collection, within, o, func(document bson.Raw) (bool, error) {
		v, err := r.s.readVersion(typ, document)
		if err == nil {
			key := v.result().Key
			r.there[v.sequence], r.numbers[key] = true, v.sequence
		}
		return true, err
	})
}

// plan gives each version that is not there its place. It stops at the first that has none. Of the span that was begun, the same versions get the same numbers as then.
func (r *restore) plan(all []store.Restored) error {
	r.last = r.newest
	if r.begun != (span{}) {
		r.last = r.begun.From
	}
	for i := range all {
		one := &all[i]
		c := r.chains[one.Key]
		before := int64(0)
		if newest := c.newest(); newest != nil {
			before = newest.number
		}
		number, err := strconv.ParseInt(one.Version, 10, 64)
		switch {
		case err == nil && number <= before && number > 0:
			r.last = max(r.last, r.numbers[one.VersionKey()])
			continue
		case err != nil || number != before+1:
			return store.Refused(i, fmt.Errorf("%s does not follow version %d: %w", one.VersionKey(), before, store.ErrConflict))
		}
		sequence := r.place(one, c)
		switch {
		case one.LastUpdated.Before(instant(sequence - 1)):
			return store.Refused(i, fmt.Errorf("%s is older than what is there: %w", one.VersionKey(), store.ErrConflict))
		case !instant(sequence).Equal(one.LastUpdated):
			return store.Refused(i, fmt.Errorf("too many versions have the instant of %s: %w", one.VersionKey(), store.ErrConflict))
		}
		r.last = sequence
		c.added = append(c.added, r.version(one, c.newest(), number, sequence))
	}
	return nil
}

// place is the next sequence number for a version.
func (r *restore) place(one *store.Restored, c *chain) int64 {
	sequence := max(sequenceAt(one.LastUpdated), r.last+1)
	if newest := c.newest(); newest != nil {
		sequence = max(sequence, newest.sequence+1)
	}
	for ; sequence <= r.begun.To; sequence++ {
		if !r.there[sequence] {
			return sequence
		}
	}
	return max(sequence, r.newest+1)
}

// version makes the version to write.
func (r *restore) version(one *store.Restored, before *version, number, sequence int64) *version {
	v := &version{key: one.Key, number: number, sequence: sequence, updated: instant(sequence), created: sequence, method: one.Method}
	if before != nil {
		v.created = before.created
	}
	if v.live() {
		v.render(&one.Op)
	}
	return v
}

// write sends what was planned, between the record of it and its removal. The record stays as long as a part of what an earlier call began is missing.
func (r *restore) write() error {
	r.s.clock.pass(max(r.last, r.newest))
	self := bson.D{{Key: fieldID, Value: spanID}}
	if slices.ContainsFunc(r.order, func(c *chain) bool { return len(c.added) > 0 }) {
		next := span{From: r.newest, To: r.last}
		if r.begun != (span{}) {
			next = span{From: r.begun.From, To: max(r.begun.To, r.last)}
		}
		if next != r.begun {
			_, err := r.s.meta().UpdateOne(r.ctx, self, bson.D{{Key: "$set", Value: next}}, options.UpdateOne().SetUpsert(true))
			if err != nil {
				return reading(r.ctx, err) // a record alone changes nothing that anyone sees
			}
			r.begun = next
		}
		for more := true; more; {
			var err error
			if more, err = r.round(); err != nil {
				return r.cut(err)
			}
		}
	}
	if r.begun == (span{}) || r.last < r.begun.To {
		return nil
	}
	_, err := r.s.meta().DeleteOne(r.ctx, self)
	return r.cut(err)
}

// cut is what a call ends with that had begun to write.
func (r *restore) cut(err error) error {
	switch {
	case err == nil || errors.Is(err, store.ErrConflict):
		return err
	case r.ctx.Err() == nil && (isLost(err) || uncertain(err)):
		return &unknownError{err}
	}
	return translate(r.ctx, err)
}

// round writes the next version of each resource that has one to come: the copies of those before into the history, then the new ones into their places, type by type.
func (r *restore) round() (more bool, err error) {
	var copies []mongo.WriteModel
	newest := map[string][]mongo.WriteModel{}
	replaced := map[string]int64{}
	var types []string
	for _, c := range r.order {
		if len(c.added) == 0 {
			continue
		}
		next := c.added[0]
		document, err := r.s.current(next)
		if err != nil {
			return false, err
		}
		typ := c.key.Type
		if len(newest[typ]) == 0 {
			types = append(types, typ)
		}
		if c.old == nil {
			newest[typ] = append(newest[typ], mongo.NewInsertOneModel().SetDocument(document))
		} else {
			model, err := keeping(c.key, c.document)
			if err != nil {
				return false, err
			}
			copies = append(copies, model)
			newest[typ] = append(newest[typ], mongo.NewReplaceOneModel().SetFilter(stillAt(c.old)).SetReplacement(document))
			replaced[typ]++
		}
		c.old, c.document, c.added = next, document, c.added[1:]
		more = more || len(c.added) > 0
	}
	if len(copies) > 0 {
		if _, err := r.s.history().BulkWrite(r.ctx, copies, options.BulkWrite().SetOrdered(false)); err != nil {
			return false, err
		}
	}
	for _, typ := range types {
		result, err := r.s.db.Collection(typ).BulkWrite(r.ctx, newest[typ], options.BulkWrite().SetOrdered(false))
		if mongo.IsDuplicateKeyError(err) || err == nil && result.MatchedCount != replaced[typ] {
			return false, store.Refused(0, fmt.Errorf("others write the resources that are restored: %w", store.ErrConflict))
		}
		if err != nil {
			return false, err
		}
	}
	return more, nil
}
