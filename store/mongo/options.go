package mongo

import (
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// Options are the settings of a store. The zero value is a good default.
type Options struct {
	// Database is the name of the database; empty means that of the URI's path, or else "firth".
	Database string

	// Clock tells the time of commits; nil is time.Now. meta.lastUpdated of a resource never goes backwards, whatever the clock does.
	Clock func() time.Time

	// AllowStandalone opens servers without transactions. Then Apply answers store.ErrUnsupported to several operations at once and to IfNoneExist.
	AllowStandalone bool

	// SearchFrom says which members answer searches that may lag ([search.Query]) and statistics, as a mode of read preference; empty is "primary", which lets everyone find what
	// they wrote. All else always goes to the primary.
	SearchFrom string

	// Timeout bounds each call to the server, retries included, where the caller's context has no earlier deadline; 0 means 30 s.
	Timeout time.Duration

	// SelectWithin is how long a call waits for a primary before it answers store.ErrBusy; 0 means 15 s, more than an election takes.
	SelectWithin time.Duration

	// TransactionEntries bounds the operations inside transactions that are under way; 0 means 2,000. Large transactions abort each other when the
	// cache of the server is small. Singles bounds the other writes; 0 means 512. Beyond them Apply waits up to QueueWait (0 means 2 s) and then
	// answers store.ErrBusy.
	TransactionEntries int
	Singles            int
	QueueWait          time.Duration

	// Targets is up to how many resources a chain is resolved to once per query; beyond, each candidate is tested. 0 means 50,000.
	Targets int

	// Candidates is how many candidates one query may test or sort in memory before it is refused with store.ErrTooCostly; 0 means 1 million.
	Candidates int

	// Logger receives warnings; nil discards them. Resource content is never logged.
	Logger *slog.Logger

	// Monitor sees every command; nil for none.
	Monitor *event.CommandMonitor
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Timeout = or(o.Timeout, 30*time.Second)
	o.SelectWithin = or(o.SelectWithin, 15*time.Second)
	o.TransactionEntries = or(o.TransactionEntries, 2_000)
	o.Singles = or(o.Singles, 512)
	o.QueueWait = or(o.QueueWait, 2*time.Second)
	o.Targets = or(o.Targets, 50_000)
	o.Candidates = or(o.Candidates, 1_000_000)
	return o
}

// or returns value, or fallback when it is zero.
func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
