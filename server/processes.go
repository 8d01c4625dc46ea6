package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// processes is what the server processes on one store tell each other, by records of [store.State] (docs/adr/0011). Each keeps a record of itself and renews it; a process whose record has
// not changed for [deadAfter] beats, by the clock of who looks, is dead, and whoever needs it to be removes the record. A process that could not renew its own for [validFor] beats stops
// writing before that.
//
// Two more records name who changes the search parameters, and who runs jobs.
type processes struct {
	state store.State
	id    string
	every time.Duration // a beat
	log   *slog.Logger

	putting  sync.Mutex         // held while the record of this process is written, which may take long
	renewing singleflight.Group // of those who want to write

	mu       sync.Mutex // held for moments
	self     process
	revision uint64 // of the record of this process
	renewed  time.Time
	expelled bool // the others took this process for dead: it knows nothing for sure
	seen     map[string]sighting
}

// process is the record of one.
type process struct {
	Generation uint64        `json:"generation"` // of the search parameters that all its commits have the keys of; 0 while it starts
	Keying     search.Keying `json:"keying"`
}

// ownership is a record that one process at most owns.
type ownership struct {
	Owner      string `json:"owner,omitempty"`      // id of a process
	Generation uint64 `json:"generation,omitempty"` // counts the changes of what is owned

	revision uint64
}

// sighting is since when a record has a revision.
type sighting struct {
	revision uint64
	since    time.Time
}

const (
	processKind   = "server"
	processPrefix = "process/"
	parametersID  = "parameters" // ownership of changes of search parameters
	jobsID        = "jobs"       // ownership of the jobs
)

// Times in beats. Between the two a commit that was begun has to end.
const (
	validFor  = 30
	deadAfter = 40
)

var errExpelled = errors.New("the other servers on the store took this one for dead; it begins anew")

// newProcesses returns nil for a store that no other process can have open.
func newProcesses(s store.Store, state store.State, keying search.Keying, every time.Duration, log *slog.Logger) *processes {
	if shared, ok := store.Unwrap(s).(store.Shared); !ok || !shared.Shared() {
		return nil
	}
	return &processes{state: state, id: rand.Text(), every: every, log: log, self: process{Keying: keying}, expelled: true, seen: map[string]sighting{}}
}

// join makes a record of a process that knows nothing yet.
func (p *processes) join(ctx context.Context) error {
	p.putting.Lock()
	defer p.putting.Unlock()
	p.mu.Lock()
	p.self.Generation, p.revision, p.expelled = 0, 0, true
	p.mu.Unlock()
	return p.put(ctx)
}

// acknowledge tells the others that all commits have the keys of a generation.
func (p *processes) acknowledge(ctx context.Context, generation uint64) error {
	p.putting.Lock()
	defer p.putting.Unlock()
	p.mu.Lock()
	p.self.Generation = generation
	p.mu.Unlock()
	if err := p.put(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expelled = false
	return nil
}

// renew says that this process lives.
func (p *processes) renew(ctx context.Context) error {
	p.putting.Lock()
	defer p.putting.Unlock()
	return p.put(ctx)
}

// put writes the record of this process; the caller holds putting.
func (p *processes) put(ctx context.Context) error {
	begun := time.Now()
	p.mu.Lock()
	self, revision := p.self, p.revision
	p.mu.Unlock()
	value, err := json.Marshal(self)
	if err != nil {
		return err
	}
	revision, err = p.state.PutState(ctx, processKind, processPrefix+p.id, value, revision)
	if errors.Is(err, store.ErrConflict) { // nobody else writes it: it was removed, or an earlier call was in doubt
		var record *store.Record
		record, err = p.state.GetState(ctx, processKind, processPrefix+p.id)
		if errors.Is(err, store.ErrNotFound) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.expelled = true
			return errExpelled
		}
		if err == nil {
			revision, err = p.state.PutState(ctx, processKind, processPrefix+p.id, value, record.Revision)
		}
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revision, p.renewed = revision, begun
	return nil
}

// leave removes the record of this process.
func (p *processes) leave(ctx context.Context) error {
	p.putting.Lock()
	defer p.putting.Unlock()
	p.mu.Lock()
	p.expelled = true
	revision := p.revision
	p.mu.Unlock()
	err := p.state.DeleteState(ctx, processKind, processPrefix+p.id, revision)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) { // taken for dead already, or in a moment
		return nil
	}
	return err
}

// known is the generation that this process has acknowledged.
func (p *processes) known() (generation uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.self.Generation, !p.expelled
}

// generation is that of the search parameters this process knows; 0 for a nil *processes.
func (p *processes) generation() uint64 {
	if p == nil {
		return 0
	}
	generation, _ := p.known()
	return generation
}

// within gives ctx the end of the time in which this process may write. A nil *processes has none.
func (p *processes) within(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if p == nil {
		return ctx, func() {}, nil
	}
	if p.isLate() {
		select {
		case <-p.renewing.DoChan("", func() (any, error) { return nil, p.catchBeat(context.WithoutCancel(ctx)) }):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	end := p.renewed.Add(p.every * validFor)
	if p.expelled || time.Now().After(end) {
		return nil, nil, store.ErrBusy
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}

// isLate reports whether beats were missed.
func (p *processes) isLate() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.expelled && time.Since(p.renewed) > p.every*validFor/2
}

// catchBeat is renew where that is late, on behalf of all who want to write.
func (p *processes) catchBeat(ctx context.Context) error {
	p.putting.Lock()
	defer p.putting.Unlock()
	if !p.isLate() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.every*validFor)
	defer cancel()
	err := p.put(ctx)
	if err != nil {
		p.log.Warn("this server cannot say that it lives", "error", err)
	}
	return err
}

// view is what all processes have written.
type view struct {
	owners map[string]ownership
	others map[string]process // that live, and those taken for dead until they are removed
	dead   map[string]uint64  // revisions of those that have not been heard of
}

// look reads all records.
func (p *processes) look(ctx context.Context) (*view, error) {
	v := &view{owners: map[string]ownership{}, others: map[string]process{}, dead: map[string]uint64{}}
	for after := ""; ; {
		page, err := p.state.ListState(ctx, processKind, after, 100)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if err := p.read(v, &page[i]); err != nil {
				return nil, err
			}
			after = page[i].ID
		}
		if len(page) < 100 {
			return v, nil
		}
	}
}

func (p *processes) read(v *view, record *store.Record) error {
	id, isProcess := strings.CutPrefix(record.ID, processPrefix)
	if !isProcess {
		o := ownership{revision: record.Revision}
		if err := json.Unmarshal(record.Value, &o); err != nil {
			return err
		}
		v.owners[record.ID] = o
		return nil
	}
	if id == p.id {
		return nil
	}
	one := process{}
	if err := json.Unmarshal(record.Value, &one); err != nil {
		return err
	}
	v.others[id] = one
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.seen[id]
	if last.revision != record.Revision {
		p.seen[id] = sighting{record.Revision, time.Now()}
	} else if time.Since(last.since) > p.every*deadAfter {
		v.dead[id] = record.Revision
	}
	return nil
}

// bury removes the records of the dead, which find out when they are not. Afterwards the view is without them.
func (p *processes) bury(ctx context.Context, v *view) error {
	for id, revision := range v.dead {
		err := p.state.DeleteState(ctx, processKind, processPrefix+id, revision)
		if errors.Is(err, store.ErrConflict) { // it lives
			continue
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		p.log.Warn("another server on the store has not been heard of and counts as dead", "process", id)
		delete(v.others, id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.seen {
		if _, lives := v.others[id]; !lives {
			delete(p.seen, id)
		}
	}
	return nil
}

// take tries to make this process the owner of something. It reports what the generation is, and whether the last owner died.
func (p *processes) take(ctx context.Context, what string) (o ownership, taken, orphaned bool, err error) {
	v, err := p.look(ctx)
	if err == nil {
		err = p.bury(ctx, v)
	}
	if err != nil {
		return o, false, false, err
	}
	o = v.owners[what]
	if o.Owner == p.id { // an earlier call was in doubt, or it is for longer
		return o, true, true, nil
	}
	if _, lives := v.others[o.Owner]; lives {
		return o, false, false, nil
	}
	orphaned = o.Owner != ""
	o.Owner = p.id
	err = p.own(ctx, what, &o)
	if errors.Is(err, store.ErrConflict) {
		return o, false, false, nil
	}
	return o, err == nil, orphaned, err
}

// own writes an ownership.
func (p *processes) own(ctx context.Context, what string, o *ownership) error {
	value, err := json.Marshal(o)
	if err != nil {
		return err
	}
	o.revision, err = p.state.PutState(ctx, processKind, what, value, o.revision)
	return err
}

// await is take until it succeeds.
func (p *processes) await(ctx context.Context, what string) (o ownership, orphaned bool, err error) {
	for {
		o, taken, orphaned, err := p.take(ctx, what)
		if taken || err != nil {
			return o, orphaned, err
		}
		select {
		case <-time.After(p.every / 10):
		case <-ctx.Done():
			return o, false, ctx.Err()
		}
	}
}

// caughtUp reports whether all that write make keys of the current generation, which must be one that this process knows, and where a keying is asked for, of that keying. What follows then
// sees everything that was written with other keys.
func (p *processes) caughtUp(ctx context.Context, keying *search.Keying) (bool, error) {
	v, err := p.look(ctx)
	if err == nil {
		err = p.bury(ctx, v)
	}
	if err != nil {
		return false, err
	}
	now := v.owners[parametersID]
	known, ok := p.known()
	if !ok || now.Owner != "" || known != now.Generation {
		return false, nil
	}
	for _, other := range v.others {
		if other.Generation < now.Generation || keying != nil && other.Keying != *keying {
			return false, nil
		}
	}
	return true, nil
}
