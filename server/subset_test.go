package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

const (
	subsetted    = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`
	subsettedTag = `,"tag":[` + subsetted + `]`
)

// TestSubset is _summary and _elements, byte by byte.
func TestSubset(t *testing.T) {
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	const (
		patient = `{"resourceType":"Patient","meta":{"versionId":"1"},"id":"p","text":{"status":"empty"},"contained":[{"resourceType":"Basic"}],"active":true,` +
			`"name":[{"family":"Ö \u00d6","_family":{"extension":[{"url":"u","valueCode":"c"}]}}],"_birthDate":{"id":"b"},"maritalStatus":{"text":"m"},"invented":1,"modifierExtension":[{"url":"m"}]}`
		observation = `{"resourceType":"Observation","meta":{"tag":[ {"code":"t"} ]},"id":"o","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50},` +
			`"referenceRange":[{"text":"r"}],"component":[{"code":{"text":"k"},"valueString":"s","referenceRange":[{"text":"x"}]}],"note":[{"text":"n"}]}`
		media = `{"resourceType":"Media","id":"m","status":"completed","content":{"contentType":"image/png","data":"AAAA"}}`
		data  = `{"resourceType":"Media","id":"m","status":"completed","content":{"data":"AAAA"}}`
		whole = `{"resourceType":"Basic","id":"b","meta":{},"code":{"coding":[{"code":"x"}]}}`
		twice = `{"resourceType":"Basic","id":"b","meta":{"tag":[{"code":"SUBSETTED"}]},"code":{"text":"x"}}`
	)
	metaP := `{"resourceType":"Patient","meta":{"versionId":"1"` + subsettedTag + `},"id":"p"`
	metaO := `{"resourceType":"Observation","meta":{"tag":[ {"code":"t"},` + subsetted + `]},"id":"o"`
	metaM := `{"resourceType":"Media","meta":{"tag":[` + subsetted + `]},"id":"m","status":"completed"`
	modifier := `,"modifierExtension":[{"url":"m"}]}`
	name := `,"name":[{"family":"Ö \u00d6","_family":{"extension":[{"url":"u","valueCode":"c"}]}}]`
	tests := []struct{ name, query, in, want string }{
		{"summary", "_summary=true", patient, metaP + `,"active":true` + name + `,"_birthDate":{"id":"b"}` + modifier},
		{"summary of an inline type", "_summary=true", observation, metaO + `,"status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50},"component":[{"code":{"text":"k"},"valueString":"s"}]}`},
		{"summary without what is large", "_summary=true", media, metaM + `,"content":{"contentType":"image/png"}}`},
		{"nothing left of an element", "_summary=true", data, metaM + `}`},
		{"text", "_summary=text", patient, metaP + `,"text":{"status":"empty"}` + modifier},
		{"text and what is mandatory", "_summary=text", observation, metaO + `,"status":"final","code":{"text":"c"}}`},
		{"data", "_summary=data", patient, strings.Replace(strings.Replace(strings.Replace(patient, `"1"}`, `"1"`+subsettedTag+`}`, 1), `"text":{"status":"empty"},`, ``, 1), `"invented":1,`, ``, 1)},
		{"an empty meta", "_summary=data", whole, strings.Replace(whole, `"meta":{}`, `"meta":{"tag":[`+subsetted+`]}`, 1)},
		{"a tag that is there", "_summary=data", twice, twice},
		{"false", "_summary=false", patient, patient},
		{"elements", "_elements=name,birthDate", patient, metaP + name + `,"_birthDate":{"id":"b"}` + modifier},
		{"elements with a type", "_elements=Patient.active", patient, metaP + `,"active":true` + modifier},
		{"elements of another type", "_elements=Observation.code", patient, patient},
		{"a choice", "_elements=value[x]", observation, metaO + `,"status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50}}`},
		{"a choice by type", "_elements=valueQuantity", observation, metaO + `,"status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50}}`},
		{"another type of a choice", "_elements=valueString", observation, metaO + `,"status":"final","code":{"text":"c"}}`},
		{"below the root", "_elements=component.code", observation, metaO + `,"status":"final","code":{"text":"c"},"component":[{"code":{"text":"k"},"valueString":"s","referenceRange":[{"text":"x"}]}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resource, err := fhir.ParseResource([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			pairs, err := search.ParseQuery(strings.ReplaceAll(test.query, "[x]", "%5Bx%5D"))
			if err != nil {
				t.Fatal(err)
			}
			x := &exchange{key: fhir.Key{Type: resource.Type()}, interaction: &interaction{level: typeLevel}}
			if err := x.addQuery(pairs); err != nil {
				t.Fatal(err)
			}
			s, err := (&Server{definitions: definitions}).subset(x)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, test.want, string(s.of([]byte(test.in))))
		})
	}
}

// TestSubsetOfExamples cuts every example of the specification: what is left is JSON, has the tag, and cut again stays as it is.
func TestSubsetOfExamples(t *testing.T) {
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../shared/data/r4-examples/*.json")
	if err != nil || len(files) == 0 {
		t.Skip("needs the specification's examples in ../shared/data/r4-examples")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 1<<20 {
			continue
		}
		for _, mode := range []string{"true", "text", "data"} {
			s := &subset{definitions: definitions, summary: mode}
			if _, err := fhir.ParseResource(data); err != nil {
				continue
			}
			once := s.of(data)
			var cut struct {
				ResourceType string
				Meta         struct{ Tag []struct{ Code string } }
			}
			if err := json.Unmarshal(once, &cut); err != nil {
				t.Errorf("%s, %s: %v", file, mode, err)
				continue
			}
			if n := len(cut.Meta.Tag); n == 0 || cut.Meta.Tag[n-1].Code != "SUBSETTED" {
				t.Errorf("%s, %s: tags %v", file, mode, cut.Meta.Tag)
			}
			if again := s.of(once); string(again) != string(once) {
				t.Errorf("%s, %s: cut again it changed", file, mode)
			}
		}
	}
}

func TestSubsetOverHTTP(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	const stamp = `"meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"`
	active := `{"resourceType":"Patient",` + stamp + subsettedTag + `},"id":"p","active":true}`
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	inBatch := `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/p?_elements=active"}}]}`
	f.run(t, []step{
		{name: "patient", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p","active":true,"maritalStatus":{"text":"m"}}`, status: 201, answer: "*"},
		{name: "read", method: "GET", path: "/Patient/p?_summary=true", status: 200, want: []string{`ETag: W/"1"`, fhirJSON}, answer: active},
		{name: "read strictly", method: "GET", path: "/Patient/p?_elements=active", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: active},
		{name: "vread", method: "GET", path: "/Patient/p/_history/1?_elements=active", status: 200, answer: active},
		{name: "conditional read", method: "GET", path: "/Patient/p?_elements=active", headers: []string{"If-None-Match", `W/"1"`}, status: 304},
		{name: "search", method: "GET", path: "/Patient?_id=p&_elements=active", status: 200, answer: `..."url":"BASE/Patient?_id=p&_elements=active"},{"relation":"first","url":"BASE/Patient?_id=p&_elements=active"}],` +
			`"entry":[{"fullUrl":"BASE/Patient/p","resource":` + active + `,"search":{"mode":"match"}}]}`},
		{name: "search by form", method: "POST", path: "/Patient/_search", headers: form, body: "_summary=true", status: 200, answer: `..."resource":` + active},
		{name: "summary false", method: "GET", path: "/Patient?_summary=false", status: 200, answer: `..."maritalStatus":{"text":"m"}}`},
		{name: "history", method: "GET", path: "/Patient/p/_history?_summary=text", status: 200, answer: `..."resource":{"resourceType":"Patient",` + stamp + subsettedTag + `},"id":"p"},"request"`},
		{name: "history counted", method: "GET", path: "/Patient/_history?_summary=count", status: 200, answer: `..."total":1,"link":[{"relation":"self","url":"BASE/Patient/_history?_summary=count"},{"relation":"first","url":"BASE/Patient/_history?_summary=count"}]}`},
		{name: "in a batch", method: "POST", path: "", body: inBatch, status: 200, answer: `..."resource":` + active},
		{name: "no element", method: "GET", path: "/Patient/p?_elements=colour", status: 400, answer: outcome("value", `\"colour\" is not an element at the root of Patient`, "http._elements")},
		{name: "nearly an element", method: "GET", path: "/Patient/p?_elements=Patient.birthdat", status: 400, answer: outcome("value", `\"Patient.birthdat\" is not an element at the root of Patient; did you mean birthDate?`, "http._elements")},
		{name: "nearly an element of any type", method: "GET", path: "/?_type=Patient,Device&_elements=genderr", status: 400, answer: `...; did you mean gender?`},
		{name: "no summary", method: "GET", path: "/Patient?_summary=some", status: 400, answer: outcome("value", "_summary is true, text, data, count or false", "http._summary")},
		{name: "count of a read", method: "GET", path: "/Patient/p?_summary=count", status: 400, answer: outcome("value", "_summary=count is about a list; a single resource has true, text, data and false", "http._summary")},
		{name: "both", method: "GET", path: "/Patient?_summary=true&_elements=name", status: 400, answer: outcome("invalid", "_elements and _summary=true exclude each other", "http._elements")},
	})
}
