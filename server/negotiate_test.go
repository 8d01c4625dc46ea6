package server

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func TestNegotiate(t *testing.T) {
	const unknown = "asks for a format this server does not write; it writes application/fhir+json and application/fhir+xml"
	tests := []struct {
		name      string
		format    string
		accept    string
		hasFormat bool
		sent      wireFormat
		want      wireFormat
		refused   string
	}{
		{name: "nothing asked"},
		{name: "nothing asked, XML sent", sent: inXML, want: inXML},
		{name: "any", accept: "*/*"},
		{name: "any, XML sent", accept: "*/*", sent: inXML, want: inXML},
		{name: "FHIR JSON", accept: "application/fhir+json", sent: inXML},
		{name: "plain JSON", accept: "application/json"},
		{name: "text JSON", accept: "text/json"},
		{name: "the name of DSTU2", accept: "application/json+fhir"},
		{name: "upper case and parameters", accept: "Application/FHIR+JSON ; charset=UTF-8"},
		{name: "a browser", accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		{name: "XML first, JSON too", accept: "application/fhir+xml, application/fhir+json;q=0.5", want: inXML},
		{name: "JSON of greater weight", accept: "application/fhir+xml;q=0.25, application/fhir+json;q=0.5"},
		{name: "the first of equal weight", accept: "application/fhir+xml, application/fhir+json", want: inXML},
		{name: "a weight that is none", accept: "application/fhir+json;q=0.9, application/fhir+xml;q=x", want: inXML},
		{name: "version 4.0", accept: "application/fhir+json; fhirVersion=4.0"},
		{name: "version 4.0.1 in quotes", accept: `application/fhir+json; fhirVersion="4.0.1"`},
		{name: "XML", accept: "application/fhir+xml", want: inXML},
		{name: "plain XML", accept: "application/xml", want: inXML},
		{name: "text XML", accept: "text/xml", want: inXML},
		{name: "JSON refused", accept: "application/fhir+json;q=0", refused: `http.Accept: Accept "application/fhir+json;q=0" ` + unknown},
		{name: "JSON refused with zeros", accept: "application/json;q=0.000, application/xml", want: inXML},
		{name: "turtle", accept: "application/fhir+turtle", refused: `http.Accept: Accept "application/fhir+turtle" ` + unknown},
		{name: "version 3.0", accept: "application/fhir+json; fhirVersion=3.0", refused: `http.Accept: Accept asks for FHIR version "3.0"; this server speaks 4.0 (R4)`},
		{name: "version 3.0 of XML", accept: "application/fhir+xml; fhirVersion=3.0", want: inXML, refused: `http.Accept: Accept asks for FHIR version "3.0"; this server speaks 4.0 (R4)`},
		{name: "format of version 4.0", format: "application/fhir xml; fhirVersion=4.0", hasFormat: true, want: inXML},
		{name: "format of version 5.0", format: "application/fhir+json; fhirVersion=5.0", hasFormat: true, refused: `http._format: _format asks for FHIR version "5.0"; this server speaks 4.0 (R4)`},
		{name: "format json", format: "json", hasFormat: true, sent: inXML},
		{name: "format wins over Accept", format: "application/json", hasFormat: true, accept: "application/fhir+xml"},
		{name: "format FHIR JSON", format: "application/fhir+json", hasFormat: true},
		{name: "format with the plus lost", format: "application/fhir json", hasFormat: true},
		{name: "format text/json", format: "text/json", hasFormat: true},
		{name: "format xml", format: "xml", hasFormat: true, accept: "application/json", want: inXML},
		{name: "format XML with the plus lost", format: "application/fhir xml", hasFormat: true, want: inXML},
		{name: "format text/xml", format: "text/xml", hasFormat: true, want: inXML},
		{name: "format any", format: "*/*", hasFormat: true, refused: `http._format: _format "*/*" ` + unknown},
		{name: "format unknown", format: "pdf", hasFormat: true, refused: `http._format: _format "pdf" ` + unknown},
		{name: "format empty", format: "", hasFormat: true, refused: `http._format: _format "" ` + unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused := ""
			got, err := negotiate(tt.format, tt.accept, tt.hasFormat, tt.sent)
			if err != nil {
				refused = err.Error()
			}
			if refused != tt.refused || got != tt.want {
				t.Errorf("%d, refused with %q; want %d, %q", got, refused, tt.want, tt.refused)
			}
		})
	}
}

// TestBrowser lays answers out for people who look at them in a browser, unless they say otherwise.
func TestBrowser(t *testing.T) {
	f := newFixture(t)
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	f.run(t, []step{
		{name: "to read", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, status: 201, answer: "*"},
		{name: "read", method: "GET", path: "/Patient/p", headers: []string{"Accept", browser}, status: 200, want: []string{fhirJSON, "Vary: Accept"}, answer: "...{\n  \"resourceType\": \"Patient\",\n"},
		{name: "search", method: "GET", path: "/Patient", headers: []string{"Accept", browser}, status: 200, answer: "...\n  \"entry\": [\n"},
		{name: "refusal", method: "GET", path: "/Patient/q", headers: []string{"Accept", browser}, status: 404, answer: "...{\n  \"resourceType\": \"OperationOutcome\",\n"},
		{name: "in XML", method: "GET", path: "/Patient/p?_format=xml", headers: []string{"Accept", browser}, status: 200, answer: "...\n  <id value=\"p\"/>\n"},
		{name: "not pretty", method: "GET", path: "/Patient/p?_pretty=false", headers: []string{"Accept", browser}, status: 200, answer: `...{"resourceType":"Patient",`},
		{name: "no browser", method: "GET", path: "/Patient/p", headers: []string{"Accept", "*/*"}, status: 200, answer: `...{"resourceType":"Patient",`},
	})
}

func TestContentType(t *testing.T) {
	tests := []struct {
		name, contentType, refused string
		want                       wireFormat
	}{
		{name: "FHIR JSON", contentType: "application/fhir+json"},
		{name: "with charset", contentType: "application/fhir+json; charset=UTF-8"},
		{name: "charset without hyphen and in quotes", contentType: `application/json; charset="utf8"`},
		{name: "plain JSON", contentType: "application/json"},
		{name: "text JSON", contentType: "text/json"},
		{name: "with version", contentType: "application/fhir+json; fhirVersion=4.0"},
		{name: "none", refused: "the request has no Content-Type; send application/fhir+json or application/fhir+xml"},
		{name: "XML", contentType: "application/fhir+xml", want: inXML},
		{name: "XML with charset", contentType: "application/fhir+xml; charset=utf-8", want: inXML},
		{name: "text XML", contentType: "text/xml", want: inXML},
		{name: "a name only _format has", contentType: "xml", refused: `Content-Type "xml" is not supported; send application/fhir+json or application/fhir+xml`},
		{name: "form", contentType: "application/x-www-form-urlencoded", refused: `Content-Type "application/x-www-form-urlencoded" is not supported; send application/fhir+json or application/fhir+xml`},
		{name: "JSON Patch", contentType: "application/json-patch+json", refused: `Content-Type "application/json-patch+json" is not supported; send application/fhir+json or application/fhir+xml`},
		{name: "other version", contentType: "application/fhir+json; fhirVersion=5.0", refused: `Content-Type names FHIR version "5.0"; this server speaks 4.0 (R4)`},
		{name: "other charset", contentType: "application/fhir+json; charset=latin1", refused: `charset "latin1" is not supported; FHIR is UTF-8`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused := ""
			got, err := checkContentType(tt.contentType)
			if err != nil {
				refused = err.Error()
			}
			if refused != tt.refused || got != tt.want {
				t.Errorf("%d, refused with %q; want %d, %q", got, refused, tt.want, tt.refused)
			}
		})
	}
}

func TestNegotiationOverHTTP(t *testing.T) {
	f := newFixture(t)
	const patient = `{"resourceType":"Patient","id":"p"}`
	turtle := outcome("not-supported", `Accept \"application/fhir+turtle\" asks for a format this server does not write; it writes application/fhir+json and application/fhir+xml`, "http.Accept")
	f.run(t, []step{
		{name: "resource", method: "PUT", path: "/Patient/p", body: patient, status: 201, answer: "*"},
		{name: "read as Turtle", method: "GET", path: "/Patient/p", headers: []string{"Accept", "application/fhir+turtle"}, status: 406, answer: turtle, want: []string{fhirJSON}},
		{name: "metadata as Turtle", method: "GET", path: "/metadata", headers: []string{"Accept", "application/fhir+turtle"}, status: 406, answer: turtle},
		{name: "search as Turtle", method: "GET", path: "/Patient?_format=ttl", status: 406, answer: "*"},
		{name: "format of a form", method: "POST", path: "/Patient/_search", body: "_format=ttl", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 406, answer: "*"},
		{name: "errors are negotiated too", method: "GET", path: "/Patient/q?_format=json", headers: []string{"Accept", "application/fhir+xml"}, status: 404, answer: "*"},
		{name: "create without Content-Type", method: "POST", path: "/Patient", headers: []string{"Content-Type", "-"}, body: patient, status: 415,
			answer: outcome("not-supported", "the request has no Content-Type; send application/fhir+json or application/fhir+xml")},
		{name: "search form of another type", method: "POST", path: "/Patient/_search", headers: []string{"Content-Type", "application/json"}, body: "{}", status: 415,
			answer: outcome("not-supported", "the body of a _search must be application/x-www-form-urlencoded")},
		{name: "brotli", method: "POST", path: "/Patient", headers: []string{"Content-Encoding", "br"}, body: patient, status: 415,
			answer: outcome("not-supported", `Content-Encoding \"br\" is not supported; send the body plain or with gzip`)},
		{name: "gzip that is none", method: "POST", path: "/Patient", headers: []string{"Content-Encoding", "gzip"}, body: patient, status: 400,
			answer: outcome("structure", "the body could not be read to its end, or is not valid gzip")},
		{name: "malformed query", method: "GET", path: "/Patient/p?a=%zz", status: 400, answer: "*"},
	})
}

func TestAcceptOf(t *testing.T) {
	for want, values := range map[string][]string{"": nil, "a": {"a"}, "a,b,c": {"a", "b", "c"}} {
		if got := acceptOf(http.Header{"Accept": values}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMethodNotAllowed(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{
		{name: "patch of a version", method: "PATCH", path: "/Patient/p/_history/1", body: "[]", status: 405, want: []string{"Allow: GET, HEAD"},
			answer: outcome("not-supported", "PATCH is not supported at Patient/p/_history/1; allowed here: GET, HEAD")},
		{name: "patch of the system", method: "PATCH", path: "", body: "{}", status: 405, want: []string{"Allow: GET, HEAD, POST"}, answer: "*"},
		{name: "post to an instance", method: "POST", path: "/Patient/p", body: "{}", status: 405, answer: "*"},
		{name: "delete of metadata", method: "DELETE", path: "/metadata", status: 405, answer: "*"},
		{name: "without a body", method: "TRACE", path: "/Patient/p", status: 405, answer: "*"},
	})
}

func TestBodies(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.BodyBytes = 1000 })
	padded := func(n int) string {
		return `{"resourceType":"Basic"` + strings.Repeat(" ", n-24) + `}`
	}
	tooLong := outcome("too-long", "the body is larger than the limit of 1000 bytes")
	f.run(t, []step{
		{name: "at the limit", method: "POST", path: "/Basic", body: padded(1000), headers: []string{"Prefer", "return=minimal"}, status: 201},
		{name: "over the limit", method: "POST", path: "/Basic", body: padded(1001), status: 413, answer: tooLong},
		{name: "a Bundle over the limit", method: "POST", path: "", body: padded(1001), status: 413, answer: tooLong},
		{name: "a form over the limit", method: "POST", path: "/Basic/_search", body: "_id=" + strings.Repeat("a", 1000), headers: []string{"Content-Type", contentTypeForm}, status: 413, answer: tooLong},
		{name: "gzip", method: "POST", path: "/Basic", body: zipped(t, padded(900)), headers: []string{"Prefer", "return=minimal", "Content-Encoding", "gzip"}, status: 201},
		{name: "gzip that unpacks to too much", method: "POST", path: "/Basic", body: zipped(t, padded(100_000)), headers: []string{"Content-Encoding", "gzip"}, status: 413, answer: tooLong},
		{name: "gzip cut off", method: "POST", path: "/Basic", body: zipped(t, padded(900))[:40], headers: []string{"Content-Encoding", "gzip"}, status: 400, answer: "*"},
	})
	t.Run("chunked over the limit", func(t *testing.T) {
		// A reader of unknown length is sent without Content-Length.
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base+"/Basic", struct{ *strings.Reader }{strings.NewReader(padded(5000))})
		if err != nil {
			t.Fatal(err)
		}
		request.ContentLength = -1
		request.Header.Set("Content-Type", "application/fhir+json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", response.StatusCode)
		}
	})
}

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
