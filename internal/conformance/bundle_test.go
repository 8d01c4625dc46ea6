package conformance

import (
	"strings"
)

func bundleLines() []line {
	return []line{
		{
			group: "bundle", name: "answer", run: bundleAnswer,
			says: "POST to the base takes a Bundle of type batch or transaction, everything else is 400; the answer has an entry for each, in order, with status, location, etag and lastModified; entries of a batch that fail carry an outcome.",
		},
		{
			group: "bundle", name: "order-and-atomicity", run: transactionOrder,
			says: "A transaction works in the order DELETE, POST, PUT and PATCH, GET and HEAD, then resolves conditional references; all or nothing, with an OperationOutcome that names the entry; one resource twice is 400; a GET sees the state behind it.",
		},
		{
			group: "bundle", name: "references", run: transactionReferences,
			says:  "`urn:uuid:`, `urn:oid:` and fullUrl references become addresses everywhere, also in narrative and in uri, url and canonical elements; conditional references; `ifNoneExist`, `ifMatch`, `ifNoneMatch`, `ifModifiedSince`; what exists already is linked to.",
			notes: []note{{otherwise, "elements of type oid and uuid keep their value: an address such as Patient/1 is neither, and what is stored must be R4 that can be sent again."}},
		},
		{
			group: "bundle", name: "batch", run: batches,
			says: "Entries of a batch are independent: an entry that refers to another by its fullUrl fails, the others do not.",
			notes: []note{{chosen, "such an entry fails, as one suite asserts, where many servers store the literal that leads nowhere."},
				{later, "403 within an entry comes with authorization; each entry is asked for by itself already."}},
		},
	}
}

func bundleAnswer(s *session) {
	for _, kind := range []string{"batch", "transaction"} {
		s.store(patient("bundle-put-"+kind), patient("bundle-del-"+kind), patient("bundle-get-"+kind, `"active":true`))
		body := bundle(kind,
			entry("GET", "Patient/bundle-get-"+kind, ""),
			entry("PUT", "Patient/bundle-put-"+kind, patient("bundle-put-"+kind, `"active":true`)),
			entry("POST", "Patient", patient("", identifier("bundle-"+kind))),
			entry("DELETE", "Patient/bundle-del-"+kind, ""),
			entry("PUT", "Patient/bundle-new-"+kind, patient("bundle-new-"+kind)),
			entry("GET", "Patient?_id=bundle-get-"+kind, ""))
		a := s.post("", body).is(200).holds(jsonType, "Bundle").at("type", kind+"-response")
		a.at("entry.response.status", "200 OK", "200 OK", "201 Created", "204 No Content", "201 Created", "200 OK")
		a.at("entry[0].resource.active", "true").at("entry[0].response.etag", `W/"1"`).at("entry[5].resource.type", "searchset").at("entry[5].resource.total", "1")
		a.at("entry[1].response.etag", `W/"2"`).at("entry[2].response.etag", `W/"1"`).at("entry[4].response.etag", `W/"1"`)
		a.at("entry[4].response.location", s.base+"/Patient/bundle-new-"+kind+"/_history/1")
		location := a.root().one("entry[2].response.location")
		a.check(strings.HasPrefix(location, s.base+"/Patient/") && strings.HasSuffix(location, "/_history/1"), "location %q", location)
		s.get(location).is(200).at("identifier.value", "bundle-"+kind)
		for _, i := range []string{"0", "1", "2", "4"} {
			modified := a.root().one("entry[" + i + "].response.lastModified")
			a.check(len(modified) > 20 && strings.HasSuffix(modified, "Z"), "entry[%s].response.lastModified %q", i, modified)
		}
		s.get("/Patient/bundle-del-"+kind).refused(410, "deleted")
		s.post("", body, "Accept", xmlType).is(200).holds(xmlType, "Bundle").at("type", kind+"-response").
			at("entry.response.status", "200 OK", "200 OK", "201 Created", "204 No Content", "200 OK", "200 OK")
		s.post("", bundle(kind, entry("POST", "Patient", patient(""))), "Prefer", "return=representation").is(200).at("entry.resource.resourceType", "Patient")
		s.post("", bundle(kind, entry("POST", "Patient", patient(""))), "Prefer", "return=minimal").is(200).at("entry.resource")
		s.post("", `{"resourceType":"Bundle","type":"`+kind+`"}`).is(200).at("type", kind+"-response").at("entry")
		s.post("/", body).is(200)
	}
	for _, accept := range []string{jsonType, xmlType} {
		s.post("", patient(""), "Accept", accept).refused(400, "").naming("Patient")
		s.post("", `{"resourceType":"Bundle"}`, "Accept", accept).refused(400, "").naming("type")
		s.each("searchset ; collection ; history ; document ; message ; transaction-response ; nonsense", func(kind string) {
			s.post("", bundle(kind), "Accept", accept).refused(400, "").naming(kind)
		})
		s.post("", `{`, "Accept", accept).refused(400, "")
		s.post("", "x", "Content-Type", "text/plain", "Accept", accept).refused(415, "")
	}
	inXML := `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource><Patient><active value="true"/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry></Bundle>`
	s.post("", inXML).is(200).holds(xmlType, "Bundle").at("entry.response.status", "201 Created")
	failing := bundle("batch", entry("GET", "Patient/bundle-nobody", ""), entry("POST", "Patient", patient("", `"birthDate":"never"`)), entry("PUT", "Patient/bundle-new-batch", patient("other")),
		entry("GET", "Patient/bundle-get-batch", ""), entry("GET", "Patient?birthdate=never", ""), entry("POST", "Nothing", resource("Nothing", "")), `{"resource":`+patient("")+`}`, entry("DELETE", "Patient/bundle-get-batch", "", `"ifMatch":"W/\"9\""`))
	for _, accept := range []string{jsonType, xmlType} {
		a := s.post("", failing, "Accept", accept).is(200).holds(accept, "Bundle")
		statuses := a.root().at("entry.response.status")
		for i, want := range []string{"404", "400", "400", "200", "400", "404", "400", "412"} {
			a.check(i < len(statuses) && strings.HasPrefix(statuses[i], want), "entry[%d] has status %q, want %s", i, statuses, want)
		}
		a.at("entry.response.outcome.resourceType", "OperationOutcome", "OperationOutcome", "OperationOutcome", "OperationOutcome", "OperationOutcome", "OperationOutcome", "OperationOutcome")
		a.at("entry[3].resource.id", "bundle-get-batch").at("entry[3].response.outcome")
	}
	s.on(limited, func(s *session) {
		one := entry("POST", "Patient", patient("", identifier("bundle-many")))
		s.post("", bundle("transaction", one, one, one, one, one, one)).refused(413, "").naming("5")
		s.get("/Patient?identifier=urn:conformance|bundle-many").totals(0)
		s.post("", bundle("transaction", one, one, one, one, one)).is(200)
	})
}

func transactionOrder(s *session) {
	s.store(patient("order", identifier("order"), `"gender":"male"`), patient("order-gone", identifier("order-gone")), patient("order-put", identifier("order-put")))
	a := s.post("", bundle("transaction",
		entry("GET", "Patient/order-put", ""),
		entry("GET", "Patient?identifier=urn:conformance|order-all", ""),
		entry("HEAD", "Patient/order-put", ""),
		entry("PATCH", "Patient/order", fhirPathPatch("add", "Patient", "active", `"valueBoolean":true`)),
		entry("PUT", "Patient/order-put", patient("order-put", identifier("order-all"), `"active":true`)),
		entry("POST", "Patient", patient("", identifier("order-all")), `"ifNoneExist":"identifier=urn:conformance|order-gone"`),
		entry("DELETE", "Patient/order-gone", "")))
	a.is(200).at("entry.response.status", "200 OK", "200 OK", "200 OK", "200 OK", "200 OK", "201 Created", "204 No Content")
	a.at("entry[0].resource.active", "true").at("entry[1].resource.total", "2").at("entry[2].resource")
	s.get("/Patient/order").at("active", "true").at("gender", "male")
	s.get("/Patient/order-gone").refused(410, "deleted")
	// What fails says which entry, and leaves nothing.
	good := entry("POST", "Patient", patient("", identifier("atomic")))
	fails := func(status int, bad string) {
		for _, accept := range []string{jsonType, xmlType} {
			s.post("", bundle("transaction", good, entry("PUT", "Patient/atomic", patient("atomic", identifier("atomic"))), entry("DELETE", "Patient/order", ""), bad), "Accept", accept).
				refused(status, "").naming("Bundle.entry[3]")
		}
	}
	fails(400, entry("POST", "Patient", patient("", `"birthDate":"never"`)))
	fails(400, entry("POST", "Patient", resource("Observation", "", `"status":"final","code":{"text":"x"}`)))
	fails(400, entry("POST", "Patient", ""))
	fails(400, entry("PUT", "Patient/a", patient("b")))
	fails(400, entry("POST", "Nothing", patient("")))
	fails(400, entry("TRACE", "Patient/1", ""))
	fails(400, `{"resource":`+patient("")+`}`)
	fails(400, entry("GET", "Patient?birthdate=never", ""))
	fails(400, entry("GET", "http://elsewhere.example/Patient/1", ""))
	fails(412, entry("PUT", "Patient/order-put", patient("order-put"), `"ifMatch":"W/\"77\""`))
	fails(412, entry("PUT", "Patient?identifier=urn:conformance|order-all", patient("")))
	fails(400, entry("PUT", "Patient/atomic", patient("atomic")))
	fails(400, entry("DELETE", "Patient/order", ""))
	fails(400, entry("PATCH", "Patient/atomic", fhirPathPatch("add", "Patient", "active", `"valueBoolean":true`)))
	s.get("/Patient?identifier=urn:conformance|atomic").totals(0)
	s.get("/Patient/atomic").refused(404, "not-found")
	s.get("/Patient/order").is(200)
	// A conditional reference sees what the transaction leaves.
	s.post("", bundle("transaction", entry("POST", "Observation", resource("Observation", "", identifier("order-after"), `"status":"final","code":{"text":"x"},"subject":{"reference":"Patient?identifier=urn:conformance|order-late"}`)),
		entry("PUT", "Patient/order-late", patient("order-late", identifier("order-late"))))).is(200)
	s.get("/Observation?identifier=urn:conformance|order-after").at("entry.resource.subject.reference", "Patient/order-late")
}

func transactionReferences(s *session) {
	const uuid, oid, full = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "urn:oid:1.2.3.4.5", "http://elsewhere.example/fhir/Device/9"
	div := `<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"` + uuid + `\">x</a><img src=\"` + oid + `\" alt=\"y\"/><a href=\"http://other.example/" + "\">z</a></div>`
	div = strings.ReplaceAll(div, `" + "`, "")
	document := resource("DocumentReference", "", identifier("references"), `"text":{"status":"generated","div":"`+div+`"}`, `"status":"current"`,
		`"subject":{"reference":"`+uuid+`"}`, `"author":[{"reference":"`+full+`"},{"reference":"#in"}]`, `"contained":[{"resourceType":"Practitioner","id":"in","extension":[{"url":"urn:x","valueReference":{"reference":"`+uuid+`"}}]}]`,
		`"extension":[{"url":"urn:a","valueUri":"`+uuid+`"},{"url":"urn:b","valueOid":"`+oid+`"},{"url":"urn:c","valueUuid":"`+uuid+`"},{"url":"urn:d","valueUrl":"`+uuid+`"},{"url":"urn:e","valueString":"`+uuid+`"}]`,
		`"content":[{"attachment":{"url":"`+oid+`"}}]`)
	a := s.post("", bundle("transaction", named("urn:uuid:7d4c0f4e-91f1-4d0b-8f0e-2b6a5a6d8c11", entry("POST", "DocumentReference", document)),
		named(uuid, entry("POST", "Patient", patient(""))),
		named(oid, entry("POST", "Binary", resource("Binary", "", `"contentType":"text/plain","data":"eA=="`))),
		named(full, entry("POST", "Device", resource("Device", ""))))).is(200)
	relative := func(i string) string {
		location := strings.TrimPrefix(a.root().one("entry["+i+"].response.location"), s.base+"/")
		return strings.TrimSuffix(location, "/_history/1")
	}
	person, binary, device := relative("1"), relative("2"), relative("3")
	got := s.get(a.root().one("entry[0].response.location")).is(200)
	got.at("subject.reference", person).at("author.reference", device, "#in").at("content.attachment.url", binary).at("contained.extension.valueReference.reference", person)
	got.at("extension.valueUri", person).at("extension.valueOid", oid).at("extension.valueUuid", uuid).at("extension.valueUrl", person).at("extension.valueString", uuid)
	got.contains(`href=\"` + person + `\"`).contains(`src=\"` + binary + `\"`).contains(`href=\"http://other.example/\"`)
	s.get("/DocumentReference?subject=" + person).totals(1)
	s.get("/DocumentReference?author=" + device).totals(1)
	conditionalReferences(s)
	entryConditions(s)
}

func conditionalReferences(s *session) {
	observation := func(reference string) string {
		return entry("POST", "Observation", resource("Observation", "", identifier("cond-ref"), `"status":"final","code":{"text":"x"},"subject":{"reference":"`+reference+`"}`))
	}
	s.store(patient("cond-ref", identifier("cond-ref")), patient("cond-ref-1", identifier("cond-ref-two")), patient("cond-ref-2", identifier("cond-ref-two")))
	for _, accept := range []string{jsonType, xmlType} {
		s.post("", bundle("transaction", observation("Patient?identifier=urn:conformance|cond-ref-nobody")), "Accept", accept).refused(412, "").naming("Bundle.entry[0]")
		s.post("", bundle("transaction", observation("Patient?identifier=urn:conformance|cond-ref-two")), "Accept", accept).refused(412, "multiple-matches").naming("Bundle.entry[0]")
		s.post("", bundle("transaction", observation("Patient?birthdate=never")), "Accept", accept).refused(400, "").naming("Bundle.entry[0]")
		s.post("", bundle("transaction", observation("Patient?nonsense=1")), "Accept", accept).refused(400, "").naming("nonsense")
	}
	s.get("/Observation?identifier=urn:conformance|cond-ref").totals(0)
	s.post("", bundle("transaction", observation("Patient?identifier=urn:conformance|cond-ref"))).is(200)
	s.get("/Observation?identifier=urn:conformance|cond-ref").totals(1).at("entry.resource.subject.reference", "Patient/cond-ref")
	// A conditional create that finds one leads there.
	const uuid = "urn:uuid:0c1f4a5e-2f87-4d3c-9c55-0f8d6f1a2b3c"
	a := s.post("", bundle("transaction", named(uuid, entry("POST", "Patient", patient("", identifier("cond-ref")), `"ifNoneExist":"identifier=urn:conformance|cond-ref"`)), observation(uuid))).is(200)
	a.at("entry.response.status", "200 OK", "201 Created").at("entry[0].response.location", s.base+"/Patient/cond-ref/_history/1").at("entry[0].response.etag", `W/"1"`)
	s.get(a.root().one("entry[1].response.location")).at("subject.reference", "Patient/cond-ref")
	s.post("", bundle("transaction", entry("POST", "Patient", patient(""), `"ifNoneExist":"identifier=urn:conformance|cond-ref-two"`))).refused(412, "multiple-matches").naming("Bundle.entry[0]")
}

func entryConditions(s *session) {
	s.store(patient("entry-cond"))
	for _, kind := range []string{"transaction", "batch"} {
		status := func(want, entry string) {
			a := s.post("", bundle(kind, entry))
			got := a.root().one("entry.response.status")
			if a.status != 200 {
				got = map[int]string{400: "400", 412: "412"}[a.status]
			}
			a.check(strings.HasPrefix(got, want), "%s: status %q, want %s", kind, got, want)
		}
		status("412", entry("PUT", "Patient/entry-cond", patient("entry-cond"), `"ifMatch":"W/\"99\""`))
		status("400", entry("PUT", "Patient/entry-cond", patient("entry-cond"), `"ifMatch":"nonsense"`))
		status("412", entry("PUT", "Patient/entry-cond", patient("entry-cond"), `"ifNoneMatch":"*"`))
		status("201", entry("PUT", "Patient/entry-cond-"+kind, patient("entry-cond-"+kind), `"ifNoneMatch":"*"`))
		status("200", entry("PUT", "Patient/entry-cond-"+kind, patient("entry-cond-"+kind), `"ifMatch":"W/\"1\""`))
		status("304", entry("GET", "Patient/entry-cond", "", `"ifNoneMatch":"W/\"1\""`))
		status("200", entry("GET", "Patient/entry-cond", "", `"ifNoneMatch":"W/\"7\""`))
		status("304", entry("GET", "Patient/entry-cond", "", `"ifModifiedSince":"2100-01-01T00:00:00Z"`))
		status("200", entry("GET", "Patient/entry-cond", "", `"ifModifiedSince":"2000-01-01T00:00:00Z"`))
		status("412", entry("DELETE", "Patient/entry-cond", "", `"ifMatch":"W/\"7\""`))
		status("201", entry("POST", "Patient", patient("", identifier("entry-cond-"+kind)), `"ifNoneExist":"identifier=urn:conformance|entry-cond-`+kind+`"`))
		status("200", entry("POST", "Patient", patient("", identifier("entry-cond-"+kind)), `"ifNoneExist":"identifier=urn:conformance|entry-cond-`+kind+`"`))
		status("204", entry("DELETE", "Patient?identifier=urn:conformance|entry-cond-"+kind, ""))
	}
}

func batches(s *session) {
	const uuid = "urn:uuid:5a0c4d8e-6f1b-4c3a-9e2d-7b8f9a0b1c2d"
	observation := resource("Observation", "", identifier("batch"), `"status":"final","code":{"text":"x"},"subject":{"reference":"`+uuid+`"}`)
	a := s.post("", bundle("batch", named(uuid, entry("POST", "Patient", patient("", identifier("batch")))), entry("POST", "Observation", observation),
		entry("POST", "Patient", patient("", identifier("batch"), `"birthDate":"never"`)), entry("PUT", "Patient/batch", patient("batch", identifier("batch")))))
	a.is(200).at("entry[0].response.status", "201 Created").at("entry[3].response.status", "201 Created")
	failed := a.root().one("entry[1].response.status")
	a.check(strings.HasPrefix(failed, "4"), "entry[1] refers to another and has status %q, want 4xx", failed)
	a.at("entry[1].response.outcome.issue.severity", "error").at("entry[1].response.location")
	a.check(strings.HasPrefix(a.root().one("entry[2].response.status"), "400"), "entry[2] has status %q, want 400", a.root().one("entry[2].response.status"))
	s.get("/Observation?identifier=urn:conformance|batch").totals(0)
	s.get("/Patient?identifier=urn:conformance|batch").totals(2)
	// The same resource twice is no contradiction in a batch; the order is that of a transaction.
	s.post("", bundle("batch", entry("PUT", "Patient/batch", patient("batch", `"active":true`)), entry("DELETE", "Patient/batch", ""), entry("GET", "Patient/batch", ""))).is(200).
		at("entry.response.status", "201 Created", "204 No Content", "200 OK").at("entry[2].resource.active", "true")
}
