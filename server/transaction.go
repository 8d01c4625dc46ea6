package server

import (
	"context"
	"errors"
	"net/http"
	"runtime"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// transaction is a Bundle that happens as a whole or not at all.
type transaction struct {
	s       *Server
	x       *exchange
	entries []*entry
	writes  []*write // of the entries that write, in processing order: DELETE, POST, PUT
	refs    references
}

// write is an entry that changes something.
type write struct {
	*entry
	key      fhir.Key      // what it writes, or with existing what it found
	existing bool          // a conditional create that matched
	query    *search.Query // of ifNoneExist
	places   []place
	op       store.Op
	keys     []string // index keys before references are rewritten
}

// transaction runs the entries: all or nothing, in the order DELETE, POST, PUT, and then GET, which sees what the others did (R4 http.html#trules). An
// error names the entry that failed.
func (s *Server) transaction(x *exchange, entries []*entry) error {
	t := &transaction{s: s, x: x, entries: entries}
	if err := t.check(); err != nil {
		return err
	}
	if err := t.commit(); err != nil {
		return err
	}
	var reads []*entry
	for _, e := range entries {
		if e.phase() == 3 {
			reads = append(reads, e)
		} else {
			e.finish(s)
		}
	}
	parallel(len(reads), runtime.GOMAXPROCS(0), func(i int) { reads[i].perform(s) })
	return nil
}

// check refuses what can be refused before anything is done, and lists the writes.
func (t *transaction) check() error {
	for _, e := range t.entries {
		err := e.err
		if err == nil {
			err = t.s.authorise(e.x)
		}
		if err == nil && e.x.interaction.check != nil {
			err = e.x.interaction.check(e.x)
		}
		if err != nil {
			return &entryError{index: e.index, err: err}
		}
	}
	for phase := range 3 {
		for _, e := range t.entries {
			if e.phase() != phase {
				continue
			}
			w := &write{entry: e, key: e.x.key}
			if err := t.prepare(w); err != nil {
				return &entryError{index: e.index, err: err}
			}
			t.writes = append(t.writes, w)
		}
	}
	return nil
}

// prepare checks one write and gives it its id.
func (t *transaction) prepare(w *write) (err error) {
	x := w.x
	if w.op.IfMatch, err = x.conditions.matchVersion(); err != nil || x.interaction.name == "delete" {
		return err
	}
	res, err := x.typed()
	if err != nil {
		return err
	}
	if x.interaction.name == "update" {
		if err := sameID(res, x.key); err != nil {
			return err
		}
		w.op.IfNoneMatch, err = x.conditions.createOnly()
		return err
	}
	w.key.ID = t.s.newID()
	w.op.IfMatch = ""
	if x.conditions.hasIfNoneExist {
		if w.query, err = t.s.criteria(res.Type(), x.conditions.ifNoneExist); err == nil {
			err = x.grant.Restrict(x.ctx, w.query)
		}
	}
	return err
}

// commit applies the writes. What conditional creates and conditional references found is verified inside the commit; when another client was faster,
// everything is resolved anew.
func (t *transaction) commit() error {
	for attempt := 0; len(t.writes) > 0; attempt++ {
		if err := t.resolve(); err != nil {
			return err
		}
		ops := make([]store.Op, len(t.writes))
		for i, w := range t.writes {
			ops[i] = w.op
		}
		results, err := t.s.store.Apply(t.x.ctx, ops)
		if err == nil {
			t.answer(results)
			return nil
		}
		if isConflict(err) && t.isConditional() && attempt < conflictRetries {
			continue
		}
		if failed := (*store.OpError)(nil); errors.As(err, &failed) && failed.Index < len(t.writes) {
			w := t.writes[failed.Index]
			return &entryError{index: w.index, err: about(w.x.key, failed.Err)}
		}
		return err
	}
	return nil
}

func (t *transaction) isConditional() bool {
	for _, w := range t.writes {
		if w.query != nil {
			return true
		}
	}
	return false
}

// resolve gives every write its final identity and content.
func (t *transaction) resolve() error {
	for _, w := range t.writes {
		if w.query == nil {
			continue
		}
		if err := t.findExisting(w); err != nil {
			return &entryError{index: w.index, err: err}
		}
	}
	if err := t.identify(); err != nil {
		return err
	}
	parallel(len(t.writes), runtime.GOMAXPROCS(0), func(i int) {
		if w := t.writes[i]; w.x.resource != nil {
			w.places = t.refs.scan(w.x.resource, w.fullURL)
		}
	})
	if err := t.resolveConditional(); err != nil {
		return err
	}
	return t.each(t.build)
}

// findExisting runs the search of a conditional create.
func (t *transaction) findExisting(w *write) error {
	ids, err := t.s.find(t.x.ctx, w.query, 2)
	if err != nil {
		return err
	}
	switch len(ids) {
	case 0:
		if w.existing {
			w.key.ID, w.existing = t.s.newID(), false
		}
	case 1:
		w.key.ID, w.existing = ids[0], true
	default:
		return about(fhir.Key{}, store.ErrMultiple)
	}
	return nil
}

// find returns at most n ids that match, in the store's order.
func (s *Server) find(ctx context.Context, q *search.Query, n int) ([]string, error) {
	only := *q
	only.Count, only.Total, only.Sort, only.Include, only.RevInclude = n, search.NoTotal, nil, nil, nil
	page, err := s.store.Search(ctx, &only)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(page.Matches))
	for i := range page.Matches {
		ids[i] = page.Matches[i].Key.ID
	}
	return ids, nil
}

// identify notes where each fullUrl leads. A resource that is written twice, or a fullUrl that is there twice, is ambiguous.
func (t *transaction) identify() error {
	t.refs = references{definitions: t.s.definitions, targets: make(map[string]string, len(t.writes))}
	written := make(map[fhir.Key]int, len(t.writes))
	criteria := map[string]int{}
	for _, w := range t.writes {
		key := fhir.Key{Type: w.key.Type, ID: w.key.ID}
		if other, twice := written[key]; twice {
			return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "%s is also written by entry %d", key, other)}
		}
		written[key] = w.index
		if w.query != nil {
			same := w.key.Type + "?" + w.x.conditions.ifNoneExist
			if other, twice := criteria[same]; twice {
				return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "entry %d has the same ifNoneExist", other)}
			}
			criteria[same] = w.index
		}
		if w.fullURL == "" || w.x.resource == nil {
			continue
		}
		if _, twice := t.refs.targets[w.fullURL]; twice {
			return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "the fullUrl %q is that of an earlier entry", printable(w.fullURL))}
		}
		t.refs.add(w.fullURL, key.String())
	}
	return nil
}

// build makes the operation of a write: references say what they mean now, stamps are prepared, keys extracted.
func (t *transaction) build(w *write) error {
	if w.x.interaction.name == "delete" {
		w.op.Method, w.op.Key = store.Delete, w.key
		return nil
	}
	res := w.x.resource
	if len(w.places) > 0 {
		splices := make([]fhir.Splice, len(w.places))
		for i, p := range w.places {
			splices[i] = p.splice()
		}
		rewritten, err := fhir.ParseResource(res.Apply(splices))
		if err != nil {
			return err
		}
		res = rewritten
	}
	method := store.Create
	if w.x.interaction.name == "update" {
		method = store.Update
	}
	op, err := t.s.write(method, w.key, res)
	if err != nil {
		return err
	}
	op.IfMatch, op.IfNoneMatch, op.IfNoneExist = w.op.IfMatch, w.op.IfNoneMatch, w.query
	if w.existing {
		op.Expect = w.key.ID
	} else {
		op.ExpectNone = w.query != nil
	}
	w.op = op
	return nil
}

// each calls do for every write, in parallel, and returns the error of the first that failed.
func (t *transaction) each(do func(*write) error) error {
	errs := make([]error, len(t.writes))
	parallel(len(t.writes), runtime.GOMAXPROCS(0), func(i int) { errs[i] = do(t.writes[i]) })
	for i, err := range errs {
		if err != nil {
			return &entryError{index: t.writes[i].index, err: err}
		}
	}
	return nil
}

// answer forms the replies of the writes.
func (t *transaction) answer(results []store.Result) {
	for i, w := range t.writes {
		result := &results[i]
		switch {
		case w.x.interaction.name == "delete":
			w.reply = t.s.deleted(w.x, result)
		case result.Existing:
			w.reply = t.s.changed(w.x, http.StatusOK, &result.Version, "already exists as")
		case result.Created:
			w.reply = t.s.changed(w.x, http.StatusCreated, &result.Version, "created")
		default:
			w.reply = t.s.changed(w.x, http.StatusOK, &result.Version, "updated to")
		}
	}
}
