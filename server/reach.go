package server

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Within the reach of a caller is what its Grant limits an action to. What is beyond it is answered as if it were not there: the search for a resource that is hidden and
// for one that does not exist is the same, so that neither the answer nor the work that it takes tells one from the other.

// readable reads a resource, or with a version in the key that version, if the caller may; else it is [store.ErrNotFound].
func (s *Server) readable(x *exchange, key fhir.Key) (*store.Version, error) {
	return s.reached(x, key, auth.Read)
}

// reached reads a resource or a version of it for an action. A version is within reach when both its own content and the current one are: what was filed under the wrong
// patient and moved is out of reach as a whole.
func (s *Server) reached(x *exchange, key fhir.Key, action auth.Action) (*store.Version, error) {
	plan, ok := x.grant.Limit(key.Type, action)
	switch {
	case !ok:
		return nil, store.ErrNotFound
	case plan == nil:
		return s.store.Read(x.ctx, key)
	}
	current, err := s.currentWithin(x.ctx, fhir.Key{Type: key.Type, ID: key.ID}, plan)
	if key.Version == "" || err != nil && !errors.Is(err, store.ErrGone) {
		return current, err
	}
	v, err := s.store.Read(x.ctx, key)
	content := v
	if errors.Is(err, store.ErrGone) { // a deletion goes with what it deleted
		var failed error
		if content, failed = s.lastContent(x.ctx, fhir.Key{Type: key.Type, ID: key.ID}, key.Version); failed != nil {
			return nil, failed
		}
	} else if err != nil {
		return nil, err
	}
	fits, failed := content != nil, error(nil)
	if fits {
		fits, failed = s.fits(x.ctx, plan, content)
	}
	switch {
	case failed != nil:
		return nil, failed
	case !fits:
		return nil, store.ErrNotFound
	}
	return v, err
}

// currentWithin reads the current version of a resource that a plan matches. One that is deleted is [store.ErrGone] when the plan matched it before.
func (s *Server) currentWithin(ctx context.Context, key fhir.Key, plan search.Plan) (*store.Version, error) {
	page, err := s.store.Search(ctx, &search.Query{Type: key.Type, Plan: search.And{search.IDs{key.ID}, plan}, Count: 1, Total: search.NoTotal})
	if err != nil {
		return nil, err
	}
	if len(page.Matches) == 1 {
		return &page.Matches[0], nil
	}
	_, err = s.store.Read(ctx, key)
	switch {
	case err == nil: // not for this caller, who must not learn that it is there
		return nil, store.ErrNotFound
	case errors.Is(err, store.ErrGone):
		last, failed := s.lastContent(ctx, key, "")
		if failed == nil && last != nil {
			var fits bool
			if fits, failed = s.fits(ctx, plan, last); fits {
				return nil, err
			}
		}
		if failed != nil {
			return nil, failed
		}
		return nil, store.ErrNotFound
	}
	return nil, err
}

// lastContent is the newest version with content, or with the id of a version the newest one before that; nil when there is none.
func (s *Server) lastContent(ctx context.Context, key fhir.Key, before string) (*store.Version, error) {
	behind := before == ""
	for q := (store.HistoryQuery{Type: key.Type, ID: key.ID, Count: 2}); ; q.Count = 100 {
		page, err := s.store.History(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Versions {
			v := &page.Versions[i]
			if behind && !v.Deleted() {
				return v, nil
			}
			behind = behind || v.Key.Version == before
		}
		if q.Cursor = page.Next; page.Next == "" {
			return nil, nil
		}
	}
}

// fits reports whether a plan matches a version, which need not be the current one.
func (s *Server) fits(ctx context.Context, plan search.Plan, v *store.Version) (bool, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return false, err
	}
	keys, err := s.search.Extract(res)
	if err != nil {
		return false, err
	}
	return s.matchesKeys(ctx, plan, v.Key, keys, v.LastUpdated)
}

// matchesKeys reports whether a plan matches what has these keys, whether it is stored or not. What the plan says of other resources, the store answers.
func (s *Server) matchesKeys(ctx context.Context, plan search.Plan, key fhir.Key, keys []string, updated time.Time) (bool, error) {
	linked := linkedResources{ctx: ctx, store: s.store, typ: key.Type}
	matches := search.Match(plan, key.ID, search.WithKey(keys, search.LastUpdatedKey(updated)), &linked)
	return matches && linked.err == nil, linked.err
}

// linkedResources is a [search.Resolver] for one resource that may be stored or not.
type linkedResources struct {
	ctx   context.Context
	store store.Store
	typ   string
	err   error // of the store, if it failed
}

// Ref implements [search.Resolver].
func (l *linkedResources) Ref(p search.Ref, keys []string) bool {
	ids := search.ReferencedIDs(keys, p.Index, p.Type)
	return len(ids) > 0 && l.finds(p.Type, search.And{search.IDs(ids), p.Of})
}

// RevRef implements [search.Resolver].
func (l *linkedResources) RevRef(p search.RevRef, id string) bool {
	return l.finds(p.Type, search.And{search.OneKey(search.ReferencePrefix(p.Index, l.typ) + id), p.Of})
}

func (l *linkedResources) finds(typ string, plan search.Plan) bool {
	if l.err != nil {
		return false
	}
	var page *store.Page
	page, l.err = l.store.Search(l.ctx, &search.Query{Type: typ, Plan: plan, Count: 1, Total: search.NoTotal})
	return l.err == nil && len(page.Matches) > 0
}

// sees reports whether the caller may know of a resource at all: by reading it or by finding it.
func (s *Server) sees(x *exchange, key fhir.Key) (bool, error) {
	for _, action := range [...]auth.Action{auth.Read, auth.Search} {
		_, err := s.reached(x, key, action)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone) {
			return false, err
		}
	}
	return false, nil
}

// changeable reads a resource that is about to be changed in part. One that the caller may see but not change is refused.
func (s *Server) changeable(x *exchange, key fhir.Key) (*store.Version, error) {
	v, err := s.reached(x, key, auth.Update)
	if errors.Is(err, store.ErrNotFound) {
		sees, failed := s.sees(x, key)
		switch {
		case failed != nil:
			return nil, failed
		case sees:
			return nil, errBeyondReach()
		}
	}
	return v, err
}

// mayShow reports whether the answer to a write may carry what was written: what the caller sent in whole, or may see.
func (s *Server) mayShow(x *exchange, v *store.Version) bool {
	if (x.interaction.name == "create" || x.interaction.name == "update") && !x.conditions.hasIfNoneExist {
		return true
	}
	for _, action := range [...]auth.Action{auth.Read, auth.Search} {
		plan, ok := x.grant.Limit(v.Key.Type, action)
		if !ok {
			continue
		}
		if plan == nil {
			return true
		}
		if fits, err := s.fits(x.ctx, plan, v); err == nil && fits {
			return true
		}
	}
	return false
}
