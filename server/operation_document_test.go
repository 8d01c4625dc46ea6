package server

import (
	"strings"
	"testing"
)

func TestDocument(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	const patient = `{"resourceType":"Patient","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"id":"p"}`
	f.put(t, "/Patient/p", `{"resourceType":"Patient","id":"p"}`)
	f.put(t, "/Medication/x", `{"resourceType":"Medication","id":"x","manufacturer":{"reference":"Organization/none"}}`)
	f.put(t, "/MedicationStatement/m", `{"resourceType":"MedicationStatement","id":"m","status":"active","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/x"}}`)
	f.put(t, "/Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
	composition := func(id, more string) string {
		return `{"resourceType":"Composition","id":"` + id + `","status":"final","type":{"text":"x"},"subject":{"reference":"Patient/p"},"date":"2026-01-01","author":[{"reference":"BASE/Practitioner/dr"}],"title":"x"` + more + `}`
	}
	for id, more := range map[string]string{"c": `,"section":[{"entry":[{"reference":"Patient/p"},{"reference":"http://example.org/fhir/Observation/1"}]}]`, "drugs": `,"section":[{"entry":[{"reference":"MedicationStatement/m"}]}]`, "broken": `,"custodian":{"reference":"Organization/none"}`} {
		f.put(t, "/Composition/"+id, strings.ReplaceAll(composition(id, more), "BASE", f.base))
	}
	got := f.do("GET", "/Composition/c/$document", "")
	b := parseBundle(t, got.body)
	var order []string
	for _, e := range b.Entry {
		order = append(order, strings.TrimPrefix(e.FullURL, f.base+"/"))
	}
	diff(t, []string{"Composition/c", "Patient/p", "Practitioner/dr"}, order)
	head := `{"resourceType":"Bundle","id":"id-8","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"document","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:id-8"},` +
		`"timestamp":"2026-06-01T00:00:00.000Z","entry":[{"fullUrl":"` + f.base + `/Composition/c","resource":{`
	if !strings.HasPrefix(got.body, head) || !strings.Contains(got.body, `,{"fullUrl":"`+f.base+`/Patient/p","resource":`+patient+`}`) {
		t.Error(got.body)
	}
	order = nil
	for _, e := range parseBundle(t, f.do("GET", "/Composition/drugs/$document", "").body).Entry {
		order = append(order, strings.TrimPrefix(e.FullURL, f.base+"/"))
	}
	diff(t, []string{"Composition/drugs", "Patient/p", "Practitioner/dr", "MedicationStatement/m", "Medication/x"}, order)
	f.run(t, []step{
		{name: "by parameter", method: "GET", path: "/Composition/$document?id=c", status: 200, answer: `..."type":"document"`},
		{name: "stored", method: "POST", path: "/Composition/c/$document?persist=true", status: 200, want: []string{"Location: BASE/Bundle/id-11/_history/1", `ETag: W/"1"`}, answer: `..."type":"document"`},
		{name: "read again", method: "GET", path: "/Bundle/id-11", status: 200, answer: `..."value":"urn:uuid:id-11"`},
		{name: "stored by GET", method: "GET", path: "/Composition/c/$document?persist=true", status: 400, answer: outcome("not-supported", "persist=true stores a Bundle; send the request by POST", "http.persist")},
		{name: "not asked to be stored", method: "GET", path: "/Composition/c/$document?persist=false", status: 200, want: []string{"Location:"}, answer: "*"},
		{name: "a reference to nothing", method: "GET", path: "/Composition/broken/$document", status: 422, answer: outcome("not-found", "Composition/broken refers to Organization/none, which is not there")},
		{name: "absent", method: "GET", path: "/Composition/none/$document", status: 404, answer: outcome("not-found", "Composition/none: not found")},
		{name: "absent, by parameter", method: "GET", path: "/Composition/$document?id=none", status: 404, answer: outcome("not-found", "Composition/none: not found")},
		{name: "twice", method: "GET", path: "/Composition/c/$document?id=c", status: 400, answer: outcome("invalid", "the URL names the Composition already", "http.id")},
		{name: "without", method: "GET", path: "/Composition/$document", status: 400, answer: outcome("required", "$document needs the parameter id, or the id of the Composition in the URL", "http.id")},
		{name: "elsewhere", method: "GET", path: "/Composition/$document?id=http://example.org/Composition/1", status: 400, answer: outcome("not-supported", "id must be the id of a Composition on this server", "http.id")},
		{name: "a graph", method: "GET", path: "/Composition/c/$document?graph=urn:g", status: 400, answer: outcome("not-supported", `documents are made of what the Composition refers to; the graph \"urn:g\" is not supported`, "http.graph")},
		{name: "persist what", method: "GET", path: "/Composition/c/$document?persist=1", status: 400, answer: outcome("value", "persist must be true or false", "http.persist")},
	})
}
