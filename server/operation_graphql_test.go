package server

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func graphQLFixture(t *testing.T) *fixture {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	f.put(t, "/Practitioner/dr", `{"resourceType":"Practitioner","id":"dr","name":[{"family":"House"}]}`)
	f.put(t, "/Patient/p", `{"resourceType":"Patient","id":"p","active":true,"_birthDate":{"extension":[{"url":"urn:e","valueDecimal":1.50}]},`+
		`"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]}],"telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b"}],`+
		`"generalPractitioner":[{"reference":"Practitioner/dr"}],"managingOrganization":{"reference":"Organization/none"},"contained":[{"resourceType":"Organization","id":"o","name":"inner"}],"link":[{"other":{"reference":"#o"},"type":"seealso"}]}`)
	f.put(t, "/Patient/q", `{"resourceType":"Patient","id":"q","active":false}`)
	for i := range 3 {
		f.put(t, fmt.Sprintf("/Observation/o%d", i), fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"code":"c%d"}]},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":%d.0}}`, i, i%2, i))
	}
	return f
}

func TestGraphQL(t *testing.T) {
	f := graphQLFixture(t)
	for _, c := range []struct{ name, path, query, want string }{
		{"elements", "/Patient/p", `{ resourceType id active name { family given } birthDate gender }`,
			`{"data":{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"Chalmers","given":["Peter","James"]},{"family":null,"given":["Jim"]}],"birthDate":null,"gender":null}}`},
		{"extensions of a primitive keep their digits", "/Patient/p", `{ _birthDate { extension { url valueDecimal } } }`, `{"data":{"_birthDate":{"extension":[{"url":"urn:e","valueDecimal":1.50}]}}}`},
		{"aliases", "/Patient/p", `{ n: name(use: official) { last: family } }`, `{"data":{"n":[{"last":"Chalmers"}]}}`},
		{"a list of values", "/Patient/p", `{ telecom(system: ["phone", "fax"]) { value } }`, `{"data":{"telecom":[{"value":"1"}]}}`},
		{"an element that repeats", "/Patient/p", `{ name(given: "James") { family } }`, `{"data":{"name":[{"family":"Chalmers"}]}}`},
		{"FHIRPath", "/Patient/p", `{ name(fhirpath: "given.count() = 1") { given } }`, `{"data":{"name":[{"given":["Jim"]}]}}`},
		{"FHIRPath with a place", "/Patient/p", `{ telecom(fhirpath: "$index = 1") { value } }`, `{"data":{"telecom":[{"value":"a@b"}]}}`},
		{"a part of a list", "/Patient/p", `{ telecom(_offset: 1, _count: 5) { value } }`, `{"data":{"telecom":[{"value":"a@b"}]}}`},
		{"first", "/Patient/p", `{ name @first { given @first } }`, `{"data":{"name":[{"given":["Peter"]}]}}`},
		{"flatten", "/Patient/p", `{ name @flatten { given use } }`, `{"data":{"given":["Peter","James","Jim"],"use":["official","usual"]}}`},
		{"flatten with a singleton", "/Patient/p", `{ name @flatten @first { family @singleton given } }`, `{"data":{"family":"Chalmers","given":["Peter","James"]}}`},
		{"slice by place", "/Patient/p", `{ telecom @slice(path: "$index") { value } }`, `{"data":{"telecom.0":{"value":"1"},"telecom.1":{"value":"a@b"}}}`},
		{"slice by value", "/Patient/p", `{ telecom @slice(path: "system") { value } }`, `{"data":{"telecom.phone":{"value":"1"},"telecom.email":{"value":"a@b"}}}`},
		{"a reference", "/Patient/p", `{ generalPractitioner { reference resource(type: Practitioner) { ...on Practitioner { name { family } } ... on Patient { active } } } }`,
			`{"data":{"generalPractitioner":[{"reference":"Practitioner/dr","resource":{"name":[{"family":"House"}]}}]}}`},
		{"a reference to another type", "/Patient/p", `{ generalPractitioner { resource(type: Organization) { id } } }`, `{"data":{"generalPractitioner":[{"resource":null}]}}`},
		{"a reference to nothing", "/Patient/p", `{ managingOrganization { resource { id } } }`,
			`{"data":{"managingOrganization":{"resource":null}},"errors":[{"message":"the reference leads to no resource of this server","locations":[{"line":1,"column":26}],"path":["managingOrganization","resource"]}]}`},
		{"a reference to nothing, optional", "/Patient/p", `{ managingOrganization { resource(optional: true) { id } } }`, `{"data":{"managingOrganization":{"resource":null}}}`},
		{"a contained resource", "/Patient/p", `{ link { other { resource { ... on Organization { name } } } } contained { __typename id } }`,
			`{"data":{"link":[{"other":{"resource":{"name":"inner"}}}],"contained":[{"__typename":"Organization","id":"o"}]}}`},
		{"flattened references", "/Patient/p", `{ generalPractitioner @flatten { resource @flatten { ... on Practitioner { doctor: name @flatten { family } } } } }`, `{"data":{"family":["House"]}}`},
		{"what refers to it", "/Patient/p", `{ ObservationList(_reference: patient, code: "c0") { id subject { resource { ... on Patient { id } } } } }`,
			`{"data":{"ObservationList":[{"id":"o0","subject":{"resource":{"id":"p"}}},{"id":"o2","subject":{"resource":{"id":"p"}}}]}}`},
		{"one resource of the system", "", `query($id: ID!) { Patient(id: $id) { id ...f } } fragment f on Patient { active @include(if: true) gender @skip(if: true) }`, `{"data":{"Patient":{"id":"p","active":true}}}`},
		{"a list", "", `{ PatientList(active: false) { id } ObservationList(value_quantity: "gt0", _sort: "-_id", _count: 1) { valueQuantity { value } } }`,
			`{"data":{"PatientList":[{"id":"q"}],"ObservationList":[{"valueQuantity":{"value":2.0}}]}}`},
		{"an empty list", "", `{ PatientList(_id: "none") { id } }`, `{"data":{"PatientList":[]}}`},
		{"a connection", "", `{ PatientConnection(_count: 5) { count pagesize next edges { mode resource { id } } } }`,
			`{"data":{"PatientConnection":{"count":2,"pagesize":5,"next":null,"edges":[{"mode":"match","resource":{"id":"p"}},{"mode":"match","resource":{"id":"q"}}]}}}`},
		{"a resource that is not there", "", `{ Patient(id: "none") { id } }`, `{"data":{"Patient":null},"errors":[{"message":"Patient/none is not there","locations":[{"line":1,"column":3}],"path":["Patient"]}]}`},
		{"selected twice", "/Patient/p", `{ name { family } name { use } }`, `{"data":{"name":[{"family":"Chalmers","use":"official"},{"family":null,"use":"usual"}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"query":` + quotedText(c.query) + `,"variables":{"id":"p"}}`
			got := f.do("POST", c.path+"/$graphql", body, "Content-Type", "application/json")
			if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
				t.Error(got.status, got.header)
			}
			diff(t, c.want, got.body)
		})
	}
}

func quotedText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// TestGraphQLProblems shows what is wrong with queries that are not run, or whose running ends.
func TestGraphQLProblems(t *testing.T) {
	f := graphQLFixture(t)
	for _, c := range []struct {
		name, path, query, message string
		line, column               int
	}{
		{"an unknown element", "/Patient/p", "{\n  nme { given }\n}", "Patient has no element nme; did you mean name?", 2, 3},
		{"an unknown type of a choice", "/Observation/o1", `{ valueQuantiti { value } }`, "Observation has no element valueQuantiti; did you mean valueQuantity?", 1, 3},
		{"an unknown element of a data type", "/Patient/p", `{ name { famly } }`, "HumanName has no element famly; did you mean family?", 1, 10},
		{"an unknown filter that is nearly one", "/Patient/p", `{ name(usee: "x") { given } }`, "the items of name have no element usee; did you mean use?", 1, 8},
		{"nothing selected of an object", "/Patient/p", `{ name }`, "name is a HumanName; select fields of it", 1, 3},
		{"fields of a primitive", "/Patient/p", `{ active { x } }`, "active has no fields to select", 1, 3},
		{"a choice", "/Observation/o1", `{ value { value } }`, "value has one of several types; its name carries the type, as in valueQuantity", 1, 3},
		{"arguments of what is no list", "/Patient/p", `{ active(use: "x") }`, "active is not a list and takes no arguments", 1, 10},
		{"an unknown filter", "/Patient/p", `{ name(colour: "x") { given } }`, "the items of name have no element colour", 1, 8},
		{"a singleton of several", "/Patient/p", `{ name @flatten { given @singleton } }`, "given has more than one value, but is said to be single", 1, 19},
		{"broken FHIRPath", "/Patient/p", `{ name(fhirpath: "true) or (true") { given } }`, "fhirpath: ", 1, 8},
		{"an unknown directive", "/Patient/p", `{ name @lower { given } }`, "there is no directive @lower", 1, 8},
		{"an unknown fragment", "/Patient/p", `{ ...f }`, "there is no fragment f", 1, 3},
		{"an endless fragment", "/Patient/p", `{ ...f } fragment f on Patient { ...f }`, "the fragment f is part of itself", 1, 34},
		{"an undeclared variable", "/Patient/p", `{ name(use: $x) { given } }`, "the variable $x is not declared", 1, 8},
		{"a variable without a value", "/Patient/p", `query($x: code!) { name(use: $x) { given } }`, "the variable $x has no value", 1, 7},
		{"introspection", "", `{ __schema { types { name } } }`, "introspection is not supported", 1, 3},
		{"an unknown type", "", `{ Pazient(id: "1") { id } }`, "Pazient is not a resource type, nor one with List or Connection behind it; did you mean Patient?", 1, 3},
		{"an unknown parameter", "", `{ PatientList(colour: "blue") { id } }`, "PatientList: http.colour: Patient has no search parameter colour", 1, 3},
		{"a list inside without a reference", "/Patient/p", `{ ObservationList { id } }`, "ObservationList inside of a resource needs the argument _reference, the search parameter that refers to it", 1, 3},
		{"two queries", "", `query a { x } query b { y }`, "the document has 2 queries; operationName says which", 1, 15},
		{"one name, two meanings", "/Patient/p", `{ name(use: usual) { given } name { given } }`, "name is selected twice with different meanings; give one an alias", 1, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := f.do("POST", c.path+"/$graphql", c.query, "Content-Type", "application/graphql")
			want := fmt.Sprintf(`"locations":[{"line":%d,"column":%d}]`, c.line, c.column)
			if got.status != 200 || !strings.HasPrefix(got.body, `{"errors":[{"message":"`+c.message) || !strings.Contains(got.body, want) {
				t.Errorf("%d %s, want %s", got.status, got.body, want)
			}
		})
	}
}

func TestGraphQLRequests(t *testing.T) {
	f := graphQLFixture(t)
	q := url.QueryEscape
	const json = "application/json"
	f.run(t, []step{
		{name: "by GET", method: "GET", path: "/Patient/p/$graphql?query=" + q(`query($u: code) { name(use: $u) { given } }`) + "&variables=" + q(`{"u":"usual"}`), status: 200, want: []string{"Content-Type: application/json"},
			answer: `{"data":{"name":[{"given":["Jim"]}]}}`},
		{name: "one of two", method: "GET", path: "/Patient/p/$graphql?query=" + q(`query a { id } query b { active }`) + "&operationName=b", status: 200, answer: `{"data":{"active":true}}`},
		{name: "in Parameters", method: "POST", path: "/Patient/p/$graphql", body: `{"resourceType":"Parameters","parameter":[{"name":"query","valueString":"{ id }"}]}`, status: 200, answer: `{"data":{"id":"p"}}`},
		{name: "malformed", method: "POST", path: "/$graphql", headers: []string{"Content-Type", "application/graphql"}, body: "{ id", status: 400, want: []string{"Content-Type: application/json"},
			answer: `{"errors":[{"message":"expected a name, found the end of the query","locations":[{"line":1,"column":5}]}]}`},
		{name: "malformed JSON", method: "POST", path: "/$graphql", headers: []string{"Content-Type", json}, body: "{", status: 400, answer: `..."code":"structure"`},
		{name: "JSON without a query", method: "POST", path: "/$graphql", headers: []string{"Content-Type", json}, body: "{}", status: 400, answer: outcome("required", "the body must be an object with the query as a string", "query")},
		{name: "variables that are none", method: "POST", path: "/$graphql", headers: []string{"Content-Type", json}, body: `{"query":"{id}","variables":[]}`, status: 400, answer: outcome("value", "variables must be an object", "variables")},
		{name: "no query", method: "GET", path: "/$graphql", status: 400, answer: outcome("required", "$graphql needs the parameter query, or the query as the body", "http.query")},
		{name: "two queries", method: "POST", path: "/$graphql?query=x", headers: []string{"Content-Type", json}, body: "{}", status: 400, answer: outcome("invalid", "the query is in the URL and in the body", "http.query")},
		{name: "another format", method: "POST", path: "/$graphql", headers: []string{"Content-Type", "text/plain"}, body: "{}", status: 415, answer: "*"},
		{name: "an unknown parameter", method: "GET", path: "/$graphql?query=x&colour=blue", status: 400, answer: outcome("not-supported", `$graphql has no parameter \"colour\"; it takes query`, "http.colour")},
		{name: "of nothing", method: "GET", path: "/Patient/none/$graphql?query=%7Bid%7D", status: 404, answer: "*"},
		{name: "of a type", method: "GET", path: "/Patient/$graphql?query=%7Bid%7D", status: 404, answer: outcome("not-supported", "the operation $graphql is not offered here; it is at $graphql, [type]/[id]/$graphql")},
	})
}

// TestGraphQLPages follows the cursors of a connection.
func TestGraphQLPages(t *testing.T) {
	f := graphQLFixture(t)
	var got []string
	cursor := ""
	for range 5 {
		query := `query($c: String) { ObservationConnection(_count: 2, _cursor: $c) { next edges { resource { id } } } }`
		body := `{"query":` + quotedText(query) + `,"variables":{"c":` + map[bool]string{true: "null", false: `"` + cursor + `"`}[cursor == ""] + `}}`
		answer := f.do("POST", "/$graphql", body, "Content-Type", "application/json").body
		got = append(got, answer)
		_, rest, _ := strings.Cut(answer, `"next":"`)
		if cursor, _, _ = strings.Cut(rest, `"`); cursor == "" {
			break
		}
	}
	if len(got) != 2 || !strings.Contains(got[0], `{"id":"o1"}`) || !strings.HasSuffix(got[1], `"edges":[{"resource":{"id":"o2"}}]}}}`) {
		t.Error(got)
	}
}
