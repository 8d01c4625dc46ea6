package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// parameters are the search parameters that SearchParameter resources define: what the registry knows of them, and which are ready. A parameter is ready for a type
// when every resource of the type has its keys: those written before it came get them from a reindex (docs/adr/0008).
//
// Two locks keep the order of things. writing is held by whoever changes the set, from before the commit of a SearchParameter to the end of what follows from it; where other processes
// have the store open, too, so is the ownership of the parameters (see exclusively). keys is
// held for reading while keys of the registry's generation are being committed, and for writing while the generation changes: so no commit is under way with keys of
// an earlier generation once SetCustom has returned.
type parameters struct {
	store     store.Store // without the wrapper
	state     store.State
	reindexer store.Reindexer
	search    *search.Registry
	log       *slog.Logger
	jobs      *reindexing
	changed   func() // the registry answers others
	types     []string
	others    *processes  // nil where there are none
	outdated  atomic.Bool // not all keys are of the registry's keying (see checkKeying)

	writing       turn
	stopListening func()

	behind bool // customs are not what is stored; held under writing
	keys   sync.RWMutex

	mu      sync.RWMutex
	customs map[string]*search.Custom   // by id
	records map[string]*parameterRecord // by id
}

// newParameters returns nil where the store cannot reindex: SearchParameters are resources without effect then.
func newParameters(s store.Store, registry *search.Registry, log *slog.Logger) *parameters {
	state, hasState := store.Unwrap(s).(store.State)
	reindexer, canReindex := store.Unwrap(s).(store.Reindexer)
	if !hasState || !canReindex {
		return nil
	}
	return &parameters{store: s, state: state, reindexer: reindexer, search: registry, log: log, writing: newTurn()}
}

// ReadParameters tells a registry of the search parameters that SearchParameter resources in a store define and that are ready, and changes nothing in the store. It is for
// commands that have a store without a server.
func ReadParameters(ctx context.Context, s store.Store, registry *search.Registry, log *slog.Logger) error {
	p := newParameters(s, registry, log)
	if p == nil {
		return nil
	}
	customs, err := p.active(ctx)
	if err != nil {
		return err
	}
	records, err := p.stored(ctx)
	if err != nil {
		return err
	}
	p.jobs, p.changed, p.customs, p.records = newReindexing(p, time.Now, log), func() {}, customs, records
	p.publish()
	return nil
}

// load reads the parameters and their records from the store, and sees to what follows from them. Before it has returned nothing may be written: resources would lack keys that are taken to
// be there.
func (p *parameters) load(ctx context.Context) error {
	return p.exclusively(ctx, func() error { return p.reload(ctx) })
}

func (p *parameters) reload(ctx context.Context) error {
	if err := p.fetch(ctx); err != nil {
		return err
	}
	if err := errors.Join(p.checkKeying(ctx), p.settle(ctx)); err != nil {
		return err
	}
	p.behind = false
	return nil
}

// fetch reads the parameters and their records.
func (p *parameters) fetch(ctx context.Context) error {
	customs, err := p.active(ctx)
	if err != nil {
		return err
	}
	records, err := p.stored(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.customs, p.records = customs, records
	p.mu.Unlock()
	return nil
}

// stored reads the records.
func (p *parameters) stored(ctx context.Context) (map[string]*parameterRecord, error) {
	records := map[string]*parameterRecord{}
	after := ""
	for {
		page, err := p.state.ListState(ctx, store.ParameterKind, after, 100)
		if err != nil {
			return nil, err
		}
		for i := range page {
			record := &parameterRecord{revision: page[i].Revision}
			if err := json.Unmarshal(page[i].Value, record); err != nil {
				return nil, err
			}
			records[page[i].ID] = record
			after = page[i].ID
		}
		if len(page) == 0 {
			return records, nil
		}
	}
}

// active reads the SearchParameters that have an effect. Of two that contradict each other the older one counts.
func (p *parameters) active(ctx context.Context) (map[string]*search.Custom, error) {
	var read []*search.Custom
	for q := (store.WalkQuery{Type: "SearchParameter", Limit: 500}); ; {
		page, err := p.reindexer.Walk(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Versions {
			c, err := p.read(&page.Versions[i])
			if err != nil {
				p.log.Warn("a SearchParameter has no effect", "id", page.Versions[i].Key.ID, "error", err)
			} else if c != nil {
				read = append(read, c)
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	slices.SortStableFunc(read, func(a, b *search.Custom) int { // composites need their components
		return cmp.Compare(strconv.FormatBool(a.IsComposite()), strconv.FormatBool(b.IsComposite()))
	})
	customs := map[string]*search.Custom{}
	for _, c := range read {
		if err := p.search.CheckCustom(c, slices.Collect(maps.Values(customs))); err != nil {
			p.log.Warn("a SearchParameter has no effect", "id", c.ID, "error", err)
			continue
		}
		customs[c.ID] = c
	}
	return customs, nil
}

func (p *parameters) read(v *store.Version) (*search.Custom, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return nil, err
	}
	return p.search.ReadCustom(res)
}

// settle makes records and registry agree with the customs, finds types that are ready at once because they are empty, and starts a reindex of the rest.
func (p *parameters) settle(ctx context.Context) error {
	if err := p.adjustRecords(ctx); err != nil {
		return err
	}
	p.publish()
	changed := false
	waiting := map[string][]string{} // type -> ids
	for id, record := range p.snapshot() {
		for typ, r := range record.Types {
			if r.State == isIndexing {
				waiting[typ] = append(waiting[typ], id)
			}
		}
	}
	for typ, ids := range waiting {
		page, err := p.reindexer.Walk(ctx, store.WalkQuery{Type: typ, Limit: 1})
		if err != nil {
			return err
		}
		if len(page.Versions) > 0 || page.Next != "" {
			continue
		}
		delete(waiting, typ)
		for _, id := range ids {
			changed = true
			if err := p.mark(ctx, id, typ, typeReadiness{State: isReady}); err != nil {
				return err
			}
		}
	}
	if changed {
		p.publish()
	}
	return p.jobs.cover(ctx, waiting)
}

// publish tells the registry. When it returns, no commit with keys of before is under way.
func (p *parameters) publish() {
	p.mu.RLock()
	customs := slices.Collect(maps.Values(p.customs))
	all := make([]search.CustomState, 0, len(p.customs))
	for id, c := range p.customs {
		one := search.CustomState{Custom: c, Why: func(typ string) string { return p.why(id, typ) }}
		if record := p.records[id]; record != nil && record.Digest == c.Digest(customs) {
			for typ, r := range record.Types {
				if r.State == isReady {
					one.Ready = append(one.Ready, typ)
				}
			}
		}
		all = append(all, one)
	}
	p.mu.RUnlock()
	p.keys.Lock()
	p.search.SetCustom(all)
	p.keys.Unlock()
	p.changed()
}

// why tells what keeps a parameter from being ready for a type.
func (p *parameters) why(id, typ string) string {
	p.mu.RLock()
	record := p.records[id]
	p.mu.RUnlock()
	if record == nil {
		return "is not indexed yet"
	}
	progress := p.jobs.progress(id, record.Token, typ)
	if progress == "" && record.Types[typ].State == isFailed {
		return "is not ready: " + record.Types[typ].Reason
	}
	return "is being indexed" + progress
}
