package pebble

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"

	engine "github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/semaphore"

	"github.com/firth-health/firth/store"
)

// Store is an open embedded store. See [Open].
type Store struct {
	opts Options
	db   *engine.DB
	tune tuning

	types  atomic.Pointer[typeTable] // what readers see; only the committer replaces it
	secret [16]byte                  // signs cursors

	admission *semaphore.Weighted // bytes of operations waiting or being committed
	queue     chan *request
	committer sync.WaitGroup

	life   sync.RWMutex // held for reading by every call, for writing by Close
	closed bool

	stats stats
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Explainer = (*Store)(nil)

	errClosed    = fmt.Errorf("pebble store: %w", fs.ErrClosed)
	errNotAStore = errors.New("the directory holds a Pebble database that is not a Firth store")

	keyFormat = []byte("Mformat")
	keySecret = []byte("Msecret")
	keyClock  = []byte("Mclock")
)

// queueLength is how many requests wait for the committer at most.
const queueLength = 4096

// Open opens or creates the store in directory dir. It fails when another process has it open, and when a newer release of Firth wrote it.
func Open(dir string, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	return open(dir, opts, opts.engineOptions())
}

func open(dir string, opts Options, engineOpts *engine.Options) (*Store, error) {
	db, err := engine.Open(dir, engineOpts)
	if err != nil {
		return nil, openError(dir, err)
	}
	s := &Store{opts: opts, db: db, tune: defaultTuning(), admission: semaphore.NewWeighted(opts.QueueBytes), queue: make(chan *request, queueLength)}
	c, err := s.load()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), db.Close())
	}
	s.committer.Add(1)
	go c.run()
	return s, nil
}

func openError(dir string, err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EACCES) && isLock(err) {
		return fmt.Errorf("open store in %s: another process has it open: %w", dir, err)
	}
	return fmt.Errorf("open store in %s: %w", dir, err)
}

func isLock(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Op == "lock"
}

// load reads or writes what a store needs to know of itself, and prepares the committer.
func (s *Store) load() (*committer, error) {
	found, err := s.get(keyFormat)
	if err != nil {
		return nil, err
	}
	if found == nil {
		if err := s.create(); err != nil {
			return nil, err
		}
	} else if version, n := binary.Uvarint(found); n <= 0 || version != formatVersion {
		return nil, errFormat(version)
	}
	secret, err := s.get(keySecret)
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
	err = errors.Join(b.Set(keySecret, secret, nil), b.Set(keyFormat, binary.AppendUvarint(nil, formatVersion), nil), b.Commit(engine.Sync))
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
func (s *Store) enter() error {
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return errClosed
	}
	return nil
}

func (s *Store) leave() { s.life.RUnlock() }

// Close waits for the calls under way, writes memory tables out so that the next start is fast, and closes the store.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.queue)
	s.committer.Wait()
	var err error
	if !s.opts.InMemory {
		err = s.db.Flush()
	}
	return errors.Join(err, s.db.Close())
}
