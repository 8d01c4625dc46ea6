package conformance

func patchLines() []line {
	return []line{{
		group: "patch", name: "languages-and-conditions", run: patches,
		says: "JSON Patch, FHIRPath Patch (JSON and XML) and XML Patch; a failed test or path is 400 or 422; the result is validated; a stale `If-Match` is 412; conditional; id and type cannot be changed.",
	}}
}

const jsonPatch = "application/json-patch+json"

func fhirPathPatch(operation, path, name, value string) string {
	text := `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"` + operation + `"},{"name":"path","valueString":"` + path + `"}`
	if name != "" {
		text += `,{"name":"name","valueString":"` + name + `"}`
	}
	if value != "" {
		text += `,{"name":"value",` + value + `}`
	}
	return text + `]}]}`
}

const (
	xmlParameters = `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part>` +
		`<part><name value="path"/><valueString value="Patient.birthDate"/></part><part><name value="value"/><valueDate value="1932"/></part></parameter></Parameters>`
	xmlPatch = `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:birthDate/@value">1933</replace></diff>`
)

func patches(s *session) {
	s.store(patient("patch", identifier("patch"), `"birthDate":"1930"`, `"name":[{"family":"A","given":["B"]}]`))
	s.patch("/Patient/patch", `[{"op":"test","path":"/birthDate","value":"1930"},{"op":"replace","path":"/birthDate","value":"1931"}]`).is(200).holds(jsonType, "Patient").
		has("ETag", `W/"2"`).hasLike("Last-Modified", ".* GMT").at("birthDate", "1931").at("name.family", "A")
	s.patch("/Patient/patch", xmlParameters).is(200).has("ETag", `W/"3"`).at("birthDate", "1932")
	s.patch("/Patient/patch", xmlPatch, "Content-Type", "application/xml-patch+xml").is(200).has("ETag", `W/"4"`).at("birthDate", "1933")
	s.patch("/Patient/patch", fhirPathPatch("add", "Patient", "active", `"valueBoolean":true`)).is(200).has("ETag", `W/"5"`).at("active", "true")
	s.patch("/Patient/patch", fhirPathPatch("delete", "Patient.name[0].given", "", "")).is(200).at("name.given").at("name.family", "A")
	s.get("/Patient/patch").is(200).has("ETag", `W/"6"`).at("birthDate", "1933")
	s.patch("/Patient/patch", `[{"op":"add","path":"/gender","value":"male"}]`, "Accept", xmlType).is(200).holds(xmlType, "Patient").at("gender", "male")
	s.patch("/Patient/patch", `[{"op":"remove","path":"/gender"}]`, "Prefer", "return=minimal").is(200).isEmpty().has("ETag", `W/"8"`)
	patchesRefused(s)
	patchesImmutable(s)
	s.get("/Patient/patch").is(200).has("ETag", `W/"8"`).at("birthDate", "1933").at("gender")
	patchConditions(s)
}

func patchesRefused(s *session) {
	refuse := func(body string) {
		for _, accept := range []string{jsonType, xmlType} {
			a := s.patch("/Patient/patch", body, "Accept", accept)
			a.check(a.status == 400 || a.status == 422, "want 400 or 422").refused(a.status, "")
		}
	}
	refuse(`[{"op":"test","path":"/birthDate","value":"1999"},{"op":"replace","path":"/birthDate","value":"2000"}]`)
	refuse(`[{"op":"replace","path":"/birthDate","value":"2000"},{"op":"remove","path":"/nowhere"}]`)
	refuse(`[{"op":"replace","path":"/name/7/family","value":"X"}]`)
	refuse(`[{"op":"replace","path":"birthDate","value":"2000"}]`)
	refuse(`[{"op":"nonsense","path":"/birthDate"}]`)
	refuse(`[{"op":"replace","path":"/birthDate"}]`)
	refuse(`[{"op":"replace"`)
	refuse(`[7]`)
	refuse(fhirPathPatch("replace", "Patient.nonsense", "", `"valueDate":"2000"`))
	refuse(fhirPathPatch("replace", "Patient.birthDate[", "", `"valueDate":"2000"`))
	refuse(fhirPathPatch("nonsense", "Patient.birthDate", "", ""))
	refuse(patient("patch"))
	// The result is validated.
	refuse(`[{"op":"add","path":"/nonsense","value":true}]`)
	refuse(`[{"op":"replace","path":"/birthDate","value":"never"}]`)
	refuse(`[{"op":"add","path":"/gender","value":"unheard-of"}]`)
	refuse(fhirPathPatch("add", "Patient", "gender", `"valueCode":"unheard-of"`))
	s.patch("/Patient/patch", `<diff><replace sel="Patient/nowhere/@value">1</replace></diff>`, "Content-Type", "application/xml-patch+xml", "Accept", xmlType).refused(422, "")
	s.patch("/Patient/patch", "birthDate=1", "Content-Type", "text/plain").refused(415, "not-supported")
	s.patch("/Patient/patch", `{"birthDate":"2000"}`, "Content-Type", "application/merge-patch+json").refused(415, "not-supported")
	s.patch("/Patient/patch-absent", `[]`).refused(404, "not-found")
	s.store(patient("patch-deleted"))
	s.delete("/Patient/patch-deleted").is(204)
	s.patch("/Patient/patch-deleted", `[{"op":"add","path":"/active","value":true}]`).refused(410, "deleted")
}

func patchesImmutable(s *session) {
	refuse := func(body string) {
		a := s.patch("/Patient/patch", body)
		a.check(a.status == 400 || a.status == 422, "want 400 or 422").refused(a.status, "")
	}
	refuse(`[{"op":"replace","path":"/id","value":"other"}]`)
	refuse(`[{"op":"remove","path":"/id"}]`)
	refuse(`[{"op":"replace","path":"/resourceType","value":"Person"}]`)
	refuse(`[{"op":"remove","path":"/resourceType"}]`)
	refuse(`[{"op":"replace","path":"","value":{"resourceType":"Patient","id":"other"}}]`)
	refuse(fhirPathPatch("replace", "Patient.id", "", `"valueId":"other"`))
	refuse(fhirPathPatch("delete", "Patient.id", "", ""))
	s.patch("/Patient/patch", `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:id/@value">other</replace></diff>`, "Content-Type", "application/xml-patch+xml").refused(422, "")
	s.get("/Patient/other-patch").refused(404, "not-found")
}

func patchConditions(s *session) {
	body := `[{"op":"add","path":"/active","value":false}]`
	for _, accept := range []string{jsonType, xmlType} {
		s.patch("/Patient/patch", body, "If-Match", `W/"1"`, "Accept", accept).refused(412, "conflict")
		s.patch("/Patient/patch", body, "If-Match", "nonsense", "Accept", accept).refused(400, "value")
	}
	s.patch("/Patient/patch", body, "If-Match", `W/"8"`).is(200).has("ETag", `W/"9"`).at("active", "false")
	s.patch("/Patient?identifier=urn:conformance|patch", `[{"op":"add","path":"/active","value":true}]`).is(200).at("id", "patch").at("active", "true").has("ETag", `W/"10"`)
	s.patch("/Patient?identifier=urn:conformance|patch", fhirPathPatch("delete", "Patient.active", "", "")).is(200).at("active")
	s.patch("/Patient?identifier=urn:conformance|patch-nobody", body).refused(404, "not-found")
	s.store(patient("patch-1", identifier("patch-two")), patient("patch-2", identifier("patch-two")))
	s.patch("/Patient?identifier=urn:conformance|patch-two", body).refused(412, "multiple-matches")
	s.patch("/Patient", body).refused(400, "")
	s.patch("/Patient?nonsense=1", body).refused(400, "").naming("nonsense")
	s.get("/Patient?identifier=urn:conformance|patch-two").at("entry.resource.meta.versionId", "1", "1")
	// In a Bundle a JSON Patch is a Binary.
	inBundle := bundle("transaction", entry("PATCH", "Patient/patch", fhirPathPatch("add", "Patient", "active", `"valueBoolean":true`)),
		entry("PATCH", "Patient/patch-1", resource("Binary", "", `"contentType":"application/json-patch+json","data":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2FjdGl2ZSIsInZhbHVlIjp0cnVlfV0="`)))
	s.post("", inBundle).is(200).at("entry.response.status", "200 OK", "200 OK")
	s.get("/Patient/patch").at("active", "true")
	s.get("/Patient/patch-1").at("active", "true")
	s.get("/metadata").among("patchFormat", jsonPatch, "application/fhir+json", "application/fhir+xml", "application/xml-patch+xml")
}
