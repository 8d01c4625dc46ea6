package acceptance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
)

// inCompartment tells by which elements a resource belongs to a compartment: the paths of the parameters of R4's CompartmentDefinitions, written out by hand
// for the types of the test data.
var inCompartment = map[string]map[string][][]string{
	"Patient": {
		"Patient": {path("link", "other")}, "RelatedPerson": {path("patient")}, "Encounter": {path("subject")}, "Condition": {path("subject"), path("asserter")},
		"Observation": {path("subject"), path("performer")}, "MedicationRequest": {path("subject")}, "Procedure": {path("subject"), path("performer", "actor")},
		"Immunization": {path("patient")}, "DiagnosticReport": {path("subject")}, "CarePlan": {path("subject"), path("activity", "detail", "performer")},
		"CareTeam": {path("subject"), path("participant", "member")}, "Goal": {path("subject")}, "AllergyIntolerance": {path("patient"), path("recorder"), path("asserter")},
		"Claim": {path("patient"), path("payee", "party")}, "Coverage": {path("policyHolder"), path("subscriber"), path("beneficiary"), path("payor")},
		"ExplanationOfBenefit": {path("patient"), path("payee", "party")}, "ImagingStudy": {path("subject")}, "DocumentReference": {path("subject"), path("author")},
		"Provenance": {path("target")}, "Group": {path("member", "entity")}, "Appointment": {path("participant", "actor")}, "Composition": {path("subject"), path("author"), path("attester", "party")},
	},
	"Encounter": {
		"CarePlan": {path("encounter")}, "CareTeam": {path("encounter")}, "Claim": {path("item", "encounter")}, "Composition": {path("encounter")}, "Condition": {path("encounter")},
		"DiagnosticReport": {path("encounter")}, "ExplanationOfBenefit": {path("item", "encounter")}, "MedicationRequest": {path("encounter")}, "Observation": {path("encounter")}, "Procedure": {path("encounter")},
	},
	"Device": {
		"Appointment": {path("participant", "actor")}, "Claim": {path("procedure", "udi"), path("item", "udi"), path("item", "detail", "udi"), path("item", "detail", "subDetail", "udi")},
		"Composition": {path("author")}, "DiagnosticReport": {path("subject")}, "DocumentReference": {path("subject"), path("author")}, "Group": {path("member", "entity")},
		"Observation": {path("subject"), path("device")}, "Provenance": {path("agent", "who")},
	},
}

// clinicalDate is the element that start and end are about.
var clinicalDate = map[string][]string{
	"Encounter": path("period"), "Condition": path("onset"), "Observation": path("effective"), "Claim": path("created"), "ExplanationOfBenefit": path("created"), "Procedure": path("performed"),
	"Immunization": path("occurrence"), "MedicationRequest": path("authoredOn"), "DiagnosticReport": path("effective"), "CarePlan": path("period"), "CareTeam": path("period"), "Goal": path("startDate"),
	"AllergyIntolerance": path("onset"), "ImagingStudy": path("started"), "DocumentReference": path("date"), "Provenance": path("occurred"), "Appointment": path("start"), "Composition": path("date"),
}

// datesOf reads the clinical dates, whatever type they have.
func datesOf(s stored) []span {
	at := clinicalDate[s.typ]
	if at == nil {
		return nil
	}
	var all []span
	for _, ending := range []string{"", "DateTime", "Date", "Period", "Instant"} {
		all = append(all, spans(s.body, at[0]+ending)...)
	}
	return all
}

// asked are the parameters of $everything.
type asked struct {
	start, end string
	types      []string
	changed    func(key string) bool // since; nil without
}

func (a asked) inTime(s stored) bool {
	dates := datesOf(s)
	if len(dates) == 0 {
		return true
	}
	for _, d := range dates {
		if (a.start == "" || d.high.After(spanOf(a.start).low)) && (a.end == "" || d.low.Before(spanOf(a.end).high)) {
			return true
		}
	}
	return false
}

// references collects what a resource refers to, attachments in Binary resources included.
func references(v any, found map[string]bool) {
	switch x := v.(type) {
	case []any:
		for _, item := range x {
			references(item, found)
		}
	case object:
		for name, item := range x {
			if text, ok := item.(string); ok && (name == "reference" || name == "url" && strings.HasPrefix(text, "Binary/")) {
				found[text] = true
			}
			references(item, found)
		}
	}
}

// expectEverything walks all resources. The focus is Type/id, or a type for all of it.
func (w *world) expectEverything(focus string, a asked) []string {
	of, _, isOne := strings.Cut(focus, "/")
	isMember := func(s stored) bool {
		if key(s) == focus || s.typ == focus {
			return true
		}
		for _, at := range inCompartment[of][s.typ] {
			for _, target := range texts(s.body, append(slices.Clone(at), "reference")...) {
				if target == focus || !isOne && strings.HasPrefix(target, focus+"/") {
					return true
				}
			}
		}
		return false
	}
	wanted := func(typ string) bool { return len(a.types) == 0 || slices.Contains(a.types, typ) }
	isNew := func(key string) bool { return a.changed == nil || a.changed(key) || key == focus }
	out, members, byNew, byAny := []string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range w.all {
		if !isMember(s) {
			continue
		}
		members[key(s)] = true
		if !a.inTime(s) {
			continue
		}
		references(s.body, byAny)
		if isNew(key(s)) {
			references(s.body, byNew)
			if wanted(s.typ) {
				out = append(out, key(s)+" match")
			}
		}
	}
	for _, s := range w.all {
		k := key(s)
		if !members[k] && wanted(s.typ) && (byNew[k] || byAny[k] && isNew(k)) {
			out = append(out, k+" include")
		}
	}
	slices.Sort(out)
	return out
}

// followEverything reads all pages, in their order.
func followEverything(t *testing.T, address string, most int) []string {
	t.Helper()
	out := []string{}
	for pages := 0; address != ""; pages++ {
		bundle := get(t, address)
		entries := values(bundle, "entry")
		if most > 0 && len(entries) > most || pages > 0 && len(entries) == 0 || pages > 2000 {
			t.Fatalf("%s: page %d has %d entries", address, pages, len(entries))
		}
		for _, entry := range entries {
			out = append(out, texts(entry, "resource", "resourceType")[0]+"/"+texts(entry, "resource", "id")[0]+" "+texts(entry, "search", "mode")[0])
		}
		address = ""
		for _, link := range values(bundle, "link") {
			if texts(link, "relation")[0] == "next" {
				address = texts(link, "url")[0]
			}
		}
	}
	return out
}

// query writes the parameters; since is the instant that changed stands for.
func (a asked) query(since string, count int) string {
	v := url.Values{}
	for name, value := range map[string]string{"start": a.start, "end": a.end, "_type": strings.Join(a.types, ",")} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if a.changed != nil {
		v.Set("_since", since)
	}
	if count > 0 {
		v.Set("_count", fmt.Sprint(count))
	}
	return "?" + v.Encode()
}

// checkEverything compares the whole and its pages.
func (w *world) checkEverything(t *testing.T, focus string, a asked, since string, counts ...int) {
	t.Helper()
	want := w.expectEverything(focus, a)
	whole := followEverything(t, w.base+"/"+focus+"/$everything"+a.query(since, 0), 0)
	sorted := slices.AppendSeq([]string{}, slices.Values(whole))
	slices.Sort(sorted)
	if d := cmp.Diff(want, sorted); d != "" {
		t.Errorf("%s %s: -want +got:\n%s", focus, a.query(since, 0), d)
	}
	for _, count := range counts {
		if d := cmp.Diff(whole, followEverything(t, w.base+"/"+focus+"/$everything"+a.query(since, count), count)); d != "" {
			t.Errorf("%s %s: -whole +pages:\n%s", focus, a.query(since, count), d)
		}
	}
}

func TestEverythingAgainstWalk(t *testing.T) {
	for name, load := range map[string]func(*testing.T) *world{
		"record":  recordWorld,
		"synthea": func(t *testing.T) *world { return syntheaWorld(t, 4) },
	} {
		t.Run(name, func(t *testing.T) {
			w := load(t)
			dated := []asked{{}, {start: "2026-01-10", end: "2026-01-10"}, {end: "2012-06"}, {start: "2011"}, {start: "2010-03-01", end: "2013-02"}}
			typed := []asked{{types: []string{"Observation", "Condition"}}, {types: []string{"Practitioner", "Organization"}}, {types: []string{"Patient", "Encounter", "Location"}, start: "2012"}}
			for _, focus := range append(w.keys("Patient"), "Patient") {
				for i, a := range slices.Concat(dated, typed) {
					var counts []int
					if i == 0 || i == 6 {
						counts = []int{7, 50}
					}
					w.checkEverything(t, focus, a, "", counts...)
				}
			}
			encounters := w.keys("Encounter")
			for _, focus := range append(encounters[:min(teststore.Size(12, 2), len(encounters))], w.keys("Device")...) {
				w.checkEverything(t, focus, asked{}, "", 1, 3)
				w.checkEverything(t, focus, asked{types: []string{"Observation", "Practitioner"}}, "")
			}
			w.checkChanged(t)
		})
	}
}

// checkChanged changes every ninth resource and asks for what changed since.
func (w *world) checkChanged(t *testing.T) {
	t.Helper()
	time.Sleep(10 * time.Millisecond) // the instants of versions have milliseconds, and those of the changes must be others
	changed, since := map[string]bool{}, ""
	for i, s := range w.all {
		if i%9 != 4 {
			continue
		}
		body, err := json.Marshal(s.body)
		if err != nil {
			t.Fatal(err)
		}
		answered := replace(t, w.base+"/"+key(s), string(body))
		if changed[key(s)] = true; since == "" {
			since = texts(answered, "meta", "lastUpdated")[0]
		}
	}
	isChanged := func(key string) bool { return changed[key] }
	for _, focus := range append(w.keys("Patient"), "Patient", w.keys("Encounter")[0]) {
		w.checkEverything(t, focus, asked{changed: isChanged}, since, 5)
		w.checkEverything(t, focus, asked{changed: isChanged, types: []string{"Practitioner", "Organization", "Observation"}}, since)
	}
}

// TestDocumentAgainstWalk compares the entries of documents with a walk from the Composition, breadth first in the order of the text.
func TestDocumentAgainstWalk(t *testing.T) {
	w := recordWorld(t)
	for _, start := range w.keys("Composition") {
		want, seen := []string{start}, map[string]bool{start: true}
		for i := 0; i < len(want); i++ {
			for _, target := range orderedReferences(t, w.byKey[want[i]]) {
				if w.byKey[target] != nil && !seen[target] {
					seen[target] = true
					want = append(want, target)
				}
			}
		}
		bundle := get(t, w.base+"/"+start+"/$document")
		var got []string
		for _, entry := range values(bundle, "entry") {
			name := texts(entry, "resource", "resourceType")[0] + "/" + texts(entry, "resource", "id")[0]
			if texts(entry, "fullUrl")[0] != w.base+"/"+name {
				t.Error(texts(entry, "fullUrl"))
			}
			body := entry.(object)["resource"].(object)
			delete(body, "meta")
			if d := cmp.Diff(w.byKey[name], body); d != "" {
				t.Errorf("%s: -want +got:\n%s", name, d)
			}
			got = append(got, name)
		}
		if d := cmp.Diff(want, got); d != "" || len(want) < 3 {
			t.Errorf("%s: -want +got:\n%s", start, d)
		}
	}
}
