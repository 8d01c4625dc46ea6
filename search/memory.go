package search

import (
	"slices"
	"sort"
	"strings"
)

// Memory is the reference store: it answers queries with [Match] and a plain sort, one resource after the other. It is the
// oracle of the stores' differential tests, and small enough to be checked by reading. It must not be changed while it is used.
type Memory struct {
	types map[string]*memoryType
}

type memoryType struct {
	order []*memoryResource // by creation
	byID  map[string]*memoryResource
}

type memoryResource struct {
	id      string
	keys    []string
	created int
	deleted bool
}

// Add stores a resource, or replaces its keys. A replaced resource, also one that was removed in between, keeps its place in
// the order of creation. Keys need not be sorted; they are what [Registry.Extract] gives plus what the store adds ([LastUpdatedKey]).
func (m *Memory) Add(resourceType, id string, keys []string) {
	if m.types == nil {
		m.types = map[string]*memoryType{}
	}
	t := m.types[resourceType]
	if t == nil {
		t = &memoryType{byID: map[string]*memoryResource{}}
		m.types[resourceType] = t
	}
	res := t.byID[id]
	if res == nil {
		res = &memoryResource{id: id, created: len(t.order)}
		t.byID[id] = res
		t.order = append(t.order, res)
	}
	res.keys = slices.Clone(keys)
	slices.Sort(res.keys)
	res.deleted = false
}

// Remove deletes a resource; absent ones are ignored.
func (m *Memory) Remove(resourceType, id string) {
	if t := m.types[resourceType]; t != nil && t.byID[id] != nil {
		t.byID[id].deleted = true
	}
}

// Search returns the ids of the first page and the number of all matches.
func (m *Memory) Search(q *Query) (ids []string, total int) {
	all := m.Order(q)
	return all[:min(q.Count, len(all))], len(all)
}

// Order returns the ids of all matches in the order that [Query] and [SortKey] define.
func (m *Memory) Order(q *Query) []string {
	t := m.types[q.Type]
	if t == nil {
		return []string{}
	}
	var found []*memoryResource
	for _, res := range t.order {
		if !res.deleted && Match(q.Plan, res.id, res.keys, memoryResolver{m, q.Type}) {
			found = append(found, res)
		}
	}
	if len(q.Sort) > 0 {
		sort.SliceStable(found, func(i, j int) bool { return comesBefore(found[i], found[j], q.Sort) })
	}
	ids := make([]string, len(found))
	for i, res := range found {
		ids[i] = res.id
	}
	return ids
}

func comesBefore(a, b *memoryResource, order []SortKey) bool {
	for _, key := range order {
		x, hasX := key.Value(a.id, a.keys)
		y, hasY := key.Value(b.id, b.keys)
		switch {
		case hasX != hasY:
			return hasX
		case x == y:
		case key.Descending:
			return x > y
		default:
			return x < y
		}
	}
	if order[0].Descending {
		return a.created > b.created
	}
	return a.created < b.created
}

// Value returns the sort value of a resource with this id and these keys, sorted: the smallest or largest remainder of the keys that
// start with one of the prefixes; ok is false when there is none.
func (s SortKey) Value(id string, keys []string) (value string, ok bool) {
	for _, prefix := range s.Prefixes {
		if prefix == IDPrefix {
			value, ok = s.better(value, ok, id)
		}
		for i := sort.SearchStrings(keys, prefix); i < len(keys) && strings.HasPrefix(keys[i], prefix); i++ {
			value, ok = s.better(value, ok, keys[i][len(prefix):])
		}
	}
	return value, ok
}

func (s SortKey) better(best string, has bool, candidate string) (string, bool) {
	if !has || (candidate < best) != s.Descending && candidate != best {
		return candidate, true
	}
	return best, true
}

// memoryResolver resolves references between the resources of a Memory.
type memoryResolver struct {
	m   *Memory
	typ string
}

func (r memoryResolver) Ref(p Ref, keys []string) bool {
	target := r.m.types[p.Type]
	if target == nil {
		return false
	}
	prefix := ReferencePrefix(p.Index, p.Type)
	for i := sort.SearchStrings(keys, prefix); i < len(keys) && strings.HasPrefix(keys[i], prefix); i++ {
		res := target.byID[keys[i][len(prefix):]]
		if res != nil && !res.deleted && Match(p.Of, res.id, res.keys, memoryResolver{r.m, p.Type}) {
			return true
		}
	}
	return false
}

func (r memoryResolver) RevRef(p RevRef, id string) bool {
	source := r.m.types[p.Type]
	if source == nil {
		return false
	}
	reference := exactly(ReferencePrefix(p.Index, r.typ) + id)
	for _, res := range source.order {
		if !res.deleted && matchKeys(reference, res.keys) && Match(p.Of, res.id, res.keys, memoryResolver{r.m, p.Type}) {
			return true
		}
	}
	return false
}
