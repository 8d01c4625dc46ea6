package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

const (
	fhirXML  = "Content-Type: application/fhir+xml; charset=utf-8"
	prologue = `<?xml version="1.0" encoding="UTF-8"?>`
)

// outcomeXML is a refusal as XML.
func outcomeXML(code, diagnostics string, expression ...string) string {
	text := prologue + `<OperationOutcome xmlns="http://hl7.org/fhir"><issue><severity value="error"/><code value="` + code + `"/><diagnostics value="` + diagnostics + `"/>`
	if len(expression) > 0 {
		text += `<expression value="` + expression[0] + `"/>`
	}
	return text + `</issue></OperationOutcome>`
}

func TestXML(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	asXML := []string{"Accept", "application/fhir+xml"}
	sendXML := []string{"Content-Type", "application/fhir+xml"}
	const div = `<div xmlns="http://www.w3.org/1999/xhtml"><p>A &amp; <b>B</b>  <!-- c --></p></div>`
	patient := func(stamps, active string) string {
		return `<Patient xmlns="http://hl7.org/fhir"><id value="p"/>` + stamps + `<text><status value="generated"/>` + div + `</text><active value="` + active + `"/></Patient>`
	}
	stamps := func(version, second string) string {
		return `<meta><versionId value="` + version + `"/><lastUpdated value="2026-01-02T03:04:` + second + `.000Z"/></meta>`
	}
	f.run(t, []step{
		{name: "update with XML answers XML", method: "PUT", path: "/Patient/p", headers: sendXML, body: patient("", "true"), status: 201,
			want: []string{fhirXML, "Location: BASE/Patient/p/_history/1", `ETag: W/"1"`}, answer: prologue + patient(stamps("1", "05"), "true")},
		{name: "what was sent as XML is JSON", method: "GET", path: "/Patient/p", status: 200, want: []string{fhirJSON},
			answer: `{"resourceType":"Patient","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A &amp; <b>B</b>  <!-- c --></p></div>"},"active":true}`},
		{name: "XML in, JSON out", method: "PUT", path: "/Patient/p", headers: append([]string{"Accept", "application/fhir+json"}, sendXML...), body: patient("", "false"), status: 200, want: []string{fhirJSON}, answer: `...,"active":false}`},
		{name: "read", method: "GET", path: "/Patient/p", headers: asXML, status: 200, want: []string{fhirXML, `ETag: W/"2"`, "X-Content-Type-Options: nosniff"}, answer: prologue + patient(stamps("2", "06"), "false")},
		{name: "read by format", method: "GET", path: "/Patient/p/_history/1?_format=xml", status: 200, want: []string{fhirXML}, answer: prologue + patient(stamps("1", "05"), "true")},
		{name: "head", method: "HEAD", path: "/Patient/p", headers: asXML, status: 200, want: []string{fhirXML}},
		{name: "not modified", method: "GET", path: "/Patient/p", headers: append([]string{"If-None-Match", `W/"2"`}, asXML...), status: 304},
		{name: "pretty", method: "GET", path: "/Patient/p?_pretty=true", headers: asXML, status: 200,
			answer: prologue + "\n<Patient xmlns=\"http://hl7.org/fhir\">\n  <id value=\"p\"/>\n  <meta>\n    <versionId value=\"2\"/>\n    <lastUpdated value=\"2026-01-02T03:04:06.000Z\"/>\n  </meta>\n" +
				"  <text>\n    <status value=\"generated\"/>\n    " + div + "\n  </text>\n  <active value=\"false\"/>\n</Patient>\n"},
		{name: "an outcome", method: "GET", path: "/Patient/q", headers: asXML, status: 404, want: []string{fhirXML}, answer: outcomeXML("not-found", "Patient/q: not found")},
		{name: "an outcome that quotes what XML cannot carry", method: "GET", path: "/Patient/%01", headers: asXML, status: 400, want: []string{fhirXML}, answer: `...<code value="value"/>`},
		{name: "an outcome of a wrong path", method: "GET", path: "/Pazient/q", headers: asXML, status: 404, want: []string{fhirXML}, answer: "*"},
		{name: "an outcome of a wrong Content-Type", method: "POST", path: "/Patient", headers: append([]string{"Content-Type", "text/plain"}, asXML...), body: "x", status: 415, want: []string{fhirXML}, answer: "*"},
		{name: "search", method: "GET", path: "/Patient?_id=p", headers: asXML, status: 200, want: []string{fhirXML},
			answer: prologue + `<Bundle xmlns="http://hl7.org/fhir"><id value="id-1"/><meta><lastUpdated value="2026-06-01T00:00:00.000Z"/></meta><type value="searchset"/><total value="1"/>` +
				`<link><relation value="self"/><url value="BASE/Patient?_id=p"/></link><link><relation value="first"/><url value="BASE/Patient?_id=p"/></link>` +
				`<entry><fullUrl value="BASE/Patient/p"/><resource>` + strings.Replace(patient(stamps("2", "06"), "false"), ` xmlns="http://hl7.org/fhir"`, "", 1) + `</resource><search><mode value="match"/></search></entry></Bundle>`},
		{name: "search by form", method: "POST", path: "/Patient/_search", headers: []string{"Content-Type", contentTypeForm}, body: "_format=xml", status: 200, want: []string{fhirXML},
			answer: `...<url value="BASE/Patient?_format=xml"/>`},
		{name: "history", method: "GET", path: "/Patient/p/_history?_format=application/fhir+xml", status: 200, want: []string{fhirXML}, answer: `...<request><method value="PUT"/><url value="Patient/p"/></request>`},
		{name: "metadata", method: "GET", path: "/metadata", headers: asXML, status: 200, want: []string{fhirXML}, answer: `...<format value="application/fhir+xml"/>`},
		{name: "transaction", method: "POST", path: "", headers: sendXML, status: 200, want: []string{fhirXML},
			body: `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource><Patient><id value="t"/></Patient></resource><request><method value="PUT"/><url value="Patient/t"/></request></entry></Bundle>`,
			answer: prologue + `<Bundle xmlns="http://hl7.org/fhir"><id value="id-4"/><meta><lastUpdated value="2026-06-01T00:00:00.000Z"/></meta><type value="transaction-response"/>` +
				`<entry><fullUrl value="BASE/Patient/t"/><response><status value="201 Created"/><location value="BASE/Patient/t/_history/1"/><etag value="W/&quot;1&quot;"/><lastModified value="2026-01-02T03:04:07.000Z"/></response></entry></Bundle>`},
		{name: "return=OperationOutcome", method: "PUT", path: "/Patient/t", headers: append([]string{"Prefer", "return=OperationOutcome"}, sendXML...), body: `<Patient xmlns="http://hl7.org/fhir"><id value="t"/></Patient>`, status: 200,
			want: []string{fhirXML}, answer: `...<diagnostics value="updated to Patient/t/_history/2"/>`},
		{name: "unknown element", method: "POST", path: "/Patient", headers: sendXML, body: `<Patient xmlns="http://hl7.org/fhir"><colour value="blue"/></Patient>`, status: 400, want: []string{fhirXML}, answer: `...<code value="structure"/>`},
		{name: "not XML", method: "POST", path: "/Patient", headers: sendXML, body: `{"resourceType":"Patient"}`, status: 400, answer: `...<code value="structure"/>`},
		{name: "other type than the URL", method: "POST", path: "/Patient", headers: sendXML, body: `<Basic xmlns="http://hl7.org/fhir"/>`, status: 400,
			answer: outcomeXML("invalid", "the resource is a Basic, but the URL says Patient", "Basic")},
	})
}

// TestXMLCannotCarry shows that nothing is dropped on the way to XML, and nothing that was done is called refused.
func TestXMLCannotCarry(t *testing.T) {
	f := newFixture(t)
	asXML := []string{"Accept", "application/fhir+xml"}
	const odd = `{"resourceType":"Patient","id":"odd","colour":"blue"}`
	const why = "XML cannot carry the unknown element &quot;colour&quot;; "
	shown := `<OperationOutcome xmlns="http://hl7.org/fhir"><issue><severity value="warning"/><code value="not-supported"/><diagnostics value="` + why + `read it as application/fhir+json"/><expression value="Patient"/></issue></OperationOutcome>`
	f.run(t, []step{
		{name: "a write that was done", method: "PUT", path: "/Patient/odd", headers: asXML, body: odd, status: 201, want: []string{fhirXML, "Location: BASE/Patient/odd/_history/1"}, answer: prologue + shown},
		{name: "read", method: "GET", path: "/Patient/odd", headers: asXML, status: 406, want: []string{fhirXML, "ETag:"}, answer: outcomeXML("not-supported", why+"ask for application/fhir+json", "Patient")},
		{name: "read as JSON", method: "GET", path: "/Patient/odd", status: 200, answer: "*"},
		{name: "search", method: "GET", path: "/Patient", headers: asXML, status: 406, answer: outcomeXML("not-supported", why+"ask for application/fhir+json", "Bundle.entry[0].resource")},
		{name: "transaction", method: "POST", path: "", headers: append([]string{"Prefer", "return=representation"}, asXML...), status: 200, want: []string{fhirXML},
			body:   bundleOf("transaction", requestEntry("", odd, "PUT", "Patient/odd"), requestEntry("", `{"resourceType":"Patient","id":"even"}`, "PUT", "Patient/even")),
			answer: "...<resource>" + strings.Replace(shown, ` xmlns="http://hl7.org/fhir"`, "", 1) + "</resource><response><status value=\"200 OK\"/>"},
	})
}

// TestXMLExamples sends the published examples as XML and reads them as XML and JSON: all three are one tree.
func TestXMLExamples(t *testing.T) {
	files, err := filepath.Glob("../../shared/data/r4-examples/*.xml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../../shared/data/r4-examples is absent")
	}
	f := newFixture(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			sent, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := xml.Decode(sent, f.server.definitions)
			if err != nil {
				t.Skipf("not a resource: %v", err)
			}
			res, err := fhir.ParseResource(decoded)
			if err != nil {
				t.Fatal(err)
			}
			created := f.do("POST", "/"+res.Type(), string(sent), "Content-Type", "application/fhir+xml")
			if created.status != 201 {
				t.Fatalf("create: %d %s", created.status, created.body)
			}
			address := withoutVersion(created.header.Get("Location"))
			asJSON := f.do("GET", address, "", "Accept", "application/fhir+json")
			diff(t, string(decoded), unstamped(t, asJSON.body, res))
			asXML := f.do("GET", address, "", "Accept", "application/fhir+xml")
			diff(t, created.body, asXML.body)
			back, err := xml.Decode([]byte(asXML.body), f.server.definitions)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(asXML.body, prologue) {
				t.Errorf("%.80s", asXML.body)
			}
			reread, err := fhir.ParseResource(back)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := fhir.ParseResource([]byte(asJSON.body))
			if err != nil {
				t.Fatal(err)
			}
			diff(t, stored.Root().Len(), reread.Root().Len())
		})
	}
}
