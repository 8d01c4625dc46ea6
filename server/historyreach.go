package server

import (
	"context"
	"errors"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

const (
	// historyChunk is how many versions are looked at together for a caller who may not see all.
	historyChunk = 500

	// historyScan is how many versions one page looks at. Where few of many are the caller's, a page ends there, short or empty, and its next link goes on.
	historyScan = 20_000
)

// pastOf is the history that the caller may see: all of the store's, or where the Grant is limited a walk through it.
func (s *Server) pastOf(x *exchange, q store.HistoryQuery) (*store.HistoryPage, error) {
	past := past{s: s, ctx: x.ctx, q: q, grant: x.grant, action: auth.Search, plans: map[string]search.Plan{}, current: map[fhir.Key]bool{}}
	if q.ID != "" {
		past.action = auth.Read
	}
	if past.isWhole() {
		return s.store.History(x.ctx, q)
	}
	if q.ID != "" {
		isOurs, err := past.isOurs(fhir.Key{Type: q.Type, ID: q.ID})
		switch {
		case err != nil:
			return nil, err
		case !isOurs:
			return nil, store.ErrNotFound
		}
	}
	return past.page()
}

// past is a history for a caller who may not see all of it. A version is shown when its own content and the current one are within reach, a deletion when what it deleted is. The
// total is known when all is on the first page, and else left out.
type past struct {
	s      *Server
	ctx    context.Context
	q      store.HistoryQuery
	grant  Grant
	action auth.Action

	plans   map[string]search.Plan // by type, of those that something is visible of; [search.All] for all
	current map[fhir.Key]bool      // whether the resource is within reach now, or was when it was deleted
	scanned int
}

// isWhole reports whether the caller may see all that is asked for.
func (p *past) isWhole() bool {
	if _, dev := p.grant.(everything); dev {
		return true
	}
	types := []string{p.q.Type}
	if p.q.Type == "" {
		types = p.s.definitions.ResourceTypes()
	}
	whole := true
	for _, typ := range types {
		plan, ok := p.grant.Limit(typ, p.action)
		whole = whole && ok && plan == nil
		if plan == nil {
			plan = search.All{}
		}
		if ok {
			p.plans[typ] = plan
		}
	}
	return whole
}

// page walks until the page is full and it is known whether more follows.
func (p *past) page() (*store.HistoryPage, error) {
	out := &store.HistoryPage{Total: -1}
	raw, found := p.q, 0
	raw.Count = historyChunk
	last, taken := raw, 0 // the chunk that the last version was taken from, and how far
	for {
		chunk, err := p.s.store.History(p.ctx, raw)
		if err != nil {
			return nil, err
		}
		for i := range chunk.Versions {
			visible, err := p.shows(&chunk.Versions[i])
			if err != nil {
				return nil, err
			}
			if !visible {
				continue
			}
			if found++; p.q.Count == 0 {
				continue
			}
			if found > p.q.Count {
				out.Next, err = p.behind(last, taken)
				return out, err
			}
			out.Versions = append(out.Versions, chunk.Versions[i])
			last, taken = raw, i+1
		}
		if p.scanned += len(chunk.Versions); chunk.Next == "" {
			if p.q.Cursor == "" {
				out.Total = found
			}
			return out, nil
		}
		if p.scanned >= historyScan {
			if p.q.Count > 0 {
				out.Next = chunk.Next
			}
			return out, nil
		}
		raw.Cursor = chunk.Next
	}
}

// behind is the cursor behind the first n versions of a chunk.
func (p *past) behind(chunk store.HistoryQuery, n int) (string, error) {
	chunk.Count = n
	page, err := p.s.store.History(p.ctx, chunk)
	if err != nil {
		return "", err
	}
	return page.Next, nil
}

// shows reports whether a version is visible. Its content is looked at first, because that asks nothing of the store.
func (p *past) shows(v *store.Version) (bool, error) {
	plan := p.plans[v.Key.Type]
	if plan == nil {
		return false, nil
	}
	content := v
	if v.Deleted() {
		var err error
		content, err = p.s.lastContent(p.ctx, fhir.Key{Type: v.Key.Type, ID: v.Key.ID}, v.Key.Version)
		if err != nil || content == nil {
			return false, err
		}
	}
	if _, all := plan.(search.All); !all {
		if fits, err := p.s.fits(p.ctx, plan, content); err != nil || !fits {
			return false, err
		}
	}
	return p.isOurs(fhir.Key{Type: v.Key.Type, ID: v.Key.ID})
}

// isOurs reports whether a resource is within reach now, or was when it was deleted.
func (p *past) isOurs(key fhir.Key) (bool, error) {
	if known, is := p.current[key]; is {
		return known, nil
	}
	_, err := p.s.currentWithin(p.ctx, key, p.plans[key.Type])
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone) {
		return false, err
	}
	p.current[key] = !errors.Is(err, store.ErrNotFound)
	return p.current[key], nil
}
