package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// keyedStore is the store as the interactions see it. Every commit goes through it, so that none brings keys of a registry that has changed meanwhile, and none changes a
// SearchParameter without the registry learning of it.
type keyedStore struct {
	store.Store
	p *parameters
}

// Unwrap gives the store behind the keyedStore.
func (g keyedStore) Unwrap() store.Store { return g.Store }

// Apply implements [store.Store].
func (g keyedStore) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if slices.ContainsFunc(ops, func(op store.Op) bool { return op.Key.Type == "SearchParameter" }) {
		return g.p.define(ctx, ops)
	}
	return g.p.apply(ctx, ops)
}

// apply commits operations with keys of the generation that is current until the commit has ended.
func (p *parameters) apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	ctx, cancel, err := p.others.within(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	if err := p.keep(ctx); err != nil {
		return nil, err
	}
	defer p.keys.RUnlock()
	ops, err = p.upToDate(ops)
	if err != nil {
		return nil, err
	}
	return p.store.Apply(ctx, ops)
}

// keep holds keys for reading. Who changes the generation waits for the commits under way, and others behind him, but none longer than his request.
func (p *parameters) keep(ctx context.Context) error {
	if p.keys.TryRLock() {
		return nil
	}
	held := make(chan struct{})
	go func() {
		p.keys.RLock()
		close(held)
	}()
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		go func() {
			<-held
			p.keys.RUnlock()
		}()
		return ctx.Err()
	}
}

// upToDate makes the keys of operations anew that an earlier generation made.
func (p *parameters) upToDate(ops []store.Op) ([]store.Op, error) {
	generation, copied := p.search.Generation(), false
	for i := range ops {
		if ops[i].Generation == generation || ops[i].Method == store.Delete {
			continue
		}
		if !copied {
			ops, copied = slices.Clone(ops), true
		}
		res, err := fhir.ParseResource(ops[i].Resource.Render(nil, "1", time.Unix(0, 0)))
		if err == nil {
			ops[i].Keys, err = p.search.Extract(res)
		}
		if err != nil {
			return nil, &store.OpError{Index: i, Err: err}
		}
		ops[i].Generation = generation
	}
	return ops, nil
}

// define commits operations of which some are about SearchParameters, unless those could not be obeyed.
func (p *parameters) define(ctx context.Context, ops []store.Op) (results []store.Result, err error) {
	err = p.exclusively(ctx, func() error {
		results, err = p.redefine(ctx, ops)
		return err
	})
	return results, err
}

func (p *parameters) redefine(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	after, err := p.check(ctx, ops)
	if err != nil {
		return nil, err
	}
	// What was committed is to be followed up, whether the client still waits or not.
	background, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	undo, err := p.doubt(background, after)
	if err != nil {
		return nil, err
	}
	results, err := p.apply(ctx, ops)
	switch {
	case err == nil:
		err = p.follow(background, results)
	case ctx.Err() != nil: // nobody knows whether it was committed
		if failed := p.reload(background); failed != nil {
			p.lost(failed)
		}
		return nil, err
	default:
		return nil, errors.Join(err, undo())
	}
	if err != nil {
		p.lost(err)
	}
	return results, nil
}

// doubt forgets the records of parameters that will be no more, or others, before that is committed: so that no crash leaves a record behind that says of a parameter
// which went and came again that it is ready. The function returned takes it back.
func (p *parameters) doubt(ctx context.Context, after map[string]*search.Custom) (undo func() error, err error) {
	var doubted []string
	before, all := p.snapshot(), slices.Collect(maps.Values(after))
	for id, record := range before {
		if c := after[id]; c == nil || c.Digest(all) != record.Digest {
			if err := p.forget(ctx, id); err != nil {
				return nil, err
			}
			doubted = append(doubted, id)
		}
	}
	return func() error {
		for _, id := range doubted {
			again := *before[id]
			again.revision = 0
			if err := p.save(ctx, id, &again); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// lost logs that the registry does not know what is stored, and tries again until it does. Parameters that changed are not ready meanwhile.
func (p *parameters) lost(err error) {
	p.log.Warn("search parameters will be followed up later", "error", err)
	p.behind = true
	p.publish()
	p.jobs.reload()
}

// check simulates the operations, returns what will be active, and refuses what would leave an active parameter that cannot be obeyed.
func (p *parameters) check(ctx context.Context, ops []store.Op) (map[string]*search.Custom, error) {
	after := maps.Clone(p.customs)
	if after == nil {
		after = map[string]*search.Custom{}
	}
	changed := map[int]*search.Custom{}
	for i := range ops {
		op := &ops[i]
		if op.Key.Type != "SearchParameter" {
			continue
		}
		if op.Method == store.Delete {
			delete(after, op.Key.ID)
			continue
		}
		if existing, err := p.exists(ctx, op); existing || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		c, err := p.read(&store.Version{JSON: op.Resource.Render(nil, "1", time.Unix(0, 0))})
		if err != nil {
			return nil, &store.OpError{Index: i, Err: err}
		}
		delete(after, op.Key.ID)
		if c != nil {
			after[c.ID], changed[i] = c, c
		}
	}
	all := slices.Collect(maps.Values(after))
	for i := range ops {
		c := changed[i]
		if c == nil || after[c.ID] != c {
			continue
		}
		if len(all) > search.MaxCustom {
			return nil, &store.OpError{Index: i, Err: fhir.Invalidf(fhir.CodeTooCostly, "SearchParameter.status", "%d search parameters are active; that is the most there can be", search.MaxCustom)}
		}
		if err := p.search.CheckCustom(c, all); err != nil {
			return nil, &store.OpError{Index: i, Err: err}
		}
	}
	return after, p.checkComposites(ops, all)
}

// checkComposites refuses operations that take a component away from a composite that stays.
func (p *parameters) checkComposites(ops []store.Op, all []*search.Custom) error {
	for _, c := range all {
		if !c.IsComposite() {
			continue
		}
		if err := p.search.CheckCustom(c, all); err != nil {
			i := slices.IndexFunc(ops, func(op store.Op) bool { return op.Key.Type == "SearchParameter" })
			return &store.OpError{Index: i, Err: fhir.Invalidf(fhir.CodeBusinessRule, "", "SearchParameter/%s has it as a component: %s", c.ID, err.Error())}
		}
	}
	return nil
}

// problems tells what would keep a SearchParameter from being stored.
func (p *parameters) problems(res *fhir.Resource) []fhir.Issue {
	if p == nil || res.Type() != "SearchParameter" {
		return nil
	}
	c, err := p.search.ReadCustom(res)
	if err == nil && c != nil {
		p.mu.RLock()
		all := slices.Collect(maps.Values(p.customs))
		p.mu.RUnlock()
		err = p.search.CheckCustom(c, append(all, c))
	}
	return issuesOf(err)
}

// exists reports whether a conditional create finds what it asks for, so that nothing will be written.
func (p *parameters) exists(ctx context.Context, op *store.Op) (bool, error) {
	if op.IfNoneExist == nil {
		return false, nil
	}
	q := *op.IfNoneExist
	q.Count, q.Total = 1, search.NoTotal
	page, err := p.store.Search(ctx, &q)
	return err == nil && len(page.Matches) > 0, err
}

// follow takes over what was committed.
func (p *parameters) follow(ctx context.Context, results []store.Result) error {
	changed := false
	for i := range results {
		v := &results[i].Version
		if v.Key.Type != "SearchParameter" || results[i].Existing || v.Method == 0 {
			continue
		}
		var c *search.Custom
		if !v.Deleted() {
			var err error
			if c, err = p.read(v); err != nil {
				return fmt.Errorf("%s was checked, but cannot be read: %w", v.Key, err)
			}
		}
		if c == nil && p.customs[v.Key.ID] == nil {
			continue
		}
		changed = true
		p.mu.Lock()
		if c == nil {
			delete(p.customs, v.Key.ID)
		} else {
			p.customs[v.Key.ID] = c
		}
		p.mu.Unlock()
	}
	if !changed {
		return nil
	}
	return p.settle(ctx)
}
