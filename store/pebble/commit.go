package pebble

import (
	"encoding/binary"
	"runtime"
	"sync"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/store"
)

// A group is closed when it holds this much, or when nothing waits.
const (
	groupBytes = 4 << 20
	groupOps   = 4096
	groupsSync = 8 // groups being synced at a time
)

// committer owns all that changes: it is one goroutine, and the only writer of the engine.
type committer struct {
	s        *Store
	counts   map[typeNo]*counts
	written  map[typeNo]counts // as of the last group that was committed
	newTypes []string          // numbered, not yet written
	clock    int64             // instant of the last commit, milliseconds
	sequence uint64            // of the last change
	held     *request          // taken from the queue, waits for the next group
	group    *group            // its maps and buffers are used again

	gaps map[typeNo]*gap // of ids that nobody has

	keeper     store.Keeper // of the journal; nil for none
	hasEntered bool         // a record, which was committed
}

// newCommitter reads where the last run ended.
func newCommitter(s *Store) (*committer, error) {
	c := &committer{s: s, counts: map[typeNo]*counts{}, written: map[typeNo]counts{}, gaps: map[typeNo]*gap{}}
	for _, no := range s.types.Load().byName {
		n, err := readCounts(s.db, no)
		if err != nil {
			return nil, err
		}
		c.counts[no], c.written[no] = &n, n
	}
	value, err := s.get([]byte(keyClock))
	if err != nil {
		return nil, err
	}
	if len(value) == 16 {
		c.clock, c.sequence = int64(binary.BigEndian.Uint64(value)), binary.BigEndian.Uint64(value[8:])
	}
	c.group = newGroup(c)
	return c, nil
}

// run commits until the queue is closed. Answers go through a second goroutine, in order, each after its group's sync.
func (c *committer) run() {
	defer c.s.committer.Done()
	acks := make(chan *ack, groupsSync)
	var acker sync.WaitGroup
	acker.Go(func() {
		for a := range acks {
			a.finish(c.s)
		}
	})
	for r := c.next(); r != nil; r = c.next() {
		c.fill(r)
		acks <- c.commit()
	}
	close(acks)
	acker.Wait()
}

// next waits for a request; nil ends the committer.
func (c *committer) next() *request {
	if r := c.held; r != nil {
		c.held = nil
		return r
	}
	return <-c.s.queue
}

// fill starts a group with r and adds what waits.
func (c *committer) fill(r *request) {
	g := c.group
	g.begin(r.at)
	for r != nil {
		if len(g.requests) > 0 && (r.at != g.at || g.needsOwnGroup(r)) {
			c.held = r
			return
		}
		g.add(r)
		if g.batch.Len()+len(g.staged.data) >= groupBytes || g.ops >= groupOps {
			return
		}
		r = c.waiting()
	}
}

// waiting takes a request from the queue; nil when it is empty. Before it says so it lets those run who can: callers that are about to come join this group on a machine that is
// busy, and one that is idle loses no time.
func (c *committer) waiting() *request {
	if r := c.poll(); r != nil {
		return r
	}
	runtime.Gosched()
	return c.poll()
}

func (c *committer) poll() *request {
	select {
	case r := <-c.s.queue:
		return r
	default:
		return nil
	}
}

// ack is a group that is being synced.
type ack struct {
	batch    *engine.Batch // nil when nothing was written
	requests []*request
	entry    store.Entry // of the journal; nil for none
}

// commit hands the group to the engine. When it returns, readers see it; it is durable after ack.finish. An engine that cannot write its log ends the
// process (engineLogger.Fatalf), so there is no way back to handle here.
func (c *committer) commit() *ack {
	g := c.group
	a := &ack{requests: g.requests}
	g.requests = nil
	err := g.end()
	if err == nil && !g.batch.Empty() {
		a.batch = g.batch
		err = c.s.db.ApplyNoSyncWait(g.batch, engine.Sync)
		c.s.stats.group(g.ops)
	}
	g.batch = nil
	for _, r := range a.requests {
		if err != nil && r.err == nil {
			r.results, r.err = nil, err
		}
	}
	if err != nil {
		a.batch = nil
		g.abandon(err)
		return a
	}
	a.entry, c.hasEntered = g.entry, c.hasEntered || g.hasEntry
	for t := range g.touched {
		c.written[t] = *c.counts[t]
	}
	return a
}

// abandon takes back what the committer and the keeper of the journal know of a group that came to nothing.
func (g *group) abandon(err error) {
	for t := range g.touched {
		*g.c.counts[t] = g.c.written[t]
	}
	g.c.newTypes = append(g.newTypes, g.c.newTypes...)
	if g.entry != nil {
		g.entry.Abandoned(err)
	}
}

// finish waits for the sync and answers.
func (a *ack) finish(s *Store) {
	var err error
	if a.batch != nil {
		if err = a.batch.SyncWait(); err == nil {
			err = a.batch.Close()
		}
	}
	if a.entry != nil {
		a.entry.Durable(err)
	}
	for _, r := range a.requests {
		if err != nil && r.err == nil {
			r.results, r.err = nil, err
		}
		s.admission.Leave(r.weight)
		close(r.done)
	}
}

// typeNumber gives the number of a type, a new one if need be.
func (c *committer) typeNumber(name string) typeNo {
	table := c.s.types.Load()
	if no, ok := table.no(name); ok {
		return no
	}
	table, no := table.with(name)
	c.s.types.Store(table)
	c.counts[no] = &counts{}
	c.newTypes = append(c.newTypes, name)
	return no
}
