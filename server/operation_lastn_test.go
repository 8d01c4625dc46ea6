package server

import (
	"fmt"
	"strings"
	"testing"
)

// put stores a resource under the id in its body.
func (f *fixture) put(t testing.TB, path, body string) {
	t.Helper()
	if got := f.local("PUT", path, body); got.status != 201 && got.status != 200 {
		t.Fatal(path, got.status, got.body)
	}
}

// observation stores an Observation of Patient/p.
func (f *fixture) observation(t testing.TB, id, rest string) {
	t.Helper()
	f.put(t, "/Observation/"+id, `{"resourceType":"Observation","id":"`+id+`","status":"final","subject":{"reference":"Patient/p"},`+rest+`}`)
}

func loinc(codes ...string) string {
	for i, code := range codes {
		codes[i] = `{"system":"http://loinc.org","code":"` + code + `"}`
	}
	return `"code":{"coding":[` + strings.Join(codes, ",") + `]}`
}

func TestLastN(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	at := func(minute int) string { return fmt.Sprintf(`,"effectiveDateTime":"2026-01-01T12:%02d:00Z"`, minute) }
	f.observation(t, "hr1", loinc("8867-4")+at(1))
	f.observation(t, "hr2", loinc("8867-4")+at(2))
	f.observation(t, "hr2again", loinc("8867-4")+at(2))
	f.observation(t, "spo2", loinc("59408-5", "2708-6")+at(1))
	f.observation(t, "sat", loinc("2708-6")+at(3))
	f.observation(t, "note", `"code":{"text":"mood"}`+at(0))
	f.put(t, "/Observation/other", `{"resourceType":"Observation","id":"other","status":"final","subject":{"reference":"Patient/q"},`+loinc("8867-4")+at(9)+`}`)

	sat := `{"fullUrl":"BASE/Observation/sat","resource":{"resourceType":"Observation","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:09.000Z"},"id":"sat","status":"final",` +
		`"subject":{"reference":"Patient/p"},` + loinc("2708-6") + at(3) + `},"search":{"mode":"match"}}`
	parameters := func(list string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"patient","valueString":"p"},` + list + `]}`
	}
	f.run(t, []step{
		{name: "one code, exactly", method: "GET", path: "/Observation/$lastn?patient=p&code=2708-6", status: 200, want: []string{fhirJSON, "ETag:"},
			answer: `{"resourceType":"Bundle","id":"id-8","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"searchset","total":1,` +
				`"link":[{"relation":"self","url":"BASE/Observation/$lastn?patient=p&code=2708-6"}],"entry":[` + sat + `]}`},
		{name: "nothing", method: "GET", path: "/Observation/$lastn?patient=nobody&max=3", status: 200,
			answer: `{"resourceType":"Bundle","id":"id-9","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"searchset","total":0,` +
				`"link":[{"relation":"self","url":"BASE/Observation/$lastn?patient=nobody&max=3"}]}`},
		{name: "no subject", method: "GET", path: "/Observation/$lastn?code=8867-4", status: 400, answer: outcome("required", "$lastn needs the parameter patient or subject", "http.patient")},
		{name: "max of nothing", method: "GET", path: "/Observation/$lastn?patient=p&max=0", status: 400, answer: outcome("value", "max must be a whole number from 1 on", "http.max")},
		{name: "max of too much", method: "GET", path: "/Observation/$lastn?patient=p&max=1001", status: 413, answer: outcome("too-costly", "max may be 1000 at most", "http.max")},
		{name: "max twice", method: "GET", path: "/Observation/$lastn?patient=p&max=1&max=2", status: 400, answer: outcome("value", "max may be there once, and is there 2 times", "http.max")},
		{name: "unknown parameter", method: "GET", path: "/Observation/$lastn?patient=p&colour=blue", status: 400, answer: `..."expression":["http.colour"]`},
		{name: "order is fixed", method: "GET", path: "/Observation/$lastn?patient=p&_sort=date", status: 400, answer: `..."expression":["http._sort"]`},
		{name: "another type", method: "GET", path: "/Patient/$lastn", status: 404, answer: outcome("not-supported", "the operation $lastn is not offered here; it is at Observation/$lastn")},
		{name: "another level", method: "GET", path: "/Observation/hr1/$lastn", status: 404, answer: outcome("not-supported", "the operation $lastn is not offered here; it is at Observation/$lastn")},
		{name: "unknown operation", method: "GET", path: "/Observation/$firstn", status: 404, answer: outcome("not-supported", `the operation \"$firstn\" is not known to this server`)},
		{name: "a body that is no Parameters", method: "POST", path: "/Observation/$lastn", body: `{"resourceType":"Patient"}`, status: 400,
			answer: outcome("invalid", "the body of $lastn must be a Parameters resource, not a Patient", "Patient")},
		{name: "a malformed parameter in a body", method: "POST", path: "/Observation/$lastn", body: parameters(`{"name":"max","valuePositiveInt":-1}`), status: 400,
			answer: outcome("value", "max must be a whole number from 1 on", "Parameters.parameter[1]")},
		{name: "a parameter without a name", method: "POST", path: "/Observation/$lastn", body: parameters(`{"valueString":"x"}`), status: 400,
			answer: outcome("required", "a parameter needs a name", "Parameters.parameter[1].name")},
		{name: "a parameter without a value", method: "POST", path: "/Observation/$lastn", body: parameters(`{"name":"code"}`), status: 400,
			answer: outcome("required", "the parameter code has no value", "Parameters.parameter[1]")},
		{name: "in a batch", method: "POST", path: "", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/$lastn?patient=p&code=2708-6"}}]}`,
			status: 200, answer: `...,"total":1,"link":[{"relation":"self","url":"BASE/Observation/$lastn?patient=p&code=2708-6"}],"entry":[` + sat},
		{name: "in a transaction, malformed", method: "POST", path: "", status: 400,
			body:   `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation/$lastn"},"resource":` + parameters(`{"name":"max","valueInteger":0}`) + `}]}`,
			answer: outcome("value", "max must be a whole number from 1 on", "Bundle.entry[0].resource.parameter[1]")},
	})
	for _, c := range []struct {
		name, query string
		want        []string
	}{
		{"every group, ties too", "patient=p", []string{"sat", "hr2again", "hr2", "note"}},
		{"two of each", "patient=Patient/p&max=2", []string{"sat", "hr2again", "hr2", "spo2", "note"}},
		{"all", "subject=Patient/p&max=1000", []string{"sat", "hr2again", "hr2", "spo2", "hr1", "note"}},
		{"a chain", "subject:Patient._id=p&code=8867-4", nil},
		{"before", "patient=p&date=lt2026-01-01T12:02:00Z", []string{"spo2", "hr1", "note"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := f.local("GET", "/Observation/$lastn?"+c.query, ""); got.status == 200 {
				diff(t, c.want, parseBundle(t, got.body).ids())
			} else if c.want != nil {
				t.Error(got.status, got.body)
			}
		})
	}
	got := f.local("POST", "/Observation/$lastn?code=8867-4", parameters(`{"name":"max","valuePositiveInt":3}`))
	diff(t, []string{"hr2again", "hr2", "hr1"}, parseBundle(t, got.body).ids())
}

// TestLastNXML shows that a body may be XML.
func TestLastNXML(t *testing.T) {
	f := newFixture(t)
	f.observation(t, "o", loinc("8867-4"))
	body := `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="patient"/><valueString value="p"/></parameter></Parameters>`
	got := f.do("POST", "/Observation/$lastn", body, "Content-Type", "application/fhir+xml", "Accept", "application/fhir+json")
	diff(t, []string{"o"}, parseBundle(t, got.body).ids())
}
