package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// parameterOf is a SearchParameter.
func parameterOf(id, code, typ, base, expression string, more ...string) string {
	return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%q,"url":"http://example.org/SearchParameter/%[1]s","name":"P","status":"active","description":"d","code":%q,"base":[%q],"type":%q,"expression":%q%s}`,
		id, code, base, typ, expression, strings.Join(more, ""))
}

const (
	assertedDate = `Condition.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate').value.ofType(dateTime)`
	usCoreRace   = `Patient.extension.where(url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race').extension.value.code`
)

func conditionAsserted(date string) string {
	return `,"subject":{"reference":"Patient/p"},"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/condition-assertedDate","valueDateTime":"` + date + `"}]`
}

// strictly asks for a search until it is answered, and fails when it is not.
func (f *fixture) strictly(t *testing.T, path string) answer {
	t.Helper()
	var got answer
	for range 500 {
		if got = f.do("GET", path, "", "Prefer", "handling=strict"); got.status != 400 {
			return got
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("never ready: ", got.body)
	return answer{}
}

// finds expects the ids of a search, in order.
func (f *fixture) finds(t *testing.T, path string, want ...string) {
	t.Helper()
	got := f.strictly(t, path)
	ids := []string{}
	for _, key := range parseBundle(t, got.body).keysOf() {
		ids = append(ids, key[strings.IndexByte(key, '/')+1:])
	}
	if want == nil {
		want = []string{}
	}
	diff(t, want, ids)
}

// TestSearchParameters creates parameters of US Core for resources that are there, writes more, and finds exactly those that have the value.
func TestSearchParameters(t *testing.T) {
	f := newFixture(t)
	race := func(code string) string {
		return `,"extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"` + code + `"}},{"url":"text","valueString":"x"}]}]`
	}
	f.putAll([2]string{"Condition/c1", conditionAsserted("2020-01-01")}, [2]string{"Condition/c2", conditionAsserted("2021-05")}, [2]string{"Condition/c3", `,"subject":{"reference":"Patient/p"}`},
		[2]string{"Patient/p", race("2106-3")}, [2]string{"Patient/q", race("2028-9")})
	for _, p := range [][2]string{{"asserted", parameterOf("asserted", "asserted-date", "date", "Condition", assertedDate)}, {"race", parameterOf("race", "race", "token", "Patient", usCoreRace)}} {
		if got := f.do("PUT", "/SearchParameter/"+p[0], p[1]); got.status != 201 {
			t.Fatal(got)
		}
	}
	f.finds(t, "/Condition?asserted-date=2020-01-01", "c1")
	f.finds(t, "/Condition?asserted-date=ge2020-06", "c2")
	f.putAll([2]string{"Condition/c4", conditionAsserted("2022-01-01")})
	f.finds(t, "/Condition?asserted-date=ge2020-06", "c2", "c4")
	f.finds(t, "/Condition?asserted-date:missing=true", "c3")
	f.finds(t, "/Condition?_sort=-asserted-date", "c4", "c2", "c1", "c3")
	f.finds(t, "/Condition?_filter=asserted-date%20gt%202020-06", "c2", "c4")
	f.finds(t, "/Patient?race=2106-3", "p")
	f.finds(t, "/Patient?race:not=2106-3", "q")
	f.finds(t, "/Condition?subject:Patient.race=2106-3", "c1", "c2", "c3", "c4")
	f.finds(t, "/Condition?subject:Patient.race=2028-9")
	f.finds(t, "/Patient?_has:Condition:subject:asserted-date=2021-05", "p")
	if got := f.do("GET", "/metadata", ""); !strings.Contains(got.body, `{"name":"asserted-date","definition":"http://example.org/SearchParameter/asserted","type":"date"}`) {
		t.Error("the parameter is not declared")
	}
	f.run(t, []step{
		{name: "retired", method: "PUT", path: "/SearchParameter/asserted", body: strings.Replace(parameterOf("asserted", "asserted-date", "date", "Condition", assertedDate), `"active"`, `"retired"`, 1), status: 200, answer: "*"},
		{name: "gone at once", method: "GET", path: "/Condition?asserted-date=2020", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: "...Condition has no search parameter asserted-date"},
		{name: "deleted", method: "DELETE", path: "/SearchParameter/race", status: 204},
		{name: "gone too", method: "GET", path: "/Patient?race=x", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: "...Patient has no search parameter race"},
	})
	checkIndex(t, f.store)
}
