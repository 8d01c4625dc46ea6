package storetest

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// edge is a reference from one resource that exists to another.
type edge struct {
	from, to fhir.Key
	index    string
	version  bool // it names a version, which only _include follows
}

// references lists the edges among what exists. They are read from the keys once after each write.
func (d *differential) references() []edge {
	if d.edges != nil {
		return d.edges
	}
	d.edges = []edge{}
	for from, keys := range d.current {
		for _, key := range keys {
			index, rest, _ := strings.Cut(key, search.Separator+"r")
			parts := strings.Split(rest, "/")
			if len(parts) != 2 && (len(parts) != 4 || parts[2] != "_history") {
				continue
			}
			if to := (fhir.Key{Type: parts[0], ID: parts[1]}); d.current[to] != nil {
				d.edges = append(d.edges, edge{from, to, index, len(parts) == 4})
			}
		}
	}
	return d.edges
}

// included computes what a page of matches includes from the references between all resources, as Type/id, sorted. It repeats until nothing is added (R4
// search.html#include).
func (d *differential) included(q *search.Query, matches []store.Version) []string {
	there, newest := map[fhir.Key]bool{}, map[fhir.Key]bool{}
	for _, m := range matches {
		key := fhir.Key{Type: m.Key.Type, ID: m.Key.ID}
		there[key], newest[key] = true, true
	}
	all := []string{}
	hidden := d.hidden(q)
	for first := true; len(newest) > 0; first = false {
		found := map[fhir.Key]bool{}
		for _, e := range d.references() {
			for _, inc := range q.Include {
				if (first || inc.Iterate) && newest[e.from] && inc.Type == e.from.Type && inc.Index == e.index && (inc.Target == "" || inc.Target == e.to.Type) {
					found[e.to] = true
				}
			}
			for _, inc := range q.RevInclude {
				if (first || inc.Iterate) && newest[e.to] && !e.version && inc.Type == e.from.Type && inc.Index == e.index && (inc.Target == "" || inc.Target == e.to.Type) {
					found[e.from] = true
				}
			}
		}
		newest = map[fhir.Key]bool{}
		for key := range found {
			if !there[key] && !hidden[key] {
				there[key], newest[key] = true, true
				all = append(all, key.String())
			}
		}
	}
	slices.Sort(all)
	return all
}

// hidden lists what exists and is not visible to a query.
func (d *differential) hidden(q *search.Query) map[fhir.Key]bool {
	hidden := map[fhir.Key]bool{}
	if q.Visible == nil {
		return hidden
	}
	for key := range d.current {
		hidden[key] = true
	}
	for _, typ := range []string{"Patient", "Observation", "List"} {
		of, ok := q.Visible(typ)
		if of == nil {
			of = search.All{}
		}
		if ok {
			for _, id := range d.memory.Order(&search.Query{Type: typ, Plan: of}) {
				delete(hidden, fhir.Key{Type: typ, ID: id})
			}
		}
	}
	return hidden
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
