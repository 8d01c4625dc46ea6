package conformance

func deleteLines() []line {
	return []line{
		{
			group: "delete", name: "answer", run: deletes,
			says:  "204 without body, also for what is absent or deleted already; then read is 410, no search finds it, and the history keeps it.",
			notes: []note{{chosen, "204, and 200 with an OperationOutcome only under `Prefer: return=OperationOutcome`; suites want the one or the other."}},
		},
		{
			group: "delete", name: "conditional", run: deleteConditional,
			says:  "No match is 204, one is deleted, more than may be deleted at once are 412 and stay, no criteria are 400. `conditionalDelete` is declared as configured: single, or multiple with `--max-deletes`.",
			notes: []note{{chosen, "criteria that are missing are 400 as any malformed request, where one suite has 412."}},
		},
		{
			group: "delete", name: "references", run: deleteReferenced,
			says:  "The policy about references is stated: `referencePolicy` in the CapabilityStatement.",
			notes: []note{{chosen, "references are not enforced, so no delete is refused with 409: devices report before their patients are known, and what they reported must not keep a resource alive."}},
		},
	}
}

func deletes(s *session) {
	s.store(patient("delete", identifier("delete"), `"active":true`), patient("delete-kept", identifier("delete")))
	s.delete("/Patient/delete").is(204).isEmpty()
	s.delete("/Patient/delete").is(204).isEmpty()
	s.delete("/Patient/delete-absent").is(204).isEmpty()
	s.delete("/Patient/delete-absent", "Accept", xmlType).is(204).isEmpty()
	s.delete("/Patient/a_b").refused(400, "value")
	s.delete("/Nothing/1").refused(404, "not-supported")
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Patient/delete", "Accept", accept).refused(410, "deleted")
	}
	s.get("/Patient/delete-absent").refused(404, "not-found")
	s.each("identifier=urn:conformance|delete ; identifier=urn:conformance|delete&gender:not=male ; identifier=urn:conformance|delete&active:not=false ; _id=delete,delete-kept ; identifier=urn:conformance|delete&birthdate:missing=true ; "+
		"identifier=urn:conformance|delete&_lastUpdated=gt2000", func(query string) {
		s.get("/Patient?" + query).finds("delete-kept").totals(1)
		s.form("/Patient/_search", query).finds("delete-kept")
	})
	s.get("/Patient/delete/_history").is(200).totals(2).at("entry.request.method", "DELETE", "PUT").at("entry.resource.active", "true").at("entry.response.status", "204 No Content", "201 Created")
	s.store(patient("delete"))
	s.delete("/Patient/delete", "Prefer", "return=OperationOutcome").is(200).holds(jsonType, "OperationOutcome").at("issue.severity", "information")
	s.delete("/Patient/delete", "Prefer", "return=OperationOutcome", "Accept", xmlType).is(200).holds(xmlType, "OperationOutcome")
	s.delete("/Patient/delete", "Prefer", "return=minimal").is(204).isEmpty()
	s.get("/Patient/delete/_history").is(200).totals(4)
}

func deleteConditional(s *session) {
	at := func(value string) string { return "/Patient?identifier=urn:conformance|" + value }
	s.delete(at("cond-delete-nobody")).is(204).isEmpty()
	s.store(patient("cond-delete", identifier("cond-delete")), patient("cond-delete-1", identifier("cond-delete-two")), patient("cond-delete-2", identifier("cond-delete-two")))
	s.delete(at("cond-delete")).is(204).isEmpty()
	s.get("/Patient/cond-delete").refused(410, "deleted")
	s.get("/Patient/cond-delete/_history").totals(2)
	for _, accept := range []string{jsonType, xmlType} {
		s.delete(at("cond-delete-two"), "Accept", accept).refused(412, "multiple-matches")
		s.delete("/Patient", "Accept", accept).refused(400, "")
		s.delete("/Patient?", "Accept", accept).refused(400, "")
		s.delete("/Patient?nonsense=1", "Accept", accept).refused(400, "").naming("nonsense")
		s.delete("/Patient?birthdate=never", "Accept", accept).refused(400, "")
	}
	s.get(at("cond-delete-two")).totals(2)
	s.check(s.statement("Patient").one("conditionalDelete") == "single", "want conditionalDelete: single declared")
	s.on(limited, func(s *session) {
		for _, id := range []string{"a", "b", "c"} {
			s.store(patient("several-"+id, identifier("several")))
		}
		for _, id := range []string{"a", "b", "c", "d"} {
			s.store(patient("many-"+id, identifier("many")))
		}
		s.delete(at("several")).is(204)
		s.get(at("several")).totals(0)
		s.get("/Patient/several-b").refused(410, "deleted")
		s.delete(at("many")).refused(412, "")
		s.get(at("many")).totals(4)
		s.check(s.statement("Patient").one("conditionalDelete") == "multiple", "want conditionalDelete: multiple declared")
	})
}

func deleteReferenced(s *session) {
	s.store(patient("referenced"))
	s.store(resource("Observation", "refers", `"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/referenced"}`))
	s.delete("/Patient/referenced").is(204)
	s.get("/Observation/refers").is(200).at("subject.reference", "Patient/referenced")
	s.get("/Observation?subject=Patient/referenced").finds("refers")
	s.get("/Observation?_id=refers&_include=Observation:subject").is(200).finds("refers").includes("")
	s.get("/Observation?_id=refers&subject:Patient.active:missing=true").finds("")
	s.post("/Observation", resource("Observation", "", `"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/never-seen"}`)).is(201)
	got := s.statement("Observation").at("referencePolicy")
	s.check(len(got) == 2 && got[0] == "literal" && got[1] == "logical", "referencePolicy declared: %q, want literal and logical", got)
}
