package mongo

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
)

// Index is one index of a collection. Its name carries the version of its definition, so that a changed one is built beside the old.
type Index struct {
	Collection string
	Name       string
	Keys       bson.D
	expire     int32 // seconds; 0: never
}

// Index names.
const (
	indexKeys     = "keys_1"
	indexCreated  = "created_1"
	indexSequence = "sequence_1"
	indexHot      = "hot_1"
	indexMeasures = "measures_1"
)

func ascending(fields ...string) (keys bson.D) {
	for _, f := range fields {
		keys = append(keys, bson.E{Key: f, Value: int32(1)})
	}
	return keys
}

// indexesOf lists the indexes of a collection of resources. Every index costs each write, so there are no more: ranges over any search parameter, the order of
// creation, the order of history, and of device data patient, code and time, and patient, time and measure: an entry of a document, which alone answers statistics.
func indexesOf(typ string) []Index {
	all := []Index{
		{Collection: typ, Name: indexKeys, Keys: ascending(fieldKeys)},
		{Collection: typ, Name: indexCreated, Keys: ascending(fieldCreated)},
		{Collection: typ, Name: indexSequence, Keys: ascending(fieldSequence)},
	}
	if len(search.HotIndexes(typ)) > 0 {
		all = append(all, Index{Collection: typ, Name: indexHot, Keys: hotHint()}, Index{Collection: typ, Name: indexMeasures, Keys: measuresHint()})
	}
	return all
}

// historyIndexes lists those of the older versions, in the order of history: of all, of a type, of one resource.
func historyIndexes() []Index {
	return []Index{
		{Collection: collectionHistory, Name: indexSequence, Keys: ascending(fieldSequence)},
		{Collection: collectionHistory, Name: "type_1", Keys: ascending(fieldType, fieldSequence)},
		{Collection: collectionHistory, Name: "instance_1", Keys: ascending(fieldType, fieldLogical, fieldSequence)},
	}
}

// isType reports whether a collection holds resources.
func isType(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

// buildWithin bounds the building of indexes at the start, which for a collection of many millions takes its time: a limit as for other commands would end it each time.
const buildWithin = 24 * time.Hour

// prepareIndexes creates what is missing in the collections that exist; those of types never stored come with the first resource.
func (s *Store) prepareIndexes(ctx context.Context) error {
	types, err := s.types(ctx)
	if err != nil {
		return err
	}
	wanted := [][]Index{historyIndexes(), stateIndexes()}
	if s.transactions {
		wanted = append(wanted, []Index{{Collection: collectionClaims, Name: "expire_1", Keys: ascending(fieldUpdated), expire: claimSeconds}})
	}
	for _, typ := range types {
		wanted = append(wanted, indexesOf(typ))
	}
	ctx, cancel := context.WithTimeout(ctx, buildWithin)
	defer cancel()
	began, created := time.Now(), 0
	for _, indexes := range wanted {
		n, err := s.createIndexes(ctx, indexes)
		if err != nil {
			return err
		}
		created += n
	}
	for _, typ := range types {
		s.indexed.Store(typ, true)
	}
	if created > 0 {
		s.opts.Logger.Info("MongoDB indexes created", "indexes", created, "collections", len(wanted), "duration", time.Since(began))
	}
	return nil
}

// types lists the resource types that were ever stored.
func (s *Store) types(ctx context.Context) ([]string, error) {
	names, err := s.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, reading(ctx, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !isType(name) })
	slices.Sort(names)
	return names, nil
}

// ensure creates the collection of a type and its indexes, once in the life of the process.
func (s *Store) ensure(ctx context.Context, typ string) error {
	if _, done := s.indexed.Load(typ); done {
		return nil
	}
	if !isType(typ) || strings.ContainsAny(typ, "$.\x00") {
		return fmt.Errorf("mongo store: %q cannot be the name of a collection", typ)
	}
	select {
	case s.indexing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.indexing }()
	if _, done := s.indexed.Load(typ); done {
		return nil
	}
	if _, err := s.createIndexes(ctx, indexesOf(typ)); err != nil {
		return err
	}
	s.indexed.Store(typ, true)
	return nil
}

// codeNamespaceNotFound says that there is no such collection.
const codeNamespaceNotFound = 26

// createIndexes creates those of the indexes of one collection that are missing, and returns how many that were.
func (s *Store) createIndexes(ctx context.Context, indexes []Index) (created int, err error) {
	collection := indexes[0].Collection
	known, err := s.db.Collection(collection).Indexes().ListSpecifications(ctx)
	if err != nil && !hasCode(err, codeNamespaceNotFound) {
		return 0, reading(ctx, err)
	}
	var models []mongo.IndexModel
	var names []string
	for _, x := range indexes {
		if slices.ContainsFunc(known, func(k mongo.IndexSpecification) bool { return k.Name == x.Name }) {
			continue
		}
		o := options.Index().SetName(x.Name)
		if x.expire > 0 {
			o.SetExpireAfterSeconds(x.expire)
		}
		models = append(models, mongo.IndexModel{Keys: x.Keys, Options: o})
		names = append(names, x.Name)
	}
	if len(models) == 0 {
		return 0, nil
	}
	level := slog.LevelDebug // a new collection
	if len(known) > 0 {
		level = slog.LevelInfo // which may take long
	}
	s.opts.Logger.Log(ctx, level, "MongoDB indexes are built", "collection", collection, "indexes", names)
	if _, err := s.db.Collection(collection).Indexes().CreateMany(ctx, models); err != nil {
		return 0, reading(ctx, fmt.Errorf("indexes of %s: %w", collection, err)) // it may be done again
	}
	return len(models), nil
}
