package server

import (
	"errors"
	"net/http"
	"runtime"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// transaction is a Bundle that happens as a whole or not at all.
type transaction struct {
	s       *Server
	x       *exchange
	entries []*entry
	writes  []*write // of the entries that write, in processing order: DELETE, POST, PUT and PATCH
	refs    references
}

// write is an entry that changes something.
type write struct {
	*entry
	key      fhir.Key       // what it writes, or with existing what it found; without id a conditional delete
	existing bool           // a conditional create that matched
	query    *search.Query  // the condition that says what is written, or whether
	criteria string         // of the condition, to find the same one twice
	resource *fhir.Resource // what it leaves behind; nil for nothing
	patch    patcher
	places   []place
	decided  store.Op   // method, key and preconditions, without content
	ops      []store.Op // what is committed: one, or of a conditional delete any number
	keys     []string   // index keys before references are rewritten
}

// transaction runs the entries: all or nothing, in the order DELETE, POST, PUT and PATCH, and then GET, which sees what the others did (R4 http.html#trules). An
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
		e.x.isAtomic = true
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

// prepare checks one write, as far as that needs nothing that is stored.
func (t *transaction) prepare(w *write) (err error) {
	x := w.x
	switch x.interaction.name {
	case "delete":
	case "patch":
		w.patch, err = t.s.patcher(x)
	default:
		w.resource, err = x.typed()
	}
	if err != nil {
		return err
	}
	switch {
	case x.isConditional():
		w.criteria = search.EncodeQuery(x.query)
		w.query, err = t.s.urlCondition(x)
	case x.interaction.name == "patch": // depends on what is stored
	case x.interaction.name == "delete":
		w.decided, err = prepareDelete(x)
	case x.interaction.name == "update":
		w.decided, err = t.s.updateOf(x, w.resource)
	default:
		w.key.ID = t.s.newID()
		w.decided = store.Op{Method: store.Create, Key: w.key}
		if x.conditions.hasIfNoneExist {
			w.criteria = x.conditions.ifNoneExist
			w.query, err = t.s.ifNoneExist(x)
		}
	}
	return err
}

// commit applies the writes. What conditions and conditional references found is verified inside the commit; when another client was faster,
// everything is resolved anew.
func (t *transaction) commit() error {
	for attempt := 0; len(t.writes) > 0; attempt++ {
		if err := t.resolve(); err != nil {
			return err
		}
		var ops []store.Op
		var owners []*write
		for _, w := range t.writes {
			for _, op := range w.ops {
				ops, owners = append(ops, op), append(owners, w)
			}
		}
		if len(ops) == 0 {
			t.answer(nil)
			return nil
		}
		committed := t.noting(ops)
		results, err := t.s.commitWithin(t.x, ops, func(i int) auth.Action { return owners[i].x.writeAction() })
		if err == nil {
			committed()
			t.answer(results)
			return nil
		}
		failed := (*store.OpError)(nil)
		if !errors.As(err, &failed) || failed.Index >= len(owners) {
			if isConflict(err) && t.hasConditions() && attempt < conflictRetries {
				continue
			}
			return err
		}
		w := owners[failed.Index]
		if overlap := t.overlapping(w); overlap != nil {
			return overlap
		}
		if t.isRace(w, err) && attempt < conflictRetries {
			continue
		}
		return &entryError{index: w.index, err: about(w.x.key, failed.Err)}
	}
	return nil
}

// resolve gives every write its final identity and content.
func (t *transaction) resolve() error {
	deleted := map[fhir.Key]bool{}
	for _, w := range t.writes {
		if !w.isDecided() {
			w.ops = []store.Op{w.decided}
		} else if err := t.decide(w, deleted); err != nil {
			return &entryError{index: w.index, err: err}
		}
		if w.x.interaction.name == "delete" {
			for i := range w.ops {
				deleted[w.ops[i].Key] = true
			}
		}
	}
	if err := t.identify(); err != nil {
		return err
	}
	parallel(len(t.writes), runtime.GOMAXPROCS(0), func(i int) {
		if w := t.writes[i]; w.resource != nil {
			w.places = t.refs.scan(w.resource, w.fullURL)
		}
	})
	if err := t.refuseDangling(); err != nil {
		return err
	}
	if err := t.resolveConditional(); err != nil {
		return err
	}
	return t.each(t.build)
}

// identify notes where each fullUrl leads. A resource that is written twice, or a fullUrl that is there twice, is ambiguous.
func (t *transaction) identify() error {
	t.refs = references{definitions: t.s.definitions, targets: make(map[string]string, len(t.writes))}
	written := make(map[fhir.Key]int, len(t.writes))
	criteria := map[string]int{}
	for _, w := range t.writes {
		for i := range w.ops {
			if other, twice := written[w.ops[i].Key]; twice {
				return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "%s is also written by entry %d", w.ops[i].Key, other)}
			}
			written[w.ops[i].Key] = w.index
		}
		if w.query != nil && w.resource != nil {
			same := w.key.Type + "?" + w.criteria
			if other, twice := criteria[same]; twice {
				return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "entry %d has the same condition", other)}
			}
			criteria[same] = w.index
		}
		if w.fullURL == "" || w.resource == nil {
			continue
		}
		if _, twice := t.refs.targets[w.fullURL]; twice {
			return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "the fullUrl %q is that of an earlier entry", printable(w.fullURL))}
		}
		t.refs.add(w.fullURL, w.key.String())
	}
	return nil
}

// refuseDangling refuses references to entries that are not there. R4 http.html#trules leaves references to what is not part of the Bundle untouched; but a UUID is no
// address (R4 bundle.html#references finds it in the Bundle or not at all), so that this is a mistake of the sender and stored as it is could never be mended.
func (t *transaction) refuseDangling() error {
	for _, w := range t.writes {
		for _, p := range w.places {
			if p.dangling != "" {
				return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeNotFound, p.dangling, "no entry that writes a resource has the fullUrl %q", printable(p.target))}
			}
		}
	}
	return nil
}

// build makes the operation of a write: references say what they mean now, stamps are prepared, keys extracted.
func (t *transaction) build(w *write) error {
	res := w.resource
	if res == nil {
		return nil
	}
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
	from := w.x.from
	if w.patch != nil || from.xml == nil && len(w.places) > 0 {
		from = origin{} // the client did not send it like that
	}
	op, err := t.s.write(w.decided.Method, w.decided.Key, res, from)
	w.ops = []store.Op{under(op, w.decided)}
	return err
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

// noting hands the events of the entries that write to their commit.
func (t *transaction) noting(ops []store.Op) (committed func()) {
	if t.s.auditor == nil {
		return func() {}
	}
	all := make([]noted, 0, len(t.writes))
	for _, w := range t.writes {
		if len(w.ops) > 0 {
			all = append(all, t.s.noted(w.x, len(w.ops)))
		}
	}
	return noting(ops, all...)
}

// answer forms the replies of the writes.
func (t *transaction) answer(results []store.Result) {
	for _, w := range t.writes {
		own := results[:len(w.ops)]
		results = results[len(w.ops):]
		w.x.concerns(own)
		switch {
		case w.x.interaction.name == "delete" && w.query != nil:
			w.reply = t.s.deletedMatches(w.x, own)
		case w.x.interaction.name == "delete":
			w.reply = t.s.deleted(w.x, &own[0])
		case own[0].Existing:
			w.reply = t.s.changed(w.x, http.StatusOK, &own[0].Version, "already exists as")
		default:
			w.reply = t.s.updated(w.x, &own[0])
		}
	}
}
