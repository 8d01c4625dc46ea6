package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Store is a store whose AuditEvents are the events of a trail; all else is as in the store below, whose extras are found by [store.Unwrap]. It also tells the collector of a context
// ([Collecting]) whom the resources that pass are about.
type Store struct {
	store.Store
	reader *Reader
	trail  *Trail
}

// Over puts a trail over the store. Searches on AuditEvents mean what the registry says; a history of several resources does not have them.
func Over(s store.Store, t *Trail, registry *search.Registry) *Store {
	return &Store{Store: s, trail: t, reader: &Reader{book: t.book, renderer: newRenderer(t.opts.BaseURL), inner: s, index: registry.Extract, flush: t.Flush}}
}

// Unwrap implements what [store.Unwrap] looks for.
func (s *Store) Unwrap() store.Store { return s.Store }

// AppendOnly implements [store.AppendOnly].
func (*Store) AppendOnly(resourceType string) bool { return resourceType == auditEventType }

// Read implements [store.Store].
func (s *Store) Read(ctx context.Context, key fhir.Key) (*store.Version, error) {
	if key.Type == auditEventType {
		v, err := s.reader.read(ctx, key)
		if !errors.Is(err, store.ErrNotFound) {
			return v, err
		}
	}
	v, err := s.Store.Read(ctx, key)
	if err == nil {
		if p := collector(ctx); p != nil {
			p.Add(v.Key, v.JSON)
		}
	}
	return v, err
}

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	if q.Type == auditEventType {
		return s.reader.search(ctx, q)
	}
	page, err := s.Store.Search(ctx, q)
	if err == nil {
		if p := collector(ctx); p != nil {
			p.addAll(page.Matches)
			p.addAll(page.Included)
		}
	}
	return page, err
}

// History implements [store.Store].
func (s *Store) History(ctx context.Context, q store.HistoryQuery) (*store.HistoryPage, error) {
	if q.Type == auditEventType {
		return s.reader.history(ctx, q)
	}
	page, err := s.Store.History(ctx, q)
	if err == nil {
		if p := collector(ctx); p != nil {
			p.addAll(page.Versions)
		}
	}
	return page, err
}

// Apply implements [store.Store]. An AuditEvent can be created, alone; the trail gives it its id.
func (s *Store) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	for i := range ops {
		if ops[i].Key.Type == auditEventType {
			return s.post(ctx, ops, i)
		}
	}
	p := collector(ctx)
	if p != nil {
		s.collectDeleted(ctx, p, ops)
	}
	results, err := s.Store.Apply(ctx, ops)
	if err == nil && p != nil {
		for i := range results {
			p.Add(results[i].Version.Key, results[i].Version.JSON)
		}
	}
	return results, err
}

// collectDeleted looks at what is about to be deleted. What cannot be read has nobody to be told of.
func (s *Store) collectDeleted(ctx context.Context, p *Patients, ops []store.Op) {
	for i := range ops {
		if ops[i].Method != store.Delete {
			continue
		}
		if v, err := s.Store.Read(ctx, ops[i].Key); err == nil {
			p.Add(v.Key, v.JSON)
		}
	}
}

// post appends an AuditEvent to the trail as it is.
func (s *Store) post(ctx context.Context, ops []store.Op, i int) ([]store.Result, error) {
	op := &ops[i]
	if len(ops) > 1 || op.Method != store.Create || op.IfNoneExist != nil {
		return nil, &store.OpError{Index: i, Err: fmt.Errorf("AuditEvents are only created, one by one and without conditions: %w", store.ErrUnsupported)}
	}
	posted := op.Resource.Render(nil, "1", s.trail.opts.Clock())
	if len(posted) > maxPosted {
		return nil, &store.OpError{Index: i, Err: fmt.Errorf("an AuditEvent of %d bytes: %w", len(posted), store.ErrTooCostly)}
	}
	number, err := s.trail.record(ctx, &Event{Interaction: postedByPeer, posted: posted, Durable: true}, nil)
	if err != nil {
		return nil, &store.OpError{Index: i, Err: fmt.Errorf("%w: %w", store.ErrUnknown, err)}
	}
	rec, err := s.reader.get(ctx, s.trail.chain, number)
	if err == nil && rec == nil {
		err = store.ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	data, err := s.reader.render(s.trail.chain, rec, 0)
	if p := collector(ctx); p != nil {
		p.Add(fhir.Key{Type: auditEventType}, data)
	}
	return []store.Result{{Version: *asVersion(s.trail.chain, rec, 0, data), Created: true}}, err
}

// history is that of an AuditEvent, its one version, or of all of them, newest first.
func (r *Reader) history(ctx context.Context, q store.HistoryQuery) (*store.HistoryPage, error) {
	if q.ID != "" {
		v, err := r.read(ctx, fhir.Key{Type: q.Type, ID: q.ID})
		if err != nil {
			return nil, err
		}
		page := &store.HistoryPage{Total: 1}
		if v.LastUpdated.Before(q.Since) || !q.Before.IsZero() && !v.LastUpdated.Before(q.Before) || q.Count == 0 || q.Cursor != "" {
			return page, nil
		}
		page.Versions = append(page.Versions, *v)
		return page, nil
	}
	plan := search.And{}
	if !q.Since.IsZero() {
		plan = append(plan, search.Keys{Lo: search.LastUpdatedKey(q.Since), Hi: lastUpdatedEnd})
	}
	if !q.Before.IsZero() {
		plan = append(plan, search.Keys{Lo: lastUpdatedStart, Hi: search.LastUpdatedKey(q.Before)})
	}
	page, err := r.search(ctx, &search.Query{Type: q.Type, Plan: plan, Count: q.Count, Cursor: q.Cursor})
	if err != nil {
		return nil, err
	}
	return &store.HistoryPage{Versions: page.Matches, Total: page.Total, Next: page.Next}, nil
}

// The bounds of all keys of _lastUpdated.
const (
	lastUpdatedStart = "_lastUpdated" + search.Separator + "l"
	lastUpdatedEnd   = "_lastUpdated" + search.Separator + "m"
)
