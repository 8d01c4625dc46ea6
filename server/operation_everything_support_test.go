package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// TestEverythingOfAllPatients asks for the records of all patients.
func TestEverythingOfAllPatients(t *testing.T) {
	f := everythingFixture(t)
	f.put(t, "/Observation/ofdevice", `{"resourceType":"Observation","id":"ofdevice","status":"final","code":{"text":"x"},"subject":{"reference":"Device/d"}}`)
	all := []string{"Patient/p match", "Patient/q match", "Encounter/e match", "Observation/o0 match", "Observation/o1 match", "Observation/o2 match", "Observation/undated match", "Observation/ofq match",
		"Device/d include", "Practitioner/dr include"}
	for _, query := range []string{"", "?_count=1", "?_count=3", "?_count=8", "?_count=100000"} {
		got, _ := recordOf(t, f, "/Patient/$everything"+query)
		diff(t, all, got)
	}
	got, _ := recordOf(t, f, "/Patient/$everything?_type=Encounter,Device&start=2026-01-12")
	diff(t, []string{"Device/d include"}, got)
	if got := f.do("GET", "/Patient/$everything", "", "Prefer", "respond-async"); got.status != http.StatusAccepted || got.header.Get("Content-Location") == "" {
		t.Error(got.status, got.body)
	}
	if self := parseBundle(t, f.do("GET", "/Patient/$everything?_count=1", "").body).link("self"); self != f.base+"/Patient/$everything?_count=1" {
		t.Error(self)
	}
}

// TestEverythingSupports shows which resources outside of the compartment come.
func TestEverythingSupports(t *testing.T) {
	f := everythingFixture(t)
	f.put(t, "/Patient/twin", `{"resourceType":"Patient","id":"twin","link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]}`)
	f.put(t, "/Binary/scan", `{"resourceType":"Binary","id":"scan","contentType":"text/plain","data":"eA=="}`)
	f.put(t, "/DocumentReference/doc", `{"resourceType":"DocumentReference","id":"doc","status":"current","subject":{"reference":"Patient/q"},"date":"2026-01-01T00:00:00Z","content":[{"attachment":{"url":"`+f.base+`/Binary/scan"}}]}`)
	f.put(t, "/MedicationRequest/m", `{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","subject":{"reference":"Patient/q"},"authoredOn":"2020-01-01","medicationReference":{"reference":"Medication/x"}}`)
	f.put(t, "/Medication/x", `{"resourceType":"Medication","id":"x"}`)
	f.put(t, "/Goal/g", `{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient/q"},"startDate":"2020-01-01"}`)
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"attachments, medications, linked patients", "/Patient/q/$everything", []string{"Patient/q match", "Patient/twin match", "DocumentReference/doc match", "Goal/g match", "MedicationRequest/m match", "Observation/ofq match",
			"Binary/scan include", "Device/d include", "Medication/x include"}},
		{"only what supports", "/Patient/q/$everything?_type=Binary,Medication", []string{"Binary/scan include", "Medication/x include"}},
		{"dates of a request and a goal", "/Patient/q/$everything?start=2021-01-01", []string{"Patient/q match", "Patient/twin match", "DocumentReference/doc match", "Observation/ofq match", "Binary/scan include", "Device/d include"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := recordOf(t, f, c.path)
			diff(t, c.want, got)
		})
	}
	before := f.do("GET", "/Binary/scan", "", "Accept", "application/fhir+json").header.Get("Last-Modified")
	if before == "" {
		t.Fatal("no Last-Modified")
	}
	// A medication that changes comes although the request that names it did not.
	instant := resourceInstant(t, f, "/Goal/g")
	f.put(t, "/Medication/x", `{"resourceType":"Medication","id":"x","status":"active"}`)
	got, _ := recordOf(t, f, "/Patient/q/$everything?_since="+instant)
	diff(t, []string{"Patient/q match", "Goal/g match", "Medication/x include"}, got)
}

// resourceInstant is meta.lastUpdated.
func resourceInstant(t *testing.T, f *fixture, path string) string {
	t.Helper()
	_, rest, _ := strings.Cut(f.do("GET", path, "").body, `"lastUpdated":"`)
	instant, _, _ := strings.Cut(rest, `"`)
	return instant
}

// TestEverythingSupportsOnce has more supporting resources than a link could name, pages, and writes in between.
func TestEverythingSupportsOnce(t *testing.T) {
	f := newFixture(t)
	f.put(t, "/Patient/p", `{"resourceType":"Patient","id":"p"}`)
	var want []string
	for i := range 400 {
		f.put(t, fmt.Sprintf("/Practitioner/dr%03d", i), fmt.Sprintf(`{"resourceType":"Practitioner","id":"dr%03d"}`, i))
		f.put(t, fmt.Sprintf("/Observation/o%03d", i), fmt.Sprintf(`{"resourceType":"Observation","id":"o%03d","subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/dr%03d"},{"reference":"Practitioner/dr%03d"}]}`, i, i, (i*7)%400))
		want = append(want, fmt.Sprintf("Practitioner/dr%03d include", i), fmt.Sprintf("Observation/o%03d match", i))
	}
	want = append(want, "Patient/p match")
	var got []string
	pages := 0
	for path := "/Patient/p/$everything?_count=37"; path != ""; pages++ {
		b := parseBundle(t, f.do("GET", path, "").body)
		if len(b.Entry) > 37 || len(b.Entry) == 0 {
			t.Errorf("%d entries", len(b.Entry))
		}
		for _, e := range b.Entry {
			if !strings.HasPrefix(e.Resource.ID, "late") {
				got = append(got, e.Resource.ResourceType+"/"+e.Resource.ID+" "+e.Search.Mode)
			}
		}
		late := fmt.Sprintf("late%d", pages)
		f.put(t, "/Practitioner/"+late, `{"resourceType":"Practitioner","id":"`+late+`"}`)
		f.put(t, "/Observation/"+late, `{"resourceType":"Observation","id":"`+late+`","subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/`+late+`"}]}`)
		path = b.link("next")
	}
	slices.Sort(want)
	slices.Sort(got)
	diff(t, want, got)
}

// onlyPatient is a grant for the record of one patient and for the types named.
type onlyPatient struct {
	s     *Server
	id    string
	types []string
}

func (g onlyPatient) Allow(_ context.Context, a Access) error {
	if a.Interaction == "search-type" && !slices.Contains(g.types, a.Key.Type) {
		return refuse(http.StatusForbidden, fhir.CodeForbidden, "", "not allowed")
	}
	return nil
}

func (g onlyPatient) Restrict(_ context.Context, q *search.Query) error {
	plan, err := g.s.search.InCompartment(fhir.Key{Type: "Patient", ID: g.id}, q.Type)
	if err == nil {
		q.Plan = search.And{q.Plan, plan}
	}
	return nil //nolint:nilerr // a type that is in no compartment is open to all
}

func (g onlyPatient) Limit(typ string, _ auth.Action) (search.Plan, bool) {
	plan, err := g.s.search.InCompartment(fhir.Key{Type: "Patient", ID: g.id}, typ)
	if err != nil { // a type that is in no compartment is open to all
		return nil, true
	}
	return plan, true
}

func (onlyPatient) Owner() string { return "" }

func (g onlyPatient) Authenticate(*http.Request) (Grant, error) { return g, nil }

// TestEverythingGranted shows that the records of all patients are those that the caller may see.
func TestEverythingGranted(t *testing.T) {
	f := everythingFixture(t)
	f.server.authenticator = onlyPatient{f.server, "q", []string{"Patient", "Observation", "Device", "Practitioner"}}
	for _, path := range []string{"/Patient/$everything", "/Patient/$everything?_count=1", "/Patient/q/$everything"} {
		got, _ := recordOf(t, f, path)
		diff(t, []string{"Patient/q match", "Observation/ofq match", "Device/d include"}, got)
	}
	f.server.authenticator = onlyPatient{f.server, "q", []string{"Observation"}}
	if got := f.do("GET", "/Patient/$everything", ""); got.status != http.StatusForbidden {
		t.Error(got.status, got.body)
	}
}
