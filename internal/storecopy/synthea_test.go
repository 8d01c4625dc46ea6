package storecopy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/testfiles"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// TestThereAndBack copies patients of Synthea, with updates and deletions, from the embedded store to MongoDB and back: all three have the same histories and answer searches alike. On FerretDB, which reads
// whole collections for each query, it is some hundred resources; with FIRTH_TEST_MONGODB_URI all.
func TestThereAndBack(t *testing.T) {
	uri, files, most := os.Getenv(teststore.ServerVariable), 60, 1<<30
	if testing.Short() && uri == "" {
		t.Skip("starts FerretDB")
	}
	if uri == "" {
		started, stop, err := teststore.StartFerretDB()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		uri, files, most = started, 3, 240
	}
	r := registry(t)
	from, back := open(t), open(t)
	types := fill(t, from, r, resources(t, files, most))
	middle := teststore.PlaceOn(t, uri, !teststore.Real()).Open(t, teststore.Options{})
	teststore.CloseLater(t, middle)
	// The first run is cut off.
	broken := &failing{Store: middle, State: middle.(store.State), left: 2}
	if _, err := Run(t.Context(), Options{From: from, To: broken, Registry: r, Page: 50}, &Progress{}); !errors.Is(err, errPower) {
		t.Fatal(err)
	}
	var p Progress
	there, err := Run(t.Context(), Options{From: from, To: middle, Registry: r}, &p)
	if err != nil {
		t.Fatal(err)
	}
	if p.Copied()+100 != there.Versions || p.Done() != p.Steps() {
		t.Errorf("%d versions copied of %d, behind 100; %d of %d steps", p.Copied(), there.Versions, p.Done(), p.Steps())
	}
	again, err := Run(t.Context(), Options{From: middle, To: back, Registry: r}, &Progress{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(there, again); diff != "" {
		t.Errorf("there and back (-there +back):\n%s", diff)
	}
	queries := searches(t, from, types)
	want := everything(t, from, r, types, queries)
	for name, s := range map[string]store.Store{"MongoDB": middle, "back": back} {
		if diff := cmp.Diff(want, everything(t, s, r, types, queries)); diff != "" {
			t.Errorf("%s (-source +copy):\n%.8000s", name, diff)
		}
		if _, err := store.Unwrap(s).(store.Checker).Check(t.Context(), func(f store.Finding) { t.Errorf("%s: %s: %s", name, f.Key, f.Text) }); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d versions of %d types, %d answers", there.Versions, len(types), len(want))
}

// resources are those of files of Synthea, with references between them. What is in several files, such as an Organization, is taken once.
func resources(t *testing.T, files, most int) (all []*fhir.Resource) {
	t.Helper()
	seen := map[fhir.Key]bool{}
	names, err := filepath.Glob("../../../shared/data/synthea/*.json.gz")
	if err != nil || len(names) == 0 {
		t.Skip("../shared/data/synthea is not there")
	}
	names = names[:min(files, len(names))]
	for _, name := range names {
		var bundle struct {
			Entry []struct {
				FullURL  string
				Resource json.RawMessage
			}
		}
		if err := json.Unmarshal(testfiles.Read(t, name), &bundle); err != nil {
			t.Fatal(err)
		}
		var pairs []string
		for _, e := range bundle.Entry {
			var head struct{ ResourceType, ID string }
			if err := json.Unmarshal(e.Resource, &head); err != nil {
				t.Fatal(err)
			}
			pairs = append(pairs, e.FullURL, head.ResourceType+"/"+head.ID)
		}
		resolve := strings.NewReplacer(pairs...)
		for i, e := range bundle.Entry {
			if i >= most/len(names) {
				break
			}
			res, err := fhir.ParseResource([]byte(resolve.Replace(string(e.Resource))))
			if err != nil {
				t.Fatal(err)
			}
			if key := (fhir.Key{Type: res.Type(), ID: res.ID()}); !seen[key] {
				seen[key] = true
				all = append(all, res)
			}
		}
	}
	return all
}

// fill creates resources, updates every fifth, deletes every seventh, and creates every second of those again. It returns their types.
func fill(t *testing.T, s store.Store, r *search.Registry, all []*fhir.Resource) (types []string) {
	t.Helper()
	op := func(method store.Method, res *fhir.Resource) store.Op {
		op := store.Op{Method: method, Key: fhir.Key{Type: res.Type(), ID: res.ID()}}
		if method == store.Delete {
			return op
		}
		var err error
		if op.Resource, err = res.Stamp(res.ID()); err == nil {
			op.Keys, err = r.Extract(res)
		}
		if err != nil {
			t.Fatal(err)
		}
		op.Measure = search.MeasureOf(res)
		return op
	}
	var steps []store.Op
	each := func(n, rest int, method store.Method) {
		for i, res := range all {
			if i%n == rest {
				steps = append(steps, op(method, res))
			}
		}
	}
	each(1, 0, store.Create)
	each(5, 3, store.Update)
	each(7, 2, store.Delete)
	each(14, 2, store.Update)
	for i := 0; i < len(steps); {
		chunk, seen := []store.Op{}, map[fhir.Key]bool{}
		for ; i < len(steps) && len(chunk) < 30 && !seen[steps[i].Key]; i++ {
			seen[steps[i].Key] = true
			chunk = append(chunk, steps[i])
		}
		if _, err := s.Apply(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
	}
	for _, res := range all {
		types = append(types, res.Type())
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// searches asks for what the data has: some of each kind.
func searches(t *testing.T, s store.Store, types []string) (queries []string) {
	t.Helper()
	for _, typ := range types {
		queries = append(queries, typ+"?", typ+"?_sort=_id", typ+"?_sort=-_lastUpdated,_id", typ+"?_lastUpdated=gt2000")
	}
	page, err := s.(store.Reindexer).Walk(t.Context(), store.WalkQuery{Type: "Patient", Limit: 1})
	if err != nil || len(page.Versions) == 0 {
		t.Fatal("no Patient", err)
	}
	id := page.Versions[0].Key.ID
	queries = append(queries, "Patient?_has:Observation:patient:code=http://loinc.org|8302-2", "Patient?gender:not=male", "Patient?birthdate=lt1970&_sort=birthdate", "Patient?_sort=family,given,_id",
		"Patient?death-date:missing=true", "Encounter?class=AMB&_include=Encounter:patient", "Encounter?date=ge2012&_sort=-date,_id", "Condition?subject:Patient.gender=female", "Condition?code:text=disorder",
		"Condition?onset-date=ge2000&_sort=onset-date,_id", "Observation?code=http://loinc.org|8302-2&_sort=-date,_id", "Observation?value-quantity=gt50&_sort=value-quantity,_id",
		"Observation?code-value-quantity=http://loinc.org|29463-7$gt20", "Observation?component-code=http://loinc.org|8480-6", "Observation?category:not=vital-signs", "Observation?date=2010,2011,2012,2013,2014",
		"Observation?value-quantity=gt0.1|http://unitsofmeasure.org|m", "Claim?_count=5", "Procedure?patient:Patient.family:contains=a", "Organization?name:contains=e&_revinclude=Encounter:service-provider")
	for _, typ := range []string{"Observation", "Encounter", "Condition", "Procedure", "Immunization"} {
		queries = append(queries, typ+"?patient="+id+"&_sort=_id", typ+"?patient:missing=true")
	}
	return append(queries, "Observation?patient="+id+"&code=http://loinc.org|8302-2&_sort=-date,_id", "Patient?_id="+id+"&_revinclude=Observation:patient&_revinclude=Condition:patient")
}

// everything is what a store says: the histories of all, of types and of instances, and searches.
func everything(t *testing.T, s store.Store, r *search.Registry, types, queries []string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	system := histories(t, s, store.HistoryQuery{})
	all["history"] = system
	for _, typ := range types {
		all["history of "+typ] = histories(t, s, store.HistoryQuery{Type: typ})
	}
	for i, line := range system {
		key, _, _ := strings.Cut(line, " ")
		parts := strings.Split(key, "/")
		if i%9 == 0 {
			all["history of "+parts[0]+"/"+parts[1]] = histories(t, s, store.HistoryQuery{Type: parts[0], ID: parts[1]})
		}
	}
	found := 0
	for _, query := range queries {
		all[query] = answersTo(t, s, r, query)
		if len(all[query]) > 1 {
			found++
		}
	}
	if found < len(queries)/2 {
		t.Errorf("only %d of %d searches find anything", found, len(queries))
	}
	return all
}

func histories(t *testing.T, s store.Store, q store.HistoryQuery) (all []string) {
	t.Helper()
	for q.Count = 100; ; {
		page, err := s.History(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			all = append(all, fmt.Sprint(v.Key, " ", v.Method, " ", v.LastUpdated, " ", string(v.JSON)))
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
}

// answersTo pages through a search: ids, what is included, and the total.
func answersTo(t *testing.T, s store.Store, r *search.Registry, query string) (all []string) {
	t.Helper()
	typ, rest, _ := strings.Cut(query, "?")
	pairs, err := search.ParseQuery(rest)
	if err != nil {
		t.Fatal(query, err)
	}
	request, err := r.Parse(typ, pairs, search.ParseOptions{Strict: true, DefaultCount: 50, MaxCount: 100})
	if err != nil {
		t.Fatal(query, err)
	}
	request.Query.Total = search.Accurate // how much counting is too much, each store says for itself
	for q := request.Query; ; {
		page, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatal(query, err)
		}
		for _, v := range page.Matches {
			all = append(all, v.Key.String())
		}
		for _, v := range page.Included {
			all = append(all, "include "+v.Key.String())
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return append(all, fmt.Sprint("total ", page.Total))
		}
	}
}
