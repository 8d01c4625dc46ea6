package server

import (
	"strings"
	"testing"
)

const fhirJSON = "Content-Type: application/fhir+json; charset=utf-8"

func TestCreate(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{
		{name: "assigns id, version and instant", method: "POST", path: "/Patient", body: `{"resourceType":"Patient","active":true}`,
			status: 201, want: []string{"Location: BASE/Patient/id-1/_history/1", `ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT", fhirJSON, "X-Request-Id: test"},
			answer: `{"resourceType":"Patient","id":"id-1","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"active":true}`},
		{name: "replaces what the client sent as id and stamps, keeps the rest of meta", method: "POST", path: "/Patient",
			body:   `{"resourceType":"Patient","id":"mine","meta":{"versionId":"77","lastUpdated":"1999-01-01T00:00:00Z","tag":[{"code":"x"}],"profile":["http://example.org/p"],"source":"urn:s","security":[{"code":"R"}]}}`,
			status: 201, want: []string{"Location: BASE/Patient/id-2/_history/1"},
			answer: `{"resourceType":"Patient","id":"id-2","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:06.000Z","tag":[{"code":"x"}],"profile":["http://example.org/p"],"source":"urn:s","security":[{"code":"R"}]}}`},
		{name: "return=minimal", method: "POST", path: "/Patient", headers: []string{"Prefer", "return=minimal"}, body: `{"resourceType":"Patient"}`,
			status: 201, want: []string{"Location: BASE/Patient/id-3/_history/1", `ETag: W/"1"`, "Content-Type:", "Content-Length: 0"}},
		{name: "return=representation", method: "POST", path: "/Patient", headers: []string{"Prefer", "handling=strict, return=representation"}, body: `{"resourceType":"Patient"}`,
			status: 201, answer: `{"resourceType":"Patient","id":"id-4","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:08.000Z"}}`},
		{name: "return=OperationOutcome", method: "POST", path: "/Patient", headers: []string{"Prefer", "return=OperationOutcome"}, body: `{"resourceType":"Patient"}`,
			status: 201, answer: info("created Patient/id-5/_history/1")},
		{name: "other type than the URL", method: "POST", path: "/Patient", body: `{"resourceType":"Observation"}`,
			status: 400, answer: outcome("invalid", "the resource is an Observation, but the URL says Patient", "Observation")},
		{name: "unknown type", method: "POST", path: "/Pazient", body: `{"resourceType":"Pazient"}`,
			status: 404, answer: outcome("not-supported", `\"Pazient\" is not a resource type of FHIR R4; the names are case-sensitive; did you mean Patient?`)},
		{name: "type in the wrong case", method: "POST", path: "/patient", body: `{"resourceType":"Patient"}`,
			status: 404, answer: outcome("not-supported", `\"patient\" is not a resource type of FHIR R4; the names are case-sensitive; did you mean Patient?`)},
		{name: "no resourceType", method: "POST", path: "/Patient", body: `{"id":"1"}`,
			status: 400, answer: outcome("structure", "a resource must have a resourceType that names its type", "resourceType")},
		{name: "not an object", method: "POST", path: "/Patient", body: `[]`,
			status: 400, answer: outcome("structure", "a resource must be a JSON object")},
		{name: "meta is no object", method: "POST", path: "/Patient", body: `{"resourceType":"Patient","meta":[]}`,
			status: 400, answer: outcome("structure", "meta must be an object", "Patient.meta")},
		{name: "broken JSON", method: "POST", path: "/Patient", body: `{"resourceType":"Patient","active":tru}`,
			status: 400, answer: outcome("structure", "invalid JSON at line 1, column 36: expected a value, found 't'", "Patient.active")},
		{name: "duplicate name", method: "POST", path: "/Patient", body: `{"resourceType":"Patient","active":true,"active":true}`,
			status: 400, answer: `...duplicate member name \"active\"`},
		{name: "control character", method: "POST", path: "/Patient", body: "{\"resourceType\":\"Patient\",\"language\":\"a\x01\"}",
			status: 400, answer: `...control character U+0001`},
		{name: "no body", method: "POST", path: "/Patient", headers: []string{"Content-Type", "application/fhir+json"},
			status: 400, answer: outcome("required", "the request has no body")},
	})
}

func TestReadAndVread(t *testing.T) {
	f := newFixture(t)
	const first = `{"resourceType":"Patient","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"id":"p","active":true}`
	const second = `{"resourceType":"Patient","meta":{"versionId":"2","lastUpdated":"2026-01-02T03:04:06.000Z"},"id":"p","active":false}`
	f.run(t, []step{
		{name: "first version", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p","active":true}`, status: 201, answer: first},
		{name: "second version", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p","active":false}`, status: 200, answer: second},
		{name: "read", method: "GET", path: "/Patient/p", status: 200, answer: second,
			want: []string{`ETag: W/"2"`, "Last-Modified: Fri, 02 Jan 2026 03:04:06 GMT", fhirJSON, "Location:", "X-Content-Type-Options: nosniff"}},
		{name: "read with a final slash", method: "GET", path: "/Patient/p/", status: 200, answer: second},
		{name: "head", method: "HEAD", path: "/Patient/p", status: 200, want: []string{`ETag: W/"2"`, "Content-Length: 116"}},
		{name: "vread of an old version", method: "GET", path: "/Patient/p/_history/1", status: 200, answer: first, want: []string{`ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"}},
		{name: "vread of the current version", method: "GET", path: "/Patient/p/_history/2", status: 200, answer: second},
		{name: "vread of an unknown version", method: "GET", path: "/Patient/p/_history/3", status: 404, answer: outcome("not-found", "Patient/p/_history/3: not found")},
		{name: "vread of a version that is no id", method: "GET", path: "/Patient/p/_history/a_b", status: 404, answer: outcome("not-found", `Patient/p has no version \"a_b\"`)},
		{name: "unknown id", method: "GET", path: "/Patient/q", status: 404, answer: outcome("not-found", "Patient/q: not found"), want: []string{fhirJSON, "ETag:"}},
		{name: "malformed id", method: "GET", path: "/Patient/a_b", status: 400, answer: outcome("value", `\"a_b\" is not a valid id: 1 to 64 of A-Z a-z 0-9 - .`)},
		{name: "id too long", method: "GET", path: "/Patient/" + strings.Repeat("a", 65), status: 400, answer: outcome("value", `\"`+strings.Repeat("a", 65)+`\" is not a valid id: 1 to 64 of A-Z a-z 0-9 - .`)},
		{name: "authorization where there is none", method: "GET", path: "/.well-known/smart-configuration", status: 404,
			answer: outcome("not-supported", "this server runs without authorization (--dev): there is no SMART configuration, and requests need no access token")},
		{name: "unknown type", method: "GET", path: "/Pazient/p", status: 404, answer: outcome("not-supported", `\"Pazient\" is not a resource type of FHIR R4; the names are case-sensitive; did you mean Patient?`)},
		{name: "_search by GET", method: "GET", path: "/Patient/_search", status: 405, answer: outcome("not-supported", "GET is not supported at Patient/_search; allowed here: POST"), want: []string{"Allow: POST"}},
		{name: "_search of the system by GET", method: "GET", path: "/_search", status: 405, answer: outcome("not-supported", "GET is not supported at _search; allowed here: POST"), want: []string{"Allow: POST"}},
		{name: "deleting the history", method: "DELETE", path: "/Patient/_history", status: 405, answer: outcome("not-supported", "DELETE is not supported at Patient/_history; allowed here: GET, HEAD"), want: []string{"Allow: GET, HEAD"}},
		{name: "deleting the capabilities", method: "DELETE", path: "/metadata", status: 405, answer: outcome("not-supported", "DELETE is not supported at metadata; allowed here: GET, HEAD"), want: []string{"Allow: GET, HEAD"}},
		{name: "an operation that changes by GET", method: "GET", path: "/$reindex", status: 405, answer: outcome("not-supported", "GET is not supported at $reindex; allowed here: POST"), want: []string{"Allow: POST"}},
		{name: "an operation by PUT", method: "PUT", path: "/Patient/$meta", body: "{}", status: 405, answer: outcome("not-supported", "PUT is not supported at Patient/$meta; allowed here: GET, HEAD, POST")},
		{name: "an operation of an instance by PUT", method: "PUT", path: "/Patient/p/$everything", body: "{}", status: 405, answer: outcome("not-supported", "PUT is not supported at Patient/p/$everything; allowed here: GET, HEAD, POST"), want: []string{"Allow: GET, HEAD, POST"}},
		{name: "misspelt operation", method: "GET", path: "/Patient/p/$everthing", status: 404, answer: outcome("not-supported", `the operation \"$everthing\" is not known to this server; did you mean $everything?`)},
		{name: "abstract type", method: "GET", path: "/DomainResource/p", status: 404, answer: "*"},
		{name: "unknown operation on an instance", method: "GET", path: "/Patient/p/$unheard", status: 404, answer: outcome("not-supported", `the operation \"$unheard\" is not known to this server`)},
		{name: "unknown operation on a type", method: "POST", path: "/Patient/$unheard", body: "{}", status: 404, answer: outcome("not-supported", `the operation \"$unheard\" is not known to this server`)},
		{name: "unknown operation on the system", method: "GET", path: "/$unheard", status: 404, answer: outcome("not-supported", `the operation \"$unheard\" is not known to this server`)},
		{name: "pretty", method: "GET", path: "/Patient/p?_pretty=true", status: 200,
			answer: "{\n  \"resourceType\": \"Patient\",\n  \"meta\": {\n    \"versionId\": \"2\",\n    \"lastUpdated\": \"2026-01-02T03:04:06.000Z\"\n  },\n  \"id\": \"p\",\n  \"active\": false\n}\n"},
		{name: "pretty errors", method: "GET", path: "/Patient/q?_pretty=true", status: 404, answer: "...{\n  \"resourceType\": \"OperationOutcome\",\n"},
		{name: "not a boolean", method: "GET", path: "/Patient/p?_pretty=1", status: 400, answer: outcome("value", "_pretty must be true or false", "http._pretty")},
		{name: "parameters are ignored", method: "GET", path: "/Patient/p?colour=blue", status: 200, answer: second},
		{name: "parameters, strictly", method: "GET", path: "/Patient/p?colour=blue", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: outcome("not-supported", `\"colour\" is not a parameter of a read`, "http.colour")},
		{name: "only slashes", method: "GET", path: f.url + "//", status: 404, answer: "*"},
		{name: "below a resource", method: "GET", path: "/Patient/p/a/b/c", status: 404, answer: `...is not an address of this server`},
		{name: "authorization at the root", method: "GET", path: f.url + "/.well-known/smart-configuration", status: 404, answer: `...runs without authorization`},
		{name: "an authorization server where there is none", method: "GET", path: f.url + "/auth/authorize", status: 404, answer: `...runs without authorization`},
		{name: "elsewhere", method: "GET", path: f.url + "/elsewhere", status: 404, answer: outcome("not-supported", `\"/elsewhere\" is not an address of this server; FHIR is at /fhir`)},
	})
}

func TestConditionalRead(t *testing.T) {
	f := newFixture(t)
	notModified := []string{`ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT", "Content-Type:"}
	f.run(t, []step{
		{name: "resource", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, status: 201, answer: "*"},
		{name: "same ETag", method: "GET", path: "/Patient/p", headers: []string{"If-None-Match", `W/"1"`}, status: 304, want: notModified},
		{name: "strong form", method: "GET", path: "/Patient/p", headers: []string{"If-None-Match", `"1"`}, status: 304, want: notModified},
		{name: "one of several", method: "GET", path: "/Patient/p", headers: []string{"If-None-Match", `W/"7", W/"1"`}, status: 304, want: notModified},
		{name: "any", method: "GET", path: "/Patient/p", headers: []string{"If-None-Match", `*`}, status: 304, want: notModified},
		{name: "other ETag", method: "GET", path: "/Patient/p", headers: []string{"If-None-Match", `W/"2"`}, status: 200, answer: "*"},
		{name: "since the same second", method: "GET", path: "/Patient/p", headers: []string{"If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT"}, status: 304, want: notModified},
		{name: "since an earlier second", method: "GET", path: "/Patient/p", headers: []string{"If-Modified-Since", "Fri, 02 Jan 2026 03:04:04 GMT"}, status: 200, answer: "*"},
		{name: "a date that is none", method: "GET", path: "/Patient/p", headers: []string{"If-Modified-Since", "yesterday"}, status: 200, answer: "*"},
		{name: "ETag wins over date", method: "GET", path: "/Patient/p", headers: []string{"If-None-Match", `W/"2"`, "If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT"}, status: 200, answer: "*"},
		{name: "vread", method: "GET", path: "/Patient/p/_history/1", headers: []string{"If-None-Match", `W/"1"`}, status: 304, want: notModified},
	})
}

func TestUpdate(t *testing.T) {
	f := newFixture(t)
	const patient = `{"resourceType":"Patient","id":"p"}`
	stored := func(version, second string) string {
		return `{"resourceType":"Patient","meta":{"versionId":"` + version + `","lastUpdated":"2026-01-02T03:04:` + second + `.000Z"},"id":"p"}`
	}
	f.run(t, []step{
		{name: "create under the client's id", method: "PUT", path: "/Patient/p", body: patient, status: 201, answer: stored("1", "05"),
			want: []string{"Location: BASE/Patient/p/_history/1", `ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"}},
		{name: "identical content is a new version", method: "PUT", path: "/Patient/p", body: patient, status: 200, answer: stored("2", "06"),
			want: []string{"Location: BASE/Patient/p/_history/2", `ETag: W/"2"`}},
		{name: "If-Match holds", method: "PUT", path: "/Patient/p", headers: []string{"If-Match", `W/"2"`}, body: patient, status: 200, answer: stored("3", "07")},
		{name: "If-Match is stale", method: "PUT", path: "/Patient/p", headers: []string{"If-Match", `W/"2"`}, body: patient, status: 412,
			answer: outcome("conflict", `Patient/p: the current version is not W/\"2\", which If-Match asks for`, "http.If-Match")},
		{name: "If-Match of what does not exist", method: "PUT", path: "/Patient/q", headers: []string{"If-Match", `W/"1"`}, body: `{"resourceType":"Patient","id":"q"}`, status: 412, answer: "*"},
		{name: "If-Match is malformed", method: "PUT", path: "/Patient/p", headers: []string{"If-Match", `2`}, body: patient, status: 400,
			answer: outcome("value", `If-Match must be the ETag of one version, such as W/\"3\"`)},
		{name: "If-None-Match * of what exists", method: "PUT", path: "/Patient/p", headers: []string{"If-None-Match", "*"}, body: patient, status: 412,
			answer: outcome("conflict", "Patient/p: exists, and If-None-Match asks that it does not", "http.If-None-Match")},
		{name: "an id that is a number", method: "PUT", path: "/Patient/1", body: `{"resourceType":"Patient","id":1}`, status: 400, answer: outcome("structure", "the id of the resource must be a string", "Patient.id")},
		{name: "If-None-Match * of what does not", method: "PUT", path: "/Patient/r", headers: []string{"If-None-Match", "*", "Prefer", "return=minimal"}, body: `{"resourceType":"Patient","id":"r"}`, status: 201},
		{name: "If-None-Match of a version", method: "PUT", path: "/Patient/p", headers: []string{"If-None-Match", `W/"1"`}, body: patient, status: 400, answer: "*"},
		{name: "body without id", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient"}`, status: 400,
			answer: outcome("required", "the resource must have the id of the URL, p", "Patient.id")},
		{name: "body with another id", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"q"}`, status: 400,
			answer: outcome("value", `the id of the resource is \"q\", but the URL says p`, "Patient.id")},
		{name: "body of another type", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Group","id":"p"}`, status: 400,
			answer: outcome("invalid", "the resource is a Group, but the URL says Patient", "Group")},
		{name: "malformed id", method: "PUT", path: "/Patient/a_b", body: `{"resourceType":"Patient","id":"a_b"}`, status: 400, answer: `...is not a valid id`},
		{name: "return=OperationOutcome", method: "PUT", path: "/Patient/p", headers: []string{"Prefer", "return=OperationOutcome"}, body: patient, status: 200, answer: info("updated to Patient/p/_history/4")},
		{name: "delete", method: "DELETE", path: "/Patient/p", status: 204},
		{name: "resurrect", method: "PUT", path: "/Patient/p", body: patient, status: 201, answer: "*", want: []string{"Location: BASE/Patient/p/_history/6", `ETag: W/"6"`}},
	})
}

func TestDelete(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{
		{name: "resource", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, status: 201, answer: "*"},
		{name: "If-Match is stale", method: "DELETE", path: "/Patient/p", headers: []string{"If-Match", `W/"9"`}, status: 412, answer: "*"},
		{name: "delete", method: "DELETE", path: "/Patient/p", status: 204, want: []string{`ETag: W/"2"`, "Content-Type:"}},
		{name: "read is gone", method: "GET", path: "/Patient/p", status: 410, answer: outcome("deleted", "Patient/p: has been deleted")},
		{name: "vread of the deletion is gone", method: "GET", path: "/Patient/p/_history/2", status: 410, answer: outcome("deleted", "Patient/p/_history/2: has been deleted")},
		{name: "vread of the version before", method: "GET", path: "/Patient/p/_history/1", status: 200, answer: "*"},
		{name: "delete again", method: "DELETE", path: "/Patient/p", status: 204, want: []string{"ETag:"}},
		{name: "delete what never was", method: "DELETE", path: "/Patient/q", status: 204, want: []string{"ETag:"}},
		{name: "return=OperationOutcome", method: "DELETE", path: "/Patient/q", headers: []string{"Prefer", "return=OperationOutcome"}, status: 200, answer: info("there is no Patient/q, so that nothing was deleted")},
		{name: "return=OperationOutcome of what is deleted already", method: "DELETE", path: "/Patient/p", headers: []string{"Prefer", "return=OperationOutcome"}, status: 200, answer: info("there is no Patient/p, so that nothing was deleted")},
		{name: "there again", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, status: 201, answer: "*"},
		{name: "return=OperationOutcome of what is there", method: "DELETE", path: "/Patient/p", headers: []string{"Prefer", "return=OperationOutcome"}, status: 200, want: []string{`ETag: W/"4"`}, answer: info("deleted Patient/p")},
	})
}

func TestConditionalCreate(t *testing.T) {
	f := newFixture(t)
	patient := func(value string) string {
		return `{"resourceType":"Patient","identifier":[{"system":"http://example.org/mrn","value":"` + value + `"}]}`
	}
	conditional := func(criteria string) []string { return []string{"If-None-Exist", criteria, "Prefer", "return=minimal"} }
	f.run(t, []step{
		{name: "no match creates", method: "POST", path: "/Patient", headers: conditional("identifier=http://example.org/mrn|1"), body: patient("1"), status: 201, want: []string{"Location: BASE/Patient/id-1/_history/1"}},
		{name: "one match changes nothing", method: "POST", path: "/Patient", headers: conditional("identifier=http://example.org/mrn|1"), body: patient("1"), status: 200, want: []string{"Location: BASE/Patient/id-1/_history/1", `ETag: W/"1"`}},
		{name: "one match answers it", method: "POST", path: "/Patient", headers: []string{"If-None-Exist", "identifier=http://example.org/mrn|1"}, body: patient("1"), status: 200,
			answer: `{"resourceType":"Patient","id":"id-1","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"identifier":[{"system":"http://example.org/mrn","value":"1"}]}`},
		{name: "leading question mark", method: "POST", path: "/Patient", headers: conditional("?identifier=http://example.org/mrn|1"), body: patient("1"), status: 200},
		{name: "leading type", method: "POST", path: "/Patient", headers: conditional("Patient?identifier=http://example.org/mrn|1"), body: patient("1"), status: 200},
		{name: "another one", method: "POST", path: "/Patient", headers: conditional("identifier=http://example.org/mrn|2"), body: patient("2"), status: 201},
		{name: "several matches", method: "POST", path: "/Patient", headers: conditional("identifier=http://example.org/mrn|"), body: patient("3"), status: 412,
			answer: outcome("multiple-matches", "Patient: more than one resource matches the condition")},
		{name: "with the address of the search", method: "POST", path: "/Patient", headers: conditional(f.base + "/Patient?identifier=http://example.org/mrn|1"), body: patient("1"), status: 200, want: []string{"Location: BASE/Patient/id-1/_history/1"}},
		{name: "with the address of a search in another type", method: "POST", path: "/Patient", headers: conditional("Group?identifier=x"), body: patient("1"), status: 400,
			answer: outcome("invalid", `If-None-Exist must search in Patient, not in \"Group\"`, "http.If-None-Exist")},
		{name: "empty", method: "POST", path: "/Patient", headers: conditional(""), body: patient("1"), status: 400, answer: outcome("required", "If-None-Exist has no search parameters")},
		{name: "only a result parameter", method: "POST", path: "/Patient", headers: conditional("_count=1"), body: patient("1"), status: 400, answer: outcome("required", "If-None-Exist has no search parameters")},
		{name: "unknown parameter", method: "POST", path: "/Patient", headers: conditional("colour=blue"), body: patient("1"), status: 400, answer: "*"},
		{name: "deleted matches do not count", method: "DELETE", path: "/Patient/id-1", status: 204},
		{name: "created anew", method: "POST", path: "/Patient", headers: conditional("identifier=http://example.org/mrn|1"), body: patient("1"), status: 201},
	})
}
