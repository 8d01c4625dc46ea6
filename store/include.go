package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// MaxIncluded is how many resources a page includes at most; a query that asks for more is [ErrTooCostly], because an answer is complete or an error.
const MaxIncluded = 10_000

// Links is what [Included] needs of a store. All methods answer for one moment, that of the search.
type Links interface {
	// IndexKeys returns the sorted index keys of a current resource; none when there is no such resource.
	IndexKeys(key fhir.Key) ([]string, error)
	// Current returns the current version; nil when there is none or it is a deletion.
	Current(key fhir.Key) (*Version, error)
	// Matching returns the resources of a type that match, in order of creation, at most limit.
	Matching(resourceType string, plan search.Plan, limit int) ([]Version, error)
}

// Included finds what _include and _revinclude of a query add to its matches (R4 search.html#include): without duplicates and without the
// matches, in the order in which it is found. Includes with Iterate apply to what was included as well.
func Included(ctx context.Context, l Links, q *search.Query, matches []Version) ([]Version, error) {
	w := &includer{l: l, q: q, seen: map[fhir.Key]bool{}}
	for i := range matches {
		w.seen[plain(matches[i].Key)] = true
	}
	for frontier, first := matches, true; len(frontier) > 0; first = false {
		before := len(w.found)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.expand(frontier, first); err != nil {
			return nil, err
		}
		frontier = w.found[before:]
	}
	return w.found, nil
}

// includer gathers included resources.
type includer struct {
	l     Links
	q     *search.Query
	seen  map[fhir.Key]bool // matches and included, without version
	found []Version
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
	for i := range from {
		if from[i].Key.Type != inc.Type {
			continue
		}
		keys, err := w.l.IndexKeys(plain(from[i].Key))
		if err != nil {
			return err
		}
		for _, target := range targets(keys, inc) {
			if w.seen[target] {
				continue
			}
			version, err := w.l.Current(target)
			if err == nil && version != nil {
				err = w.add(version)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// targets are the local resources that index keys refer to, whatever version they name.
func targets(keys []string, inc search.Include) []fhir.Key {
	prefix := search.ReferencePrefix(inc.Index, "")
	prefix = prefix[:len(prefix)-1] // without the slash behind the type
	var found []fhir.Key
	for i, _ := slices.BinarySearch(keys, prefix); i < len(keys) && strings.HasPrefix(keys[i], prefix); i++ {
		typ, id, _ := strings.Cut(keys[i][len(prefix):], "/")
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
	var referred search.Or
	for i := range from {
		if key := from[i].Key; inc.Target == "" || inc.Target == key.Type {
			reference := search.ReferencePrefix(inc.Index, key.Type) + key.ID
			referred = append(referred, search.Keys{Lo: reference, Hi: reference + "\x00"})
		}
	}
	for chunk := range slices.Chunk(referred, revChunk) {
		// Matches among the answers do not count, so more than the limit are asked for.
		versions, err := w.l.Matching(inc.Type, chunk, MaxIncluded+len(w.seen)+1)
		if err != nil {
			return err
		}
		for i := range versions {
			if !w.seen[plain(versions[i].Key)] {
				if err := w.add(&versions[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *includer) add(v *Version) error {
	if len(w.found) == MaxIncluded {
		return fmt.Errorf("more than %d resources to include: %w", MaxIncluded, ErrTooCostly)
	}
	w.seen[plain(v.Key)] = true
	w.found = append(w.found, *v)
	return nil
}
