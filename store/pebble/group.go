package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// state is the newest version of one resource, stored or pending in the group.
type state struct {
	key  fhir.Key // without version
	t    typeNo
	row  uint64
	rec  record
	keys []string // index keys as stored; nil when deleted

	measure search.Measure // of what is written now; not read back
	own     bool           // made by the group at hand, not read from the engine
}

func (st *state) live() bool { return st != nil && st.rec.method != store.Delete }

// change is one accepted write. old is nil when the id never existed.
type change struct{ old, next *state }

// group collects requests for one batch. What it will write is in pending, so that later requests see it before the engine does.
type group struct {
	c        *committer
	batch    *engine.Batch
	staged   staging // what goes into batch in the end
	requests []*request
	ops      int

	at     int64  // instant of its requests, which restore; 0 for those that do not
	now    int64  // lastUpdated of the whole group, milliseconds
	nowKey string // its index key

	pending map[fhir.Key]*state
	byKey   keyIndex
	changes []change // of the request at hand, not yet encoded
	log     map[typeNo][]byte
	logAt   map[typeNo]uint64 // first sequence in log
	touched map[typeNo]struct{}

	newTypes []string // whose numbers the batch has

	probes  probes
	hot     hotScratch
	records map[string][]byte // pending records of State by key; nil for deleted ones

	notes      []store.Noted // for the keeper of the journal
	wantsEntry bool          // though there may be no notes
	hasEntry   bool          // of at least one record
	entry      store.Entry   // of the journal; nil when the keeper was not asked
}

func newGroup(c *committer) *group {
	return &group{c: c, pending: map[fhir.Key]*state{}, log: map[typeNo][]byte{}, logAt: map[typeNo]uint64{},
		touched: map[typeNo]struct{}{}, records: map[string][]byte{}}
}

// begin takes the instant of the group: now, or that of a restore.
func (g *group) begin(at int64) {
	g.batch = g.c.s.db.NewBatch()
	g.ops = 0
	g.at = at
	if at == 0 {
		at = g.c.s.opts.Clock().UnixMilli()
	}
	g.now = max(at, g.c.clock)
	g.nowKey = search.LastUpdatedKey(instant(g.now))
	clear(g.pending)
	g.byKey.clear()
	clear(g.touched)
	clear(g.log)
	clear(g.logAt)
	clear(g.records)
	g.newTypes = nil
	clear(g.notes)
	g.notes, g.wantsEntry, g.hasEntry, g.entry = g.notes[:0], false, false, nil
	g.probes = probes{db: g.c.s.db}
}

// end writes the bookkeeping of a group that changed something.
func (g *group) end() error {
	err := g.probes.close()
	g.staged.into(g.batch)
	if err == nil {
		err = g.enter()
	}
	if err != nil || len(g.touched) == 0 && len(g.records) == 0 && !g.hasEntry {
		return err
	}
	c := g.c
	for _, name := range c.newTypes {
		no, _ := c.s.types.Load().no(name)
		err = errors.Join(err, g.batch.Set(typeKey(name), binary.BigEndian.AppendUint16(nil, uint16(no)), nil))
	}
	g.newTypes, c.newTypes = c.newTypes, nil
	for t := range g.touched {
		err = errors.Join(err,
			g.batch.Set(spaceKey(nil, spaceCounts, t), c.counts[t].append(nil), nil),
			g.batch.Set(logKey(nil, t, g.logAt[t]), g.log[t], nil))
	}
	if len(g.touched) > 0 {
		c.clock = g.now // records have no instant: a restore of older versions may go on behind them
	}
	clock := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(c.clock)), c.sequence)
	return errors.Join(err, g.batch.Set([]byte(keyClock), clock, nil))
}

// add performs a request, or leaves no trace of it.
func (g *group) add(r *request) {
	g.requests = append(g.requests, r)
	g.changes = g.changes[:0]
	if r.err = r.ctx.Err(); r.err != nil {
		r.results = nil
		return
	}
	if r.act != nil {
		r.err = r.act(g)
		return
	}
	perform := g.perform
	if r.at != 0 {
		perform = g.restore
	}
	for i := range r.ops {
		if err := perform(r, i); err != nil {
			g.undo()
			r.results, r.err = nil, store.Refused(i, err)
			return
		}
	}
	for i := range g.changes {
		g.encode(&g.changes[i])
	}
	g.ops += len(g.changes)
	g.note(r)
}

// undo takes the changes of the request at hand out of what is pending.
func (g *group) undo() {
	for _, ch := range slices.Backward(g.changes) {
		g.byKey.remove(ch.next)
		delete(g.pending, ch.next.key)
		if ch.old == nil {
			g.c.counts[ch.next.t].rows--
		} else if ch.old.own {
			g.pending[ch.old.key] = ch.old
			g.byKey.add(ch.old)
		}
	}
}

// perform does operation i of r in memory.
func (g *group) perform(r *request, i int) error {
	op := &r.ops[i]
	if i == r.duplicate {
		return store.TwiceError(op)
	}
	if op.IfNoneExist != nil {
		found, err := g.condition(op)
		if err != nil {
			return err
		}
		if found != nil {
			r.results[i] = store.Result{Version: found.rec.result(found.key.Type), Existing: true}
			return nil
		}
	}
	t := g.c.typeNumber(op.Key.Type)
	old, err := g.current(t, op.Key, op.Method)
	if err != nil {
		return err
	}
	if err := check(op, old); err != nil {
		return err
	}
	if store.Idle(op, old.live()) {
		r.results[i].Version.Key = op.Key
		return nil
	}
	next, err := g.next(r, op, t, old)
	if err != nil {
		return err
	}
	r.results[i] = store.Result{Version: next.version(), Created: !old.live() && op.Method != store.Delete}
	g.accept(old, next)
	return nil
}

// accept notes a write, so that later operations see it.
func (g *group) accept(old, next *state) {
	g.changes = append(g.changes, change{old, next})
	g.pending[next.key] = next
	g.byKey.replace(old, next)
}

// check holds the preconditions of op against the newest version.
func check(op *store.Op, old *state) error {
	version := uint64(0)
	if old != nil {
		version = old.rec.version
	}
	err := store.Permit(op, version, old.live())
	if err == nil && version >= maxVersion {
		err = fmt.Errorf("%s has too many versions: %w", op.Key, store.ErrConflict)
	}
	return err
}

// next makes the state that op leads to.
func (g *group) next(r *request, op *store.Op, t typeNo, old *state) (*state, error) {
	st := &state{key: op.Key, t: t, rec: record{method: op.Method, version: 1, updated: g.now, id: op.Key.ID}, own: true}
	if old != nil {
		st.row, st.rec.version = old.row, old.rec.version+1
	} else {
		n := g.c.counts[t]
		if n.rows > maxRow {
			return nil, fmt.Errorf("no room for another %s: %w", op.Key.Type, store.ErrConflict)
		}
		st.row = n.rows
		n.rows++
		g.c.gap(t).take(op.Key.ID)
	}
	if op.Method == store.Delete {
		return st, nil
	}
	start := len(r.slab)
	r.slab = op.Resource.Render(r.slab, versionText(st.rec.version), instant(g.now))
	st.rec.json = r.slab[start:len(r.slab):len(r.slab)]
	st.keys, st.measure = search.WithKey(op.Keys, g.nowKey), op.Measure
	return st, nil
}

// version is the state as a caller sees it.
func (st *state) version() store.Version {
	return store.Version{Key: fhir.Key{Type: st.key.Type, ID: st.key.ID, Version: versionText(st.rec.version)},
		LastUpdated: instant(st.rec.updated), Method: st.rec.method, JSON: st.rec.json}
}

// current finds the newest version of key; nil when the id never existed. For a Create only existence is of interest.
func (g *group) current(t typeNo, key fhir.Key, method store.Method) (*state, error) {
	if st, ok := g.pending[key]; ok {
		return st, nil
	}
	row, found, err := g.row(t, key.ID)
	if err != nil || !found {
		return nil, err
	}
	return g.stored(t, key, row, method != store.Create)
}

// stored reads the newest version from the engine.
func (g *group) stored(t typeNo, key fhir.Key, row uint64, withKeys bool) (*state, error) {
	st := &state{key: key, t: t, row: row}
	value, err := g.c.s.get(rowKey(nil, spaceCurrent, t, row))
	if err != nil {
		return nil, err
	}
	if st.rec, err = parseRecord(value); err != nil {
		return nil, err
	}
	if !withKeys || !st.live() {
		return st, nil
	}
	list, err := g.c.s.get(rowKey(nil, spaceKeys, t, row))
	if err != nil {
		return nil, err
	}
	st.keys, err = parseKeyList(nil, list)
	return st, err
}
