package pebble

import (
	"fmt"
	"log/slog"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are the settings of a store. The zero value is a good default.
type Options struct {
	// Clock tells the time of commits; nil is time.Now. The store never lets meta.lastUpdated go backwards, whatever the clock does.
	Clock func() time.Time

	// CacheBytes is the memory for memory tables and for blocks of the files together; 0 means 96 MiB. The operating system caches files besides.
	CacheBytes int64

	// MemTableBytes is the size of one memory table, of which up to four exist under load; 0 means a sixth of CacheBytes, so that room for blocks is left, but no less than 1 and no more than 16 MiB.
	MemTableBytes int64

	// Logger receives warnings and errors of the engine; nil discards them. Resource content is never logged.
	Logger *slog.Logger

	// InMemory keeps everything in memory; the directory is ignored. Nothing survives Close.
	InMemory bool

	// QueryCost is how many index entries one query may read before it is refused with store.ErrTooCostly; 0 means 50 million, which take some
	// seconds.
	QueryCost int

	// QueueBytes bounds the resources waiting for the committer; 0 means 32 MiB. Beyond it Apply waits up to QueueWait (0 means 2 s) and
	// then answers store.ErrBusy.
	QueueBytes int64
	QueueWait  time.Duration
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 96 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = min(max(o.CacheBytes/6, 1<<20), 16<<20)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.QueryCost == 0 {
		o.QueryCost = 50_000_000
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = 32 << 20
	}
	if o.QueueWait == 0 {
		o.QueueWait = 2 * time.Second
	}
	return o
}

// engineOptions are shared with the measurement of the engine's ceiling, so that both run on the same footing.
func (o Options) engineOptions() *engine.Options {
	e := &engine.Options{
		Comparer:                    newComparer(),
		FormatMajorVersion:          engine.FormatTableFormatV6,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                512,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		Logger:                      engineLogger{o.Logger},
	}
	e.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	e.Levels[len(e.Levels)-1].FilterPolicy = engine.NoFilterPolicy // the engine does not ask filters of the last level, where most keys are
	e.TargetFileSizes[0] = 4 << 20
	if o.InMemory {
		e.FS = vfs.NewMem()
	}
	return e
}

// engineLogger passes on what an operator must see. The engine calls Fatalf when it can no longer write its log: nothing may be
// acknowledged after that, so the process ends.
type engineLogger struct{ log *slog.Logger }

func (l engineLogger) Infof(string, ...any) {}

func (l engineLogger) Errorf(format string, args ...any) {
	l.log.Error("store engine", "message", fmt.Sprintf(format, args...))
}

func (l engineLogger) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.log.Error("store engine failed", "message", message)
	panic("store engine failed: " + message)
}
