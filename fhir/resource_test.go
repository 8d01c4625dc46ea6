package fhir_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func parse(t *testing.T, doc string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStampKeepsEverythingElse(t *testing.T) {
	at := time.Date(2024, 2, 29, 23, 59, 58, 123_987_000, time.FixedZone("", 3600))
	const stamps = `"versionId":"7","lastUpdated":"2024-02-29T22:59:58.123Z"`
	tests := []struct{ name, in, want string }{
		{"bare", `{"resourceType":"Patient"}`, `{"resourceType":"Patient","id":"p1","meta":{` + stamps + `}}`},
		{"id behind", `{ "resourceType" : "Patient" , "active":true,"id":"old" }`,
			`{ "resourceType" : "Patient","meta":{` + stamps + `} , "active":true,"id":"p1" }`},
		{"type last", `{"active":true,"resourceType":"Patient"}`, `{"active":true,"resourceType":"Patient","id":"p1","meta":{` + stamps + `}}`},
		{"meta with tag", `{"resourceType":"Patient","meta":{"tag":[{"code":"x"}]}}`,
			`{"resourceType":"Patient","id":"p1","meta":{` + stamps + `,"tag":[{"code":"x"}]}}`},
		{"meta empty", `{"resourceType":"Patient","meta":{}}`, `{"resourceType":"Patient","id":"p1","meta":{` + stamps + `}}`},
		{"meta before type", `{"meta":{"source":"s"},"resourceType":"Patient"}`,
			`{"meta":{` + stamps + `,"source":"s"},"resourceType":"Patient","id":"p1"}`},
		{"meta with both, other order", `{"resourceType":"Patient","id":"p0","meta":{"lastUpdated":"2000-01-01T00:00:00Z","source":"s","versionId":"1"}}`,
			`{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2024-02-29T22:59:58.123Z","source":"s","versionId":"7"}}`},
		{"meta with version only", `{"resourceType":"Patient","meta":{"versionId":"1"}}`,
			`{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2024-02-29T22:59:58.123Z","versionId":"7"}}`},
		{"meta with instant only", `{"resourceType":"Patient","meta":{"lastUpdated":"x"}}`,
			`{"resourceType":"Patient","id":"p1","meta":{"versionId":"7","lastUpdated":"2024-02-29T22:59:58.123Z"}}`},
		{"lossless", `{"resourceType":"Observation","x-unknown":{"a":[1.50,-0.0,1e-7]},"_status":{"extension":[]},"contained":[{"resourceType":"Patient","id":"c","meta":{"versionId":"9"}}]}`,
			`{"resourceType":"Observation","id":"p1","meta":{` + stamps + `},"x-unknown":{"a":[1.50,-0.0,1e-7]},"_status":{"extension":[]},"contained":[{"resourceType":"Patient","id":"c","meta":{"versionId":"9"}}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stamped, err := parse(t, test.in).Stamp("p1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(stamped.Render(nil, "7", at))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStampOfNestedResource(t *testing.T) {
	bundle := parse(t, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","active":true}}]}`)
	inner, err := fhir.NewResource(bundle.Root().Get("entry").Index(0).Get("resource"))
	if err != nil {
		t.Fatal(err)
	}
	stamped, err := inner.Stamp("a")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"1970-01-01T00:00:00.000Z"},"active":true}`
	if diff := cmp.Diff(want, string(stamped.Render(nil, "1", time.Unix(0, 0)))); diff != "" {
		t.Error(diff)
	}
}

func TestParseResourceRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"array", `[]`, "a resource must be a JSON object"},
		{"no type", `{}`, "resourceType: a resource must have a resourceType that names its type"},
		{"type not a string", `{"resourceType":1}`, "resourceType: a resource must have a resourceType that names its type"},
		{"lower case", `{"resourceType":"patient"}`, "resourceType: a resource must have a resourceType that names its type, such as Patient; \"patient\" cannot"},
		{"syntax", `{"resourceType":"Patient","a":}`, "Patient.a: invalid JSON at line 1, column 31: expected a value, found '}'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := fhir.ParseResource([]byte(test.in))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if _, err := parse(t, `{"resourceType":"Patient","meta":[]}`).Stamp("a"); err == nil || err.Error() != "Patient.meta: meta must be an object" {
		t.Errorf("stamping an array meta: %v", err)
	}
}

func TestApplySplices(t *testing.T) {
	r := parse(t, `{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"},"device":{"reference":"urn:uuid:2"}}`)
	subject, device := r.Root().Path("subject", "reference"), r.Root().Path("device", "reference")
	start, _ := device.KeyRange()
	got := r.Apply([]fhir.Splice{
		fhir.Replace(device, []byte(`"Device/d"`)),
		fhir.Replace(subject, []byte(`"Patient/p"`)),
		{Start: start, End: start, Text: []byte(`"type":"Device",`)},
	})
	want := `{"resourceType":"Observation","subject":{"reference":"Patient/p"},"device":{"type":"Device","reference":"Device/d"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestOperationOutcomeJSON(t *testing.T) {
	o := &fhir.OperationOutcome{Issues: []fhir.Issue{
		{Severity: fhir.Error, Code: fhir.CodeValue, Diagnostics: `bad "x"`, Expression: "Patient.birthDate"},
		{Severity: fhir.Warning, Code: fhir.CodeNotSupported},
	}}
	want := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value","diagnostics":"bad \"x\"","expression":["Patient.birthDate"]},{"severity":"warning","code":"not-supported"}]}`
	if diff := cmp.Diff(want, string(o.AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
	want = `{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational","diagnostics":"all OK"}]}`
	if diff := cmp.Diff(want, string((&fhir.OperationOutcome{}).AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
}

func TestParseReference(t *testing.T) {
	tests := []struct {
		in   string
		want fhir.Reference
	}{
		{"Patient/1", fhir.Reference{Key: fhir.Key{Type: "Patient", ID: "1"}}},
		{"Patient/1/_history/2", fhir.Reference{Key: fhir.Key{Type: "Patient", ID: "1", Version: "2"}}},
		{"http://a.example/fhir/Patient/1", fhir.Reference{Base: "http://a.example/fhir", Key: fhir.Key{Type: "Patient", ID: "1"}}},
		{"https://a.example/Patient/1/_history/2", fhir.Reference{Base: "https://a.example", Key: fhir.Key{Type: "Patient", ID: "1", Version: "2"}}},
		{"#c", fhir.Reference{Fragment: "c"}},
		{"#", fhir.Reference{}},
		{"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", fhir.Reference{}},
		{"patient/1", fhir.Reference{}},
		{"a/Patient/1", fhir.Reference{}},
		{"Patient/" + string(make([]byte, 65)), fhir.Reference{}},
		{"http://Patient/1", fhir.Reference{}},
		{"ftp://a.example/Patient/1", fhir.Reference{}},
		{"Patient", fhir.Reference{}},
		{"", fhir.Reference{}},
	}
	for _, test := range tests {
		test.want.URL = test.in
		if diff := cmp.Diff(test.want, fhir.ParseReference(test.in)); diff != "" {
			t.Errorf("%q: %s", test.in, diff)
		}
	}
}

// Every published example must come back from a stamp with nothing changed but the stamps: cutting them out of both sides leaves the same bytes.
func TestPublishedExamplesAreLossless(t *testing.T) {
	files, err := filepath.Glob("../../shared/data/r4-examples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../shared/data/r4-examples is not there")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.ParseResource(data)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		stamped, err := r.Stamp(r.ID())
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		back, err := fhir.ParseResource(stamped.Render(nil, "1", time.Unix(0, 0)))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		if diff := cmp.Diff(withoutStamps(r), withoutStamps(back)); diff != "" {
			t.Errorf("%s: %s", filepath.Base(file), diff)
		}
	}
}

// withoutStamps lists the raw bytes of every leaf but the stamps, with its place.
func withoutStamps(r *fhir.Resource) []string {
	var out []string
	var walk func(n fhir.Node, at string)
	walk = func(n fhir.Node, at string) {
		at += "/" + n.Key()
		switch at {
		case "//id", "//meta/versionId", "//meta/lastUpdated":
			return
		}
		if !n.First().Ok() && at != "//meta" {
			out = append(out, at+" "+string(n.Raw()))
		}
		for c := range n.Children() {
			walk(c, at)
		}
	}
	walk(r.Root(), "")
	return out
}

func BenchmarkParseResource(b *testing.B) {
	data := []byte(observation)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhir.ParseResource(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStampAndRender(b *testing.B) {
	r, err := fhir.ParseResource([]byte(observation))
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		s, err := r.Stamp("0193a5b0-7d1c-7000-8000-000000000001")
		if err != nil {
			b.Fatal(err)
		}
		buf = s.Render(buf[:0], "1", time.Unix(0, 0))
	}
}

const observation = `{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/heartrate"]},"identifier":[{"system":"urn:example","value":"a-1"}],` +
	`"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"},{"system":"urn:iso:std:iso:11073:10101","code":"147842"}]},` +
	`"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2024-05-01T10:00:00+02:00","device":{"reference":"Device/d1"},` +
	`"valueQuantity":{"value":72,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`
