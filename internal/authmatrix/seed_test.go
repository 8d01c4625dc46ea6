package authmatrix

import (
	"fmt"
	"slices"
	"strings"
)

// Whose a version is, beside the ids of patients. What belongs to a patient is what docs/security.md says: the compartment, and where that is too much or too little, the
// exceptions.
const (
	everybodys = "*" // a directory or a definition, which is about no patient
	nobodys    = ""  // about patients, but none can be told from it, or closed to patients as a type
)

// version is one commit of the seed.
type version struct {
	key    string // Type/id
	number int    // of the version, from 1
	owners string // ids of patients with spaces between, or one of the above
	body   string // the resource; empty for a deletion
}

func (v *version) typ() string { typ, _, _ := strings.Cut(v.key, "/"); return typ }

// id is the logical id.
func (v *version) id() string { _, id, _ := strings.Cut(v.key, "/"); return id }

// writers are the patients whose apps may write it: a Provenance is seen with what it is about, but written in the record alone.
func (v *version) writers() string {
	if v.typ() != "Provenance" {
		return v.owners
	}
	return v.patients()
}

// patients are those that it names.
func (v *version) patients() string {
	var named []string
	for _, id := range []string{"p1", "p2"} {
		if v.has(`"Patient/`+id+`"`) || v.has(`"Patient/`+id+`/`) {
			named = append(named, id)
		}
	}
	return strings.Join(named, " ")
}

func (v *version) has(text string) bool { return strings.Contains(v.body, text) }

const (
	vital = `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}]`
	lab   = `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}]`
	rate  = `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}],"text":"heart rate"}`
	mass  = `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}],"text":"weight"}`
	panel = `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85353-1"}],"text":"panel"}`
	ecg   = `"status":"final","code":{"coding":[{"system":"urn:signals","code":"lead-II"}]},"effectiveDateTime":"2024-03-01T00:00:00Z","valueSampledData":{"origin":{"value":0,"unit":"mV","system":"http://unitsofmeasure.org","code":"mV"},"period":4,"dimensions":1,"data":"%s"}`
)

// ref is a member with a reference.
func ref(name, target string) string {
	return fmt.Sprintf(`%q:{"reference":%q}`, name, target)
}

// refs is a list of references.
func refs(name string, targets ...string) string {
	for i, t := range targets {
		targets[i] = fmt.Sprintf(`{"reference":%q}`, t)
	}
	return fmt.Sprintf(`%q:[%s]`, name, strings.Join(targets, ","))
}

func at(day string) string { return `"effectiveDateTime":"2024-` + day + `T08:00:00Z"` }

func quantity(value, unit string) string {
	return fmt.Sprintf(`"valueQuantity":{"value":%s,"unit":%q,"system":"http://unitsofmeasure.org","code":%q}`, value, unit, unit)
}

// seed is what the store holds, in the order it was written. Two patients, p1 and p2, whose records point into each other in every way that might lead across.
func seed() []version {
	return written(seedDirectory, seedObservations, seedRecords, seedPointers, seedChanges)
}

// written lists what parts of the seed write.
func written(parts ...func(putter)) []version {
	var all []version
	put := func(key, owners string, members ...string) {
		typ, id, _ := strings.Cut(key, "/")
		body := ""
		if len(members) > 0 {
			body = fmt.Sprintf(`{"resourceType":%q,"id":%q,%s}`, typ, id, strings.Join(members, ","))
		}
		number := 1
		for i := range all {
			if all[i].key == key {
				number++
			}
		}
		all = append(all, version{key, number, owners, body})
	}
	for _, part := range parts {
		part(put)
	}
	return all
}

type putter func(key, owners string, members ...string)

func patient(mrn, family, more string) string {
	return fmt.Sprintf(`"identifier":[{"system":"urn:mrn","value":%q}],"active":true,"name":[{"family":%q,"given":["Kim"]}],"gender":"other","birthDate":"1980-01-0%s","meta":{"tag":[{"system":"urn:tags","code":"of-%s"}],"profile":["urn:profile:%s"]}%s`, mrn, family, mrn, family, family, more)
}

func seedDirectory(put putter) {
	put("Organization/org", everybodys, `"name":"Clinic","active":true`)
	put("Practitioner/dr", everybodys, `"name":[{"family":"House"}],"identifier":[{"system":"urn:npi","value":"7"}]`)
	put("Location/ward", everybodys, `"name":"Ward","status":"active"`, ref("managingOrganization", "Organization/org"))
	put("Medication/med", everybodys, `"status":"active","code":{"text":"aspirin"}`)
	put("CodeSystem/colours", everybodys, `"url":"urn:cs:colours","status":"active","content":"complete","concept":[{"code":"red","display":"Red"},{"code":"blue","display":"Blue"}]`)
	put("CodeSystem/draft", everybodys, `"url":"urn:cs:draft","status":"draft","content":"complete","concept":[{"code":"secret","display":"Secret"}]`)
	put("ValueSet/warm", everybodys, `"url":"urn:vs:warm","status":"active","compose":{"include":[{"system":"urn:cs:colours","concept":[{"code":"red"}]}]}`)
	put("ValueSet/draft", everybodys, `"url":"urn:vs:draft","status":"draft","compose":{"include":[{"system":"urn:cs:draft"}]}`)
	put("ValueSet/leads", everybodys, `"url":"urn:vs:leads","status":"active","compose":{"include":[{"valueSet":["urn:vs:draft"]}]}`)
	put("Patient/p1", "p1", patient("1", "Archer", `,"generalPractitioner":[{"reference":"Practitioner/dr"}],"managingOrganization":{"reference":"Organization/org"}`))
	put("Patient/p2", "p2", patient("2", "Baker", `,"generalPractitioner":[{"reference":"Practitioner/dr"}],"managingOrganization":{"reference":"Organization/org"}`))
	put("Patient/p3", "p3", patient("3", "Carter", ""))
	put("Patient/p4", "p4", patient("4", "Dexter", ""))
	put("Patient/p4", "p4")
	put("Patient/p5", "p1 p5", patient("5", "Archer", `,"link":[{"other":{"reference":"Patient/p1"},"type":"seealso"}]`))
	put("Group/both", nobodys, `"type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p1"}},{"entity":{"reference":"Patient/p2"}}]`)
	put("Device/d1", "p1", ref("patient", "Patient/p1"), `"serialNumber":"SN-1","status":"active"`)
	put("Device/d2", "p2", ref("patient", "Patient/p2"), `"serialNumber":"SN-2","status":"active"`)
	put("RelatedPerson/r1", "p1", ref("patient", "Patient/p1"), `"name":[{"family":"Archer"}]`)
	put("RelatedPerson/r2", "p2", ref("patient", "Patient/p2"), `"name":[{"family":"Baker"}]`)
}

func seedObservations(put putter) {
	dr := refs("performer", "Practitioner/dr")
	put("Observation/o1", "p1", vital, rate, ref("subject", "Patient/p1"), dr, at("01-01"), quantity("61", "/min"), ref("device", "Device/d1"), ref("encounter", "Encounter/e1"))
	put("Observation/o2", "p1", lab, mass, ref("subject", "Patient/p1"), at("01-02"), quantity("70.10", "kg"), refs("derivedFrom", "Observation/o9"))
	put("Observation/o3", "p1", vital, rate, ref("subject", "Patient/p1"), dr, at("01-03"), quantity("63", "/min"), refs("hasMember", "Observation/o10"))
	put("Observation/o4", "p1", vital, mass, ref("subject", "Patient/p1"), at("01-04"), quantity("71", "kg"), ref("device", "Device/d2"), ref("encounter", "Encounter/e2"))
	put("Observation/o5", "p1", `"contained":[{"resourceType":"Patient","id":"x","name":[{"family":"Baker"}]}]`, lab, rate, ref("subject", "Patient/p1"), `"note":[{"text":"see contained"}]`, at("01-05"))
	put("Observation/o6", "p1", `"meta":{"security":[{"code":"R"}]}`, lab, rate, ref("subject", "Patient/p1"), at("01-06"), quantity("66", "/min"))
	put("Observation/o7", "p1", vital, panel, ref("subject", "Patient/p1"), at("01-07"), refs("hasMember", "Observation/o8", "Observation/o9", "Observation/o3"))
	put("Observation/o8", "p2", vital, rate, ref("subject", "Patient/p2"), dr, at("01-08"), quantity("88", "/min"), ref("device", "Device/d2"), ref("encounter", "Encounter/e2"))
	put("Observation/o9", "p2", vital, rate, ref("subject", "Patient/p2"), dr, at("01-09"), quantity("99", "/min"), refs("derivedFrom", "Observation/o1"))
	put("Observation/o10", "p1 p2", lab, mass, ref("subject", "Patient/p2"), refs("performer", "Patient/p1"), at("01-10"), quantity("55", "kg"))
	put("Observation/o11", "p2", lab, mass, ref("subject", "Patient/p2/_history/1"), at("01-11"), quantity("56", "kg"), refs("hasMember", "Observation/o1"))
	put("Observation/o17", nobodys, vital, rate, ref("subject", "Group/both"), at("01-17"), quantity("17", "/min"))
	put("Observation/o18", nobodys, vital, rate, at("01-18"), quantity("18", "/min"), `"note":[{"text":"of nobody"}]`)
	put("Observation/o19", nobodys, vital, rate, `"subject":{"identifier":{"system":"urn:mrn","value":"1"}}`, at("01-19"))
	put("Observation/o20", nobodys, `"contained":[{"resourceType":"Patient","id":"x","name":[{"family":"Archer"}]}]`, vital, rate, ref("subject", "#x"), at("01-20"))
	put("Observation/o21", nobodys, vital, rate, ref("subject", "http://elsewhere.example/fhir/Patient/p1"), at("01-21"))
	put("Observation/ecg1", "p1", vital, fmt.Sprintf(ecg, "1 2 3 4 5"), ref("subject", "Patient/p1"))
	put("Observation/ecg2", "p2", vital, fmt.Sprintf(ecg, "9 8 7 6 5"), ref("subject", "Patient/p2"))
}

func seedRecords(put putter) {
	for _, p := range []string{"1", "2"} {
		who := "Patient/p" + p
		put("Encounter/e"+p, "p"+p, `"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}`, ref("subject", who), `"location":[{"location":{"reference":"Location/ward"}}],"period":{"start":"2024-01-0`+p+`"}`)
		put("Condition/c"+p, "p"+p, `"code":{"text":"asthma `+p+`"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">secret`+p+` asthma</div>"}`, ref("subject", who), ref("encounter", "Encounter/e"+p), ref("recorder", "Practitioner/dr"))
		put("MedicationRequest/mr"+p, "p"+p, `"status":"active","intent":"order"`, ref("medicationReference", "Medication/med"), ref("subject", who), ref("requester", "Practitioner/dr"))
		put("DiagnosticReport/rep"+p, "p"+p, `"status":"final","code":{"text":"panel"}`, ref("subject", who), refs("result", "Observation/o1", "Observation/o9"))
		put("DocumentReference/doc"+p, "p"+p, `"status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"date":"2024-02-0`+p+`T00:00:00Z","content":[{"attachment":{"contentType":"text/plain","url":"Binary/b`+p+`"}}]`, ref("subject", who))
		put("Binary/b"+p, nobodys, `"contentType":"text/plain","data":"c2VjcmV0"`, ref("securityContext", who))
		put("Media/m"+p, "p"+p, `"status":"completed","content":{"contentType":"image/png","data":"AAAA"}`, ref("subject", who))
		put("Task/t"+p, "p"+p, `"status":"requested","intent":"order"`, ref("for", who), ref("focus", "Observation/o1"))
		put("Basic/bs"+p, "p"+p, `"code":{"text":"note"}`, ref("subject", who))
		put("Consent/co"+p, "p"+p, `"status":"active","scope":{"text":"research"},"category":[{"text":"research"}],"policyRule":{"text":"opt-in"}`, ref("patient", who))
		put("QuestionnaireResponse/qr"+p, "p"+p, `"status":"completed","item":[{"linkId":"1","answer":[{"valueString":"answer `+p+`"}]}]`, ref("subject", who))
		put("Composition/doc"+p, "p"+p, `"status":"final","type":{"text":"note"},"date":"2024-02-01","title":"Note `+p+`"`, ref("subject", who), refs("author", "Practitioner/dr"), `"section":[{"title":"results","entry":[{"reference":"Observation/o1"}]}]`)
		put("AuditEvent/ae"+p, "p"+p, `"type":{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110112"},"recorded":"2024-01-01T00:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}`, `"entity":[{"what":{"reference":"`+who+`"}}]`)
	}
}

func seedPointers(put putter) {
	put("Provenance/pv1", "p1", refs("target", "Observation/o1", "Patient/p1"), `"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("Provenance/pv2", "p1 p2", refs("target", "Observation/o1", "Observation/o9"), `"recorded":"2024-01-02T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("Provenance/pv3", "p1 p2", refs("target", "Observation/o1", "Patient/p2"), `"recorded":"2024-01-03T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("Provenance/pv4", "p2", refs("target", "Observation/o9"), `"recorded":"2024-01-04T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("Provenance/pv5", nobodys, refs("target", "Binary/b1"), `"recorded":"2024-01-05T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("Provenance/pv6", "p1", refs("target", "Observation/o1/_history/1"), `"recorded":"2024-01-06T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("Provenance/pv7", "p2", refs("target", base+"/Observation/o9"), `"recorded":"2024-01-07T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]`)
	put("DeviceMetric/dm1", "p1", `"type":{"text":"rate"},"category":"measurement"`, ref("source", "Device/d1"))
	put("DeviceMetric/dm2", "p2", `"type":{"text":"rate"},"category":"measurement"`, ref("source", "Device/d2"))
	put("DeviceMetric/dm3", nobodys, `"type":{"text":"rate"},"category":"measurement"`)
	put("List/l1", "p1", `"status":"current","mode":"working"`, ref("subject", "Patient/p1"), `"entry":[{"item":{"reference":"Observation/o1"}},{"item":{"reference":"Observation/o9"}}]`)
	put("List/l2", "p2", `"status":"current","mode":"working"`, ref("subject", "Patient/p2"), `"entry":[{"item":{"reference":"Observation/o1"}},{"item":{"reference":"Observation/o9"}}]`)
	put("Composition/across", "p1", `"status":"final","type":{"text":"note"},"date":"2024-02-01","title":"Across"`, ref("subject", "Patient/p1"), refs("author", "Practitioner/dr"), `"section":[{"title":"results","entry":[{"reference":"Observation/o9"}]}]`)
	put("Composition/dangling", "p1", `"status":"final","type":{"text":"note"},"date":"2024-02-01","title":"Dangling"`, ref("subject", "Patient/p1"), refs("author", "Practitioner/dr"), `"section":[{"title":"results","entry":[{"reference":"Observation/absent"}]}]`)
	put("Communication/cm", "p1 p2", `"status":"completed","payload":[{"contentString":"hello"}]`, ref("subject", "Patient/p2"), refs("recipient", "Patient/p1"))
	put("Bundle/bu", nobodys, `"type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p2","name":[{"family":"Baker"}]}}]`)
}

// seedChanges makes further versions and deletions.
func seedChanges(put putter) {
	put("Observation/o8", "p2", vital, rate, ref("subject", "Patient/p2"), at("01-08"), quantity("89", "/min"))
	put("Observation/o1", "p1", vital, rate, ref("subject", "Patient/p1"), refs("performer", "Practitioner/dr"), at("01-01"), quantity("62", "/min"), ref("device", "Device/d1"), ref("encounter", "Encounter/e1"))
	put("Observation/gone1", "p1", vital, rate, ref("subject", "Patient/p1"), at("02-03"))
	put("Observation/gone1", "p1")
	put("Observation/gone2", "p2", vital, rate, ref("subject", "Patient/p2"), at("02-04"))
	put("Observation/gone2", "p2")
	put("Condition/c3", "p1", `"code":{"text":"flu"}`, ref("subject", "Patient/p1"))
	put("Condition/c3", "p1", `"code":{"text":"cold"}`, ref("subject", "Patient/p1"))
	put("Condition/c3", "p1")
}

// seedMoved makes resources whose versions belong to different patients.
func seedMoved(put putter) {
	put("Observation/came", "p2", vital, rate, ref("subject", "Patient/p2"), at("02-01"), quantity("21", "/min"))
	put("Observation/came", "p1", vital, rate, ref("subject", "Patient/p1"), at("02-01"), quantity("21", "/min"))
	put("Observation/went", "p1", vital, rate, ref("subject", "Patient/p1"), at("02-02"), quantity("22", "/min"))
	put("Observation/went", "p2", vital, rate, ref("subject", "Patient/p2"), at("02-02"), quantity("22", "/min"))
	put("Observation/back", "p1", lab, mass, ref("subject", "Patient/p1"), at("02-05"))
	put("Observation/back", "p1")
	put("Observation/back", "p2", lab, mass, ref("subject", "Patient/p2"), at("02-05"))
}

// keysOf lists the resources of versions once each, in their order.
func keysOf(all []version) (keys []string) {
	for i := range all {
		if !slices.Contains(keys, all[i].key) {
			keys = append(keys, all[i].key)
		}
	}
	return keys
}
