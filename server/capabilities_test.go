package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir/spec"
)

// local sends a request to the handler without a network.
func (f *fixture) local(method, path, body string) answer {
	f.t.Helper()
	request := httptest.NewRequestWithContext(f.t.Context(), method, Mount+path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/fhir+json")
	recorder := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(recorder, request)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

func declaredStatement(t *testing.T, f *fixture) capabilityStatement {
	t.Helper()
	got := f.local("GET", "/metadata", "")
	if got.status != 200 {
		t.Fatal(got.status, got.body)
	}
	var st capabilityStatement
	if err := json.Unmarshal([]byte(got.body), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestCapabilities(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	st := declaredStatement(t, f)
	resources := st.Rest[0].Resource
	st.Rest[0].Operation, st.Rest[0].SearchParam = nil, nil // TestDeclaredOperations, TestDeclaredSystemSearch
	diff(t, capabilityStatement{
		ResourceType: "CapabilityStatement", ID: "firth", URL: f.base + "/metadata", Version: "1.2.3", Name: "Firth", Title: "Firth FHIR R4 server", Status: "active",
		Date: "2026-06-01T00:00:00Z", Kind: "instance", Description: "Takes what medical devices say, turns it into FHIR resources, keeps and serves them.",
		Software: software{"Firth", "1.2.3"}, Implementation: implementation{"Firth at " + f.base, f.base},
		FHIRVersion: "4.0.1", Format: []string{"application/fhir+json", "application/fhir+xml", "json", "xml"},
		PatchFormat: []string{"application/json-patch+json", "application/fhir+json", "application/fhir+xml", "application/xml-patch+xml"},
		Rest: []rest{{Mode: "server", Documentation: restDocumentation(f.server.limits), Security: security{CORS: true}, Interaction: []interactionCode{{"transaction"}, {"batch"}, {"search-system"}, {"history-system"}}, Resource: resources,
			Compartment: []string{"http://hl7.org/fhir/CompartmentDefinition/device", "http://hl7.org/fhir/CompartmentDefinition/encounter",
				"http://hl7.org/fhir/CompartmentDefinition/patient", "http://hl7.org/fhir/CompartmentDefinition/practitioner",
				"http://hl7.org/fhir/CompartmentDefinition/relatedPerson"}}},
	}, st)
	if len(resources) != 146 {
		t.Errorf("%d resource types, want 146", len(resources))
	}
	i := slices.IndexFunc(resources, func(r resource) bool { return r.Type == "Patient" })
	patient := resources[i]
	params := patient.SearchParam
	if len(patient.SearchRevInclude) < 100 || !slices.Contains(patient.SearchRevInclude, "Provenance:target") {
		t.Errorf("Patient has the reverse includes %v", patient.SearchRevInclude)
	}
	patient.SearchParam, patient.SearchRevInclude, patient.Operation = nil, nil, nil // operations: TestDeclaredOperations
	diff(t, resource{
		SearchInclude: []string{"*", "Patient:general-practitioner", "Patient:link", "Patient:organization"},
		Type:          "Patient", Profile: "http://hl7.org/fhir/StructureDefinition/Patient",
		Interaction: []interactionCode{{"read"}, {"update"}, {"patch"}, {"delete"}, {"history-instance"}, {"vread"}, {"create"}, {"search-type"}, {"history-type"}},
		Versioning:  "versioned", ReadHistory: true, UpdateCreate: true, ConditionalCreate: true, ConditionalRead: "full-support",
		ConditionalUpdate: true, ConditionalDelete: "single", ReferencePolicy: []string{"literal", "logical"},
	}, patient)
	for _, want := range []searchParamEntry{
		{"_id", "http://hl7.org/fhir/SearchParameter/Resource-id", "token"},
		{"birthdate", "http://hl7.org/fhir/SearchParameter/individual-birthdate", "date"},
		{"general-practitioner", "http://hl7.org/fhir/SearchParameter/Patient-general-practitioner", "reference"},
	} {
		if !slices.Contains(params, want) {
			t.Errorf("Patient lacks %v", want)
		}
	}
}

func TestCapabilitiesOverHTTP(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	tag := f.do("GET", "/metadata", "").header.Get("ETag")
	f.run(t, []step{
		{name: "full", method: "GET", path: "/metadata?mode=full", status: 200, want: []string{fhirJSON, "ETag: " + tag, "Last-Modified: Mon, 01 Jun 2026 00:00:00 GMT"}, answer: "*"},
		{name: "not modified", method: "GET", path: "/metadata", headers: []string{"If-None-Match", tag}, status: 304},
		{name: "head", method: "HEAD", path: "/metadata", status: 200},
		{name: "normative", method: "GET", path: "/metadata?mode=normative", status: 200, want: []string{fhirJSON, "ETag: " + tag}, answer: "*"},
		{name: "terminology", method: "GET", path: "/metadata?mode=terminology", status: 200, want: []string{fhirJSON},
			answer: `..."lockedDate":false,"expansion":{"hierarchical":false,"paging":true,"incomplete":false,"parameter":[{"name":"url"},{"name":"valueSet"},{"name":"valueSetVersion"},{"name":"filter"},{"name":"offset"},{"name":"count"},` +
				`{"name":"includeDesignations"},{"name":"includeDefinition"},{"name":"activeOnly"},{"name":"excludeNested"},{"name":"excludeNotForUI"},{"name":"excludePostCoordinated"},{"name":"displayLanguage"}],"textFilter":`},
		{name: "no mode", method: "GET", path: "/metadata?mode=x", status: 400, answer: outcome("value", `\"x\" is not a mode; full, normative and terminology are`, "http.mode")},
	})
}

// specialValues are values of special parameters, by their definition; those of R4's prose have none.
var specialValues = map[string]string{"http://hl7.org/fhir/SearchParameter/Location-near": "42.2|-83.7|11.2|km", "_filter": "_id pr true", "_list": "a"}

// sampleValue is a value that the type of a search parameter can read.
func sampleValue(t *testing.T, definitions *spec.Definitions, typ, definition string) string {
	switch typ {
	case "number", "quantity":
		return "1"
	case "date":
		return "2020-01-01"
	case "string":
		return "a"
	case "token":
		return "a"
	case "reference":
		return "Patient/1"
	case "uri":
		return "http://example.org/a"
	case "composite":
		var parts []string
		for _, component := range definitions.SearchParameter(definition).Components {
			part := definitions.SearchParameter(component.Definition)
			parts = append(parts, sampleValue(t, definitions, part.Type, part.URL))
		}
		return strings.Join(parts, "$")
	}
	if value, ok := specialValues[definition]; ok {
		return value
	}
	t.Fatalf("%s is of type %q, for which there is no value", definition, typ)
	return ""
}

// TestDeclaredSearchParameters asks every declared parameter of every type, and shows that what is not declared is not answered.
func TestDeclaredSearchParameters(t *testing.T) {
	f := newFixture(t)
	codes := map[string]bool{}
	declared := 0
	for _, r := range declaredStatement(t, f).Rest[0].Resource {
		for _, p := range r.SearchParam {
			declared++
			codes[p.Name] = true
			value := sampleValue(t, f.server.definitions, p.Type, cmp.Or(p.Definition, p.Name))
			got := f.local("GET", "/"+r.Type+"?"+p.Name+"="+url.QueryEscape(value), "")
			if got.status != 200 || strings.Contains(got.body, `"OperationOutcome"`) {
				t.Errorf("%s?%s=%s: %d %s", r.Type, p.Name, value, got.status, got.body)
			}
		}
		for _, missing := range f.server.search.Unsupported(r.Type) {
			if got := f.local("GET", "/"+r.Type+"?"+missing.Code+"=a", ""); got.status != 200 && got.status != 400 || !strings.Contains(got.body, `"OperationOutcome"`) {
				t.Errorf("%s?%s answers %d %s, but is not declared", r.Type, missing.Code, got.status, got.body)
			}
		}
	}
	if declared < 1375 {
		t.Errorf("%d search parameters are declared", declared)
	}
	for _, typ := range []string{"Patient", "Observation", "Basic"} {
		for code := range codes {
			got := f.local("GET", "/"+typ+"?"+code+"=a", "")
			if answers := got.status == 200 && !strings.Contains(got.body, `"OperationOutcome"`); answers && !f.declares(typ, code) {
				t.Errorf("%s?%s is answered, but not declared", typ, code)
			}
		}
	}
}

func (f *fixture) declares(typ, code string) bool {
	for _, p := range f.server.search.Params(typ) {
		if p.Code == code {
			return true
		}
	}
	return false
}

// TestDeclaredInteractions performs every declared interaction on every type, and shows that all others are refused.
func TestDeclaredInteractions(t *testing.T) {
	f := newFixture(t)
	st := declaredStatement(t, f)
	for _, r := range st.Rest[0].Resource {
		body := fmt.Sprintf(`{"resourceType":"%s","id":"x"}`, r.Type)
		requests := map[string]struct {
			method, path, body string
			status             int
		}{
			"create":           {"POST", "", body, 201},
			"update":           {"PUT", "/x", body, 201},
			"patch":            {"PATCH", "/x", `{"resourceType":"Parameters"}`, 200},
			"read":             {"GET", "/x", "", 200},
			"vread":            {"GET", "/x/_history/1", "", 200},
			"history-instance": {"GET", "/x/_history", "", 200},
			"history-type":     {"GET", "/_history", "", 200},
			"search-type":      {"GET", "", "", 200},
			"delete":           {"DELETE", "/x", "", 204},
		}
		for _, name := range []string{"create", "update", "patch", "read", "vread", "history-instance", "history-type", "search-type", "delete", "update"} {
			q := requests[name]
			got := f.local(q.method, "/"+r.Type+q.path, q.body)
			if got.status != q.status || !slices.Contains(r.Interaction, interactionCode{name}) {
				t.Errorf("%s of %s: status %d, want %d; declared %v", name, r.Type, got.status, q.status, r.Interaction)
			}
		}
		for _, q := range [][3]string{{"PUT", "/" + r.Type + "?_id=none", "201"}, {"PUT", "/" + r.Type + "?_id=x", "200"}, {"PATCH", "/" + r.Type + "?_id=x", "200"}, {"DELETE", "/" + r.Type + "?_id=x", "204"}} {
			body := `{"resourceType":"Parameters"}`
			if q[0] != "PATCH" {
				body = fmt.Sprintf(`{"resourceType":"%s"}`, r.Type)
			}
			if got := f.local(q[0], q[1], body); fmt.Sprint(got.status) != q[2] || !r.ConditionalUpdate || r.ConditionalDelete != "single" {
				t.Errorf("%s %s: status %d, want %s", q[0], q[1], got.status, q[2])
			}
		}
		if len(r.Interaction) != len(requests) {
			t.Errorf("%s declares %v", r.Type, r.Interaction)
		}
	}
	for _, code := range st.Rest[0].Interaction {
		switch code.Code {
		case "transaction", "batch":
			if got := f.local("POST", "", `{"resourceType":"Bundle","type":"`+code.Code+`"}`); got.status != 200 {
				t.Errorf("%s: %d", code.Code, got.status)
			}
		case "search-system":
			if got := f.local("GET", "?_count=1", ""); got.status != 200 {
				t.Errorf("%s: %d", code.Code, got.status)
			}
		case "history-system":
			if got := f.local("GET", "/_history", ""); got.status != 200 {
				t.Errorf("%s: %d", code.Code, got.status)
			}
		default:
			t.Errorf("%s is declared and not tested", code.Code)
		}
	}
	for _, undeclared := range [][2]string{
		{"DELETE", ""}, {"PUT", "/_search"},
		{"POST", "/Patient/x/Observation"}, {"GET", "/Basic/x/Observation"}, {"GET", "/Patient/$lastn"}, {"POST", "/$process-message"}, {"GET", "/Patient/_search"},
	} {
		got := f.local(undeclared[0], undeclared[1], "{}")
		if got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound && got.status != http.StatusBadRequest || !strings.Contains(got.body, `"OperationOutcome"`) {
			t.Errorf("%s %s: %d %s", undeclared[0], undeclared[1], got.status, got.body)
		}
	}
}

// TestDeclaredSystemSearch searches all types by every parameter that is declared for them.
func TestDeclaredSystemSearch(t *testing.T) {
	f := newFixture(t)
	f.local("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">word</div>"}}`)
	f.local("PUT", "/List/l", `{"resourceType":"List","id":"l","status":"current","mode":"working","entry":[{"item":{"reference":"Patient/p"}}]}`)
	found := map[string]string{"_filter": "_id eq p", "_id": "p", "_list": "l", "_text": "word", "_type": "Patient", "_lastUpdated": "gt2000&_id=p"}
	nothing := map[string]string{"_profile": "http://example.org/p", "_security": "x", "_source": "urn:x", "_tag": "x"}
	var names []string
	for _, p := range declaredStatement(t, f).Rest[0].SearchParam {
		names = append(names, p.Name)
		want, value := `"total":1,`, found[p.Name]
		if value == "" {
			want, value = `"total":0,`, nothing[p.Name]
		}
		got := f.do("GET", "?"+p.Name+"="+strings.ReplaceAll(value, " ", "%20"), "", "Prefer", "handling=strict")
		if got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", p.Name, got.status, got.body)
		}
	}
	diff(t, []string{"_filter", "_id", "_lastUpdated", "_list", "_profile", "_security", "_source", "_tag", "_text", "_type"}, names)
}

// TestDeclaredFormats reads and patches in every format that is declared, and in no other.
func TestDeclaredFormats(t *testing.T) {
	f := newFixture(t)
	st := declaredStatement(t, f)
	f.local("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`)
	for _, format := range st.Format {
		if got := f.do("GET", "/Patient/p?_format="+url.QueryEscape(format), ""); got.status != 200 {
			t.Errorf("%s: %d %s", format, got.status, got.body)
		}
	}
	patches := map[string]string{
		"application/json-patch+json": `[]`, "application/fhir+json": `{"resourceType":"Parameters"}`, "application/fhir+xml": `<Parameters xmlns="http://hl7.org/fhir"/>`,
		"application/xml-patch+xml": `<diff xmlns="http://hl7.org/fhir"><add sel="Patient"><active value="true"/></add></diff>`,
	}
	for _, format := range st.PatchFormat {
		if got := f.do("PATCH", "/Patient/p", patches[format], "Content-Type", format); got.status != 200 {
			t.Errorf("%s: %d %s", format, got.status, got.body)
		}
	}
	if len(st.PatchFormat) != len(patches) {
		t.Errorf("declared are %v", st.PatchFormat)
	}
	if got := f.do("GET", "/Patient/p?_format=ttl", ""); got.status != 406 {
		t.Errorf("ttl is not declared: %d", got.status)
	}
}

// TestDeclaredSecurity checks what the CapabilityStatement says of authorization, with and without.
func TestDeclaredSecurity(t *testing.T) {
	of := func(o *OAuth) string {
		f := newFixture(t, func(c *Config) { c.OAuth = o })
		var statement struct {
			Rest []struct{ Security json.RawMessage }
		}
		if err := json.Unmarshal([]byte(f.do("GET", "/metadata", "").body), &statement); err != nil {
			t.Fatal(err)
		}
		return string(statement.Rest[0].Security)
	}
	diff(t, `{"cors":true}`, of(nil))
	diff(t, `{"extension":[{"extension":[{"url":"authorize","valueUri":"https://h/auth/authorize"},{"url":"token","valueUri":"https://h/auth/token"}],"url":"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"}],`+
		`"cors":true,"service":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/restful-security-service","code":"SMART-on-FHIR"}]}],`+
		`"description":"SMART App Launch 2.2: an access token is required; see /.well-known/smart-configuration."}`, of(&OAuth{Authorize: "https://h/auth/authorize", Token: "https://h/auth/token"}))
}
