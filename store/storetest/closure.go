package storetest

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// included computes what a page of matches includes from the keys of all resources, as Type/id, sorted. It repeats until nothing is added (R4
// search.html#include).
func (d *differential) included(q *search.Query, matches []store.Version) []string {
	var from []fhir.Key
	there := map[fhir.Key]bool{}
	for _, m := range matches {
		key := fhir.Key{Type: m.Key.Type, ID: m.Key.ID}
		from = append(from, key)
		there[key] = true
	}
	all := []string{}
	for first := true; len(from) > 0; first = false {
		var found []fhir.Key
		for key := range d.current {
			if !there[key] && d.isIncluded(q, key, from, first) {
				found = append(found, key)
			}
		}
		for _, key := range found {
			there[key] = true
			all = append(all, key.String())
		}
		from = found
	}
	slices.Sort(all)
	return all
}

// isIncluded reports whether one of the resources in from leads to the one of key, or is led to by it.
func (d *differential) isIncluded(q *search.Query, key fhir.Key, from []fhir.Key, first bool) bool {
	for _, other := range from {
		for _, inc := range q.Include {
			if (first || inc.Iterate) && inc.Type == other.Type && (inc.Target == "" || inc.Target == key.Type) && d.refers(other, inc.Index, key, true) {
				return true
			}
		}
		for _, inc := range q.RevInclude {
			if (first || inc.Iterate) && inc.Type == key.Type && (inc.Target == "" || inc.Target == other.Type) && d.refers(key, inc.Index, other, false) {
				return true
			}
		}
	}
	return false
}

// refers reports whether a resource refers to another under an index.
func (d *differential) refers(from fhir.Key, index string, to fhir.Key, versions bool) bool {
	want := index + search.Separator + "r" + to.Type + "/" + to.ID
	return slices.ContainsFunc(d.current[from], func(key string) bool {
		return key == want || versions && strings.HasPrefix(key, want+"/_history/")
	})
}

// compareIncluded compares what a page includes.
func (d *differential) compareIncluded(q *search.Query, page *store.Page) {
	d.Helper()
	if len(q.Include)+len(q.RevInclude) == 0 {
		return
	}
	got := make([]string, 0, len(page.Included))
	for _, v := range page.Included {
		got = append(got, v.Key.Type+"/"+v.Key.ID)
	}
	slices.Sort(got)
	if diff := cmp.Diff(d.included(q, page.Matches), got); diff != "" || page.Cut {
		d.Errorf("included (-want +got), cut %v:\n%sinclude %+v, reverse %+v of %s", page.Cut, diff, q.Include, q.RevInclude, describe(q))
	}
}
