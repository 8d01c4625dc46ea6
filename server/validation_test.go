package server

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/firth-health/firth/adapters/catalog"
)

func validating(c *Config) { c.Validation = ValidateWrites }

func TestValidation(t *testing.T) {
	f := newFixture(t, validating)
	const good = `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}`
	jsonPatch := []string{"Content-Type", "application/json-patch+json"}
	sendXML := []string{"Content-Type", "application/fhir+xml"}
	bundleXML := func(kind string) string {
		const good, bad = `<resource><Observation><status value="final"/><code><text value="x"/></code></Observation></resource>`, "<resource><Observation>\n<status value=\"done\"/><code><text value=\"x\"/></code></Observation></resource>"
		const request = `<request><method value="POST"/><url value="Observation"/></request>`
		return `<Bundle xmlns="http://hl7.org/fhir"><type value="` + kind + "\"/>\n<entry>" + good + request + "</entry>\n<entry>" + bad + request + `</entry></Bundle>`
	}
	observation := func(member string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"x"},` + member + `}`
	}
	f.run(t, []step{
		{name: "valid", method: "PUT", path: "/Observation/o", body: good, status: 201, answer: `..."valueQuantity":{"value":1.50}}`},
		{name: "unknown element", method: "POST", path: "/Observation", body: observation(`"colour":"blue"`), status: 400,
			answer: `..."code":"structure","diagnostics":"`},
		{name: "it is named", method: "POST", path: "/Observation", body: observation(`"colour":"blue"`), status: 400, answer: `...colour`},
		{name: "with its position", method: "POST", path: "/Observation", body: observation("\n\"colour\":\"blue\""), status: 400, answer: `...(line 2, column `},
		{name: "missing element", method: "POST", path: "/Observation", body: `{"resourceType":"Observation","code":{"text":"x"}}`, status: 400, answer: `..."expression":["Observation.status"]`},
		{name: "not an array", method: "POST", path: "/Observation", body: observation(`"category":{"text":"x"}`), status: 400, answer: `..."expression":["Observation.category"]`},
		{name: "two types of a choice", method: "POST", path: "/Observation", body: observation(`"valueString":"a","valueInteger":1`), status: 400, answer: `..."code":"structure"`},
		{name: "a date that does not exist", method: "POST", path: "/Observation", body: observation(`"effectiveDateTime":"2026-02-30"`), status: 400, answer: `..."code":"value"`},
		{name: "a code that is none", method: "POST", path: "/Observation", body: `{"resourceType":"Observation","status":"done","code":{"text":"x"}}`, status: 400, answer: `..."code":"code-invalid"`},
		{name: "a target of another type", method: "POST", path: "/Observation", body: observation(`"subject":{"reference":"Observation/1"}`), status: 400, answer: `..."expression":["Observation.subject.reference"]`},
		{name: "script in the narrative", method: "POST", path: "/Observation", status: 422, answer: `...element \"script\" is not allowed in a narrative`,
			body: observation(`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>alert(1)</script></div>"}`)},
		{name: "only an invariant", method: "POST", path: "/Observation", body: observation(`"extension":[{"url":"http://example.org/x"}]`), status: 422, answer: `..."code":"invariant"`},
		{name: "several mistakes", method: "POST", path: "/Observation", body: `{"resourceType":"Observation","colour":1}`, status: 400, answer: `..."expression":["Observation.code"]`},
		{name: "update", method: "PUT", path: "/Observation/o", body: `{"resourceType":"Observation","id":"o"}`, status: 400, answer: "*"},
		{name: "conditional update", method: "PUT", path: "/Observation?_id=o", body: `{"resourceType":"Observation"}`, status: 400, answer: "*"},
		{name: "conditional create", method: "POST", path: "/Observation", headers: []string{"If-None-Exist", "_id=none"}, body: `{"resourceType":"Observation"}`, status: 400, answer: "*"},
		{name: "XML", method: "POST", path: "/Observation", headers: sendXML, body: `<Observation xmlns="http://hl7.org/fhir"><status value="final"/></Observation>`, status: 400,
			answer: `... (line 1, column 1)"/><expression value="Observation.code"/>`},
		{name: "XML with positions", method: "PUT", path: "/Observation/o", headers: sendXML, status: 400, answer: `... (line 3, column 2)"/><expression value="Observation.status"/>`,
			body: "<Observation xmlns=\"http://hl7.org/fhir\">\n <id value=\"o\"/>\n <status value=\"done\"/><code><text value=\"x\"/></code></Observation>"},
		{name: "positions in a transaction in XML", method: "POST", path: "", headers: sendXML, status: 400, answer: `... (line 4, column 1)"/><expression value="Bundle.entry[1].resource.status"/>`,
			body: bundleXML("transaction")},
		{name: "positions in a batch in XML", method: "POST", path: "", headers: sendXML, status: 200, answer: `... (line 4, column 1)"/><expression value="Observation.status"/>`,
			body: bundleXML("batch")},
		{name: "$validate in XML", method: "POST", path: "/Observation/$validate", headers: sendXML, status: 200, answer: `... (line 2, column 1)"/><expression value="Observation.status"/>`,
			body: "<Observation xmlns=\"http://hl7.org/fhir\">\n<status value=\"done\"/><code><text value=\"x\"/></code></Observation>"},
		{name: "$validate in Parameters in XML", method: "POST", path: "/Observation/$validate", headers: sendXML, status: 200, answer: `... (line 4, column 1)"/><expression value="Observation.status"/>`,
			body: "<Parameters xmlns=\"http://hl7.org/fhir\">\n<parameter><name value=\"mode\"/><valueCode value=\"create\"/></parameter>\n<parameter><name value=\"resource\"/><resource><Observation>\n<status value=\"done\"/><code><text value=\"x\"/></code></Observation></resource></parameter></Parameters>"},
		{name: "$validate in JSON", method: "POST", path: "/Observation/$validate", status: 200, answer: `... (line 2, column 10)","expression":["Observation.status"]`,
			body: "{\"resourceType\":\"Observation\",\n\"status\":\"done\",\"code\":{\"text\":\"x\"}}"},
		{name: "patch", method: "PATCH", path: "/Observation/o", headers: jsonPatch, body: `[{"op":"remove","path":"/status"}]`, status: 400, answer: `..."expression":["Observation.status"]`},
		{name: "patch to a value that is none", method: "PATCH", path: "/Observation/o", headers: jsonPatch, body: `[{"op":"replace","path":"/status","value":"done"}]`, status: 400, answer: "*"},
		{name: "patch that stays valid", method: "PATCH", path: "/Observation/o", headers: jsonPatch, body: `[{"op":"replace","path":"/status","value":"amended"}]`, status: 200, answer: `..."valueQuantity":{"value":1.50}}`},
		{name: "transaction", method: "POST", path: "", status: 400, answer: `..."expression":["Bundle.entry[1].resource.status"]`,
			body: bundleOf("transaction", requestEntry("", good, "PUT", "Observation/o"), requestEntry("", `{"resourceType":"Observation","code":{"text":"x"}}`, "POST", "Observation"))},
		{name: "conditional references are resolved first", method: "POST", path: "", status: 200, answer: "*",
			body: bundleOf("transaction", requestEntry("", mrn("1", ""), "POST", "Patient"), requestEntry("", observation(`"subject":{"reference":"Patient?identifier=mrn|1"}`), "POST", "Observation"))},
		{name: "conditional references are for transactions", method: "POST", path: "/Observation", body: observation(`"subject":{"reference":"Patient?identifier=mrn|1"}`), status: 400,
			answer: outcome("not-supported", `\"Patient?identifier=mrn|1\" is a conditional reference, which only a transaction resolves; send the resource in one, or say which Patient is meant`, "Observation.subject.reference")},
		{name: "conditional references in a batch", method: "POST", path: "", status: 200, answer: `...which only a transaction resolves`,
			body: bundleOf("batch", requestEntry("", observation(`"subject":{"reference":"Patient?identifier=mrn|1"}`), "POST", "Observation"))},
		{name: "batch", method: "POST", path: "", status: 200, answer: `..."status":"400 Bad Request","outcome":`,
			body: bundleOf("batch", requestEntry("", `{"resourceType":"Observation","code":{"text":"x"}}`, "POST", "Observation"))},
		{name: "nothing of this was stored", method: "GET", path: "/Observation?_summary=count", status: 200, answer: `..."total":3`},
	})
}

// TestStoreAnything shows that without validation every byte is kept.
func TestStoreAnything(t *testing.T) {
	f := newFixture(t)
	const odd = `"status": 1 ,"colour":["blue",null],"code":{},"effectiveDateTime":"2026-02-30"}`
	f.run(t, []step{
		{name: "create", method: "POST", path: "/Observation", body: `{"resourceType":"Observation",` + odd, status: 201, answer: "..." + odd},
		{name: "read", method: "GET", path: "/Observation/id-1", status: 200, answer: "..." + odd},
	})
}

// TestCatalogIsValid ingests every sample of every adapter: what they make passes as any other write.
func TestCatalogIsValid(t *testing.T) {
	registry, err := catalog.Adapters()
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, withCatalog(t), validating)
	tried := 0
	for _, adapter := range registry.All() {
		id := adapter.Manifest().ID
		samples, err := catalog.Samples(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			tried++
			parameters := url.Values{}
			for name := range adapter.Manifest().Context {
				parameters.Set(name, "42")
			}
			got := f.do("POST", f.url+"/ingest/"+id+"?"+parameters.Encode(), string(s.Payload))
			var report struct{ Category string }
			if err := json.Unmarshal([]byte(got.body), &report); err != nil || report.Category == "" && !strings.Contains(got.body, `"the payload`) {
				t.Errorf("%s of %s: %d %s", s.Name, id, got.status, got.body)
			}
		}
	}
	if tried == 0 {
		t.Error("no samples")
	}
	if got := parseBundle(t, f.do("GET", "/Observation?_summary=count", "").body); got.Total == nil || *got.Total == 0 {
		t.Error("nothing was stored")
	}
}
