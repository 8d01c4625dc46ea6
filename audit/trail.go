package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/store"
)

// Options are what a [Trail] is made of. Store is required.
type Options struct {
	Store store.Store // which must be a [store.State]; wrappers are looked through

	// BaseURL is the FHIR service base: who observed the events, and where the server is in the network.
	BaseURL string
	Name    string // of this server among several, for the log and the first event of its chain; may be empty
	Version string // of the software

	// Key signs checkpoints. Without one they are kept unsigned: they then show what was lost by accident, and prove nothing.
	Key ed25519.PrivateKey

	// Checkpoints, when not nil, gets each checkpoint as a line of JSON, to be kept where who can change the store cannot.
	Checkpoints io.Writer

	CheckpointEvery  time.Duration // 0 means a minute
	CheckpointEvents int           // 0 means 10,000: whichever comes first

	// Delay is how long an event that is not [Event].Durable may wait for others before it is written: 0 means 50 ms. It is what a crash can lose.
	Delay time.Duration
	// AllDurable makes every event durable before it is answered, those of reads too.
	AllDurable bool
	// QueueBytes is how much may wait to be written before [Trail.Record] blocks: 0 means 4 MiB.
	QueueBytes int

	// Keep is how long events are kept; older ones are removed, with a record of the gap. 0 keeps all. Laws ask for years: HIPAA for 6.
	Keep time.Duration

	Logger *slog.Logger     // nil discards
	Clock  func() time.Time // nil is time.Now
}

func (o Options) withDefaults() Options {
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.CheckpointEvents <= 0 {
		o.CheckpointEvents = 10_000
	}
	if o.Delay <= 0 {
		o.Delay = 50 * time.Millisecond
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// Errors of [Trail.Record] and [Trail.Ready].
var (
	ErrClosed      = errors.New("the audit trail is closed")
	ErrUnavailable = errors.New("the store does not take audit events") // now; the trail keeps trying
)

// Trail keeps the events of one server in a chain of its own. It is safe for concurrent use.
type Trail struct {
	book // what is read: all chains of the store

	opts  Options
	chain string

	journal store.Journal // has the events of operations in their commits; nil where the store has none
	maker   maker

	mu       sync.Mutex
	pending  *batch
	spare    *batch        // to be pending next; nil for none
	returned []*batch      // entered into a commit that failed
	room     chan struct{} // closed when pending is taken
	turn     chan struct{} // closed when the writer has come round
	trouble  chan struct{} // closed while failing
	last     int64         // instant of the newest event, milliseconds
	isClosed bool          // takes no events any more
	isOver   bool          // writes none either

	durable     uint64 // number of the last event that is
	durableHash hash
	checked     uint64 // number of the last checkpoint

	wake    chan struct{}
	timer   *time.Timer     // wakes the writer for events that may wait
	failing atomic.Bool     // changed under mu
	wanted  atomic.Bool     // a checkpoint, though none is due
	closing context.Context // ends when the writer is to give up
	giveUp  context.CancelFunc
	due     time.Time // of the next checkpoint; the writer's
	err     error     // why events could not be written in the end; the writer's
	done    sync.WaitGroup

	stopKeeping context.CancelFunc
	keeping     sync.WaitGroup
}

// Open begins, or goes on with, the chain of this server, and records that the server started.
func Open(ctx context.Context, opts Options) (*Trail, error) {
	opts = opts.withDefaults()
	b, err := openBook(opts.Store)
	if err != nil {
		return nil, err
	}
	t := &Trail{book: *b, opts: opts, pending: newBatch(), room: make(chan struct{}), turn: make(chan struct{}), trouble: make(chan struct{}), wake: make(chan struct{}, 1)}
	t.closing, t.giveUp = context.WithCancel(context.Background())
	t.timer = time.AfterFunc(time.Hour, t.poke)
	t.timer.Stop()
	start, err := t.resume(ctx)
	if err != nil {
		return nil, err
	}
	if journal, ok := store.Unwrap(opts.Store).(store.Journal); ok && !t.shared {
		if err := journal.Keep(ctx, t); err != nil {
			return nil, fmt.Errorf("begin the audit trail: %w", err)
		}
		t.journal = journal
	}
	t.done.Go(t.write)
	if err := t.Record(ctx, start); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	keeping, stop := context.WithCancel(context.Background())
	t.stopKeeping = stop
	if opts.Keep > 0 {
		t.keeping.Go(func() { t.keep(keeping, opts.Keep) })
	}
	return t, nil
}

// Chain is the name of the chain that the events of this server are in.
func (t *Trail) Chain() string { return t.chain }

// Ready reports why events cannot be kept now: nil, [ErrUnavailable] or [ErrClosed]. It costs next to nothing, so that a server can ask before each interaction.
func (t *Trail) Ready() error {
	if t.failing.Load() {
		return ErrUnavailable
	}
	return nil
}

// Record takes an event on. It blocks while too much waits to be written. One that is Durable is kept when Record returns nil; others will be soon. With any
// error the event may yet be kept; with that of ctx it will be, and only the wait for it has ended.
func (t *Trail) Record(ctx context.Context, e *Event) error {
	rest := e.Patients
	for ; len(rest) > maxPatients; rest = rest[maxPatients:] {
		if _, err := t.enqueue(e, rest[:maxPatients]); err != nil {
			return err
		}
	}
	_, err := t.record(ctx, e, rest) // which is behind the others in the chain
	return err
}

// record takes one record on. Its number is known when it is durable.
func (t *Trail) record(ctx context.Context, e *Event, patients []string) (number uint64, err error) {
	w, err := t.enqueue(e, patients)
	if err != nil || !e.Durable && !t.opts.AllDurable {
		return 0, err
	}
	select {
	case <-w.batch.done:
	case <-w.trouble: // with this batch, or with one before it
		select {
		case <-w.batch.done:
		default:
			return 0, ErrUnavailable
		}
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return w.batch.first + uint64(w.place), w.batch.err
}

// Flush waits until all events recorded so far are kept.
func (t *Trail) Flush(ctx context.Context) error {
	t.mu.Lock()
	b := t.pending
	t.mu.Unlock()
	t.poke()
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close records that the server stops, writes what waits and a last checkpoint. It gives up when ctx ends. Events recorded later are refused.
func (t *Trail) Close(ctx context.Context) error {
	if t.stopKeeping != nil {
		t.stopKeeping()
		t.keeping.Wait()
	}
	err := t.Record(ctx, &Event{Interaction: Stop, Durable: true})
	t.mu.Lock()
	closed := t.isClosed
	t.isClosed = true
	t.mu.Unlock()
	if closed {
		return nil
	}
	stop := context.AfterFunc(ctx, t.giveUp)
	defer stop()
	t.poke()
	t.done.Wait()
	t.giveUp()
	return errors.Join(err, t.err, t.leave(context.WithoutCancel(ctx)))
}

// leave lets go of the store's journal.
func (t *Trail) leave(ctx context.Context) error {
	if t.journal == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, putTime)
	defer cancel()
	return t.journal.Keep(ctx, nil)
}

// poke lets the writer write.
func (t *Trail) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
