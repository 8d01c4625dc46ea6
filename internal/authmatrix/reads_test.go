package authmatrix

import (
	"net/url"
	"slices"
	"strings"
)

// reads are the questions that change nothing, for every caller alike.
func reads() []request {
	return slices.Concat(instanceReads(), typeReads(), searches(), operations(), terminology(), heads(), malformed())
}

func get(interaction, path, needs, letter string, headers ...string) request {
	return request{interaction: interaction, method: "GET", path: path, needs: needs, letter: letter, headers: headers}
}

// instanceReads ask for every resource of the seed, and for some that are not there, in each way that names one.
func instanceReads() (list []request) {
	keys := append(keysOf(seed()), "Observation/absent", "Patient/absent", "Composition/absent", "Binary/absent")
	for _, key := range keys {
		typ, _, _ := strings.Cut(key, "/")
		may := typ + ".r"
		list = append(list,
			get("read", key, may, "r"), get("read", key+"?_summary=true", may, "r"), get("read", key+"?_elements=status", may, "r"),
			get("read", key, may, "r", "If-None-Match", `W/"1"`), get("read", key, may, "r", "If-Modified-Since", "Fri, 01 Jan 2027 00:00:00 GMT"),
			get("vread", key+"/_history/1", may, "r"), get("vread", key+"/_history/2", may, "r"), get("vread", key+"/_history/9", may, "r"),
			get("history-instance", key+"/_history", may, "r"), get("history-instance", key+"/_history?_count=1", may, "r"), get("history-instance", key+"/_history?_since=2026-01-01T01:00:00Z", may, "r"),
			get("$meta", key+"/$meta", may, "r"), get("$meta", key+"/_history/1/$meta", may, "r"),
			get("$validate", key+"/$validate?mode=delete", typ+".cruds", "r", "If-Match", `W/"1"`),
			get("etag", key, may, "r", "If-None-Match", `W/"2"`), get("etag", key, may, "r", "If-None-Match", "*"), get("read", key+"?_format=xml", may, "r"), get("history-instance", key+"/_history?_sort=_lastUpdated&_list=l2", may, "r"),
			request{interaction: "$validate", method: "POST", path: key + "/$validate?mode=update", body: content{typ: typ, body: `"language":"en"`}.json(strings.TrimPrefix(key, typ+"/")), headers: []string{"If-Match", `W/"1"`}, needs: typ + ".cruds", letter: "r"},
			get("$graphql", key+"/$graphql?query="+url.QueryEscape("{id resourceType}"), may, "r"),
		)
		head := get("read", key, may, "r")
		head.method = "HEAD"
		list = append(list, head)
	}
	return list
}

// typeReads ask for all of each type of the seed.
func typeReads() (list []request) {
	var types []string
	for _, key := range append(keysOf(seed()), "Goal/none") {
		if typ, _, _ := strings.Cut(key, "/"); !slices.Contains(types, typ) {
			types = append(types, typ)
		}
	}
	for _, typ := range types {
		may := typ + ".s"
		list = append(list,
			get("search-type", typ, may, "s"), get("search-type", typ+"?_count=2", may, "s"), get("search-type", typ+"?_sort=-_lastUpdated&_count=3", may, "s"),
			get("_summary=count", typ+"?_summary=count", may, "s"), get("_summary=count", typ+"?_count=0", may, "s"), get("_total", typ+"?_total=accurate&_count=1", may, "s"),
			get("search-type", typ+"?_id="+ids(typ), may, "s"), get("search-type", typ+"?_lastUpdated=gt2020", may, "s"),
			get("history-type", typ+"/_history", may, "s"), get("history-type", typ+"/_history?_count=2", may, "s"), get("history-type", typ+"/_history?_at=2026-01-01T01:00:00Z", may, "s"),
			get("history-type", typ+"/_history?_summary=count", may, "s"), get("history-type", typ+"/_history?_sort=_lastUpdated&_count=3", may, "s"), get("$meta", typ+"/$meta", may, "s"),
			get("async", typ+"?_count=5", may, "s", "Prefer", "respond-async"), get("async", typ+"/_history", may, "s", "Prefer", "respond-async"),
		)
	}
	return list
}

// ids are those of a type, with commas between.
func ids(typ string) string {
	var list []string
	for _, key := range keysOf(seed()) {
		if of, id, _ := strings.Cut(key, "/"); of == typ {
			list = append(list, id)
		}
	}
	return strings.Join(append(list, "absent"), ",")
}

// searchTexts are searches that lead from one resource to another, by row of the table.
func searchTexts() map[string][]string {
	return map[string][]string{
		"include": {
			"Observation?_include=*", "Observation?_include=Observation:subject", "Observation?_include=Observation:derived-from", "Observation?_include=Observation:has-member", "Observation?_include=Observation:device",
			"Observation?_include=Observation:encounter&_include:iterate=Encounter:subject&_include:iterate=Encounter:location", "Observation?_include=Observation:subject&_include:iterate=Patient:link&_include:iterate=Patient:general-practitioner",
			"Observation?_include=Observation:derived-from&_include:iterate=Observation:derived-from&_include:iterate=Observation:subject", "Observation?_include=Observation:performer&_count=2", "Observation?_id=o2&_include=Observation:derived-from",
			"Composition?_include=Composition:entry", "DiagnosticReport?_include=DiagnosticReport:result", "DiagnosticReport?_include=*&_include:iterate=*", "List?_include=List:item", "Task?_include=Task:focus&_include:iterate=Observation:subject",
			"Provenance?_include=Provenance:target", "Patient?_include=Patient:link", "Group?_include=Group:member", "Observation?_include=Observation:subject:Group", "Communication?_include=Communication:recipient&_include=Communication:subject",
		},
		"revinclude": {
			"Observation?_revinclude=*", "Observation?_revinclude=Provenance:target", "Observation?_revinclude=Observation:derived-from", "Observation?_revinclude=Observation:has-member", "Observation?_revinclude=List:item&_revinclude=Composition:entry",
			"Observation?_id=o1&_revinclude=Provenance:target&_revinclude=Task:focus", "Observation?_id=o1&_revinclude=DiagnosticReport:result&_revinclude:iterate=Provenance:target",
			"Patient?_revinclude=Observation:subject", "Patient?_revinclude=Observation:performer&_revinclude=Group:member", "Patient?_revinclude=Patient:link", "Patient?_revinclude=Communication:recipient", "Patient?_revinclude=AuditEvent:patient",
			"Practitioner?_revinclude=Observation:performer", "Practitioner?_revinclude=Condition:recorder&_revinclude=MedicationRequest:requester&_revinclude=Patient:general-practitioner", "Medication?_revinclude=MedicationRequest:medication",
			"Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:subject", "Location?_revinclude=Encounter:location", "Device?_revinclude=Observation:device", "Encounter?_revinclude=Observation:encounter",
			"Practitioner?_id=dr&_revinclude=Observation:performer&_count=1&_total=accurate",
		},
		"chain": {
			"Observation?subject:Patient.name=Baker", "Observation?subject:Patient.name=Archer", "Observation?patient.identifier=urn:mrn|2", "Observation?patient.birthdate=1980-01-02", "Observation?subject:Patient.general-practitioner.name=House",
			"Observation?derived-from:Observation.value-quantity=99", "Observation?derived-from:Observation.subject:Patient.name=Baker", "Observation?has-member:Observation.code=29463-7", "Observation?device:Device.patient.name=Baker", "Observation?device.identifier:missing=true",
			"Observation?encounter.location.name=Ward", "Observation?encounter.subject:Patient.name=Baker", "Encounter?subject:Patient.name=Archer,Baker", "Composition?entry:Observation.subject:Patient.name=Baker", "DiagnosticReport?result.value-quantity=99", "DiagnosticReport?result.patient.name=Baker&_summary=count",
			"List?item:Observation.patient.name=Baker", "Task?focus:Observation.value-quantity=62", "Patient?link:Patient.name=Archer", "Group?member:Patient.name=Baker", "MedicationRequest?medication:Medication.status=active&subject:Patient.name=Archer", "Provenance?target:Observation.value-quantity=99", "Provenance?target:Patient.name=Baker", "Provenance?target:Observation.patient.name=Baker", "DeviceMetric?source:Device.patient.name=Baker", "AuditEvent?entity:Patient.name=Baker",
			"Observation?subject:Patient._id=p2", "Observation?subject:Group.member:Patient.name=Baker", "Observation?subject:Patient.name:not-in=x", "Observation?subject:Patient._tag=urn:tags|of-2", "Observation?performer:Patient.name=Archer", "Observation?performer:Practitioner.name=House&_total=accurate",
		},
		"_has": {
			"Patient?_has:Observation:patient:code=8867-4", "Patient?_has:Observation:patient:value-quantity=99", "Patient?_has:Observation:performer:code=29463-7", "Patient?_has:Group:member:_id=both", "Practitioner?_has:Observation:performer:value-quantity=99", "Practitioner?_has:Observation:performer:patient.name=Baker",
			"Practitioner?_has:Patient:general-practitioner:name=Baker", "Practitioner?_has:Patient:general-practitioner:_has:Observation:patient:value-quantity=99", "Practitioner?_has:Condition:recorder:_id=c2", "Medication?_has:MedicationRequest:medication:_id=mr2", "Medication?_has:MedicationRequest:medication:subject=Patient/p2&_summary=count",
			"Observation?_has:Observation:derived-from:value-quantity=99", "Observation?_has:DiagnosticReport:result:_id=rep2", "Observation?_has:List:item:_id=l2", "Observation?_has:Provenance:target:recorded=2024-01-03", "Observation?_has:Composition:entry:title=across", "Organization?_has:Patient:organization:identifier=urn:mrn|2",
			"Location?_has:Encounter:location:subject=Patient/p2", "Location?_has:Encounter:location:_has:Observation:encounter:code=8867-4", "Device?_has:Observation:device:patient=p2", "Encounter?_has:Observation:encounter:value-quantity=88,89", "Patient?_has:AuditEvent:patient:_id=ae2", "Observation?_has:Provenance:target:_id=pv7", "Patient?_has:Consent:patient:_id=co2", "Device?_has:DeviceMetric:source:_id=dm2", "Practitioner?_has:Provenance:agent:recorded=2024-01-04",
		},
		"_list":   {"Observation?_list=l1", "Observation?_list=l2", "Observation?_list=l1,l2", "Observation?_list=absent", "Observation?_list=l2&_summary=count", "Patient?_list=l2"},
		"_filter": {"Observation?_filter=" + url.QueryEscape(`subject.name eq "Baker"`), "Observation?_filter=" + url.QueryEscape(`subject eq Patient/p2 or code eq 8867-4`), "Observation?_filter=" + url.QueryEscape(`not (code eq 8867-4)`), "Patient?_filter=" + url.QueryEscape(`name co "ake" or birthdate gt 1900`)},
		"_text":   {"Condition?_text=secret2", "Condition?_text=secret1", "Condition?_text=asthma", "Condition?_content=secret2", "Patient?_content=baker", "Observation?_content=nobody", "Condition?_content=asthma&_total=accurate"},
		"criteria": {"Observation?subject=Patient/p2", "Observation?subject=Patient/p1", "Observation?patient=p2&_summary=count", "Observation?subject:not=Patient/p1", "Observation?subject:missing=true", "Observation?code:not=8867-4", "Observation?category:not=vital-signs", "Observation?derived-from=Observation/o9", "Observation?subject:identifier=urn:mrn|1",
			"Patient?name=Baker", "Patient?identifier=urn:mrn|2", "Patient?_tag=urn:tags|of-2", "Patient?_profile=urn:profile:Baker", "Patient?link=Patient/p1", "Patient?link:missing=false", "Observation?value-quantity=gt50", "Observation?date=ge2024-01-08", "Observation?performer=Patient/p1", "Observation?focus:missing=true&_total=accurate", "AuditEvent?patient=p2", "AuditEvent?entity=Patient/p1", "AuditEvent?patient.name=Baker", "AuditEvent?_include=AuditEvent:patient",
			"Observation?code=x,8867-4&_count=3", "Device?patient=Patient/p2", "Device?patient.name=Baker&_summary=count", "Observation?device=Device/d2", "Observation?encounter=Encounter/e2", "Provenance?target=Observation/o1", "List?item=Observation/o1", "Composition?entry=Observation/o9", "Observation?unknown=1", "Provenance?patient=p2", "Provenance?agent=Practitioner/dr&_total=accurate", "Provenance?recorded=ge2024-01-03&_summary=count", "AuditEvent?entity=Observation/o9", "AuditEvent?date=2024-01-01", "Consent?patient=p2", "DeviceMetric?source=Device/d2", "Observation?_cursor=forged"},
		"sort": {"Observation?_sort=date", "Observation?_sort=-date&_count=2", "Observation?_sort=value-quantity&_count=3", "Observation?_sort=subject,-date&_count=2", "Patient?_sort=-name&_count=1", "Patient?_sort=family", "Observation?_sort=-_id&_count=4&_total=accurate"},
	}
}

// searches are asked in the URL and as a form.
func searches() (list []request) {
	texts := searchTexts()
	rows := make([]string, 0, len(texts))
	for row := range texts {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	for _, row := range rows {
		for _, text := range texts[row] {
			typ, query, _ := strings.Cut(text, "?")
			one := get(row, text, typ+".s", "s")
			one.mixed = row == "include" || row == "revinclude"
			form := one
			form.method, form.path, form.body, form.contentType = "POST", typ+"/_search", query, "application/x-www-form-urlencoded"
			list = append(list, one, form)
		}
	}
	for _, of := range []string{"Patient/p1", "Patient/p2", "Patient/p3", "Patient/absent", "Encounter/e1", "Encounter/e2", "Practitioner/dr", "Device/d2", "RelatedPerson/r2"} {
		for _, inner := range []string{"Observation", "Condition", "Observation?code=8867-4&_total=accurate", "Observation?_include=Observation:subject&_revinclude=Provenance:target&_count=2", "Communication"} {
			typ, _, _ := strings.Cut(inner, "?")
			one := get("compartment", of+"/"+inner, typ+".s", "s")
			one.mixed = strings.Contains(inner, "include")
			list = append(list, one)
		}
		list = append(list, get("compartment", of+"/*", "*.s", "s"), get("compartment", of+"/*?_count=3", "*.s", "s"))
	}
	list = append(list, get("search-system", "?_lastUpdated=gt2020", "*.s", "s"), get("search-system", "?_count=7", "*.s", "s"), get("search-system", "?_summary=count", "*.s", "s"), get("search-system", "?_sort=-_lastUpdated&_count=9", "*.s", "s"),
		get("search-system", "?_type=Observation,Condition&_count=4", "Observation.s Condition.s", "s"), get("search-system", "?_type=Observation,Binary", "Observation.s Binary.s", "s"), get("search-system", "?_tag=urn:tags|of-2", "*.s", "s"), get("search-system", "?_content=baker", "*.s", "s"), get("search-system", "?_id=p2,o9,c2", "*.s", "s"),
		get("search-system", "?_type=Patient&_has:Observation:patient:value-quantity=99", "Patient.s", "s"), get("history-system", "_history", "*.s", "s"), get("history-system", "_history?_count=10", "*.s", "s"), get("history-system", "_history?_since=2026-01-01T01:30:00Z&_count=5", "*.s", "s"), get("history-system", "_history?_summary=count", "*.s", "s"),
		get("$meta", "$meta", "*.s", "s"))
	return list
}

// operations are those of the table that read.
func operations() (list []request) {
	for _, id := range []string{"p1", "p2", "p3", "p4", "p5", "absent"} {
		for _, query := range []string{"", "?_count=3", "?_type=Observation,Provenance,Group", "?start=2024-01-05&end=2024-02-01", "?_since=2026-01-01T01:00:00Z"} {
			one := get("$everything", "Patient/"+id+"/$everything"+query, "Patient.r", "s")
			one.mixed = true
			list = append(list, one)
		}
		list = append(list, get("$lastn", "Observation/$lastn?patient=Patient/"+id, "Observation.s", "s"), get("$lastn", "Observation/$lastn?max=3&subject=Patient/"+id+"&category=vital-signs", "Observation.s", "s"),
			get("$stats", "Observation/$stats?subject=Patient/"+id+"&code=8867-4&system=http://loinc.org&statistic=average,count,maximum,total-count", "Observation.s", "s"),
			get("$stats", "Observation/$stats?subject=Patient/"+id+"&code=8867-4&statistic=count&include=true", "Observation.s", "s"),
			get("$stats", "Observation/$stats?subject=Patient/"+id+"&code=85353-1&system=http://loinc.org&statistic=count,maximum", "Observation.s", "s"), get("$lastn", "Observation/$lastn?subject:Patient.name=Baker&_has:Provenance:target:recorded=ge2024&max=2", "Observation.s", "s"),
			get("$docref", "DocumentReference/$docref?patient="+id, "DocumentReference.s", "s"), get("$docref", "DocumentReference/$docref?patient="+id+"&start=2020", "DocumentReference.s", "s"),
			get("$waveform", "Observation/$waveform?patient=Patient/"+id+"&code=urn:signals|lead-II&start=2024-03-01T00:00:00Z&end=2024-03-01T00:00:10Z", "Observation.s", "s"))
	}
	for _, path := range []string{"Patient/$everything", "Patient/$everything?_count=5", "Patient/$everything?_type=Observation"} {
		one := get("$everything", path, "Patient.s", "s")
		one.mixed = true
		list = append(list, one)
	}
	for _, key := range []string{"Encounter/e1", "Encounter/e2", "Device/d1", "Device/d2", "Encounter/absent"} {
		typ, _, _ := strings.Cut(key, "/")
		one := get("$everything", key+"/$everything", typ+".r", "s")
		one.mixed = true
		list = append(list, one)
	}
	for _, id := range []string{"doc1", "doc2", "across", "dangling", "absent"} {
		list = append(list, get("$document", "Composition/"+id+"/$document", "Composition.r", "r"), get("$document", "Composition/$document?id="+id, "Composition.r", "r"))
	}
	for _, id := range []string{"ecg1", "ecg2", "o1", "o9", "absent"} {
		list = append(list, get("$waveform", "Observation/"+id+"/$waveform", "Observation.r", "r"))
	}
	for _, id := range []string{"p1", "p2", "absent"} {
		everything := get("async", "Patient/"+id+"/$everything", "Patient.r", "s", "Prefer", "respond-async")
		everything.mixed = true
		list = append(list, everything, get("async", "Patient/"+id+"/*?_count=3", "*.s", "s", "Prefer", "respond-async"), get("async", "Observation/$lastn?patient="+id, "Observation.s", "s", "Prefer", "respond-async"))
	}
	for _, pair := range [][2]string{{"Binary/b1", "text/plain"}, {"Binary/b2", "*/*"}, {"Binary/b2", "application/fhir+json"}, {"Binary/b2/_history/1", "text/plain"}, {"Binary/absent", "image/png"}} {
		list = append(list, get("Binary content", pair[0], "Binary.r", "r", "Accept", pair[1]))
	}
	return append(list, graphs()...)
}

// terminology are the operations on what is stored of value sets and code systems, and on what those need that the caller may not see.
func terminology() (list []request) {
	for _, id := range []string{"warm", "draft", "leads", "absent"} {
		canonical := "url=urn:vs:" + id
		for _, code := range []string{"system=urn:cs:colours&code=red", "system=urn:cs:draft&code=secret"} {
			list = append(list, get("$validate-code", "ValueSet/"+id+"/$validate-code?"+code, "ValueSet.r", "r"), get("$validate-code", "ValueSet/$validate-code?"+canonical+"&"+code+"&display=Wrong", "ValueSet.rs", "s"))
		}
		list = append(list, get("$expand", "ValueSet/"+id+"/$expand", "ValueSet.r", "r"), get("$expand", "ValueSet/$expand?"+canonical, "ValueSet.rs", "s"), get("$expand", "ValueSet/$expand?"+canonical+"&filter=se&includeDefinition=true", "ValueSet.rs", "s"))
	}
	for _, id := range []string{"colours", "draft", "absent"} {
		system := "urn:cs:" + id
		list = append(list, get("$lookup", "CodeSystem/$lookup?code=secret&system="+system, "CodeSystem.rs", "s"), get("$lookup", "CodeSystem/$lookup?code=red&system="+system, "CodeSystem.rs", "s"),
			get("$validate-code", "CodeSystem/"+id+"/$validate-code?code=secret", "CodeSystem.r", "r"), get("$validate-code", "CodeSystem/$validate-code?code=red&url="+system, "CodeSystem.rs", "s"),
			request{interaction: "$expand", method: "POST", path: "ValueSet/$expand", needs: "ValueSet.rs", letter: "s", // of one that is sent
				body: `{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"active","compose":{"include":[{"system":"` + system + `"}]}}}]}`})
	}
	for i := range list {
		list[i].mixed = true // the named one is read, what it needs is searched for
	}
	return append(list, get("criteria", "Observation?code:in=urn:vs:draft", "Observation.s", "s"), get("criteria", "Observation?code:not-in=urn:vs:warm", "Observation.s", "s"), get("criteria", "ValueSet?reference=urn:vs:draft", "ValueSet.s", "s"),
		get("criteria", "CodeSystem?code=secret&_summary=count", "CodeSystem.s", "s"), get("criteria", "ValueSet?_content=secret", "ValueSet.s", "s"))
}

// heads are asked without the body.
func heads() (list []request) {
	for _, path := range []string{"Observation?patient=p2", "Patient?name=Baker&_total=accurate", "Patient/p2/Observation", "Observation/_history", "Condition?_text=secret2"} {
		typ, _, _ := strings.Cut(path, "?")
		typ, _, _ = strings.Cut(strings.TrimPrefix(typ, "Patient/p2/"), "/")
		list = append(list, get("head", path, typ+".s", "s"))
	}
	for _, key := range []string{"Patient/p1", "Patient/p2", "Observation/o9", "Observation/gone2", "Observation/absent"} {
		typ, _, _ := strings.Cut(key, "/")
		list = append(list, get("head", key+"/_history", typ+".r", "r"), get("head", key+"/_history/1", typ+".r", "r"), get("head", key+"/$meta", typ+".r", "r"), get("head", key+"/$graphql?query={id}", typ+".r", "r"))
	}
	for i := range list {
		list[i].method = "HEAD"
	}
	return list
}

// malformed are wrong in some way, and name what may be hidden: what is said of the mistake must not depend on it. Some are refused to everybody alike, by whatever the caller may do.
func malformed() (list []request) {
	for _, path := range []string{"Observation?patient=p2&_sort=nonsense", "Observation?patient=p2&_include=Observation:nonsense", "Patient?name:nonsense=Baker", "Observation?_has:Nonsense:patient:x=1", "Observation?subject:Nonsense.name=Baker",
		"Observation?date=nonsense&patient=p2", "Observation?subject:Patient.nonsense=Baker", "Observation?_list=Patient/p2", "Patient?_id=p2&nonsense=1", "Observation?_explain=true&patient=p2", "Observation?_score=1&_content=secret2", "Observation?_count=-1", "Observation?_elements=id&_summary=true",
		"Observation?_query=nonsense", "Patient?_idd=p2", "Patient?identifer=urn:mrn|2"} {
		typ, _, _ := strings.Cut(path, "?")
		list = append(list, get("error text", path, typ+".s", "s"), get("error text", path, typ+".s", "s", "Prefer", "handling=strict"))
	}
	for _, key := range []string{"Observation/o9", "Patient/p2", "Observation/absent"} {
		typ, _, _ := strings.Cut(key, "/")
		for _, suffix := range []string{"/_history/0", "/_history/-", "/_history?_count=x", "?_elements=", "?_summary=x", "/$meta?x=1", "/$validate?mode=update", "/$validate?mode=x"} {
			needs := typ + ".r"
			if strings.Contains(suffix, "$validate") {
				needs = typ + ".cruds"
			}
			list = append(list, get("error text", key+suffix, needs, "r"))
		}
		for _, path := range []string{key + "/$nonsense", key + "/$metta", key + "/Nonsense/1/2", strings.ToLower(key), key + "?_format=nonsense", key + "s/_history/1/x"} {
			list = append(list, get("error text", path, "", "r"))
		}
	}
	return append(list, get("capabilities", "metadata", "", "r"), get("capabilities", "metadata?mode=terminology", "", "r"))
}

func graphs() (list []request) {
	for path, needs := range map[string]string{"": "*.rs", "Patient/p1/": "Patient.r", "Patient/p2/": "Patient.r", "Observation/o1/": "Observation.r", "Observation/o9/": "Observation.r"} {
		queries := []string{
			`{ObservationList(code:"8867-4"){id subject{reference resource{...on Patient{name{family}}}}}}`, `{PatientList{id name{family}}}`, `{ObservationConnection(_count:"2"){count offset pagesize edges{resource{id}} next}}`,
			`{Observation(id:"o9"){id status}}`, `{Observation(id:"o2"){derivedFrom{resource{...on Observation{id subject{resource{...on Patient{id name{family}}}}}}}}}`, `{Patient(id:"p2"){id ObservationList(_reference:subject){id}}}`, `{PatientList(name:"Baker"){id}}`,
			`{ProvenanceList{id target{resource{resourceType}}}}`,
		}
		switch path {
		case "Patient/p1/", "Patient/p2/":
			queries = []string{`{id name{family} ObservationList(_reference:patient){id performer{resource{resourceType}}}}`, `{ObservationConnection(_reference:subject,_count:"1"){count edges{resource{id}}}}`, `{link{other{resource{...on Patient{id}}}}}`}
		case "Observation/o1/", "Observation/o9/":
			queries = []string{`{subject{resource{...on Patient{name{family}}}} derivedFrom{resource{...on Observation{id}}}}`, `{ProvenanceList(_reference:target){id recorded}}`, `{DiagnosticReportList(_reference:result){id subject{reference}}}`}
		}
		for _, query := range queries {
			one := get("$graphql", path+"$graphql?query="+url.QueryEscape(query), needs, "r")
			one.mixed = true
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b request) int { return strings.Compare(a.path, b.path) })
	return list
}
