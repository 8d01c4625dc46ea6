package conformance

func searchTypeLines() []line {
	return []line{
		{
			group: "search", name: "string", server: library, run: searchString,
			says: "Starts with, whatever case and accents; `:exact`, `:contains`; any part of HumanName and Address; the escapes `\\,` `\\|` `\\$` `\\\\`.",
		},
		{
			group: "search", name: "token", server: library, run: searchToken,
			says: "`code`, `system|code`, `|code`, `system|`; `:not`, `:text`, `:of-type`, `:in`, `:below`; boolean, code, Coding, CodeableConcept, Identifier, ContactPoint; comma is OR.",
		},
		{
			group: "search", name: "date", server: library, run: searchDate,
			says:  "The precision of a date is a range; Period and Timing; nine prefixes; two parameters are AND; seconds with an offset; periods without an end.",
			notes: []note{{chosen, "without prefix the stored range must lie inside the asked one, as R4 and Inferno have it; one suite asks for overlap."}},
		},
		{
			group: "search", name: "number-and-quantity", server: library, run: searchNumber,
			says: "The precision a number is written with; `value|system|code`, `value||code`; prefixes; UCUM units of the same dimension are converted.",
		},
		{
			group: "search", name: "reference", server: library, run: searchReference,
			says: "id, `Type/id`, absolute URL, `:Type`, `:identifier`, chains, `_has`; an absolute reference to this server and a relative one are the same.",
		},
		{
			group: "search", name: "composite", server: library, run: searchComposite,
			says: "`component-code-value-quantity`, `code-value-quantity`, `combo-code`, `combo-code-value-quantity`: both halves hold for the same component.",
		},
		{
			group: "search", name: "all-types", server: library, run: searchAllTypes,
			says: "`:missing`, `_id`, `_lastUpdated`, `_tag`, `_profile`, `_security`, `_source`, `_sort`, `_include` and `_revinclude` with `:iterate`, type and `*`, `_elements`, `_summary`, `_list`, compartments.",
		},
	}
}

func searchString(s *session) {
	s.queries("Patient", `
		family=müller => ada ben
		family=MULLER => ada ben
		family=mul => ada ben
		family=ller =>
		family=Adam => dora
		name=ada => ada dora
		name=maria => ada
		name=dr => ada
		name=cleo o => cleo
		given=ADA => ada
		given:exact=Ada => ada
		given:exact=ada =>
		family:exact=Müller => ada
		family:exact=Muller =>
		family:exact=Mül =>
		family:contains=LLER => ada ben
		family:contains=smith => ben
		name:contains=neil => cleo
		address=zur => ada
		address=seegasse => ada
		address=8001 => ada
		address=ch => ada
		address=bern => ben
		address-city=ZÜRICH => ada
		address-postalcode=80 => ada
		address-country=CH => ada
		family=adamson,smith,müller => ada ben dora
		family=a\,b$c|d => cleo
		family=a\,b\$c\|d\\e => cleo
		family:exact=a\,b\$c\|d\\e => cleo
		family=a,zzz => cleo dora
		family=a\,zzz =>
		name=ada&name=maria => ada
		name:missing=true =>
	`)
}

func searchToken(s *session) {
	s.queries("Patient", `
		identifier=A1 => ada cleo
		identifier=urn:mrn|A1 => ada
		identifier=|A1 =>
		identifier=|loose => ada
		identifier=urn:mrn| => ada ben
		identifier=urn:mrn|A1,urn:mrn|B2 => ada ben
		identifier=A1&identifier=urn:mrn| => ada
		identifier=a1 =>
		identifier:of-type=urn:types|MR|A1 => ada
		identifier:of-type=urn:types|MR|B2 =>
		identifier:not=A1 => ben dora
		gender=female => ada cleo
		gender=http://hl7.org/fhir/administrative-gender|female => ada cleo
		gender=urn:other|female =>
		gender=female,male => ada ben cleo
		gender:not=female => ben dora
		gender:not=female,male => dora
		active=true => ada
		active=false => ben
		active:not=true => ben cleo dora
		active:missing=true => cleo dora
		email=ada@example.org => ada
		telecom=ada@example.org => ada
		telecom=email|ada@example.org => ada
		phone=ada@example.org =>
		deceased=true => ben
		deceased=false => ada cleo dora
	`)
	s.queries("Observation", `
		code=8867-4 => hr1 hr2 hr3
		code=http://loinc.org|8867-4 => hr1 hr2 hr3
		code=urn:other|8867-4 =>
		code=|pulse => hr2
		code=|8867-4 =>
		code=http://loinc.org| => bp1 bp2 hr1 hr2 hr3 glu
		code:not=8867-4 => bp1 bp2 glu text
		code:not=http://loinc.org|8867-4,http://loinc.org|85354-9 => glu text
		code:text=press => bp1
		code:text=blood p => bp1
		category:text=vital => bp1
		code:text=mood => text
		status=final,amended => bp1 bp2 hr1 hr2 glu text
		status=registered,preliminary,final,amended,corrected,cancelled,entered-in-error,unknown => bp1 bp2 hr1 hr2 hr3 glu text
		category=vital-signs => bp1 bp2 hr1
		value-concept=urn:mood|good => text
		status:in=http://hl7.org/fhir/ValueSet/observation-status => bp1 bp2 hr1 hr2 hr3 glu text
		status:not-in=http://hl7.org/fhir/ValueSet/observation-status =>
		category:below=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs => bp1 bp2 hr1
	`)
	s.queries("Encounter", `
		class=IMP => stay
		class=http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP => stay
		class:not=IMP => ongoing
	`)
	s.get("/Patient?gender:in=http://example.org/unheard-of").refused(400, "").naming("unheard-of")
}

func searchDate(s *session) {
	s.queries("Patient", `
		birthdate=1980 => ada ben cleo
		birthdate=1980-05 => ada ben
		birthdate=1980-05-03 => ada
		birthdate=eq1980-05-03 => ada
		birthdate=ne1980-05-03 => ben cleo
		birthdate=gt1980-05-03 => ben cleo
		birthdate=lt1980-05-03 => ben cleo
		birthdate=ge1980-05-03 => ada ben cleo
		birthdate=le1980-05-03 => ada ben cleo
		birthdate=sa1980-05-02 => ada
		birthdate=eb1980-05-04 => ada
		birthdate=sa1980 =>
		birthdate=ap1980-05-03 => ada ben cleo
		birthdate=ge1980-05&birthdate=lt1980-06 => ada ben cleo
		birthdate=1980-05-03,1999 => ada
		death-date=2020-06 => ben
	`)
	s.queries("Observation", `
		date=2021-03-05 => bp1 hr1 glu
		date=2021-03-05T10:15:30Z => bp1 glu
		date=2021-03-05T11:15:30%2B01:00 => bp1 glu
		date=2021-03-05T10:15:30.500Z => glu
		date=2021-03-05T10:00:00Z => hr1
		date=2021-03-05T11:00:00%2B01:00 => hr1
		date=2021-03 => bp1 bp2 hr1 hr2 glu text
		date=2021-03-04 =>
		date=ge2021-03-06 => bp2 hr3
		date=gt2021-03-05T10:15:30Z => bp2 hr2 hr3
		date=ge2021-03-05T10:15:30Z => bp1 bp2 hr2 hr3 glu
		date=lt2021-03-05T10:15:30Z => hr1 hr2 text
		date=le2021-03-05T10:15:30Z => bp1 hr1 hr2 glu text
		date=ge2021-03-05T11:15:30%2B01:00&date=le2021-03-05T23:59:59Z => bp1 glu hr2
		date=sa2021-03-05 => bp2 hr3
		date=eb2021-03-05 => text
		date=sa2030 =>
		date=ge2030 => hr3
		date=gt2021-03-05&date=lt2021-03-07 => bp2
		date=ne2021-03 => hr3
		date:missing=true =>
	`)
	s.queries("Encounter", `
		date=2021 => stay
		date=2021-03-05 =>
		date=ge2021-03-09 => stay ongoing
		date=ge2021-03-10 => ongoing
		date=ge2022 => ongoing
		date=lt2021-03-02 => stay
		date=eb2022 => stay
		date=sa2021-03-04 => ongoing
	`)
}

func searchNumber(s *session) {
	s.queries("RiskAssessment", `
		probability=0.8 => risk1 risk2
		probability=0.80 => risk1
		probability=0.800 => risk1
		probability=0.805 => risk2
		probability=8e-1 => risk1 risk2
		probability=gt0.8 => risk2
		probability=ge0.8 => risk1 risk2
		probability=lt0.805 => risk1
		probability=le0.8 => risk1
		probability=ne0.80 => risk2
		probability=sa1 => risk2
		probability=eb1 => risk1 risk2
		probability=ap0.8 => risk1 risk2
		probability=2 => risk2
		probability=0.80,2 => risk1 risk2
	`)
	s.queries("Observation", `
		value-quantity=72 => hr1 hr2
		value-quantity=72.0 => hr1
		value-quantity=72.4 => hr2
		value-quantity=72|http://unitsofmeasure.org|/min => hr1 hr2
		value-quantity=72||/min => hr1 hr2
		value-quantity=72|http://unitsofmeasure.org|mg =>
		value-quantity=100||beats => hr3
		value-quantity=100|http://unitsofmeasure.org|beats =>
		value-quantity=5.4|http://unitsofmeasure.org|mmol/L => glu
		value-quantity=5.40||mmol/L => glu
		value-quantity=5.400000||mmol/L => glu
		value-quantity=gt72||/min => hr2
		value-quantity=ge72.0||/min => hr1 hr2
		value-quantity=lt72.4||/min => hr1
		value-quantity=le72||/min => hr1
		value-quantity=ne72.0||/min => hr2
		value-quantity=sa72.3||/min => hr2
		value-quantity=eb72.4||/min => hr1
		value-quantity=ap70||/min => hr1 hr2
		value-quantity=gt6 => hr1 hr2 hr3
		value-quantity=72.0,5.4 => hr1 glu
		value-quantity:missing=true => bp1 bp2 text
		component-value-quantity=130||mm[Hg] => bp1 bp2
		value-quantity=5400|http://unitsofmeasure.org|umol/L => glu
		value-quantity=0.0054|http://unitsofmeasure.org|mol/L => glu
		value-quantity=gt5300|http://unitsofmeasure.org|umol/L => glu
		value-quantity=gt5500|http://unitsofmeasure.org|umol/L =>
		value-quantity=1.2|http://unitsofmeasure.org|/s => hr1 hr2
		component-value-quantity=17.3|http://unitsofmeasure.org|kPa => bp1 bp2
	`)
}

func searchReference(s *session) {
	s.queries("Observation", `
		subject=ada => bp1 hr1 hr2
		subject=Patient/ada => bp1 hr1 hr2
		subject=`+s.base+`/Patient/ada => bp1 hr1 hr2
		subject:Patient=ada => bp1 hr1 hr2
		subject:Device=ada =>
		subject:Group=ada =>
		subject=Group/ada =>
		subject=Patient/ben => bp2 glu
		subject=`+s.base+`/Patient/ben => bp2 glu
		patient=ben => bp2 glu
		patient=Patient/ada => bp1 hr1 hr2
		subject=http://elsewhere.example/fhir/Patient/ada =>
		subject=Patient/ada,Patient/ben => bp1 bp2 hr1 hr2 glu
		subject:identifier=urn:mrn|B2 => hr3
		subject:identifier=B2 => hr3
		subject:missing=true => text
		subject:Patient.family:exact=Müller => bp1 hr1 hr2
		subject.family=muller-smith => bp2 glu
		patient.identifier=urn:mrn|A1 => bp1 hr1 hr2
		patient.gender=male => bp2 glu
		subject:Patient.organization.partof:missing=true => bp2 glu
		subject:Patient.organization:Organization.partof=Organization/ward => bp1 hr1 hr2
		subject:Patient.general-practitioner:Practitioner.family=gross => bp1 hr1 hr2
		patient._id=ada&code=85354-9 => bp1
		device=Device/cuff => bp1
		device.identifier=urn:serial|S1 => bp1
		_has:Provenance:target:agent=Practitioner/greta => hr1
	`)
	s.queries("Patient", `
		_has:Observation:subject:code=8867-4 => ada
		_has:Observation:patient:code=15074-8 => ben
		_has:Observation:patient:status=preliminary =>
		_has:Observation:subject:_has:Provenance:target:agent=Practitioner/greta => ada
		_has:Group:member:_id=cohort => ada ben
		_has:Observation:subject:device.identifier=urn:serial|S1 => ada
		organization.name=ward => ben
		organization:Organization.partof.name=ward => ada
	`)
}

func searchComposite(s *session) {
	s.queries("Observation", `
		component-code-value-quantity=http://loinc.org|8480-6$gt120 => bp1
		component-code-value-quantity=8480-6$gt120||mm[Hg] => bp1
		component-code-value-quantity=8462-4$gt120||mm[Hg] => bp2
		component-code-value-quantity=8480-6$130|http://unitsofmeasure.org|mm[Hg] => bp1
		component-code-value-quantity=8480-6$lt100 => bp2
		component-code-value-quantity=8480-6$gt120||kPa =>
		component-code-value-quantity=8867-4$72 =>
		component-code-value-quantity=8480-6$gt120,8462-4$gt120 => bp1 bp2
		component-code-value-quantity=8480-6$gt120&component-code-value-quantity=8462-4$lt90 => bp1
		code-value-quantity=http://loinc.org|8867-4$72 => hr1 hr2
		code-value-quantity=8867-4$gt90 => hr3
		code-value-quantity=8867-4$72.0|http://unitsofmeasure.org|/min => hr1
		code-value-quantity=8480-6$gt120 =>
		code-value-quantity=15074-8$ge5.4||mmol/L => glu
		combo-code=8480-6 => bp1 bp2
		combo-code=8867-4 => hr1 hr2 hr3
		combo-code=http://loinc.org|85354-9 => bp1 bp2
		combo-code-value-quantity=8480-6$gt120 => bp1
		combo-code-value-quantity=8867-4$gt90 => hr3
		combo-code-value-quantity=8480-6$gt120,8867-4$72.0 => bp1 hr1
		combo-value-quantity=130 => bp1 bp2
		code-value-concept=Mood$urn:mood|good =>
		component-code=8462-4 => bp1 bp2
	`)
}

func searchAllTypes(s *session) {
	s.queries("Patient", `
		_id=ada => ada
		_id=ada,dora,nobody => ada dora
		_id=ada&gender=male =>
		_tag=red => ada
		_tag=urn:tag|red,urn:tag|blue => ada ben
		_tag=urn:tag| => ada ben
		_tag:not=red => ben cleo dora
		_profile=http://example.org/p|1 => ada
		_profile=http://example.org/other =>
		_security=urn:sec|R => ada
		_security:missing=true => ben cleo dora
		_source=urn:feed#1 => ada
		_lastUpdated=gt2000 => ada ben cleo dora
		_lastUpdated=lt2000 =>
		gender:missing=true => dora
		gender:missing=false => ada ben cleo
		identifier:missing=true => dora
		birthdate:missing=true => dora
		organization:missing=true => cleo dora
		_list=round => ben dora
		_list=nobody =>
	`)
	s.get("/Patient?gender:missing=maybe").refused(400, "").naming("gender")
	sorts(s)
	includes(s)
	compartments(s)
	s.get("/Patient?_id=ada&_elements=gender").at("entry.resource.gender", "female").at("entry.resource.name").at("entry.resource.meta.tag.code", "red", "SUBSETTED")
	s.get("/Patient?_id=ada&_summary=text").at("entry.resource.name").at("entry.resource.id", "ada")
	s.get("/Patient?_id=ada&_summary=true&_include=Patient:organization").finds("ada").includes("Organization/clinic")
}

func sorts(s *session) {
	for query, want := range map[string]string{
		"_sort=_id":                    "ada ben cleo dora",
		"_sort=-_id":                   "dora cleo ben ada",
		"_sort=gender,-_id":            "cleo ada ben dora",
		"_sort=-gender,_id":            "ben ada cleo dora",
		"_sort=family&_id=ada,ben":     "ada ben",
		"_sort=-family&_id=ada,ben":    "ben ada",
		"_sort=gender&_sort=-_id":      "cleo ada ben dora",
		"_sort=-_lastUpdated":          "dora cleo ben ada",
		"_sort=_lastUpdated&_count=10": "ada ben cleo dora",
	} {
		s.get("/Patient?" + query).lists(want)
		s.form("/Patient/_search", query).lists(want)
	}
	s.get("/Observation?code=8867-4&_sort=date").lists("hr2 hr1 hr3")
	s.get("/Observation?code=8867-4&_sort=-date&_count=2").lists("hr3 hr1")
	s.get("/Observation?code=8867-4&_sort=status,-date").lists("hr2 hr1 hr3")
}

func includes(s *session) {
	for query, want := range map[string]string{
		"Observation?_id=bp1&_include=Observation:subject":                                                                   "Patient/ada",
		"Observation?_id=bp1&_include=Observation:subject:Patient":                                                           "Patient/ada",
		"Observation?_id=bp1&_include=Observation:subject:Group":                                                             "",
		"Observation?_id=glu&_include=Observation:subject":                                                                   "Patient/ben",
		"Observation?_id=bp1,hr1&_include=Observation:subject&_include=Observation:device":                                   "Patient/ada Device/cuff",
		"Observation?_id=bp1&_include=Observation:subject&_include=Patient:organization":                                     "Patient/ada",
		"Observation?_id=bp1&_include=Observation:subject&_include:iterate=Patient:organization":                             "Patient/ada Organization/clinic",
		"Patient?_id=ada&_include=Patient:organization&_include:iterate=Organization:partof":                                 "Organization/clinic Organization/ward",
		"Observation?_id=bp1&_include=Observation:*":                                                                         "Patient/ada Device/cuff Encounter/stay",
		"Observation?_id=bp1&_include=*":                                                                                     "Patient/ada Device/cuff Encounter/stay",
		"Observation?_id=hr1&_revinclude=Provenance:target":                                                                  "Provenance/prov",
		"Patient?_id=ada&_revinclude=Observation:subject":                                                                    "Observation/bp1 Observation/hr1 Observation/hr2",
		"Patient?_id=ada&_revinclude=Observation:subject:Patient&_revinclude=Device:patient":                                 "Observation/bp1 Observation/hr1 Observation/hr2 Device/cuff",
		"Patient?_id=ada&_revinclude=Condition:subject&_revinclude:iterate=Provenance:target":                                "Condition/cond",
		"Patient?_id=ada&_revinclude=Observation:subject&_revinclude:iterate=Provenance:target&_has:Group:member:_id=cohort": "Observation/bp1 Observation/hr1 Observation/hr2 Provenance/prov",
		"Observation?_id=hr1&_revinclude=*":                                                                                  "Provenance/prov",
	} {
		a := s.get("/" + query).includes(want)
		a.totals(len(a.entries("match")))
	}
	s.get("/Patient?_id=ada&_revinclude=*").is(200).finds("ada").among("entry.resource.id", "bp1", "cuff", "stay", "cohort", "risk1", "cond")
}

func compartments(s *session) {
	s.get("/Patient/ada/Observation?code=8867-4").finds("hr1 hr2")
	s.get("/Patient/ada/Observation").finds("bp1 hr1 hr2")
	s.get("/Patient/ben/Observation").finds("bp2 glu")
	s.get("/Patient/dora/Observation").finds("")
	s.get("/Patient/ada/*").is(200).among("entry.resource.id", "bp1", "hr1", "stay", "cond", "risk1")
	s.get("/Device/cuff/Observation").finds("bp1")
	s.get("/Encounter/stay/Observation").finds("bp1")
	s.get("/Practitioner/greta/Observation").finds("hr1")
	s.form("/Patient/ada/Observation/_search", "code=85354-9").finds("bp1")
	s.get("/Patient/ada/Nothing").refused(404, "not-supported")
	s.get("/Organization/ward/Observation").refused(404, "")
	page := s.get("/Patient/ada/Observation?_count=2&_sort=_id").lists("bp1 hr1").totals(3)
	s.get(page.link("next")).lists("hr2")
}
