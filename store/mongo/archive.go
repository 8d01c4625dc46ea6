package mongo

import (
	"cmp"
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

// exportBytes bounds one page of an export, besides its limit.
const exportBytes = 8 << 20

// Export implements [store.Archive]: history, oldest first. The cursor is the sequence number of the last version.
func (s *Store) Export(ctx context.Context, q store.ExportQuery) (*store.ExportPage, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	after := int64(0)
	if q.Cursor != "" {
		var err error
		if after, err = strconv.ParseInt(q.Cursor, 10, 64); err != nil || after <= 0 {
			return nil, fmt.Errorf("cursor of an export: %w", store.ErrBadCursor)
		}
	}
	types, err := s.types(ctx)
	if err != nil {
		return nil, err
	}
	var page *store.ExportPage
	err = s.inSnapshot(ctx, true, func(v *view) error {
		page = &store.ExportPage{Next: q.Cursor}
		h := &historyRun{s: s, v: v, oldestFirst: true}
		m := h.merge(types, after, min(q.Limit, 500), withoutKeys())
		for size := 0; len(page.Versions) < q.Limit && size < exportBytes; {
			found, err := m.next()
			if err != nil || found == nil {
				return err
			}
			size += len(found.json)
			page.Versions = append(page.Versions, found.result())
			page.Next = strconv.FormatInt(found.sequence, 10)
		}
		return nil
	})
	if err != nil {
		return nil, reading(ctx, err)
	}
	return page, nil
}

// Restore implements [store.Archive]. Older versions go into the history first, then the newest of each resource into its place, where that is still what was
// read; so an interrupted call leaves nothing that a second one does not complete.
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
	r := &restore{view: view{s: s, ctx: ctx}, chains: map[fhir.Key]*chain{}}
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
	last   int64 // greatest sequence number given out, of the store or here
}

// chain is what a call adds to one resource.
type chain struct {
	old      *version // newest stored one; nil for none
	document bson.Raw
	added    []*version
}

func (c *chain) newest() *version {
	if len(c.added) > 0 {
		return c.added[len(c.added)-1]
	}
	return c.old
}

// read takes the newest versions of the resources, and the newest instant in the store.
func (r *restore) read(all []store.Restored) error {
	ids := map[string]bson.A{}
	for i := range all {
		key := all[i].Key
		if r.chains[key] == nil {
			r.chains[key] = &chain{}
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
	types, err := r.s.types(r.ctx)
	if err != nil {
		return err
	}
	for _, typ := range types {
		o := options.Find().SetSort(bson.D{{Key: fieldSequence, Value: int32(-1)}}).SetLimit(1).SetProjection(ascending(fieldSequence))
		err := r.find(typ, bson.D{}, o, func(document bson.Raw) (bool, error) {
			sequence, ok := document.Lookup(fieldSequence).AsInt64OK()
			r.last = max(r.last, sequence)
			return ok, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plan gives each version that is not there its place. It stops at the first that has none.
func (r *restore) plan(all []store.Restored) error {
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
			continue
		case err != nil || number != before+1:
			return opError(i, fmt.Errorf("%s does not follow version %d: %w", one.VersionKey(), before, store.ErrConflict))
		case one.LastUpdated.Before(instant(r.last)):
			return opError(i, fmt.Errorf("%s is older than what is there: %w", one.VersionKey(), store.ErrConflict))
		}
		sequence := max(sequenceAt(one.LastUpdated), r.last+1)
		if !instant(sequence).Equal(one.LastUpdated) {
			return opError(i, fmt.Errorf("too many versions have the instant of %s: %w", one.VersionKey(), store.ErrConflict))
		}
		r.last = sequence
		c.added = append(c.added, r.version(one, c.newest(), number, sequence))
	}
	return nil
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

// write sends what was planned.
func (r *restore) write() error {
	r.s.clock.pass(r.last)
	var older []mongo.WriteModel
	newest := map[string][]mongo.WriteModel{}
	replaced := map[string]int64{}
	for key, c := range r.chains {
		if len(c.added) == 0 {
			continue
		}
		documents, err := r.documents(c)
		if err != nil {
			return err
		}
		for _, document := range documents[:len(documents)-1] {
			model, err := keeping(key, document)
			if err != nil {
				return err
			}
			older = append(older, model)
		}
		last := documents[len(documents)-1]
		if c.old == nil {
			newest[key.Type] = append(newest[key.Type], mongo.NewInsertOneModel().SetDocument(last))
			continue
		}
		newest[key.Type] = append(newest[key.Type], mongo.NewReplaceOneModel().SetFilter(stillAt(c.old)).SetReplacement(last))
		replaced[key.Type]++
	}
	if len(older) > 0 {
		if _, err := r.s.history().BulkWrite(r.ctx, older, options.BulkWrite().SetOrdered(false)); err != nil {
			return translate(r.ctx, err)
		}
	}
	types := make([]string, 0, len(newest))
	for typ := range newest {
		types = append(types, typ)
	}
	slices.SortFunc(types, cmp.Compare[string])
	for _, typ := range types {
		result, err := r.s.db.Collection(typ).BulkWrite(r.ctx, newest[typ], options.BulkWrite().SetOrdered(false))
		if mongo.IsDuplicateKeyError(err) || err == nil && result.MatchedCount != replaced[typ] {
			return opError(0, fmt.Errorf("others write the resources that are restored: %w", store.ErrConflict))
		}
		if err != nil {
			return translate(r.ctx, err)
		}
	}
	return nil
}

// documents are those of a chain in order, beginning with the one to be copied into the history.
func (r *restore) documents(c *chain) (all []bson.Raw, err error) {
	if c.old != nil {
		all = append(all, c.document)
	}
	for _, v := range c.added {
		document, err := r.s.current(v)
		if err != nil {
			return nil, err
		}
		all = append(all, document)
	}
	return all, nil
}
