package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/firth-health/firth/store"
)

// The collections beside those of resource types, whose names begin with a capital letter.
const (
	collectionHistory = "history"
	collectionMeta    = "firth"  // one document about the store
	collectionClaims  = "claims" // see claims.go
)

// formatVersion counts changes of the documents' layout. A store with another one is refused.
const formatVersion = 3

// minWireVersion is that of MongoDB 4.4.
const minWireVersion = 9

// Store is an open MongoDB store. See [Open].
type Store struct {
	opts    Options
	client  *mongo.Client
	db      *mongo.Database
	clock   *clock
	records *clock   // numbers the records of store.State, which leave the instants of commits alone
	secret  [16]byte // signs cursors
	birth   bson.Timestamp

	searchFrom *readpref.ReadPref

	transactions bool // replica set or sharded cluster
	decimals     bool // the server knows Decimal128
	elements     bool // $elemMatch means one element

	packer   *zstd.Encoder
	unpacker *zstd.Decoder

	entries *store.Gate // operations in transactions under way
	singles *store.Gate // other writes under way
	meter   *meter

	indexed    sync.Map      // names of collections that have their indexes
	indexing   chan struct{} // full while a collection gets them
	restoring  sync.Mutex    // held by Restore
	feed       feed
	background sync.WaitGroup // ends of snapshots

	life store.Life
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Explainer = (*Store)(nil)
	_ store.Checker   = (*Store)(nil)
	_ store.Changes   = (*Store)(nil)
	_ store.Reindexer = (*Store)(nil)
	_ store.State     = (*Store)(nil)
	_ store.Archive   = (*Store)(nil)
	_ store.KeyLister = (*Store)(nil)
	_ store.Latest    = (*Store)(nil)
	_ store.Measurer  = (*Store)(nil)

	_ store.Transactional = (*Store)(nil)

	errStandalone = errors.New("the MongoDB server is a standalone one, which has no transactions: make it a replica set (one member is enough), " +
		"or allow it and do without transactions and conditional creates")
)

// Open connects to the deployment that the URI names (TLS, credentials and timeouts of the URI apply), creates what is missing, and returns when a primary
// has answered. It fails for a standalone server unless that is allowed, for servers older than 4.4, and for databases of another format of Firth.
func Open(ctx context.Context, uri string, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	name, err := databaseName(uri, opts.Database)
	if err != nil {
		return nil, err
	}
	searchFrom, err := readMode(opts.SearchFrom)
	if err != nil {
		return nil, fmt.Errorf("open MongoDB store: %w", err)
	}
	m := &meter{}
	client, err := mongo.Connect(m.watch(clientOptions(uri, opts)))
	if err != nil {
		return nil, fmt.Errorf("open MongoDB store: %w", err)
	}
	s := &Store{opts: opts, searchFrom: searchFrom, client: client, db: client.Database(name), clock: &clock{now: opts.Clock}, records: &clock{now: time.Now},
		entries: store.NewGate(int64(opts.TransactionEntries), opts.QueueWait), singles: store.NewGate(int64(opts.Singles), opts.QueueWait), meter: m, indexing: make(chan struct{}, 1)}
	if s.packer, s.unpacker, err = newPackers(); err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open MongoDB store: %w", err), client.Disconnect(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func readMode(name string) (*readpref.ReadPref, error) {
	mode, err := readpref.ModeFromString(or(name, "primary"))
	if err != nil {
		return nil, err
	}
	return readpref.New(mode)
}

func databaseName(uri, name string) (string, error) {
	parsed, err := connstring.Parse(uri)
	if err != nil {
		return "", fmt.Errorf("open MongoDB store: %w", err)
	}
	return or(name, or(parsed.Database, "firth")), nil
}

// clientOptions are what every call needs: what is acknowledged is on the majority, what is read cannot be rolled back.
func clientOptions(uri string, opts Options) *options.ClientOptions {
	c := options.Client().ApplyURI(uri).SetAppName("firth").SetReadConcern(readconcern.Majority()).SetWriteConcern(writeconcern.Majority()).
		SetReadPreference(readpref.Primary()).SetRetryWrites(true).SetRetryReads(true)
	if c.Timeout == nil {
		c.SetTimeout(opts.Timeout)
	}
	if c.ServerSelectionTimeout == nil {
		c.SetServerSelectionTimeout(opts.SelectWithin)
	}
	if opts.Monitor != nil {
		c.SetMonitor(opts.Monitor)
	}
	return c
}

// prepare learns what the server can do, and reads or writes what a store needs to know of itself.
func (s *Store) prepare(ctx context.Context) error {
	var hello struct {
		MaxWireVersion int            `bson:"maxWireVersion"`
		SetName        string         `bson:"setName"`
		Msg            string         `bson:"msg"`
		OperationTime  bson.Timestamp `bson:"operationTime"`
	}
	err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	if hasCode(err, codeCommandNotFound) { // 4.4.0 and 4.4.1 know it by its old name
		err = s.db.RunCommand(ctx, bson.D{{Key: "isMaster", Value: 1}}).Decode(&hello)
	}
	if err != nil {
		return translate(ctx, err)
	}
	if hello.MaxWireVersion < minWireVersion {
		return fmt.Errorf("the server is older than MongoDB 4.4 (wire version %d)", hello.MaxWireVersion)
	}
	s.transactions = hello.SetName != "" || hello.Msg == "isdbgrid"
	if !s.transactions && !s.opts.AllowStandalone {
		return errStandalone
	}
	if err := s.limits(ctx); err != nil {
		return err
	}
	if err := s.identify(ctx, hello.OperationTime); err != nil {
		return err
	}
	return s.prepareIndexes(ctx)
}

// limits finds out what a server that is not MongoDB's own lacks. FerretDB 1, which tests run against, knows no Decimal128 and closes the connection when it meets one, and
// it applies the parts of $elemMatch to different elements, so that ranges only give candidates.
func (s *Store) limits(ctx context.Context) error {
	info, err := s.db.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Raw()
	if err != nil {
		return translate(ctx, err)
	}
	complete := info.Lookup("ferretdbVersion").IsZero()
	s.decimals, s.elements = complete, complete
	return nil
}

// identify finds or makes the document about the store, and takes a number for this process.
func (s *Store) identify(ctx context.Context, now bson.Timestamp) error {
	secret := make([]byte, len(s.secret))
	rand.Read(secret)
	self := bson.D{{Key: fieldID, Value: "store"}}
	fresh := bson.D{{Key: "format", Value: formatVersion}, {Key: "secret", Value: secret}, {Key: "birth", Value: now}}
	change := bson.D{{Key: "$setOnInsert", Value: fresh}, {Key: "$inc", Value: bson.D{{Key: "opened", Value: int64(1)}}}}
	var found struct {
		Format int            `bson:"format"`
		Secret []byte         `bson:"secret"`
		Birth  bson.Timestamp `bson:"birth"`
		Opened int64          `bson:"opened"`
	}
	var err error
	for range 3 { // two processes may insert it at once
		err = s.meta().FindOneAndUpdate(ctx, self, change, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&found)
		if !mongo.IsDuplicateKeyError(err) {
			break
		}
	}
	switch {
	case err != nil:
		return translate(ctx, err)
	case found.Format != formatVersion:
		return fmt.Errorf("the database was written by another release of Firth: its format is %d, this one reads %d", found.Format, formatVersion)
	case copy(s.secret[:], found.Secret) != len(s.secret):
		return errCorrupt
	}
	s.birth, s.clock.node, s.records.node = found.Birth, found.Opened%nodes, found.Opened%nodes
	return nil
}

func (s *Store) meta() *mongo.Collection { return s.db.Collection(collectionMeta) }

func (s *Store) history() *mongo.Collection { return s.db.Collection(collectionHistory) }

// Transactions reports whether the deployment has transactions. Without them several operations at once, and conditional creates, are refused.
func (s *Store) Transactions() bool { return s.transactions }

// enter keeps the connections open until leave.
func (s *Store) enter(ctx context.Context) error { return s.life.Enter(ctx) }

func (s *Store) leave() { s.life.Leave() }

// Close waits for the calls under way and closes the connections.
func (s *Store) Close() error {
	return s.life.End(func() error {
		s.background.Wait()
		s.unpacker.Close()
		ctx, cancel := context.WithTimeout(context.Background(), s.opts.Timeout)
		defer cancel()
		return errors.Join(s.packer.Close(), s.client.Disconnect(ctx))
	})
}
