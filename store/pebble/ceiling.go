package pebble

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// CeilingLoad is what [Ceiling] writes.
type CeilingLoad struct {
	Ops      []store.Op // creations whose bytes and keys are written, over and over under new ids
	Clients  int        // goroutines that commit, each waiting for its sync
	Batch    int        // resources a commit
	Duration time.Duration
}

// Ceiling writes the keys and bytes of resources straight to an engine in directory dir, set up as a store sets it up, and returns resources a second. No store on
// this engine and machine can be faster: nothing is parsed, checked or answered.
func Ceiling(ctx context.Context, dir string, load CeilingLoad) (perSecond float64, err error) {
	if len(load.Ops) == 0 || load.Clients < 1 || load.Batch < 1 {
		return 0, errors.New("nothing to write")
	}
	db, lock, err := openEngine(dir, Options{}.withDefaults().engineOptions())
	if err != nil {
		return 0, err
	}
	c := &ceiling{db: db, batch: load.Batch, states: ceilingStates(load.Ops), end: time.Now().Add(load.Duration)}
	started := time.Now()
	var clients sync.WaitGroup
	failures := make([]error, load.Clients)
	for i := range load.Clients {
		clients.Go(func() { failures[i] = c.write(ctx) })
	}
	clients.Wait()
	elapsed := time.Since(started).Seconds()
	return float64(c.rows.Load()) / elapsed, errors.Join(errors.Join(failures...), db.Close(), lock.Close())
}

type ceiling struct {
	db     *engine.DB
	batch  int
	states []state
	end    time.Time
	rows   atomic.Uint64
}

// ceilingStates renders the resources once.
func ceilingStates(ops []store.Op) []state {
	now := time.Now()
	states := make([]state, len(ops))
	for i, op := range ops {
		keys := search.WithKey(op.Keys, search.LastUpdatedKey(now))
		states[i] = state{key: op.Key, t: 1, keys: keys, rec: record{method: store.Create, version: 1, updated: now.UnixMilli(), id: op.Key.ID,
			json: op.Resource.Render(nil, "1", now)}, measure: op.Measure}
	}
	return states
}

// write commits until the time is over.
func (c *ceiling) write(ctx context.Context) error {
	hot := &hotScratch{}
	for time.Now().Before(c.end) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := c.db.NewBatch()
		for range c.batch {
			row := c.rows.Add(1) - 1
			st := c.states[row%uint64(len(c.states))]
			st.row = row
			number := fmt.Sprintf("%016x", row)
			st.key.ID = number + strings.Repeat("0", max(0, len(st.key.ID)-len(number)))
			writer{b}.create(&st)
			writer{b}.postings(st.t, st.row, nil, st.keys)
			hot.encode(writer{b}, st.t, &st, nil)
		}
		if err := errors.Join(b.Commit(engine.Sync), b.Close()); err != nil {
			return err
		}
	}
	return nil
}
