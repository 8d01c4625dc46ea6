package conformance

import (
	"strings"
)

func createLines() []line {
	return []line{
		{
			group: "create", name: "answer", run: createAnswer,
			says: "201 with `Location`, ETag and Last-Modified; the client's id, `meta.versionId` and `meta.lastUpdated` are not taken, the rest of `meta` is; the body is as `Prefer: return=` asks.",
		},
		{
			group: "create", name: "refused", run: createRefused,
			says: "The wrong type, broken JSON or XML, wrong values and dates are 400, rules of the content 422, too large a body 413; nothing is stored and no address given.",
		},
		{
			group: "create", name: "if-none-exist", run: ifNoneExist,
			says: "No match creates, one is 200 with the existing resource's Location and ETag, several are 412, an empty condition is 400; with or without `?`, with references and chains.",
		},
		{
			group: "create", name: "fidelity", run: fidelity,
			says:  "Decimals keep their digits; control characters and scripts in narrative are refused.",
			notes: []note{{chosen, "active content is refused and not cut out, because what is stored is what was sent."}},
		},
	}
}

func createAnswer(s *session) {
	sent := patient("mine", `"meta":{"versionId":"9","lastUpdated":"2000-01-01T00:00:00Z","source":"urn:src","tag":[{"code":"kept"}],"profile":["http://example.org/p"],"security":[{"code":"R"}]}`, `"active":true`)
	sentXML := `<Patient xmlns="http://hl7.org/fhir"><id value="mine"/><meta><versionId value="9"/><lastUpdated value="2000-01-01T00:00:00Z"/><source value="urn:src"/>` +
		`<profile value="http://example.org/p"/><security><code value="R"/></security><tag><code value="kept"/></tag></meta><active value="true"/></Patient>`
	for format, body := range map[string]string{jsonType: sent, xmlType: sentXML} {
		a := s.post("/Patient", body, "Accept", format).is(201).holds(format, "Patient")
		id := a.root().one("id")
		a.check(id != "" && id != "mine", "id %q", id)
		a.has("Location", s.base+"/Patient/"+id+"/_history/1").has("ETag", `W/"1"`).hasLike("Last-Modified", ".* GMT")
		a.at("meta.versionId", "1").at("meta.source", "urn:src").at("meta.tag.code", "kept").at("meta.profile", "http://example.org/p").at("meta.security.code", "R").at("active", "true")
		a.check(!strings.HasPrefix(a.root().one("meta.lastUpdated"), "2000") && len(a.root().at("meta.lastUpdated")) == 1, "lastUpdated %q", a.root().at("meta.lastUpdated"))
		s.get(a.header.Get("Location"), "Accept", format).is(200).at("id", id).at("active", "true")
		s.get("/Patient/"+id, "Accept", format).is(200).at("meta.versionId", "1").has("Last-Modified", a.header.Get("Last-Modified"))
	}
	s.get("/Patient/mine").refused(404, "not-found")
	place := s.base + `/Patient/[-A-Za-z0-9.]{1,64}/_history/1`
	for _, format := range []string{jsonType, xmlType} {
		s.post("/Patient", sent, "Prefer", "return=minimal", "Accept", format).is(201).isEmpty().hasLike("Location", place).has("ETag", `W/"1"`).hasLike("Last-Modified", ".* GMT")
		s.post("/Patient", sent, "Prefer", "return=representation", "Accept", format).is(201).holds(format, "Patient").hasLike("Location", place)
		s.post("/Patient", sent, "Prefer", "return=OperationOutcome", "Accept", format).is(201).holds(format, "OperationOutcome").at("issue.severity", "information").hasLike("Location", place)
	}
}

func createRefused(s *session) {
	marked := identifier("refused")
	refuse := func(body string, status int, naming string) {
		s.post("/Patient", body).refused(status, "").naming(naming).lacks("Location", "ETag")
	}
	refuse(resource("Observation", "", marked), 400, "Observation")
	refuse(`{`+marked+`}`, 400, "resourceType")
	refuse(resource("Patients", "", marked), 400, "Patients")
	refuse(`{"resourceType":"Patient",`+marked, 400, "")
	refuse(`["Patient"]`, 415, "") // by its Content-Type a JSON Patch
	s.post("/Patient", `["Patient"]`, "Content-Type", jsonType).refused(400, "")
	s.post("/Patient", "null", "Content-Type", jsonType).refused(400, "")
	s.post("/Patient", "", "Content-Type", jsonType).refused(400, "required").naming("body")
	refuse(`{"resourceType":"Patient",`+marked+`} {}`, 400, "")
	refuse(`{"resourceType":"Patient",`+marked+`,"active":true,"active":false}`, 400, "active")
	refuse(`<Patient xmlns="http://hl7.org/fhir"><active value="true"></Patient>`, 400, "")
	refuse(`<Patient><active value="true"/></Patient>`, 400, "")
	refuse(`<Observation xmlns="http://hl7.org/fhir"/>`, 400, "Observation")
	refuse(patient("", marked, `"nonsense":1`), 400, "nonsense")
	refuse(patient("", marked, `"active":"true"`), 400, "Patient.active")
	refuse(patient("", marked, `"gender":"unheard-of"`), 400, "Patient.gender")
	refuse(patient("", marked, `"name":{"family":"X"}`), 400, "Patient.name")
	refuse(patient("", marked, `"active":null`), 400, "Patient.active")
	refuse(patient("", marked, `"name":[]`), 400, "Patient.name")
	refuse(patient("", marked, `"name":[{"family":""}]`), 400, "Patient.name")
	refuse(patient("", marked, `"deceasedBoolean":true,"deceasedDateTime":"2020"`), 400, "deceased")
	s.each("2020-13-01 ; 2020-02-30 ; 20200101 ; 2020-1-1 ; yesterday ; 2020-01-01T10:00:00Z", func(date string) {
		refuse(patient("", marked, `"birthDate":"`+date+`"`), 400, "Patient.birthDate")
	})
	s.post("/Observation", resource("Observation", "", marked, `"code":{"text":"x"}`)).refused(400, "required").naming("status")
	s.post("/Observation", resource("Observation", "", marked, `"status":"final","code":{"text":"x"},"subject":{"reference":"Medication/1"}`)).refused(400, "value").naming("subject")
	s.post("/Observation", resource("Observation", "", marked, `"status":"final","code":{"text":"x"},"effectiveDateTime":"2020-01-01T25:00:00Z"`)).refused(400, "").naming("effective")
	refuse(patient("", marked, `"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>"}`), 422, "Patient.text")
	s.get("/Patient?identifier=urn:conformance|refused").is(200).finds("")
	s.get("/Observation?identifier=urn:conformance|refused").is(200).finds("")
	s.on(limited, func(s *session) {
		large := patient("", marked, `"name":[{"text":"`+strings.Repeat("x", 70<<10)+`"}]`)
		s.post("/Patient", large).refused(413, "too-long").naming("65536")
		s.put("/Patient/large", patient("large", large[len(`{"resourceType":"Patient",`):len(large)-1])).refused(413, "too-long")
		s.post("/Patient", large, "Accept", xmlType).refused(413, "too-long")
		s.get("/Patient?identifier=urn:conformance|refused").is(200).finds("")
	})
}

func ifNoneExist(s *session) {
	one := patient("", identifier("if-none-exist"), `"active":true`)
	condition := "identifier=urn:conformance|if-none-exist"
	first := s.post("/Patient", one, "If-None-Exist", condition).is(201).has("ETag", `W/"1"`)
	id := first.root().one("id")
	again := func(condition string) {
		a := s.post("/Patient", patient("", identifier("if-none-exist"), `"active":false`), "If-None-Exist", condition)
		a.is(200).has("Location", s.base+"/Patient/"+id+"/_history/1").has("ETag", `W/"1"`).at("id", id).at("active", "true")
	}
	again(condition)
	again("?" + condition)
	again("identifier=urn:conformance%7Cif-none-exist")
	again(condition + "&active=true")
	s.get("/Patient/" + id + "/_history").is(200).totals(1)
	s.post("/Patient", one, "If-None-Exist", condition, "Prefer", "return=minimal").is(200).isEmpty().has("ETag", `W/"1"`)
	s.post("/Patient", one, "If-None-Exist", condition, "Accept", xmlType).is(200).holds(xmlType, "Patient")
	observation := func(status string) string {
		return resource("Observation", "", identifier("if-none-exist"), `"status":"`+status+`","code":{"text":"x"},"subject":{"reference":"Patient/`+id+`"}`)
	}
	s.post("/Observation", observation("final"), "If-None-Exist", "subject=Patient/"+id).is(201)
	s.each("subject=Patient/"+id+" ; patient="+id+" ; ?subject="+s.base+"/Patient/"+id+" ; subject:Patient.identifier=urn:conformance|if-none-exist ; patient.identifier=urn:conformance%7Cif-none-exist&status=final",
		func(condition string) {
			s.post("/Observation", observation("amended"), "If-None-Exist", condition).is(200).at("status", "final")
		})
	s.post("/Observation", observation("amended"), "If-None-Exist", "subject:Patient.identifier=urn:conformance|nobody").is(201)
	s.post("/Observation", observation("amended"), "If-None-Exist", "subject=Patient/"+id).refused(412, "multiple-matches")
	s.post("/Observation", observation("amended"), "If-None-Exist", "subject=Patient/"+id, "Accept", xmlType).refused(412, "multiple-matches")
	s.get("/Observation?identifier=urn:conformance|if-none-exist").is(200).totals(2)
	s.each(" ; ? ; & ; nonsense=1 ; identifier", func(condition string) {
		s.post("/Patient", one, "If-None-Exist", condition).refused(400, "")
	})
	s.post("/Patient", one, "If-None-Exist", "birthdate=never").refused(400, "")
	s.post("/Patient", one, "If-None-Exist", "identifier:nonsense=1").refused(400, "")
	s.get("/Patient?" + condition).is(200).totals(1)
}

func fidelity(s *session) {
	quantity := func(value string) string {
		return resource("Observation", "", `"status":"final","code":{"text":"x"},"valueQuantity":{"value":`+value+`}`)
	}
	s.each("1.00 ; 0.010 ; 100 ; 1E2 ; 1e-7 ; -0.0 ; 3.14159265358979323846264338327950288 ; 12345678901234567890.12345678901234567890 ; 0.00000000000000000000000000000001", func(value string) {
		a := s.post("/Observation", quantity(value)).is(201).contains(`"value":` + value + `}`)
		s.get(a.header.Get("Location")).is(200).contains(`"value":` + value + `}`)
		s.get(a.header.Get("Location"), "Accept", xmlType).is(200).at("valueQuantity.value", value)
	})
	xml := `<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="x"/></code><valueQuantity><value value="7.2500"/></valueQuantity></Observation>`
	s.post("/Observation", xml, "Accept", jsonType).is(201).contains(`"value":7.2500}`)
	s.each(`01 ; +1 ; .5 ; 1. ; NaN ; "1"`, func(value string) {
		s.post("/Observation", quantity(value)).refused(400, "")
	})
	s.post("/Patient", patient("", `"name":[{"text":"tab\tline\nreturn\rquote\"slash\\"}]`)).is(201).at("name.text", "tab\tline\nreturn\rquote\"slash\\")
	s.each(`\u0000 ; \u0001 ; \u0008 ; \u000b ; \u001f`, func(control string) {
		s.post("/Patient", patient("", `"name":[{"text":"a`+control+`b"}]`)).refused(400, "").naming("Patient.name")
	})
	s.post("/Patient", patient("", "\"name\":[{\"text\":\"a\x01b\"}]")).refused(400, "")
	s.post("/Patient", patient("", "\"name\":[{\"text\":\"a\xffb\"}]")).refused(400, "")
	narrative := func(content string) string {
		return patient("", identifier("narrative"), `"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">`+content+`</div>"}`)
	}
	s.each(`<script>alert(1)</script> ; <p onclick=\"x()\">x</p> ; <a href=\"javascript:x()\">x</a> ; <iframe src=\"http://evil\"/> ; <object data=\"x\"/> ; <form><input/></form> ; `+
		`<img src=\"javascript:x()\" alt=\"x\"/> ; <link rel=\"stylesheet\" href=\"http://evil\"/> ; <p>open ; <p style=\"x\" onmouseover=\"x\">x</p>`, func(content string) {
		a := s.post("/Patient", narrative(content))
		a.check(a.status == 400 || a.status == 422, "want 400 or 422").refused(a.status, "").naming("Patient.text")
	})
	s.post("/Patient", patient("", `"text":{"status":"generated","div":"<div>no namespace</div>"}`)).refused(400, "").naming("Patient.text")
	s.post("/Patient", `<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></div></text></Patient>`).refused(422, "")
	s.get("/Patient?identifier=urn:conformance|narrative").is(200).finds("")
	s.post("/Patient", narrative(`<p style=\"color:red\"><b>x</b><a href=\"http://example.org\">y</a><img src=\"#p\" alt=\"z\"/><br/></p><table><tr><td>1</td></tr></table>`)).is(201)
}
