package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
)

// sampleCall is a request that an operation answers with 200. TYPE stands for a type that has an instance x.
type sampleCall struct{ method, path, body string }

func sampleCalls() map[string][]sampleCall {
	return map[string][]sampleCall{
		"lastn": {{"GET", "/TYPE/$lastn?patient=x", ""}, {"POST", "/TYPE/$lastn?patient=x", ""}},
		"stats": {{"GET", "/TYPE/$stats?subject=Patient/x&code=a&statistic=count", ""}, {"POST", "/TYPE/$stats", `{"resourceType":"Parameters","parameter":[{"name":"subject","valueUri":"Patient/x"},` +
			`{"name":"coding","valueCoding":{"code":"a"}},{"name":"statistic","valueCode":"count"},{"name":"period","valuePeriod":{"start":"2026"}}]}`}},
		"meta":          {{"GET", "/TYPE/x/$meta", ""}, {"POST", "/TYPE/x/$meta", ""}, {"GET", "/TYPE/x/_history/1/$meta", ""}, {"GET", "/TYPE/$meta", ""}, {"GET", "/$meta", ""}, {"POST", "/$meta", ""}},
		"meta-add":      {{"POST", "/TYPE/x/$meta-add", metaParameters(`{"tag":[{"system":"urn:t","code":"a"}]}`)}},
		"meta-delete":   {{"POST", "/TYPE/x/$meta-delete", metaParameters(`{"tag":[{"system":"urn:t","code":"a"}]}`)}},
		"validate":      {{"POST", "/TYPE/$validate", `{"resourceType":"TYPE"}`}, {"POST", "/TYPE/x/$validate?mode=update", `{"resourceType":"TYPE","id":"x"}`}, {"GET", "/TYPE/x/$validate?mode=delete", ""}},
		"document":      {{"GET", "/TYPE/x/$document", ""}, {"GET", "/TYPE/$document?id=x", ""}, {"POST", "/TYPE/x/$document?persist=true", ""}},
		"reindex":       {{"POST", "/$reindex", ""}, {"POST", "/TYPE/$reindex", ""}, {"POST", "/TYPE/x/$reindex", ""}},
		"versions":      {{"GET", "/$versions", ""}, {"POST", "/$versions", ""}, {"GET", "/TYPE/$versions", ""}},
		"graphql":       {{"GET", "/$graphql?query=%7BPatientList%7Bid%7D%7D", ""}, {"POST", "/$graphql?query=%7BPatientList%7Bid%7D%7D", ""}, {"GET", "/TYPE/x/$graphql?query=%7Bid%7D", ""}},
		"waveform":      {{"GET", "/TYPE/wave/$waveform", ""}, {"POST", "/TYPE/$waveform?patient=x&code=ecg&start=2026-01-01&end=2026-01-02", ""}},
		"docref":        {{"GET", "/TYPE/$docref?patient=x&type=http://loinc.org|34133-9", ""}, {"POST", "/TYPE/$docref", `{"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"x"}]}`}},
		"expand":        {{"GET", "/TYPE/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", ""}, {"POST", "/TYPE/$expand", `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://hl7.org/fhir/ValueSet/inactive"}]}`}},
		"lookup":        {{"GET", "/TYPE/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male", ""}, {"POST", "/TYPE/$lookup", `{"resourceType":"Parameters","parameter":[{"name":"coding","valueCoding":{"system":"http://hl7.org/fhir/administrative-gender","code":"male"}}]}`}},
		"validate-code": {{"POST", "/TYPE/$validate-code", `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://hl7.org/fhir/TYPE/medication-statement-status"},{"name":"coding","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}`}},
		"everything":    {{"GET", "/TYPE/x/$everything", ""}, {"POST", "/TYPE/x/$everything?_count=1", ""}},
	}
}

// TestDeclaredOperations performs every operation that the CapabilityStatement declares on every type, shows that its definition can be had and is
// about this operation, and that operations are not there for types that do not declare them.
func TestDeclaredOperations(t *testing.T) {
	f := newFixture(t)
	st := declaredStatement(t, f).Rest[0]
	for _, r := range st.Resource {
		f.put(t, "/"+r.Type+"/x", `{"resourceType":"`+r.Type+`","id":"x"}`)
	}
	f.put(t, "/Observation/wave", `{"resourceType":"Observation","id":"wave","status":"final","code":{"coding":[{"code":"ecg"}]},"subject":{"reference":"Patient/x"},"effectiveDateTime":"2026-01-01T00:00:00Z",`+
		`"valueSampledData":{"origin":{"value":0},"period":4,"dimensions":1,"data":"1 2 3"}}`)
	calls := sampleCalls()
	all := map[string]bool{}
	for _, op := range st.Operation {
		all[op.Name] = true
		f.checkOperation(t, op, "")
	}
	for _, r := range st.Resource {
		for _, op := range r.Operation {
			all[op.Name] = true
			f.checkOperation(t, op, r.Type)
		}
	}
	for name := range calls {
		if !all[name] {
			t.Errorf("$%s is not declared", name)
		}
	}
	for _, r := range st.Resource {
		for name := range all {
			if slices.ContainsFunc(r.Operation, func(op operationEntry) bool { return op.Name == name }) {
				continue
			}
			for _, path := range []string{"/" + r.Type + "/$" + name, "/" + r.Type + "/x/$" + name} {
				if got := f.local("POST", path, ""); got.status != 404 || !strings.Contains(got.body, "not offered here") {
					t.Errorf("POST %s: %d %s", path, got.status, got.body)
				}
			}
		}
	}
}

func (f *fixture) checkOperation(t *testing.T, op operationEntry, typ string) {
	t.Helper()
	calls := sampleCalls()[op.Name]
	if len(calls) == 0 {
		t.Errorf("$%s is declared and not tested", op.Name)
	}
	definition, err := fhir.ParseResource(f.definition(t, op.Definition))
	if err != nil || !definition.Root().Get("code").TextIs(op.Name) {
		t.Errorf("%s is not the definition of $%s: %v", op.Definition, op.Name, err)
	}
	done := false
	for _, call := range calls {
		if strings.Contains(call.path, "TYPE") != (typ != "") {
			continue
		}
		done = true
		in := strings.NewReplacer("TYPE", typ)
		if got := f.local(call.method, in.Replace(call.path), in.Replace(call.body)); got.status != 200 && (op.Name != "reindex" || got.status != 202) {
			t.Errorf("%s %s: %d %s", call.method, in.Replace(call.path), got.status, got.body)
		}
	}
	if !done {
		t.Errorf("$%s is declared for %q and not tested there", op.Name, typ)
	}
}

// definition reads an OperationDefinition of the specification, or one that the server gives out.
func (f *fixture) definition(t *testing.T, url string) []byte {
	t.Helper()
	path, own := strings.CutPrefix(url, f.base)
	if guide, ok := strings.CutPrefix(url, "http://hl7.org/fhir/us/core"); ok { // given out by us in our words
		path, own = guide, true
	}
	if own {
		got := f.local("GET", path, "")
		if got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		return []byte(got.body)
	}
	data, err := f.server.definitions.Artifact("OperationDefinition", url)
	if err != nil {
		t.Error(err)
	}
	return data
}
