package server

import "testing"

func TestValidateOperation(t *testing.T) {
	f := newFixture(t)
	f.put(t, "/Patient/p", `{"resourceType":"Patient","id":"p"}`)
	const rest = `{"severity":"information","code":"not-supported","diagnostics":"` + unchecked + `"}`
	answer := func(issues string) string {
		return `{"resourceType":"OperationOutcome","issue":[` + issues + `]}`
	}
	const fine = `{"severity":"information","code":"informational","diagnostics":"no problem was found"}`
	const good = `{"resourceType":"Patient","id":"p","active":true}`
	parameters := func(resource, more string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + resource + `}` + more + `]}`
	}
	f.run(t, []step{
		{name: "good", method: "POST", path: "/Patient/$validate", body: good, status: 200, answer: answer(fine + "," + rest)},
		{name: "in Parameters", method: "POST", path: "/Patient/$validate", body: parameters(good, `,{"name":"mode","valueCode":"create"}`), status: 200, answer: answer(fine + "," + rest)},
		{name: "an unknown element", method: "POST", path: "/Patient/$validate", body: `{"resourceType":"Patient","colour":"blue"}`, status: 200, answer: `..."expression":["Patient.colour"]}`},
		{name: "another type", method: "POST", path: "/Patient/$validate", body: `{"resourceType":"Basic","code":{"text":"x"}}`, status: 200,
			answer: answer(`{"severity":"error","code":"invalid","diagnostics":"the resource is a Basic, but the URL says Patient","expression":["Basic"]},` + rest)},
		{name: "update", method: "POST", path: "/Patient/p/$validate?mode=update", body: good, status: 200, answer: answer(fine + "," + rest)},
		{name: "update with another id", method: "POST", path: "/Patient/q/$validate?mode=update", body: good, status: 200,
			answer: answer(`{"severity":"error","code":"value","diagnostics":"the id of the resource is \"p\", but the URL says q","expression":["Patient.id"]},` + rest)},
		{name: "update of another version", method: "POST", path: "/Patient/p/$validate?mode=update", headers: []string{"If-Match", `W/"7"`}, body: good, status: 200,
			answer: answer(`{"severity":"error","code":"conflict","diagnostics":"the current version is not the one that If-Match asks for"},` + rest)},
		{name: "update of a type", method: "POST", path: "/Patient/$validate?mode=update", body: good, status: 400, answer: outcome("invalid", "mode=update is about an instance: Patient/[id]/$validate", "http.mode")},
		{name: "delete", method: "POST", path: "/Patient/p/$validate?mode=delete", status: 200, answer: answer(fine)},
		{name: "delete of nothing", method: "GET", path: "/Patient/none/$validate?mode=delete", status: 200,
			answer: answer(`{"severity":"information","code":"not-found","diagnostics":"there is no such resource now; deleting it would change nothing"}`)},
		{name: "nothing was deleted", method: "GET", path: "/Patient/p", status: 200, answer: "*"},
		{name: "another mode", method: "POST", path: "/Patient/$validate?mode=patch", body: good, status: 400, answer: outcome("value", "mode must be create, update or delete", "http.mode")},
		{name: "no resource", method: "POST", path: "/Patient/$validate", status: 400,
			answer: outcome("required", "$validate needs the parameter resource, or the resource as the body, unless mode is delete", "http.resource")},
		{name: "the definition as profile", method: "POST", path: "/Patient/$validate?profile=http://hl7.org/fhir/StructureDefinition/Patient", body: good, status: 200, answer: answer(fine + "," + rest)},
		{name: "a profile", method: "POST", path: "/Patient/$validate", body: parameters(good, `,{"name":"profile","valueUri":"http://example.org/p"}`), status: 400,
			answer: outcome("not-supported", "validation against profiles is not supported yet; without profile the resource is checked against the definition of Patient", "http.profile")},
		{name: "broken", method: "POST", path: "/Patient/$validate", body: `{"resourceType":"Patient",`, status: 400, answer: "*"},
		{name: "unknown type", method: "POST", path: "/Pazient/$validate", body: good, status: 404, answer: "*"},
	})
}
