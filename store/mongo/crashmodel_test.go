package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// effort is one call of Apply and what came of it.
type effort struct {
	ops     []store.Op
	results []store.Result
	err     error
	found   int // of its operations, how many [ledger.verify] found although they were not acknowledged
}

// refused reports whether the caller was told that nothing was done.
func (e *effort) refused() bool {
	for _, sentinel := range []error{store.ErrConflict, store.ErrPrecondition, store.ErrMultiple, store.ErrBusy, store.ErrUnsupported} {
		if errors.Is(e.err, sentinel) {
			return true
		}
	}
	return false
}

// done reports whether the writes are there, after [ledger.verify].
func (e *effort) done() bool { return e.err == nil || e.found > 0 }

// outcome is what a caller was told, and what is true.
func (e *effort) outcome() string {
	switch {
	case e.err == nil:
		return "acknowledged"
	case errors.Is(e.err, store.ErrBusy):
		return "busy, not done"
	case e.refused():
		return "refused, not done"
	case e.found > 0:
		return "unknown, done"
	}
	return "unknown, not done"
}

// ledger remembers what was asked of stores and what they answered, and compares it with what is there. All operations have content and a key of their own, so that each
// version tells which one it came from.
type ledger struct {
	mu      sync.Mutex
	efforts []*effort
	sample  int // how many resources are read and searched for by the way; 0 for all
}

// apply is Apply, written down.
func (l *ledger) apply(ctx context.Context, s *mongo.Store, ops ...store.Op) *effort {
	e := &effort{ops: ops}
	e.results, e.err = s.Apply(ctx, ops)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.efforts = append(l.efforts, e)
	return e
}

// writeOp makes an operation whose content and first index key are told apart by text.
func writeOp(t testing.TB, method store.Method, typ, id, text string, keys ...string) store.Op {
	op := store.Op{Method: method, Key: fhir.Key{Type: typ, ID: id}}
	if method == store.Delete {
		return op
	}
	r, err := fhir.ParseResource([]byte(`{"resourceType":"` + typ + `","language":"` + text + `"}`))
	if err == nil {
		op.Resource, err = r.Stamp(id)
	}
	if err != nil {
		t.Error(err)
	}
	op.Keys = append([]string{textKey(text)}, keys...)
	slices.Sort(op.Keys)
	return op
}

func textKey(text string) string { return "text\x01t" + text }

// exactly matches one index key.
func exactly(key string) search.Keys { return search.Keys{Lo: key, Hi: key + "\x00"} }

// claim is the operation that a version came from.
type claim struct {
	e  *effort
	op *store.Op
}

// chain is one resource as it is.
type chain struct {
	key      fhir.Key
	versions []store.Version // in order
	from     []claim
}

// verify compares everything that was ever asked of the store with what is there. What it returns is everything that is wrong.
func (l *ledger) verify(ctx context.Context, s *mongo.Store) error {
	chains, err := l.versions(ctx, s)
	wrong := []error{err}
	looked := 0
	for _, c := range chains {
		if looked++; l.sample > 0 && looked > l.sample {
			break
		}
		wrong = append(wrong, c.reads(ctx, s)...)
		wrong = append(wrong, l.searches(ctx, s, c)...)
	}
	wrong = append(wrong, typeHistories(ctx, s, chains))
	if _, err := s.Check(ctx, func(f store.Finding) { wrong = append(wrong, fmt.Errorf("check: %s: %s", f.Key, f.Text)) }); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// versions finds out for each version where it comes from: what was acknowledged is there once, everything else is from a call of which nobody knew, and that whole.
func (l *ledger) versions(ctx context.Context, s *mongo.Store) (map[fhir.Key]*chain, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong []error
	chains := map[fhir.Key]*chain{}
	for _, e := range l.efforts {
		e.found = 0
		for i := range e.ops {
			key := e.ops[i].Key
			if chains[key] != nil {
				continue
			}
			c, err := readChain(ctx, s, key)
			if err != nil {
				return nil, err
			}
			chains[key] = c
		}
	}
	for _, e := range l.efforts {
		if e.err == nil {
			wrong = append(wrong, acknowledged(chains, e)...)
		}
	}
	for _, c := range chains {
		wrong = append(wrong, l.attribute(c)...)
	}
	for _, e := range l.efforts {
		if e.err != nil && e.found != 0 && e.found != len(e.ops) {
			wrong = append(wrong, fmt.Errorf("%d of %d operations of a call that ended with %q were done", e.found, len(e.ops), e.err))
		}
	}
	return chains, errors.Join(wrong...)
}

// readChain reads the history of a resource, which must be whole and in order.
func readChain(ctx context.Context, s *mongo.Store, key fhir.Key) (*chain, error) {
	c := &chain{key: key}
	page, err := s.History(ctx, store.HistoryQuery{Type: key.Type, ID: key.ID, Count: 1000})
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.versions = page.Versions
	slices.Reverse(c.versions)
	c.from = make([]claim, len(c.versions))
	if page.Total != len(c.versions) {
		return nil, fmt.Errorf("%s: %d versions, total %d", key, len(c.versions), page.Total)
	}
	for i := range c.versions {
		if c.versions[i].Key.Version != strconv.Itoa(i+1) {
			return nil, fmt.Errorf("%s: version %s at place %d of the history", key, c.versions[i].Key.Version, i+1)
		}
		if i > 0 && c.versions[i].LastUpdated.Before(c.versions[i-1].LastUpdated) {
			return nil, fmt.Errorf("%s: version %d is older than the one before", key, i+1)
		}
	}
	return c, nil
}

// acknowledged looks for what a successful call said that it wrote.
func acknowledged(chains map[fhir.Key]*chain, e *effort) (wrong []error) {
	for i := range e.results {
		v := &e.results[i].Version
		if v.Method == 0 {
			continue // a deletion of what is not there
		}
		c := chains[fhir.Key{Type: v.Key.Type, ID: v.Key.ID}]
		number, err := strconv.Atoi(v.Key.Version)
		switch {
		case c == nil || err != nil || number < 1 || number > len(c.versions):
			wrong = append(wrong, fmt.Errorf("LOST: %s was acknowledged and is not there", v.Key))
		case !cmp.Equal(*v, c.versions[number-1]):
			wrong = append(wrong, fmt.Errorf("LOST: %s is not what was acknowledged: %s", v.Key, cmp.Diff(*v, c.versions[number-1])))
		case !e.results[i].Existing && c.from[number-1].e != nil:
			wrong = append(wrong, fmt.Errorf("%s was acknowledged twice", v.Key))
		case !e.results[i].Existing:
			c.from[number-1] = claim{e, &e.ops[i]}
		}
	}
	return wrong
}

// attribute finds the operations of versions that nobody acknowledged.
func (l *ledger) attribute(c *chain) (wrong []error) {
	taken := map[*store.Op]bool{}
	for i := range c.versions {
		if c.from[i].e != nil {
			continue
		}
		v := &c.versions[i]
		for _, e := range l.efforts {
			for j := range e.ops {
				if op := &e.ops[j]; e.err != nil && c.from[i].e == nil && !taken[op] && madeBy(v, op) {
					c.from[i], taken[op] = claim{e, op}, true
				}
			}
		}
		e := c.from[i].e
		if e == nil {
			wrong = append(wrong, fmt.Errorf("DUPLICATE: %s comes from no operation, or from one that is there already", v.Key))
			continue
		}
		e.found++
		if e.refused() {
			wrong = append(wrong, fmt.Errorf("DENIED: %s is there, and its caller was told %q", v.Key, e.err))
		}
	}
	return wrong
}

// madeBy reports whether a version is what an operation asks for.
func madeBy(v *store.Version, op *store.Op) bool {
	if v.Key.Type != op.Key.Type || v.Key.ID != op.Key.ID || v.Method != op.Method {
		return false
	}
	return op.Method == store.Delete || string(op.Resource.Render(nil, v.Key.Version, v.LastUpdated)) == string(v.JSON)
}

// reads compares reads with the history.
func (c *chain) reads(ctx context.Context, s *mongo.Store) (wrong []error) {
	for number := range len(c.versions) + 2 {
		key, want, sentinel := c.key, (*store.Version)(nil), store.ErrNotFound
		at := number - 1
		if number == 0 {
			at = len(c.versions) - 1 // the newest
		} else {
			key.Version = strconv.Itoa(number)
		}
		if at >= 0 && at < len(c.versions) {
			want, sentinel = &c.versions[at], nil
			if want.Deleted() {
				want, sentinel = nil, store.ErrGone
			}
		}
		got, err := s.Read(ctx, key)
		if !errors.Is(err, sentinel) || !cmp.Equal(want, got) {
			wrong = append(wrong, fmt.Errorf("read of %s: %w; differs from the history: %s", key, err, cmp.Diff(want, got)))
		}
	}
	return wrong
}

// searches looks for a resource by the keys of what was last asked for it: those of its current version find it, and no other does.
func (l *ledger) searches(ctx context.Context, s *mongo.Store, c *chain) (wrong []error) {
	var tried []*store.Op
	for _, e := range l.efforts {
		for i := range e.ops {
			if e.ops[i].Key == c.key && len(e.ops[i].Keys) > 0 {
				tried = append(tried, &e.ops[i])
			}
		}
	}
	var current *store.Op
	if n := len(c.versions); n > 0 && !c.versions[n-1].Deleted() {
		current = c.from[n-1].op
	}
	tried = tried[max(0, len(tried)-4):]
	if current != nil && !slices.Contains(tried, current) {
		tried = append(tried, current)
	}
	for _, op := range tried {
		for _, key := range op.Keys {
			page, err := s.Search(ctx, &search.Query{Type: c.key.Type, Plan: search.And{exactly(key), search.IDs{c.key.ID}}, Count: 10})
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			want := current != nil && slices.Contains(current.Keys, key)
			if (len(page.Matches) == 1) != want || len(page.Matches) > 1 {
				wrong = append(wrong, fmt.Errorf("INDEX: %s: %d matches for the key %q, one expected: %t", c.key, len(page.Matches), key, want))
			}
		}
	}
	return wrong
}

// typeHistories compares the histories of types with those of resources.
func typeHistories(ctx context.Context, s *mongo.Store, chains map[fhir.Key]*chain) error {
	types := map[string]bool{}
	for key := range chains {
		types[key.Type] = true
	}
	var wrong []error
	for typ := range types {
		listed := map[fhir.Key][]store.Version{}
		for q := (store.HistoryQuery{Type: typ, Count: 1000}); ; {
			page, err := s.History(ctx, q)
			if err != nil {
				return err
			}
			for _, v := range page.Versions {
				key := fhir.Key{Type: v.Key.Type, ID: v.Key.ID}
				listed[key] = slices.Insert(listed[key], 0, v)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		for key, c := range chains {
			if key.Type == typ && !cmp.Equal(listed[key], c.versions) {
				wrong = append(wrong, fmt.Errorf("HISTORY: %s in that of its type differs: %s", key, cmp.Diff(c.versions, listed[key])))
			}
		}
	}
	return errors.Join(wrong...)
}
