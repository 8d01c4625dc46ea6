package validate_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/validate"
	"github.com/firth-health/firth/fhir/xml"
)

func TestMaxIssues(t *testing.T) {
	v := validate.New(definitions(t))
	root := parse(t, []byte(patient(many(1000, `"x%d":1`))))
	for max, want := range map[int]int{0: 101, 1: 2, 5: 6, 999: 1000, 1000: 1000, 2000: 1000} {
		issues := v.Resource(root, validate.Options{MaxIssues: max})
		if len(issues) != want {
			t.Errorf("MaxIssues %d: %d issues, want %d", max, len(issues), want)
		}
	}
	issues := v.Resource(root, validate.Options{MaxIssues: 1})
	want := []fhir.Issue{
		{Severity: fhir.Error, Code: fhir.CodeStructure, Expression: "Patient.x0", Diagnostics: `unknown element "x0" in Patient`},
		{Severity: fhir.Information, Code: fhir.CodeInformational, Diagnostics: "checking stopped after 1 issues: there are more"},
	}
	if diff := cmp.Diff(want, issues); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPositions(t *testing.T) {
	v := validate.New(definitions(t))
	root := parse(t, []byte("{\"resourceType\":\"Observation\",\n  \"status\": \"nope\",\n\"component\":[\n {\"x\":1} ]}"))
	var got []string
	for _, issue := range v.Resource(root, validate.Options{Positions: true}) {
		got = append(got, issue.Expression+issue.Diagnostics[strings.LastIndex(issue.Diagnostics, " ("):])
	}
	want := []string{
		"Observation.status (line 2, column 13)",
		"Observation.component[0].x (line 4, column 7)",
		"Observation.component[0].code (line 4, column 2)",
		"Observation.code (line 1, column 1)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPart checks a resource that is part of a document.
func TestPart(t *testing.T) {
	v := validate.New(definitions(t))
	root := parse(t, []byte(`{"resourceType":"Bundle","entry":[{"resource":`+patient(`"active":1`)+`}]}`))
	got := v.Resource(root.Get("entry").First().Get("resource"), validate.Options{})
	want := []fhir.Issue{{
		Severity: fhir.Error, Code: fhir.CodeStructure, Expression: "Patient.active", Diagnostics: "Patient.active (boolean) must be a boolean, found a number",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := v.Resource(fhir.Node{}, validate.Options{Positions: true}); len(got) != 1 {
		t.Errorf("absent node: %v", got)
	}
}

// TestConcurrent lets many goroutines meet new types at the same time; the race detector watches.
func TestConcurrent(t *testing.T) {
	v := validate.New(definitions(t))
	valid, invalid := parse(t, []byte(vitalSign)), parse(t, []byte(patient(`"gender":"x","text":{"status":"generated","div":"x"}`)))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if issues := v.Resource(valid, validate.Options{}); issues != nil {
					t.Errorf("vital sign: %v", issues)
				}
				if issues := v.Resource(invalid, validate.Options{}); len(issues) != 2 {
					t.Errorf("patient: %v", issues)
				}
			}
		})
	}
	group.Wait()
}

// TestNoAllocations: what is valid costs no memory, once its types are known.
func TestNoAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	v := validate.New(definitions(t))
	root := parse(t, []byte(vitalSign))
	v.Resource(root, validate.Options{})
	if n := testing.AllocsPerRun(100, func() { v.Resource(root, validate.Options{}) }); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

// TestHostile: what is large and wrong ends soon.
func TestHostile(t *testing.T) {
	v := validate.New(definitions(t))
	deep := strings.Repeat(`{"extension":[`, 60) + `{}` + strings.Repeat(`]}`, 60)
	documents := map[string]string{
		"unknown elements":     patient(many(100_000, `"x%d":{}`)),
		"contained, same id":   patient(`"contained":[` + many(100_000, `{"resourceType":"Patient","id":"a","x%d":1}`) + `]`),
		"contained, referred":  patient(`"contained":[` + many(50_000, `{"resourceType":"Organization","id":"o%d"}`) + `],"generalPractitioner":[` + many(50_000, `{"reference":"#o%d"}`) + `]`),
		"nulls":                patient(`"name":[{"given":[null` + strings.Repeat(",null", 100_000) + `]}]`),
		"deep extensions":      patient(`"extension":[` + deep + `]`),
		"a long unknown name":  patient(`"` + strings.Repeat("given", 100_000) + `":1`),
		"a long code":          patient(`"gender":"` + strings.Repeat("male", 100_000) + `"`),
		"a long base64 string": observation(`"extension":[{"url":"u","valueBase64Binary":"` + strings.Repeat("AAAA", 250_000) + `"}]`),
	}
	for name, document := range documents {
		t.Run(name, func(t *testing.T) { checkBounds(t, v, parse(t, []byte(document))) })
	}
}

// checkBounds checks what holds of all issues.
func checkBounds(t *testing.T, v *validate.Validator, root fhir.Node) []fhir.Issue {
	t.Helper()
	issues := v.Resource(root, validate.Options{Positions: true})
	if len(issues) > validate.DefaultMaxIssues+1 {
		t.Fatalf("%d issues", len(issues))
	}
	for _, issue := range issues {
		if len(issue.Diagnostics) > 2000 || len(issue.Expression) > 20_000 {
			t.Fatalf("issue of %d and %d bytes", len(issue.Diagnostics), len(issue.Expression))
		}
	}
	return issues
}

// FuzzValidate: no document makes the validator fail or say too much; every place is FHIRPath; and what it finds valid can be written as XML, whose
// writer knows the definitions by itself.
func FuzzValidate(f *testing.F) {
	for _, seed := range []string{
		vitalSign, observation(`"valueDecimal":1`), patient(`"gender":5,"name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]`),
		patient(`"contained":[{"resourceType":"Organization","id":"a"}],"managingOrganization":{"reference":"#a","type":"Organization"}`),
		patient(`"text":{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'><p>x</p></div>"},"_birthDate":{"extension":[{"url":"u","valueDate":"2020-02-30"}]}`),
		`{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"name":"a","valueUuid":"urn:uuid:x"}]}}]}`,
		`{"resourceType":"ValueSet","status":"draft","` + "`\\u0001" + `":1,"":[]}`,
	} {
		f.Add([]byte(seed))
	}
	d := definitions(f)
	v := validate.New(d)
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := fhir.Parse(data)
		if err != nil {
			return
		}
		issues := checkBounds(t, v, root)
		for _, issue := range issues {
			if issue.Severity == fhir.Information || len(issue.Expression) > 1000 { // path.Compile has a limit
				continue
			}
			if _, err := path.Compile(issue.Expression, d); err != nil {
				t.Fatalf("%s is no FHIRPath: %v", issue.Expression, err)
			}
		}
		if issues == nil && isXML(root) {
			checkWritable(t, root, d)
		}
	})
}

// isXML reports whether all characters may stand in XML, which allows some fewer than FHIR.
func isXML(root fhir.Node) bool {
	for n := range root.Descendants() {
		if n.Kind() == fhir.String && strings.ContainsAny(n.Text(), "\ufffe\uffff") {
			return false
		}
	}
	return true
}

func checkWritable(t *testing.T, root fhir.Node, d *spec.Definitions) {
	t.Helper()
	if _, err := xml.Encode(nil, root, d); err != nil {
		t.Fatalf("found valid, but cannot be written: %v\n%s", err, root.Raw())
	}
}
