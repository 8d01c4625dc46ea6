package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Reader renders the events of a store as AuditEvents: all chains together. It is safe for concurrent use.
type Reader struct {
	book
	renderer
	inner store.Store
	index func(*fhir.Resource) ([]string, error) // makes the keys of an AuditEvent
	flush func(context.Context) error            // lets a reader see what was just recorded
}

// OpenReader reads the trail of a store. The registry says what searches mean; baseURL is that of the FHIR service.
func OpenReader(s store.Store, registry *search.Registry, baseURL string) (*Reader, error) {
	b, err := openBook(s)
	if err != nil {
		return nil, err
	}
	return &Reader{book: *b, renderer: newRenderer(baseURL), inner: s, index: registry.Extract, flush: func(context.Context) error { return nil }}, nil
}

// version renders an AuditEvent and makes its keys.
func (r *Reader) version(chain string, rec *record, nth int) (*store.Version, []string, error) {
	data, err := r.render(chain, rec, nth)
	if err != nil {
		return nil, nil, err
	}
	res, err := fhir.ParseResource(data)
	if err != nil {
		return nil, nil, fmt.Errorf("event %d of chain %s: %w", rec.number, chain, err)
	}
	keys, err := r.index(res)
	return asVersion(chain, rec, nth, data), search.WithKey(keys, search.LastUpdatedKey(rec.at)), err
}

func asVersion(chain string, rec *record, nth int, data []byte) *store.Version {
	return &store.Version{Key: fhir.Key{Type: auditEventType, ID: idOf(chain, rec.number, nth), Version: "1"}, LastUpdated: rec.at, Method: store.Create, JSON: data}
}

// read answers a read or vread of an AuditEvent; store.ErrNotFound for one that the trail does not have.
func (r *Reader) read(ctx context.Context, key fhir.Key) (*store.Version, error) {
	chain, number, nth, ok := parseID(key.ID)
	if !ok || key.Version != "" && key.Version != "1" {
		return nil, store.ErrNotFound
	}
	if err := r.flush(ctx); err != nil {
		return nil, err
	}
	rec, err := r.get(ctx, chain, number)
	if err != nil {
		return nil, err
	}
	if rec == nil || nth >= rec.events() {
		return nil, store.ErrNotFound
	}
	data, err := r.render(chain, rec, nth)
	return asVersion(chain, rec, nth, data), err
}

// links lets a search follow references from AuditEvents into the store around which the trail is. It is for one call.
type links struct {
	ctx  context.Context
	r    *Reader
	keys map[string][]string // of the matches, by id
	err  error
}

// find asks the store; the first error sticks.
func (l *links) find(q *search.Query) []store.Version {
	if l.err != nil {
		return nil
	}
	q.Total = search.NoTotal
	page, err := l.r.inner.Search(l.ctx, q)
	if err != nil {
		l.err = err
		return nil
	}
	return page.Matches
}

// Ref implements [search.Resolver].
func (l *links) Ref(p search.Ref, keys []string) bool {
	ids := search.ReferencedIDs(keys, p.Index, p.Type)
	return len(ids) > 0 && len(l.find(&search.Query{Type: p.Type, Plan: search.And{search.IDs(ids), p.Of}, Count: 1})) > 0
}

// RevRef implements [search.Resolver].
func (l *links) RevRef(p search.RevRef, id string) bool {
	refers := search.OneKey(search.ReferencePrefix(p.Index, auditEventType) + id)
	return len(l.find(&search.Query{Type: p.Type, Plan: search.And{refers, p.Of}, Count: 1})) > 0
}

// IndexKeys implements [store.Links].
func (l *links) IndexKeys(key fhir.Key) ([]string, error) { return l.keys[key.ID], nil }

// Current implements [store.Links].
func (l *links) Current(key fhir.Key) (*store.Version, error) {
	v, err := l.r.inner.Read(l.ctx, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		return nil, nil
	}
	return v, err
}

// Matching implements [store.Links].
func (l *links) Matching(resourceType string, plan search.Plan, limit int) ([]store.Version, error) {
	return l.find(&search.Query{Type: resourceType, Plan: plan, Count: limit}), l.err
}
