package server

import (
	"fmt"
	"strings"
	"testing"
)

// requestEntry makes a Bundle entry. Resource and further elements of the request may be empty.
func requestEntry(fullURL, resource, method, url string, conditions ...string) string {
	text := `{`
	if fullURL != "" {
		text += `"fullUrl":"` + fullURL + `",`
	}
	if resource != "" {
		text += `"resource":` + resource + `,`
	}
	text += `"request":{"method":"` + method + `","url":"` + url + `"`
	for i := 0; i+1 < len(conditions); i += 2 {
		text += `,"` + conditions[i] + `":"` + conditions[i+1] + `"`
	}
	return text + `}}`
}

func bundleOf(kind string, entries ...string) string {
	return `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + strings.Join(entries, ",") + `]}`
}

func TestTransactionOrderAndAnswer(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	f.run(t, []step{
		{name: "to be deleted", method: "PUT", path: "/Patient/old", body: `{"resourceType":"Patient","id":"old"}`, status: 201, answer: "*"},
		{name: "to be updated", method: "PUT", path: "/Patient/up", body: `{"resourceType":"Patient","id":"up"}`, status: 201, answer: "*"},
		{
			name: "transaction", method: "POST", path: "", status: 200, want: []string{fhirJSON},
			body: bundleOf("transaction",
				requestEntry("", "", "GET", "Patient/up"),
				requestEntry("", "", "GET", "Patient/old"),
				requestEntry("", `{"resourceType":"Patient","id":"up","active":true}`, "PUT", "Patient/up", "ifMatch", `W/\"1\"`),
				requestEntry("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", `{"resourceType":"Patient"}`, "POST", "Patient"),
				requestEntry("", "", "DELETE", "/Patient/old"),
				requestEntry("", "", "HEAD", "BASE/Patient/up"),
				requestEntry("", "", "GET", "Patient/up", "ifNoneMatch", `W/\"2\"`)),
			answer: `{"resourceType":"Bundle","id":"id-2","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"transaction-response","entry":[` +
				`{"resource":{"resourceType":"Patient","meta":{"versionId":"2","lastUpdated":"2026-01-02T03:04:07.000Z"},"id":"up","active":true},"response":{"status":"200 OK","etag":"W/\"2\"","lastModified":"2026-01-02T03:04:07.000Z"}},` +
				`{"response":{"status":"410 Gone","outcome":` + outcome("deleted", "Patient/old: has been deleted") + `}},` +
				`{"fullUrl":"BASE/Patient/up","response":{"status":"200 OK","location":"BASE/Patient/up/_history/2","etag":"W/\"2\"","lastModified":"2026-01-02T03:04:07.000Z"}},` +
				`{"fullUrl":"BASE/Patient/id-1","response":{"status":"201 Created","location":"BASE/Patient/id-1/_history/1","etag":"W/\"1\"","lastModified":"2026-01-02T03:04:07.000Z"}},` +
				`{"response":{"status":"204 No Content","etag":"W/\"2\"","lastModified":"2026-01-02T03:04:07.000Z"}},` +
				`{"response":{"status":"200 OK","etag":"W/\"2\"","lastModified":"2026-01-02T03:04:07.000Z"}},` +
				`{"response":{"status":"304 Not Modified","etag":"W/\"2\"","lastModified":"2026-01-02T03:04:07.000Z"}}]}`,
		},
		{name: "representations when they are asked for", method: "POST", path: "", headers: []string{"Prefer", "return=representation"}, status: 200,
			body:   bundleOf("transaction", requestEntry("", `{"resourceType":"Patient"}`, "POST", "Patient")),
			answer: `..."entry":[{"fullUrl":"BASE/Patient/id-3","resource":{"resourceType":"Patient","id":"id-3","meta":{"versionId":"1",`},
		{name: "outcomes when they are asked for", method: "POST", path: "", headers: []string{"Prefer", "return=OperationOutcome"}, status: 200,
			body:   bundleOf("transaction", requestEntry("", `{"resourceType":"Patient"}`, "POST", "Patient")),
			answer: `..."outcome":{"resourceType":"OperationOutcome"`},
		{name: "empty", method: "POST", path: "", status: 200, body: `{"resourceType":"Bundle","type":"transaction"}`,
			answer: `{"resourceType":"Bundle","id":"id-7","meta":{"lastUpdated":"2026-06-01T00:00:00.000Z"},"type":"transaction-response"}`},
		{name: "a final slash", method: "POST", path: "/", status: 200, body: `{"resourceType":"Bundle","type":"transaction"}`, answer: "*"},
	})
}

// TestTransactionKeeps stores references that look like those to entries and are not.
func TestTransactionKeeps(t *testing.T) {
	f := newFixture(t)
	for _, resource := range []string{
		`{"resourceType":"Bundle","id":"x","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Observation","subject":{"reference":"urn:uuid:2"}}},{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient"}}]}`,
		`{"resourceType":"Observation","id":"x","subject":{"reference":"urn:oid:1.2.3"},"identifier":[{"system":"urn:uuid:2","value":"urn:uuid:3"}],"instantiatesUri":["urn:uuid:4"]}`,
	} {
		typ, _, _ := strings.Cut(strings.TrimPrefix(resource, `{"resourceType":"`), `"`)
		f.run(t, []step{
			{name: typ, method: "POST", path: "", body: bundleOf("transaction", requestEntry("", resource, "PUT", typ+"/x")), status: 200, answer: "*"},
			{name: typ + " read", method: "GET", path: "/" + typ + "/x", status: 200, answer: "..." + resource[strings.Index(resource, `"id":"x",`)+len(`"id":"x",`):]},
		})
	}
}

// TestTransactionRefused shows that an entry that fails takes everything with it, and is named.
func TestTransactionRefused(t *testing.T) {
	good := requestEntry("", `{"resourceType":"Patient","id":"good"}`, "PUT", "Patient/good")
	at1 := "Bundle.entry[1]"
	tests := []struct {
		name   string
		body   string
		status int
		answer string
	}{
		{"stale If-Match", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient","id":"p"}`, "PUT", "Patient/p", "ifMatch", `W/\"9\"`)), 412,
			outcome("conflict", "Patient/p: the current version is not the one that If-Match or If-None-Match asks for", at1)},
		{"create-only update of what exists", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient","id":"p"}`, "PUT", "Patient/p", "ifNoneMatch", "*")), 412,
			outcome("conflict", "Patient/p: the current version is not the one that If-Match or If-None-Match asks for", at1)},
		{"one resource twice", bundleOf("transaction", good, good), 400, outcome("duplicate", "Patient/good is also written by entry 0", at1)},
		{"update and delete of one resource", bundleOf("transaction", good, requestEntry("", "", "DELETE", "Patient/good")), 400, outcome("duplicate", "Patient/good is also written by entry 1", "Bundle.entry[0]")},
		{"one fullUrl twice", bundleOf("transaction", requestEntry("urn:uuid:1", `{"resourceType":"Patient"}`, "POST", "Patient"), requestEntry("urn:uuid:1", `{"resourceType":"Patient"}`, "POST", "Patient")), 400,
			outcome("duplicate", `the fullUrl \"urn:uuid:1\" is that of an earlier entry`, at1)},
		{"other type than the URL", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Group"}`, "POST", "Patient")), 400,
			outcome("invalid", "the resource is a Group, but the URL says Patient", "Bundle.entry[1].resource")},
		{"no id", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "PUT", "Patient/p")), 400,
			outcome("required", "the resource must have the id of the URL, p", "Bundle.entry[1].resource.id")},
		{"no resource", bundleOf("transaction", good, requestEntry("", "", "POST", "Patient")), 400, outcome("required", "the entry needs a resource", "Bundle.entry[1].resource")},
		{"no request", bundleOf("transaction", good, `{"resource":{"resourceType":"Patient"}}`), 400, outcome("required", "every entry of a batch or transaction needs a request", "Bundle.entry[1].request")},
		{"no url", bundleOf("transaction", good, `{"request":{"method":"GET"}}`), 400, outcome("required", "the request of an entry needs a method and a url", "Bundle.entry[1].request")},
		{"meta is no object", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient","meta":1}`, "POST", "Patient")), 400, outcome("structure", "meta must be an object", "Bundle.entry[1].resource.meta")},
		{"unknown type", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Pazient"}`, "POST", "Pazient")), 400, `...\"Pazient\" is not a resource type of FHIR R4`},
		{"unknown operation", bundleOf("transaction", good, requestEntry("", "", "GET", "Patient/p/$unheard")), 400, `...is not known to this server`},
		{"patch of what is not there", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Parameters"}`, "PATCH", "Patient/none")), 400, outcome("not-found", "Patient/none: not found", at1)},
		{"conditional update without condition", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "PUT", "Patient")), 400,
			outcome("required", "a conditional update needs search parameters that say which Patient is meant", at1)},
		{"conditional update with several matches", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "PUT", "Patient?active=true")), 412,
			outcome("multiple-matches", "more than one resource matches the condition", at1)},
		{"conditional update of a resource with another id", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient","id":"other"}`, "PUT", "Patient?_id=p")), 400,
			outcome("value", `the id of the resource is \"other\", but the condition finds Patient/p`, "Bundle.entry[1].resource.id")},
		{"conditional update with a stale ifMatch", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "PUT", "Patient?_id=p", "ifMatch", `W/\"9\"`)), 412, "*"},
		{"conditional delete with several matches", bundleOf("transaction", good, requestEntry("", "", "DELETE", "Patient?active=true")), 412,
			outcome("multiple-matches", "more than one resource matches the condition", at1)},
		{"conditional delete without condition", bundleOf("transaction", good, requestEntry("", "", "DELETE", "Patient")), 400, "*"},
		{"conditional update and update of one resource", bundleOf("transaction", requestEntry("", `{"resourceType":"Patient","id":"p"}`, "PUT", "Patient/p"), requestEntry("", `{"resourceType":"Patient"}`, "PUT", "Patient?_id=p")), 400,
			outcome("duplicate", "Patient/p is also written by entry 0", at1)},
		{"a condition that matches what another entry creates", bundleOf("transaction", requestEntry("", `{"resourceType":"Patient","gender":"other"}`, "POST", "Patient"), requestEntry("", `{"resourceType":"Patient","id":"good","gender":"other"}`, "PUT", "Patient?gender=other")), 400,
			outcome("duplicate", "the condition matches what entry 0 writes", at1)},
		{"elsewhere", bundleOf("transaction", good, requestEntry("", "", "GET", "http://example.org/fhir/Patient/p")), 400, `...is not an address of this server`},
		{"malformed search", bundleOf("transaction", good, requestEntry("", "", "GET", "Patient?birthdate=x")), 400, `..."expression":["Bundle.entry[1]"]`},
		{"malformed history", bundleOf("transaction", good, requestEntry("", "", "GET", "Patient/p/_history?_count=x")), 400, `..."expression":["Bundle.entry[1]"]`},
		{"a Bundle in a Bundle", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Bundle","type":"batch"}`, "POST", "/")), 400, outcome("not-supported", "a Bundle cannot be an entry of a batch or transaction", "Bundle.entry[1].request.url")},
		{"ambiguous conditional create", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "POST", "Patient", "ifNoneExist", "active=true")), 412,
			outcome("multiple-matches", "more than one resource matches the condition", at1)},
		{"the same condition twice", bundleOf("transaction", requestEntry("", `{"resourceType":"Patient"}`, "POST", "Patient", "ifNoneExist", "identifier=x"), requestEntry("", `{"resourceType":"Patient"}`, "POST", "Patient", "ifNoneExist", "identifier=x")), 400,
			outcome("duplicate", "entry 0 has the same condition", at1)},
		{"conditional reference without a match", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Observation","subject":{"reference":"Patient?identifier=none"}}`, "POST", "Observation")), 412,
			outcome("not-found", `no resource matches the reference \"Patient?identifier=none\"`, "Bundle.entry[1].resource.subject.reference")},
		{"conditional reference with several", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Observation","subject":{"reference":"Patient?active=true"}}`, "POST", "Observation")), 412,
			outcome("multiple-matches", `more than one resource matches the reference \"Patient?active=true\"`, "Bundle.entry[1].resource.subject.reference")},
		{"conditional reference that is misspelt", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Observation","note":[{"text":"x"}],"focus":[{"display":"x"},{"reference":"Patient?idntifier=x"}]}`, "POST", "Observation")), 400,
			outcome("not-supported", "idntifier: Patient has no search parameter idntifier; did you mean identifier?", "Bundle.entry[1].resource.focus[1].reference")},
		{"an unknown type", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "POST", "Pateint")), 400, `..."expression":["Bundle.entry[1].request.url"]`},
		{"an unknown method", bundleOf("transaction", good, requestEntry("", `{"resourceType":"Patient"}`, "post", "Patient")), 400, `..."expression":["Bundle.entry[1].request.method"]`},
		{"an unknown operation", bundleOf("transaction", good, requestEntry("", "", "GET", "Patient/$evrything")), 400, `..."expression":["Bundle.entry[1].request.url"]`},
		{"not a Bundle", `{"resourceType":"Patient"}`, 400, outcome("invalid", "only a Bundle can be posted to the base of the service; create a Patient at BASE/Patient", "Patient")},
		{"no type", `{"resourceType":"Bundle"}`, 400, outcome("required", "the Bundle has no type; it must be batch or transaction", "Bundle.type")},
		{"another type", `{"resourceType":"Bundle","type":"collection"}`, 400, outcome("value", `the type of the Bundle must be batch or transaction, not \"collection\"`, "Bundle.type")},
		{"entries are no array", `{"resourceType":"Bundle","type":"transaction","entry":{}}`, 400, outcome("structure", "entry must be an array", "Bundle.entry")},
		{"a reference to no entry", bundleOf("transaction", good, requestEntry("urn:uuid:1", `{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"},"performer":[{"reference":"Patient/good"},{"reference":"urn:uuid:2#x"}]}`, "POST", "Observation")), 400,
			outcome("not-found", `no entry that writes a resource has the fullUrl \"urn:uuid:2#x\"`, "Bundle.entry[1].resource.performer[1].reference")},
		{"a reference to an entry that is deleted", bundleOf("transaction", requestEntry("urn:uuid:1", "", "DELETE", "Patient/gone"), requestEntry("", `{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"}}`, "POST", "Observation")), 400,
			outcome("not-found", `no entry that writes a resource has the fullUrl \"urn:uuid:1\"`, "Bundle.entry[1].resource.subject.reference")},
		{"too many entries", bundleOf("transaction", strings.TrimSuffix(strings.Repeat(good+",", 11), ",")), 413, outcome("too-costly", "the Bundle has more than 10 entries; send it in parts", "Bundle.entry")},
	}
	f := newFixture(t, func(c *Config) { c.Limits.BundleEntries = 10 })
	for _, id := range []string{"p", "q"} {
		if got := f.do("PUT", "/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`); got.status != 201 {
			t.Fatal(got)
		}
	}
	for _, tt := range tests {
		f.run(t, []step{
			{name: tt.name, method: "POST", path: "", body: tt.body, status: tt.status, answer: tt.answer, want: []string{"Allow:"}},
			{name: tt.name + ": nothing was done", method: "GET", path: "/Patient/good", status: 404, answer: "*"},
		})
	}
}

func TestTransactionRewritesReferences(t *testing.T) {
	f := newFixture(t)
	const uuid, oid = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "urn:oid:1.2.3.4"
	observation := func(patient, device, url, relative, conditional string) string {
		return `{"resourceType":"Observation",%s` +
			`"meta":{%s"source":"` + patient + `"},` +
			`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"` + patient + `\">x<\/a><img src='` + device + `'/> ` + uuid + `</div>"},` +
			`"contained":[{"resourceType":"Provenance","id":"c","target":[{"reference":"` + patient + `"}]}],` +
			`"extension":[{"url":"http://example.org/x","valueUri":"` + patient + `"},{"url":"http://example.org/y","valueString":"` + uuid + `"}],` +
			`"identifier":[{"system":"` + patient + `","value":"` + uuid + `"}],` +
			`"subject":{"reference":"` + patient + `"},` +
			`"device" : {"reference": "` + device + `", "display":"` + uuid + `"},` +
			`"focus":[{"reference":"` + patient + `#part"},{"reference":"` + url + `"},{"reference":"` + relative + `"},{"reference":"urn:oid:1.2.840"},{"reference":"#c"}],` +
			`"performer":[{"reference":"` + conditional + `"}],` +
			`"unknownElement":{"reference":"` + patient + `","uri":"` + uuid + `"},` +
			`"valueQuantity":{"value":1.50}}`
	}
	sent := fmt.Sprintf(observation(uuid, oid, "http://other.example/fhir/Group/7", "Group/7", "Practitioner?identifier=np|1"), "", "")
	got := f.do("POST", "/Practitioner", `{"resourceType":"Practitioner","identifier":[{"system":"np","value":"1"}]}`)
	if got.status != 201 {
		t.Fatal(got)
	}
	f.run(t, []step{
		{
			name: "transaction", method: "POST", path: "", status: 200, answer: "*",
			body: bundleOf("transaction",
				requestEntry("http://other.example/fhir/Observation/1", sent, "POST", "Observation"),
				requestEntry(uuid, `{"resourceType":"Patient"}`, "POST", "Patient"),
				requestEntry(oid, `{"resourceType":"Device","id":"dev"}`, "PUT", "Device/dev"),
				requestEntry("http://other.example/fhir/Group/7", `{"resourceType":"Group"}`, "POST", "Group")),
		},
		{
			name: "every place that can refer does, every other byte is as sent", method: "GET", path: "/Observation/id-2", status: 200,
			answer: fmt.Sprintf(observation("Patient/id-3", "Device/dev", "Group/id-4", "Group/id-4", "Practitioner/id-1"), `"id":"id-2",`, `"versionId":"1","lastUpdated":"2026-01-02T03:04:06.000Z",`),
		},
	})
}

// What a transaction stores can be sent again: an element of type oid or uuid cannot say Patient/1.
func TestTransactionKeepsIdentifierTypes(t *testing.T) {
	const uuid, oid = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "urn:oid:1.2.3.4"
	basic := func(reference string) string {
		return `{"resourceType":"Basic",%s"extension":[{"url":"urn:a","valueUuid":"` + uuid + `"},{"url":"urn:b","valueOid":"` + oid + `"},{"url":"urn:c","valueUri":"` + reference + `"}],"code":{"text":"x"}}`
	}
	f := newFixture(t, func(c *Config) { c.Validation = ValidateWrites })
	f.run(t, []step{
		{
			name: "transaction", method: "POST", path: "", status: 200, answer: "*",
			body: bundleOf("transaction", requestEntry("urn:x", fmt.Sprintf(basic(uuid), ""), "POST", "Basic"), requestEntry(uuid, `{"resourceType":"Patient"}`, "POST", "Patient"), requestEntry(oid, `{"resourceType":"Patient"}`, "POST", "Patient")),
		},
		{name: "kept", method: "GET", path: "/Basic/id-1", status: 200, answer: fmt.Sprintf(basic("Patient/id-2"), `"id":"id-1","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},`)},
	})
}

func TestTransactionConditionalCreate(t *testing.T) {
	f := newFixture(t)
	patient := `{"resourceType":"Patient","identifier":[{"system":"mrn","value":"1"}]}`
	body := bundleOf("transaction",
		requestEntry("urn:uuid:a", patient, "POST", "Patient", "ifNoneExist", "identifier=mrn|1"),
		requestEntry("urn:uuid:b", `{"resourceType":"Observation","subject":{"reference":"urn:uuid:a"}}`, "POST", "Observation"),
		requestEntry("urn:uuid:c", `{"resourceType":"Observation","subject":{"reference":"Patient?identifier=mrn|1"}}`, "POST", "Observation"))
	f.run(t, []step{
		{name: "creates", method: "POST", path: "", body: body, status: 200, answer: `..."status":"201 Created","location":"BASE/Patient/id-1/_history/1"`},
		{name: "the reference leads to what was created", method: "GET", path: "/Observation/id-2", status: 200, answer: `..."subject":{"reference":"Patient/id-1"}`},
		{name: "a conditional reference sees what was created", method: "GET", path: "/Observation/id-3", status: 200, answer: `..."subject":{"reference":"Patient/id-1"}`},
		{name: "finds", method: "POST", path: "", body: body, status: 200, answer: `..."status":"200 OK","location":"BASE/Patient/id-1/_history/1"`},
		{name: "there is one patient", method: "GET", path: "/Patient?_summary=count", status: 200, answer: `..."total":1`},
	})
}

func TestBatch(t *testing.T) {
	f := newFixture(t)
	body := bundleOf("batch",
		requestEntry("", "", "GET", "Patient/b"),
		requestEntry("urn:uuid:a", `{"resourceType":"Patient"}`, "POST", "Patient"),
		requestEntry("", `{"resourceType":"Patient","id":"b"}`, "PUT", "Patient/b"),
		requestEntry("", `{"resourceType":"Patient"}`, "PUT", "Patient/c"),
		requestEntry("", `{"resourceType":"Observation","subject":{"reference":"urn:uuid:a"}}`, "POST", "Observation"),
		requestEntry("", "", "GET", "Patient?colour=blue&_count=5"),
		requestEntry("", "", "PATCH", "Patient/b/_history/1"),
		requestEntry("", "", "DELETE", "Patient/zzz"),
		requestEntry("", "", "POST", "Patient/_search?_id=b"),
		requestEntry("", "", "GET", "metadata"),
		`{}`)
	got := f.do("POST", "", body)
	if got.status != 200 {
		t.Fatal(got.status, got.body)
	}
	b := parseBundle(t, got.body)
	if b.Type != "batch-response" {
		t.Errorf("type %s", b.Type)
	}
	diff(t, []string{"200 OK", "201 Created", "201 Created", "400 Bad Request", "400 Bad Request", "200 OK", "405 Method Not Allowed", "204 No Content", "200 OK", "200 OK", "400 Bad Request"}, b.statuses())
	diff(t, outcome("required", "the resource must have the id of the URL, c", "Patient.id"), string(b.Entry[3].Response.Outcome))
	diff(t, outcome("invalid", "the resource refers to urn:uuid:a, another entry; entries of a batch are independent, use a transaction", "Bundle.entry[4]"), string(b.Entry[4].Response.Outcome))
	for i, typ := range map[int]string{0: "Patient", 5: "Bundle", 8: "Bundle", 9: "CapabilityStatement"} {
		diff(t, typ, b.Entry[i].Resource.ResourceType)
	}
}

// TestBatchOrder shows that updates of one resource happen in the order of the Bundle.
func TestBatchOrder(t *testing.T) {
	f := newFixture(t)
	var entries []string
	for i := range 40 {
		entries = append(entries, requestEntry("", fmt.Sprintf(`{"resourceType":"Basic","id":"b","language":"l%d"}`, i), "PUT", "Basic/b"))
	}
	if got := f.do("POST", "", bundleOf("batch", entries...)); got.status != 200 {
		t.Fatal(got.body)
	}
	f.run(t, []step{{name: "the last one wins", method: "GET", path: "/Basic/b", status: 200, answer: `..."language":"l39"`}})
}
