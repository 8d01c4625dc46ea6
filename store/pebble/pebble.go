package pebble

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firth-health/firth/store"
)

// Store is an open embedded store. See [Open].
type Store struct {
	opts Options
	db   *engine.DB
	lock *engine.Lock // of the directory
	tune tuning

	types  atomic.Pointer[typeTable] // what readers see; only the committer replaces it
	secret [16]byte                  // signs cursors

	admission *store.Gate // bytes of operations waiting or being committed
	queue     chan *request
	committer sync.WaitGroup

	life store.Life

	stats  stats
	costly costly
	sets   tokenSets
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Explainer = (*Store)(nil)
	_ store.Changes   = (*Store)(nil)
	_ store.Backuper  = (*Store)(nil)
	_ store.Checker   = (*Store)(nil)
	_ store.Reindexer = (*Store)(nil)
	_ store.State     = (*Store)(nil)
	_ store.Journal   = (*Store)(nil)
	_ store.Latest    = (*Store)(nil)
	_ store.Measurer  = (*Store)(nil)

	errNotAStore = errors.New("the directory holds a Pebble database that is not a Firth store")
)

// The keys of the meta space.
const (
	keyFormat = "Mformat"
	keySecret = "Msecret"
	keyClock  = "Mclock"
)

// queueLength is how many requests wait for the committer at most.
const queueLength = 4096

// Open opens or creates the store in directory dir. It fails when another process has it open, and when a newer release of Firth wrote it.
func Open(dir string, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	return open(dir, opts, opts.engineOptions())
}

func open(dir string, opts Options, engineOpts *engine.Options) (*Store, error) {
	db, lock, err := openEngine(dir, engineOpts)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, db: db, lock: lock, tune: defaultTuning(), admission: store.NewGate(opts.QueueBytes, opts.QueueWait),
		queue: make(chan *request, queueLength)}
	c, err := s.load()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), db.Close(), lock.Close())
	}
	s.committer.Add(1)
	go c.run()
	return s, nil
}

// openEngine locks the directory before it opens it, so that a directory in use is told from one that cannot be written.
func openEngine(dir string, opts *engine.Options) (*engine.DB, *engine.Lock, error) {
	files := opts.FS
	if files == nil {
		files = vfs.Default
	}
	if err := files.MkdirAll(dir, 0o750); err != nil {
		return nil, nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	lock, err := engine.LockDirectory(dir, files)
	if err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			return nil, nil, fmt.Errorf("open store in %s: %w", dir, err)
		}
		return nil, nil, fmt.Errorf("open store in %s: it is in use by another process, or twice by this one: %w", dir, err)
	}
	opts.Lock = lock
	compactions := newScheduler()
	opts.Experimental.CompactionScheduler = compactions
	db, err := engine.Open(dir, opts)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), lock.Close())
	}
	compactions.begin()
	return db, lock, nil
}

// load reads or writes what a store needs to know of itself, and prepares the committer.
func (s *Store) load() (*committer, error) {
	found, err := s.get([]byte(keyFormat))
	if err != nil {
		return nil, err
	}
	if found == nil {
		if err := s.create(); err != nil {
			return nil, err
		}
	} else if err := s.raise(found); err != nil {
		return nil, err
	}
	secret, err := s.get([]byte(keySecret))
	if err != nil {
		return nil, err
	}
	if copy(s.secret[:], secret) != len(s.secret) {
		return nil, errCorrupt
	}
	table, err := loadTypes(s.db)
	if err != nil {
		return nil, err
	}
	s.types.Store(table)
	return newCommitter(s)
}

// raise marks a store of an earlier format as one of this release. Another format is an error.
func (s *Store) raise(found []byte) error {
	version, n := binary.Uvarint(found)
	if n <= 0 || version < oldestFormat || version > formatVersion {
		return errFormat(version)
	}
	if version == formatVersion {
		return nil
	}
	return s.db.Set([]byte(keyFormat), binary.AppendUvarint(nil, formatVersion), engine.Sync)
}

// create writes the first keys of a new store.
func (s *Store) create() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	empty := !it.First()
	if err := it.Close(); err != nil {
		return err
	}
	if !empty {
		return errNotAStore
	}
	b := s.db.NewBatch()
	secret := make([]byte, len(s.secret))
	rand.Read(secret)
	err = errors.Join(b.Set([]byte(keySecret), secret, nil), b.Set([]byte(keyFormat), binary.AppendUvarint(nil, formatVersion), nil), b.Commit(engine.Sync))
	return errors.Join(err, b.Close())
}

// get returns a copy of the value of key, nil when there is none.
func (s *Store) get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := append([]byte{}, value...)
	return out, closer.Close()
}

// enter keeps the engine open until leave.
func (s *Store) enter(ctx context.Context) error { return s.life.Enter(ctx) }

func (s *Store) leave() { s.life.Leave() }

// Close waits for the calls under way, writes memory tables out so that the next start is fast, and closes the store.
func (s *Store) Close() error {
	return s.life.End(func() error {
		close(s.queue)
		s.committer.Wait()
		var err error
		if !s.opts.InMemory {
			err = s.db.Flush()
		}
		return errors.Join(err, s.db.Close(), s.lock.Close())
	})
}
