package server

import (
	"encoding/base64"
	"encoding/json"
	stdxml "encoding/xml"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/firth-health/firth/fhir/xml"
)

// operationOf is a Parameters of one FHIRPath Patch operation; parts are name, type and JSON value.
func operationOf(parts ...string) string {
	list := ""
	for i := 0; i+2 < len(parts); i += 3 {
		list += `,{"name":"` + parts[i] + `","` + parts[i+1] + `":` + parts[i+2] + `}`
	}
	return `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[` + list[1:] + `]}]}`
}

func TestPatch(t *testing.T) {
	f := newFixture(t)
	jsonPatch := func(more ...string) []string {
		return append([]string{"Content-Type", "application/json-patch+json"}, more...)
	}
	xmlPatch := []string{"Content-Type", "application/xml-patch+xml"}
	setActive := operationOf("type", "valueCode", `"replace"`, "path", "valueString", `"Patient.active"`, "value", "valueBoolean", "true")
	const toTrue = `[{"op":"replace","path":"/active","value":true}]`
	stored := func(version, second, rest string) string {
		return `{"resourceType":"Patient","meta":{"versionId":"` + version + `","lastUpdated":"2026-01-02T03:04:` + second + `.000Z"},"id":"p"` + rest + `}`
	}
	f.run(t, []step{
		{name: "resource", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p","active":false}`, status: 201, answer: "*"},
		{name: "JSON Patch", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: toTrue, status: 200, answer: stored("2", "06", `,"active":true`),
			want: []string{"Location: BASE/Patient/p/_history/2", `ETag: W/"2"`, "Last-Modified: Fri, 02 Jan 2026 03:04:06 GMT", fhirJSON}},
		{name: "several operations", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), status: 200, answer: stored("3", "07", `,"active":true,"gender":"other"`),
			body: `[{"op":"test","path":"/active","value":true},{"op":"add","path":"/gender","value":"other"}]`},
		{name: "FHIRPath Patch", method: "PATCH", path: "/Patient/p", body: operationOf("type", "valueCode", `"delete"`, "path", "valueString", `"Patient.gender"`), status: 200, answer: stored("4", "08", `,"active":true`)},
		{name: "FHIRPath Patch as XML", method: "PATCH", path: "/Patient/p", headers: []string{"Content-Type", "application/fhir+xml"}, status: 200, want: []string{fhirXML, `ETag: W/"5"`}, answer: `...<active value="false"/>`,
			body: `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part><part><name value="path"/><valueString value="Patient.active"/></part><part><name value="value"/><valueBoolean value="false"/></part></parameter></Parameters>`},
		{name: "XML Patch", method: "PATCH", path: "/Patient/p", headers: xmlPatch, status: 200, want: []string{fhirJSON, `ETag: W/"6"`}, answer: `..."active":true`,
			body: `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:active/@value">true</replace></diff>`},
		{name: "return=minimal", method: "PATCH", path: "/Patient/p", headers: jsonPatch("Prefer", "return=minimal"), body: toTrue, status: 200, want: []string{`ETag: W/"7"`, "Content-Length: 0"}},
		{name: "return=OperationOutcome", method: "PATCH", path: "/Patient/p", headers: jsonPatch("Prefer", "return=OperationOutcome"), body: toTrue, status: 200, answer: info("updated to Patient/p/_history/8")},
		{name: "If-Match holds", method: "PATCH", path: "/Patient/p", headers: jsonPatch("If-Match", `W/"8"`, "Prefer", "return=minimal"), body: toTrue, status: 200, want: []string{`ETag: W/"9"`}},
		{name: "If-Match is stale", method: "PATCH", path: "/Patient/p", headers: jsonPatch("If-Match", `W/"8"`), body: toTrue, status: 412,
			answer: outcome("conflict", `Patient/p: the current version is not W/\"8\", which If-Match asks for`, "http.If-Match")},
		{name: "a JSON Patch under another name", method: "PATCH", path: "/Patient/p", headers: []string{"Content-Type", "application/json"}, body: ` [{"op":"remove","path":"/active"}]`, status: 400,
			answer: outcome("structure", "a patch as application/fhir+json is a Parameters resource; an array of operations is a JSON Patch and is sent as application/json-patch+json")},
		{name: "If-Match is malformed", method: "PATCH", path: "/Patient/p", headers: jsonPatch("If-Match", `8`), body: toTrue, status: 400, answer: "*"},
		{name: "a test that fails", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[{"op":"test","path":"/active","value":false}]`, status: 422, answer: `..."code":"processing"`},
		{name: "a path that is not there", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[{"op":"remove","path":"/name"}]`, status: 422, answer: `...operation 0 (remove /name)`},
		{name: "an unknown operation", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[{"op":"paint","path":"/name"}]`, status: 400, answer: "*"},
		{name: "not JSON", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[`, status: 400, answer: `..."code":"structure"`},
		{name: "not XML", method: "PATCH", path: "/Patient/p", headers: xmlPatch, body: `[`, status: 400, answer: "*"},
		{name: "the id is immutable", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[{"op":"replace","path":"/id","value":"q"}]`, status: 422, answer: `..."code":"business-rule"`},
		{name: "the type is immutable", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[{"op":"replace","path":"/resourceType","value":"Basic"}]`, status: 422, answer: `..."code":"business-rule"`},
		{name: "replaced as a whole", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: `[{"op":"replace","path":"","value":{"resourceType":"Patient","id":"q"}}]`, status: 422, answer: "*"},
		{name: "a resource that is no patch", method: "PATCH", path: "/Patient/p", body: `{"resourceType":"Patient"}`, status: 400, answer: outcome("invalid", "a patch as a resource is a Parameters, not a Patient", "Patient")},
		{name: "another Content-Type", method: "PATCH", path: "/Patient/p", headers: []string{"Content-Type", "text/plain"}, body: "x", status: 415, answer: "*"},
		{name: "no body", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), status: 400, answer: outcome("required", "the request has no body")},
		{name: "unknown id", method: "PATCH", path: "/Patient/q", headers: jsonPatch(), body: toTrue, status: 404, answer: outcome("not-found", "Patient/q: not found")},
		{name: "nothing of this was done", method: "GET", path: "/Patient/p", status: 200, want: []string{`ETag: W/"9"`}, answer: `..."active":true}`},
		{name: "conditional", method: "PATCH", path: "/Patient?_id=p", body: setActive, status: 200, want: []string{"Location: BASE/Patient/p/_history/10"}, answer: "*"},
		{name: "conditional, no match", method: "PATCH", path: "/Patient?_id=q", body: setActive, status: 404, answer: outcome("not-found", "no Patient matches the condition")},
		{name: "conditional, no condition", method: "PATCH", path: "/Patient", body: setActive, status: 400, answer: outcome("required", "a conditional patch needs search parameters that say which Patient is meant")},
		{name: "another one", method: "PUT", path: "/Patient/q", body: `{"resourceType":"Patient","id":"q","active":true}`, status: 201, answer: "*"},
		{name: "conditional, several matches", method: "PATCH", path: "/Patient?active=true", body: setActive, status: 412, answer: outcome("multiple-matches", "Patient: more than one resource matches the condition")},
		{name: "conditional, stale If-Match", method: "PATCH", path: "/Patient?_id=p", headers: []string{"If-Match", `W/"3"`}, body: setActive, status: 412, answer: "*"},
		{name: "delete", method: "DELETE", path: "/Patient/p", status: 204},
		{name: "deleted", method: "PATCH", path: "/Patient/p", headers: jsonPatch(), body: toTrue, status: 410, answer: outcome("deleted", "Patient/p: has been deleted")},
	})
}

func TestPatchEntries(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"a", "b", "c"} {
		f.do("PUT", "/Patient/"+id, mrn(id, `"id":"`+id+`",`))
	}
	setGender := operationOf("type", "valueCode", `"add"`, "path", "valueString", `"Patient"`, "name", "valueString", `"gender"`, "value", "valueCode", `"other"`)
	setOrganization := operationOf("type", "valueCode", `"add"`, "path", "valueString", `"Patient"`, "name", "valueString", `"managingOrganization"`, "value", "valueReference", `{"reference":"urn:uuid:o"}`)
	binary := func(contentType, data string) string {
		return `{"resourceType":"Binary","contentType":"` + contentType + `","data":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"}`
	}
	const toFalse = `[{"op":"add","path":"/active","value":false}]`
	f.run(t, []step{
		{name: "transaction", method: "POST", path: "", status: 200, answer: "*", body: bundleOf("transaction",
			requestEntry("", setOrganization, "PATCH", "Patient/a", "ifMatch", `W/\"1\"`),
			requestEntry("", binary("application/json-patch+json", toFalse), "PATCH", "Patient?identifier=mrn|b"),
			requestEntry("urn:uuid:o", `{"resourceType":"Organization"}`, "POST", "Organization"),
			requestEntry("", `{"resourceType":"Basic","subject":{"reference":"Patient?active=false"}}`, "POST", "Basic"))},
		{name: "references in a patch are rewritten", method: "GET", path: "/Patient/a", status: 200, want: []string{`ETag: W/"2"`}, answer: `..."managingOrganization":{"reference":"Organization/id-1"}`},
		{name: "a patch in a Binary", method: "GET", path: "/Patient/b", status: 200, answer: `..."active":false`},
		{name: "conditional references see what a patch leaves behind", method: "GET", path: "/Basic", status: 200, answer: `..."subject":{"reference":"Patient/b"}`},
		{name: "an entry that fails", method: "POST", path: "", status: 422, answer: `..."expression":["Bundle.entry[1]`, body: bundleOf("transaction",
			requestEntry("", setGender, "PATCH", "Patient/c"), requestEntry("", binary("application/json-patch+json", `[{"op":"remove","path":"/nothing"}]`), "PATCH", "Patient/b"))},
		{name: "one resource twice", method: "POST", path: "", status: 400, answer: outcome("duplicate", "Patient/c is also written by entry 0", "Bundle.entry[1]"),
			body: bundleOf("transaction", requestEntry("", setGender, "PATCH", "Patient/c"), requestEntry("", setGender, "PATCH", "Patient?identifier=mrn|c"))},
		{name: "nothing was done", method: "GET", path: "/Patient/c", status: 200, want: []string{`ETag: W/"1"`}, answer: "*"},
	})
	got := parseBundle(t, f.do("POST", "", bundleOf("batch",
		requestEntry("", setGender, "PATCH", "Patient/c"),
		requestEntry("", setGender, "PATCH", "Patient?identifier=mrn|a", "ifMatch", `W/\"1\"`),
		requestEntry("", setGender, "PATCH", "Patient/none"),
		requestEntry("", binary("text/plain", toFalse), "PATCH", "Patient/c"),
		requestEntry("", binary("application/xml-patch+xml", `<diff xmlns="http://hl7.org/fhir"><remove sel="Patient/identifier"/></diff>`), "PATCH", "Patient/b"),
		requestEntry("", `{"resourceType":"Patient"}`, "PATCH", "Patient/c"))).body)
	diff(t, []string{"200 OK", "412 Precondition Failed", "404 Not Found", "400 Bad Request", "200 OK", "400 Bad Request"}, got.statuses())
}

// TestPatchesRace has clients add to one resource without If-Match: nothing is lost.
func TestPatchesRace(t *testing.T) {
	f := newFixture(t)
	f.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","name":[{"text":"x"}]}`)
	const clients = 4
	won := make([]int, clients)
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for range 10 {
				got := f.do("PATCH", "/Patient/p", `[{"op":"add","path":"/name/-","value":{"text":"y"}}]`, "Content-Type", "application/json-patch+json")
				switch got.status {
				case 200:
					won[client]++
				case 409:
				default:
					t.Errorf("%d %s", got.status, got.body)
				}
			}
		})
	}
	wait.Wait()
	want := 0
	for _, n := range won {
		want += n
	}
	if got := strings.Count(f.do("GET", "/Patient/p", "").body, `"y"`); got != want || want == 0 {
		t.Errorf("%d names, want %d", got, want)
	}
}

// patchCases are the FHIRPath Patch cases of the specification.
type patchCases struct {
	Cases []struct {
		Name   string   `xml:"name,attr"`
		Input  fragment `xml:"input"`
		Diff   fragment `xml:"diff"`
		Output fragment `xml:"output"`
	} `xml:"case"`
}

type fragment struct {
	Text string `xml:",innerxml"`
}

// document makes a resource of a part of the suite, whose prefix the root of the suite declares.
func (f fragment) document() string {
	text := strings.TrimSpace(f.Text)
	at := strings.IndexAny(text, " \t\n/>")
	return text[:at] + ` xmlns:ns0="http://hl7.org/fhir"` + text[at:]
}

// contentOf is a resource without what the server stamps.
func contentOf(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var content map[string]any
	if err := decoder.Decode(&content); err != nil {
		t.Fatal(err)
	}
	delete(content, "id")
	delete(content, "meta")
	return content
}

// TestPatchSuite runs the cases of the specification over HTTP, in both formats.
func TestPatchSuite(t *testing.T) {
	data, err := os.ReadFile("../../shared/data/patch/fhir-patch-tests.xml")
	if err != nil {
		t.Skip("../../shared/data/patch is absent")
	}
	var suite patchCases
	if err := stdxml.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	toJSON := func(t *testing.T, f *fixture, document string) string {
		t.Helper()
		decoded, err := xml.Decode([]byte(document), f.server.definitions)
		if err != nil {
			t.Fatal(err)
		}
		return string(decoded)
	}
	for i, c := range suite.Cases {
		for _, format := range []string{"application/fhir+json", "application/fhir+xml"} {
			t.Run(fmt.Sprintf("%d %s as %s", i, c.Name, format), func(t *testing.T) {
				in, patch := c.Input.document(), c.Diff.document()
				if format == "application/fhir+json" {
					in, patch = toJSON(t, f, in), toJSON(t, f, patch)
				}
				created := f.do("POST", "/Patient", in, "Content-Type", format)
				if created.status != 201 {
					t.Fatal(created.status, created.body)
				}
				address := withoutVersion(created.header.Get("Location"))
				got := f.do("PATCH", address, patch, "Content-Type", format, "Accept", "application/fhir+json")
				if strings.TrimSpace(c.Output.Text) == "" {
					if got.status != 400 && got.status != 422 {
						t.Errorf("%d %s", got.status, got.body)
					}
					return
				}
				if got.status != 200 {
					t.Fatal(got.status, got.body)
				}
				diff(t, contentOf(t, toJSON(t, f, c.Output.document())), contentOf(t, got.body))
				diff(t, got.body, f.do("GET", address, "", "Accept", "application/fhir+json").body)
			})
		}
	}
	if len(suite.Cases) == 0 {
		t.Error("no cases")
	}
}
