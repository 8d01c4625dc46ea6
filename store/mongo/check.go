package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Check implements [store.Checker]: it derives what each document should hold for searches from its keys, and looks for the older versions of each.
func (s *Store) Check(ctx context.Context, report func(store.Finding)) (resources int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	types, err := s.types(ctx)
	if err != nil {
		return 0, err
	}
	for _, typ := range types {
		c := &checker{view: view{s: s, ctx: ctx}, typ: typ, report: report, missing: map[string]fhir.Key{}}
		if err := c.run(); err != nil {
			return resources, reading(ctx, fmt.Errorf("check %s: %w", typ, err))
		}
		resources += c.resources
	}
	return resources, nil
}

// checker checks one type.
type checker struct {
	view
	typ       string
	report    func(store.Finding)
	resources int
	missing   map[string]fhir.Key // ids of older versions that should be there, not yet looked for
}

func (c *checker) find(key fhir.Key, format string, args ...any) {
	c.report(store.Finding{Key: key, Text: fmt.Sprintf(format, args...)})
}

// checkBatch is how many older versions are looked for at a time.
const checkBatch = 1000

func (c *checker) run() error {
	err := c.view.find(c.typ, bson.D{}, options.Find(), func(document bson.Raw) (bool, error) {
		c.resources++
		c.resource(document)
		if len(c.missing) >= checkBatch {
			return true, c.older()
		}
		return true, nil
	})
	return errors.Join(err, c.older())
}

// resource checks the document of a newest version.
func (c *checker) resource(document bson.Raw) {
	v, err := c.s.readVersion(c.typ, document)
	if err != nil {
		c.find(fhir.Key{Type: c.typ}, "%v", err)
		return
	}
	for number := int64(1); number < v.number; number++ {
		c.missing[historyID(v.key, number)] = v.key
	}
	switch {
	case v.number < 1 || v.created > v.sequence || v.method < store.Create || v.method > store.Delete:
		c.find(v.key, "version %d by method %d with number %d, created with %d", v.number, v.method, v.sequence, v.created)
	case v.live() && (v.json == nil || !store.SoundKeys(v.keys, v.updated)):
		c.find(v.key, "there is no resource, or its keys are not sorted or lack lastUpdated")
	case !v.live() && (v.json != nil || v.keys != nil):
		c.find(v.key, "a deletion with content")
	case v.live():
		c.derived(v, document)
		_, measure, has := document.Lookup(fieldMeasure).BinaryOK()
		switch {
		case has && !document.Lookup(fieldLong).IsZero():
			c.find(v.key, "it has a measure, although its time is long")
		case has && !bytes.Equal(measure, store.MeasureOf(c.typ, v.json)):
			c.find(v.key, "its measure is not that of its content")
		}
	}
}

// derived compares what a document holds for searches with what its keys give.
func (c *checker) derived(v *version, document bson.Raw) {
	want, err := derived(v).Elements()
	if err != nil {
		c.find(v.key, "%v", err)
		return
	}
	for _, name := range []string{fieldPatient, fieldHot, fieldTime, fieldLong, fieldOrder} {
		at := slices.IndexFunc(want, func(e bson.RawElement) bool { return e.Key() == name })
		found := document.Lookup(name)
		switch {
		case at < 0 && !found.IsZero():
			c.find(v.key, "field %s is there and should not", name)
		case at >= 0 && !bytes.Equal(want[at].Value().Value, found.Value):
			c.find(v.key, "field %s does not go with the keys", name)
		}
	}
}

// older looks for older versions.
func (c *checker) older() error {
	ids := make([]string, 0, len(c.missing))
	for id := range c.missing {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	o := options.Find().SetProjection(bson.D{{Key: fieldID, Value: 1}})
	err := c.view.find(collectionHistory, bson.D{{Key: fieldID, Value: bson.D{{Key: "$in", Value: ids}}}}, o, func(document bson.Raw) (bool, error) {
		id, _ := document.Lookup(fieldID).StringValueOK()
		delete(c.missing, id)
		return true, nil
	})
	for id, key := range c.missing {
		c.find(key, "no document %s in the history", id)
	}
	clear(c.missing)
	return err
}
