package conformance

import (
	"net/url"
	"strings"
)

func negotiationLines() []line {
	return []line{
		{
			group: "negotiation", name: "formats", run: formats,
			says: "JSON and XML by their four names each, in `Accept` and in `_format`; `_format` wins; its `+` may arrive as a space.",
		},
		{
			group: "negotiation", name: "not-acceptable-and-unsupported", run: unknownFormats,
			says: "A format nobody knows in `Accept` or `_format` is 406; a body of another or no Content-Type is 415 on POST, PUT and PATCH and leaves no trace; charset UTF-8 is understood and said.",
		},
		{
			group: "negotiation", name: "fhir-version", run: fhirVersion,
			says: "The MIME parameter `fhirVersion=4.0` is taken in Accept, `_format` and Content-Type; other versions are 406, as Content-Type 415.",
		},
		{
			group: "negotiation", name: "everywhere", run: formatsEverywhere,
			says:  "Bundles, OperationOutcomes and the CapabilityStatement come in the same formats; `_pretty`, `_summary` in its five values and `_elements` work on read and search, and what is left out is told by the tag SUBSETTED.",
			notes: []note{{chosen, "`_summary=count` of one resource is 400, because there is nothing to count."}},
		},
		{
			group: "negotiation", name: "head", run: head,
			says: "HEAD works where GET does, with its status and headers and no body.",
		},
	}
}

func formats(s *session) {
	s.store(patient("formats"))
	for format, names := range map[string]string{
		jsonType: "application/fhir+json ; application/json ; text/json ; json",
		xmlType:  "application/fhir+xml ; application/xml ; text/xml ; xml",
	} {
		s.each(names, func(name string) {
			s.get("/Patient/formats", "Accept", name).is(200).holds(format, "Patient").at("id", "formats")
			s.get("/Patient/formats?_format="+url.QueryEscape(name)).is(200).holds(format, "Patient")
			s.get("/Patient/formats?_format="+name).is(200).holds(format, "Patient") // '+' unescaped is a space
		})
	}
	s.get("/Patient/formats?_format=json", "Accept", xmlType).is(200).holds(jsonType, "Patient")
	s.get("/Patient/formats?_format=xml", "Accept", jsonType).is(200).holds(xmlType, "Patient")
	s.get("/Patient/formats?_format=xml", "Accept", "image/png").is(200).holds(xmlType, "Patient")
	s.get("/Patient?_id=formats&_format=xml").is(200).holds(xmlType, "Bundle").finds("formats")
	s.form("/Patient/_search", "_id=formats&_format=xml").is(200).holds(xmlType, "Bundle").finds("formats")
	s.post("/Patient?_format=xml", patient("")).is(201).holds(xmlType, "Patient")
	s.get("/Patient/formats").is(200).holds(jsonType, "Patient")
	s.get("/Patient/formats", "Accept", "*/*").is(200).holds(jsonType, "Patient")
	s.get("/Patient/formats", "Accept", xmlType+";q=0.4, "+jsonType+";q=0.6").is(200).holds(jsonType, "Patient")
	s.get("/Patient/formats", "Accept", jsonType+";q=0.4, "+xmlType).is(200).holds(xmlType, "Patient")
	s.get("/Patient/formats", "Accept", "image/png, "+xmlType).is(200).holds(xmlType, "Patient")
}

func unknownFormats(s *session) {
	s.store(patient("unknown-format"))
	s.each("image/png ; text/plain ; application/pdf ; nonsense ; application/fhir+turtle", func(name string) {
		s.get("/Patient/unknown-format", "Accept", name).refused(406, "not-supported").naming("Accept")
		s.get("/Patient/unknown-format?_format="+url.QueryEscape(name)).refused(406, "not-supported").naming("_format")
		s.get("/Patient", "Accept", name).refused(406, "not-supported")
		s.get("/metadata?_format="+url.QueryEscape(name)).refused(406, "not-supported")
	})
	body := patient("", identifier("unknown-format"))
	s.each("text/plain ; application/octet-stream ; application/x-www-form-urlencoded ; nonsense ; "+absent, func(sent string) {
		s.post("/Patient", body, "Content-Type", sent).refused(415, "not-supported")
		s.put("/Patient/unsupported", patient("unsupported", identifier("unknown-format")), "Content-Type", sent).refused(415, "not-supported")
		s.patch("/Patient/unknown-format", `[{"op":"add","path":"/active","value":true}]`, "Content-Type", sent).refused(415, "not-supported")
	})
	s.post("/Patient", body, "Content-Type", jsonType+"; charset=iso-8859-1").refused(415, "not-supported")
	s.get("/Patient?identifier=urn:conformance|unknown-format").is(200).finds("")
	s.get("/Patient/unsupported").refused(404, "not-found")
	s.get("/Patient/unknown-format").is(200).at("meta.versionId", "1")
	s.post("/Patient", patient("", `"name":[{"family":"Žluťoučký 木村"}]`), "Content-Type", jsonType+"; charset=UTF-8").is(201).at("name.family", "Žluťoučký 木村").
		has("Content-Type", jsonType+"; charset=utf-8")
	s.get("/Patient/unknown-format", "Accept", xmlType).is(200).has("Content-Type", xmlType+"; charset=utf-8")
}

func fhirVersion(s *session) {
	s.store(patient("fhir-version"))
	for _, format := range []string{jsonType, xmlType} {
		s.get("/Patient/fhir-version", "Accept", format+"; fhirVersion=4.0").is(200).holds(format, "Patient")
		s.get("/Patient/fhir-version?_format="+url.QueryEscape(format+"; fhirVersion=4.0")).is(200).holds(format, "Patient")
		s.get("/metadata", "Accept", format+"; fhirVersion=4.0").is(200).holds(format, "CapabilityStatement")
		s.each("1.0 ; 3.0 ; 4.3 ; 5.0", func(version string) {
			s.get("/Patient/fhir-version", "Accept", format+"; fhirVersion="+version).refused(406, "not-supported").naming(version)
			s.get("/Patient/fhir-version?_format="+url.QueryEscape(format+"; fhirVersion="+version)).refused(406, "not-supported")
		})
	}
	s.get("/Patient/fhir-version", "Accept", jsonType+"; fhirVersion=5.0, "+xmlType+"; fhirVersion=4.0").is(200).holds(xmlType, "Patient")
	s.post("/Patient", patient(""), "Content-Type", jsonType+"; fhirVersion=4.0").is(201)
	s.put("/Patient/fhir-version", `<Patient xmlns="http://hl7.org/fhir"><id value="fhir-version"/></Patient>`, "Content-Type", xmlType+"; fhirVersion=4.0; charset=utf-8").is(200)
	s.each("3.0 ; 5.0", func(version string) {
		s.post("/Patient", patient(""), "Content-Type", jsonType+"; fhirVersion="+version).refused(415, "not-supported").naming(version)
		s.put("/Patient/fhir-version", patient("fhir-version"), "Content-Type", jsonType+"; fhirVersion="+version).refused(415, "not-supported").naming(version)
	})
}

const storedText = `"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Eve</div>"}`

func formatsEverywhere(s *session) {
	s.store(patient("everywhere", storedText, `"active":true`, `"name":[{"family":"Eve"}]`, `"photo":[{"title":"face"}]`, `"maritalStatus":{"text":"wed"}`))
	for _, format := range []string{jsonType, xmlType} {
		s.get("/Patient?_id=everywhere", "Accept", format).is(200).holds(format, "Bundle").finds("everywhere")
		s.get("/Patient/everywhere/_history", "Accept", format).is(200).holds(format, "Bundle").at("type", "history").at("entry.resource.id", "everywhere")
		s.post("", bundle("batch", entry("GET", "Patient/everywhere", "")), "Accept", format).is(200).holds(format, "Bundle").at("type", "batch-response").at("entry.resource.name.family", "Eve")
		s.get("/metadata", "Accept", format).is(200).holds(format, "CapabilityStatement").at("fhirVersion", "4.0.1")
		s.get("/Patient/nobody-everywhere", "Accept", format).refused(404, "not-found")
		s.get("/Patient?birthdate=abc", "Accept", format).refused(400, "")
		s.post("/Patient", `{"resourceType":`, "Accept", format).refused(400, "")
		s.get("/Nothing", "Accept", format).refused(404, "")
	}
	plain, pretty := s.get("/Patient/everywhere"), s.get("/Patient/everywhere?_pretty=true").is(200).contains("\n  \"id\": \"everywhere\"")
	plain.check(!strings.Contains(plain.body, "\n"), "want one line")
	pretty.check(len(pretty.body) > len(plain.body), "want it longer than %d", len(plain.body))
	s.get("/Patient/everywhere?_pretty=true&_format=xml").is(200).contains("\n  <id value=\"everywhere\"/>")
	s.get("/Patient?_id=everywhere&_pretty=true").is(200).contains("\n  \"type\": \"searchset\"")
	s.get("/Patient/everywhere?_pretty=maybe").refused(400, "value")
	subsets(s, "/Patient/everywhere", "")
	subsets(s, "/Patient?_id=everywhere", "entry.resource.")
	s.get("/Patient/everywhere?_summary=count").refused(400, "")
	s.get("/Patient?_id=everywhere&_summary=count").is(200).totals(1).at("entry")
	s.get("/Patient/everywhere?_summary=most").refused(400, "")
	s.get("/Patient/everywhere?_elements=nonsense").refused(400, "value").naming("nonsense")
}

// subsets checks the parts of a resource that can be asked for, at an address that has no or some parameters; the resource is below the prefix.
func subsets(s *session, address, below string) {
	ask := func(parameters string) *answer {
		joint := "?"
		if strings.Contains(address, "?") {
			joint = "&"
		}
		return s.get(address + joint + parameters).is(200)
	}
	tag := below + "meta.tag.code"
	ask("_summary=true").at(tag, "SUBSETTED").at(below+"active", "true").at(below+"name.family", "Eve").at(below+"text").at(below+"photo").at(below+"id", "everywhere").
		at(below+"meta.tag.system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue")
	ask("_summary=text").at(tag, "SUBSETTED").at(below+"text.status", "generated").at(below+"name").at(below+"id", "everywhere").at(below+"meta.versionId", "1")
	ask("_summary=data").at(tag, "SUBSETTED").at(below+"text").at(below+"photo.title", "face").at(below+"active", "true")
	ask("_summary=false").at(tag).at(below+"text.status", "generated").at(below+"photo.title", "face")
	ask("_elements=name,photo").at(tag, "SUBSETTED").at(below+"name.family", "Eve").at(below+"photo.title", "face").at(below+"active").at(below+"text").at(below+"id", "everywhere").
		at(below+"resourceType", "Patient").at(below+"meta.versionId", "1")
	ask("_summary=true&_format=xml").holds(xmlType, map[bool]string{true: "Patient", false: "Bundle"}[below == ""]).at(tag, "SUBSETTED").at(below + "text")
	ask("_elements=name&_format=xml").at(tag, "SUBSETTED").at(below+"name.family", "Eve").at(below + "active")
}

func head(s *session) {
	s.store(patient("head"))
	s.store(patient("head", `"active":true`))
	for _, accept := range []string{jsonType, xmlType} {
		s.each("/Patient/head ; /Patient/head/_history/1 ; /Patient?_id=head ; /Patient/head/_history ; /Patient/_history?_count=1 ; /metadata ; /Patient/nobody ; /Patient?birthdate=x ; /Nothing/1", func(address string) {
			got, sent := s.get(address, "Accept", accept), s.head(address, "Accept", accept)
			sent.is(got.status).isEmpty()
			for _, header := range []string{"Content-Type", "ETag", "Last-Modified"} {
				sent.has(header, got.header.Get(header))
			}
		})
	}
	s.head("/Patient/head").is(200).has("ETag", `W/"2"`)
	s.head("/Patient/head", "If-None-Match", `W/"2"`).is(304).isEmpty()
	s.head("/Patient/head", "Accept", "image/png").is(406).isEmpty()
}
