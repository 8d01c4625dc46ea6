package server

import (
	"encoding/base64"
	"testing"
)

func TestBinary(t *testing.T) {
	f := newFixture(t, validating)
	const page = "<html><script>alert(1)</script></html>"
	encoded := base64.StdEncoding.EncodeToString([]byte(page))
	stored := func(version, second string) string {
		return `{"resourceType":"Binary","meta":{"versionId":"` + version + `","lastUpdated":"2026-01-02T03:04:` + second + `.000Z"},"id":"b","contentType":"text/html; charset=utf-8","securityContext":{"reference":"Patient/1"},"data":"` + encoded + `"}`
	}
	raw := []string{"Content-Type: text/html; charset=utf-8", "X-Content-Type-Options: nosniff", "Content-Security-Policy: default-src 'none'; sandbox", "Content-Disposition: attachment", "X-Security-Context: Patient/1"}
	html := []string{"Content-Type", "text/html; charset=utf-8", "X-Security-Context", "Patient/1"}
	asXML := `<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="aGk="/></Binary>`
	f.run(t, []step{
		{name: "content as it is", method: "PUT", path: "/Binary/b", headers: html, body: page, status: 201, want: []string{fhirJSON, "Location: BASE/Binary/b/_history/1"}, answer: stored("1", "05")},
		{name: "its content", method: "GET", path: "/Binary/b", status: 200, want: append([]string{`ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT", "Vary: Accept"}, raw...), answer: page},
		{name: "of any type", method: "GET", path: "/Binary/b", headers: []string{"Accept", "*/*"}, status: 200, want: raw, answer: page},
		{name: "of its type", method: "GET", path: "/Binary/b", headers: []string{"Accept", "text/html"}, status: 200, want: raw, answer: page},
		{name: "of its family", method: "GET", path: "/Binary/b", headers: []string{"Accept", "image/png, text/*;q=0.5"}, status: 200, want: raw, answer: page},
		{name: "pretty content is the content", method: "GET", path: "/Binary/b?_pretty=true", status: 200, answer: page},
		{name: "of another type", method: "GET", path: "/Binary/b", headers: []string{"Accept", "image/png"}, status: 406, want: []string{fhirJSON},
			answer: outcome("not-supported", "Accept asks for a format this Binary does not have; there are text/html, application/fhir+json and application/fhir+xml")},
		{name: "as a resource", method: "GET", path: "/Binary/b", headers: []string{"Accept", "application/fhir+json"}, status: 200, want: []string{fhirJSON, "Content-Disposition:", "X-Security-Context:"}, answer: stored("1", "05")},
		{name: "as a resource, generic name", method: "GET", path: "/Binary/b", headers: []string{"Accept", "application/json"}, status: 200, want: []string{fhirJSON}, answer: stored("1", "05")},
		{name: "as a resource, by format", method: "GET", path: "/Binary/b/_history/1?_format=json", status: 200, answer: stored("1", "05")},
		{name: "as a resource in XML", method: "GET", path: "/Binary/b", headers: []string{"Accept", "application/fhir+xml"}, status: 200, want: []string{fhirXML}, answer: `...<contentType value="text/html; charset=utf-8"/>`},
		{name: "head", method: "HEAD", path: "/Binary/b", status: 200, want: raw},
		{name: "not modified", method: "GET", path: "/Binary/b", headers: []string{"If-None-Match", `W/"1"`}, status: 304},
		{name: "unknown", method: "GET", path: "/Binary/none", headers: []string{"Accept", "text/html"}, status: 404, want: []string{fhirJSON}, answer: "*"},
		{name: "the resource itself", method: "POST", path: "/Binary", body: `{"resourceType":"Binary","contentType":"text/plain","data":"aGk="}`, status: 201, answer: `..."contentType":"text/plain","data":"aGk="}`},
		{name: "content of the resource", method: "GET", path: "/Binary/id-1", status: 200, want: []string{"Content-Type: text/plain", "X-Security-Context:"}, answer: "hi"},
		{name: "the resource as XML", method: "POST", path: "/Binary", headers: []string{"Content-Type", "application/fhir+xml"}, body: asXML, status: 201, want: []string{fhirXML}, answer: `...<data value="aGk="/>`},
		{name: "FHIR that is no Binary is content", method: "POST", path: "/Binary", body: `{"resourceType":"Patient"}`, headers: []string{"Prefer", "return=minimal"}, status: 201, want: []string{"Location: BASE/Binary/id-3/_history/1"}},
		{name: "and comes back as such", method: "GET", path: "/Binary/id-3", status: 200, want: []string{"Content-Type: application/fhir+json"}, answer: `{"resourceType":"Patient"}`},
		{name: "JSON that is no FHIR is content", method: "POST", path: "/Binary", body: `[1.50]`, headers: []string{"Content-Type", "application/json", "Prefer", "return=minimal"}, status: 201},
		{name: "of its own type", method: "GET", path: "/Binary/id-4?_pretty=true", headers: []string{"Accept", "application/json"}, status: 200, want: []string{"Content-Type: application/json"}, answer: `[1.50]`},
		{name: "FHIR JSON that is malformed", method: "POST", path: "/Binary", body: `[1.50]`, status: 400, answer: "*"},
		{name: "no Content-Type", method: "POST", path: "/Binary", body: `x`, headers: []string{"Content-Type", "-"}, status: 415, answer: "*"},
		{name: "a Content-Type that is none", method: "POST", path: "/Binary", body: `x`, headers: []string{"Content-Type", "x y"}, status: 415, answer: "*"},
		{name: "a security context that is none", method: "POST", path: "/Binary", body: `x`, headers: []string{"Content-Type", "text/plain", "X-Security-Context", "Quantity/1"}, status: 400, answer: `..."expression":["Binary.securityContext.reference"]`},
		{name: "another id", method: "PUT", path: "/Binary/b", body: `{"resourceType":"Binary","id":"c","contentType":"text/plain"}`, status: 400, answer: "*"},
		{name: "conditional", method: "PUT", path: "/Binary?_id=b", headers: []string{"Content-Type", "text/plain"}, body: "new", status: 200, answer: `..."data":"bmV3"}`},
		{name: "in a Bundle it is the resource", method: "POST", path: "", body: bundleOf("batch", requestEntry("", "", "GET", "Binary/b")), status: 200, answer: `..."resource":{"resourceType":"Binary"`},
		{name: "in a search it is the resource", method: "GET", path: "/Binary?_id=b", status: 200, answer: `..."data":"bmV3"}`},
	})
}

// TestBinaryUnchecked has content that validation would not have let in.
func TestBinaryUnchecked(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{
		{name: "no content", method: "PUT", path: "/Binary/none", body: `{"resourceType":"Binary","id":"none","contentType":"text/plain"}`, status: 201, answer: "*"},
		{name: "is empty", method: "GET", path: "/Binary/none", status: 200, want: []string{"Content-Type: text/plain", "Content-Length: 0"}},
		{name: "no base64", method: "PUT", path: "/Binary/odd", body: `{"resourceType":"Binary","id":"odd","contentType":"text/plain","data":"*"}`, status: 201, answer: "*"},
		{name: "is refused", method: "GET", path: "/Binary/odd", status: 406, answer: outcome("not-supported", "the data is not base64; ask for application/fhir+json", "Binary.data")},
		{name: "no content type", method: "PUT", path: "/Binary/what", body: `{"resourceType":"Binary","id":"what","contentType":"a\nb","data":"aGk="}`, status: 201, answer: "*"},
		{name: "is just bytes", method: "GET", path: "/Binary/what", status: 200, want: []string{"Content-Type: application/octet-stream"}, answer: "hi"},
	})
}
