package server

import (
	"strings"
	"testing"
)

// documents stores DocumentReferences of Patient/p that differ in what $docref asks for, oldest date first.
func (f *fixture) documents(t *testing.T) {
	t.Helper()
	for _, d := range []struct{ id, patient, status, typ, period, format, date string }{
		{"old", "p", "current", "34133-9", `{"start":"2024-05-01","end":"2024-05-09T23:59:59Z"}`, "urn:hl7-org:sdwg:ccda-structuredBody:2.1", "2024-06-01"},
		{"across", "p", "current", "34133-9", `{"start":"2024-05-09","end":"2024-05-10T12:00:00Z"}`, "http://example.org/profile|1", "2024-06-02"},
		{"ongoing", "p", "current", "18842-5", `{"start":"2024-05-10T12:00:00Z"}`, "http://example.org/profile", "2024-06-03"},
		{"undated", "p", "current", "34133-9", "", "urn:other", "2024-06-04"},
		{"replaced", "p", "superseded", "34133-9", `{"start":"2024-05-10"}`, "urn:other", "2024-06-05"},
		{"error", "p", "entered-in-error", "34133-9", `{"start":"2024-05-10"}`, "urn:other", "2024-06-06"},
		{"someone", "q", "current", "34133-9", `{"start":"2024-05-10"}`, "urn:other", "2024-06-07"},
	} {
		period := ""
		if d.period != "" {
			period = `,"context":{"period":` + d.period + `}`
		}
		f.put(t, "/DocumentReference/"+d.id, `{"resourceType":"DocumentReference","id":"`+d.id+`","status":"`+d.status+`","subject":{"reference":"Patient/`+d.patient+`"},"date":"`+d.date+
			`T00:00:00Z","type":{"coding":[{"system":"http://loinc.org","code":"`+d.typ+`"}]},"content":[{"attachment":{"url":"http://example.org/d"},"format":{"system":"urn:f","code":"`+d.format+`"}}]`+period+`}`)
	}
}

func TestDocref(t *testing.T) {
	f := newFixture(t)
	f.documents(t)
	for _, row := range []struct{ name, query, want string }{
		{"all that are current", "patient=p", "undated ongoing across old"},
		{"a reference", "patient=Patient/p", "undated ongoing across old"},
		{"of nobody", "patient=none", ""},
		{"from a day", "patient=p&start=2024-05-10", "ongoing across"},
		{"from a second", "patient=p&start=2024-05-10T12:00:01Z", "ongoing"},
		{"from the second it ended", "patient=p&start=2024-05-10T14:00:00%2B02:00", "ongoing across"},
		{"from, with a space for the plus", "patient=p&start=2024-05-10T14:00:00+02:00", "ongoing across"},
		{"until a day", "patient=p&end=2024-05-09", "across old"},
		{"until the second it began", "patient=p&end=2024-05-10T12:00:00Z", "ongoing across old"},
		{"a range", "patient=p&start=2024-05-10T00:00:00Z&end=2024-05-10T11:59:59Z", "across"},
		{"a type", "patient=p&type=http://loinc.org%7C34133-9", "undated across old"},
		{"a type without a system", "patient=p&type=18842-5", "ongoing"},
		{"another system", "patient=p&type=http://snomed.info/sct%7C34133-9", ""},
		{"several types", "patient=p&type=http://loinc.org%7C34133-9&type=http://loinc.org%7C18842-5", "undated ongoing across old"},
		{"only on demand", "patient=p&on-demand=true", ""},
		{"on demand too", "patient=p&on-demand=false", "undated ongoing across old"},
		{"a profile", "patient=p&profile=http://example.org/profile", "ongoing"},
		{"a profile with a version", "patient=p&profile=http://example.org/profile%7C1", "across"},
		{"several profiles", "patient=p&profile=http://example.org/profile&profile=urn:other", "undated ongoing"},
		{"everything at once", "patient=p&start=2024-05-01&end=2024-05-31&type=34133-9&on-demand=false&profile=urn:hl7-org:sdwg:ccda-structuredBody:2.1", "old"},
	} {
		got := parseBundle(t, f.do("GET", "/DocumentReference/$docref?"+row.query, "").body)
		var ids []string
		for _, e := range got.Entry {
			ids = append(ids, strings.TrimPrefix(e.FullURL, f.base+"/DocumentReference/"))
		}
		if have := strings.Join(ids, " "); have != row.want {
			t.Errorf("%s: %q, want %q", row.name, have, row.want)
		}
	}
	f.run(t, []step{
		{name: "in a body", method: "POST", path: "/DocumentReference/$docref", status: 200, answer: `..."total":1,"link":[{"relation":"self","url":"BASE/DocumentReference/$docref?patient=p&type=http%3A%2F%2Floinc.org%7C18842-5"}`,
			body: `{"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"p"},{"name":"type","valueCoding":{"system":"http://loinc.org","code":"18842-5"}}]}`},
		{name: "nobody named", method: "GET", path: "/DocumentReference/$docref", status: 400, answer: outcome("required", "$docref needs the parameter patient", "http.patient")},
		{name: "no id", method: "GET", path: "/DocumentReference/$docref?patient=a/b", status: 400, answer: outcome("value", "patient must be the id of a Patient", "http.patient")},
		{name: "no time", method: "GET", path: "/DocumentReference/$docref?patient=p&start=soon", status: 400, answer: `...start must be a date or time`},
		{name: "an end before the start", method: "GET", path: "/DocumentReference/$docref?patient=p&start=2027&end=2026", status: 400, answer: outcome("value", "end (2026) is before start (2027)", "http.end")},
		{name: "an empty type", method: "GET", path: "/DocumentReference/$docref?patient=p&type=", status: 400, answer: `..."http.type"`},
		{name: "no such parameter", method: "GET", path: "/DocumentReference/$docref?patient=p&status=current", status: 400, answer: `...$docref has no parameter`},
	})
}

// TestDocrefPages follows the next link.
func TestDocrefPages(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.DefaultCount = 3 })
	f.documents(t)
	first := parseBundle(t, f.do("GET", "/DocumentReference/$docref?patient=p", "").body)
	if len(first.Entry) != 3 || first.link("next") == "" {
		t.Fatalf("%+v", first)
	}
	second := parseBundle(t, f.do("GET", strings.TrimPrefix(first.link("next"), f.base), "").body)
	if len(second.Entry) != 1 || second.Entry[0].FullURL != f.base+"/DocumentReference/old" || second.link("next") != "" {
		t.Errorf("%+v", second)
	}
}
