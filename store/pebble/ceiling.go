package pebble

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Ceiling writes the keys and bytes of resources straight to an engine in directory dir, set up as a store sets it up, and returns resources a second. No store on
// this engine and machine can be faster: nothing is parsed, checked or answered.
func Ceiling(ctx context.Context, dir string, load store.CeilingLoad) (perSecond float64, err error) {
	if err := load.Check(); err != nil {
		return 0, err
	}
	db, lock, err := openEngine(dir, Options{}.withDefaults().engineOptions())
	if err != nil {
		return 0, err
	}
	c := &ceiling{db: db, batch: load.Batch, states: ceilingStates(load.Ops), hot: make([]hotScratch, load.Clients)}
	perSecond, err = store.Timed(ctx, load.Clients, load.Duration, c.write)
	return perSecond, errors.Join(err, db.Close(), lock.Close())
}

type ceiling struct {
	db     *engine.DB
	batch  int
	states []state
	hot    []hotScratch // one a client
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

// write commits once.
func (c *ceiling) write(client int) (int, error) {
	b := c.db.NewBatch()
	w := writer{direct{b}}
	for range c.batch {
		row := c.rows.Add(1) - 1
		st := c.states[row%uint64(len(c.states))]
		st.row = row
		number := fmt.Sprintf("%016x", row)
		st.key.ID = number + strings.Repeat("0", max(0, len(st.key.ID)-len(number)))
		w.create(&st)
		w.postings(st.t, st.row, nil, st.keys)
		c.hot[client].encode(w, st.t, &st, nil)
	}
	return c.batch, errors.Join(b.Commit(engine.Sync), b.Close())
}
