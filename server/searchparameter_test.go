package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/teststore"
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
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(5 * time.Millisecond) {
		if got = f.do("GET", path, "", "Prefer", "handling=strict"); got.status != 400 {
			return got
		}
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

// TestSearchParameterRefusals writes parameters that could not be obeyed. Nothing is stored.
func TestSearchParameterRefusals(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(f.server.Drain)
	f.do("PUT", "/SearchParameter/taken", parameterOf("taken", "taken", "string", "Patient", "Patient.name.family"))
	for name, test := range map[string]struct{ body, want string }{
		"syntax":             {parameterOf("x", "x", "string", "Patient", "Patient.name.where(family = "), outcomePart("value", "the expression cannot be read: line 1, column 28: ", "SearchParameter.expression")},
		"unknown element":    {parameterOf("x", "x", "string", "Patient", "Patient.nome"), outcomePart("value", "the parameter cannot be compiled for Patient: it ", "SearchParameter.expression")},
		"another type":       {parameterOf("x", "x", "string", "Patient", "Condition.code.text"), outcomePart("value", "the parameter cannot be compiled for Patient: it begins at Condition", "SearchParameter.expression")},
		"impossible":         {parameterOf("x", "x", "date", "Patient", "Patient.name"), outcomePart("value", "the parameter cannot be compiled for Patient: it ", "SearchParameter.expression")},
		"code of R4":         {parameterOf("x", "birthdate", "date", "Patient", "Patient.birthDate"), outcome("duplicate", "Patient has a search parameter birthdate already: http://hl7.org/fhir/SearchParameter/individual-birthdate", "SearchParameter.code")},
		"code of another":    {parameterOf("x", "taken", "date", "Patient", "Patient.birthDate"), outcome("duplicate", "Patient has a search parameter taken already: SearchParameter/taken", "SearchParameter.code")},
		"base of all":        {parameterOf("x", "taken", "string", "Resource", "Resource.language"), outcome("duplicate", "Patient has a search parameter taken already: SearchParameter/taken", "SearchParameter.code")},
		"same url":           {strings.Replace(parameterOf("x", "x", "date", "Patient", "Patient.birthDate"), "SearchParameter/x", "SearchParameter/taken", 1), outcome("duplicate", "SearchParameter/taken is active and has the same url", "SearchParameter.url")},
		"no expression":      {strings.Replace(parameterOf("x", "x", "date", "Patient", "Patient.birthDate"), `,"expression":"Patient.birthDate"`, "", 1), outcome("required", "an active parameter needs a FHIRPath expression", "SearchParameter.expression")},
		"xpath only":         {strings.Replace(parameterOf("x", "x", "date", "Patient", "Patient.birthDate"), `"expression":"Patient.birthDate"`, `"xpath":"f:Patient"`, 1), outcome("not-supported", "XPath is not evaluated; the parameter needs a FHIRPath expression", "SearchParameter.expression")},
		"special":            {parameterOf("x", "x", "special", "Patient", "Patient.birthDate"), outcomePart("not-supported", `a parameter of type \"special\" cannot be defined`, "SearchParameter.type")},
		"code of a result":   {parameterOf("x", "_count", "date", "Patient", "Patient.birthDate"), outcomePart("value", `\"_count\" cannot be the name of a search parameter`, "SearchParameter.code")},
		"code with a colon":  {parameterOf("x", "a:b", "date", "Patient", "Patient.birthDate"), outcomePart("value", `\"a:b\" cannot be the name of a search parameter`, "SearchParameter.code")},
		"base is no type":    {parameterOf("x", "x", "date", "Pazient", "Pazient.birthDate"), outcome("value", `\"Pazient\" is not a resource type`, "SearchParameter.base")},
		"no components":      {parameterOf("x", "x", "composite", "Patient", "Patient"), outcomePart("invalid", "a composite has components", "SearchParameter.component")},
		"unknown component":  {parameterOf("x", "x", "composite", "Patient", "Patient", `,"component":[{"definition":"http://none","expression":"gender"},{"definition":"http://none","expression":"birthDate"}]`), outcomePart("value", "the parameter cannot be compiled for Patient: it has a component of an unknown definition http://none", "SearchParameter.component")},
		"too long":           {parameterOf("x", "x", "string", "Patient", "Patient.name.family"+strings.Repeat(" ", 4100)+"| Patient.name.given"), outcomePart("too-long", "the expression has ", "SearchParameter.expression")},
		"phonetic of a date": {parameterOf("x", "x", "date", "Patient", "Patient.birthDate", `,"xpathUsage":"phonetic"`), outcome("value", "only a parameter of type string can be phonetic", "SearchParameter.xpathUsage")},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.do("PUT", "/SearchParameter/x", test.body)
			if got.status < 400 || got.status >= 500 || !matchesParts(got.body, test.want) {
				t.Errorf("%d %s\nwant %s", got.status, got.body, test.want)
			}
		})
	}
	two := bundleOf("transaction", requestEntry("", parameterOf("a", "same", "string", "Patient", "Patient.name.family"), "PUT", "SearchParameter/a"), requestEntry("", parameterOf("b", "same", "string", "Patient", "Patient.name.given"), "PUT", "SearchParameter/b"))
	both := bundleOf("transaction", requestEntry("", strings.Replace(parameterOf("part", "part", "token", "Patient", "Patient.gender"), `"active"`, `"draft"`, 1), "PUT", "SearchParameter/part"))
	create := parameterOf("taken", "taken", "string", "Patient", "Patient.name.family")
	hl7 := strings.Replace(parameterOf("Patient-active", "active", "token", "Patient", "nonsense("), "http://example.org/SearchParameter/", "http://hl7.org/fhir/SearchParameter/", 1)
	f.run(t, []step{
		{name: "nothing is stored", method: "GET", path: "/SearchParameter/x", status: 404, answer: "*"},
		{name: "two of one code at once", method: "POST", path: "", body: two, status: 400, answer: "...Patient has a search parameter same already"},
		{name: "a draft has no effect", method: "POST", path: "", body: both, status: 200, answer: "*"},
		{name: "no parameter", method: "GET", path: "/Patient?part=male", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: "...Patient has no search parameter part"},
		{name: "exists already", method: "POST", path: "/SearchParameter", headers: []string{"If-None-Exist", "url=http://example.org/SearchParameter/taken"}, body: create, status: 200, answer: "*"},
		{name: "documentation of R4", method: "PUT", path: "/SearchParameter/Patient-active", body: hl7, status: 201, answer: "*"},
		{name: "R4 stays as it is", method: "GET", path: "/Patient?active=true", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: "*"},
		{name: "failed precondition", method: "PUT", path: "/SearchParameter/taken", headers: []string{"If-Match", `W/"9"`}, body: strings.Replace(create, "family", "given", 1), status: 412, answer: "*"},
		{name: "changes nothing", method: "GET", path: "/Patient?taken=a", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: "*"},
		{name: "swapped in one transaction", method: "POST", path: "", body: bundleOf("transaction", requestEntry("", "", "DELETE", "SearchParameter/taken"), requestEntry("", strings.ReplaceAll(create, `"id":"taken"`, `"id":"heir"`), "PUT", "SearchParameter/heir")), status: 200, answer: "*"},
		{name: "ready at once without resources", method: "GET", path: "/Patient?taken=a", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: "*"},
	})
}

// outcomePart is what an outcome must contain: its code and the beginning of its text, and its expression.
func outcomePart(code, diagnostics, expression string) string {
	return `"code":"` + code + `","diagnostics":"` + diagnostics + "\x00" + `"expression":["` + expression + `"]`
}

func matchesParts(body, parts string) bool {
	for part := range strings.SplitSeq(parts, "\x00") {
		if !strings.Contains(body, part) {
			return false
		}
	}
	return true
}

// TestSearchParameterComposites has a composite of two parameters that came with it, in the wrong order: it survives a restart, and its components cannot go.
func TestSearchParameterComposites(t *testing.T) {
	place := teststore.NewPlace(t)
	open := func(c *Config) { c.Store = place.Open(t, teststore.Options{}) }
	f := newFixture(t, open)
	part := func(id, typ, url string) string {
		return parameterOf(id, id, typ, "Basic", "Basic.extension.extension.where(url='"+url+"').value")
	}
	component := func(id, url string) string {
		return `{"definition":"http://example.org/SearchParameter/` + id + `","expression":"extension.where(url='` + url + `').value"}`
	}
	f.putAll([2]string{"Basic/a", `,"extension":[{"url":"g","extension":[{"url":"code","valueCode":"hr"},{"url":"value","valueQuantity":{"value":60}}]}]`},
		[2]string{"Basic/b", `,"extension":[{"url":"g","extension":[{"url":"code","valueCode":"hr"},{"url":"value","valueQuantity":{"value":61}}]}]`})
	all := bundleOf("transaction",
		requestEntry("", parameterOf("pair", "pair", "composite", "Basic", "Basic.extension.where(url='g')", `,"component":[`+component("kind", "code")+`,`+component("amount", "value")+`]`), "PUT", "SearchParameter/pair"),
		requestEntry("", part("amount", "quantity", "value"), "PUT", "SearchParameter/amount"), requestEntry("", part("kind", "token", "code"), "PUT", "SearchParameter/kind"))
	f.run(t, []step{{name: "all at once", method: "POST", path: "", body: all, status: 200, answer: "*"}})
	f.finds(t, "/Basic?pair=hr$60", "a")
	f.server.Drain()
	if err := f.server.store.Close(); err != nil {
		t.Fatal(err)
	}
	g := newFixture(t, open)
	t.Cleanup(func() {
		g.server.Drain()
		if err := g.server.store.Close(); err != nil {
			t.Error(err)
		}
	})
	g.run(t, []step{
		{name: "still ready", method: "GET", path: "/Basic?pair=hr$gt60&_elements=id", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: `..."id":"b"`},
		{name: "a component stays", method: "DELETE", path: "/SearchParameter/kind", status: 422, answer: "...SearchParameter/pair has it as a component"},
		{name: "and was not deleted", method: "GET", path: "/SearchParameter/kind", status: 200, answer: "*"},
		{name: "a component changes its type", method: "PUT", path: "/SearchParameter/amount", body: part("amount", "number", "value"), status: 200, answer: "*"},
	})
	g.finds(t, "/Basic?pair=hr$60") // made anew: these are quantities
	g.run(t, []step{
		{name: "the composite goes first", method: "DELETE", path: "/SearchParameter/pair", status: 204},
		{name: "now it may", method: "DELETE", path: "/SearchParameter/kind", status: 204},
	})
	checkKeys(t, g.server.store, g.server.search, "SearchParameter")
}

// TestSearchParameterDerived stores parameters of an implementation guide that say again what R4 has, and validates one without storing it.
func TestSearchParameterDerived(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(f.server.Drain)
	derived := parameterOf("us-core-patient-birthdate", "birthdate", "date", "Patient", "Patient.birthDate", `,"derivedFrom":"http://hl7.org/fhir/SearchParameter/individual-birthdate"`)
	f.putAll([2]string{"Patient/p", `,"birthDate":"1970-01-01"`})
	f.run(t, []step{
		{name: "derived", method: "PUT", path: "/SearchParameter/us-core-patient-birthdate", body: derived, status: 201, answer: "*"},
		{name: "R4's answers", method: "GET", path: "/Patient?birthdate=1970&_elements=id", headers: []string{"Prefer", "handling=strict"}, status: 200, answer: `..."total":1`},
		{name: "derived, but another code", method: "PUT", path: "/SearchParameter/x", body: strings.ReplaceAll(derived, `"code":"birthdate"`, `"code":"gender"`), status: 400, answer: "*"},
		{name: "validated", method: "POST", path: "/SearchParameter/$validate", body: parameterOf("x", "x", "string", "Patient", "Patient.nome"), status: 200, answer: `...the parameter cannot be compiled for Patient: it has an error in \"Patient.nome\": `},
	})
}
