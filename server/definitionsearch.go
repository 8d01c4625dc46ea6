package server

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Searches for definitions find what can be read: besides the stored resources the definitions that the server brings along, which are thousands. So that a
// list of what somebody stored stays one, they are found by searches that name what is wanted only: the parameters below.

// naming are the search parameters that say which definition is wanted, and the modifiers under which they do not.
var naming = struct{ parameters, not []string }{[]string{"_id", "url", "name", "code"}, []string{"not", "missing"}}

// namesDefinitions reports whether a search finds definitions too.
func (s *Server) namesDefinitions(x *exchange) bool {
	if !hasDefinitions(x.key.Type) || x.compartment.Type != "" {
		return false
	}
	return slices.ContainsFunc(x.query, func(pair search.Pair) bool {
		name, modifier, _ := strings.Cut(pair.Name, ":")
		return slices.Contains(naming.parameters, name) && !slices.Contains(naming.not, modifier)
	})
}

// searchWithDefinitions finds one page of the stored resources and, behind them or as _sort says among them, the definitions. These are for everybody, so that what
// limits a caller narrows the search among the stored ones alone.
func (s *Server) searchWithDefinitions(x *exchange, request *search.Request, find finder) (*store.Page, error) {
	own, err := s.search.Parse(x.key.Type, s.searchParameters(x), s.parseOptions(x.prefer.strict))
	if err != nil {
		return nil, err
	}
	streams := []*typeStream{
		{name: "stored", q: request.Query, find: find},
		{name: "defined", q: own.Query, find: &definitionFinder{s: s, x: x}},
	}
	return gather(x, streams, request.Query.Cursor, s.search.Extract)
}

// definitionIndexes are the index keys of the definitions by type, made when they are first searched and when search parameters have come or gone.
type definitionIndexes struct {
	mu     sync.Mutex
	byType map[string]*definitionIndex
}

// definitionIndex is not changed once it is made.
type definitionIndex struct {
	generation uint64
	memory     search.Memory
}

// definitionIndex makes the index of a type, or returns the one there is.
func (s *Server) definitionIndex(typ string) (*definitionIndex, error) {
	s.indexed.mu.Lock()
	defer s.indexed.mu.Unlock()
	generation := s.search.Generation()
	if known := s.indexed.byType[typ]; known != nil && known.generation == generation {
		return known, nil
	}
	ids, err := s.definitionIDs(typ)
	if err != nil {
		return nil, err
	}
	index := &definitionIndex{generation: generation}
	for _, id := range ids {
		res, err := fhir.ParseResource(s.definitionOf(fhir.Key{Type: typ, ID: id}))
		if err != nil {
			return nil, err
		}
		keys, err := s.search.Extract(res)
		if err != nil {
			return nil, err
		}
		index.memory.Add(typ, id, keys)
	}
	if s.indexed.byType == nil {
		s.indexed.byType = map[string]*definitionIndex{}
	}
	s.indexed.byType[typ] = index
	return index, nil
}

// definitionFinder finds definitions in memory. They refer to each other by canonical URL, so that there is nothing to include.
type definitionFinder struct {
	s *Server
	x *exchange
}

// Search implements [finder]. The cursor is the number of matches before the page.
func (f *definitionFinder) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	index, err := f.s.definitionIndex(q.Type)
	if err != nil {
		return nil, err
	}
	ids, err := f.unstored(ctx, q.Type, index.memory.Order(q))
	if err != nil {
		return nil, err
	}
	from := 0
	if q.Cursor != "" {
		if from, err = strconv.Atoi(q.Cursor); err != nil || from < 0 || from > len(ids) {
			return nil, store.ErrBadCursor
		}
	}
	page := &store.Page{Total: len(ids)}
	if q.Total == search.NoTotal {
		page.Total = -1
	}
	to := min(from+q.Count, len(ids))
	for _, id := range ids[from:to] {
		key := fhir.Key{Type: q.Type, ID: id}
		page.Matches = append(page.Matches, store.Version{Key: key, JSON: f.s.definitionOf(key)})
	}
	if to < len(ids) && q.Count > 0 {
		page.Next = strconv.Itoa(to)
	}
	return page, nil
}

// unstored drops the ids under which the caller can read a stored resource, which stands for the definition then.
func (f *definitionFinder) unstored(ctx context.Context, typ string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := &search.Query{Type: typ, Plan: search.IDs(slices.Sorted(slices.Values(ids))), Count: len(ids), Total: search.NoTotal}
	if err := f.x.grant.Restrict(ctx, q); err != nil {
		return nil, err
	}
	stored := map[string]bool{}
	for {
		page, err := f.s.store.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Matches {
			stored[page.Matches[i].Key.ID] = true
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return stored[id] }), nil
}
