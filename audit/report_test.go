package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// TestReport is an accounting of disclosures as people read it: names of people who are in the store, what was done in words, what was refused, and who did how much.
func TestReport(t *testing.T) {
	s := memoryStore(t)
	for _, resource := range []string{
		`{"resourceType":"Patient","id":"p1","name":[{"given":["Jane"],"family":"O'Neil <script>"}],"birthDate":"1970-03-01"}`, `{"resourceType":"Practitioner","id":"dr","name":[{"text":"Dr. Dana Reyes"}]}`,
	} {
		res, err := fhir.ParseResource([]byte(resource))
		if err != nil {
			t.Fatal(err)
		}
		stamped, err := res.Stamp(res.ID())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), []store.Op{{Method: store.Update, Key: fhir.Key{Type: res.Type(), ID: res.ID()}, Resource: stamped}}); err != nil {
			t.Fatal(err)
		}
	}
	clock := newTicking()
	trail := openTrail(t, Options{Store: s, Clock: clock.now})
	for i, e := range reported() {
		e.Patients, e.RequestID = []string{"p1"}, fmt.Sprint("request-", i)
		must(t, trail, e)
	}
	closeTrail(t, trail)
	reader, err := OpenReader(s, testRegistry(t), testBase)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := reader.Export(t.Context(), ExportOptions{Patient: "p1", HTML: true}, testRegistry(t), &out)
	if err != nil || n != len(reported()) {
		t.Fatal(n, err)
	}
	got := regexp.MustCompile(`<dt>Made</dt><dd>[^<]*`).ReplaceAllString(out.String(), "<dt>Made</dt><dd>NOW")
	name := filepath.Join("testdata", "report.html")
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got; rewrite with -update\n%s", diff)
	}
}

// reported are events of all sorts about a patient.
func reported() []*Event {
	doctor := &auth.Claims{Issuer: "https://login.example", Subject: "u1", Client: "growth-chart", TokenID: "jti-1", FHIRUser: "Practitioner/dr", PurposeOfUse: []auth.Coding{{System: systemPurpose, Code: "TREAT", Display: "treatment"}}}
	emergency := *doctor
	emergency.BreakGlass = true
	service := &auth.Claims{Issuer: "https://login.example", Subject: "warehouse", Client: "warehouse"}
	observation := fhir.Key{Type: "Observation", ID: "heart-rate-1", Version: "1"}
	const app, address = "GrowthChart/2.1 (iPad)", "192.0.2.7"
	list := []*Event{
		{Interaction: Ingest, Query: "ingest/withings", Status: 201, Detail: "adapter withings", Claims: service, Address: "10.20.0.5"},
		{Interaction: "create", Key: observation, Query: "Observation", Status: 201, Claims: service, Address: "10.20.0.5"},
		{Interaction: "read", Key: observation, Query: "Observation/heart-rate-1", Status: 200, Claims: doctor, Address: address, Agent: app},
		{Interaction: "search-type", Key: fhir.Key{Type: "Observation"}, Query: "Observation?patient=p1&code=http%3A%2F%2Floinc.org%7C8867-4&date=ge2026-01-01&_sort=-date&_count=50", Status: 200, Claims: doctor, Address: address, Agent: app},
		{Interaction: "operation", Operation: "everything", Key: fhir.Key{Type: patientType, ID: "p1"}, Query: "Patient/p1/$everything", Status: 200, Claims: &emergency, Address: address, Agent: app},
		{Interaction: Decision, Key: fhir.Key{Type: "Consent", ID: "c1", Version: "2"}, Status: 200, Detail: "break-glass overrides what the patient denies: operation everything", Claims: &emergency, Address: address, Agent: app},
		{Interaction: "read", Key: fhir.Key{Type: "DiagnosticReport", ID: "d1"}, Query: "DiagnosticReport/d1", Status: 403, Issue: fhir.CodeForbidden, Claims: service, Address: "10.20.0.5", Agent: "curl/8.5"},
		{Interaction: "update", Key: fhir.Key{Type: patientType, ID: "p1", Version: "4"}, Query: "Patient/p1", Status: 200, Claims: doctor, Address: address, Agent: app},
		{Interaction: Consent, Status: 200, Detail: "consent: launch/patient patient/Observation.rs patient/Condition.rs openid fhirUser offline_access", Claims: doctor, Address: address, Agent: "Mozilla/5.0"},
		{Interaction: Export, Query: "firth store copy", Status: 200, Detail: "all resources", Claims: &auth.Claims{Client: "command line", Subject: "root", Issuer: "urn:firth:machine:a"}, Address: "localhost"},
		{Interaction: AuditExport, Query: "AuditEvent?patient=Patient/p1", Status: 200, Detail: "report by command", Claims: &auth.Claims{Client: "command line", Subject: "root", Issuer: "urn:firth:machine:a"}, Address: "localhost"},
	}
	return list
}
