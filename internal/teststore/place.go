package teststore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"testing"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
	"github.com/firth-health/firth/store/pebble"
)

// Place is where a store keeps its data: a directory, or a database. It is empty at first and goes with the test.
type Place struct {
	name       string // as --store names it
	standalone bool
	mongo      bool
}

// Options are the settings of a store that tests need.
type Options struct {
	Clock func() time.Time // of commits; nil is time.Now
}

// NewPlace returns an empty place of the chosen kind.
func NewPlace(t testing.TB) *Place {
	t.Helper()
	if !MongoDB() {
		return &Place{name: t.TempDir()}
	}
	uri := os.Getenv(Child)
	if Real() {
		uri = os.Getenv(ServerVariable)
	}
	if uri == "" {
		t.Fatal("no MongoDB server: TestMain of the package has to call teststore.Main")
	}
	return PlaceOn(t, uri, !Real())
}

// PlaceOn returns an empty place on a MongoDB server.
func PlaceOn(t testing.TB, uri string, standalone bool) *Place {
	t.Helper()
	raw := make([]byte, 6)
	rand.Read(raw)
	database := "firth_test_" + hex.EncodeToString(raw)
	DropLater(t, uri, database)
	return &Place{name: within(uri, database), standalone: standalone, mongo: true}
}

// Name is the place as `firth --store` takes it.
func (p *Place) Name() string { return p.name }

// Open opens the store at the place; closing it is for the caller.
func (p *Place) Open(t testing.TB, opts Options) store.Store {
	t.Helper()
	if !p.mongo {
		s, err := pebble.Open(p.name, pebble.Options{Clock: opts.Clock})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, err := mongo.Open(t.Context(), p.name, mongo.Options{Clock: opts.Clock, AllowStandalone: p.standalone})
	if err != nil {
		t.Fatal(err)
	}
	return OneByOne(s)
}

// Open opens an empty store of the chosen kind, in memory where that can be, and closes it at the end of the test.
func Open(t testing.TB, opts Options) store.Store {
	t.Helper()
	var s store.Store
	var err error
	if MongoDB() {
		s = NewPlace(t).Open(t, opts)
	} else if s, err = pebble.Open("", pebble.Options{InMemory: true, Clock: opts.Clock}); err != nil {
		t.Fatal(err)
	}
	CloseLater(t, s)
	return s
}

// CloseLater closes a store at the end of the test.
func CloseLater(t testing.TB, s store.Store) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// DropLater drops a database at the end of the test.
func DropLater(t testing.TB, uri, database string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		client, err := driver.Connect(options.Client().ApplyURI(uri))
		if err == nil {
			err = client.Database(database).Drop(ctx)
			_ = client.Disconnect(ctx)
		}
		if err != nil {
			t.Logf("drop %s: %v", database, err)
		}
	})
}

// OneByOne lets a store without transactions take several operations, one after the other: many tests only prepare their data so. It says that it has
// transactions, but what has been done stays done when a later operation fails; tests that see the difference are expected failures. Conditions stay unsupported.
func OneByOne(s *mongo.Store) store.Store {
	if s.Transactions() {
		return s
	}
	return oneByOne{s}
}

type oneByOne struct{ *mongo.Store }

// Transactions implements [store.Transactional] as a replica set would.
func (oneByOne) Transactions() bool { return true }

// Apply is not atomic.
func (s oneByOne) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if len(ops) < 2 {
		return s.Store.Apply(ctx, ops)
	}
	var results []store.Result
	for i := range ops {
		one, err := s.Store.Apply(ctx, ops[i:i+1])
		ctx = context.WithoutCancel(ctx) // what was begun is done, as in a transaction
		if err != nil {
			return nil, &store.OpError{Index: i, Err: err}
		}
		results = append(results, one...)
	}
	return results, nil
}
