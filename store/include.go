package store

import (
	"context"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// MaxIncluded is how many resources a page includes at most. Beyond it [Page.Cut] says that there are more.
const MaxIncluded = 10_000

// Links is what [Include] needs of a store. All methods answer for one moment, that of the search.
type Links interface {
	// IndexKeys returns the sorted index keys of a current resource; none when there is no such resource.
	IndexKeys(key fhir.Key) ([]string, error)
	// Current returns the current version; nil when there is none or it is a deletion.
	Current(key fhir.Key) (*Version, error)
	// Matching returns the resources of a type that match, in order of creation, at most limit.
	Matching(resourceType string, plan search.Plan, limit int) ([]Version, error)
}

// Prefetcher is what [Links] of a store may be for which every call is a round trip.
type Prefetcher interface {
	// Prefetch reads resources that are about to be asked for, so that IndexKeys and Current answer without one.
	Prefetch(keys []fhir.Key) error
}

// Include adds to a page what _include and _revinclude of the query ask for (R4 search.html#include): without duplicates and without the
// matches, in the order in which it is found. Includes with Iterate apply to what was included as well. What q.Visible hides is as if it were not stored:
// it is not included, not counted for [MaxIncluded], and nothing is found through it.
func Include(ctx context.Context, l Links, q *search.Query, page *Page) error {
	w := &includer{l: l, q: q, page: page, seen: map[fhir.Key]bool{}}
	for i := range page.Matches {
		w.seen[plain(page.Matches[i].Key)] = true
	}
	for frontier, first := page.Matches, true; len(frontier) > 0 && !page.Cut; first = false {
		before := len(page.Included)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.expand(frontier, first); err != nil {
			return err
		}
		frontier = page.Included[before:]
	}
	return nil
}

// includer gathers included resources.
type includer struct {
	l    Links
	q    *search.Query
	page *Page
	seen map[fhir.Key]bool // matches and included, without version

	limits map[string]limit // by type
}

func plain(key fhir.Key) fhir.Key { return fhir.Key{Type: key.Type, ID: key.ID} }

// expand applies the includes to resources: all of them to matches, those with Iterate to what was included.
func (w *includer) expand(from []Version, all bool) error {
	for _, inc := range w.q.Include {
		if all || inc.Iterate {
			if err := w.forward(inc, from); err != nil {
				return err
			}
		}
	}
	for _, inc := range w.q.RevInclude {
		if all || inc.Iterate {
			if err := w.backward(inc, from); err != nil {
				return err
			}
		}
	}
	return nil
}

// forward adds the targets of references.
func (w *includer) forward(inc search.Include, from []Version) error {
	if err := w.prefetch(inc, from); err != nil {
		return err
	}
	asked := map[fhir.Key]bool{}
	var wanted []fhir.Key
	for i := range from {
		if from[i].Key.Type != inc.Type {
			continue
		}
		keys, err := w.l.IndexKeys(plain(from[i].Key))
		if err != nil {
			return err
		}
		for _, target := range targets(keys, inc) {
			if !w.seen[target] && !asked[target] {
				asked[target] = true
				wanted = append(wanted, target)
			}
		}
	}
	for chunk := range slices.Chunk(wanted, forwardChunk) {
		found, err := w.current(chunk)
		if err != nil {
			return err
		}
		for _, key := range chunk {
			if version := found[key]; version != nil && !w.add(version) {
				return nil
			}
		}
	}
	return nil
}

// forwardChunk is how many targets are read together.
const forwardChunk = 500

// current reads what is stored and visible among some resources.
func (w *includer) current(keys []fhir.Key) (map[fhir.Key]*Version, error) {
	found := make(map[fhir.Key]*Version, len(keys))
	tested := map[string]search.IDs{} // by type
	for _, key := range keys {
		switch of, ok := w.visible(key.Type); {
		case !ok:
		case of != nil:
			tested[key.Type] = append(tested[key.Type], key.ID)
		default:
			version, err := w.l.Current(key)
			if err != nil {
				return nil, err
			}
			found[key] = version
		}
	}
	for typ, ids := range tested {
		of, _ := w.visible(typ)
		versions, err := w.among(typ, ids, of, len(ids))
		if err != nil {
			return nil, err
		}
		for i := range versions {
			found[plain(versions[i].Key)] = &versions[i]
		}
	}
	return found, nil
}

// visible asks once for each type.
func (w *includer) visible(typ string) (of search.Plan, ok bool) {
	if w.q.Visible == nil {
		return nil, true
	}
	known, asked := w.limits[typ]
	if !asked {
		known.of, known.ok = w.q.Visible(typ)
		if w.limits == nil {
			w.limits = map[string]limit{}
		}
		w.limits[typ] = known
	}
	return known.of, known.ok
}

// limit is an answer of [search.Visibility].
type limit struct {
	of search.Plan
	ok bool
}

// among finds what a plan that leads to few resources and a limit both match. A limit that follows references is tested on those few: to find all that it matches may take
// long.
func (w *includer) among(typ string, few, of search.Plan, limit int) ([]Version, error) {
	switch {
	case of == nil:
		return w.l.Matching(typ, few, limit)
	case !search.FollowsReferences(of):
		return w.l.Matching(typ, search.Both(few, of), limit)
	}
	candidates, err := w.l.Matching(typ, few, limit)
	switch {
	case err != nil:
		return nil, err
	case len(candidates) > MaxIncluded: // there may be more
		return w.l.Matching(typ, search.Both(few, of), limit)
	}
	found := candidates[:0]
	links := &linked{l: w.l, typ: typ}
	for i := range candidates {
		keys, err := w.l.IndexKeys(plain(candidates[i].Key))
		if err != nil {
			return nil, err
		}
		if search.Match(of, candidates[i].Key.ID, keys, links) {
			found = append(found, candidates[i])
		}
	}
	return found, links.err
}

// linked follows references from and to a resource of a type. It implements [search.Resolver].
type linked struct {
	l   Links
	typ string
	err error // the first one
}

// Ref implements [search.Resolver].
func (r *linked) Ref(p search.Ref, keys []string) bool {
	ids := search.IDs(search.ReferencedIDs(keys, p.Index, p.Type))
	return len(ids) > 0 && r.any(p.Type, search.Both(ids, p.Of))
}

// RevRef implements [search.Resolver].
func (r *linked) RevRef(p search.RevRef, id string) bool {
	return r.any(p.Type, search.Both(search.OneKey(search.ReferencePrefix(p.Index, r.typ)+id), p.Of))
}

func (r *linked) any(typ string, plan search.Plan) bool {
	if r.err != nil {
		return false
	}
	found, err := r.l.Matching(typ, plan, 1)
	r.err = err
	return len(found) > 0
}

// prefetch lets the store read at once what forward asks for one by one.
func (w *includer) prefetch(inc search.Include, from []Version) error {
	p, ok := w.l.(Prefetcher)
	if !ok {
		return nil
	}
	var sources, wanted []fhir.Key
	for i := range from {
		if from[i].Key.Type == inc.Type {
			sources = append(sources, plain(from[i].Key))
		}
	}
	if err := p.Prefetch(sources); err != nil {
		return err
	}
	for _, source := range sources {
		keys, err := w.l.IndexKeys(source)
		if err != nil {
			return err
		}
		for _, target := range targets(keys, inc) {
			if of, ok := w.visible(target.Type); ok && of == nil && !w.seen[target] {
				wanted = append(wanted, target)
			}
		}
	}
	return p.Prefetch(wanted)
}

// targets are the local resources that index keys refer to, whatever version they name.
func targets(keys []string, inc search.Include) []fhir.Key {
	prefix := search.ReferencePrefix(inc.Index, "")
	prefix = prefix[:len(prefix)-1] // without the slash behind the type
	var found []fhir.Key
	for _, key := range search.KeysUnder(keys, prefix) {
		typ, id, _ := strings.Cut(key[len(prefix):], "/")
		if fhir.IsID(id) && (inc.Target == "" || inc.Target == typ) {
			found = append(found, fhir.Key{Type: typ, ID: id})
		}
	}
	return found
}

// revChunk is how many resources are asked for together who refers to them.
const revChunk = 200

// backward adds the resources that refer.
func (w *includer) backward(inc search.Include, from []Version) error {
	of, ok := w.visible(inc.Type)
	if !ok {
		return nil
	}
	var referred search.Or
	for i := range from {
		if key := from[i].Key; inc.Target == "" || inc.Target == key.Type {
			referred = append(referred, search.OneKey(search.ReferencePrefix(inc.Index, key.Type)+key.ID))
		}
	}
	for chunk := range slices.Chunk(referred, revChunk) {
		// Matches among the answers do not count, so more than the limit are asked for.
		versions, err := w.among(inc.Type, chunk, of, MaxIncluded+len(w.seen)+1)
		if err != nil {
			return err
		}
		for i := range versions {
			if !w.seen[plain(versions[i].Key)] && !w.add(&versions[i]) {
				return nil
			}
		}
	}
	return nil
}

// add includes a resource; it returns false when the page is full.
func (w *includer) add(v *Version) bool {
	if len(w.page.Included) == MaxIncluded {
		w.page.Cut = true
		return false
	}
	w.seen[plain(v.Key)] = true
	w.page.Included = append(w.page.Included, *v)
	return true
}
