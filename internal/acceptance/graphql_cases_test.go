package acceptance

import "encoding/json"

// graphCase is a query and what it answers. On is the instance, empty for the system.
type graphCase struct {
	name, on, query, variables string
	want                       func(w *world) any
}

// of projects one resource.
func of(key, selection string) func(*world) any {
	return func(w *world) any { return project(w.byKey[key], selection) }
}

// filtered is a list of a resource, filtered and projected.
func filtered(list any, selection string, keep func(i int, o object) bool) any {
	out := []any{}
	for i, item := range list.([]any) {
		if keep(i, item.(object)) {
			out = append(out, project(item, selection))
		}
	}
	return out
}

// where are the resources of a type that match, projected, in the order of creation.
func (w *world) where(typ, selection string, match predicate) []any {
	out := []any{}
	for _, s := range w.all {
		if s.typ == typ && match(s.body) {
			out = append(out, project(s.body, selection))
		}
	}
	return out
}

// follow is the resource that a reference leads to, projected.
func (w *world) follow(reference any, selection string) any {
	if target := w.byKey[texts(reference, "reference")[0]]; target != nil {
		return project(target, selection)
	}
	return nil
}

func list(name string, make func(w *world) []any) func(*world) any {
	return func(w *world) any { return object{name: make(w)} }
}

func always(o any) func(*world) any { return func(*world) any { return o } }

var heartRates = text("Patient/p1", "subject", "reference")

func names(w *world) []any { return w.byKey["Patient/p1"]["name"].([]any) }

func elementCases() []graphCase {
	const p1, hr0 = "Patient/p1", "Observation/hr0"
	first := func(i int, _ object) bool { return i == 0 }
	return []graphCase{
		{"elements", p1, `{ id active gender birthDate }`, "", of(p1, "id active gender birthDate")},
		{"nested lists", p1, `{ name { use family given } address { city line } }`, "", of(p1, "name{use family given} address{city line}")},
		{"absent elements", p1, `{ deceasedBoolean photo { url } maritalStatus { text } }`, "", of(p1, "deceasedBoolean photo maritalStatus")},
		{"resourceType", p1, `{ resourceType __typename }`, "", always(object{"resourceType": "Patient", "__typename": "Patient"})},
		{"aliases", p1, `{ born: birthDate n: name { last: family } }`, "", of(p1, "born:birthDate n:name{last:family}")},
		{"one element under two aliases", p1, `{ a: name(use: official) { family } b: name(use: usual) { given } }`, "", func(w *world) any {
			return object{"a": filtered(w.byKey[p1]["name"], "family", func(_ int, o object) bool { return o["use"] == "official" }),
				"b": filtered(w.byKey[p1]["name"], "given", func(_ int, o object) bool { return o["use"] == "usual" })}
		}},
		{"what extends a primitive", p1, `{ _birthDate { extension { url valueDateTime } } }`, "", of(p1, "_birthDate{extension{url valueDateTime}}")},
		{"contained resources", p1, `{ contained { resourceType id ... on Organization { name } } }`, "", of(p1, "contained{resourceType id name}")},
		{"a choice by its name", hr0, `{ valueQuantity { value unit } effectiveDateTime valueString }`, "", of(hr0, "valueQuantity{value unit} effectiveDateTime valueString")},
		{"a filter by an element", p1, `{ telecom(system: phone) { value rank } }`, "", func(w *world) any {
			return object{"telecom": filtered(w.byKey[p1]["telecom"], "value rank", text("phone", "system").at)}
		}},
		{"a filter by two elements", p1, `{ telecom(system: "phone", use: "mobile") { value } }`, "", func(w *world) any {
			return object{"telecom": filtered(w.byKey[p1]["telecom"], "value", both(text("phone", "system"), text("mobile", "use")).at)}
		}},
		{"a filter by an element that repeats", p1, `{ name(given: "Jane") { family } }`, "", func(w *world) any {
			return object{"name": filtered(w.byKey[p1]["name"], "family", text("Jane", "given").at)}
		}},
		{"a filter by a variable", p1, `query ($u: code) { name(use: $u) { given } }`, `{"u":"maiden"}`, func(w *world) any {
			return object{"name": filtered(w.byKey[p1]["name"], "given", text("maiden", "use").at)}
		}},
		{"a filter by a variable without a value", p1, `query ($u: code) { name(use: $u) { given } }`, "", of(p1, "name{given}")},
		{"a variable's default", p1, `query ($u: code = "usual") { name(use: $u) { given } }`, "", func(w *world) any {
			return object{"name": filtered(w.byKey[p1]["name"], "given", text("usual", "use").at)}
		}},
		{"a filter by FHIRPath", p1, `{ telecom(fhirpath: "rank > 1 and system = 'phone'") { value } }`, "", func(w *world) any {
			return object{"telecom": filtered(w.byKey[p1]["telecom"], "value", func(i int, o object) bool { return o["system"] == "phone" && texts(o, "rank")[0] > "1" })}
		}},
		{"_offset and _count", p1, `{ name(_offset: 1, _count: 1) { use } telecom(_count: 2) { value } }`, "", func(w *world) any {
			return object{"name": filtered(w.byKey[p1]["name"], "use", func(i int, _ object) bool { return i == 1 }), "telecom": filtered(w.byKey[p1]["telecom"], "value", func(i int, _ object) bool { return i < 2 })}
		}},
		{"@include and @skip", p1, `query ($yes: Boolean!, $no: Boolean!) { id @include(if: $yes) active @include(if: $no) gender @skip(if: $no) birthDate @skip(if: $yes) }`, `{"yes":true,"no":false}`, of(p1, "id gender")},
		{"@skip of a fragment", p1, `{ id ...f @skip(if: true) ... on Patient @include(if: true) { gender } } fragment f on Patient { active }`, "", of(p1, "id gender")},
		{"fragments within fragments", p1, `{ ...a } fragment a on Patient { name { ...n } id } fragment n on HumanName { family ...u } fragment u on HumanName { use }`, "", of(p1, "name{family use} id")},
		{"a fragment on another type", p1, `{ id ... on Observation { status } ... on Resource { language } ... on DomainResource { text { status } } }`, "", of(p1, "id language text")},
		{"merged selections", p1, `{ name { family } name { given } ...f } fragment f on Patient { name { use } }`, "", of(p1, "name{family given use}")},
		{"@first", p1, `{ name @first { given @first use } }`, "", func(w *world) any {
			return object{"name": []any{object{"given": names(w)[0].(object)["given"].([]any)[:1], "use": "official"}}}
		}},
		{"@first behind a filter", p1, `{ telecom(system: phone) @first { value } }`, "", func(w *world) any {
			return object{"telecom": filtered(filtered(w.byKey[p1]["telecom"], "", text("phone", "system").at), "value", first)}
		}},
		{"@flatten", p1, `{ name @flatten { given family use } }`, "", func(w *world) any {
			return object{"given": values(names(w), "given"), "family": values(names(w), "family"), "use": values(names(w), "use")}
		}},
		{"@flatten and @first", p1, `{ name @flatten { given @first family } }`, "", func(w *world) any {
			given := []any{}
			for _, name := range names(w) {
				given = append(given, name.(object)["given"].([]any)[0])
			}
			return object{"given": given, "family": values(names(w), "family")}
		}},
		{"@flatten and @singleton", p1, `{ name(use: official) @flatten { given @first @singleton family @singleton } }`, "", always(object{"given": "Paula", "family": "Chalmers"})},
		{"@flatten twice", "Observation/bp1", `{ component @flatten { code @flatten { coding @flatten { code } } valueQuantity @flatten { value } } }`, "", func(w *world) any {
			c := w.byKey["Observation/bp1"]["component"]
			return object{"code": values(c, "code", "coding", "code"), "value": values(c, "valueQuantity", "value")}
		}},
		{"@slice by place", p1, `{ name @slice(path: "$index") { family } }`, "", func(w *world) any {
			return object{"name.0": project(names(w)[0], "family"), "name.1": project(names(w)[1], "family"), "name.2": project(names(w)[2], "family")}
		}},
		{"@slice by a value", p1, `{ name @slice(path: "use") { given } }`, "", func(w *world) any {
			out := object{}
			for _, name := range names(w) {
				out["name."+texts(name, "use")[0]] = project(name, "given")
			}
			return out
		}},
	}
}

// at makes a filter of a predicate.
func (p predicate) at(_ int, o object) bool { return p(o) }

func linkCases() []graphCase {
	const p1 = "Patient/p1"
	return []graphCase{
		{"a reference", "Observation/hr0", `{ device { reference resource { ... on Device { status owner { resource { ... on Organization { name } } } } } } }`, "", func(w *world) any {
			device := w.byKey["Device/monitor"]
			return object{"device": object{"reference": "Device/monitor", "resource": object{"status": device["status"], "owner": object{"resource": w.follow(device["owner"], "name")}}}}
		}},
		{"references of several types", p1, `{ generalPractitioner { reference resource(optional: true, type: Practitioner) { ... on Practitioner { name { family } } } } }`, "", func(w *world) any {
			out := []any{}
			for _, r := range w.byKey[p1]["generalPractitioner"].([]any) {
				out = append(out, object{"reference": r.(object)["reference"], "resource": w.follow(r, "name{family}")})
			}
			return object{"generalPractitioner": out}
		}},
		{"references that lead to members", "Observation/panel", `{ hasMember { resource { ... on Observation { id code { coding { code } } } } } }`, "", func(w *world) any {
			out := []any{}
			for _, r := range w.byKey["Observation/panel"]["hasMember"].([]any) {
				out = append(out, object{"resource": w.follow(r, "id code{coding{code}}")})
			}
			return object{"hasMember": out}
		}},
		{"what refers to it", p1, `{ ConditionList(_reference: patient) { id onsetDateTime } }`, "", list("ConditionList", func(w *world) []any {
			return w.where("Condition", "id onsetDateTime", text(p1, "subject", "reference"))
		})},
		{"what refers to it, with arguments", p1, `{ ObservationList(_reference: subject, category: "laboratory", status: "final") { id } }`, "", list("ObservationList", func(w *world) []any {
			return w.where("Observation", "id", both(heartRates, coding("*", "laboratory", "category", "coding"), text("final", "status")))
		})},
		{"nothing refers to it", "Patient/p3", `{ ConditionList(_reference: patient) { id } }`, "", always(object{"ConditionList": []any{}})},
		{"there and back", "Encounter/e1", `{ ObservationList(_reference: encounter, _count: 2) { subject { resource { ... on Patient { gender } } } } }`, "", func(w *world) any {
			one := object{"subject": object{"resource": object{"gender": "female"}}}
			return object{"ObservationList": []any{one, one}}
		}},
		{"a connection of what refers to it", "Encounter/e1", `{ ProcedureConnection(_reference: encounter) { count edges { resource { id } } } }`, "", func(w *world) any {
			return object{"ProcedureConnection": object{"count": json.Number("1"), "edges": []any{object{"resource": object{"id": "pr1"}}}}}
		}},
		{"one of the system", "", `query ($id: ID!) { Patient(id: $id) { id name { family } } }`, `{"id":"p2"}`, func(w *world) any { return object{"Patient": project(w.byKey["Patient/p2"], "id name{family}")} }},
		{"several of the system", "", `{ a: Patient(id: "p1") { gender } b: Patient(id: "p2") { gender } Organization(id: "org") { name partOf { resource { ... on Organization { name } } } } }`, "", func(w *world) any {
			org := w.byKey["Organization/org"]
			return object{"a": project(w.byKey[p1], "gender"), "b": project(w.byKey["Patient/p2"], "gender"), "Organization": object{"name": org["name"], "partOf": object{"resource": w.follow(org["partOf"], "name")}}}
		}},
		{"a list of a type", "", `{ PatientList { id active gender } }`, "", list("PatientList", func(w *world) []any { return w.where("Patient", "id active gender", everything) })},
		{"a list by a variable", "", `query ($id: ID) { ObservationList(subject: $id) { id } }`, `{"id":"Patient/p2"}`, list("ObservationList", func(w *world) []any {
			return w.where("Observation", "id", text("Patient/p2", "subject", "reference"))
		})},
		{"a list of any of some codes", "", `{ ObservationList(code: ["http://loinc.org|8867-4", "http://loinc.org|29463-7"], patient: "p1") { id valueQuantity { value } } }`, "", list("ObservationList", func(w *world) []any {
			return w.where("Observation", "id valueQuantity{value}", both(heartRates, either(coding(loinc, "8867-4", "code", "coding"), coding(loinc, "29463-7", "code", "coding"))))
		})},
		{"a list by a quantity", "", `{ ObservationList(value_quantity: "ge70", code: "8867-4") { id } }`, "", list("ObservationList", func(w *world) []any {
			return w.where("Observation", "id", both(coding("*", "8867-4", "code", "coding"), quantity("ge", "70", "*", "*", "valueQuantity")))
		})},
		{"a sorted list", "", `{ ObservationList(code: "8867-4", _sort: "-date", _count: 3) { id effectiveDateTime } }`, "", list("ObservationList", func(w *world) []any {
			var all []stored
			for _, s := range w.all {
				if s.typ == "Observation" && coding("*", "8867-4", "code", "coding")(s.body) {
					all = append(all, s)
				}
			}
			out := []any{}
			for _, d := range newestFirst(all)[:3] {
				out = append(out, project(d.body, "id effectiveDateTime"))
			}
			return out
		})},
		{"a chain", "", `{ EncounterList(_filter: "subject.gender eq male") { id } }`, "", list("EncounterList", func(w *world) []any {
			return w.where("Encounter", "id", text("Patient/p2", "subject", "reference"))
		})},
		{"an empty list", "", `{ PatientList(family: "nobody") { id } }`, "", always(object{"PatientList": []any{}})},
		{"@first of a list", "", `{ PatientList @first { id } }`, "", list("PatientList", func(w *world) []any { return w.where("Patient", "id", everything)[:1] })},
		{"a flattened list", "", `{ PatientList @flatten { id gender name @flatten { family } } }`, "", func(w *world) any {
			all := w.where("Patient", "id gender name", everything)
			return object{"id": values(all, "id"), "gender": values(all, "gender"), "family": values(all, "name", "family")}
		}},
		{"a connection", "", `{ PatientConnection(_count: 5) { count pagesize first previous next last offset edges { mode score resource { id } } } }`, "", func(w *world) any {
			edges := []any{}
			for _, p := range w.where("Patient", "id", everything) {
				edges = append(edges, object{"mode": "match", "score": nil, "resource": p})
			}
			return object{"PatientConnection": object{"count": json.Number("3"), "pagesize": json.Number("5"), "first": nil, "previous": nil, "next": nil, "last": nil, "offset": nil, "edges": edges}}
		}},
		{"an empty connection", "", `{ PatientConnection(family: "nobody") { count edges { resource { id } } } }`, "", always(object{"PatientConnection": object{"count": json.Number("0"), "edges": []any{}}})},
	}
}
