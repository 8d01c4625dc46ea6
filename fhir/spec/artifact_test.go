package spec_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/firth-health/firth/fhir/spec"
)

func TestArtifact(t *testing.T) {
	tests := []struct{ resourceType, url, wantID string }{
		{"StructureDefinition", "http://hl7.org/fhir/StructureDefinition/Observation", "Observation"},
		{"StructureDefinition", "http://hl7.org/fhir/StructureDefinition/heartrate|4.0.1", "heartrate"},
		{"StructureDefinition", "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "patient-birthPlace"},
		{"ValueSet", "http://hl7.org/fhir/ValueSet/observation-status", "observation-status"},
		{"CodeSystem", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "v3-ActCode"},
		{"CodeSystem", "http://terminology.hl7.org/CodeSystem/v2-0006|2.4", "v2-2.4-0006"},
		{"OperationDefinition", "http://hl7.org/fhir/OperationDefinition/Observation-lastn", "Observation-lastn"},
		{"SearchParameter", "http://hl7.org/fhir/SearchParameter/clinical-patient", "clinical-patient"},
		{"CompartmentDefinition", "http://hl7.org/fhir/CompartmentDefinition/device", "device"},
		{"ConceptMap", "http://hl7.org/fhir/ConceptMap/101", "101"},
	}
	d := definitions(t)
	for _, test := range tests {
		data, err := d.Artifact(test.resourceType, test.url)
		if err != nil {
			t.Error(err)
			continue
		}
		var got struct{ ResourceType, ID string }
		if err := json.Unmarshal(data, &got); err != nil {
			t.Errorf("%s: %v", test.url, err)
		}
		if got.ResourceType != test.resourceType || got.ID != test.wantID {
			t.Errorf("%s: got %+v", test.url, got)
		}
	}
}

func TestArtifactUnknown(t *testing.T) {
	d := definitions(t)
	for _, read := range map[string]func(string) ([]byte, error){
		"structure": d.StructureDefinition, "value set": d.ValueSet, "code system": d.CodeSystem,
	} {
		if _, err := read("http://hl7.org/fhir/none"); !errors.Is(err, spec.ErrUnknown) {
			t.Errorf("error %v", err)
		}
	}
	if urls := d.Artifacts("Patient"); urls != nil {
		t.Errorf("artifacts of Patient: %v", urls)
	}
}

// TestEveryStructure reads all structures: JSON, their own URL, no narrative, nothing of the source package's own.
func TestEveryStructure(t *testing.T) {
	d := definitions(t)
	for _, url := range d.Artifacts("StructureDefinition") {
		data, err := d.StructureDefinition(url)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			URL  string
			Text any
		}
		if err := json.Unmarshal(data, &got); err != nil || got.URL != url || got.Text != nil {
			t.Errorf("%s: URL %q, text %v, error %v", url, got.URL, got.Text, err)
		}
		if strings.Contains(strings.ToLower(string(data)), "medplum") {
			t.Errorf("%s: names the source package", url)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	d := definitions(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, url := range []string{"http://hl7.org/fhir/ValueSet/languages", "http://hl7.org/fhir/ValueSet/units-of-time"} {
				if _, err := d.ValueSet(url); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
