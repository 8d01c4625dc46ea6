package validate_test

import (
	"testing"

	"github.com/firth-health/firth/fhir/validate"
	"github.com/firth-health/firth/internal/testfiles"
)

const vitalSign = `{
  "resourceType": "Observation",
  "id": "heart-rate-1",
  "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/heartrate"], "lastUpdated": "2026-05-04T10:00:01.250Z"},
  "identifier": [{"system": "urn:oid:2.16.840.1.113883.4.642", "value": "msg-4711/3"}],
  "status": "final",
  "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs", "display": "Vital Signs"}]}],
  "code": {"coding": [
    {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"},
    {"system": "urn:iso:std:iso:11073:10101", "code": "147842", "display": "MDC_ECG_HEART_RATE"}], "text": "Heart rate"},
  "subject": {"reference": "Patient/ada", "type": "Patient"},
  "encounter": {"reference": "Encounter/icu-7"},
  "effectiveDateTime": "2026-05-04T12:00:00.000+02:00",
  "issued": "2026-05-04T10:00:01.250Z",
  "performer": [{"reference": "Practitioner/f005"}],
  "valueQuantity": {"value": 72.0, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
  "interpretation": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "N"}]}],
  "device": {"reference": "Device/monitor-12", "display": "Bedside monitor"},
  "referenceRange": [{"low": {"value": 60, "unit": "/min"}, "high": {"value": 100, "unit": "/min"}}]
}`

func BenchmarkVitalSign(b *testing.B) {
	v := validate.New(definitions(b))
	root := parse(b, []byte(vitalSign))
	if issues := v.Resource(root, validate.Options{}); issues != nil {
		b.Fatal(issues)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(vitalSign)))
	for b.Loop() {
		if issues := v.Resource(root, validate.Options{}); issues != nil {
			b.Fatal(issues)
		}
	}
}

// BenchmarkParse is what reading the same Observation costs before.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(vitalSign)))
	for b.Loop() {
		parse(b, []byte(vitalSign))
	}
}

// BenchmarkFirstUse measures a new validator and the types that its first Observation needs.
func BenchmarkFirstUse(b *testing.B) {
	defs := definitions(b)
	root := parse(b, []byte(vitalSign))
	b.ReportAllocs()
	for b.Loop() {
		if issues := validate.New(defs).Resource(root, validate.Options{}); issues != nil {
			b.Fatal(issues)
		}
	}
}

func BenchmarkBundle(b *testing.B) {
	files := testfiles.Shared(b, "synthea/*.json.gz")
	root := parse(b, testfiles.Read(b, files[0]))
	v := validate.New(definitions(b))
	b.ReportAllocs()
	b.SetBytes(int64(len(root.Raw())))
	for b.Loop() {
		if issues := v.Resource(root, validate.Options{}); issues != nil {
			b.Fatal(issues)
		}
	}
}
