package authmatrix

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/firth-health/firth/internal/teststore"
)

// change is a write.
type change struct {
	request
	letters string   // of the target's type, what it needs: "u", and "us" where a condition says which resource is meant
	typ     string   // of what is written
	target  string   // key that is changed; empty when it is made
	after   *version // what it leaves behind; nil for nothing
	silent  bool     // a hidden target is answered as one that is not there; else it is refused as what may not be written is
	last    bool     // the content is looked at behind the target
	also    *version // Provenance that goes with it
}

// content is a resource that somebody sends, and whose it would be.
type content struct{ typ, owners, body string }

func (c content) json(id string) string {
	if id == "" {
		return fmt.Sprintf(`{"resourceType":%q,%s}`, c.typ, c.body)
	}
	return fmt.Sprintf(`{"resourceType":%q,"id":%q,%s}`, c.typ, id, c.body)
}

func (c content) version(id string) *version {
	return &version{key: c.typ + "/" + id, owners: c.owners, body: c.json(id)}
}

func observation(owners, category string, members ...string) content {
	return content{"Observation", owners, strings.Join(append([]string{category, rate, quantity("77", "/min")}, members...), ",")}
}

func ofP1() content  { return observation("p1", vital, ref("subject", "Patient/p1")) }
func ofP2() content  { return observation("p2", vital, ref("subject", "Patient/p2")) }
func labP1() content { return observation("p1", lab, ref("subject", "Patient/p1")) }

// contents are resources to create.
func contents() []content {
	return []content{
		ofP1(), ofP2(), labP1(),
		observation("p1 p2", vital, ref("subject", "Patient/p2"), refs("performer", "Patient/p1")),
		observation("p1 p2", vital, ref("subject", "Patient/p1"), refs("performer", "Practitioner/dr", "Patient/p2")),
		observation("p1 p2", vital, ref("subject", "Patient/p1"), refs("performer", "Patient/p2/_history/1")),
		observation("p1 p2", vital, ref("subject", "Patient/p1"), refs("performer", base+"/Patient/p2")),
		observation("p1", vital, ref("subject", base+"/Patient/p1")),
		observation("p1", vital, ref("subject", "Patient/p1/_history/1")),
		observation("p1", vital, ref("subject", "Patient/p1"), refs("derivedFrom", "Observation/o9")),
		observation(nobodys, vital, ref("subject", "http://elsewhere.example/fhir/Patient/p1")),
		observation(nobodys, vital), observation(nobodys, vital, ref("subject", "Group/both")), observation(nobodys, vital, `"subject":{"identifier":{"system":"urn:mrn","value":"1"}}`),
		observation(nobodys, vital, `"contained":[{"resourceType":"Patient","id":"p1"}]`, ref("subject", "#p1")),
		observation("p11", vital, ref("subject", "Patient/p11")),
		observation("p1", vital, ref("subject", "Patient/p1"), refs("focus", "Patient/p2"), ref("encounter", "Encounter/e2"), ref("device", "Device/d2"), refs("hasMember", "Observation/o9")),
		observation("p1", vital, ref("subject", "Patient/p1"), refs("focus", "Patient/absent"), ref("encounter", "Encounter/absent"), ref("device", "Device/absent"), refs("hasMember", "Observation/absent")),
		observation("p1", vital, ref("subject", "Patient/p1"), refs("focus", "Binary/b2", "AuditEvent/ae2", "Group/both"), refs("basedOn", "MedicationRequest/mr2")),
		{"Patient", "new", `"name":[{"family":"New"}]`}, {"Patient", "new p1", `"link":[{"other":{"reference":"Patient/p1"},"type":"seealso"}]`},
		{"Practitioner", everybodys, `"name":[{"family":"New"}]`}, {"Organization", everybodys, `"name":"New"`},
		{"StructureDefinition", everybodys, `"url":"urn:sd","name":"X","status":"draft","kind":"resource","abstract":false,"type":"Patient"`}, {"ValueSet", everybodys, `"url":"urn:vs","status":"draft"`},
		{"SearchParameter", everybodys, `"url":"urn:sp","name":"X","status":"draft","description":"x","code":"x","base":["Patient"],"type":"string","expression":"Patient.name.text"`},
		{"Binary", nobodys, `"contentType":"text/plain","data":"AAAA","securityContext":{"reference":"Patient/p1"}`}, {"Bundle", nobodys, `"type":"collection"`},
		{"Group", nobodys, `"type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p1"}}]`}, {"DeviceMetric", "p1", `"type":{"text":"x"},"category":"measurement","source":{"reference":"Device/d1"}`},
		{"Device", "p1", ref("patient", "Patient/p1")}, {"Device", "p2", ref("patient", "Patient/p2")}, {"Device", nobodys, `"status":"active"`},
		{"Task", "p1", `"status":"requested","intent":"order",` + ref("for", "Patient/p1")}, {"Task", "p2", `"status":"requested","intent":"order",` + ref("for", "Patient/p2")},
		{"Consent", "p1", `"status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"policyRule":{"text":"x"},` + ref("patient", "Patient/p1")}, {"Consent", "p2", `"status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"policyRule":{"text":"x"},` + ref("patient", "Patient/p2")},
		{"Communication", "p1 p2", `"status":"completed",` + ref("subject", "Patient/p1") + `,` + refs("recipient", "Patient/p2")}, {"Communication", "p1 p2", `"status":"completed",` + ref("subject", "Patient/p2") + `,` + ref("sender", "Patient/p1")},
		{"List", "p1", `"status":"current","mode":"working","entry":[{"item":{"reference":"Observation/o9"}}],` + ref("subject", "Patient/p1")}, {"Condition", "p2", `"code":{"text":"planted"},` + ref("subject", "Patient/p2")},
		{"Condition", "p1", `"code":{"text":"mine"},` + ref("subject", "Patient/p1")}, {"Provenance", "p1", `"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],` + refs("target", "Patient/p1")},
		{"Provenance", nobodys, `"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],` + refs("target", "Observation/o9")}, {"DocumentReference", "p2", `"status":"current","content":[{"attachment":{"url":"Binary/b2"}}],` + ref("subject", "Patient/p2")},
	}
}

func make1(interaction, method, path, letters string, c content, id string, headers ...string) change {
	typ, _, _ := strings.Cut(path, "?")
	typ, _, _ = strings.Cut(typ, "/")
	return change{request: request{interaction: interaction, method: method, path: path, body: c.json(id), headers: headers}, letters: letters, typ: typ, after: c.version(id)}
}

// changes are the writes, in an order that each caller goes through once.
func changes() (list []change) {
	for _, c := range contents() {
		list = append(list, make1("create", "POST", c.typ, "c", c, ""))
	}
	list = append(list, conditionalCreates()...)
	list = append(list, updates()...)
	list = append(list, conditionalUpdates()...)
	list = append(list, patches()...)
	list = append(list, stated()...)
	list = append(list, metas()...)
	return append(list, deletions()...)
}

func conditionalCreates() (list []change) {
	for _, criteria := range []string{"value-quantity=99", "_id=o9", "_id=o1", "_id=absent", "patient=p2", "patient=p1&code=29463-7", "subject:Patient.name=Baker", "value-quantity=1234"} {
		for _, c := range []content{ofP1(), ofP2()} {
			list = append(list, make1("conditional create", "POST", "Observation", "cs", c, "", "If-None-Exist", criteria))
		}
	}
	for _, criteria := range []string{"identifier=urn:mrn|2", "name=Baker", "identifier=urn:mrn|none"} {
		list = append(list, make1("conditional create", "POST", "Patient", "cs", content{"Patient", "new", `"active":true`}, "", "If-None-Exist", criteria))
	}
	return list
}

func updates() (list []change) {
	put := func(key string, c content, headers ...string) {
		_, id, _ := strings.Cut(key, "/")
		ch := make1("update", "PUT", key, "u", c, id, headers...)
		ch.target = key
		list = append(list, ch)
	}
	for _, id := range []string{"o1", "o2", "o9", "o10", "o17", "o18", "gone1", "gone2", "mine", "mine"} {
		for _, c := range []content{ofP1(), ofP2(), labP1(), observation("p1 p2", vital, ref("subject", "Patient/p1"), refs("performer", "Patient/p2"))} {
			put("Observation/"+id, c)
		}
		for _, headers := range [][]string{{"If-Match", `W/"1"`}, {"If-Match", `W/"99"`}, {"If-None-Match", "*"}} {
			put("Observation/"+id, ofP1(), headers...)
		}
	}
	for _, id := range []string{"absent", "other"} {
		put("Observation/"+id, ofP2())
		put("Observation/"+id, ofP1(), "If-Match", `W/"1"`)
	}
	put("Patient/p1", content{"Patient", "p1", `"active":true,"name":[{"family":"Archer"}]`})
	put("Patient/p2", content{"Patient", "p2", `"active":true,"name":[{"family":"Baker"}]`})
	put("Patient/p9", content{"Patient", "p9", `"active":true`})
	put("Patient/p5", content{"Patient", "p5", `"active":true`})
	put("Practitioner/dr", content{"Practitioner", everybodys, `"name":[{"family":"House"}]`})
	put("Condition/c1", content{"Condition", "p1", `"code":{"text":"asthma"},` + ref("subject", "Patient/p1")})
	put("Condition/c1", content{"Condition", "p2", `"code":{"text":"asthma"},` + ref("subject", "Patient/p2")})
	put("Condition/c2", content{"Condition", "p1", `"code":{"text":"asthma"},` + ref("subject", "Patient/p1")})
	put("Binary/b1", content{"Binary", nobodys, `"contentType":"text/plain","data":"AAAA"`})
	put("Provenance/pv3", content{"Provenance", "p1", `"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],` + refs("target", "Patient/p1")})
	put("SearchParameter/sp", content{"SearchParameter", everybodys, `"url":"urn:sp2","name":"X","status":"draft","description":"x","code":"x","base":["Patient"],"type":"string","expression":"Patient.name.text"`})
	put("StructureDefinition/sd", content{"StructureDefinition", everybodys, `"url":"urn:sd2","name":"X","status":"draft","kind":"resource","abstract":false,"type":"Patient"`})
	return list
}

// conditionalUpdates name with target what the condition finds where it is visible.
func conditionalUpdates() (list []change) {
	for _, row := range []struct{ criteria, target, id string }{
		{"_id=o9", "Observation/o9", ""}, {"_id=o8", "Observation/o8", "o8"}, {"value-quantity=55", "Observation/o10", ""}, {"_id=o1", "Observation/o1", ""}, {"_id=o3", "Observation/o3", "o3"},
		{"_id=o10", "Observation/o10", ""}, {"patient=p1", "", ""}, {"value-quantity=4321", "", ""}, {"derived-from:Observation.subject:Patient.name=Nobody", "", ""},
	} {
		for _, c := range []content{ofP1(), ofP2()} {
			ch := make1("conditional update", "PUT", "Observation?"+row.criteria, "us", c, row.id)
			ch.target, ch.silent = row.target, row.id == ""
			list = append(list, ch)
		}
	}
	return list
}

func patches() (list []change) {
	subject := func(id string) string {
		return fmt.Sprintf(`[{"op":"replace","path":"/subject","value":{"reference":"Patient/%s"}}]`, id)
	}
	add := func(interaction, path, target, body, letters string, after content, headers ...string) {
		_, id, _ := strings.Cut(target, "/")
		list = append(list, change{request: request{interaction: interaction, method: "PATCH", path: path, body: body, contentType: "application/json-patch+json", headers: headers},
			letters: letters, typ: "Observation", target: target, after: after.version(id), silent: true, last: true})
	}
	tests := []string{
		`[{"op":"test","path":"/status","value":"entered-in-error"}]`, `[{"op":"test","path":"/subject/reference","value":"Patient/p2"},{"op":"add","path":"/note","value":[{"text":"right"}]}]`,
		`[{"op":"test","path":"/valueQuantity/value","value":99}]`, `[{"op":"copy","from":"/subject","path":"/focus/0"}]`, `[{"op":"remove","path":"/nonsense"}]`,
	}
	note := `[{"op":"add","path":"/note","value":[{"text":"patched"}]}]`
	for _, id := range []string{"o3", "o8", "o9", "o10", "o17", "absent", "gone1", "gone2"} {
		key := "Observation/" + id
		same := map[string]content{"o3": ofP1(), "o8": ofP2(), "o9": ofP2(), "gone1": ofP1(), "gone2": ofP2(), "o10": observation("p1 p2", lab), "o17": observation(nobodys, vital), "absent": observation("p1 p2", vital)}[id]
		add("patch", key, key, note, "u", same)
		add("patch", key, key, note, "u", same, "If-Match", `W/"77"`)
		for _, text := range tests {
			add("patch as an oracle", key, key, text, "u", same)
		}
		add("patch as an oracle", "Observation?_id="+id, key, tests[1], "us", same)
		add("conditional patch", "Observation?_id="+id, key, note, "us", same)
	}
	add("patch", "Observation/o3", "Observation/o3", subject("p2"), "u", ofP2())
	add("patch", "Observation/o9", "Observation/o9", subject("p1"), "u", ofP1())
	add("patch", "Observation/o10", "Observation/o10", subject("p1"), "u", labP1())
	add("conditional patch", "Observation?patient=p2&value-quantity=99", "Observation/o9", subject("p1"), "us", ofP1())
	parameters := `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.status"},{"name":"value","valueCode":"amended"}]}]}`
	where := strings.ReplaceAll(parameters, `"valueString":"Observation.status"`, `"valueString":"Observation.where(value.value > 50).status"`)
	diff := `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Observation[f:subject/f:reference/@value='Patient/p2']/f:status/@value">amended</replace></diff>`
	for _, id := range []string{"o4", "o9", "absent", "gone2"} {
		key := "Observation/" + id
		c := map[string]content{"o4": ofP1(), "o9": ofP2(), "absent": ofP1(), "gone2": ofP2()}[id]
		for _, patch := range [][2]string{{"application/fhir+json", where}, {"application/xml-patch+xml", diff}} {
			ch := change{request: request{interaction: "patch as an oracle", method: "PATCH", path: key, body: patch[1], contentType: patch[0]}, letters: "u", typ: "Observation", target: key, after: c.version(id), silent: true, last: true}
			list = append(list, ch)
		}
	}
	for _, id := range []string{"o4", "o9", "absent"} {
		key := "Observation/" + id
		c := map[string]content{"o4": ofP1(), "o9": ofP2(), "absent": ofP1()}[id]
		ch := change{request: request{interaction: "patch", method: "PATCH", path: key, body: parameters}, letters: "u", typ: "Observation", target: key, after: c.version(id), silent: true, last: true}
		list = append(list, ch)
	}
	return list
}

// stated are writes with X-Provenance, and such as ask for what they made.
func stated() (list []change) {
	const provenance = `{"resourceType":"Provenance","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]}`
	about := func(target string) *version {
		return content{"Provenance", map[bool]string{true: "p1", false: nobodys}[target == "Patient/p1"], refs("target", target+"/_history/1")}.version("new")
	}
	add := func(ch change) {
		plain := ch
		for _, prefer := range []string{"return=minimal", "return=OperationOutcome", "return=representation"} {
			preferring := ch
			preferring.interaction, preferring.headers = "Prefer: return", append([]string{"Prefer", prefer}, plain.headers...)
			list = append(list, preferring)
		}
		if teststore.FerretDB() {
			return // which has no transactions
		}
		if ch.interaction, ch.also = "X-Provenance", about(ch.typ+"/new"); ch.target != "" {
			ch.also = about(ch.target)
		}
		ch.headers = append([]string{"X-Provenance", provenance}, ch.headers...)
		list = append(list, ch)
	}
	patient := content{"Patient", "p1", `"active":true,"name":[{"family":"Archer"}],"gender":"other"`}
	for _, c := range []content{ofP1(), ofP2(), labP1(), observation("p1 p2", vital, ref("subject", "Patient/p1"), refs("performer", "Patient/p2"))} {
		add(make1("", "POST", "Observation", "c", c, ""))
		add(make1("", "POST", "Observation", "cs", c, "", "If-None-Exist", "_id=nowhere"))
		list = append(list, make1("Prefer: return", "POST", "Observation", "cs", c, "", "If-None-Exist", "_id=o9", "Prefer", "return=representation"))
		for _, id := range []string{"o9", "o4", "gone2", "stated"} {
			ch := make1("", "PUT", "Observation/"+id, "u", c, id)
			ch.target = "Observation/" + id
			add(ch)
		}
	}
	for _, id := range []string{"p1", "p2", "absent"} {
		ch := make1("", "PUT", "Patient/"+id, "u", content{"Patient", map[string]string{"absent": "new"}[id] + strings.TrimPrefix(id, "absent"), patient.body}, id)
		ch.target = "Patient/" + id
		add(ch)
	}
	for _, id := range []string{"o9", "o4", "nowhere"} {
		key := "Observation/" + id
		c := map[string]content{"o4": ofP1(), "o9": ofP2(), "nowhere": ofP1()}[id]
		add(change{request: request{method: "PATCH", path: key, body: `[{"op":"add","path":"/note","value":[{"text":"stated"}]}]`, contentType: "application/json-patch+json"}, letters: "u", typ: "Observation", target: key, after: c.version(id), silent: true, last: true})
	}
	return list
}

func metas() (list []change) {
	for _, row := range []struct {
		id string
		c  content
	}{{"o4", ofP1()}, {"o9", ofP2()}, {"o10", observation("p1 p2", lab)}, {"absent", ofP1()}, {"gone1", ofP1()}} {
		for _, code := range []string{"meta-add", "meta-delete"} {
			key := "Observation/" + row.id
			list = append(list, change{request: request{interaction: "$" + code, method: "POST", path: key + "/$" + code, body: `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"x"}]}}]}`},
				letters: "u", typ: "Observation", target: key, after: row.c.version(row.id), silent: true, last: true})
		}
	}
	for _, id := range []string{"doc1", "doc2", "across", "absent"} {
		list = append(list, change{request: request{interaction: "$document", method: "POST", path: "Composition/" + id + "/$document", body: `{"resourceType":"Parameters","parameter":[{"name":"persist","valueBoolean":true}]}`},
			letters: "r", typ: "Composition", target: "Composition/" + id, silent: true})
	}
	return list
}

func deletions() (list []change) {
	add := func(interaction, path, target, letters string, headers ...string) {
		typ, _, _ := strings.Cut(path, "/")
		typ, _, _ = strings.Cut(typ, "?")
		list = append(list, change{request: request{interaction: interaction, method: "DELETE", path: path, headers: headers}, letters: letters, typ: typ, target: target, silent: true})
	}
	for _, key := range []string{"Observation/o3", "Observation/o9", "Observation/o10", "Observation/o17", "Observation/absent", "Observation/gone1", "Observation/gone2", "Patient/p2", "Practitioner/dr", "Condition/c2", "Device/d2", "Binary/b1", "Group/both", "AuditEvent/ae1", "Provenance/pv3", "DeviceMetric/dm1"} {
		add("delete", key, key, "d", "If-Match", `W/"99"`)
		add("delete", key, key, "d", "Prefer", "return=OperationOutcome")
		add("delete", key, key, "d")
	}
	for _, row := range [][2]string{{"_id=o9", "Observation/o9"}, {"_id=o10", "Observation/o10"}, {"value-quantity=99", "Observation/o9"}, {"_id=absent", ""}, {"_id=ecg1,ecg2", "Observation/ecg1"}, {"patient=p2&code=29463-7", "Observation/o10"}} {
		add("conditional delete", "Observation?"+row[0], row[1], "ds")
	}
	return list
}

// entry makes a Bundle of one write; false when it cannot be one.
func (ch *change) entry(kind string) (string, bool) {
	members := fmt.Sprintf(`"method":%q,"url":%q`, ch.method, ch.path)
	for i := 0; i+1 < len(ch.headers); i += 2 {
		name := map[string]string{"If-Match": "ifMatch", "If-None-Match": "ifNoneMatch", "If-None-Exist": "ifNoneExist"}[ch.headers[i]]
		if name == "" {
			return "", false
		}
		members += fmt.Sprintf(`,%q:%q`, name, ch.headers[i+1])
	}
	resource := ""
	switch {
	case strings.Contains(ch.path, "$"):
		if kind == "transaction" {
			return "", false
		}
		resource = `"resource":` + ch.body + ","
	case strings.Contains(ch.contentType, "-patch+"):
		resource = fmt.Sprintf(`"resource":{"resourceType":"Binary","contentType":%q,"data":%q},`, ch.contentType, base64.StdEncoding.EncodeToString([]byte(ch.body)))
	case ch.body != "":
		resource = `"resource":` + ch.body + ","
	}
	return fmt.Sprintf(`{"resourceType":"Bundle","type":%q,"entry":[{%s"request":{%s}}]}`, kind, resource, members), true
}
