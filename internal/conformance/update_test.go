package conformance

func updateLines() []line {
	return []line{
		{
			group: "update", name: "answer", run: updateAnswer,
			says: "200 for a new version, 201 under a new id and for what had been deleted; a body without the id of the URL or of another type is 400.",
		},
		{
			group: "update", name: "if-match", run: updateIfMatch,
			says:  "`If-Match` that is not the current version is 412, one that is no ETag 400; nothing changes. `versioning` is declared as it is done.",
			notes: []note{{chosen, "`versioned`: the header is honoured when it is sent and not demanded, because gateways of devices write blindly."}},
		},
		{
			group: "update", name: "conditional", run: updateConditional,
			says: "`PUT [type]?…`: no match creates (under the body's id when it has one), one match updates it when the body has its id or none, another id is 400, several matches are 412, no criteria 400.",
		},
		{
			group: "update", name: "create-only", run: updateCreateOnly,
			says: "`If-None-Match: *` makes an update create only: 201, or 412 when the resource exists.",
		},
		{
			group: "update", name: "identical", run: updateIdentical,
			says:  "What an update with identical content does is one rule that the documentation states.",
			notes: []note{{chosen, "it makes a new version, where some servers make none: the history then says who sent what and when, which audits ask for."}},
		},
	}
}

func updateAnswer(s *session) {
	created := s.put("/Patient/update", patient("update", `"active":false`)).is(201).has("Location", s.base+"/Patient/update/_history/1").has("ETag", `W/"1"`).at("meta.versionId", "1")
	created.hasLike("Last-Modified", ".* GMT")
	s.put("/Patient/update", patient("update", `"active":true`, `"meta":{"versionId":"7","lastUpdated":"2000-01-01T00:00:00Z"}`)).is(200).has("ETag", `W/"2"`).at("meta.versionId", "2").at("active", "true").hasLike("Last-Modified", ".* GMT")
	s.put("/Patient/update", `<Patient xmlns="http://hl7.org/fhir"><id value="update"/><active value="false"/></Patient>`).is(200).holds(xmlType, "Patient").has("ETag", `W/"3"`)
	s.put("/Patient/update", patient("update"), "Prefer", "return=minimal").is(200).isEmpty().has("ETag", `W/"4"`)
	s.put("/Patient/update", patient("update"), "Prefer", "return=OperationOutcome").is(200).holds(jsonType, "OperationOutcome").has("ETag", `W/"5"`)
	for _, accept := range []string{jsonType, xmlType} {
		s.put("/Patient/update", patient(""), "Accept", accept).refused(400, "required").naming("Patient.id")
		s.put("/Patient/update", patient("other"), "Accept", accept).refused(400, "").naming("Patient.id")
		s.put("/Patient/update", resource("Group", "update"), "Accept", accept).refused(400, "").naming("Group")
		s.put("/Patient/a_b", patient("a_b"), "Accept", accept).refused(400, "")
	}
	s.put("/Nothing/update", resource("Nothing", "update")).refused(404, "not-supported")
	s.get("/Patient/update").is(200).at("meta.versionId", "5")
	s.get("/Patient/other").refused(404, "not-found")
	s.delete("/Patient/update").is(204)
	s.put("/Patient/update", patient("update", `"active":true`)).is(201).has("ETag", `W/"7"`).has("Location", s.base+"/Patient/update/_history/7")
	s.get("/Patient/update").is(200).at("active", "true")
	s.get("/Patient/update/_history").is(200).totals(7).at("entry.request.method", "PUT", "DELETE", "PUT", "PUT", "PUT", "PUT", "PUT")
	s.get("/Patient?_id=update").finds("update")
	s.check(s.statement("Patient").one("updateCreate") == "true", "want updateCreate declared")
}

func updateIfMatch(s *session) {
	s.store(patient("if-match"))
	s.put("/Patient/if-match", patient("if-match", `"active":true`), "If-Match", `W/"1"`).is(200).has("ETag", `W/"2"`)
	for _, accept := range []string{jsonType, xmlType} {
		s.each(`W/"1" ; W/"3" ; W/"nonsense"`, func(tag string) {
			s.put("/Patient/if-match", patient("if-match"), "If-Match", tag, "Accept", accept).refused(412, "conflict")
		})
		s.each(`2 ; W/2 ; nonsense ; W/"a_b" ; W/"1", W/"2"`, func(tag string) {
			s.put("/Patient/if-match", patient("if-match"), "If-Match", tag, "Accept", accept).refused(400, "value").naming("If-Match")
		})
	}
	s.get("/Patient/if-match").is(200).at("meta.versionId", "2").at("active", "true")
	s.put("/Patient/if-match", patient("if-match"), "If-Match", `"2"`).is(200).has("ETag", `W/"3"`)
	s.put("/Patient/if-match-absent", patient("if-match-absent"), "If-Match", `W/"1"`).refused(412, "")
	s.get("/Patient/if-match-absent").refused(404, "not-found")
	s.delete("/Patient/if-match", "If-Match", `W/"1"`).refused(412, "conflict")
	s.delete("/Patient/if-match", "If-Match", `W/"3"`).is(204)
	s.check(s.statement("Patient").one("versioning") == "versioned", "want versioning: versioned declared")
}

// statement is the CapabilityStatement's row of a resource type.
func (s *session) statement(typ string) *tree {
	s.t.Helper()
	for _, row := range s.get("/metadata").root().nodes("rest.resource") {
		if row.one("type") == typ {
			return row
		}
	}
	return &tree{}
}

func updateConditional(s *session) {
	at := func(value string) string { return "/Patient?identifier=urn:conformance|" + value }
	created := s.put(at("cond-a"), patient("", identifier("cond-a"))).is(201).hasLike("Location", s.base+"/Patient/[-A-Za-z0-9.]+/_history/1").has("ETag", `W/"1"`)
	id := created.root().one("id")
	s.put(at("cond-a"), patient("", identifier("cond-a"), `"active":true`)).is(200).at("id", id).has("ETag", `W/"2"`)
	s.put(at("cond-a"), patient(id, identifier("cond-a"), `"active":false`)).is(200).at("id", id).at("active", "false").has("ETag", `W/"3"`)
	for _, accept := range []string{jsonType, xmlType} {
		s.put(at("cond-a"), patient("cond-other", identifier("cond-a")), "Accept", accept).refused(400, "").naming("Patient.id")
	}
	s.put(at("cond-b"), patient("cond-b", identifier("cond-b"))).is(201).at("id", "cond-b").has("Location", s.base+"/Patient/cond-b/_history/1")
	s.put(at("cond-b"), patient("", identifier("cond-b")), "If-Match", `W/"7"`).refused(412, "conflict")
	s.put(at("cond-b"), patient("", identifier("cond-b")), "If-Match", `W/"1"`).is(200).has("ETag", `W/"2"`)
	s.put(at("cond-b"), patient("", identifier("cond-b")), "If-None-Match", "*").refused(412, "conflict")
	s.put(at("cond-unheard-of"), patient("cond-b", identifier("cond-b"))).refused(409, "conflict").naming("cond-b")
	s.store(patient("cond-c1", identifier("cond-c")), patient("cond-c2", identifier("cond-c")))
	for _, accept := range []string{jsonType, xmlType} {
		s.put(at("cond-c"), patient("", identifier("cond-c")), "Accept", accept).refused(412, "multiple-matches")
		s.put(at("cond-c"), patient("cond-c1", identifier("cond-c")), "Accept", accept).refused(412, "multiple-matches")
		s.put("/Patient", patient("", identifier("cond-d")), "Accept", accept).refused(400, "")
		s.put("/Patient?", patient("", identifier("cond-d")), "Accept", accept).refused(400, "")
		s.put("/Patient?nonsense=1", patient("", identifier("cond-d")), "Accept", accept).refused(400, "").naming("nonsense")
		s.put("/Patient?_format=json", patient("", identifier("cond-d"))).refused(400, "")
	}
	s.get(at("cond-c")).totals(2).at("entry.resource.meta.versionId", "1", "1")
	s.get(at("cond-d")).totals(0)
	s.put("/Patient?identifier=urn:conformance|cond-a&active=false", patient("", identifier("cond-a"))).is(200).at("id", id)
	s.get("/Patient/cond-other").refused(404, "not-found")
	s.check(s.statement("Patient").one("conditionalUpdate") == "true", "want conditionalUpdate declared")
}

func updateCreateOnly(s *session) {
	s.put("/Patient/create-only", patient("create-only", `"active":true`), "If-None-Match", "*").is(201).has("ETag", `W/"1"`)
	for _, accept := range []string{jsonType, xmlType} {
		s.put("/Patient/create-only", patient("create-only", `"active":false`), "If-None-Match", "*", "Accept", accept).refused(412, "conflict")
	}
	s.get("/Patient/create-only").is(200).at("meta.versionId", "1").at("active", "true")
	s.put("/Patient/create-only", patient("create-only"), "If-None-Match", `W/"1"`).refused(400, "").naming("If-None-Match")
	s.delete("/Patient/create-only").is(204)
	s.put("/Patient/create-only", patient("create-only"), "If-None-Match", "*").is(201).has("ETag", `W/"3"`)
	s.post("", bundle("transaction", entry("PUT", "Patient/create-only", patient("create-only"), `"ifNoneMatch":"*"`))).refused(412, "conflict")
}

func updateIdentical(s *session) {
	s.put("/Patient/identical", patient("identical", `"active":true`)).is(201)
	s.put("/Patient/identical", patient("identical", `"active":true`)).is(200).has("ETag", `W/"2"`)
	s.put("/Patient/identical", s.get("/Patient/identical").body).is(200).has("ETag", `W/"3"`)
	s.post("", bundle("transaction", entry("PUT", "Patient/identical", patient("identical", `"active":true`)))).is(200).at("entry.response.etag", `W/"4"`)
	s.get("/Patient/identical/_history").is(200).totals(4).at("entry.resource.meta.versionId", "4", "3", "2", "1")
}
